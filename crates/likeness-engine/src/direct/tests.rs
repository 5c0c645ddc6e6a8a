//! Whole graphs against loops that anybody can follow: every kind of convolution, and what may stand around one.

#![allow(clippy::unwrap_used)]

use std::cell::RefCell;

use proptest::prelude::*;
use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, ValueInfoProto,
};

use super::DirectNetwork;
use super::kernel::lanes::on_each_machine;
use crate::EngineError;
use crate::graph::Graph;

pub(super) fn wholes(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        ints: values.iter().map(|&v| v as i64).collect(),
        r#type: Some(AttributeType::INTS),
        ..Default::default()
    }
}

pub(super) fn whole(name: &str, value: usize) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        i: Some(value as i64),
        r#type: Some(AttributeType::INT),
        ..Default::default()
    }
}

pub(super) fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: Some(op.to_owned()),
        input: inputs.iter().map(|&i| i.to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute,
        ..Default::default()
    }
}

pub(super) fn weights(name: &str, dims: &[usize], values: &[f32]) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: dims.iter().map(|&d| d as i64).collect(),
        data_type: Some(DataType::FLOAT),
        float_data: values.to_vec(),
        ..Default::default()
    }
}

/// A graph from `x` to `y`.
pub(super) fn file(node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> Vec<u8> {
    let named = |name: &str| ValueInfoProto { name: Some(name.to_owned()), ..Default::default() };
    let graph = GraphProto {
        node,
        initializer,
        input: vec![named("x")],
        output: vec![named("y")],
        ..Default::default()
    };
    let opset = OperatorSetIdProto { version: Some(13), ..Default::default() };
    ModelProto { graph: Some(graph), opset_import: vec![opset], ..Default::default() }.write_buf().unwrap()
}

/// Numbers from −1 to 1 without a pattern.
pub(super) fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) n: usize,
    pub(super) size: [usize; 2],
    pub(super) groups: usize,
    pub(super) inputs_each: usize,
    pub(super) outputs_each: usize,
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) dilation: [usize; 2],
    /// Above, left, below, right.
    pub(super) pads: [usize; 4],
}

impl Case {
    pub(super) fn inputs(&self) -> usize {
        self.groups * self.inputs_each
    }
    pub(super) fn outputs(&self) -> usize {
        self.groups * self.outputs_each
    }
    fn reach(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1) * self.dilation[axis] + 1
    }
    fn fits(&self) -> bool {
        (0..2).all(|a| self.size[a] + self.pads[a] + self.pads[a + 2] >= self.reach(a))
    }
    pub(super) fn result(&self) -> [usize; 2] {
        [0, 1].map(|a| (self.size[a] + self.pads[a] + self.pads[a + 2] - self.reach(a)) / self.stride[a] + 1)
    }

    pub(super) fn attributes(&self) -> Vec<AttributeProto> {
        vec![
            wholes("strides", &self.stride),
            wholes("dilations", &self.dilation),
            wholes("pads", &self.pads),
            whole("group", self.groups),
        ]
    }

    /// The slow obvious twin.
    pub(super) fn convolve(&self, x: &[f32], weights: &[f32], bias: &[f32]) -> Vec<f64> {
        let ([h, w], [to_h, to_w], [kh, kw]) = (self.size, self.result(), self.kernel);
        let mut y = Vec::new();
        for n in 0..self.n {
            for o in 0..self.outputs() {
                for (row, column) in (0..to_h).flat_map(|r| (0..to_w).map(move |c| (r, c))) {
                    let mut sum = f64::from(bias[o]);
                    for i in 0..self.inputs_each {
                        for (ky, kx) in (0..kh).flat_map(|a| (0..kw).map(move |b| (a, b))) {
                            let at_y =
                                (row * self.stride[0] + ky * self.dilation[0]).wrapping_sub(self.pads[0]);
                            let at_x =
                                (column * self.stride[1] + kx * self.dilation[1]).wrapping_sub(self.pads[1]);
                            if at_y < h && at_x < w {
                                let channel = o / self.outputs_each * self.inputs_each + i;
                                let value = x[((n * self.inputs() + channel) * h + at_y) * w + at_x];
                                let weight = weights[((o * self.inputs_each + i) * kh + ky) * kw + kx];
                                sum += f64::from(value) * f64::from(weight);
                            }
                        }
                    }
                    y.push(sum);
                }
            }
        }
        y
    }
}

