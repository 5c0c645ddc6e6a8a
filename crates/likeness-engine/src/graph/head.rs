//! Appends a linear layer to an output of a graph.
//!
//! Only operators that every engine has since version 7 of the operator set are used: Flatten, Mul, MatMul, Sqrt, Div, Add.

use std::collections::HashSet;

use super::{Attribute, Data, Graph, Node, Tensor, ValueId};
use crate::{EngineError, Result};

/// The first version of the operator set with broadcasting as it is used here.
const LEAST_OPSET: i64 = 7;

/// A linear layer y = W·x + b for each row x of an output.
#[derive(Debug, Clone)]
pub struct LinearLayer<'a> {
    /// The length of a row that enters.
    pub inputs: usize,
    /// The length of a row that leaves.
    pub outputs: usize,
    /// The matrix W: `outputs` × `inputs` values, row-major.
    pub weights: &'a [f32],
    /// The bias b of `outputs` values.
    pub bias: Option<&'a [f32]>,
    /// Whether rows are scaled to unit length first.
    pub unit_input: bool,
}

impl Graph {
    /// Appends `layer` to the output with the number `output`, whose result for one picture has the shape `shape`. The graph
    /// then has this output only, under its name, and no operator that it does not need.
    ///
    /// # Shapes        `shape`: \[1, inputs\], or with further dimensions of 1
    /// # Errors        no such output, another shape, lengths that do not fit, operators before version 7 →
    /// [`EngineError::BadGraph`]
    pub fn append_linear(&mut self, output: usize, shape: &[usize], layer: &LinearLayer<'_>) -> Result<()> {
        let bad = |reason: String| Err(EngineError::graph(reason));
        let LinearLayer { inputs, outputs, weights, bias, unit_input } = *layer;
        if self.opset < LEAST_OPSET {
            return bad(format!(
                "expected operators of version {LEAST_OPSET} or later, found {}",
                self.opset
            ));
        }
        if weights.len() != inputs * outputs || bias.is_some_and(|bias| bias.len() != outputs) {
            return bad(format!("a layer from {inputs} to {outputs} values has other lengths"));
        }
        let Some((name, mut last)) = self.outputs.get(output).cloned() else {
            return bad(format!("has no output {output}"));
        };
        if shape.len() < 2 || shape[1] != inputs || shape[2..].iter().any(|&n| n != 1) {
            return bad(format!("output {name}: expected {inputs} values for each picture, found {shape:?}"));
        }
        if shape.len() > 2 {
            last = self.append("Flatten", [("axis", 1)], &[last]);
        }
        if unit_input {
            let squares = self.append("Mul", [], &[last, last]);
            let ones = self.constant(vec![inputs, 1], vec![1.0; inputs]);
            let sum = self.append("MatMul", [], &[squares, ones]);
            let length = self.append("Sqrt", [], &[sum]);
            last = self.append("Div", [], &[last, length]);
        }
        let columns =
            (0..inputs).flat_map(|input| (0..outputs).map(move |row| weights[row * inputs + input]));
        let matrix = self.constant(vec![inputs, outputs], columns.collect());
        last = self.append("MatMul", [], &[last, matrix]);
        if let Some(bias) = bias {
            let bias = self.constant(vec![outputs], bias.to_vec());
            last = self.append("Add", [], &[last, bias]);
        }
        self.outputs = vec![(name, last)];
        self.drop_unused();
        Ok(())
    }

    fn constant(&mut self, shape: Vec<usize>, values: Vec<f32>) -> ValueId {
        let value = self.free_value();
        self.constants.insert(value, Tensor { shape, data: Data::Float(values) });
        value
    }

    /// Adds a node after the others. Returns its output.
    fn append<const N: usize>(
        &mut self,
        op: &str,
        attributes: [(&str, i64); N],
        inputs: &[ValueId],
    ) -> ValueId {
        let output = self.free_value();
        self.nodes.push(Node {
            op: op.to_owned(),
            attributes: attributes.map(|(name, value)| (name.to_owned(), Attribute::Whole(value))).into(),
            inputs: inputs.iter().copied().map(Some).collect(),
            outputs: vec![output],
        });
        output
    }

