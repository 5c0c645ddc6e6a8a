//! Decides which layers and values of a graph are quantised, and rewrites the graph accordingly.

use std::collections::{BTreeSet, HashMap};

use crate::EngineError;
use crate::graph::{Attribute, Data, Graph, Node, Tensor, ValueId};

/// Scales of single weights go per channel from this version of the operators on.
const OPSET: i64 = 13;

/// Operators whose meaning has not changed from version 9 to 13.
const UNCHANGED: [&str; 19] = [
    "BatchNormalization",
    "Conv",
    "PRelu",
    "Relu",
    "LeakyRelu",
    "Sigmoid",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Flatten",
    "Gemm",
    "MatMul",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "Concat",
    "Transpose",
    "Reshape",
];

/// The layers and values to quantise.
#[derive(Debug)]
pub struct Sites {
    /// Indices of the nodes that are quantised convolutions and linear layers.
    pub layers: BTreeSet<usize>,
    /// The values to quantise.
    pub values: BTreeSet<ValueId>,
}

/// The range of each value, from low to high.
pub type Ranges = HashMap<ValueId, (f32, f32)>;

/// Raises the version of a graph's operator set to the oldest that supports a scale for each channel.
///
/// # Errors        an operator whose meaning has changed since → [`EngineError::BadGraph`]
pub fn raise_opset(graph: &mut Graph) -> crate::Result<()> {
    if graph.opset >= OPSET {
        return Ok(());
    }
    match graph.nodes.iter().find(|n| graph.opset < 9 || !UNCHANGED.contains(&n.op.as_str())) {
        Some(node) => Err(EngineError::graph(format!(
            "its operators are of version {}, in which {} is another than in {OPSET}",
            graph.opset, node.op
        ))),
        None => {
            graph.opset = OPSET;
            Ok(())
        }
    }
}

/// Whether a layer can be quantised: constant weights, no groups, more input channels than a picture has.
fn is_layer(graph: &Graph, node: &Node) -> bool {
    let weights = node.input(1).and_then(|v| graph.constants.get(&v)).filter(|t| t.floats().is_some());
    let bias_is_known =
        node.input(2).is_none_or(|v| graph.constants.get(&v).is_some_and(|t| t.floats().is_some()));
    let Some(weights) = weights.filter(|_| bias_is_known) else { return false };
    match node.op.as_str() {
        "Conv" => node.whole("group", 1) == 1 && weights.shape.len() == 4 && weights.shape[1] > 4,
        "Gemm" => {
            let plain = node.float("alpha", 1.0) == 1.0 && node.float("beta", 1.0) == 1.0;
            plain && node.whole("transA", 0) == 0 && weights.shape.len() == 2
        }
        _ => false,
    }
}

impl Sites {
    /// The layers and values of `graph` to quantise.
    ///
    /// The inputs of layers are quantised, and the outputs of convolutions after the activation function that follows them.
    /// So are inputs and outputs of sums of two feature maps, as in residual blocks. Everything else stays in f32.
    pub fn of(graph: &Graph) -> Self {
        let mut readers: HashMap<ValueId, Vec<usize>> = HashMap::new();
        for (i, node) in graph.nodes.iter().enumerate() {
            node.inputs.iter().flatten().for_each(|v| readers.entry(*v).or_default().push(i));
        }
        // Behind a rectifier that alone reads a value: rounding cuts off what it would.
        let rectified = |value: ValueId| match readers.get(&value).map(Vec::as_slice) {
            Some(&[only]) if graph.nodes[only].op == "Relu" => graph.nodes[only].outputs[0],
            _ => value,
        };
        let mut sites = Self { layers: BTreeSet::new(), values: BTreeSet::new() };
        let mut of_layers: BTreeSet<ValueId> = BTreeSet::new();
        for (i, node) in graph.nodes.iter().enumerate() {
            if is_layer(graph, node) {
                sites.layers.insert(i);
                sites.values.extend(node.input(0));
                if node.op == "Conv" {
                    of_layers.insert(node.outputs[0]);
                    sites.values.insert(rectified(node.outputs[0]));
                }
            }
        }
        for node in graph.nodes.iter().filter(|n| n.op == "Add") {
            let (Some(a), Some(b)) = (node.input(0), node.input(1)) else { continue };
            let is_map = |v: ValueId| !graph.constants.contains_key(&v);
            if is_map(a) && is_map(b) && (of_layers.contains(&a) || of_layers.contains(&b)) {
                sites.values.extend([a, b]);
                sites.values.insert(rectified(node.outputs[0]));
                of_layers.insert(rectified(node.outputs[0]));
            }
        }
        let outputs: Vec<ValueId> = graph.outputs.iter().map(|(_, v)| *v).collect();
        sites
            .values
            .retain(|v| !graph.constants.contains_key(v) && !outputs.contains(v) && *v != graph.input);
        sites
    }
}

/// A graph that is being rewritten.
struct Rewriter<'g> {
    graph: &'g mut Graph,
    next: ValueId,
    /// Scale and zero point of each quantised value.
    grids: HashMap<ValueId, (f32, u8)>,
}

/// Quantises the given layers and values of `graph` to the given ranges.
///
/// # Errors        a range or weights without extent → [`EngineError::BadGraph`]
pub fn quantize(graph: &mut Graph, sites: &Sites, ranges: &Ranges) -> crate::Result<()> {
    let next = graph.free_value();
    let grids = sites.values.iter().map(|v| {
        let (low, high) = ranges.get(v).copied().unwrap_or_default();
        let scale = ((high - low) / 255.0).max(f32::MIN_POSITIVE * 1e6);
        (*v, (scale, (-low / scale).round().clamp(0.0, 255.0) as u8))
    });
    let mut rewriter = Rewriter { next, grids: grids.collect(), graph: &mut *graph };
    rewriter.layers(sites).map_err(EngineError::graph)?;
    rewriter.activations();
    let uses = graph.uses();
    graph.constants.retain(|value, _| uses.contains_key(value));
    Ok(())
}

