//! Classification: cross-entropy over the logits of a linear classifier.
//!
//! Label smoothing: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2016), "Rethinking the Inception Architecture for
//! Computer Vision", arXiv 1512.00567, section 7.

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};
use serde::{Deserialize, Serialize};

use super::ClassifierOutput;
use crate::Result;
use crate::layer::{Initializer, Linear};
use crate::range::within;

/// Settings of the cross-entropy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassificationConfig {
    /// Label smoothing: the share of the target probability that is spread over all identities, including the true one, in [0, 1).
    pub label_smoothing: f32,
}

impl Default for ClassificationConfig {
    /// Label smoothing of 0.1, as in Szegedy et al. (2016); 0 is plain cross-entropy.
    fn default() -> Self {
        Self { label_smoothing: 0.1 }
    }
}

impl ClassificationConfig {
    /// Checks the settings.
    ///
    /// # Errors        a smoothing outside [0, 1) → [`TrainError::BadArgument`](crate::TrainError::BadArgument)
    pub fn validate(&self) -> Result<()> {
        within("label_smoothing", self.label_smoothing, 0.0..1.0)
    }

    /// The mean cross-entropy of a batch.
    ///
    /// ```text
    /// L = mean over i of −Σ_c q(c|i)·log softmax(logits_i)_c        q = (1 − ε)·[c = label_i] + ε/classes
    /// ```
    ///
    /// # Shapes        logits: \[batch, classes\] · labels: \[batch\], each below classes · output: \[1\]
    /// # References    Szegedy et al. (2016), section 7; equal to PyTorch's `cross_entropy(label_smoothing=ε)`
    pub fn forward(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        let smoothing = f64::from(self.label_smoothing);
        let log_probabilities = log_softmax(logits, 1);
        let of_label = log_probabilities.clone().gather(1, labels.unsqueeze_dim::<2>(1)).mean(); // [1]
        let loss = of_label.mul_scalar(-(1.0 - smoothing));
        if smoothing == 0.0 {
            return loss;
        }
        loss - log_probabilities.mean().mul_scalar(smoothing)
    }
}

/// Cross-entropy over the logits of a linear classifier, with the classifier's weights.
#[derive(Module, Debug)]
pub struct Classification {
    /// Computes one logit for each identity from an embedding.
    pub classifier: Linear,
    #[module(skip)]
    config: ClassificationConfig,
}

impl Classification {
    /// The loss for `classes` identities and embeddings of `dim` dimensions, with weights drawn from `init`.
    pub fn new(config: ClassificationConfig, classes: usize, dim: usize, init: &mut Initializer) -> Self {
        Self { classifier: Linear::new([dim, classes], true, init), config }
    }

    /// The mean cross-entropy of a batch.
    ///
    /// # Shapes        embeddings: \[batch, dim\] · labels: \[batch\], each below classes
    pub fn forward(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> ClassifierOutput {
        let logits = self.classifier.forward(embeddings);
        ClassifierOutput { loss: self.config.forward(logits.clone(), labels), logits }
    }
}

/// Number of rows of `logits` whose largest value is at their label.
///
/// # Shapes        logits: \[batch, classes\] · labels: \[batch\]
/// # Panics        the device fails to return the number
pub fn correct(logits: Tensor<2>, labels: Tensor<1, Int>) -> usize {
    let [batch, _] = logits.dims();
    let chosen: Tensor<1, Int> = logits.detach().argmax(1).reshape([batch]);
    let hits = chosen.equal(labels).int().sum();
    hits.into_scalar::<i64>().unsigned_abs() as usize
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    const LOGITS: [[f32; 3]; 3] = [[2.0, -1.0, 0.5], [0.1, 0.2, 0.3], [-40.0, 60.0, 3.0]];
    const LABELS: [i64; 3] = [0, 1, 1];

    fn batch() -> (Tensor<2>, Tensor<1, Int>) {
        let device = Device::flex();
        let logits = Tensor::from_data(TensorData::from(LOGITS), &device);
        (logits, Tensor::from_data(TensorData::from(LABELS), &device))
    }

    /// Reference implementation: the definition, term by term.
    fn definition(smoothing: f64) -> f64 {
        let mut loss = 0.0;
        for (row, label) in LOGITS.iter().zip(LABELS) {
            let sum: f64 = row.iter().map(|v| f64::from(*v).exp()).sum();
            for (c, v) in row.iter().enumerate() {
                let hit = f64::from(u8::from(c as i64 == label));
                let q = (1.0 - smoothing) * hit + smoothing / 3.0;
                loss -= q * (f64::from(*v) - sum.ln());
            }
        }
        loss / 3.0
    }

    #[test]
    fn the_loss_is_its_definition() {
        for smoothing in [0.0f32, 0.1, 0.6] {
            let (logits, labels) = batch();
            let loss = ClassificationConfig { label_smoothing: smoothing }.forward(logits, labels);
            let (loss, expected) = (loss.into_scalar::<f32>(), definition(f64::from(smoothing)));
            assert!((f64::from(loss) - expected).abs() < 1e-5 * (1.0 + expected), "{loss}, {expected}");
        }
    }

    #[test]
    fn correct_counts_the_greatest() {
        let (logits, labels) = batch();
        assert_eq!(correct(logits, labels), 2);
    }

    #[test]
    fn smoothing_out_of_range_is_refused() {
        for label_smoothing in [-0.1, 1.0, f32::NAN] {
            assert!(ClassificationConfig { label_smoothing }.validate().is_err());
        }
        assert!(ClassificationConfig::default().validate().is_ok());
    }
}
