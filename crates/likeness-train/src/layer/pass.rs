//! A pass through a network: evaluation or training, with its random draws and the batch statistics it observed.
//!
//! `forward` changes nothing in a network: the statistics that a training pass observed stay in the [`Pass`] until
//! [`absorb`](super::absorb) is called. A network can therefore be shared between threads.

use burn::module::ParamId;
use burn::tensor::{Tensor, TensorData};
use likeness_data::seed::{Generator, generator};
use rand::RngExt;

/// The statistics that one batch normalisation observed of one batch.
#[derive(Debug, Clone)]
pub struct BatchStatistics {
    /// Parameter of the layer's running mean.
    pub mean_id: ParamId,
    /// Parameter of the layer's running variance.
    pub variance_id: ParamId,
    /// Mean of each channel, `[channels]`.
    pub mean: Tensor<1>,
    /// Variance of each channel divided by count − 1, `[channels]`.
    pub variance: Tensor<1>,
}

/// A pass through a network.
#[derive(Debug)]
pub struct Pass {
    random: Option<Generator>,
    observes: bool,
    observed: Vec<BatchStatistics>,
}

impl Pass {
    /// An evaluation pass: batch normalisation uses running statistics, and dropout is off.
    pub fn evaluation() -> Self {
        Self { random: None, observes: false, observed: Vec::new() }
    }

    /// A training pass: batch normalisation uses the statistics of the batch, except in frozen layers, and dropout draws from
    /// `seed`.
    ///
    /// Every step needs a seed of its own.
    pub fn training(seed: u64) -> Self {
        Self { random: Some(generator(seed)), observes: true, observed: Vec::new() }
    }

    /// A pass that observes statistics: batch normalisation uses the statistics of the batch, except in frozen layers, and
    /// dropout is off.
    pub fn observing() -> Self {
        Self { random: None, observes: true, observed: Vec::new() }
    }

    /// Whether this is a training pass.
    pub fn is_training(&self) -> bool {
        self.random.is_some()
    }

    /// Whether batch normalisation uses the statistics of the batch.
    pub fn observes(&self) -> bool {
        self.observes
    }

    /// The statistics observed so far, in the order of the layers.
    pub fn observed(&self) -> &[BatchStatistics] {
        &self.observed
    }

    pub(crate) fn observe(&mut self, statistics: BatchStatistics) {
        self.observed.push(statistics);
    }

    pub(crate) fn into_observed(self) -> Vec<BatchStatistics> {
        self.observed
    }

    /// Dropout: in training, sets each value to zero with probability `rate`, and scales the others to keep the mean.
    ///
    /// # References    Srivastava et al. (2014), Dropout
    pub fn dropout(&mut self, input: Tensor<2>, rate: f32) -> Tensor<2> {
        let shape = input.dims();
        match self.mask(shape, rate) {
            Some(mask) => input.clone() * Tensor::from_data(mask, &input.device()),
            None => input,
        }
    }

    /// Stochastic depth: in training, sets all values of an image to zero with probability `rate`, and scales the other images.
    ///
    /// # References    Huang et al. (2016), Deep Networks with Stochastic Depth, arXiv 1603.09382; torchvision's mode "row"
    pub fn drop_images(&mut self, input: Tensor<4>, rate: f32) -> Tensor<4> {
        let [batch, ..] = input.dims();
        match self.mask([batch, 1, 1, 1], rate) {
            Some(mask) => input.clone() * Tensor::from_data(mask, &input.device()),
            None => input,
        }
    }

    fn mask<const D: usize>(&mut self, shape: [usize; D], rate: f32) -> Option<TensorData> {
        let random = self.random.as_mut().filter(|_| rate > 0.0)?;
        let kept = 1.0 / (1.0 - rate);
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|_| if random.random::<f32>() < rate { 0.0 } else { kept })
            .collect();
        Some(TensorData::new(values, shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn dropout_keeps_the_mean_and_repeats_by_seed() {
        let ones = Tensor::<2>::ones([100, 100], &Device::flex());
        let drop =
            |seed| Pass::training(seed).dropout(ones.clone(), 0.4).into_data().try_to_vec::<f32>().unwrap();
        let values = drop(3);
        let zeros = values.iter().filter(|v| **v == 0.0).count();
        assert!((3800..4200).contains(&zeros), "{zeros}");
        assert!(values.iter().all(|v| *v == 0.0 || (*v - 1.0 / 0.6).abs() < 1e-6));
        assert_eq!(values, drop(3));
        assert_ne!(values, drop(4));
    }

    #[test]
    fn evaluation_drops_nothing() {
        let ones = Tensor::<4>::ones([2, 3, 2, 2], &Device::flex());
        let kept = Pass::evaluation().drop_images(ones.clone(), 0.9);
        kept.into_data().assert_eq(&ones.into_data(), true);
    }

    #[test]
    fn whole_images_are_dropped() {
        let ones = Tensor::<4>::ones([64, 3, 2, 2], &Device::flex());
        let values = Pass::training(1).drop_images(ones, 0.5).into_data().try_to_vec::<f32>().unwrap();
        let images: Vec<&[f32]> = values.chunks(12).collect();
        assert!(images.iter().all(|image| image.iter().all(|v| *v == image[0])));
        let dropped = images.iter().filter(|image| image[0] == 0.0).count();
        assert!((16..48).contains(&dropped), "{dropped}");
    }
}
