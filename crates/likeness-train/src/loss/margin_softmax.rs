//! The common part of ArcFace and CosFace: one direction for each identity, and logits that are cosines with a margin.
//!
//! Both normalise embeddings and class weights, apply a margin to the cosine of the true identity, scale all cosines and
//! take the cross-entropy. They differ in the margin alone.

use burn::module::{Module, Param};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use rand::Rng;

use super::classification::ClassificationConfig;
use super::{ClassifierOutput, normalize};
use crate::Result;
use crate::range::{positive, within};
use likeness_data::seed::{TrainingPurpose, training_stream};

/// Standard deviation of the initial class weights, as in InsightFace.
const FIRST_DEVIATION: f64 = 0.01;

/// One direction for each identity.
#[derive(Module, Debug)]
pub struct ClassWeights {
    /// The directions, of any length, `[classes, dim]`.
    pub weight: Param<Tensor<2>>,
}

impl ClassWeights {
    /// Normally distributed weights of standard deviation 0.01, as in InsightFace.
    pub fn new(classes: usize, dim: usize, seed: u64, device: &Device) -> Self {
        let mut numbers = training_stream(seed, TrainingPurpose::Parameters, &[classes as u64, dim as u64]);
        let values: Vec<f32> =
            (0..classes * dim).map(|_| (FIRST_DEVIATION * normal(&mut numbers)) as f32).collect();
        Self {
            weight: Param::from_tensor(Tensor::from_data(TensorData::new(values, [classes, dim]), device)),
        }
    }

    /// Cosine similarity of every embedding and every class.
    ///
    /// # Shapes        embeddings: [batch, dim] · output: [batch, classes]
    pub fn cosines(&self, embeddings: Tensor<2>) -> Tensor<2> {
        normalize(embeddings).matmul(normalize(self.weight.val()).transpose())
    }

    /// The loss with `margin` applied to the cosine of the true identity.
    ///
    /// # Shapes        embeddings: [batch, dim] · labels: [batch], each below classes · margin: [batch, 1] to [batch, 1]
    pub(super) fn loss(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        scale: f32,
        margin: impl Fn(Tensor<2>) -> Tensor<2>,
    ) -> ClassifierOutput {
        let cosines = self.cosines(embeddings);
        let [batch, classes] = cosines.dims();
        let column: Tensor<2, Int> = labels.clone().unsqueeze_dim(1); // [batch, 1]
        let changed = margin(cosines.clone().gather(1, column.clone()));
        let device = cosines.device();
        let numbers = Tensor::<1, Int>::arange(0..classes as i64, &device).unsqueeze_dim::<2>(0);
        let is_label: Tensor<2, Bool> =
            column.expand([batch, classes]).equal(numbers.expand([batch, classes]));
        let logits = cosines.clone().mask_where(is_label, changed.expand([batch, classes])).mul_scalar(scale);
        let loss = ClassificationConfig { label_smoothing: 0.0 }.forward(logits, labels);
        ClassifierOutput { loss, logits: cosines.detach().mul_scalar(scale) }
    }
}

/// A normally distributed value (Box and Muller, 1958).
fn normal(numbers: &mut impl Rng) -> f64 {
    let unit = |bits: u64| ((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    let (u, v) = (unit(numbers.next_u64()), unit(numbers.next_u64()));
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// The least scale at which all `classes` can be predicted with `probability`.
///
/// ```text
/// s ≥ (C − 1)/C · ln((C − 1)·P / (1 − P))
/// ```
///
/// # Examples
/// ```
/// let scale = likeness_train::loss::margin_softmax::least_scale(481, 0.9999);
/// assert!((scale - 15.35).abs() < 0.01);
/// ```
/// # References    Wang et al. (2018), arXiv 1801.09414, equation 6
pub fn least_scale(classes: usize, probability: f64) -> f64 {
    let others = classes.max(2) as f64 - 1.0;
    others / (others + 1.0) * (others * probability / (1.0 - probability)).ln()
}

/// Checks that the scale is positive and the margin in `[0, most]`.
pub(super) fn validate(name: &str, scale: f32, margin: f32, most: f32) -> Result<()> {
    within(&format!("{name} scale"), scale, positive(10_000.0))?;
    within(&format!("{name} margin"), margin, 0.0..=most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_weights_are_seeded_and_normal() {
        let values = |seed| {
            let weights = ClassWeights::new(40, 64, seed, &Device::flex());
            weights.weight.val().into_data().try_into_vec::<f32>().unwrap()
        };
        let first = values(3);
        assert_eq!(first, values(3));
        assert_ne!(first, values(4));
        let n = first.len() as f64;
        let mean = first.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let deviation = (first.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / n).sqrt();
        assert!(mean.abs() < 1e-3 && (deviation - 0.01).abs() < 5e-4, "mean {mean}, deviation {deviation}");
    }
}
