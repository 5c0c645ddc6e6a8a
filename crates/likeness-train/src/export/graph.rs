//! Builds an ONNX graph operator by operator.
//!
//! Operators as in opset 13, <https://onnx.ai/onnx/operators/>. Every attribute of a window is written, also where the standard
//! has a default, because engines differ in which attributes they infer from the shape of the weights.

use super::proto::Message;
use crate::error::{Result, TrainError};
use crate::ops::{ConvOptions, Precision};

/// Name of the graph's input.
const INPUT: &str = "input";
/// Name of the graph's output.
const OUTPUT: &str = "embedding";
/// Version of the operator set, the oldest with all operators used here.
const OPSET: i64 = 13;
/// Version of the file format that belongs to the operator set.
const IR_VERSION: i64 = 7;
/// `TensorProto.FLOAT`
const FLOAT: i64 = 1;
/// `AttributeProto.FLOAT`
const FLOAT_SETTING: i64 = 1;
/// `AttributeProto.INT`
const INT: i64 = 2;
/// `AttributeProto.INTS`
const INTS: i64 = 7;

/// The output of an operator, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value(String);

/// Weights and options of a convolution.
#[derive(Debug)]
pub(super) struct Filter {
    /// Weights, row-major, `[out, in / groups, kh, kw]`.
    pub(super) weight: Vec<f32>,
    pub(super) shape: [usize; 4],
    pub(super) bias: Vec<f32>,
    pub(super) options: ConvOptions,
}

