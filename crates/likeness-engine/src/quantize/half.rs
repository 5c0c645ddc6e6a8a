//! f16 weights: the file is half as long, and values are computed in f32.

use std::collections::HashMap;

use crate::graph::{Attribute, Data, Graph, Node, ValueId};

/// Shorter tensors stay as they are.
const LEAST: usize = 256;
/// `TensorProto.FLOAT`
const FLOAT: i64 = 1;

/// Stores the weights of `graph` in f16, each followed by a Cast to f32; returns the number of tensors.
pub fn halve_weights(graph: &mut Graph) -> usize {
    let mut next = graph.free_value();
    let mut casts: Vec<Node> = Vec::new();
    let mut behind: HashMap<ValueId, ValueId> = HashMap::new();
    let mut values: Vec<ValueId> = graph.constants.keys().copied().collect();
    values.sort_unstable();
    for value in values {
        let Some(tensor) = graph.constants.get_mut(&value) else { continue };
        let Data::Float(numbers) = &tensor.data else { continue };
        let halves: Vec<half::f16> = numbers.iter().map(|v| half::f16::from_f32(*v)).collect();
        // What half precision cannot reach stays as it is.
        if numbers.len() < LEAST || halves.iter().any(|h| !h.is_finite()) {
            continue;
        }
        tensor.data = Data::Half(halves.iter().map(|h| h.to_bits()).collect());
        casts.push(Node {
            op: "Cast".to_owned(),
            attributes: HashMap::from([("to".to_owned(), Attribute::Whole(FLOAT))]),
            inputs: vec![Some(value)],
            outputs: vec![next],
        });
        behind.insert(value, next);
        next += 1;
    }
    for value in graph.nodes.iter_mut().flat_map(|n| n.inputs.iter_mut().flatten()) {
        *value = behind.get(value).copied().unwrap_or(*value);
    }
    let count = casts.len();
    casts.append(&mut graph.nodes);
    graph.nodes = casts;
    count
}
