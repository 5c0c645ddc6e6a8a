//! The trait of everything that makes embeddings: classical descriptors, and networks on any engine.

use image::RgbImage;
use likeness_search::{Distance, Licence, Thresholds};

use crate::{EmbedError, Result};
use likeness_engine::Engine;
use likeness_model::Alignment;

/// Input and output of an [`Embedder`].
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedderSpec {
    /// The model's name: a descriptor's, or the file's stem.
    pub name: String,
    /// SHA-256 of everything that decides the embeddings, in hexadecimal. Equal fingerprints mean comparable embeddings.
    pub fingerprint: String,
    /// Length of an embedding.
    pub dimension: usize,
    /// Width and height of the faces it takes, in pixels.
    pub input_size: (u32, u32),
    /// The distance to compare its embeddings by.
    pub distance: Distance,
    /// The alignment of the faces it was trained on; `None` if that is not known.
    pub alignment: Option<Alignment>,
    /// The licence of its weights; `None` if that is not known.
    pub licence: Option<Licence>,
    /// Distances at false match rates; empty if none were measured.
    pub thresholds: Thresholds,
}

/// What computing a batch costs, to choose the length of batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// The number of faces in one run that is near the fastest; a longer batch is several runs of about the same length.
    /// `None` if a batch of any length is one run.
    pub run_faces: Option<usize>,
    /// Bytes of memory that a run takes for each of its faces, beside the weights; `None` if that is not known.
    pub face_bytes: Option<usize>,
}

impl Cost {
    /// Bytes of memory that a batch takes, if that is known.
    pub fn bytes(&self, faces: usize) -> Option<usize> {
        let at_once = faces.min(self.run_faces.unwrap_or(usize::MAX));
        self.face_bytes.map(|bytes| bytes.saturating_mul(at_once))
    }
}

/// Turns faces into embeddings.
pub trait Embedder: Send + Sync {
    /// Input and output of the embedder.
    fn spec(&self) -> &EmbedderSpec;

    /// The engine that runs the network; `None` if the embedder is not a network.
    fn engine(&self) -> Option<&Engine> {
        None
    }

    /// What computing a batch costs.
    fn cost(&self) -> Cost {
        Cost::default()
    }

    /// The embeddings of `faces`, one after another.
    ///
    /// One call works on one thread; callers get speed by calling from several.
    ///
    /// # Shapes        faces: n pictures of `spec().input_size`   ·   output: n × dimension, row-major
    /// # Errors        a picture of another size, an engine's failure, a value that is not finite
    fn embed(&self, faces: &[RgbImage]) -> Result<Vec<f32>>;
}

/// # Errors        a face that is not of the input size → [`EmbedError::BadArgument`]
pub(crate) fn check_sizes(spec: &EmbedderSpec, faces: &[RgbImage]) -> Result<()> {
    match faces.iter().position(|f| f.dimensions() != spec.input_size) {
        None => Ok(()),
        Some(at) => {
            let ((width, height), (w, h)) = (spec.input_size, faces[at].dimensions());
            let reason = format!("face {}: expected {width}×{height} pixels, found {w}×{h}", at + 1);
            Err(EmbedError::BadArgument { reason, hint: None })
        }
    }
}

/// Checks that every value is finite and, with `unit_length`, scales each embedding to length 1.
///
/// # Errors        NaN or infinity; a zero vector that is to have unit length → [`EmbedError::BadOutput`]
pub(crate) fn finish(spec: &EmbedderSpec, values: &mut [f32], unit_length: bool) -> Result<()> {
    let bad =
        |reason: &str| Err(EmbedError::BadOutput { model: spec.name.clone(), reason: reason.to_owned() });
    for embedding in values.chunks_exact_mut(spec.dimension) {
        if embedding.iter().any(|v| !v.is_finite()) {
            return bad("gives values that are no numbers (NaN or infinity)");
        }
        if unit_length {
            let length = embedding.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
            if length == 0.0 {
                return bad("gives a vector of zeros, which has no direction");
            }
            embedding.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
        }
    }
    Ok(())
}
