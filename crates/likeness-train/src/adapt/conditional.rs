//! The input of CDAN's domain classifier: embeddings combined with the identities' probabilities.
//!
//! Long et al. (2018), "Conditional Adversarial Domain Adaptation", arXiv 1705.10667: the outer product of embedding and
//! probabilities, here always by its randomised form (equation 6), as identities are many.

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;

use likeness_data::seed::{TrainingPurpose, training_stream};

/// Dimension of the map.
pub const MAP_DIM: usize = 1024;

/// A randomised multilinear map.
///
/// ```text
/// T(f, g) = (R_f f) ⊙ (R_g g) / √d
/// ```
#[derive(Debug, Clone)]
pub struct MultilinearMap {
    of_embedding: Tensor<2>,
    of_probabilities: Tensor<2>,
}

impl MultilinearMap {
    /// A random map of embeddings of `dim` dimensions and `classes` probabilities, drawn from `seed`. It is not trained.
    pub fn new(dim: usize, classes: usize, seed: u64, device: &Device) -> Self {
        let random = |rows: usize, part: u64| {
            let mut numbers = training_stream(seed, TrainingPurpose::Adaptation, &[part]);
            // Uniform with variance 1, which the paper allows besides Gaussian.
            let side = 3f32.sqrt();
            let values: Vec<f32> =
                (0..rows * MAP_DIM).map(|_| side * (2.0 * numbers.random::<f32>() - 1.0)).collect();
            Tensor::from_data(TensorData::new(values, [rows, MAP_DIM]), device)
        };
        Self { of_embedding: random(dim, 0), of_probabilities: random(classes, 1) }
    }

    /// The map of each row.
    ///
    /// # Shapes        embeddings: [batch, dim] · probabilities: [batch, classes] · output: [batch, `MAP_DIM`]
    pub fn forward(&self, embeddings: Tensor<2>, probabilities: Tensor<2>) -> Tensor<2> {
        let f = embeddings.matmul(self.of_embedding.clone());
        let g = probabilities.matmul(self.of_probabilities.clone());
        (f * g).div_scalar((MAP_DIM as f32).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_maps_are_products_of_products() {
        // E⟨T(f, g), T(f', g')⟩ = ⟨f, f'⟩⟨g, g'⟩: theorem 1 of the paper.
        let device = Device::flex();
        let row = |values: [f32; 3]| Tensor::<1>::from_floats(values, &device).reshape([1, 3]);
        let (f, g) = ([0.6, -0.2, 0.9], [0.7, 0.2, 0.1]);
        let mut sum = 0.0;
        for seed in 0..64 {
            let map = MultilinearMap::new(3, 3, seed, &device);
            let mapped = map.forward(row(f), row(g));
            sum += mapped.square().sum().into_data().try_to_vec::<f32>().unwrap()[0];
        }
        let square = |v: [f32; 3]| v.iter().map(|x| x * x).sum::<f32>();
        let expected = square(f) * square(g);
        assert!((sum / 64.0 - expected).abs() < 0.05 * expected, "{} {expected}", sum / 64.0);
    }
}
