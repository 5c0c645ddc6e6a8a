//! Faces in, embeddings out.

pub mod detect;
mod embedder;
mod error;

pub use embedder::{Embedder, EmbedderSpec};
pub use error::{ModelError, Result};
