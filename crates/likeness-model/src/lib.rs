//! Faces in, embeddings out.
//!
//! 1. [`load_embedder`] finds the model that a user names: a [`descriptor`], or a network on an [`engine`];
//! 2. [`model_folder`] holds a network against what its folder says of it, [`preprocess`] says how a face becomes the network's input;
//! 3. [`embed`] reads photos, crops them to the model's size and embeds them on all cores into a table; [`cache`] knows
//!    those of the last time;
//! 4. [`quantize`] makes a network of bytes out of one of real numbers;
//! 5. [`registry`] knows public weights: where they come from, what they allow, where they lie on this machine.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod cache;
pub mod descriptor;
pub mod detect;
pub mod embed;
mod embedder;
pub mod engine;
mod error;
mod flip;
mod load;
pub mod model_folder;
pub mod preprocess;
pub mod quantize;
pub mod registry;

pub use embedder::{Embedder, EmbedderSpec};
pub use error::{ModelError, Result};
pub use flip::FlipEmbedder;
pub use load::{load_embedder, load_embedder_on};
