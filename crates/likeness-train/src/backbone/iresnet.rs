//! IResNet-18, 34, 50 and 100 with the keys of InsightFace's arcface_torch.
//!
//! Duta et al., Improved Residual Networks for Image and Video Recognition (2020), arXiv 2004.04989, as InsightFace has them
//! after Deng et al., ArcFace (2018), arXiv 1801.07698, section 3.1: the map is not halved before the first stage, each block
//! begins with a normalisation, and the features are the whole last map of 7×7 positions. Inputs have exactly 112 pixels. The
//! linear layer and the normalisation after the features, `fc` and `features` in InsightFace, belong to the network's
//! [head](crate::network::EmbeddingHead).

use super::BackboneConfig;
use crate::layer::{BatchNorm, Conv2d, ConvNorm, Initializer, Layer, LayerList, Output, PRelu, Pass, square};
use crate::ops::Activation;
use burn::module::Module;
use burn::tensor::Tensor;

/// Dimension of the features: 512 channels at 7×7 positions.
pub(super) const FEATURES: usize = 512 * 7 * 7;

/// Blocks of each stage.
pub(super) const IRESNET18: [usize; 4] = [2, 2, 2, 2];
pub(super) const IRESNET34: [usize; 4] = [3, 4, 6, 3];
pub(super) const IRESNET50: [usize; 4] = [3, 4, 14, 3];
pub(super) const IRESNET100: [usize; 4] = [3, 13, 30, 3];

/// An improved residual network without its linear layer.
#[derive(Module, Debug)]
pub struct IResNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    prelu: PRelu,
    layer1: Vec<Block>,
    layer2: Vec<Block>,
    layer3: Vec<Block>,
    layer4: Vec<Block>,
    bn2: BatchNorm,
}

/// A residual block: normalisation, 3×3 convolution, PReLU, 3×3 convolution with the stride.
#[derive(Module, Debug)]
struct Block {
    bn1: BatchNorm,
    conv1: Conv2d,
    bn2: BatchNorm,
    prelu: PRelu,
    conv2: Conv2d,
    bn3: BatchNorm,
    downsample: Option<ConvNorm>,
}

impl IResNet {
    pub(super) fn new(blocks: [usize; 4], config: &BackboneConfig, init: &mut Initializer) -> Self {
        let epsilon = config.epsilon();
        let conv1 = Conv2d::new([3, 64], square(3, 1), init);
        let bn1 = BatchNorm::new(64, epsilon, init);
        let prelu = PRelu::new(64, init);
        let mut stage = |index: usize| -> Vec<Block> {
            let width = 64 << index;
            let before = if index == 0 { 64 } else { width / 2 };
            (0..blocks[index])
                .map(|block| match block {
                    0 => Block::new([before, width], 2, epsilon, init),
                    _ => Block::new([width, width], 1, epsilon, init),
                })
                .collect()
        };
        let [layer1, layer2, layer3, layer4] = [0, 1, 2, 3].map(&mut stage);
        Self { conv1, bn1, prelu, layer1, layer2, layer3, layer4, bn2: BatchNorm::new(512, epsilon, init) }
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        [&self.layer1, &self.layer2, &self.layer3, &self.layer4].into_iter().flatten()
    }

    /// The last feature map, flattened.
    ///
    /// # Shapes        images: [batch, 3, 112, 112] · output: [batch, 25088]
    pub fn forward(&self, images: Tensor<4>, pass: &mut Pass) -> Tensor<2> {
        let x = self.bn1.forward(self.conv1.forward(images), None, Activation::Identity, pass);
        let x = self.blocks().fold(self.prelu.forward(x), |x, block| block.forward(x, pass));
        self.bn2.forward(x, None, Activation::Identity, pass).flatten(1, 3)
    }

    /// Lists the layers.
    pub(crate) fn list(&self, images: Output, layers: &mut LayerList) -> Output {
        let x = self.conv1.list(images, layers);
        let x = self.bn1.list(x, layers);
        let x = self.prelu.list(x, layers);
        let x = self.blocks().fold(x, |x, block| block.list(x, layers));
        self.bn2.list(x, layers)
    }
}

impl Block {
    fn new([input, output]: [usize; 2], stride: usize, epsilon: f32, init: &mut Initializer) -> Self {
        Self {
            bn1: BatchNorm::new(input, epsilon, init),
            conv1: Conv2d::new([input, output], square(3, 1), init),
            bn2: BatchNorm::new(output, epsilon, init),
            prelu: PRelu::new(output, init),
            conv2: Conv2d::new([output, output], square(3, stride), init),
            bn3: BatchNorm::new(output, epsilon, init),
            downsample: (stride != 1 || input != output).then(|| {
                (Conv2d::new([input, output], square(1, stride), init), BatchNorm::new(output, epsilon, init))
            }),
        }
    }

    fn forward(&self, input: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let plain = Activation::Identity;
        let x = self.bn1.forward(input.clone(), None, plain, pass);
        let x = self.bn2.forward(self.conv1.forward(x), None, plain, pass);
        let x = self.conv2.forward(self.prelu.forward(x));
        let shortcut = match &self.downsample {
            Some((conv, norm)) => norm.forward(conv.forward(input), None, plain, pass),
            None => input,
        };
        self.bn3.forward(x, Some(shortcut), plain, pass)
    }

    fn list(&self, input: Output, layers: &mut LayerList) -> Output {
        let x = self.bn1.list(input, layers);
        let x = self.conv1.list(x, layers);
        let x = self.bn2.list(x, layers);
        let x = self.prelu.list(x, layers);
        let x = self.conv2.list(x, layers);
        let x = self.bn3.list(x, layers);
        let shortcut = match &self.downsample {
            Some((conv, norm)) => {
                let x = conv.list(input, layers);
                norm.list(x, layers)
            }
            None => input,
        };
        layers.push(Layer::Add, &[x, shortcut])
    }
}
