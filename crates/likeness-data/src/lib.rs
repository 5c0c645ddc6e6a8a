//! Turns photos into faces and datasets.
//!
//! The stages that a photo passes:
//!
//! 1. A layout in [`source`] finds the photo and its identity.
//! 2. [`sampling`] selects photos, and [`split`] assigns them to training, validation or test.
//! 3. [`decode`] reads the photo within [`limits`] and rotates it upright.
//! 4. A detector in [`detect`] finds the face. [`align`] or [`crop`] scales it to the output size, as [`cut`] decides.
//! 5. [`prepare`] writes the face and its row of the [`manifest`], and [`dataset`] opens the folder again.
//!
//! [`augment`] varies faces during training; [`seed`] generates all random numbers.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod align;
pub mod attributes;
pub mod augment;
pub mod crop;
pub mod cut;
pub mod dataset;
pub mod decode;
pub mod detect;
mod error;
mod exif;
pub mod geometry;
mod heif;
pub mod inspect;
mod jpeg;
mod kind;
pub mod labels;
pub mod limits;
pub mod manifest;
pub mod ordered;
pub mod photos;
mod png_chunks;
pub mod prepare;
pub mod quality;
pub mod sample;
pub mod sampling;
pub mod scale;
pub mod seed;
pub mod settings;
pub mod source;
pub mod split;

pub use error::{DataError, Result};
pub use heif::{HeifFormat, MissingDecoder, missing_decoder};
