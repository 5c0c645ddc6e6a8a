//! The trait every source of embeddings serves: classical descriptors and networks on any engine.

use image::RgbImage;
use likeness_search::Distance;

use crate::Result;

/// What a caller must know to feed an [`Embedder`] and to compare what it gives.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedderSpec {
    /// The model's name: a descriptor's, or the file's stem.
    pub name: String,
    /// SHA-256, in hexadecimal, over everything that decides the numbers; equal fingerprints, comparable embeddings.
    pub fingerprint: String,
    /// Length of an embedding.
    pub dimension: usize,
    /// Width and height of the faces it takes, in pixels.
    pub input_size: (u32, u32),
    /// The distance the model is meant to be compared with.
    pub distance: Distance,
}

/// Turns faces into embeddings.
pub trait Embedder: Send + Sync {
    /// What the embedder takes and gives.
    fn spec(&self) -> &EmbedderSpec;

    /// The embeddings of `faces`, one after another.
    ///
    /// One call works on one thread; callers get speed by calling from several.
    ///
    /// # Shapes        faces: n pictures of `spec().input_size`   ·   output: n × dimension, row-major
    /// # Errors        a picture of another size, an engine's failure, a value that is not finite
    fn embed(&self, faces: &[RgbImage]) -> Result<Vec<f32>>;
}
