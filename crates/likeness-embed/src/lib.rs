//! From photos and faces to embeddings.
//!
//! 1. [`load_embedder`] loads the model that a user names: a [`descriptor`], or a network on an engine;
//! 2. [`OpenedModel`] opens an ONNX file and compares it with its description; [`model_folder`] makes, inspects and exports
//!    model folders;
//! 3. [`detect`] finds faces with networks;
//! 4. [`embed`] reads photos, crops them to the model's size and embeds them on all cores into a table; [`cache`] stores
//!    the embeddings between runs;
//! 5. [`explain`] shows which regions of two pictures make a match;
//! 6. [`quantize`] makes a network with integer or half-precision weights.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod cache;
pub mod descriptor;
pub mod detect;
pub mod embed;
mod embedder;
mod error;
pub mod explain;
mod flip;
mod input;
mod load;
pub mod model_folder;
mod onnx;
mod opened;
pub mod quantize;

pub use embedder::{Cost, Embedder, EmbedderSpec};
pub use error::{EmbedError, Result};
pub use flip::{FlipEmbedder, flipped_fingerprint};
pub use load::{load_embedder, load_embedder_in, load_embedder_on, open_model_in};
pub use onnx::OnnxEmbedder;
pub use opened::OpenedModel;
