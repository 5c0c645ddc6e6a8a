//! Explains matches: the regions of both pictures that make them, the nearest other identity, and the margin.
//!
//! [`explain`] cuts the faces of two [`Pictured`] photos as the [`Loader`](crate::Loader) does, and finds the evidence in both.
//! [`Explained::overlays`] draws it. [`margin`] compares the nearest pictures of an identity and of the others in a ranking.

mod margin;
mod pair;
mod pictured;

pub use margin::{Margin, margin};
pub use pair::{Explained, Side, explain};
pub use pictured::Pictured;
