//! Embeddings of pictures with hidden parts.

use image::RgbImage;

use crate::{EmbedError, Embedder, Result};

/// Pictures in a batch where the embedder states no number.
const DEFAULT: usize = 8;
/// Most pictures in a batch.
const MOST: usize = 32;

/// The number of pictures in a batch of `embedder`.
pub(super) fn batch(embedder: &dyn Embedder) -> usize {
    embedder.cost().run_faces.map_or(DEFAULT, |faces| faces.clamp(1, MOST))
}

/// The embedding of each picture. A picture in which so much is hidden that the model gives no embedding, such as one without
/// edges for a histogram of edges, has the zero vector.
///
/// # Errors        those of the embedder
pub(super) fn vectors(embedder: &dyn Embedder, pictures: &[RgbImage]) -> Result<Vec<Vec<f32>>> {
    let dimension = embedder.spec().dimension;
    match embedder.embed(pictures) {
        Ok(values) => Ok(values.chunks_exact(dimension).map(<[f32]>::to_vec).collect()),
        Err(EmbedError::BadOutput { .. }) if pictures.len() == 1 => Ok(vec![vec![0.0; dimension]]),
        Err(error)
            if pictures.len() > 1
                && (matches!(error, EmbedError::BadOutput { .. }) || error.may_fit_a_smaller_batch()) =>
        {
            let (first, rest) = pictures.split_at(pictures.len() / 2);
            let mut all = vectors(embedder, first)?;
            all.append(&mut vectors(embedder, rest)?);
            Ok(all)
        }
        Err(error) => Err(error),
    }
}
