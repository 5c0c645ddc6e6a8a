//! The model format, which training writes and embedding reads.
//!
//! - [`builtin`]: the models that are compiled into the program.
//! - [`description`]: `model.toml`, the description of a network.
//! - [`preprocess`]: how a picture is converted to the network's input.
//! - [`folder`]: finds, locks and writes the files of a model folder.
//! - [`trained_on`]: which photos and identities a network was trained on.
//! - [`registry`]: public weights with their licences, how to find them on this machine, and how to download them.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod builtin;
pub mod description;
mod error;
pub mod folder;
pub mod origin;
pub mod preprocess;
pub mod registry;
mod terms;
pub mod trained_on;

pub use description::{Alignment, ModelDescription};
pub use error::{ModelError, Result};
pub use likeness_search::{Licence, Terms};
