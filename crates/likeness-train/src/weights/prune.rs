//! Prunes a trained network: keeps the most important channels within each block.
//!
//! Between the two 1×1 convolutions of an inverted bottleneck, a channel has a filter, a normalisation and slopes of its own,
//! so it can be removed without changing others. The importance of a channel is the scale γ of its last normalisation times
//! the norm of its column in the projection (Liu et al., Learning Efficient Convolutional Networks through Network Slimming
//! (2017), arXiv 1708.06519, rank by γ alone). The pruned network has to be fine-tuned.

use super::load::{Values, fill};
use super::save::{Tensors, collect};
use crate::error::{Result, TrainError};
use crate::network::{Network, NetworkConfig};
use crate::parameter::parameters;
use burn::tensor::Device;
use std::collections::HashMap;

/// Indices of the channels that are kept, by the key prefix of the block.
type Kept = HashMap<String, Vec<usize>>;

/// The network with `share` of the channels within its blocks, rounded to multiples of 16, on `device`.
///
/// # Errors        another network than MobileFaceNet, a network that is pruned already, a share that is not between 0 and 1 →
/// [`TrainError::BadArgument`]
pub fn prune(network: &Network, share: f32, device: &Device) -> Result<Network> {
    let config = network.config();
    if config.backbone.hidden_share < 1.0 {
        return Err(TrainError::argument_with_hint(
            format!("the network was pruned to {} of its channels before", config.backbone.hidden_share),
            "prune the network that it was made of",
        ));
    }
    if !(share > 0.0 && share < 1.0) {
        return Err(TrainError::argument(format!("a share of {share} is not between 0 and 1")));
    }
    let mut narrow = config.clone();
    narrow.backbone.hidden_share = share;
    let narrow = NetworkConfig::init(&narrow, device)?;
    let wide = collect(network);
    let (mut kept, mut values) = (Kept::new(), Values::new());
    for info in parameters(&narrow) {
        let (shape, whole) = &wide[&info.key];
        let chosen = match (0..shape.len()).find(|&i| shape[i] != info.shape[i]) {
            None => whole.clone(),
            Some(axis) => {
                let block = block_of(&info.key);
                let channels = kept
                    .entry(block.to_owned())
                    .or_insert_with(|| most_important(&wide, block, info.shape[axis]));
                select(whole, shape, axis, channels)
            }
        };
        values.insert(info.key, chosen);
    }
    Ok(fill(narrow, values))
}

/// The key prefix of the block of a key: all but `layers.I.layers.J.NAME`.
fn block_of(key: &str) -> &str {
    key.rmatch_indices('.').nth(4).map_or("", |(end, _)| &key[..end])
}

/// Indices of the `count` most important channels of a block, ascending.
fn most_important(tensors: &Tensors, block: &str, count: usize) -> Vec<usize> {
    let values = |end: &str| &tensors[&format!("{block}.{end}")].1;
    let (scales, projection) = (values("layers.1.layers.1.weight"), values("layers.2.layers.0.weight"));
    let columns = scales.len();
    let importance: Vec<f64> = scales
        .iter()
        .enumerate()
        .map(|(channel, scale)| {
            let column = projection.iter().skip(channel).step_by(columns);
            f64::from(*scale).powi(2) * column.map(|weight| f64::from(*weight).powi(2)).sum::<f64>()
        })
        .collect();
    let mut order: Vec<usize> = (0..columns).collect();
    order.sort_by(|&a, &b| importance[b].total_cmp(&importance[a]).then(a.cmp(&b)));
    order.truncate(count);
    order.sort_unstable();
    order
}

/// The values at the indices `places` of an axis.
fn select(values: &[f32], shape: &[usize], axis: usize, places: &[usize]) -> Vec<f32> {
    let inner: usize = shape[axis + 1..].iter().product();
    values
        .chunks_exact(shape[axis] * inner)
        .flat_map(|outer| places.iter().flat_map(move |place| &outer[place * inner..][..inner]))
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::Architecture;
    use crate::layer::Pass;
    use burn::tensor::Tensor;

    fn wide() -> Network {
        let config =
            NetworkConfig { embedding_dim: 8, seed: 3, ..NetworkConfig::new(Architecture::MobileFaceNetX1) };
        config.init(&Device::flex()).unwrap()
    }

    fn embedding(network: &Network) -> Vec<f32> {
        let values: Vec<f32> = (0..3 * 112 * 112).map(|i| ((i * i) % 97) as f32 / 48.5 - 1.0).collect();
        let images = Tensor::<1>::from_floats(values.as_slice(), &Device::flex()).reshape([1, 3, 112, 112]);
        network.forward(images, &mut Pass::evaluation()).raw.into_data().try_to_vec().unwrap()
    }

    /// The network whose projections do not look at the channels of `silent`.
    fn with_silent(network: &Network, silent: impl Fn(usize) -> bool) -> Network {
        let mut values = Values::new();
        for (key, (shape, mut weights)) in collect(network) {
            if key.ends_with("layers.2.layers.0.weight") {
                for (i, weight) in weights.iter_mut().enumerate() {
                    *weight *= f32::from(u8::from(!silent(i % shape[1])));
                }
                values.insert(key, weights);
            }
        }
        fill(network.clone(), values)
    }

    #[test]
    fn channels_that_nothing_looks_at_are_those_that_go() {
        let network = with_silent(&wide(), |channel| channel % 2 == 0);
        let narrow = prune(&network, 0.5, &Device::flex()).unwrap();
        assert_eq!(narrow.config().backbone.hidden_share, 0.5);
        let (expected, found) = (embedding(&network), embedding(&narrow));
        let difference = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let length = expected.iter().map(|v| v * v).sum::<f32>().sqrt();
        assert!(difference < 1e-4 * length, "{difference} of {length}");
        let fewer = prune(&network, 0.25, &Device::flex()).unwrap();
        assert_ne!(embedding(&fewer), expected);
    }

    #[test]
    fn what_cannot_be_pruned_is_refused() {
        let device = Device::flex();
        let narrow = prune(&wide(), 0.5, &device).unwrap();
        assert!(prune(&narrow, 0.25, &device).unwrap_err().to_string().contains("pruned to 0.5"));
        for share in [0.0, 1.0, f32::NAN] {
            assert!(prune(&wide(), share, &device).is_err());
        }
        let other = NetworkConfig::new(Architecture::ResNet18).init(&device).unwrap();
        let error = prune(&other, 0.5, &device).unwrap_err();
        assert!(error.to_string().contains("resnet18"), "{error}");
    }

    #[test]
    fn places_of_an_axis_are_taken_in_order() {
        let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
        assert_eq!(select(&values, &[3, 4], 0, &[0, 2]), [0.0, 1.0, 2.0, 3.0, 8.0, 9.0, 10.0, 11.0]);
        assert_eq!(select(&values, &[3, 4], 1, &[1, 3]), [1.0, 3.0, 5.0, 7.0, 9.0, 11.0]);
        assert_eq!(select(&values, &[2, 3, 2], 1, &[1]), [2.0, 3.0, 8.0, 9.0]);
    }
}
