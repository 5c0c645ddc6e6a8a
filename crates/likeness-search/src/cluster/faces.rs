//! The embeddings of a gallery's faces, in the space in which they are clustered.
//!
//! In this space the squared Euclidean distance orders pairs as the model's own distance does: embeddings that are compared
//! by the cosine are scaled to unit length, where the squared distance is twice the cosine distance.

use std::cmp::Ordering;

use crate::{Distance, Result, SearchError};

/// The embeddings of a gallery's faces, numbered from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Faces {
    values: Vec<f32>,
    dim: usize,
    distance: Distance,
}

impl Faces {
    /// Copies embeddings into the space in which they are clustered.
    ///
    /// # Shapes        embeddings: \[faces, dim\], row-major
    /// # Conventions   a zero vector has no direction: under the cosine distance its face is near no other face
    /// # Errors        a dimension of 0, a number of values that is no multiple of it, a value that is not finite
    ///   → `BadEmbeddings`; the Jaccard distance, which no mean vector minimises → `BadArgument`
    pub fn new(embeddings: &[f32], dim: usize, distance: Distance) -> Result<Self> {
        if distance == Distance::Jaccard {
            let reason =
                "clustering needs the distance cosine, euclidean or squared-euclidean, found jaccard";
            return Err(SearchError::BadArgument { reason: reason.to_owned() });
        }
        let mut faces = Self { values: Vec::new(), dim, distance };
        faces.extend(embeddings)?;
        Ok(faces)
    }

    /// Adds faces behind the present ones.
    ///
    /// # Shapes        embeddings: \[added, dim\], row-major
    /// # Errors        those of [`new`](Self::new); nothing is added then
    pub fn extend(&mut self, embeddings: &[f32]) -> Result<()> {
        let bad = |reason| Err(SearchError::BadEmbeddings { reason });
        if self.dim == 0 || !embeddings.len().is_multiple_of(self.dim) {
            let (found, dim) = (embeddings.len(), self.dim);
            return bad(format!("expected embeddings of {dim} values each, found {found} values"));
        }
        if let Some(at) = embeddings.iter().position(|value| !value.is_finite()) {
            let (face, value) = (self.len() + at / self.dim, embeddings[at]);
            return bad(format!("face {face}: expected finite values, found {value}"));
        }
        let start = self.values.len();
        self.values.extend_from_slice(embeddings);
        if self.distance == Distance::Cosine {
            self.values[start..].chunks_exact_mut(self.dim).for_each(scale_to_unit);
        }
        Ok(())
    }

    /// The number of faces.
    pub fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    /// Whether there are no faces.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The number of values of an embedding.
    pub fn dimension(&self) -> usize {
        self.dim
    }

    /// The model's distance between two faces.
    ///
    /// # Panics        a face that does not exist
    pub fn distance(&self, a: u32, b: u32) -> f32 {
        self.distance.between(self.row(a as usize), self.row(b as usize)) as f32
    }

    /// Whether all embeddings have unit length.
    pub(super) fn on_sphere(&self) -> bool {
        self.distance == Distance::Cosine
    }

    pub(super) fn row(&self, face: usize) -> &[f32] {
        &self.values[face * self.dim..][..self.dim]
    }

    /// Whether a face has no direction, although only directions are compared.
    pub(super) fn is_void(&self, face: usize) -> bool {
        self.on_sphere() && self.row(face).iter().all(|value| *value == 0.0)
    }

    /// The model's distance of a squared distance of this space, such as a limit of a
    /// [`ClusterConfig`](crate::cluster::ClusterConfig).
    pub fn unsquared(&self, squared: f32) -> f32 {
        match self.distance {
            Distance::Cosine => 0.5 * squared,
            Distance::Euclidean => squared.sqrt(),
            Distance::SquaredEuclidean | Distance::Jaccard => squared,
        }
    }

    /// A model's distance as a squared distance of this space.
    pub(super) fn squared(&self, distance: f32) -> f32 {
        match self.distance {
            Distance::Cosine => 2.0 * distance,
            Distance::Euclidean => distance * distance,
            Distance::SquaredEuclidean | Distance::Jaccard => distance,
        }
    }

    /// The position of every face in an order that does not depend on the faces' numbers, but for equal embeddings.
    ///
    /// Sums and ties in this order make a clustering independent of the order of the faces.
    pub(super) fn canonical_positions(&self) -> Vec<u32> {
        let compare = |a: &f32, b: &f32| a.total_cmp(b);
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by(|&a, &b| {
            let pairs = self.row(a as usize).iter().zip(self.row(b as usize));
            pairs.map(|(a, b)| compare(a, b)).find(|o| *o != Ordering::Equal).unwrap_or(a.cmp(&b))
        });
        let mut positions = vec![0; order.len()];
        order.iter().enumerate().for_each(|(position, &face)| positions[face as usize] = position as u32);
        positions
    }
}

/// The squared Euclidean distance, summed in f64 in the order of the values.
pub(super) fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum()
}

/// Scales a vector to unit length; leaves a zero vector.
pub(super) fn scale_to_unit(row: &mut [f32]) {
    let length = row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    }
}
