//! EfficientNet-B0 and Lite0 with torchvision's keys.
//!
//! Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks (2019), arXiv 1905.11946, table 1.
//! The features are the global average of the last feature map. Lite0 is TensorFlow's variant for fixed-point processors:
//! <https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite>. It has no squeeze and excitation, ReLU6
//! for SiLU, and TensorFlow's padding "SAME": the layers of stride 2 pad one pixel more below and on the right than above and
//! on the left.

use super::{Architecture, BackboneConfig};
use crate::layer::{
    Conv2d, ConvNorm, Initializer, Layer, LayerList, Output, Pass, Window, global_average, square,
};
use crate::ops::Activation;
use burn::module::Module;
use burn::tensor::{Tensor, activation};

/// One stage of blocks.
struct Stage {
    expansion: usize,
    kernel: usize,
    stride: usize,
    output: usize,
    blocks: usize,
}

const fn stage(expansion: usize, kernel: usize, stride: usize, output: usize, blocks: usize) -> Stage {
    Stage { expansion, kernel, stride, output, blocks }
}

/// Table 1 of the paper, rows 2 to 8.
const STAGES: [Stage; 7] = [
    stage(1, 3, 1, 16, 1),
    stage(6, 3, 2, 24, 2),
    stage(6, 5, 2, 40, 2),
    stage(6, 3, 2, 80, 3),
    stage(6, 5, 1, 112, 3),
    stage(6, 5, 2, 192, 4),
    stage(6, 3, 1, 320, 1),
];

/// EfficientNet-B0 or Lite0 without its classifier.
#[derive(Module, Debug)]
pub struct EfficientNet {
    features: Vec<Part>,
    lite: bool,
}

/// The activation of all layers but the projections.
fn activation_of(lite: bool) -> Activation {
    if lite { Activation::Relu6 } else { Activation::Silu }
}

