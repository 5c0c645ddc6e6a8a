//! Splits a graph into its layers with weights, in the order of computation, and the scaling of pixels before the first.

use std::collections::HashMap;
use std::path::Path;

use super::make::open;
use crate::{EmbedError, OnnxEmbedder, Result};
use likeness_engine::Checked;
use likeness_engine::graph::{Attribute, Data, Graph, Node, Tensor, ValueId};
use likeness_model::folder::described;
use likeness_model::preprocess::{ChannelOrder, Preprocess, PreprocessOverrides};

/// A layer with weights.
#[derive(Debug, Clone, PartialEq)]
pub enum GraphLayer {
    /// A convolution or a linear layer.
    Affine {
        /// `[out, in / groups, height, width]` of a convolution, `[out, in]` of a linear layer.
        shape: Vec<usize>,
        /// The weights, row-major.
        weight: Vec<f32>,
        /// One value for each output.
        bias: Option<Vec<f32>>,
        /// Vertical and horizontal stride of a convolution; `None` for a linear layer.
        stride: Option<[usize; 2]>,
    },
    /// Batch normalisation.
    BatchNorm {
        /// The scale γ of each channel.
        scale: Vec<f32>,
        /// The shift β of each channel.
        shift: Vec<f32>,
        /// The running mean of each channel.
        mean: Vec<f32>,
        /// The running variance of each channel.
        variance: Vec<f32>,
        /// The constant that is added to the variance.
        epsilon: f32,
        /// Whether its input is the output of the affine layer before it in the list.
        follows_affine: bool,
    },
    /// PReLU, with the slope of each channel.
    PRelu(Vec<f32>),
}

/// A graph split into layers.
pub struct SplitGraph {
    /// The layers with weights, in the order in which they are computed.
    pub layers: Vec<GraphLayer>,
    /// Scale of each channel, red first: a pixel of 0..=255 enters the first layer as pixel · `scale` + `shift`.
    pub scale: [f32; 3],
    /// Shift of each channel, red first; see [`scale`](Self::scale).
    pub shift: [f32; 3],
    /// The embedder of the whole graph.
    pub embedder: OnnxEmbedder,
    /// Inferences about the model, one line each, for the user.
    pub notes: Vec<String>,
    /// Whether the graph was quantised, so that its embeddings differ slightly from those of its layers.
    pub quantized: bool,
}

/// Splits the ONNX file at `graph` into layers. Convolutions that only copy channels are left out. Preprocessing is chosen as by [`make`](super::make::make).
///
/// The first layer's weights are for red first, whatever order of channels the graph takes. Weights of a quantised graph are
/// dequantised, and the quantisation of its activations is left out.
///
/// # Errors        no embedder; an operator with weights that is no convolution, linear layer, batch normalisation or PReLU,
/// in single precision or dequantised from 8 or 32 bits → [`EmbedError::BadModel`]
pub fn split_graph(graph: &Path, overrides: &PreprocessOverrides) -> Result<SplitGraph> {
    let mut notes = Vec::new();
    let (description, checked) = (described(graph)?, Checked::read(graph)?);
    let embedder = open(&checked, (overrides, description.as_ref()), &mut notes)?;
    let refused = |reason: String| EmbedError::BadModel {
        path: graph.to_owned(),
        reason: format!("cannot be split into layers: {reason}"),
        hint: Some(
            "import it as it is, without --backbone, or its backbone alone with --backbone-only".to_owned(),
        ),
    };
    let read =
        Graph::read(checked.bytes(), checked.external()).map_err(|error| refused(error.to_string()))?;
    let (entry, first) = before_layers(&read).map_err(refused)?;
    let mut found = Vec::new();
    layers(&read, first, &mut found).map_err(refused)?;
    let [scale, shift] = red_first(&mut found, &entry, &embedder.preprocess());
    let quantized = read.nodes.iter().any(|node| node.op == "DequantizeLinear");
    Ok(SplitGraph { layers: found, scale, shift, embedder, notes, quantized })
}

