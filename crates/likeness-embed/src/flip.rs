//! Test-time augmentation: the embedding of a face is the mean over the face and its mirror image.

use image::RgbImage;
use image::imageops::flip_horizontal;
use likeness_artifact::sha256_hex;
use likeness_search::Distance;

use crate::{Cost, Embedder, EmbedderSpec, Result};
use likeness_engine::Engine;

/// An embedder that embeds each face and its mirror image and returns their mean, in twice the time.
///
/// The mean has the mean length of the two, so that embeddings of unit length stay such; histograms, which are compared by
/// [`Distance::Jaccard`], are averaged as they are. Its fingerprint differs from the inner embedder's.
pub struct FlipEmbedder {
    inner: Box<dyn Embedder>,
    spec: EmbedderSpec,
}

impl FlipEmbedder {
    /// The embedder around `inner`.
    pub fn new(inner: Box<dyn Embedder>) -> Self {
        let mut spec = inner.spec().clone();
        spec.name.push_str("+flips");
        spec.fingerprint = flipped_fingerprint(&spec.fingerprint);
        Self { inner, spec }
    }
}

/// The fingerprint of a [`FlipEmbedder`] around an embedder with this fingerprint.
pub fn flipped_fingerprint(inner: &str) -> String {
    sha256_hex(format!("{inner}flips").as_bytes())
}

impl Embedder for FlipEmbedder {
    fn spec(&self) -> &EmbedderSpec {
        &self.spec
    }

    fn engine(&self) -> Option<&Engine> {
        self.inner.engine()
    }

    fn cost(&self) -> Cost {
        self.inner.cost()
    }

    fn embed(&self, faces: &[RgbImage]) -> Result<Vec<f32>> {
        let mut embeddings = self.inner.embed(faces)?;
        let mirrored: Vec<RgbImage> = faces.iter().map(flip_horizontal).collect();
        let mirrored = self.inner.embed(&mirrored)?;
        let dimension = self.spec.dimension;
        for (one, other) in embeddings.chunks_exact_mut(dimension).zip(mirrored.chunks_exact(dimension)) {
            let wanted = (length(one) + length(other)) / 2.0;
            one.iter_mut().zip(other).for_each(|(one, other)| *one = (*one + other) / 2.0);
            // Two opposite embeddings have no mean direction: theirs stays what rounding makes of it.
            let found = length(one);
            if self.spec.distance != Distance::Jaccard && found > 0.0 {
                one.iter_mut().for_each(|v| *v = (f64::from(*v) * wanted / found) as f32);
            }
        }
        Ok(embeddings)
    }
}

fn length(embedding: &[f32]) -> f64 {
    embedding.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use likeness_synth::{Style, draw};

    use super::*;
    use crate::load_embedder;

    /// A face, itself mirrored, and the embedder `model` with its flipping twin.
    fn faces_of(model: &str) -> ([RgbImage; 2], Box<dyn Embedder>, FlipEmbedder) {
        let open = || load_embedder(model, &Default::default()).unwrap();
        let (width, height) = open().spec().input_size;
        let face = draw(3, 1, width.max(height), Style::Portrait).unwrap().image;
        let face = image::imageops::crop_imm(&face, 0, 0, width, height).to_image();
        ([face.clone(), flip_horizontal(&face)], open(), FlipEmbedder::new(open()))
    }

    #[test]
    fn a_face_and_its_mirror_image_are_the_same_to_it() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/onnx/good.onnx");
        for model in ["classic", golden] {
            let (faces, plain, flips) = faces_of(model);
            let both = flips.embed(&faces).unwrap();
            let (one, other) = both.split_at(flips.spec().dimension);
            let apart =
                |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart(one, other) < 1e-6, "{model}");
            let alone = plain.embed(&faces).unwrap();
            let (alone, mirrored) = alone.split_at(plain.spec().dimension);
            assert!(
                apart(alone, mirrored) > 1e-3,
                "{model}: the face is no face if it is its own mirror image"
            );
            assert_ne!(plain.spec().fingerprint, flips.spec().fingerprint);
            let (expected, found) = ((length(alone) + length(mirrored)) / 2.0, length(one));
            if flips.spec().distance == Distance::Jaccard {
                let mean: Vec<f32> = alone.iter().zip(mirrored).map(|(a, b)| (a + b) / 2.0).collect();
                assert!(apart(one, &mean) < 1e-6);
            } else {
                assert!((expected - found).abs() < 1e-5, "{model}: {expected} {found}");
            }
        }
    }
}
