//! A linear map of embeddings: y = W·x + b, optionally between vectors of unit length.

use super::matrix::{View, product};
use crate::distance::cosine::squared_norm;

/// A linear head: a matrix and optionally a bias, applied to embeddings of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearHead {
    /// Number of values that enter.
    pub inputs: usize,
    /// Number of values that leave.
    pub outputs: usize,
    /// The matrix W: `outputs` × `inputs` values, row-major.
    pub weights: Vec<f32>,
    /// The bias b of `outputs` values.
    pub bias: Option<Vec<f32>>,
    /// Whether embeddings are scaled to unit length before the product.
    pub unit_input: bool,
    /// Whether embeddings are scaled to unit length afterwards.
    pub unit_output: bool,
}

impl LinearHead {
    /// The head's embeddings.
    ///
    /// # Shapes        embeddings: n × `inputs`   ·   output: n × `outputs`; row-major
    /// # Conventions   an embedding of zeros is not scaled
    /// # Panics        `embeddings` are no whole rows
    /// # Examples
    /// ```
    /// use likeness_search::head::LinearHead;
    /// let head = LinearHead {
    ///     inputs: 2,
    ///     outputs: 1,
    ///     weights: vec![5.0, 10.0],
    ///     bias: Some(vec![1.0]),
    ///     unit_input: true,
    ///     unit_output: false,
    /// };
    /// assert_eq!(head.apply(&[3.0, 4.0]), [12.0]); // 5·0.6 + 10·0.8 + 1
    /// ```
    pub fn apply(&self, embeddings: &[f32]) -> Vec<f32> {
        assert_eq!(embeddings.len() % self.inputs, 0, "embeddings are whole rows");
        let count = embeddings.len() / self.inputs;
        let scaled = self.unit_input.then(|| {
            let mut scaled = embeddings.to_vec();
            scaled.chunks_exact_mut(self.inputs).for_each(to_unit_length);
            scaled
        });
        let input = View::new(scaled.as_deref().unwrap_or(embeddings), count, self.inputs, self.inputs);
        let weights = View::new(&self.weights, self.outputs, self.inputs, self.inputs);
        let mut output = product(input, weights.transposed());
        for embedding in output.chunks_exact_mut(self.outputs) {
            if let Some(bias) = &self.bias {
                embedding.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
            }
            if self.unit_output {
                to_unit_length(embedding);
            }
        }
        output
    }
}

/// Scales `embedding` to unit length, unless it is zero.
pub(super) fn to_unit_length(embedding: &mut [f32]) {
    let length = squared_norm(embedding).sqrt();
    if length > 0.0 {
        embedding.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    }
}