/// A square filter, padded as the variant pads.
fn filter(kernel: usize, stride: usize, lite: bool) -> Window {
    let window = square(kernel, stride);
    match (lite, stride) {
        (true, 2) => Window { padding: kernel / 2 - 1, end_padding: 1, ..window },
        _ => window,
    }
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
enum Part {
    Conv(ConvNorm),
    Stage(Vec<Block>),
}

impl EfficientNet {
    pub(crate) fn new(config: &BackboneConfig, init: &mut Initializer) -> Self {
        let lite = config.architecture == Architecture::EfficientNetLite0;
        let mut features = vec![Part::Conv(conv_norm([3, 32], filter(3, 2, lite), config, init))];
        let total: usize = STAGES.iter().map(|stage| stage.blocks).sum();
        let (mut input, mut done) = (32, 0);
        for stage in &STAGES {
            let mut blocks = Vec::new();
            for block in 0..stage.blocks {
                let stride = if block == 0 { stage.stride } else { 1 };
                let drop_rate = config.stochastic_depth * done as f32 / total as f32;
                blocks.push(Block::new(input, &Stage { stride, ..*stage }, drop_rate, (config, init)));
                (input, done) = (stage.output, done + 1);
            }
            features.push(Part::Stage(blocks));
        }
        features.push(Part::Conv(conv_norm([input, 1280], square(1, 1), config, init)));
        Self { features, lite }
    }

    /// Global average of the last feature map.
    ///
    /// # Shapes        images: [batch, 3, h, w] · output: [batch, 1280]
    pub fn forward(&self, images: Tensor<4>, pass: &mut Pass) -> Tensor<2> {
        let features = self.features.iter().fold(images, |x, part| match part {
            Part::Conv(layer) => conv_forward(layer, x, None, activation_of(self.lite), pass),
            Part::Stage(blocks) => blocks.iter().fold(x, |x, block| block.forward(x, pass)),
        });
        global_average(features)
    }

    /// Lists the layers.
    pub(crate) fn list(&self, images: Output, layers: &mut LayerList) -> Output {
        let features = self.features.iter().fold(images, |x, part| match part {
            Part::Conv(layer) => conv_list(layer, x, activation_of(self.lite), layers),
            Part::Stage(blocks) => blocks.iter().fold(x, |x, block| block.list(x, layers)),
        });
        layers.push(Layer::GlobalAverage, &[features])
    }
}

fn conv_norm(
    channels: [usize; 2],
    window: Window,
    config: &BackboneConfig,
    init: &mut Initializer,
) -> ConvNorm {
    let conv = Conv2d::new(channels, window, init);
    (conv, config.norm(channels[1], init))
}

fn conv_forward(
    (conv, norm): &ConvNorm,
    x: Tensor<4>,
    residual: Option<Tensor<4>>,
    activation: Activation,
    pass: &mut Pass,
) -> Tensor<4> {
    norm.forward(conv.forward(x), residual, activation, pass)
}

fn conv_list(
    (conv, norm): &ConvNorm,
    input: Output,
    activation: Activation,
    layers: &mut LayerList,
) -> Output {
    let x = conv.list(input, layers);
    let x = norm.list(x, layers);
    layers.activate(x, activation)
}

/// A mobile inverted bottleneck: expansion, depthwise convolution, squeeze and excitation in B0, projection.
#[derive(Module, Debug)]
struct Block {
    block: Vec<BlockPart>,
    lite: bool,
    shortcut: bool,
    drop_rate: f32,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
enum BlockPart {
    Conv(ConvNorm),
    Excitation(SqueezeExcitation),
}

impl Block {
    fn new(
        input: usize,
        stage: &Stage,
        drop_rate: f32,
        (config, init): (&BackboneConfig, &mut Initializer),
    ) -> Self {
        let width = input * stage.expansion;
        let lite = config.architecture == Architecture::EfficientNetLite0;
        let mut block = Vec::new();
        if stage.expansion != 1 {
            block.push(BlockPart::Conv(conv_norm([input, width], square(1, 1), config, init)));
        }
        let each_channel = Window { groups: width, ..filter(stage.kernel, stage.stride, lite) };
        block.push(BlockPart::Conv(conv_norm([width, width], each_channel, config, init)));
        if !lite {
            block.push(BlockPart::Excitation(SqueezeExcitation::new(width, (input / 4).max(1), init)));
        }
        block.push(BlockPart::Conv(conv_norm([width, stage.output], square(1, 1), config, init)));
        Self { block, lite, shortcut: stage.stride == 1 && input == stage.output, drop_rate }
    }

    fn forward(&self, input: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let last = self.block.len() - 1;
        let dropped = self.drop_rate > 0.0 && pass.is_training();
        let mut x = input.clone();
        for (index, part) in self.block.iter().enumerate() {
            x = match part {
                BlockPart::Excitation(excitation) => excitation.forward(x),
                BlockPart::Conv(layer) if index < last => {
                    conv_forward(layer, x, None, activation_of(self.lite), pass)
                }
                BlockPart::Conv(layer) => {
                    let residual = (self.shortcut && !dropped).then(|| input.clone());
                    conv_forward(layer, x, residual, Activation::Identity, pass)
                }
            };
        }
        if self.shortcut && dropped { pass.drop_images(x, self.drop_rate) + input } else { x }
    }

    fn list(&self, input: Output, layers: &mut LayerList) -> Output {
        let last = self.block.len() - 1;
        let x = self.block.iter().enumerate().fold(input, |x, (index, part)| match part {
            BlockPart::Excitation(excitation) => excitation.list(x, layers),
            BlockPart::Conv(layer) if index < last => conv_list(layer, x, activation_of(self.lite), layers),
            BlockPart::Conv(layer) => conv_list(layer, x, Activation::Identity, layers),
        });
        if self.shortcut { layers.push(Layer::Add, &[x, input]) } else { x }
    }
}

/// Squeeze and excitation: scales each channel by a factor computed from the averages of all channels.
///
/// # References    Hu et al. (2017), Squeeze-and-Excitation Networks, arXiv 1709.01507
#[derive(Module, Debug)]
struct SqueezeExcitation {
    fc1: Conv2d,
    fc2: Conv2d,
}

impl SqueezeExcitation {
    fn new(channels: usize, squeezed: usize, init: &mut Initializer) -> Self {
        let window = Window { bias: true, ..square(1, 1) };
        Self {
            fc1: Conv2d::new([channels, squeezed], window, init),
            fc2: Conv2d::new([squeezed, channels], window, init),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, channels, ..] = x.dims();
        let mean = global_average(x.clone()).reshape([batch, channels, 1, 1]);
        let squeezed = activation::silu(self.fc1.forward(mean));
        x * activation::sigmoid(self.fc2.forward(squeezed))
    }

    fn list(&self, input: Output, layers: &mut LayerList) -> Output {
        let mean = layers.push(Layer::GlobalAverage, &[input]);
        let squeezed = self.fc1.list(mean, layers);
        let squeezed = layers.activate(squeezed, Activation::Silu);
        let weighed = self.fc2.list(squeezed, layers);
        let gate = layers.push(Layer::Sigmoid, &[weighed]);
        layers.push(Layer::Multiply, &[input, gate])
    }
}
