//! Photos in, faces out.
//!
//! One photo's way through this crate:
//!
//! 1. a layout in [`source`] finds it and says whose picture it is;
//! 2. [`sample`] keeps it or drops it, [`split`] puts it into training, validation or test;
//! 3. [`decode`] reads it under [`limits`] and turns it upright;
//! 4. a detector in [`detect`] finds the face, [`align`] or [`crop`] bring it to its size, by the rules of [`cut`];
//! 5. [`prepare`] writes the crop and its row of the [`manifest`], and [`dataset`] opens the folder again.
//!
//! [`augment`] varies faces while a network trains on them; [`seed`] is the source of all random numbers.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod align;
pub mod augment;
pub mod crop;
pub mod cut;
pub mod dataset;
pub mod decode;
pub mod detect;
mod error;
pub mod geometry;
mod jpeg;
mod kind;
pub mod labels;
pub mod limits;
pub mod manifest;
pub mod ordered;
pub mod photos;
mod png_chunks;
pub mod prepare;
pub mod sample;
pub mod seed;
pub mod source;
pub mod split;

pub use error::{DataError, Result};