/// The layers at the beginning of a graph, which need not be an embedder.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstLayers {
    /// The layers with weights before the first operator with weights that is not one, in the order of computation.
    pub layers: Vec<GraphLayer>,
    /// Scale of each channel, red first, see [`SplitGraph::scale`].
    pub scale: [f32; 3],
    /// Shift of each channel, red first, see [`SplitGraph::scale`].
    pub shift: [f32; 3],
}

/// Reads the layers at the beginning of the ONNX file at `graph`, such as the backbone of a classifier.
///
/// The graph may end in anything, and its input may have the channels last. Preprocessing is chosen as by [`split_graph`].
///
/// # Errors        a damaged graph; an operator other than a scaling before the first layer → [`EmbedError::BadModel`]
pub fn first_layers(graph: &Path, overrides: &PreprocessOverrides) -> Result<FirstLayers> {
    let (description, checked) = (described(graph)?, Checked::read(graph)?);
    let preprocess = description.map_or_else(Preprocess::default, |d| d.preprocess()).changed(overrides)?;
    let refused = |reason: String| EmbedError::BadModel {
        path: graph.to_owned(),
        reason: format!("cannot be split into layers: {reason}"),
        hint: None,
    };
    let read =
        Graph::read(checked.bytes(), checked.external()).map_err(|error| refused(error.to_string()))?;
    let (entry, first) = before_layers(&read).map_err(refused)?;
    let mut found = Vec::new();
    // The operator that ends the list belongs to the head.
    let _ = layers(&read, first, &mut found);
    let [scale, shift] = red_first(&mut found, &entry, &preprocess);
    Ok(FirstLayers { layers: found, scale, shift })
}

/// Turns the weights of the first layer to red first. Returns scale and shift of each channel of a pixel of 0 to 255, red first.
fn red_first(layers: &mut [GraphLayer], entry: &Entry, preprocess: &Preprocess) -> [[f32; 3]; 2] {
    let mut parts = [[0.0; 3]; 2];
    for channel in 0..3 {
        let Entry { scale, shift } = entry;
        parts[0][channel] = scale[channel] / preprocess.std[channel];
        parts[1][channel] = shift[channel] - preprocess.mean[channel] * parts[0][channel];
    }
    if preprocess.channels == ChannelOrder::Bgr {
        parts.iter_mut().for_each(|part| part.reverse());
        if let Some(GraphLayer::Affine { shape, weight, .. }) = layers.first_mut() {
            let plane = shape[2..].iter().product::<usize>().max(1);
            for filter in weight.chunks_exact_mut(3 * plane) {
                let (blue, others) = filter.split_at_mut(plane);
                blue.swap_with_slice(&mut others[plane..]);
            }
        }
    }
    parts
}

/// The graph's own scaling of each input channel before its first layer: x · scale + shift.
struct Entry {
    scale: [f32; 3],
    shift: [f32; 3],
}

/// The scaling before the first layer, and the number of its nodes.
fn before_layers(graph: &Graph) -> Result<(Entry, usize), String> {
    let mut entry = Entry { scale: [1.0; 3], shift: [0.0; 3] };
    let mut value = graph.input;
    for (i, node) in graph.nodes.iter().enumerate() {
        let [Some(left), right] = [node.input(0), node.input(1)] else { return Ok((entry, i)) };
        let (input, constant) = if right == Some(value) { (right, Some(left)) } else { (Some(left), right) };
        let op = node.op.as_str();
        if input != Some(value) || !matches!(op, "Sub" | "Add" | "Mul" | "Div") {
            return Ok((entry, i));
        }
        let numbers = constant.and_then(|value| graph.constants.get(&value)).and_then(per_channel);
        let numbers = numbers.ok_or_else(|| format!("operator {op} before the first layer"))?;
        if right == Some(value) && matches!(op, "Sub" | "Div") {
            return Err(format!("operator {op} of a constant and the input"));
        }
        for (channel, number) in numbers.into_iter().enumerate() {
            let (scale, shift) = (&mut entry.scale[channel], &mut entry.shift[channel]);
            match op {
                "Sub" => *shift -= number,
                "Add" => *shift += number,
                "Mul" => (*scale, *shift) = (*scale * number, *shift * number),
                _ => (*scale, *shift) = (*scale / number, *shift / number),
            }
        }
        value = node.outputs[0];
    }
    Ok((entry, graph.nodes.len()))
}