    /// Removes the nodes and constants that no output depends on.
    fn drop_unused(&mut self) {
        let mut needed: HashSet<ValueId> = self.outputs.iter().map(|(_, value)| *value).collect();
        let mut kept: Vec<Node> = Vec::with_capacity(self.nodes.len());
        for node in self.nodes.drain(..).rev() {
            if node.outputs.iter().any(|output| needed.contains(output)) {
                needed.extend(node.inputs.iter().flatten());
                kept.push(node);
            }
        }
        kept.reverse();
        self.nodes = kept;
        self.constants.retain(|value, _| needed.contains(value));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::Declared;
    use super::*;
    use crate::{EngineChoice, EngineConfig, Session, Weights};

    /// A graph that gives the means of the three channels as output 1, and their doubles as output 0.
    fn means() -> Graph {
        let node = |op: &str, inputs: &[ValueId], output: ValueId| Node {
            op: op.to_owned(),
            attributes: HashMap::new(),
            inputs: inputs.iter().copied().map(Some).collect(),
            outputs: vec![output],
        };
        Graph {
            opset: 13,
            nodes: vec![node("GlobalAveragePool", &[0], 1), node("Mul", &[1, 3], 2)],
            constants: HashMap::from([(3, Tensor { shape: vec![1], data: Data::Float(vec![2.0]) })]),
            grids: HashMap::new(),
            input_name: "picture".to_owned(),
            input: 0,
            declared: Declared { is_float: true, shape: Some(vec![None, Some(3), Some(4), Some(4)]) },
            outputs: vec![("doubles".to_owned(), 2), ("means".to_owned(), 1)],
        }
    }

    fn layer(unit_input: bool) -> LinearLayer<'static> {
        let weights = &[1.0, 2.0, 3.0, -1.0, 0.0, 5.0];
        LinearLayer { inputs: 3, outputs: 2, weights, bias: Some(&[10.0, 20.0]), unit_input }
    }

    /// The output for two pictures whose channels are constant, on `choice`.
    fn run(graph: &Graph, choice: EngineChoice) -> Vec<f32> {
        let bytes = graph.write(&[vec![1, 2]]).unwrap();
        let config = EngineConfig { choice, ..EngineConfig::default() };
        let session = Session::from_bytes("means.onnx".as_ref(), bytes, Weights::Prepacked, &config).unwrap();
        let fill = |values: &mut [f32]| {
            for (channel, values) in values.chunks_exact_mut(16).enumerate() {
                values.fill([3.0, 0.0, 4.0, 1.0, 2.0, 2.0][channel]);
            }
        };
        let outputs = session.run([2, 3, 4, 4], fill, None).unwrap();
        assert_eq!((outputs.len(), outputs[0].shape.as_slice()), (1, &[2, 2][..]));
        outputs[0].data.clone()
    }

    #[test]
    fn the_layer_is_computed_alike_by_all_engines() {
        for choice in [EngineChoice::Direct, EngineChoice::Rten] {
            for (unit_input, expected) in [
                // 3·1 + 4·3 + 10, −3 + 4·5 + 20; 1 + 2·2 + 2·3 + 10, −1 + 2·5 + 20
                (false, [25.0, 37.0, 21.0, 29.0]),
                (true, [13.0, 23.4, 10.0 + 11.0 / 3.0, 23.0]),
            ] {
                let mut graph = means();
                graph.append_linear(1, &[1, 3, 1, 1], &layer(unit_input)).unwrap();
                assert_eq!(graph.outputs.len(), 1);
                assert!(!graph.constants.contains_key(&3), "nothing reads the factor of the other output");
                for (found, expected) in run(&graph, choice).iter().zip(expected) {
                    assert!((found - expected).abs() < 1e-5, "{choice}, {unit_input}: {found} {expected}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let error = |graph: &mut Graph, output, shape: &[usize]| {
            graph.append_linear(output, shape, &layer(false)).unwrap_err().to_string()
        };
        assert!(error(&mut means(), 2, &[1, 3]).contains("has no output 2"));
        let told = error(&mut means(), 1, &[1, 3, 2, 1]);
        assert!(told.contains("output means: expected 3 values for each picture"), "{told}");
        let mut old = Graph { opset: 6, ..means() };
        assert!(error(&mut old, 1, &[1, 3, 1, 1]).contains("version 7 or later, found 6"));
        let short = LinearLayer { weights: &[1.0], ..layer(false) };
        assert!(means().append_linear(1, &[1, 3, 1, 1], &short).is_err());
    }
}
