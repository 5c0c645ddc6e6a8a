//! The face network of dlib, a residual network with 29 convolutions and 5.6 million parameters.
//!
//! King, "High Quality Face Recognition with Deep Metric Learning" (2017),
//! <http://blog.dlib.net/2017/02/high-quality-face-recognition-with-deep.html>; dlib's `dnn_face_recognition_ex.cpp`, which
//! calls the normalisations `bn_con` in training and `affine` afterwards. After He et al. (2015), arXiv 1512.03385, but the
//! first convolution of a downsampling block has no padding, and its shortcut is an average pooling. The sum of a block
//! appends zeros to the smaller map, in channels and in pixels. The features are the global average of the last map; the
//! linear layer after them belongs to the network's [head](crate::network::EmbeddingHead).

use super::BackboneConfig;
use crate::layer::{
    BatchNorm, Conv2d, Initializer, Layer, LayerList, Output, Pass, Window, average_pool, global_average,
    max_pool, square,
};
use crate::ops::Activation;
use burn::module::Module;
use burn::tensor::{Tensor, activation};

/// Dimension of the features.
pub(super) const FEATURES: usize = 256;

/// Channels and number of blocks of the five stages. All stages but the first begin with a downsampling block.
const STAGES: [(usize, usize); 5] = [(32, 3), (64, 4), (128, 3), (256, 3), (256, 1)];

/// Smallest input that leaves at least one pixel of each map.
pub(super) const MIN_SIDE_PX: usize = 103;

/// Side length of the map that enters the first stage, for an input of `side_px` pixels.
fn first_side(side_px: usize) -> usize {
    let convolved = (side_px - 7) / 2 + 1;
    (convolved - 3) / 2 + 1
}

/// dlib's face network without its linear layer.
#[derive(Module, Debug)]
pub struct DlibResNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    layer1: Vec<Block>,
    layer2: Vec<Block>,
    layer3: Vec<Block>,
    layer4: Vec<Block>,
    layer5: Vec<Block>,
}

impl DlibResNet {
    pub(super) fn new(config: &BackboneConfig, init: &mut Initializer) -> Self {
        let conv1 = Conv2d::new([3, 32], Window { padding: 0, ..square(7, 2) }, init);
        let bn1 = config.norm(32, init);
        let mut input = 32;
        let mut stage = |index: usize| -> Vec<Block> {
            let (width, blocks) = STAGES[index];
            (0..blocks)
                .map(|block| {
                    let channels = [std::mem::replace(&mut input, width), width];
                    Block::new(channels, index > 0 && block == 0, config, init)
                })
                .collect()
        };
        let [layer1, layer2, layer3, layer4, layer5] = [0, 1, 2, 3, 4].map(&mut stage);
        Self { conv1, bn1, layer1, layer2, layer3, layer4, layer5 }
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        [&self.layer1, &self.layer2, &self.layer3, &self.layer4, &self.layer5].into_iter().flatten()
    }

    /// Global average of the last feature map.
    ///
    /// # Shapes        images: [batch, 3, side, side], side at least 103 · output: [batch, 256]
    pub fn forward(&self, images: Tensor<4>, pass: &mut Pass) -> Tensor<2> {
        let x = self.bn1.forward(self.conv1.forward(images), None, Activation::Relu, pass);
        let x = max_pool(x, 3, 2, 0);
        global_average(self.blocks().fold(x, |x, block| block.forward(x, pass)))
    }

    /// Lists the layers.
    pub(crate) fn list(&self, images: Output, layers: &mut LayerList) -> Output {
        let side = first_side(layers.side_px());
        let x = self.conv1.list(images, layers);
        let x = self.bn1.list(x, layers);
        let x = layers.activate(x, Activation::Relu);
        let x = layers.push(Layer::MaxPool { kernel: 3, stride: 2, padding: 0 }, &[x]);
        let (x, _) = self.blocks().fold((x, side), |(x, side), block| block.list(x, side, layers));
        layers.push(Layer::GlobalAverage, &[x])
    }
}

/// A residual block of two 3×3 convolutions.
#[derive(Module, Debug)]
struct Block {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    downsamples: bool,
    /// Number of channels that the shortcut lacks.
    missing_channels: usize,
}

