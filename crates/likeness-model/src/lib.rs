//! Faces in, embeddings out.

mod embedder;
mod error;

pub use embedder::{Embedder, EmbedderSpec};
pub use error::{ModelError, Result};
