//! Quantised graphs against loops over whole numbers that anybody can follow.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rten_onnx::onnx::{DataType, NodeProto, TensorProto};

use super::DirectNetwork;
use super::kernel::lanes::on_each_machine;
use super::tests::{Case, cases, file, node, noise, weights};

/// A grid of bytes as the graph has it.
#[derive(Debug, Clone, Copy)]
struct Bytes {
    scale: f32,
    zero: i32,
}

impl Bytes {
    fn steps(&self, v: f64) -> i64 {
        ((v / f64::from(self.scale)).round_ties_even() as i64 + i64::from(self.zero)).clamp(0, 255)
    }

    fn of(&self, v: f64) -> f64 {
        (self.steps(v) - i64::from(self.zero)) as f64 * f64::from(self.scale)
    }

    /// Scale and zero point under a name.
    fn tensors(&self, name: &str) -> [TensorProto; 2] {
        let mut zero = whole_tensor(&format!("{name}z"), DataType::UINT8, &[self.zero]);
        zero.dims = vec![];
        [weights(&format!("{name}s"), &[], &[self.scale]), zero]
    }
}

fn whole_tensor(name: &str, kind: DataType, values: &[i32]) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: vec![values.len() as i64],
        data_type: Some(kind),
        int32_data: values.to_vec(),
        ..Default::default()
    }
}

/// The nodes that round `from` to the grid `grid`; `to` is their result.
fn pair(from: &str, grid: &str, to: &str) -> [NodeProto; 2] {
    let (scale, zero, bytes) = (format!("{grid}s"), format!("{grid}z"), format!("{to}_bytes"));
    [
        node("QuantizeLinear", &[from, &scale, &zero], &bytes, vec![]),
        node("DequantizeLinear", &[&bytes, &scale, &zero], to, vec![]),
    ]
}

/// A convolution's weights in bytes, with what dequantises them.
struct Filter {
    values: Vec<i32>,
    scales: Vec<f32>,
    bias: Vec<i32>,
}

impl Filter {
    fn new(case: &Case, seed: u64) -> Self {
        let count = case.outputs() * case.inputs_each * case.kernel[0] * case.kernel[1];
        Self {
            values: noise(count, seed)
                .iter()
                .map(|v| (v * 127.5).round().clamp(-128.0, 127.0) as i32)
                .collect(),
            scales: noise(case.outputs(), seed ^ 9).iter().map(|v| 0.002 + v.abs() * 0.01).collect(),
            bias: noise(case.outputs(), seed ^ 7).iter().map(|v| (v * 3000.0) as i32).collect(),
        }
    }

    fn tensors(&self, case: &Case, input: Bytes) -> Vec<TensorProto> {
        let mut values = whole_tensor("w8", DataType::INT8, &self.values);
        values.dims =
            [case.outputs(), case.inputs_each, case.kernel[0], case.kernel[1]].map(|d| d as i64).to_vec();
        let of_bias: Vec<f32> = self.scales.iter().map(|s| s * input.scale).collect();
        vec![
            values,
            weights("ws", &[case.outputs()], &self.scales),
            whole_tensor("b32", DataType::INT32, &self.bias),
            weights("bs", &[case.outputs()], &of_bias),
        ]
    }

    fn nodes() -> [NodeProto; 2] {
        let axis = || vec![super::tests::whole("axis", 0)];
        [
            node("DequantizeLinear", &["w8", "ws"], "w", axis()),
            node("DequantizeLinear", &["b32", "bs"], "b", axis()),
        ]
    }