pub(super) fn cases() -> impl Strategy<Value = Case> {
    // Groups, inputs and outputs of each: dense, few inputs, depthwise, grouped.
    let channels = prop_oneof![
        (Just(1usize), 1..40usize, 1..70usize),
        (Just(1usize), 1..5usize, 1..40usize),
        (2..50usize, Just(1usize), Just(1usize)),
        (2..6usize, 1..12usize, 1..12usize),
    ];
    let sides = (1..40usize, 1..40usize);
    let pair = |r: std::ops::Range<usize>| (r.clone(), r);
    (1..3usize, sides, channels, pair(1..6), pair(1..4), pair(1..3), (pair(0..3), pair(0..3)))
        .prop_map(|(n, (h, w), (groups, inputs_each, outputs_each), k, s, d, ((t, l), (b, r)))| Case {
            n,
            size: [h, w],
            groups,
            inputs_each,
            outputs_each,
            kernel: [k.0, k.1],
            stride: [s.0, s.1],
            dilation: [d.0, d.1],
            pads: [t, l, b, r],
        })
        .prop_filter("the kernel fits the picture", Case::fits)
}

fn assert_close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(*a) - b).abs() < 1e-4 * b.abs().max(1.0), "at {i}: {a}, expected {b}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn convolutions_agree_with_the_plain_loops(case in cases(), seed in any::<u64>()) {
        let [h, w] = case.size;
        let x = noise(case.n * case.inputs() * h * w, seed);
        let dims = [case.outputs(), case.inputs_each, case.kernel[0], case.kernel[1]];
        let (values, bias) = (noise(dims.iter().product(), seed ^ 1), noise(case.outputs(), seed ^ 2));
        let slopes = noise(case.outputs(), seed ^ 3);
        let bytes = file(
            vec![
                node("Conv", &["x", "w", "b"], "c", case.attributes()),
                node("PRelu", &["c", "s"], "p", vec![]),
                node("Sigmoid", &["p"], "g", vec![]),
                node("Mul", &["p", "g"], "m", vec![]),
                node("Add", &["m", "c"], "y", vec![]),
            ],
            vec![
                weights("w", &dims, &values),
                weights("b", &[case.outputs()], &bias),
                weights("s", &[case.outputs(), 1, 1], &slopes),
            ],
        );
        let [to_h, to_w] = case.result();
        let expected: Vec<f64> = case
            .convolve(&x, &values, &bias)
            .iter()
            .enumerate()
            .map(|(i, &c)| {
                let p = if c > 0.0 { c } else { c * f64::from(slopes[i / (to_h * to_w) % case.outputs()]) };
                p / (1.0 + (-p).exp()) + c
            })
            .collect();
        on_each_machine(|| {
            let network = DirectNetwork::load(&bytes).unwrap();
            let outputs = network.run(&[case.n, case.inputs(), h, w], &x, None).unwrap();
            assert_eq!(outputs[0].shape, [case.n, case.outputs(), to_h, to_w]);
            assert_close(&outputs[0].data, &expected);
            // A picture's numbers do not depend on those beside it, to the bit.
            let alone = network.run(&[1, case.inputs(), h, w], &x[..x.len() / case.n], None).unwrap();
            assert_eq!(alone[0].data, outputs[0].data[..alone[0].data.len()]);
        });
    }
}

#[test]
fn channels_are_shuffled_and_cut_as_in_plain_tensors() {
    let x = noise(2 * 24 * 3 * 5, 7);
    let shape = |name: &str, values: &[i64]| TensorProto {
        name: Some(name.to_owned()),
        dims: vec![values.len() as i64],
        data_type: Some(DataType::INT64),
        int64_data: values.to_vec(),
        ..Default::default()
    };
    let bytes = file(
        vec![
            node("MaxPool", &["x"], "m", vec![wholes("kernel_shape", &[1, 1])]),
            node("Reshape", &["m", "five"], "r", vec![]),
            node("Transpose", &["r"], "t", vec![wholes("perm", &[0, 2, 1, 3, 4])]),
            node("Reshape", &["t", "four"], "u", vec![]),
            node("Slice", &["u", "from", "to", "axis"], "v", vec![]),
            node("Concat", &["v", "m"], "y", vec![whole("axis", 1)]),
        ],
        vec![
            shape("five", &[2, 4, 6, 3, 5]),
            shape("four", &[2, -1, 3, 5]),
            shape("from", &[5]),
            shape("to", &[23]),
            shape("axis", &[1]),
        ],
    );
    let network = DirectNetwork::load(&bytes).unwrap();
    let found = network.run(&[2, 24, 3, 5], &x, None).unwrap().remove(0);
    assert_eq!(found.shape, [2, 18 + 24, 3, 5]);
    let channel = |n: usize, c: usize| &x[(n * 24 + c) * 15..][..15];
    let shuffled = |n: usize, c: usize| channel(n, c % 4 * 6 + c / 4);
    let expected: Vec<f32> = (0..2)
        .flat_map(|n| {
            (5..23)
                .flat_map(move |c| shuffled(n, c).to_vec())
                .chain((0..24).flat_map(move |c| channel(n, c).to_vec()))
        })
        .collect();
    assert_eq!(found.data, expected);
}

