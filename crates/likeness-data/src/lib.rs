//! Photos in, faces out.
//!
//! One photo's way through this crate:
//!
//! 1. a layout in [`source`] finds it and says whose picture it is;
//! 2. [`sample`] keeps it or drops it, [`split`] puts it into training, validation or test;
//! 3. [`decode`] reads it under [`limits`] and turns it upright;
//! 4. a detector in [`detect`] finds the face, [`crop`] cuts it out;
//! 5. [`prepare`] writes the crop and its row of the [`manifest`], and [`dataset`] opens the folder again.
//!
//! [`synth`] draws faces of its own where there are no photos; [`sheet`] lays pictures out to be looked at.

pub mod align;
pub mod detect;
mod error;
pub mod geometry;

pub use error::{DataError, Result};
