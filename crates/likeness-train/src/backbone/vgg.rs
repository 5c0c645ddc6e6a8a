//! VGG-16, plain and with batch normalisation, with torchvision's keys.
//!
//! Simonyan and Zisserman, Very Deep Convolutional Networks (2014), arXiv 1409.1556, configuration D. Inputs have any size
//! from 32 pixels, and the features are the global average of the last feature map. The three fully connected layers
//! (`classifier.*` of a published file) are left out: they need 224 pixels, hold 120 of the 138 million parameters, and
//! averaged convolutions retrieve better (Babenko and Lempitsky (2015), arXiv 1510.07493). torchvision's 7×7 pooling before
//! them has no parameters and no effect at 224 pixels.

use super::BackboneConfig;
use crate::layer::{
    BatchNorm, Conv2d, Initializer, Layer, LayerList, Output, Pass, Window, global_average, max_pool, square,
};
use crate::ops::Activation;
use burn::module::Module;
use burn::tensor::{Tensor, activation::relu};

/// Output channels of the convolutions of each block; a max pooling ends each block.
const BLOCKS: [&[usize]; 5] = [&[64, 64], &[128, 128], &[256, 256, 256], &[512, 512, 512], &[512, 512, 512]];

/// VGG-16 without its classifier.
#[derive(Module, Debug)]
pub struct Vgg {
    /// Layers by torchvision's index; `None` for activations and poolings, which have no parameters.
    features: Vec<Option<Part>>,
    batch_norm: bool,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
enum Part {
    Conv(Conv2d),
    BatchNorm(BatchNorm),
}

impl Vgg {
    pub(crate) fn new(batch_norm: bool, config: &BackboneConfig, init: &mut Initializer) -> Self {
        let mut features = Vec::new();
        let mut input = 3;
        for block in BLOCKS {
            for &output in block {
                let window = Window { bias: true, ..square(3, 1) };
                features.push(Some(Part::Conv(Conv2d::new([input, output], window, init))));
                if batch_norm {
                    let norm = BatchNorm::new(output, config.epsilon(), init);
                    features.push(Some(Part::BatchNorm(norm)));
                }
                features.push(None);
                input = output;
            }
            features.push(None);
        }
        Self { features, batch_norm }
    }

    /// The block, counted from 0, of the layer at `index` of `features`.
    pub(crate) fn block_of(index: usize, batch_norm: bool) -> usize {
        let layers = if batch_norm { 3 } else { 2 };
        let mut end = 0;
        BLOCKS
            .iter()
            .position(|block| {
                end += block.len() * layers + 1;
                index < end
            })
            .unwrap_or(BLOCKS.len() - 1)
    }

    /// Global average of the last feature map.
    ///
    /// # Shapes        images: [batch, 3, h, w], h and w ≥ 32 · output: [batch, 512]
    pub fn forward(&self, images: Tensor<4>, pass: &mut Pass) -> Tensor<2> {
        let mut x = images;
        let mut after_activation = false;
        for layer in &self.features {
            x = match layer {
                Some(Part::Conv(conv)) => conv.forward(x),
                Some(Part::BatchNorm(norm)) => norm.forward(x, None, Activation::Relu, pass),
                None if after_activation => max_pool(x, 2, 2, 0),
                None if self.batch_norm => x, // the normalisation has activated
                None => relu(x),
            };
            after_activation = layer.is_none();
        }
        global_average(x)
    }

    /// Lists the layers.
    pub(crate) fn list(&self, images: Output, layers: &mut LayerList) -> Output {
        let mut x = images;
        let mut after_activation = false;
        for layer in &self.features {
            x = match layer {
                Some(Part::Conv(conv)) => conv.list(x, layers),
                Some(Part::BatchNorm(norm)) => norm.list(x, layers),
                None if after_activation => {
                    layers.push(Layer::MaxPool { kernel: 2, stride: 2, padding: 0 }, &[x])
                }
                None => layers.activate(x, Activation::Relu),
            };
            after_activation = layer.is_none();
        }
        layers.push(Layer::GlobalAverage, &[x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_end_at_their_pooling() {
        for (index, block) in [(0, 0), (4, 0), (5, 1), (9, 1), (10, 2), (16, 2), (17, 3), (24, 4), (30, 4)] {
            assert_eq!(Vgg::block_of(index, false), block, "{index}");
        }
        for (index, block) in [(6, 0), (7, 1), (13, 1), (14, 2), (24, 3), (34, 4), (43, 4)] {
            assert_eq!(Vgg::block_of(index, true), block, "{index}");
        }
    }
}
