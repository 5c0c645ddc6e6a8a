//! Checks of pictures: what a picture's pixels tell about its quality, and which pictures are equal.
//!
//! [`Measured`] holds the values of one picture, so that pictures need not be kept. [`find`] judges a whole collection.
//! [`pose`] computes the angles of a face.

mod find;
mod hash;
mod issue;
mod measured;
mod pose;
mod tone;

pub use find::{Check, Found, find};
pub use hash::PictureHash;
pub use issue::Issue;
pub use measured::Measured;
pub use pose::{Pose, pose};
pub use tone::{Tone, laplacian_variance};
