//! Quantised graphs in QDQ form: pairs of QuantizeLinear and DequantizeLinear around f32 operators.
//!
//! A pair on an activation becomes one node, `Grid`, whose output is noted with its scale and zero point, so that a
//! convolution may read it as uint8. DequantizeLinear of a constant becomes weights: int8 with scales if only convolutions
//! read them, else f32. Casts of f16 constants are folded, too. Form: <https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html#onnx-quantization-representation-format>

use std::collections::HashMap;

use crate::graph::{Data, Graph, Grid, Node, Tensor, ValueId};
use crate::{EngineError, Result};

/// Joins the pairs of `graph` and unfolds its constants.
///
/// # Errors        scales that do not fit what they scale → [`EngineError::UnsupportedOperator`]
pub(super) fn join(graph: &mut Graph) -> Result<()> {
    unfold_constants(graph)?;
    join_pairs(graph)?;
    for tensor in graph.constants.values_mut() {
        if let Data::Int32(values) = &tensor.data {
            tensor.data = Data::Whole(values.iter().map(|v| i64::from(*v)).collect());
        }
    }
    Ok(())
}

/// A node's constant input.
fn constant<'g>(graph: &'g Graph, node: &Node, i: usize) -> Option<&'g Tensor> {
    graph.constants.get(&node.input(i)?)
}

fn unfold_constants(graph: &mut Graph) -> Result<()> {
    let mut unfolded: Vec<(ValueId, Tensor)> = Vec::new();
    let mut done = vec![false; graph.nodes.len()];
    for (node, done) in graph.nodes.iter().zip(&mut done) {
        let (Some(of), &[output]) = (constant(graph, node, 0), node.outputs.as_slice()) else { continue };
        let tensor = match (node.op.as_str(), &of.data) {
            ("DequantizeLinear", _) => dequantized(graph, node, of, is_filter(graph, output))
                .map_err(|reason| EngineError::operator("DequantizeLinear", reason))?,
            ("Cast", Data::Half(bits)) if node.whole("to", 0) == 1 => {
                let real = |b: &u16| half::f16::from_bits(*b).to_f32();
                Tensor { shape: of.shape.clone(), data: Data::Float(bits.iter().map(real).collect()) }
            }
            _ => continue,
        };
        unfolded.push((output, tensor));
        *done = true;
    }
    graph.constants.extend(unfolded);
    let mut done = done.into_iter();
    graph.nodes.retain(|_| !done.next().unwrap_or(false));
    let uses = graph.uses();
    graph.constants.retain(|value, _| uses.contains_key(value));
    Ok(())
}

/// Whether `value` is the weights of convolutions and nothing else.
fn is_filter(graph: &Graph, value: ValueId) -> bool {
    let mut readers = graph.nodes.iter().filter(|n| n.inputs.contains(&Some(value))).peekable();
    readers.peek().is_some()
        && readers.all(|n| n.op == "Conv" && n.input(1) == Some(value) && n.input(0) != Some(value))
}

fn dequantized(graph: &Graph, node: &Node, of: &Tensor, is_filter: bool) -> Result<Tensor, String> {
    let scale = constant(graph, node, 1).ok_or("its scale is no constant")?;
    let scales = scale.floats().ok_or("its scale is no real number")?;
    let zeros = match node.input(2) {
        None => vec![0],
        Some(_) => {
            constant(graph, node, 2).and_then(|t| t.data.small()).ok_or("its zero point is no constant")?
        }
    };
    let values = of.data.small().ok_or("takes whole numbers of 8 or 32 bits")?;
    let axis =
        if scales.len() == 1 { 0 } else { super::lower::axis_of(node.whole("axis", 1), of.shape.len())? };
    let inner: usize = of.shape.get(axis + 1..).map_or(1, |s| s.iter().product());
    let extent = of.shape.get(axis).copied().unwrap_or(1);
    if !matches!(scales.len(), n if n == 1 || n == extent)
        || !matches!(zeros.len(), n if n == 1 || n == scales.len())
    {
        return Err(format!("{} scales for {:?}", scales.len(), of.shape));
    }
    let channel = |at: usize| if scales.len() == 1 { 0 } else { at / inner.max(1) % extent };
    let zero = |c: usize| zeros[if zeros.len() == 1 { 0 } else { c }];
    if let (Data::Signed(bytes), true, true) =
        (&of.data, is_filter && axis == 0, zeros.iter().all(|z| *z == 0))
    {
        let scales = if scales.len() == 1 { vec![scales[0]; extent] } else { scales.to_vec() };
        return Ok(Tensor { shape: of.shape.clone(), data: Data::Scaled(bytes.clone(), scales) });
    }
    let real = |(at, v): (usize, &i64)| {
        let c = channel(at);
        (v - zero(c)) as f32 * scales[c]
    };
    Ok(Tensor { shape: of.shape.clone(), data: Data::Float(values.iter().enumerate().map(real).collect()) })
}

