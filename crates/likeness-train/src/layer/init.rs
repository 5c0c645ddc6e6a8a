//! Initial values of a network's parameters, drawn from the network's seed.
//!
//! He et al., Delving Deep into Rectifiers (2015), arXiv 1502.01852. The draws do not depend on the device.

use crate::ops::Precision;
use burn::tensor::{Device, Tensor, TensorData};
use likeness_data::seed::{Generator, generator};
use rand::RngExt;

/// Draws initial values on a device.
#[derive(Debug)]
pub struct Initializer {
    /// Device of the tensors.
    pub device: Device,
    /// Precision of the convolutions.
    pub(super) precision: Precision,
    random: Generator,
}

impl Initializer {
    /// An initialiser that draws from `seed`.
    pub fn new(device: &Device, seed: u64) -> Self {
        let precision = Precision::default();
        Self { device: device.clone(), precision, random: generator(seed) }
    }

    /// The same initialiser with another precision of the convolutions.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Normally distributed values of variance 2 / fan out. The fan out is out · kh · kw, also for a grouped convolution.
    ///
    /// # Shapes        shape: [out, in / groups, kh, kw]
    /// # References    He et al. (2015), section 2.2; torchvision's `kaiming_normal_(mode="fan_out")`
    pub fn kaiming_fan_out(&mut self, shape: [usize; 4]) -> Tensor<4> {
        let fan_out = shape[0] * shape[2] * shape[3];
        self.normal(shape, (2.0 / fan_out as f64).sqrt())
    }

    /// Normally distributed values of mean 0.
    pub fn normal<const D: usize>(&mut self, shape: [usize; D], deviation: f64) -> Tensor<D> {
        let count: usize = shape.iter().product();
        let mut values = Vec::with_capacity(count + 1);
        while values.len() < count {
            // Box and Muller (1958); 1 − u keeps the logarithm finite.
            let radius = (-2.0 * (1.0 - self.random.random::<f64>()).ln()).sqrt() * deviation;
            let (sine, cosine) = (std::f64::consts::TAU * self.random.random::<f64>()).sin_cos();
            values.extend([(radius * cosine) as f32, (radius * sine) as f32]);
        }
        values.truncate(count);
        self.tensor(values, shape)
    }

    /// Uniformly distributed values in ±1/√in, as PyTorch initialises a linear layer.
    ///
    /// # Shapes        shape: [out, in]
    pub fn linear(&mut self, shape: [usize; 2]) -> Tensor<2> {
        let bound = 1.0 / (shape[1] as f32).sqrt();
        let count = shape[0] * shape[1];
        let values = (0..count).map(|_| (self.random.random::<f32>() * 2.0 - 1.0) * bound).collect();
        self.tensor(values, shape)
    }

    fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_variance_of_the_fan_out_and_repeat() {
        let device = Device::flex();
        let draw = |seed| {
            Initializer::new(&device, seed)
                .kaiming_fan_out([64, 16, 3, 3])
                .into_data()
                .try_to_vec::<f32>()
                .unwrap()
        };
        let values = draw(7);
        let count = values.len() as f32;
        let mean = values.iter().sum::<f32>() / count;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / count;
        // 9216 draws: the mean's own deviation is 6e-4, the variance's 1.5 %.
        assert!(mean.abs() < 3e-3, "{mean}");
        assert!((variance * 64.0 * 9.0 / 2.0 - 1.0).abs() < 0.06, "{variance}");
        assert_eq!(values, draw(7));
        assert_ne!(values, draw(8));
    }
}