#[derive(Clone, Copy)]
enum Setting<'a> {
    Int(&'a str, i64),
    Ints(&'a str, &'a [i64]),
    Float(&'a str, f32),
}

/// An unfinished graph.
#[derive(Debug, Default)]
pub(super) struct GraphBuilder {
    nodes: Message,
    tensors: Message,
    operators: usize,
    not_finite: Option<String>,
}

impl GraphBuilder {
    /// A convolution.
    pub(super) fn conv(&mut self, input: &Value, filter: &Filter) -> Value {
        let name = self.name("conv");
        let Filter { weight, shape, bias, options } = filter;
        let weight = self.tensor(&format!("{name}.weight"), shape, weight);
        let bias = self.tensor(&format!("{name}.bias"), &shape[..1], bias);
        let kernel = [shape[2], shape[3]];
        let ConvOptions { stride, padding, end_padding, .. } = *options;
        let window = Windows { kernel, stride, padding, end_padding };
        let groups = Setting::Int("group", options.groups as i64);
        self.windowed("Conv", name, &[input, &weight, &bias], &window, &[groups])
    }

    /// A batch normalisation with scale, shift, mean and variance.
    pub(super) fn normalization(&mut self, input: &Value, parts: &[Vec<f32>; 4], epsilon: f32) -> Value {
        let name = self.name("norm");
        let names = ["scale", "shift", "mean", "variance"];
        let parts: Vec<Value> = names
            .iter()
            .zip(parts)
            .map(|(part, values)| self.tensor(&format!("{name}.{part}"), &[values.len()], values))
            .collect();
        let inputs: Vec<&Value> = std::iter::once(input).chain(&parts).collect();
        self.node("BatchNormalization", name, &inputs, &[Setting::Float("epsilon", epsilon)])
    }

    /// Max pooling over square windows.
    pub(super) fn max_pool(&mut self, input: &Value, kernel: usize, stride: usize, padding: usize) -> Value {
        let name = self.name("pool");
        let window =
            Windows { kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2], end_padding: [0; 2] };
        self.windowed("MaxPool", name, &[input], &window, &[Setting::Int("ceil_mode", 0)])
    }

    /// Average pooling over square windows without overlap.
    pub(super) fn average_pool(&mut self, input: &Value, kernel: usize) -> Value {
        let name = self.name("pool");
        let window =
            Windows { kernel: [kernel; 2], stride: [kernel; 2], padding: [0; 2], end_padding: [0; 2] };
        // No `dilations`: AveragePool has them from operator set 19 on.
        let [kernel, stride, pads] = window.settings();
        let settings = [
            Setting::Int("ceil_mode", 0),
            Setting::Int("count_include_pad", 0),
            Setting::Ints("kernel_shape", &kernel),
            Setting::Ints("pads", &pads),
            Setting::Ints("strides", &stride),
        ];
        self.node("AveragePool", name, &[input], &settings)
    }

    /// Appends channels of zeros, and rows and columns of zeros below and on the right.
    ///
    /// Written as a 1×1 convolution that copies its channels: more engines compute it fast than the operator Pad.
    pub(super) fn pad(
        &mut self,
        input: &Value,
        input_channels: usize,
        (channels, pixels): (usize, usize),
    ) -> Value {
        let output_channels = input_channels + channels;
        let is_depthwise = channels == 0;
        let each = if is_depthwise { 1 } else { input_channels };
        let mut weight = vec![0.0; output_channels * each];
        (0..input_channels).for_each(|channel| {
            weight[channel * each + if is_depthwise { 0 } else { channel }] = 1.0;
        });
        let options = ConvOptions {
            stride: [1; 2],
            padding: [0; 2],
            end_padding: [pixels; 2],
            groups: if is_depthwise { input_channels } else { 1 },
            precision: Precision::Full,
        };
        let shape = [output_channels, each, 1, 1];
        self.conv(input, &Filter { weight, shape, bias: vec![0.0; output_channels], options })
    }

    /// Global average pooling, `[batch, channels, 1, 1]`.
    pub(super) fn global_average(&mut self, input: &Value) -> Value {
        let name = self.name("average");
        self.node("GlobalAveragePool", name, &[input], &[])
    }

    /// One row for each image.
    pub(super) fn flatten(&mut self, input: &Value) -> Value {
        let name = self.name("flatten");
        self.node("Flatten", name, &[input], &[Setting::Int("axis", 1)])
    }

    /// A linear layer as the graph's output: x · weightᵀ + bias.
    ///
    /// # Shapes        weight: [out, in] · bias: [out]
    pub(super) fn embedding(&mut self, input: &Value, weight: &[f32], bias: &[f32]) -> Value {
        let name = OUTPUT.to_owned();
        let shape = [bias.len(), weight.len() / bias.len()];
        let weight = self.tensor(&format!("{name}.weight"), &shape, weight);
        let bias = self.tensor(&format!("{name}.bias"), &shape[..1], bias);
        let transposed = [Setting::Int("transA", 0), Setting::Int("transB", 1)];
        self.node("Gemm", name, &[input, &weight, &bias], &transposed)
    }

    /// The features as the graph's output.
    pub(super) fn features_as_embedding(&mut self, features: &Value) -> Value {
        self.node("Flatten", OUTPUT.to_owned(), &[features], &[Setting::Int("axis", 1)])
    }

    /// max(x, 0).
    pub(super) fn relu(&mut self, input: &Value) -> Value {
        let name = self.name("relu");
        self.node("Relu", name, &[input], &[])
    }

    /// min(max(x, low), high).
    pub(super) fn clip(&mut self, input: &Value, [low, high]: [f32; 2]) -> Value {
        let name = self.name("clip");
        let low = self.tensor(&format!("{name}.min"), &[], &[low]);
        let high = self.tensor(&format!("{name}.max"), &[], &[high]);
        self.node("Clip", name, &[input, &low, &high], &[])
    }

    /// 1 / (1 + e⁻ˣ).
    pub(super) fn sigmoid(&mut self, input: &Value) -> Value {
        let name = self.name("sigmoid");
        self.node("Sigmoid", name, &[input], &[])
    }

    /// PReLU with one slope for each channel.
    pub(super) fn prelu(&mut self, input: &Value, slopes: &[f32]) -> Value {
        let name = self.name("prelu");
        let slopes = self.tensor(&format!("{name}.slope"), &[slopes.len(), 1, 1], slopes);
        self.node("PRelu", name, &[input, &slopes], &[])
    }

    /// The sum of two values.
    pub(super) fn add(&mut self, left: &Value, right: &Value) -> Value {
        let name = self.name("add");
        self.node("Add", name, &[left, right], &[])
    }

    /// The elementwise product of two values; dimensions of size 1 are broadcast.
    pub(super) fn mul(&mut self, left: &Value, right: &Value) -> Value {
        let name = self.name("mul");
        self.node("Mul", name, &[left, right], &[])
    }

    /// The graph's input.
    pub(super) fn input() -> Value {
        Value(INPUT.to_owned())
    }

    /// The bytes of an ONNX file that maps `input`, `[batch, 3, side, side]`, to `embedding`, `[batch, dim]`.
    ///
    /// # Errors        a weight that is not finite → [`TrainError::BadArgument`]
    pub(super) fn finish(self, name: &str, side_px: usize, dim: usize) -> Result<Vec<u8>> {
        if let Some(tensor) = self.not_finite {
            return Err(TrainError::argument_with_hint(
                format!("{name}: {tensor} holds numbers that are not finite"),
                "take the weights of an earlier epoch",
            ));
        }
        let side = side_px as i64;
        let mut graph = self.nodes.text(2, name);
        graph.append(&self.tensors);
        let graph = graph
            .message(11, &described(INPUT, &[3, side, side]))
            .message(12, &described(OUTPUT, &[dim as i64]));
        let opset = Message::default().text(1, "").int(2, OPSET);
        let model = Message::default()
            .int(1, IR_VERSION)
            .text(2, "likeness")
            .text(3, env!("CARGO_PKG_VERSION"))
            .message(7, &graph)
            .message(8, &opset);
        Ok(model.into_bytes())
    }

    fn name(&mut self, what: &str) -> String {
        self.operators += 1;
        format!("{what}_{}", self.operators)
    }

    fn tensor(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        if !values.iter().all(|value| value.is_finite()) {
            self.not_finite.get_or_insert_with(|| name.to_owned());
        }
        let shape: Vec<i64> = shape.iter().map(|extent| *extent as i64).collect();
        let tensor = Message::default().ints(1, &shape).int(2, FLOAT).text(8, name).floats(9, values);
        self.tensors.append(&Message::default().message(5, &tensor));
        Value(name.to_owned())
    }

    fn windowed(
        &mut self,
        operator: &str,
        name: String,
        inputs: &[&Value],
        window: &Windows,
        more: &[Setting<'_>],
    ) -> Value {
        let [kernel, stride, pads] = window.settings();
        let mut settings = vec![
            Setting::Ints("dilations", &[1, 1]),
            Setting::Ints("kernel_shape", &kernel),
            Setting::Ints("pads", &pads),
            Setting::Ints("strides", &stride),
        ];
        settings.extend_from_slice(more);
        self.node(operator, name, inputs, &settings)
    }

    fn node(&mut self, operator: &str, name: String, inputs: &[&Value], settings: &[Setting<'_>]) -> Value {
        let mut node = inputs.iter().fold(Message::default(), |node, input| node.text(1, &input.0));
        node = node.text(2, &name).text(3, &name).text(4, operator);
        for setting in settings {
            let attribute = match setting {
                Setting::Int(name, value) => Message::default().text(1, name).int(3, *value).int(20, INT),
                Setting::Ints(name, values) => Message::default().text(1, name).ints(8, values).int(20, INTS),
                Setting::Float(name, value) => {
                    Message::default().text(1, name).float(2, *value).int(20, FLOAT_SETTING)
                }
            };
            node = node.message(5, &attribute);
        }
        self.nodes.append(&Message::default().message(1, &node));
        Value(name)
    }
}

struct Windows {
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    end_padding: [usize; 2],
}

impl Windows {
    /// The attributes `kernel_shape`, `strides` and `pads`.
    fn settings(&self) -> [Vec<i64>; 3] {
        let [[top, left], [bottom, right]] = [self.padding, self.end_padding];
        let pads = [top, left, top + bottom, left + right];
        let whole = |values: &[usize]| values.iter().map(|value| *value as i64).collect();
        [whole(&self.kernel), whole(&self.stride), whole(&pads)]
    }
}

/// Description of a graph value of shape `[batch, shape…]` with any batch size.
fn described(name: &str, shape: &[i64]) -> Message {
    let batch = Message::default().text(2, "batch");
    let shape = shape.iter().fold(Message::default().message(1, &batch), |whole, extent| {
        whole.message(1, &Message::default().int(1, *extent))
    });
    let tensor = Message::default().int(1, FLOAT).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}