/// One value for each of three channels.
fn per_channel(tensor: &Tensor) -> Option<[f32; 3]> {
    match (tensor.floats()?, tensor.shape.as_slice()) {
        ([number], _) => Some([*number; 3]),
        ([a, b, c], [3, 1, 1] | [1, 3, 1, 1]) => Some([*a, *b, *c]),
        _ => None,
    }
}

/// Adds the layers from node `first` on to `layers`.
///
/// # Errors        an operator with weights that is not a layer; the layers before it have been added
fn layers(graph: &Graph, first: usize, layers: &mut Vec<GraphLayer>) -> Result<(), String> {
    // Index of the layer that computes a value.
    let mut products: HashMap<ValueId, usize> = HashMap::new();
    // PyTorch writes tensors that are equal once, and has the others point there.
    let mut same: HashMap<ValueId, &Tensor> = HashMap::new();
    let dequantized = dequantized(graph)?;
    for node in &graph.nodes[first..] {
        let constant = |i: usize| {
            let value = node.input(i)?;
            let constant = graph.constants.get(&value).or_else(|| dequantized.get(&value));
            constant.or_else(|| same.get(&value).copied())
        };
        let floats = |i: usize| match constant(i) {
            None => Err(format!("operator {} computes its weights", node.op)),
            Some(tensor) => {
                let numbers = tensor.floats().map(<[f32]>::to_vec);
                numbers.ok_or_else(|| format!("operator {} has weights that are no 32-bit floats", node.op))
            }
        };
        let mut found = |value: Option<&ValueId>, at: usize| products.extend(value.map(|value| (*value, at)));
        let bias = || if node.input(2).is_some() { floats(2).map(Some) } else { Ok(None) };
        match node.op.as_str() {
            "Conv" => {
                let weight = floats(1)?;
                let shape = constant(1).map(|t| t.shape.clone()).unwrap_or_default();
                if shape.len() != 4 {
                    return Err(format!("a convolution over {} dimensions", shape.len().saturating_sub(2)));
                }
                let bias = bias()?;
                if copies_channels(&shape, &weight, bias.as_deref()) {
                    continue;
                }
                found(node.outputs.first(), layers.len());
                let stride = Some(strides(node));
                layers.push(GraphLayer::Affine { shape, weight, bias, stride });
            }
            "Gemm" | "MatMul" => {
                plain_gemm(node)?;
                let weight = floats(1)?;
                let shape = constant(1).map(|t| t.shape.clone()).unwrap_or_default();
                let &[rows, columns] = shape.as_slice() else {
                    return Err(format!("operator {} with weights {shape:?}", node.op));
                };
                let (shape, weight) = match node.whole("transB", 0) {
                    0 => (vec![columns, rows], transposed(&weight, columns)),
                    _ => (shape, weight),
                };
                let bias = if node.op == "Gemm" { bias()? } else { None };
                found(node.outputs.first(), layers.len());
                layers.push(GraphLayer::Affine { shape, weight, bias, stride: None });
            }
            "BatchNormalization" => {
                let [scale, shift, mean, variance] = [floats(1)?, floats(2)?, floats(3)?, floats(4)?];
                let product = node.input(0).and_then(|value| products.get(&value));
                let follows_affine = product.is_some_and(|at| at + 1 == layers.len());
                let epsilon = node.float("epsilon", 1e-5);
                layers.push(GraphLayer::BatchNorm { scale, shift, mean, variance, epsilon, follows_affine });
            }
            "Identity" => {
                let tensor = constant(0);
                same.extend(node.outputs.first().copied().zip(tensor));
            }
            "QuantizeLinear" | "DequantizeLinear" => {}
            "PRelu" => layers.push(GraphLayer::PRelu(floats(1)?)),
            "Add" => {
                let product = node.inputs.iter().flatten().find_map(|value| products.get(value).copied());
                let added = [0, 1].into_iter().find_map(|i| constant(i)?.floats().map(<[f32]>::to_vec));
                match (product.and_then(|at| layers.get_mut(at).map(|layer| (at, layer))), added) {
                    (Some((at, GraphLayer::Affine { bias: bias @ None, .. })), Some(added)) => {
                        *bias = Some(added);
                        products.extend(node.outputs.first().map(|value| (*value, at)));
                    }
                    (_, Some(added)) if added.len() > 1 => return Err("operator Add has weights".into()),
                    _ => {}
                }
            }
            _ => {
                let weights = (0..node.inputs.len()).filter_map(constant);
                if weights.filter_map(Tensor::floats).any(|numbers| numbers.len() > 1) {
                    return Err(format!("operator {} has weights", node.op));
                }
            }
        }
    }
    Ok(())
}

