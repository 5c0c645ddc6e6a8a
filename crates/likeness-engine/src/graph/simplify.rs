//! Rewrites a graph into fewer operators with the same outputs.

use std::collections::HashMap;

use super::{Data, Graph, Node, Tensor, ValueId};

/// Removes operators that do nothing, folds normalisations into the convolutions before them, and joins x · sigmoid(x).
pub(crate) fn simplify(graph: &mut Graph) {
    fold(graph);
    join_silu(graph);
}

/// Removes operators that do nothing and folds normalisations; what is left are ONNX's own operators.
pub fn fold(graph: &mut Graph) {
    remove_idle(graph);
    fold_normalizations(graph);
}

fn remove_idle(graph: &mut Graph) {
    let mut same: HashMap<ValueId, ValueId> = HashMap::new();
    let idle = |n: &Node| {
        matches!(n.op.as_str(), "Identity" | "Dropout")
            && n.outputs.len() == 1
            && n.input(0).is_some()
            && !n.inputs.get(2).is_some_and(Option::is_some)
    };
    graph.nodes.retain_mut(|node| {
        for value in node.inputs.iter_mut().flatten() {
            *value = same.get(value).copied().unwrap_or(*value);
        }
        if idle(node) {
            same.insert(node.outputs[0], node.inputs[0].unwrap_or_default());
        }
        !idle(node)
    });
    for (_, value) in &mut graph.outputs {
        *value = same.get(value).copied().unwrap_or(*value);
    }
}

/// Scale and shift of each channel that a normalisation with fixed statistics comes to.
pub(crate) fn scale_and_shift(
    node: &Node,
    constants: &HashMap<ValueId, Tensor>,
) -> Option<(Vec<f32>, Vec<f32>)> {
    let part = |i: usize| node.input(i).and_then(|v| constants.get(&v)).and_then(Tensor::floats);
    let (gamma, beta, mean, variance) = (part(1)?, part(2)?, part(3)?, part(4)?);
    let n = gamma.len();
    if n == 0 || [beta.len(), mean.len(), variance.len()] != [n; 3] || node.whole("training_mode", 0) != 0 {
        return None;
    }
    let epsilon = f64::from(node.float("epsilon", 1e-5));
    let scale = |i: usize| f64::from(gamma[i]) / (f64::from(variance[i]) + epsilon).sqrt();
    let shift = |i: usize| f64::from(beta[i]) - f64::from(mean[i]) * scale(i);
    Some(((0..n).map(|i| scale(i) as f32).collect(), (0..n).map(|i| shift(i) as f32).collect()))
}

fn fold_normalizations(graph: &mut Graph) {
    let uses = graph.uses();
    let makers: HashMap<ValueId, usize> =
        graph.nodes.iter().enumerate().flat_map(|(i, n)| n.outputs.iter().map(move |v| (*v, i))).collect();
    let mut next_value = makers.keys().chain(graph.constants.keys()).max().map_or(0, |v| v + 1);
    let mut folded = vec![false; graph.nodes.len()];
    for (i, folded) in folded.iter_mut().enumerate() {
        let node = &graph.nodes[i];
        let maker = node.input(0).filter(|v| uses.get(v) == Some(&1)).and_then(|v| makers.get(&v).copied());
        let (Some(maker), "BatchNormalization", 1) = (maker, node.op.as_str(), node.outputs.len()) else {
            continue;
        };
        let Some((scale, shift)) = scale_and_shift(node, &graph.constants) else { continue };
        let output = node.outputs[0];
        let Some((weights, bias)) = scaled(&graph.nodes[maker], &graph.constants, &scale, &shift) else {
            continue;
        };
        let conv = &mut graph.nodes[maker];
        conv.inputs.truncate(1);
        for tensor in [weights, bias] {
            conv.inputs.push(Some(next_value));
            graph.constants.insert(next_value, tensor);
            next_value += 1;
        }
        conv.outputs = vec![output];
        *folded = true;
    }
    let mut folded = folded.into_iter();
    graph.nodes.retain(|_| !folded.next().unwrap_or(false));
    let uses = graph.uses();
    graph.constants.retain(|value, _| uses.contains_key(value));
}

/// Weights and bias of a convolution whose outputs are scaled and shifted.
fn scaled(
    conv: &Node,
    constants: &HashMap<ValueId, Tensor>,
    scale: &[f32],
    shift: &[f32],
) -> Option<(Tensor, Tensor)> {
    let weights = constants.get(&conv.input(1)?)?;
    let (values, n) = (weights.floats()?, scale.len());
    if conv.op != "Conv" || weights.shape.first() != Some(&n) || values.is_empty() {
        return None;
    }
    let mut bias = shift.to_vec();
    if let Some(own) = conv.input(2) {
        let own = constants.get(&own)?.floats().filter(|b| b.len() == n)?;
        bias.iter_mut().zip(own.iter().zip(scale)).for_each(|(b, (own, s))| *b += own * s);
    }
    let mut values = values.to_vec();
    let each = values.len() / n;
    for (values, s) in values.chunks_exact_mut(each).zip(scale) {
        values.iter_mut().for_each(|v| *v *= s);
    }
    let weights = Tensor { shape: weights.shape.clone(), data: Data::Float(values) };
    Some((weights, Tensor { shape: vec![n], data: Data::Float(bias) }))
}

fn join_silu(graph: &mut Graph) {
    let uses = graph.uses();
    let mut sigmoids: HashMap<ValueId, ValueId> = HashMap::new();
    for node in &graph.nodes {
        if let ("Sigmoid", Some(x), [y]) = (node.op.as_str(), node.input(0), node.outputs.as_slice())
            && uses.get(y) == Some(&1)
        {
            sigmoids.insert(*y, x);
        }
    }
    let mut joined = Vec::new();
    for node in &mut graph.nodes {
        let (Some(a), Some(b), "Mul") = (node.input(0), node.input(1), node.op.as_str()) else { continue };
        for (x, s) in [(a, b), (b, a)] {
            if sigmoids.get(&s) == Some(&x) {
                joined.push(s);
                (node.op, node.inputs) = ("Silu".to_owned(), vec![Some(x)]);
                break;
            }
        }
    }
    graph.nodes.retain(|n| !n.outputs.iter().any(|v| joined.contains(v)));
}
