//! The model format: what training writes and embedding reads.
//!
//! - [`description`]: `model.toml`, which describes a network;
//! - [`preprocess`]: how a picture becomes the network's input;
//! - [`folder`]: the files of a model folder, found, claimed and written;
//! - [`trained_on`]: which photos a network was trained on;
//! - [`registry`]: public weights, their licences, where they are on this machine, and how they are downloaded.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod description;
mod error;
pub mod folder;
pub mod preprocess;
pub mod registry;
pub mod trained_on;

pub use description::{Alignment, ModelDescription};
pub use error::{ModelError, Result};
