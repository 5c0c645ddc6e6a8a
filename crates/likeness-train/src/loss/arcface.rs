//! ArcFace: an additive margin on the angle between an embedding and its identity's direction.
//!
//! Deng, Guo, Xue and Zafeiriou (2019), "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", arXiv
//! 1801.07698.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};

use super::ClassifierOutput;
use super::margin_softmax::{ClassWeights, validate};
use crate::Result;

/// Least value of sin² before its square root is taken; below it the gradient is zero, so that it is never infinite.
const LEAST_SQUARE: f32 = 1e-12;

/// Settings of the ArcFace loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArcFaceConfig {
    /// Scale of the cosines, s.
    pub scale: f32,
    /// Margin added to the angle between an embedding and its own identity, m, in radians, from 0 to π/2.
    pub margin_rad: f32,
}

impl Default for ArcFaceConfig {
    /// s = 64, m = 0.5 (Deng et al., section 3.1).
    fn default() -> Self {
        Self { scale: 64.0, margin_rad: 0.5 }
    }
}

impl ArcFaceConfig {
    /// Checks the settings.
    ///
    /// # Errors        a scale not above 0, a margin outside [0, π/2] → [`TrainError::BadArgument`](crate::TrainError)
    pub fn validate(&self) -> Result<()> {
        validate("ArcFace", self.scale, self.margin_rad, std::f32::consts::FRAC_PI_2)
    }

    /// The loss with random directions for `classes` identities in `dim` dimensions.
    ///
    /// # Errors        as [`ArcFaceConfig::validate`]
    pub fn init(&self, classes: usize, dim: usize, seed: u64, device: &Device) -> Result<ArcFace> {
        self.validate()?;
        let classes = ClassWeights::new(classes, dim, seed, device);
        Ok(ArcFace { classes, scale: self.scale, margin_rad: self.margin_rad })
    }
}

/// The ArcFace loss.
#[derive(Module, Debug)]
pub struct ArcFace {
    /// One direction for each identity.
    pub classes: ClassWeights,
    /// Scale of the cosines, s.
    pub scale: f32,
    /// Margin added to the angle, m, in radians.
    pub margin_rad: f32,
}

impl ArcFace {
    /// The mean cross-entropy of a batch, with the margin.
    ///
    /// ```text
    /// logit of the true identity = s·cos(θ + m)           where θ ≤ π − m
    ///                              s·(cos θ − m·sin m)    beyond, where cos(θ + m) would rise again
    /// ```
    ///
    /// # Shapes        embeddings: \[batch, dim\], of any length · labels: \[batch\], each below classes
    /// # Conventions   m in radians, where pytorch-metric-learning takes degrees; embeddings exactly on their
    /// identity's direction, or opposite, have finite gradients
    /// # References    Deng et al. (2019), equation 3; the second line as in InsightFace
    pub fn forward(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> ClassifierOutput {
        self.classes.loss(embeddings, labels, self.scale, |cosine| self.with_margin(cosine))
    }

    fn with_margin(&self, cosine: Tensor<2>) -> Tensor<2> {
        let margin = f64::from(self.margin_rad);
        let (sin_m, cos_m) = margin.sin_cos();
        // sin θ is never negative: θ is in [0, π].
        let sine = cosine.clone().square().neg().add_scalar(1.0).clamp_min(LEAST_SQUARE).sqrt();
        let added = cosine.clone().mul_scalar(cos_m) - sine.mul_scalar(sin_m);
        let beyond = cosine.clone().lower_elem(-cos_m);
        added.mask_where(beyond, cosine.sub_scalar(margin * sin_m))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    #[test]
    fn the_margin_is_added_to_the_angle_and_never_rises_again() {
        let loss = ArcFaceConfig::default().init(2, 2, 0, &Device::flex()).unwrap();
        let mut last = f32::INFINITY;
        for degrees in 0..=180 {
            let angle = (degrees as f64).to_radians();
            let cosine = Tensor::<2>::from_data(TensorData::from([[angle.cos() as f32]]), &Device::flex());
            let found = loss.with_margin(cosine).into_scalar::<f32>();
            let expected = if angle <= std::f64::consts::PI - 0.5 {
                (angle + 0.5).cos()
            } else {
                angle.cos() - 0.5 * 0.5f64.sin()
            };
            assert!((f64::from(found) - expected).abs() < 1e-3, "{degrees}°: {found}, {expected}");
            assert!(found < last, "{degrees}°");
            last = found;
        }
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for (scale, margin_rad) in [(0.0, 0.5), (f32::NAN, 0.5), (64.0, -0.1), (64.0, 28.6), (64.0, f32::NAN)]
        {
            assert!(ArcFaceConfig { scale, margin_rad }.validate().is_err());
        }
    }
}