/// Vertical and horizontal stride of a convolution.
fn strides(node: &Node) -> [usize; 2] {
    match node.wholes("strides") {
        Some(&[vertical, horizontal]) => {
            [vertical, horizontal].map(|stride| usize::try_from(stride).unwrap_or(0))
        }
        _ => [1; 2],
    }
}

/// Whether a convolution only copies its channels, so that it has nothing to train: graphs write so what appends channels or
/// pixels of zeros.
fn copies_channels(shape: &[usize], weight: &[f32], bias: Option<&[f32]>) -> bool {
    let &[outputs, each, 1, 1] = shape else { return false };
    let is = |found: f32, expected: f32| (found - expected).abs() < 1e-6;
    let is_copy = |(at, found): (usize, &f32)| match each {
        1 => is(*found, 1.0),
        _ => is(*found, f32::from(at / each == at % each)),
    };
    outputs >= each
        && weight.iter().enumerate().all(is_copy)
        && bias.is_none_or(|bias| bias.iter().all(|value| *value == 0.0))
}

/// The values of the constants that a graph dequantises, by the operator's output.
fn dequantized(graph: &Graph) -> Result<HashMap<ValueId, Tensor>, String> {
    let mut found = HashMap::new();
    for node in graph.nodes.iter().filter(|node| node.op == "DequantizeLinear") {
        let constant = |i: usize| graph.constants.get(&node.input(i)?);
        let (Some(steps), Some(output)) = (constant(0), node.outputs.first()) else { continue };
        let scales = constant(1).and_then(Tensor::floats);
        let zeros = node.input(2).map_or(Some(vec![0]), |_| constant(2).and_then(whole_steps));
        let (Some(values), Some(scales), Some(zeros)) = (whole_steps(steps), scales, zeros) else {
            return Err("operator DequantizeLinear computes its scale, or has another type".into());
        };
        let shape = &steps.shape;
        let axis = match (scales.len(), node.whole("axis", 1)) {
            (1, _) => 0,
            (_, axis) if axis < 0 => shape.len().saturating_sub(axis.unsigned_abs() as usize),
            (_, axis) => axis as usize,
        };
        let channels = shape.get(axis).copied().unwrap_or(1);
        if ![1, channels].contains(&scales.len()) || ![1, channels].contains(&zeros.len()) {
            return Err(format!("operator DequantizeLinear has {} scales for {shape:?}", scales.len()));
        }
        let inner = shape.iter().skip(axis + 1).product::<usize>().max(1);
        let value = |(at, step): (usize, &i32)| {
            let channel = at / inner % channels;
            let zero = zeros[channel.min(zeros.len() - 1)];
            (step - zero) as f32 * scales[channel.min(scales.len() - 1)]
        };
        let data = Data::Float(values.iter().enumerate().map(value).collect());
        found.insert(*output, Tensor { shape: shape.clone(), data });
    }
    Ok(found)
}

/// The values of a tensor of 8 or 32 bits; `None` for another type.
fn whole_steps(tensor: &Tensor) -> Option<Vec<i32>> {
    match &tensor.data {
        Data::Signed(values) => Some(values.iter().map(|v| i32::from(*v)).collect()),
        Data::Unsigned(values) => Some(values.iter().map(|v| i32::from(*v)).collect()),
        Data::Int32(values) => Some(values.clone()),
        _ => None,
    }
}