#[test]
fn weights_are_packed_from_where_they_lie_unless_something_else_needs_them() {
    let numbers = noise(64 * 32 * 9, 3);
    let in_bytes = |count: usize| TensorProto {
        raw_data: Some(RefCell::new(numbers[..count].iter().flat_map(|v| v.to_le_bytes()).collect())),
        ..weights("w", &[64, 32, 3, 3], &[])
    };
    let conv = || node("Conv", &["x", "w"], "y", vec![wholes("pads", &[1; 4])]);
    let left = |nodes: Vec<NodeProto>, more: Vec<TensorProto>| {
        let bytes = file(nodes, [vec![in_bytes(numbers.len())], more].concat());
        let (graph, left) = Graph::read_to_pack(&bytes, &[]).unwrap();
        (left.len(), graph.constants.len())
    };
    assert_eq!(left(vec![conv()], vec![]), (1, 0));
    assert_eq!(left(vec![conv(), node("Relu", &["w"], "v", vec![])], vec![]), (0, 1));
    let statistics = ["a", "b", "c", "d"].map(|name| weights(name, &[64], &[1.0; 64])).to_vec();
    let folded = node("BatchNormalization", &["y", "a", "b", "c", "d"], "z", vec![]);
    assert_eq!(left(vec![conv(), folded], statistics), (0, 5));

    let x = noise(32 * 7 * 6, 4);
    let answer = |weights: TensorProto| {
        let network = DirectNetwork::load(&file(vec![conv()], vec![weights]))?;
        network.run(&[1, 32, 7, 6], &x, None).map(|mut outputs| outputs.remove(0).data)
    };
    let read = answer(weights("w", &[64, 32, 3, 3], &numbers)).unwrap();
    assert_eq!(answer(in_bytes(numbers.len())).unwrap(), read);
    let short = answer(in_bytes(numbers.len() - 1)).unwrap_err().to_string();
    assert!(short.contains("promises 18432 numbers, 18431 found"), "{short}");
}

#[test]
fn what_is_not_supported_is_named() {
    let reason = |op: &str| {
        let network = DirectNetwork::load(&file(vec![node(op, &["x"], "y", vec![])], vec![]));
        let error = network.and_then(|n| n.run(&[1, 3, 8, 8], &[0.0; 192], None)).unwrap_err();
        assert!(
            matches!(&error, EngineError::UnsupportedOperator { op: found, .. } if found == op),
            "{error:?}"
        );
        error.to_string()
    };
    assert_eq!(reason("NonZero"), "operator NonZero: not supported");
    assert!(reason("Conv").contains("its weights are missing"));
    let circle =
        file(vec![node("Add", &["x", "b"], "a", vec![]), node("Add", &["a", "x"], "b", vec![])], vec![]);
    assert!(DirectNetwork::load(&circle).unwrap_err().to_string().contains("before it is computed"));
    let idle = DirectNetwork::load(&file(vec![node("MaxPool", &["x"], "y", vec![])], vec![])).unwrap();
    let huge = idle.check(&[1 << 20, 1 << 20, 1 << 12, 1 << 12]).unwrap_err().to_string();
    assert!(huge.contains("too large") || huge.contains("MiB"), "{huge}");
    let many = idle.check(&[1 << 12, 3, 1 << 10, 1 << 10]).unwrap_err();
    assert!(matches!(many, EngineError::OutOfMemory { .. }), "{many:?}");
    let short = idle.run(&[1, 3, 8, 8], &[0.0; 3], None).unwrap_err();
    assert_eq!(short.to_string(), "expected 192 values for an input of [1, 3, 8, 8], found 3");
    assert!(matches!(short, EngineError::BadInput { .. }), "{short:?}");
}
