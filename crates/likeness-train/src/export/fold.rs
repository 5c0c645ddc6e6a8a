//! Writes the layers of a network as a graph, with batch normalisation folded into the convolution or linear layer beside it.
//!
//! A normalisation is folded into the layer directly before it. The normalisation before a linear layer is folded into that
//! layer as well. The normalisation before a convolution is not: the convolution pads with zeros, not with the values that
//! the normalisation makes of zeros. Factors are computed in double precision.

use super::graph::{Filter, GraphBuilder, Value};
use crate::layer::{Layer, LayerList, ListedLayer, Output};
use crate::ops::ConvOptions;

/// A normalisation of channel c in evaluation: scale\[c\] · x + shift\[c\].
#[derive(Debug, Clone)]
struct Affine {
    scale: Vec<f64>,
    shift: Vec<f64>,
}

impl Affine {
    /// Leaves `channels` channels as they are.
    fn identity(channels: usize) -> Self {
        Self { scale: vec![1.0; channels], shift: vec![0.0; channels] }
    }

    /// The effect of a batch normalisation; `None` for another layer.
    fn of(layer: &Layer) -> Option<Self> {
        let Layer::Norm { scale, shift, mean, variance, epsilon, .. } = layer else { return None };
        let epsilon = f64::from(*epsilon);
        let factors: Vec<f64> = scale
            .iter()
            .zip(variance)
            .map(|(scale, variance)| f64::from(*scale) / (f64::from(*variance) + epsilon).sqrt())
            .collect();
        let places = shift.iter().zip(mean).zip(&factors);
        let shift =
            places.map(|((shift, mean), factor)| f64::from(*shift) - f64::from(*mean) * factor).collect();
        Some(Self { scale: factors, shift })
    }
}

/// A convolution or a linear layer with the normalisations that are folded into it.
struct Product {
    shape: Vec<usize>,
    weight: Vec<f32>,
    bias: Option<Vec<f32>>,
    before: Option<Affine>,
    after: Option<Affine>,
}

impl Product {
    /// Row o of the weight W becomes after.scale\[o\] · W\[o\] · before.scale, and the bias takes the shifts.
    fn folded(self) -> (Vec<f32>, Vec<f32>) {
        let Self { shape, mut weight, bias, before, after } = self;
        let rows = shape[0];
        let columns: usize = shape[1..].iter().product();
        let after = after.unwrap_or_else(|| Affine::identity(rows));
        let mut bias = bias.unwrap_or_else(|| vec![0.0; rows]);
        for (o, row) in weight.chunks_exact_mut(columns).enumerate() {
            let mut sum = f64::from(bias[o]);
            match &before {
                None => row.iter_mut().for_each(|v| *v = (f64::from(*v) * after.scale[o]) as f32),
                Some(before) => {
                    for ((v, scale), shift) in row.iter_mut().zip(&before.scale).zip(&before.shift) {
                        sum += f64::from(*v) * shift;
                        *v = (f64::from(*v) * scale * after.scale[o]) as f32;
                    }
                }
            }
            bias[o] = (sum * after.scale[o] + after.shift[o]) as f32;
        }
        (weight, bias)
    }

    fn write(self, input: &Value, options: Option<ConvOptions>, graph: &mut GraphBuilder) -> Value {
        let shape = self.shape.clone();
        let (weight, bias) = self.folded();
        match (options, shape.as_slice()) {
            (Some(options), &[out, each, height, width]) => {
                graph.conv(input, &Filter { weight, shape: [out, each, height, width], bias, options })
            }
            _ => graph.embedding(input, &weight, &bias),
        }
    }
}

/// Writes all layers; a network that ends without a linear layer has its features as the embedding.
pub(super) fn write(layers: LayerList, graph: &mut GraphBuilder) {
    let mut layers = layers.into_layers().into_iter().peekable();
    // Values by the index of the output; a folded layer has the value of the layer that it is folded into.
    let mut values = vec![GraphBuilder::input()];
    let (mut before, mut ends_with_linear) = (None, false);
    while let Some(ListedLayer { layer, inputs, .. }) = layers.next() {
        let input = |i: usize| &values[inputs[i].index()];
        let output = Output::at(values.len());
        ends_with_linear = false;
        let value = match layer {
            Layer::Product { shape, weight, bias, options } => {
                let after = layers.next_if(|next| next.layer.is_norm() && next.inputs == [output]);
                let folds = after.is_some();
                let after = after.and_then(|norm| Affine::of(&norm.layer));
                ends_with_linear = options.is_none();
                let product = Product { shape, weight, bias, before: before.take(), after };
                let value = product.write(input(0), options, graph);
                if folds {
                    values.push(value.clone());
                }
                value
            }
            Layer::Norm { .. } if layers.peek().is_some_and(|next| is_linear_of(next, output)) => {
                before = Affine::of(&layer);
                input(0).clone()
            }
            Layer::Norm { scale, shift, mean, variance, epsilon, .. } => {
                graph.normalization(input(0), &[scale, shift, mean, variance], epsilon)
            }
            Layer::Slopes(slopes) => graph.prelu(input(0), &slopes),
            Layer::Relu => graph.relu(input(0)),
            Layer::Relu6 => graph.clip(input(0), [0.0, 6.0]),
            Layer::Sigmoid => graph.sigmoid(input(0)),
            Layer::Add => graph.add(input(0), input(1)),
            Layer::Multiply => graph.mul(input(0), input(1)),
            Layer::MaxPool { kernel, stride, padding } => graph.max_pool(input(0), kernel, stride, padding),
            Layer::AveragePool { kernel } => graph.average_pool(input(0), kernel),
            Layer::Pad { input_channels, channels, pixels } => {
                graph.pad(input(0), input_channels, (channels, pixels))
            }
            Layer::GlobalAverage => graph.global_average(input(0)),
            Layer::Flatten => graph.flatten(input(0)),
        };
        values.push(value);
    }
    if let (false, Some(features)) = (ends_with_linear, values.last()) {
        graph.features_as_embedding(features);
    }
}

/// Whether a layer is linear and takes `output`.
fn is_linear_of(listed: &ListedLayer, output: Output) -> bool {
    matches!(listed.layer, Layer::Product { options: None, .. }) && listed.inputs == [output]
}