/// Refuses a matrix product that scales or transposes its input.
fn plain_gemm(node: &Node) -> Result<(), String> {
    let scaled = ["alpha", "beta"].iter().any(|name| node.float(name, 1.0) != 1.0);
    let turned = matches!(node.attributes.get("transA"), Some(Attribute::Whole(turned)) if *turned != 0);
    match scaled || turned {
        true => Err(format!("operator {} scales or turns its input", node.op)),
        false => Ok(()),
    }
}

/// The transpose of a matrix of `columns` columns.
fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| matrix.iter().skip(column).step_by(columns)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use likeness_engine::graph::Data;
    use likeness_engine::graph::Declared;

    const INPUT: ValueId = 0;

    /// A graph of operators in a row; each takes the value before it and its own constants.
    struct Row(Graph);

    impl Row {
        fn new(side: usize) -> Self {
            let shape = Some(vec![None, Some(3), Some(side), Some(side)]);
            Self(Graph {
                opset: 13,
                nodes: Vec::new(),
                constants: HashMap::new(),
                grids: HashMap::new(),
                input_name: "input".to_owned(),
                input: INPUT,
                declared: Declared { is_float: true, shape },
                outputs: vec![("output".to_owned(), INPUT)],
            })
        }

        fn then(mut self, op: &str, constants: &[(&[usize], &[f32])]) -> Self {
            let before = self.0.outputs[0].1;
            let mut next = before + 1;
            let mut inputs = vec![Some(before)];
            for (shape, numbers) in constants {
                let tensor = Tensor { shape: shape.to_vec(), data: Data::Float(numbers.to_vec()) };
                self.0.constants.insert(next, tensor);
                inputs.push(Some(next));
                next += 1;
            }
            let op = op.to_owned();
            self.0.nodes.push(Node { op, attributes: HashMap::new(), inputs, outputs: vec![next] });
            self.0.outputs[0].1 = next;
            self
        }

        fn with(mut self, name: &str, attribute: Attribute) -> Self {
            let node = self.0.nodes.last_mut().unwrap();
            node.attributes.insert(name.to_owned(), attribute);
            self
        }

        fn layers(&self) -> Result<Vec<GraphLayer>, String> {
            let (_, first) = before_layers(&self.0)?;
            let mut found = Vec::new();
            layers(&self.0, first, &mut found).map(|()| found)
        }
    }

    #[test]
    fn what_comes_before_the_first_layer_is_one_scale_and_shift() {
        let row = Row::new(4)
            .then("Sub", &[(&[1], &[2.0])])
            .then("Mul", &[(&[1, 3, 1, 1], &[1.0, 2.0, 3.0])])
            .then("Add", &[(&[], &[4.0])])
            .then("Div", &[(&[3, 1, 1], &[2.0, 2.0, 4.0])])
            .then("Relu", &[]);
        let (entry, first) = before_layers(&row.0).unwrap();
        assert_eq!((first, entry.scale, entry.shift), (4, [0.5, 1.0, 0.75], [1.0, 0.0, -0.5]));
        let mut turned = Row::new(4).then("Sub", &[(&[1], &[2.0])]);
        turned.0.nodes[0].inputs.reverse();
        assert!(turned.layers().unwrap_err().contains("of a constant and the input"));
        assert!(Row::new(4).then("Mul", &[(&[4], &[1.0; 4])]).layers().unwrap_err().contains("Mul"));
    }

    #[test]
    fn every_way_to_write_a_linear_layer_is_the_same() {
        let rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let columns = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
        let bias: (&[usize], &[f32]) = (&[2], &[7.0, 8.0]);
        let gemm = Row::new(1).then("Flatten", &[]).then("Gemm", &[(&[2, 3], &rows), bias]);
        let plain = Row::new(1).then("Flatten", &[]).then("Gemm", &[(&[3, 2], &columns), bias]);
        let product = Row::new(1).then("Flatten", &[]).then("MatMul", &[(&[3, 2], &columns)]);
        let expected = GraphLayer::Affine {
            shape: vec![2, 3],
            weight: rows.to_vec(),
            bias: Some(vec![7.0, 8.0]),
            stride: None,
        };
        let turned = gemm.with("transB", Attribute::Whole(1));
        for row in [&turned, &plain, &product.then("Add", &[bias])] {
            assert_eq!(row.layers().unwrap(), std::slice::from_ref(&expected));
        }
        let scaled = plain.with("alpha", Attribute::Float(0.5));
        assert!(scaled.layers().unwrap_err().contains("Gemm scales"));
    }

    #[test]
    fn a_tensor_that_another_points_to_is_found() {
        let mut row = Row::new(1).then("Relu", &[]).then("PRelu", &[(&[2], &[0.5, 0.25])]);
        // The slopes by another name.
        let (slopes, name) = (row.0.nodes[1].inputs[1], 90);
        let node = Node {
            op: "Identity".to_owned(),
            attributes: HashMap::new(),
            inputs: vec![slopes],
            outputs: vec![name],
        };
        row.0.nodes.insert(1, node);
        row.0.nodes[2].inputs[1] = Some(name);
        assert_eq!(row.layers().unwrap(), [GraphLayer::PRelu(vec![0.5, 0.25])]);
    }

    #[test]
    fn operators_with_weights_of_their_own_are_named() {
        let row = Row::new(1).then("LayerNormalization", &[(&[4], &[1.0; 4])]);
        assert!(row.layers().unwrap_err().contains("LayerNormalization has weights"));
        let mut computed = Row::new(1).then("Conv", &[]);
        computed.0.nodes[0].inputs.push(Some(9));
        assert!(computed.layers().unwrap_err().contains("Conv computes its weights"));
        let row = Row::new(1).then("Conv", &[(&[1, 3, 5], &[0.0; 15])]);
        assert!(row.layers().unwrap_err().contains("over 1 dimensions"));
    }

    #[test]
    fn the_first_layers_of_a_graph_for_another_task_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.onnx");
        let graph = Row::new(2)
            .then("Conv", &[(&[1, 3, 1, 1], &[1.0, 2.0, 3.0])])
            .with("strides", Attribute::Wholes(vec![2, 1]))
            .then("Mul", &[(&[1, 2, 1, 1], &[1.0, 2.0])])
            .then("Conv", &[(&[1, 1, 1, 1], &[1.0])]);
        fs_err::write(&path, graph.0.write(&[vec![1, 1, 1, 2]]).unwrap()).unwrap();
        let overrides = PreprocessOverrides {
            channels: Some(ChannelOrder::Bgr),
            mean: Some([10.0, 20.0, 30.0]),
            ..PreprocessOverrides::default()
        };
        let found = first_layers(&path, &overrides).unwrap();
        let weight = vec![3.0, 2.0, 1.0];
        let layer = GraphLayer::Affine { shape: vec![1, 3, 1, 1], weight, bias: None, stride: Some([2, 1]) };
        assert_eq!(found, FirstLayers { layers: vec![layer], scale: [1.0; 3], shift: [-30.0, -20.0, -10.0] });
    }

    #[test]
    fn a_graph_of_blue_first_gives_layers_of_red_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.onnx");
        let graph = Row::new(2)
            .then("Sub", &[(&[1], &[100.0])])
            .then("Conv", &[(&[2, 3, 1, 1], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])])
            .then("GlobalAveragePool", &[])
            .then("Flatten", &[]);
        fs_err::write(&path, graph.0.write(&[vec![1, 2]]).unwrap()).unwrap();
        let overrides = PreprocessOverrides {
            channels: Some(ChannelOrder::Bgr),
            mean: Some([10.0, 20.0, 30.0]),
            std: Some([1.0, 2.0, 4.0]),
            ..PreprocessOverrides::default()
        };
        let parts = split_graph(&path, &overrides).unwrap();
        assert_eq!(parts.scale, [0.25, 0.5, 1.0]);
        assert_eq!(parts.shift, [-107.5, -110.0, -110.0]);
        let GraphLayer::Affine { weight, .. } = &parts.layers[0] else { panic!("{:?}", parts.layers) };
        assert_eq!(weight, &[3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
    }
}
