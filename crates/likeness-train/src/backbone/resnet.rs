//! ResNet-18, 34 and 50 with torchvision's keys.
//!
//! He et al., Deep Residual Learning for Image Recognition (2015), arXiv 1512.03385. The features are the global average of
//! the last feature map. The stride of a bottleneck block is a setting: torchvision has it in the 3×3 convolution ("v1.5"),
//! the paper in the first 1×1, and weights for one are wrong for the other.

use super::{BackboneConfig, Downsampling};
use crate::layer::{
    BatchNorm, Conv2d, ConvNorm, Initializer, Layer, LayerList, Output, Pass, Window, global_average,
    max_pool, square,
};
use crate::ops::Activation;
use burn::module::Module;
use burn::tensor::Tensor;

/// Number and kind of the blocks of the four stages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    blocks: [usize; 4],
    bottleneck: bool,
}

pub(crate) const RESNET18: Plan = Plan { blocks: [2, 2, 2, 2], bottleneck: false };
pub(crate) const RESNET34: Plan = Plan { blocks: [3, 4, 6, 3], bottleneck: false };
pub(crate) const RESNET50: Plan = Plan { blocks: [3, 4, 6, 3], bottleneck: true };

/// A residual network without its classifier.
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    layer1: Vec<Block>,
    layer2: Vec<Block>,
    layer3: Vec<Block>,
    layer4: Vec<Block>,
}

impl ResNet {
    pub(crate) fn new(plan: Plan, config: &BackboneConfig, init: &mut Initializer) -> Self {
        let epsilon = config.epsilon();
        let conv1 = Conv2d::new([3, 64], Window { padding: 3, ..square(7, 2) }, init);
        let bn1 = BatchNorm::new(64, epsilon, init);
        let mut input = 64;
        let mut stage = |index: usize| -> Vec<Block> {
            let width = 64 << index;
            (0..plan.blocks[index])
                .map(|block| {
                    let shape = BlockShape {
                        input,
                        width,
                        stride: if block == 0 && index > 0 { 2 } else { 1 },
                        bottleneck: plan.bottleneck,
                    };
                    input = shape.output();
                    Block::new(shape, config, init)
                })
                .collect()
        };
        Self { layer1: stage(0), layer2: stage(1), layer3: stage(2), layer4: stage(3), conv1, bn1 }
    }

    /// The feature map after the first `stages` of the four stages.
    ///
    /// # Shapes        images: [batch, 3, h, w] · output: [batch, channels, h / 2ⁿ⁺¹, w / 2ⁿ⁺¹] for n stages
    pub fn feature_map(&self, images: Tensor<4>, stages: usize, pass: &mut Pass) -> Tensor<4> {
        let x = self.bn1.forward(self.conv1.forward(images), None, Activation::Relu, pass);
        let x = max_pool(x, 3, 2, 1);
        [&self.layer1, &self.layer2, &self.layer3, &self.layer4]
            .into_iter()
            .take(stages)
            .flatten()
            .fold(x, |x, block| block.forward(x, pass))
    }

    /// Global average of the last feature map.
    ///
    /// # Shapes        images: [batch, 3, h, w] · output: [batch, 512 or 2048]
    pub fn forward(&self, images: Tensor<4>, pass: &mut Pass) -> Tensor<2> {
        global_average(self.feature_map(images, 4, pass))
    }

    /// Lists the layers.
    pub(crate) fn list(&self, images: Output, layers: &mut LayerList) -> Output {
        let x = self.conv1.list(images, layers);
        let x = self.bn1.list(x, layers);
        let x = layers.activate(x, Activation::Relu);
        let x = layers.push(Layer::MaxPool { kernel: 3, stride: 2, padding: 1 }, &[x]);
        let blocks = [&self.layer1, &self.layer2, &self.layer3, &self.layer4].into_iter().flatten();
        let x = blocks.fold(x, |x, block| block.list(x, layers));
        layers.push(Layer::GlobalAverage, &[x])
    }
}

#[derive(Debug, Clone, Copy)]
struct BlockShape {
    input: usize,
    width: usize,
    stride: usize,
    bottleneck: bool,
}

impl BlockShape {
    fn output(self) -> usize {
        if self.bottleneck { self.width * 4 } else { self.width }
    }
}

/// A residual block: two 3×3 convolutions, or 1×1, 3×3 and 1×1.
#[derive(Module, Debug)]
struct Block {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    conv3: Option<Conv2d>,
    bn3: Option<BatchNorm>,
    downsample: Option<ConvNorm>,
}

impl Block {
    fn new(shape: BlockShape, config: &BackboneConfig, init: &mut Initializer) -> Self {
        let BlockShape { input, width, stride, bottleneck } = shape;
        let output = shape.output();
        let (first, second) = match (bottleneck, config.downsampling) {
            (true, Downsampling::Middle) => (square(1, 1), square(3, stride)),
            (true, Downsampling::First) => (square(1, stride), square(3, 1)),
            (false, _) => (square(3, stride), square(3, 1)),
        };
        let epsilon = config.epsilon();
        Self {
            conv1: Conv2d::new([input, width], first, init),
            bn1: BatchNorm::new(width, epsilon, init),
            conv2: Conv2d::new([width, width], second, init),
            bn2: BatchNorm::new(width, epsilon, init),
            conv3: bottleneck.then(|| Conv2d::new([width, output], square(1, 1), init)),
            bn3: bottleneck.then(|| BatchNorm::new(output, epsilon, init)),
            downsample: (stride != 1 || input != output).then(|| {
                (Conv2d::new([input, output], square(1, stride), init), BatchNorm::new(output, epsilon, init))
            }),
        }
    }

    fn forward(&self, input: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let x = self.bn1.forward(self.conv1.forward(input.clone()), None, Activation::Relu, pass);
        let x = self.conv2.forward(x);
        let x = match &self.conv3 {
            Some(conv3) => conv3.forward(self.bn2.forward(x, None, Activation::Relu, pass)),
            None => x,
        };
        let shortcut = match &self.downsample {
            Some((conv, norm)) => norm.forward(conv.forward(input), None, Activation::Identity, pass),
            None => input,
        };
        let last = self.bn3.as_ref().unwrap_or(&self.bn2);
        last.forward(x, Some(shortcut), Activation::Relu, pass)
    }

    fn list(&self, input: Output, layers: &mut LayerList) -> Output {
        let x = self.conv1.list(input, layers);
        let x = self.bn1.list(x, layers);
        let x = layers.activate(x, Activation::Relu);
        let x = self.conv2.list(x, layers);
        let mut x = self.bn2.list(x, layers);
        if let (Some(conv3), Some(bn3)) = (&self.conv3, &self.bn3) {
            x = layers.activate(x, Activation::Relu);
            x = conv3.list(x, layers);
            x = bn3.list(x, layers);
        }
        let shortcut = match &self.downsample {
            Some((conv, norm)) => {
                let x = conv.list(input, layers);
                norm.list(x, layers)
            }
            None => input,
        };
        let sum = layers.push(Layer::Add, &[x, shortcut]);
        layers.activate(sum, Activation::Relu)
    }
}