impl Rewriter<'_> {
    fn value(&mut self) -> ValueId {
        self.next += 1;
        self.next - 1
    }

    fn constant(&mut self, shape: Vec<usize>, data: Data) -> ValueId {
        let value = self.value();
        self.graph.constants.insert(value, Tensor { shape, data });
        value
    }

    fn layers(&mut self, sites: &Sites) -> Result<(), String> {
        let mut nodes = Vec::new();
        for (i, mut node) in std::mem::take(&mut self.graph.nodes).into_iter().enumerate() {
            if sites.layers.contains(&i) {
                self.layer(&mut node, &mut nodes)?;
            }
            nodes.push(node);
        }
        self.graph.nodes = nodes;
        Ok(())
    }

    /// Quantises the weights and the bias of a layer.
    fn layer(&mut self, node: &mut Node, nodes: &mut Vec<Node>) -> Result<(), String> {
        let floats = |graph: &Graph, i: usize| {
            let tensor = graph.constants.get(&node.input(i)?)?;
            Some((tensor.shape.clone(), tensor.floats()?.to_vec()))
        };
        let (shape, weights) = floats(self.graph, 1).ok_or("weights are missing")?;
        let axis = usize::from(node.op == "Gemm" && node.whole("transB", 0) == 0);
        let outputs = shape[axis];
        let bias = floats(self.graph, 2)
            .map(|(_, bias)| if bias.len() == 1 { vec![bias[0]; outputs] } else { bias });
        let input = node.input(0).and_then(|v| self.grids.get(&v)).map_or(1.0, |(scale, _)| *scale);
        let inner: usize = shape[axis + 1..].iter().product();
        let channel = |at: usize| at / inner % outputs;
        let mut largest = vec![0.0f32; outputs];
        weights
            .iter()
            .enumerate()
            .for_each(|(at, w)| largest[channel(at)] = largest[channel(at)].max(w.abs()));
        let scales: Vec<f32> = (0..outputs)
            .map(|c| {
                // The bias has to fit 32 bits in steps of weight times input.
                let for_bias = bias.as_ref().map_or(0.0, |b| b[c].abs() / input / (1 << 30) as f32);
                (largest[c] / 127.0).max(for_bias).max(1e-12)
            })
            .collect();
        let bytes =
            weights.iter().enumerate().map(|(at, w)| (w / scales[channel(at)]).round() as i8).collect();
        let values = self.constant(shape, Data::Signed(bytes));
        let zeros = self.constant(vec![outputs], Data::Signed(vec![0; outputs]));
        let worth = self.constant(vec![outputs], Data::Float(scales.clone()));
        node.inputs.truncate(1);
        node.inputs.push(Some(self.dequantize(nodes, [Some(values), Some(worth), Some(zeros)], axis)));
        if let Some(bias) = bias.filter(|b| b.len() == outputs) {
            let worth: Vec<f32> = scales.iter().map(|s| s * input).collect();
            let steps = bias.iter().zip(&worth).map(|(b, s)| (f64::from(*b) / f64::from(*s)).round() as i32);
            let values = self.constant(vec![outputs], Data::Int32(steps.collect()));
            let worth = self.constant(vec![outputs], Data::Float(worth));
            node.inputs.push(Some(self.dequantize(nodes, [Some(values), Some(worth), None], 0)));
        }
        Ok(())
    }

    fn dequantize(&mut self, nodes: &mut Vec<Node>, inputs: [Option<ValueId>; 3], axis: usize) -> ValueId {
        let output = self.value();
        let inputs: Vec<_> = inputs.into_iter().take_while(Option::is_some).collect();
        let attributes = HashMap::from([("axis".to_owned(), Attribute::Whole(axis as i64))]);
        nodes.push(Node { op: "DequantizeLinear".to_owned(), attributes, inputs, outputs: vec![output] });
        output
    }

    /// Inserts QuantizeLinear and DequantizeLinear after each quantised value, before the nodes that read it.
    fn activations(&mut self) {
        let mut behind: HashMap<ValueId, ValueId> = HashMap::new();
        let mut nodes = Vec::new();
        for mut node in std::mem::take(&mut self.graph.nodes) {
            for value in node.inputs.iter_mut().flatten() {
                *value = behind.get(value).copied().unwrap_or(*value);
            }
            let outputs = node.outputs.clone();
            nodes.push(node);
            for output in outputs {
                let pair = self.pair(output, &mut nodes);
                behind.extend(pair.map(|v| (output, v)));
            }
        }
        self.graph.nodes = nodes;
    }

    fn pair(&mut self, value: ValueId, nodes: &mut Vec<Node>) -> Option<ValueId> {
        let (scale, zero) = *self.grids.get(&value)?;
        let scale = self.constant(vec![], Data::Float(vec![scale]));
        let zero = self.constant(vec![], Data::Unsigned(vec![zero]));
        let (bytes, output) = (self.value(), self.value());
        let node = |op: &str, input: ValueId, output: ValueId| Node {
            op: op.to_owned(),
            attributes: HashMap::new(),
            inputs: vec![Some(input), Some(scale), Some(zero)],
            outputs: vec![output],
        };
        nodes.extend([node("QuantizeLinear", value, bytes), node("DequantizeLinear", bytes, output)]);
        Some(output)
    }
}
