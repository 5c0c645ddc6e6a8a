//! CosFace: a margin on the cosine between an embedding and its identity's direction.
//!
//! Wang, Wang, Zhou, Ji, Gong, Zhou, Li and Liu (2018), "CosFace: Large Margin Cosine Loss for Deep Face Recognition",
//! arXiv 1801.09414.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};

use super::ClassifierOutput;
use super::margin_softmax::{ClassWeights, validate};
use crate::Result;

/// Settings of the CosFace loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CosFaceConfig {
    /// Scale of the cosines, s.
    pub scale: f32,
    /// Margin subtracted from the cosine between an embedding and its own identity, m, from 0 to 1.
    pub margin: f32,
}

impl Default for CosFaceConfig {
    /// s = 24, m = 0.25, for hundreds of identities. Wang et al., sections 4.1 and 4.2, use s = 64 and m = 0.35 for tens of
    /// thousands.
    ///
    /// The accuracy depends more on these settings than on the choice of the loss (Musgrave, Belongie and Lim (2020), "A
    /// Metric Learning Reality Check", arXiv 2003.08505). [`least_scale`](super::margin_softmax::least_scale) is the
    /// lower bound of s.
    fn default() -> Self {
        Self { scale: 24.0, margin: 0.25 }
    }
}

impl CosFaceConfig {
    /// Checks the settings.
    ///
    /// # Errors        a scale not above 0, a margin outside [0, 1] → [`TrainError::BadArgument`](crate::TrainError)
    pub fn validate(&self) -> Result<()> {
        validate("CosFace", self.scale, self.margin, 1.0)
    }

    /// The loss with random directions for `classes` identities in `dim` dimensions.
    ///
    /// # Errors        as [`CosFaceConfig::validate`]
    pub fn init(&self, classes: usize, dim: usize, seed: u64, device: &Device) -> Result<CosFace> {
        self.validate()?;
        let classes = ClassWeights::new(classes, dim, seed, device);
        Ok(CosFace { classes, scale: self.scale, margin: self.margin })
    }
}

/// The CosFace loss.
#[derive(Module, Debug)]
pub struct CosFace {
    /// One direction for each identity.
    pub classes: ClassWeights,
    /// Scale of the cosines, s.
    pub scale: f32,
    /// Margin subtracted from the cosine, m.
    pub margin: f32,
}

impl CosFace {
    /// The mean cross-entropy of a batch, with the margin: the true identity's logit is s·(cos θ − m).
    ///
    /// # Shapes        embeddings: \[batch, dim\], of any length · labels: \[batch\], each below classes
    /// # References    Wang et al. (2018), equation 4
    pub fn forward(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> ClassifierOutput {
        self.classes.loss(embeddings, labels, self.scale, |cosine| cosine.sub_scalar(self.margin))
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Param;
    use burn::tensor::TensorData;

    use super::*;

    #[test]
    fn two_classes_by_hand() {
        let device = Device::flex();
        let mut loss = CosFaceConfig { scale: 10.0, margin: 0.3 }.init(2, 2, 0, &device).unwrap();
        let weight = Tensor::from_data(TensorData::from([[2.0f32, 0.0], [0.0, 0.5]]), &device);
        loss.classes.weight = Param::from_tensor(weight);
        let embedding = Tensor::from_data(TensorData::from([[3.0f32, 4.0]]), &device);
        let output = loss.forward(embedding, Tensor::from_data(TensorData::from([0i64]), &device));
        // Cosines 0.6 and 0.8; logits 10·(0.6 − 0.3) = 3 and 8: the loss is ln(1 + e⁵).
        assert!((output.loss.into_scalar::<f32>() - (1.0 + 5f32.exp()).ln()).abs() < 1e-4);
        let logits = output.logits.into_data().try_into_vec::<f32>().unwrap();
        assert!((logits[0] - 6.0).abs() < 1e-4 && (logits[1] - 8.0).abs() < 1e-4, "{logits:?}");
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for (scale, margin) in [(-1.0, 0.35), (f32::INFINITY, 0.35), (64.0, 1.5), (64.0, f32::NAN)] {
            assert!(CosFaceConfig { scale, margin }.validate().is_err());
        }
    }
}