    /// The slow obvious twin: sums of whole numbers, then what they are worth.
    fn convolve(&self, case: &Case, x: &[f32], input: Bytes) -> Vec<f64> {
        let steps: Vec<f32> =
            x.iter().map(|v| (input.steps(f64::from(*v)) - i64::from(input.zero)) as f32).collect();
        let whole = |v: &[i32]| v.iter().map(|v| *v as f32).collect::<Vec<f32>>();
        let [h, w] = case.result();
        let sums = case.convolve(&steps, &whole(&self.values), &whole(&self.bias));
        let worth = |(i, sum): (usize, f64)| {
            assert_eq!(sum, sum.round(), "sums are whole");
            sum * f64::from(self.scales[i / (h * w) % case.outputs()]) * f64::from(input.scale)
        };
        sums.into_iter().enumerate().map(worth).collect()
    }
}

/// Nearly all numbers are those expected; ties may be one step off, as products are rounded differently.
fn assert_on_grid(found: &[f32], expected: &[f64], step: f32) {
    assert_eq!(found.len(), expected.len());
    let off =
        found.iter().zip(expected).filter(|(a, b)| (f64::from(**a) - **b).abs() > 1e-4 * f64::from(step));
    let off: Vec<f64> = off.map(|(a, b)| (f64::from(*a) - b).abs() / f64::from(step)).collect();
    assert!(off.iter().all(|d| *d < 1.01), "{off:?}");
    assert!(off.len() <= 1 + found.len() / 200, "{} of {} are off", off.len(), found.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn convolutions_of_bytes_agree_with_the_plain_loops(
        case in cases(),
        seed in any::<u64>(),
        (zero, to_zero) in (0..256i32, 0..256i32),
    ) {
        let [h, w] = case.size;
        let x = noise(case.n * case.inputs() * h * w, seed);
        let (input, output) = (Bytes { scale: 0.008, zero }, Bytes { scale: 0.05, zero: to_zero });
        let filter = Filter::new(&case, seed);
        let slopes = noise(case.outputs(), seed ^ 3);
        let mut nodes = pair("x", "i", "xi").to_vec();
        // A pooling of single pixels makes feature maps of the input.
        nodes.insert(0, node("MaxPool", &["x"], "m", vec![super::tests::wholes("kernel_shape", &[1, 1])]));
        nodes[1].input[0] = "m".to_owned();
        nodes.extend(Filter::nodes());
        nodes.push(node("Conv", &["xi", "w", "b"], "c", case.attributes()));
        nodes.push(node("PRelu", &["c", "slopes"], "p", vec![]));
        nodes.extend(pair("p", "o", "y"));
        let mut tensors = filter.tensors(&case, input);
        tensors.extend(input.tensors("i"));
        tensors.extend(output.tensors("o"));
        tensors.push(weights("slopes", &[case.outputs(), 1, 1], &slopes));
        let bytes = file(nodes, tensors);
        let [to_h, to_w] = case.result();
        let slope = |i: usize| f64::from(slopes[i / (to_h * to_w) % case.outputs()]);
        let expected: Vec<f64> = filter
            .convolve(&case, &x, input)
            .into_iter()
            .enumerate()
            .map(|(i, c)| output.of(if c > 0.0 { c } else { c * slope(i) }))
            .collect();
        on_each_machine(|| {
            let network = DirectNetwork::load(&bytes).unwrap();
            let outputs = network.run(&[case.n, case.inputs(), h, w], &x, None).unwrap();
            assert_on_grid(&outputs[0].data, &expected, output.scale);
            // A picture's numbers do not depend on those beside it, to the bit.
            let alone = network.run(&[1, case.inputs(), h, w], &x[..x.len() / case.n], None).unwrap();
            assert_eq!(alone[0].data, outputs[0].data[..alone[0].data.len()]);
        });
    }
}

/// A residual block: y = relu(conv(x) + x), everything in bytes, x read twice, y read by another convolution.
#[test]
fn residual_blocks_stay_in_bytes_and_agree_with_the_plain_loops() {
    let case = Case {
        n: 2,
        size: [9, 7],
        groups: 1,
        inputs_each: 24,
        outputs_each: 24,
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        pads: [1, 1, 1, 1],
    };
    let x = noise(2 * 24 * 63, 5);
    let (input, inner, output) = (
        Bytes { scale: 0.008, zero: 128 },
        Bytes { scale: 0.02, zero: 101 },
        Bytes { scale: 0.015, zero: 0 },
    );
    let filter = Filter::new(&case, 11);
    let mut nodes = vec![node("MaxPool", &["x"], "m", vec![super::tests::wholes("kernel_shape", &[1, 1])])];
    nodes.extend(pair("m", "i", "xi"));
    nodes.extend(Filter::nodes());
    nodes.push(node("Conv", &["xi", "w", "b"], "c", case.attributes()));
    nodes.extend(pair("c", "n", "ci"));
    nodes.push(node("Add", &["ci", "xi"], "a", vec![]));
    nodes.push(node("Relu", &["a"], "r", vec![]));
    nodes.extend(pair("r", "o", "ro"));
    nodes.push(node("Conv", &["ro", "w", "b"], "y", case.attributes()));
    let mut tensors = filter.tensors(&case, input);
    for (grid, name) in [(input, "i"), (inner, "n"), (output, "o")] {
        tensors.extend(grid.tensors(name));
    }
    let bytes = file(nodes, tensors);
    let block: Vec<f32> = filter
        .convolve(&case, &x, input)
        .iter()
        .zip(&x)
        .map(|(c, x)| output.of((inner.of(*c) + input.of(f64::from(*x))).max(0.0)) as f32)
        .collect();
    // The bias is in steps of the first convolution's input.
    let second = Filter {
        bias: filter.bias.iter().map(|_| 0).collect(),
        values: filter.values.clone(),
        scales: filter.scales.clone(),
    };
    let bias = |i: usize| {
        let o = i / 63 % 24;
        f64::from(filter.bias[o]) * f64::from(filter.scales[o]) * f64::from(input.scale)
    };
    let expected: Vec<f64> =
        second.convolve(&case, &block, output).into_iter().enumerate().map(|(i, v)| v + bias(i)).collect();
    on_each_machine(|| {
        let network = DirectNetwork::load(&bytes).unwrap();
        let found = network.run(&[2, 24, 9, 7], &x, None).unwrap().remove(0);
        // One step of the block's output that is off moves a sum by at most a weight.
        let largest = filter.scales.iter().fold(0.0f32, |a, b| a.max(*b)) * 128.0 * output.scale;
        for (a, b) in found.data.iter().zip(&expected) {
            assert!((f64::from(*a) - b).abs() < 1.01 * f64::from(largest), "{a} {b}");
        }
        let exact =
            found.data.iter().zip(&expected).filter(|(a, b)| (f64::from(**a) - **b).abs() < 1e-3).count();
        assert!(exact * 10 > found.data.len() * 9, "{exact} of {}", found.data.len());
    });
}

#[test]
fn pairs_that_do_not_match_are_told() {
    let mut nodes = pair("x", "i", "y").to_vec();
    nodes[1].input[1] = "os".to_owned();
    let tensors =
        [Bytes { scale: 0.1, zero: 3 }.tensors("i"), Bytes { scale: 0.2, zero: 3 }.tensors("o")].concat();
    let reason = DirectNetwork::load(&file(nodes, tensors)).unwrap_err().to_string();
    assert!(reason.contains("another scale or zero point"), "{reason}");
    // Scales of another number than channels.
    let nodes = vec![
        node("DequantizeLinear", &["w8", "ws"], "w", vec![super::tests::whole("axis", 0)]),
        node("Add", &["x", "w"], "y", vec![]),
    ];
    let tensors = vec![whole_tensor("w8", DataType::INT8, &[1, 2, 3]), weights("ws", &[2], &[0.1, 0.2])];
    let reason = DirectNetwork::load(&file(nodes, tensors)).unwrap_err().to_string();
    assert!(reason.contains("2 scales for [3]"), "{reason}");
}
