//! Distances between all embeddings of a batch, with gradients.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Least squared length of a vector before it is divided by its length, and of a difference before its square root is taken;
/// below it the gradient is zero, so that it is never infinite.
const LEAST_SQUARE: f32 = 1e-12;

/// Distance between two embeddings in training; smaller is closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmbeddingDistance {
    /// Squared length of the difference, in [0, 4] for embeddings of unit length.
    ///
    /// This is the default, because FaceNet's margin of 0.2 is in this distance (arXiv 1503.03832, equation 1).
    #[default]
    SquaredEuclidean,
    /// Length of the difference, in [0, 2] for embeddings of unit length.
    Euclidean,
    /// 1 − cosine similarity, in [0, 2], for embeddings of any length.
    Cosine,
}

impl EmbeddingDistance {
    /// The distances between all embeddings of a batch, on the device and in main memory.
    ///
    /// # Shapes        embeddings: [batch, dim]
    /// # Conventions   `SquaredEuclidean` and `Euclidean` take embeddings as they are; unit length is the network's work.
    /// Computed as ‖a‖² + ‖b‖² − 2·a·b in f32: near-identical embeddings of unit length may be up to about 1e-6 off.
    /// # Panics        the device fails to return the values
    pub fn matrix(self, embeddings: Tensor<2>) -> DistanceMatrix {
        let [batch, _] = embeddings.dims();
        let tensor = self.tensor(embeddings);
        let values = tensor
            .clone()
            .detach()
            .into_data()
            .convert::<f32>()
            .try_into_vec()
            .expect("distances are converted to f32");
        DistanceMatrix { tensor, values, batch }
    }

    fn tensor(self, embeddings: Tensor<2>) -> Tensor<2> {
        match self {
            Self::SquaredEuclidean => squared(embeddings),
            Self::Euclidean => squared(embeddings).clamp_min(LEAST_SQUARE).sqrt(),
            Self::Cosine => {
                let unit = normalize(embeddings);
                unit.clone().matmul(unit.transpose()).neg().add_scalar(1.0)
            }
        }
    }
}

/// ‖a‖² + ‖b‖² − 2·a·b for all pairs, never negative.
fn squared(embeddings: Tensor<2>) -> Tensor<2> {
    let squares = embeddings.clone().square().sum_dim(1); // [batch, 1]
    let products = embeddings.clone().matmul(embeddings.transpose());
    (squares.clone() + squares.transpose() - products.mul_scalar(2.0)).clamp_min(0.0)
}

/// Scales each row to unit length. Rows shorter than 1e-6 are multiplied by 1e6, and zero stays zero.
///
/// # Shapes        rows, output: [rows, dim]
pub fn normalize(rows: Tensor<2>) -> Tensor<2> {
    let length = rows.clone().square().sum_dim(1).clamp_min(LEAST_SQUARE).sqrt();
    rows / length
}

/// The distances between all embeddings of a batch.
#[derive(Debug, Clone)]
pub struct DistanceMatrix {
    tensor: Tensor<2>,
    values: Vec<f32>,
    batch: usize,
}

impl DistanceMatrix {
    /// The distances on the device, with gradients, `[batch, batch]`.
    pub fn tensor(&self) -> &Tensor<2> {
        &self.tensor
    }

    /// The distances in main memory, row-major: the distance from a to b is at `a · batch + b`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Number of embeddings.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The distance from embedding `a` to embedding `b`.
    pub(crate) fn between(&self, a: u32, b: u32) -> f32 {
        self.values[a as usize * self.batch + b as usize]
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use likeness_search::Distance;

    use super::*;

    const ROWS: [[f32; 3]; 4] = [[0.3, -0.2, 0.9], [0.3, -0.2, 0.9], [-1.0, 0.5, 0.1], [0.0, 2.0, 0.0]];

    #[test]
    fn distances_equal_those_of_the_search() {
        for (ours, theirs) in [
            (EmbeddingDistance::SquaredEuclidean, Distance::SquaredEuclidean),
            (EmbeddingDistance::Euclidean, Distance::Euclidean),
            (EmbeddingDistance::Cosine, Distance::Cosine),
        ] {
            let matrix = ours.matrix(Tensor::from_data(TensorData::from(ROWS), &Device::flex()));
            for (a, row) in ROWS.iter().enumerate() {
                for (b, column) in ROWS.iter().enumerate() {
                    let expected = theirs.between(row, column);
                    let found = f64::from(matrix.between(a as u32, b as u32));
                    assert!((found - expected).abs() < 1e-3, "{ours:?} {a} {b}: {found}, {expected}");
                }
            }
        }
    }

    #[test]
    fn equal_and_zero_embeddings_have_finite_gradients() {
        let rows = [[0.6, 0.8], [0.6, 0.8], [0.0, 0.0]];
        for distance in
            [EmbeddingDistance::SquaredEuclidean, EmbeddingDistance::Euclidean, EmbeddingDistance::Cosine]
        {
            let device = Device::flex().autodiff();
            let embeddings = Tensor::<2>::from_data(TensorData::from(rows), &device).require_grad();
            let gradients = distance.matrix(embeddings.clone()).tensor().clone().sum().backward();
            let gradient = embeddings.grad(&gradients).unwrap().into_data().try_into_vec::<f32>().unwrap();
            assert!(gradient.iter().all(|g| g.is_finite()), "{distance:?}: {gradient:?}");
        }
    }
}
