//! What the descriptors share as embedders: the size of a face, the fingerprint, the checks around every picture.

use image::RgbImage;
use likeness_search::{Distance, Licence, Thresholds};

use crate::{EmbedError, Embedder, EmbedderSpec, Result};

/// Width and height of the faces the descriptors take, in pixels.
pub(super) const INPUT_SIZE: (u32, u32) = (128, 128);

/// One way to describe a face, with its parameters.
pub(super) trait Describe: Send + Sync {
    /// The descriptor's name.
    const NAME: &'static str;

    /// The version of the algorithm; it rises whenever the same parameters give other numbers.
    const VERSION: u32;

    /// All parameters as `name=value`, separated by spaces; equal texts, equal numbers.
    fn parameters(&self) -> String;

    /// Length of the descriptor of a face of [`INPUT_SIZE`].
    fn dimension(&self) -> usize;

    /// Describes one face.
    ///
    /// # Shapes        face: a picture of [`INPUT_SIZE`]   ·   output: `dimension()` finite values, none negative
    fn describe(&self, face: &RgbImage) -> Vec<f32>;

    /// SHA-256, in hexadecimal, over name, version, size of the face and parameters.
    fn fingerprint(&self) -> String {
        let (width, height) = INPUT_SIZE;
        let text = format!(
            "likeness descriptor {} version={} width={width} height={height} {}",
            Self::NAME,
            Self::VERSION,
            self.parameters()
        );
        likeness_artifact::sha256_hex(text.as_bytes())
    }
}

/// `config`'s descriptor as an embedder.
pub(super) fn boxed<D: Describe + 'static>(config: D) -> Box<dyn Embedder> {
    let spec = EmbedderSpec {
        name: D::NAME.into(),
        fingerprint: config.fingerprint(),
        dimension: config.dimension(),
        input_size: INPUT_SIZE,
        distance: Distance::Jaccard,
        alignment: None,
        licence: Some(Licence::of_program()),
        thresholds: Thresholds::default(),
    };
    Box::new(DescriptorEmbedder { spec, config })
}

struct DescriptorEmbedder<D> {
    spec: EmbedderSpec,
    config: D,
}

impl<D: Describe> Embedder for DescriptorEmbedder<D> {
    fn spec(&self) -> &EmbedderSpec {
        &self.spec
    }

    fn embed(&self, faces: &[RgbImage]) -> Result<Vec<f32>> {
        let mut embeddings = Vec::with_capacity(faces.len() * self.spec.dimension);
        for (index, face) in faces.iter().enumerate() {
            check_size(index, face)?;
            let embedding = self.config.describe(face);
            self.check_output(index, &embedding)?;
            embeddings.extend_from_slice(&embedding);
        }
        Ok(embeddings)
    }
}

impl<D> DescriptorEmbedder<D> {
    fn check_output(&self, index: usize, embedding: &[f32]) -> Result<()> {
        let reason = if embedding.len() != self.spec.dimension {
            format!("face {index}: expected {} values, got {}", self.spec.dimension, embedding.len())
        } else if embedding.iter().any(|v| !v.is_finite()) {
            format!("face {index}: a value is not finite")
        } else {
            return Ok(());
        };
        Err(EmbedError::BadOutput { model: self.spec.name.clone(), reason })
    }
}

fn check_size(index: usize, face: &RgbImage) -> Result<()> {
    if face.dimensions() == INPUT_SIZE {
        return Ok(());
    }
    let ((width, height), (found_width, found_height)) = (INPUT_SIZE, face.dimensions());
    Err(EmbedError::BadArgument {
        reason: format!("face {index}: expected {width}×{height} pixels, found {found_width}×{found_height}"),
        hint: Some("resize faces to the embedder's input size first".into()),
    })
}
