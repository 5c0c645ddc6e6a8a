//! MobileFaceNet with the keys of InsightFace's `mbf`, in the width of `mbf` or of the paper.
//!
//! Chen et al., MobileFaceNets: Efficient CNNs for Accurate Real-time Face Verification on Mobile Devices (2018),
//! arXiv 1804.07573, table 1; InsightFace's `mbf` has twice as many channels between blocks. Inputs have exactly 112 pixels.
//! The features are the output of the global depthwise convolution, a trained weighting of the 7×7 positions in place of an
//! average. The linear layer and the normalisation after it, `features.layers.2` and `features.layers.3` in InsightFace,
//! belong to the network's [head](crate::network::EmbeddingHead).

use super::{Architecture, BackboneConfig};
use crate::layer::{
    BatchNorm, Conv2d, ConvNorm, Initializer, Layer, LayerList, Output, PRelu, Pass, Window, square,
};
use crate::ops::Activation;
use burn::module::Module;
use burn::tensor::Tensor;

/// The number of hidden channels of a pruned block is a multiple of this.
const HIDDEN_STEP: usize = 16;

/// Number of hidden channels of a block that keeps `share` of `whole` channels.
fn hidden_channels(whole: usize, share: f32) -> usize {
    let steps = (whole as f32 * share / HIDDEN_STEP as f32).round() as usize;
    (steps * HIDDEN_STEP).clamp(HIDDEN_STEP, whole)
}

/// MobileFaceNet without its linear layer.
#[derive(Module, Debug)]
pub struct MobileFaceNet {
    layers: Vec<Part>,
    conv_sep: ConvBlock,
    features: GlobalDepthwise,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
enum Part {
    Conv(ConvBlock),
    Bottleneck(Bottleneck),
    Residual(Residual),
}

/// A convolution with normalisation and PReLU.
#[derive(Module, Debug)]
struct ConvBlock {
    layers: (Conv2d, BatchNorm, PRelu),
}

/// A convolution with normalisation.
#[derive(Module, Debug)]
struct LinearBlock {
    layers: ConvNorm,
}

/// An inverted bottleneck: expansion, depthwise convolution, projection.
#[derive(Module, Debug)]
struct Bottleneck {
    layers: (ConvBlock, ConvBlock, LinearBlock),
    shortcut: bool,
}

/// Bottlenecks with a shortcut from input to output.
#[derive(Module, Debug)]
struct Residual {
    layers: Vec<Bottleneck>,
}

/// A depthwise convolution whose 7×7 filters cover the whole map.
#[derive(Module, Debug)]
struct GlobalDepthwise {
    layers: Vec<LinearBlock>,
}

/// Builds layers with common settings.
struct Maker<'a> {
    epsilon: f32,
    hidden_share: f32,
    init: &'a mut Initializer,
}

impl MobileFaceNet {
    pub(crate) fn new(config: &BackboneConfig, init: &mut Initializer) -> Self {
        let mut make = Maker { epsilon: config.epsilon(), hidden_share: config.hidden_share, init };
        let scale = if config.architecture == Architecture::MobileFaceNet { 2 } else { 1 };
        let (early, late) = (64 * scale, 128 * scale);
        let layers = vec![
            Part::Conv(make.conv_block([3, early], square(3, 2))),
            Part::Conv(make.conv_block([early, early], Window { groups: 64, ..square(3, 1) })),
            Part::Bottleneck(make.bottleneck([early, 128, early], 2)),
            make.residual(4, early, 128),
            Part::Bottleneck(make.bottleneck([early, 256, late], 2)),
            make.residual(6, late, 256),
            Part::Bottleneck(make.bottleneck([late, 512, late], 2)),
            make.residual(2, late, 256),
        ];
        let conv_sep = make.conv_block([late, 512], square(1, 1));
        let whole = Window { groups: 512, padding: 0, ..square(7, 1) };
        let features = GlobalDepthwise { layers: vec![make.linear_block([512, 512], whole)] };
        Self { layers, conv_sep, features }
    }

