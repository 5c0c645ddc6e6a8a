//! The layers of a network as plain data, in the order in which evaluation computes them.
//!
//! Every network lists its own layers in `list`, beside its `forward`. [`export`](crate::export) writes the list as a graph,
//! and [`weights`](crate::weights) compares it with the layers of an imported graph.

use burn::module::{Param, ParamId};
use burn::tensor::Tensor;

use crate::ops::{Activation, ConvOptions};

/// A layer of a network or of an imported graph.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// A convolution or a linear layer.
    Product {
        /// `[out, in / groups, height, width]` or `[out, in]`.
        shape: Vec<usize>,
        /// Weights, row-major.
        weight: Vec<f32>,
        /// Bias of each output; `None` for a layer without one.
        bias: Option<Vec<f32>>,
        /// Stride, padding and groups of a convolution; `None` for a linear layer. In an imported graph only the stride is set.
        options: Option<ConvOptions>,
    },
    /// Batch normalisation in evaluation: (x − mean) / √(variance + epsilon) · scale + shift.
    Norm {
        /// γ of each channel.
        scale: Vec<f32>,
        /// β of each channel.
        shift: Vec<f32>,
        /// Running mean of each channel.
        mean: Vec<f32>,
        /// Running variance of each channel.
        variance: Vec<f32>,
        /// Added to the variance.
        epsilon: f32,
        /// Whether the input is the output of the convolution or linear layer directly before.
        of_product: bool,
    },
    /// PReLU: the slope of each channel for negative values.
    Slopes(Vec<f32>),
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// Sum of two inputs.
    Add,
    /// Elementwise product of two inputs; dimensions of size 1 are broadcast.
    Multiply,
    /// Maximum of each square window.
    MaxPool {
        /// Side length of the window.
        kernel: usize,
        /// Distance between windows.
        stride: usize,
        /// Padding on each side.
        padding: usize,
    },
    /// Mean of each square window of side `kernel`, without overlap and padding.
    AveragePool {
        /// Side length of the window, and distance between windows.
        kernel: usize,
    },
    /// Appends channels, rows and columns of zeros.
    Pad {
        /// Number of channels of the input.
        input_channels: usize,
        /// Number of channels that are appended.
        channels: usize,
        /// Number of rows below and of columns on the right that are appended.
        pixels: usize,
    },
    /// Mean of each channel, `[batch, channels, 1, 1]`.
    GlobalAverage,
    /// One row for each image.
    Flatten,
}

impl Layer {
    /// Whether the layer is a batch normalisation.
    pub(crate) fn is_norm(&self) -> bool {
        matches!(self, Self::Norm { .. })
    }
}

/// The output of a layer of a [`LayerList`], or the network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Output(usize);

impl Output {
    /// The images that enter the network.
    pub(crate) const IMAGES: Self = Self(0);

    /// The output at a position among all outputs, see [`Output::index`].
    pub(crate) fn at(index: usize) -> Self {
        Self(index)
    }

    /// Position among all outputs: 0 for the images, then one for each layer.
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

/// A layer with its inputs.
#[derive(Debug)]
pub(crate) struct ListedLayer {
    pub(crate) layer: Layer,
    pub(crate) inputs: Vec<Output>,
    /// The parameter that holds the layer's weight; `None` for a layer without weights.
    pub(crate) parameter: Option<ParamId>,
}

/// The layers of a network, each after the layers whose outputs it takes.
#[derive(Debug)]
pub(crate) struct LayerList {
    layers: Vec<ListedLayer>,
    side_px: usize,
}

impl LayerList {
    /// An empty list of the layers of a network for images of `side_px` pixels.
    pub(crate) fn new(side_px: usize) -> Self {
        Self { layers: Vec::new(), side_px }
    }

    /// Side length of the images that enter the network, in pixels.
    pub(crate) fn side_px(&self) -> usize {
        self.side_px
    }

    /// The layers with their inputs.
    pub(crate) fn into_layers(self) -> Vec<ListedLayer> {
        self.layers
    }

    /// Appends a layer without weights.
    pub(crate) fn push(&mut self, layer: Layer, inputs: &[Output]) -> Output {
        self.append(layer, inputs, None)
    }

    /// Appends a layer whose weight is `parameter`.
    pub(crate) fn push_weighted<const D: usize>(
        &mut self,
        layer: Layer,
        input: Output,
        parameter: &Param<Tensor<D>>,
    ) -> Output {
        self.append(layer, &[input], Some(parameter.id))
    }

    /// Appends an activation.
    pub(crate) fn activate(&mut self, input: Output, activation: Activation) -> Output {
        match activation {
            Activation::Identity => input,
            Activation::Relu => self.push(Layer::Relu, &[input]),
            Activation::Relu6 => self.push(Layer::Relu6, &[input]),
            Activation::Silu => {
                let gate = self.push(Layer::Sigmoid, &[input]);
                self.push(Layer::Multiply, &[input, gate])
            }
        }
    }

    /// Whether `output` is that of the last layer, and that layer is a convolution or a linear layer.
    pub(crate) fn ends_with_product(&self, output: Output) -> bool {
        output.0 == self.layers.len()
            && matches!(self.layers.last(), Some(last) if matches!(last.layer, Layer::Product { .. }))
    }

    fn append(&mut self, layer: Layer, inputs: &[Output], parameter: Option<ParamId>) -> Output {
        self.layers.push(ListedLayer { layer, inputs: inputs.to_vec(), parameter });
        Output(self.layers.len())
    }
}

/// The values of a parameter, row-major.
pub(crate) fn values<const D: usize>(param: &Param<Tensor<D>>) -> Vec<f32> {
    param.val().into_data().convert::<f32>().try_to_vec().expect("converted to f32")
}