/// The grid that a node's scale and zero point make, if they are constants for the whole tensor.
fn grid(graph: &Graph, node: &Node) -> Option<Grid> {
    let &[scale] = constant(graph, node, 1)?.floats()? else { return None };
    let zero = match node.input(2) {
        None => 0,
        Some(_) => match &constant(graph, node, 2)?.data {
            Data::Unsigned(v) => *v.first()?,
            // Signed bytes are the unsigned ones less 128.
            Data::Signed(v) => (i16::from(*v.first()?) + 128) as u8,
            _ => return None,
        },
    };
    (scale.is_normal() && scale > 0.0).then(|| Grid::new(scale, zero))
}

fn join_pairs(graph: &mut Graph) -> Result<()> {
    let quantized: HashMap<ValueId, (Grid, ValueId)> = graph
        .nodes
        .iter()
        .filter(|n| n.op == "QuantizeLinear")
        .filter_map(|n| Some((*n.outputs.first()?, (grid(graph, n)?, n.input(0)?))))
        .collect();
    // Each rounding gets one value, that of its first DequantizeLinear; the others' are the same.
    let mut made: HashMap<ValueId, ValueId> = HashMap::new();
    let mut same: HashMap<ValueId, ValueId> = HashMap::new();
    let mut nodes = Vec::with_capacity(graph.nodes.len());
    for mut node in std::mem::take(&mut graph.nodes) {
        for value in node.inputs.iter_mut().flatten() {
            *value = same.get(value).copied().unwrap_or(*value);
        }
        let from = node.input(0).and_then(|v| Some((v, *quantized.get(&v)?)));
        let (Some((bytes, (pair, _))), "DequantizeLinear", &[output]) =
            (from, node.op.as_str(), node.outputs.as_slice())
        else {
            nodes.push(node);
            continue;
        };
        if grid(graph, &node) != Some(pair) {
            return Err(EngineError::operator(
                "DequantizeLinear",
                "another scale or zero point than its QuantizeLinear",
            ));
        }
        match made.get(&bytes) {
            Some(first) => drop(same.insert(output, *first)),
            None => {
                made.insert(bytes, output);
                graph.grids.insert(output, pair);
                node.op = "Grid".to_owned();
                node.inputs = vec![Some(bytes)];
                nodes.push(node);
            }
        }
    }
    for (_, value) in &mut graph.outputs {
        *value = same.get(value).copied().unwrap_or(*value);
    }
    // The roundings read what was to be quantised; QuantizeLinear has no reader left.
    let source = |v: ValueId| quantized.get(&v).map_or(v, |(_, x)| same.get(x).copied().unwrap_or(*x));
    for node in nodes.iter_mut().filter(|n| n.op == "Grid") {
        node.inputs = vec![node.input(0).map(source)];
    }
    graph.nodes = nodes;
    let uses = graph.uses();
    graph.nodes.retain(|n| n.op != "QuantizeLinear" || n.outputs.iter().any(|v| uses.contains_key(v)));
    graph.constants.retain(|value, _| uses.contains_key(value));
    Ok(())
}