    /// The output of the global depthwise convolution.
    ///
    /// # Shapes        images: [batch, 3, 112, 112] · output: [batch, 512]
    pub fn forward(&self, images: Tensor<4>, pass: &mut Pass) -> Tensor<2> {
        let x = self.layers.iter().fold(images, |x, part| match part {
            Part::Conv(block) => block.forward(x, pass),
            Part::Bottleneck(block) => block.forward(x, pass),
            Part::Residual(blocks) => blocks.layers.iter().fold(x, |x, block| block.forward(x, pass)),
        });
        let x = self.conv_sep.forward(x, pass); // [batch, 512, 7, 7]
        let x = self.features.layers.iter().fold(x, |x, block| block.forward(x, None, pass));
        x.flatten(1, 3)
    }

    /// Lists the layers.
    pub(crate) fn list(&self, images: Output, layers: &mut LayerList) -> Output {
        let x = self.layers.iter().fold(images, |x, part| match part {
            Part::Conv(block) => block.list(x, layers),
            Part::Bottleneck(block) => block.list(x, layers),
            Part::Residual(blocks) => blocks.layers.iter().fold(x, |x, block| block.list(x, layers)),
        });
        let x = self.conv_sep.list(x, layers);
        self.features.layers.iter().fold(x, |x, block| block.list(x, layers))
    }
}

impl Maker<'_> {
    fn conv_block(&mut self, channels: [usize; 2], window: Window) -> ConvBlock {
        let LinearBlock { layers: (conv, norm) } = self.linear_block(channels, window);
        ConvBlock { layers: (conv, norm, PRelu::new(channels[1], self.init)) }
    }

    fn linear_block(&mut self, channels: [usize; 2], window: Window) -> LinearBlock {
        let conv = Conv2d::new(channels, window, self.init);
        LinearBlock { layers: (conv, BatchNorm::new(channels[1], self.epsilon, self.init)) }
    }

    fn bottleneck(&mut self, [input, hidden, output]: [usize; 3], stride: usize) -> Bottleneck {
        let hidden = hidden_channels(hidden, self.hidden_share);
        let layers = (
            self.conv_block([input, hidden], square(1, 1)),
            self.conv_block([hidden, hidden], Window { groups: hidden, ..square(3, stride) }),
            self.linear_block([hidden, output], square(1, 1)),
        );
        Bottleneck { layers, shortcut: stride == 1 }
    }

    fn residual(&mut self, blocks: usize, channels: usize, hidden: usize) -> Part {
        let layers = (0..blocks).map(|_| self.bottleneck([channels, hidden, channels], 1)).collect();
        Part::Residual(Residual { layers })
    }
}

impl ConvBlock {
    fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let (conv, norm, prelu) = &self.layers;
        prelu.forward(norm.forward(conv.forward(x), None, Activation::Identity, pass))
    }

    fn list(&self, input: Output, layers: &mut LayerList) -> Output {
        let (conv, norm, prelu) = &self.layers;
        let x = conv.list(input, layers);
        let x = norm.list(x, layers);
        prelu.list(x, layers)
    }
}

impl LinearBlock {
    fn forward(&self, x: Tensor<4>, residual: Option<Tensor<4>>, pass: &mut Pass) -> Tensor<4> {
        let (conv, norm) = &self.layers;
        norm.forward(conv.forward(x), residual, Activation::Identity, pass)
    }

    fn list(&self, input: Output, layers: &mut LayerList) -> Output {
        let (conv, norm) = &self.layers;
        let x = conv.list(input, layers);
        norm.list(x, layers)
    }
}

impl Bottleneck {
    fn forward(&self, input: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let (expand, filter, project) = &self.layers;
        let x = filter.forward(expand.forward(input.clone(), pass), pass);
        project.forward(x, self.shortcut.then_some(input), pass)
    }

    fn list(&self, input: Output, layers: &mut LayerList) -> Output {
        let (expand, filter, project) = &self.layers;
        let x = expand.list(input, layers);
        let x = filter.list(x, layers);
        let x = project.list(x, layers);
        if self.shortcut { layers.push(Layer::Add, &[x, input]) } else { x }
    }
}
