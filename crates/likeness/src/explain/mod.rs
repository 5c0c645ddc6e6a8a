//! Explains matches: the regions of both pictures that make them.
//!
//! [`explain`] cuts the faces of two [`Pictured`] photos as the [`Loader`](crate::Loader) does, and finds the evidence in both.
//! [`Explained::overlays`] draws it.

mod pair;
mod pictured;

pub use pair::{Explained, Side, explain};
pub use pictured::Pictured;
