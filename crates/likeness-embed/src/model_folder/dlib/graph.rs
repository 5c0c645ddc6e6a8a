//! Writes dlib's face recognition network as an ONNX graph.
//!
//! Weights are named as in torchvision's ResNet: `conv1.weight`, `layer1.0.conv1.weight`, …, `fc.weight`. The layers of dlib
//! without a counterpart in ONNX are 1×1 convolutions with constant weights. `add_prev` of feature maps with different numbers
//! of channels adds channels of zeros to the shortcut; of different sizes, it adds zeros below and to the right.

use std::collections::HashMap;

use likeness_engine::graph::{Attribute, Data, Declared, Graph, Node, Tensor, ValueId};

use super::network::{Block, Convolution, DIMENSION, Network, SIDE_PX};
use crate::Result;

/// Version of the operator set.
const OPSET: i64 = 17;

/// The bytes of the ONNX file of `network`.
pub(super) fn write(network: &Network) -> Result<Vec<u8>> {
    let mut builder = Builder::default();
    let input = builder.value("input");
    let x = builder.convolution(&network.first, input);
    let x = builder.relu(x);
    let pool = [("kernel_shape", wholes(&[3, 3])), ("strides", wholes(&[2, 2]))];
    let mut x = builder.node("MaxPool", "maxpool", &[x], &pool);
    // Neither conv1 nor the pool has a padding.
    let mut side = (((SIDE_PX as usize - 7) / 2 + 1) - 3) / 2 + 1;
    for block in &network.blocks {
        (x, side) = builder.block(block, x, side);
    }
    let x = builder.node("GlobalAveragePool", "avgpool", &[x], &[]);
    let x = builder.node("Flatten", "features", &[x], &[("axis", Attribute::Whole(1))]);
    let weight = builder.constant("fc.weight", &[DIMENSION, network.fc.inputs], network.fc.weight.clone());
    let embedding = builder.node("Gemm", "embedding", &[x, weight], &[("transB", Attribute::Whole(1))]);
    let side = Some(SIDE_PX as usize);
    let graph = Graph {
        opset: OPSET,
        nodes: builder.nodes,
        constants: builder.constants,
        grids: HashMap::new(),
        input_name: "input".to_owned(),
        input,
        declared: Declared { is_float: true, shape: Some(vec![None, Some(3), side, side]) },
        outputs: vec![("embedding".to_owned(), embedding)],
    };
    Ok(graph.write_named(&[vec![1, DIMENSION]], &builder.names)?)
}

/// A graph in the making. Every method appends a node and returns its output.
#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    constants: HashMap<ValueId, Tensor>,
    names: HashMap<ValueId, String>,
}

impl Builder {
    fn value(&mut self, name: &str) -> ValueId {
        let value = self.names.len();
        self.names.insert(value, name.to_owned());
        value
    }

    fn constant(&mut self, name: &str, shape: &[usize], values: Vec<f32>) -> ValueId {
        let value = self.value(name);
        self.constants.insert(value, Tensor { shape: shape.to_vec(), data: Data::Float(values) });
        value
    }

    fn node(
        &mut self,
        op: &str,
        name: &str,
        inputs: &[ValueId],
        attributes: &[(&str, Attribute)],
    ) -> ValueId {
        let output = self.value(name);
        self.nodes.push(Node {
            op: op.to_owned(),
            attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            inputs: inputs.iter().copied().map(Some).collect(),
            outputs: vec![output],
        });
        output
    }

    fn convolution(&mut self, layer: &Convolution, x: ValueId) -> ValueId {
        let Convolution { name, shape, weight, bias, stride, padding } = layer;
        let weight = self.constant(&format!("{name}.weight"), shape, weight.clone());
        let bias = self.constant(&format!("{name}.bias"), &[bias.len()], bias.clone());
        let attributes = attributes(shape, *stride, [*padding; 4], 1);
        self.node("Conv", name, &[x, weight, bias], &attributes)
    }

    fn relu(&mut self, x: ValueId) -> ValueId {
        let name = format!("{}.relu", self.names[&x]);
        self.node("Relu", &name, &[x], &[])
    }

    /// A residual block over feature maps of `side` pixels. Returns the output and its side.
    fn block(&mut self, block: &Block, x: ValueId, side: usize) -> (ValueId, usize) {
        let Block { name, convolutions: [first, second] } = block;
        let y = self.convolution(first, x);
        let y = self.relu(y);
        let mut y = self.convolution(second, y);
        let (mut shortcut, mut halved) = (x, side);
        if first.stride == 2 {
            let [outputs, inputs, ..] = first.shape;
            shortcut = self.shortcut(name, x, inputs, outputs);
            halved = side / 2;
            let behind = halved - ((side - 3) / 2 + 1);
            if behind > 0 {
                y = self.zeros_behind(name, y, outputs, behind);
            }
        }
        let sum = self.node("Add", &format!("{name}.add"), &[y, shortcut], &[]);
        (self.relu(sum), halved)
    }

    /// The mean over 2×2 pixels, with zeros in further channels.
    fn shortcut(&mut self, name: &str, x: ValueId, inputs: usize, outputs: usize) -> ValueId {
        let window = [("kernel_shape", wholes(&[2, 2])), ("strides", wholes(&[2, 2]))];
        let x = self.node("AveragePool", &format!("{name}.pool"), &[x], &window);
        if inputs == outputs {
            return x;
        }
        let shape = [outputs, inputs, 1, 1];
        let mut weight = vec![0.0; outputs * inputs];
        weight.iter_mut().step_by(inputs + 1).take(inputs).for_each(|weight| *weight = 1.0);
        let name = format!("{name}.downsample");
        let weight = self.constant(&format!("{name}.weight"), &shape, weight);
        self.node("Conv", &name, &[x, weight], &attributes(&shape, 1, [0; 4], 1))
    }

    /// Feature maps with `count` rows and columns of zeros below and to the right.
    fn zeros_behind(&mut self, name: &str, x: ValueId, channels: usize, count: usize) -> ValueId {
        let shape = [channels, 1, 1, 1];
        let name = format!("{name}.pad");
        let weight = self.constant(&format!("{name}.weight"), &shape, vec![1.0; channels]);
        self.node("Conv", &name, &[x, weight], &attributes(&shape, 1, [0, 0, count, count], channels))
    }
}

/// The attributes of a convolution. `pads` are top, left, bottom, right.
fn attributes(
    shape: &[usize; 4],
    stride: usize,
    pads: [usize; 4],
    group: usize,
) -> [(&'static str, Attribute); 4] {
    [
        ("kernel_shape", wholes(&shape[2..])),
        ("strides", wholes(&[stride, stride])),
        ("pads", wholes(&pads)),
        ("group", Attribute::Whole(group as i64)),
    ]
}

fn wholes(values: &[usize]) -> Attribute {
    Attribute::Wholes(values.iter().map(|&value| value as i64).collect())
}