impl Block {
    fn new(
        [input, output]: [usize; 2],
        downsamples: bool,
        config: &BackboneConfig,
        init: &mut Initializer,
    ) -> Self {
        let first = if downsamples { Window { padding: 0, ..square(3, 2) } } else { square(3, 1) };
        Self {
            conv1: Conv2d::new([input, output], first, init),
            bn1: config.norm(output, init),
            conv2: Conv2d::new([output, output], square(3, 1), init),
            bn2: config.norm(output, init),
            downsamples,
            missing_channels: output - input,
        }
    }

    fn forward(&self, input: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let x = self.bn1.forward(self.conv1.forward(input.clone()), None, Activation::Relu, pass);
        let x = self.conv2.forward(x);
        if !self.downsamples {
            return self.bn2.forward(x, Some(input), Activation::Relu, pass);
        }
        let shortcut = average_pool(input, 2);
        let missing_pixels = shortcut.dims()[2] - x.dims()[2];
        if missing_pixels == 0 {
            let shortcut = padded(shortcut, self.missing_channels, 0);
            return self.bn2.forward(x, Some(shortcut), Activation::Relu, pass);
        }
        let x = self.bn2.forward(x, None, Activation::Identity, pass);
        activation::relu(padded(x, 0, missing_pixels) + padded(shortcut, self.missing_channels, 0))
    }

    /// Lists the layers for a map of `side` pixels; returns the output with its side.
    fn list(&self, input: Output, side: usize, layers: &mut LayerList) -> (Output, usize) {
        let x = self.conv1.list(input, layers);
        let x = self.bn1.list(x, layers);
        let x = layers.activate(x, Activation::Relu);
        let x = self.conv2.list(x, layers);
        let mut x = self.bn2.list(x, layers);
        let (mut shortcut, mut output_side) = (input, side);
        if self.downsamples {
            output_side = side / 2;
            shortcut = layers.push(Layer::AveragePool { kernel: 2 }, &[input]);
            let output_channels = self.conv2.weight.val().dims()[0];
            let input_channels = output_channels - self.missing_channels;
            shortcut = list_padded(shortcut, input_channels, (self.missing_channels, 0), layers);
            let convolved = (side - 3) / 2 + 1;
            x = list_padded(x, output_channels, (0, output_side - convolved), layers);
        }
        let sum = layers.push(Layer::Add, &[x, shortcut]);
        (layers.activate(sum, Activation::Relu), output_side)
    }
}

/// The map with channels of zeros appended, and rows and columns of zeros below and on the right.
fn padded(map: Tensor<4>, channels: usize, pixels: usize) -> Tensor<4> {
    let map = if pixels > 0 { map.pad((0, pixels, 0, pixels), 0.0) } else { map };
    if channels == 0 {
        return map;
    }
    let [batch, _, height, width] = map.dims();
    let zeros = Tensor::zeros([batch, channels, height, width], &map.device());
    Tensor::cat(vec![map, zeros], 1)
}

/// Lists [`padded`].
fn list_padded(
    map: Output,
    input_channels: usize,
    (channels, pixels): (usize, usize),
    layers: &mut LayerList,
) -> Output {
    match channels + pixels {
        0 => map,
        _ => layers.push(Layer::Pad { input_channels, channels, pixels }, &[map]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::Architecture;
    use burn::tensor::Device;

    #[test]
    fn the_smallest_side_is_the_first_that_leaves_a_pixel() {
        let leaves_pixels = |side: usize| {
            let sides = (0..4).scan(first_side(side), |side, _| {
                let before = *side;
                *side /= 2;
                Some(before)
            });
            sides.into_iter().all(|side| side >= 3)
        };
        assert!(leaves_pixels(MIN_SIDE_PX) && !leaves_pixels(MIN_SIDE_PX - 1));
    }

    #[test]
    fn zeros_are_appended_in_channels_and_pixels() {
        let device = Device::flex();
        let map = Tensor::<4>::ones([1, 1, 1, 2], &device);
        let found: Vec<f32> = padded(map, 1, 1).into_data().try_to_vec().unwrap();
        assert_eq!(found, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn every_side_that_is_accepted_is_computed() {
        let network = BackboneConfig::new(Architecture::DlibResNet).init_seeded(&Device::flex(), 1).unwrap();
        for side in [MIN_SIDE_PX, 112, 150, 151] {
            let images = Tensor::<4>::ones([1, 3, side, side], &Device::flex());
            assert_eq!(network.forward(images, &mut Pass::evaluation()).dims(), [1, FEATURES]);
        }
    }
}
