//! Limits on small graphs, and shapes held against those that engines give.

use std::path::{Path, PathBuf};

use rten_onnx::onnx::{
    AttributeProto, AttributeType, Dimension, NodeProto, OperatorSetIdProto, TensorShapeProto, TypeProto,
    TypeProtoTensor,
};
use rten_onnx::onnx::{TensorProto, ValueInfoProto};

use super::*;
use crate::{EngineChoice, EngineConfig, Session, Weights};

fn whole(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: vec![values.len() as i64],
        data_type: Some(rten_onnx::onnx::DataType::INT64),
        int64_data: values.to_vec(),
        ..Default::default()
    }
}

fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: dims.to_vec(),
        data_type: Some(rten_onnx::onnx::DataType::FLOAT),
        float_data: values.to_vec(),
        ..Default::default()
    }
}

fn node(op: &str, inputs: &[&str], output: &str, attributes: &[(&str, i64)]) -> NodeProto {
    let attribute = |(name, value): &(&str, i64)| AttributeProto {
        name: Some((*name).into()),
        i: Some(*value),
        r#type: Some(AttributeType::INT),
        ..Default::default()
    };
    NodeProto {
        op_type: Some(op.into()),
        input: inputs.iter().map(|s| (*s).to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute: attributes.iter().map(attribute).collect(),
        ..Default::default()
    }
}

/// A graph on an input `x` of 1×3×8×8 whose output is that of its last operator.
fn graph(nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> Vec<u8> {
    let value = |name: &str, dims: &[i64]| ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto {
            tensor_type: Some(TypeProtoTensor {
                elem_type: Some(rten_onnx::onnx::DataType::FLOAT),
                shape: Some(TensorShapeProto {
                    dim: dims
                        .iter()
                        .map(|&n| Dimension { dim_value: Some(n), ..Default::default() })
                        .collect(),
                }),
            }),
            ..Default::default()
        }),
    };
    let last = nodes.last().unwrap().output[0].clone();
    let model = ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto { version: Some(17), ..Default::default() }],
        graph: Some(GraphProto {
            node: nodes,
            initializer: constants,
            input: vec![value("x", &[1, 3, 8, 8])],
            output: vec![ValueInfoProto { name: Some(last), ..Default::default() }],
            ..Default::default()
        }),
        ..Default::default()
    };
    model.write_buf().unwrap()
}

const SHAPE: [usize; 4] = [1, 3, 8, 8];

/// What a strict check of the graph says.
fn verdict(nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> Result<(), String> {
    match Bounds::read(&graph(nodes, constants), &[]) {
        Ok(bounds) => bounds.allow(SHAPE, Strictness::Strict).map_err(|error| error.to_string()),
        Err(error @ EngineError::BadInput { .. }) => panic!("{error}"),
        Err(error) => Err(error.to_string()),
    }
}

/// Asserts that a graph is refused for a reason with `words`.
fn assert_refused(nodes: Vec<NodeProto>, constants: Vec<TensorProto>, words: &str) {
    let reason = verdict(nodes, constants).unwrap_err();
    assert!(reason.contains(words), "expected {words:?}: {reason}");
}

#[test]
fn sizes_from_constants_are_limited_when_the_graph_is_opened() {
    for (op, input, words) in [
        ("ConstantOfShape", vec!["size"], "ConstantOfShape: gives"),
        ("Expand", vec!["one", "size"], "Expand: gives"),
        ("Tile", vec!["plane", "size"], "Tile: gives"),
    ] {
        let constants = || {
            vec![
                whole("size", &[100_000, 107_374]),
                floats("one", &[1], &[0.0]),
                floats("plane", &[1, 1], &[0.0]),
            ]
        };
        let bytes = graph(vec![node(op, &input, "y", &[])], constants());
        // By opening alone, without an input of any shape.
        let Err(error) = Bounds::read(&bytes, &[]) else { panic!("{op}") };
        assert!(matches!(error, EngineError::OutOfMemory { .. }), "{error:?}");
        let reason = error.to_string();
        assert!(reason.contains(words), "{reason}");
    }
    let range = vec![node("Range", &["a", "b", "c"], "y", &[])];
    let scalar = |name: &str, v: f32| TensorProto { dims: vec![], ..floats(name, &[], &[v]) };
    assert_refused(range, vec![scalar("a", 0.0), scalar("b", 1e30), scalar("c", 1.0)], "Range: gives");
}

#[test]
fn sizes_from_the_picture_are_limited_before_a_run() {
    let pads = whole("pads", &[0, 0, 0, 0, 0, 0, 1 << 20, 1 << 20]);
    assert_refused(vec![node("Pad", &["x", "pads"], "y", &[])], vec![pads], "Pad: gives");
    let scales = floats("scales", &[4], &[1.0, 1.0, 1e9, 1e9]);
    assert_refused(vec![node("Resize", &["x", "", "scales"], "y", &[])], vec![scales], "Resize: gives");
    // Each doubling of the axes multiplies: 3·8·8 values, then their square, then that times them again.
    let flat = || node("Reshape", &["x", "flat"], "a", &[]);
    let column = node("Reshape", &["x", "column"], "b", &[]);
    let shapes = || vec![whole("flat", &[-1]), whole("column", &[-1, 1]), whole("high", &[-1, 1, 1])];
    let square = || node("Add", &["a", "b"], "c", &[]);
    assert!(verdict(vec![flat(), column.clone(), square()], shapes()).is_ok());
    let tall = node("Reshape", &["c", "high"], "d", &[]);
    let product = vec![flat(), column, square(), tall, node("Mul", &["c", "d"], "y", &[])];
    assert_refused(product, shapes(), "Mul: gives");
}

#[test]
fn sizes_that_depend_on_pixels_are_refused() {
    let nodes = vec![
        node("ReduceMax", &["x"], "m", &[("keepdims", 0)]),
        node("Cast", &["m"], "n", &[("to", 7)]),
        node("Reshape", &["n", "one"], "size", &[]),
        node("ConstantOfShape", &["size"], "y", &[]),
    ];
    assert_refused(nodes, vec![whole("one", &[1])], "depends on the picture");
    // The number of pixels that are not 0 is at most that of all, which is no shape to compute with.
    let nodes = vec![
        node("NonZero", &["x"], "p", &[]),
        node("Shape", &["p"], "s", &[]),
        node("ConstantOfShape", &["s"], "y", &[]),
    ];
    assert_refused(nodes, vec![], "depends on the picture");
    let nodes = vec![node("NonZero", &["x"], "p", &[]), node("Cast", &["p"], "y", &[("to", 1)])];
    assert!(verdict(nodes, vec![]).is_ok());
}

#[test]
fn arithmetic_that_engines_round_or_wrap_is_not_believed() {
    // 2⁵³ + 1 − 2⁵³ is 1 in whole numbers and 0 in 64-bit floats.
    let nodes = |first: &str| {
        vec![
            node("Add", &[first, "one"], "a", &[]),
            node("Sub", &["a", first], "b", &[]),
            node("Mul", &["b", "many"], "size", &[]),
            node("ConstantOfShape", &["size"], "y", &[]),
        ]
    };
    let constants = |first| vec![whole("first", &[first]), whole("one", &[1]), whole("many", &[1 << 40])];
    assert_refused(nodes("first"), constants(1 << 53), "depends on the picture");
    assert_refused(nodes("first"), constants(7), "ConstantOfShape: gives");
    // 2²⁴ + 1 is 2²⁴ in 32-bit floats.
    let nodes = vec![
        node("Add", &["a", "one"], "b", &[]),
        node("Sub", &["b", "a"], "c", &[]),
        node("Cast", &["c"], "size", &[("to", 7)]),
        node("ConstantOfShape", &["size"], "y", &[]),
    ];
    let constants = vec![floats("a", &[1], &[16_777_216.0]), floats("one", &[1], &[1.0])];
    let bytes = graph(nodes, constants);
    assert_eq!(shapes(&bytes, SHAPE)["y"], [0]);
}

#[test]
fn work_without_memory_is_limited_too() {
    let mut pool = node("MaxPool", &["x"], "y", &[]);
    let list = |name: &str, ints: Vec<i64>| AttributeProto {
        name: Some(name.into()),
        ints,
        r#type: Some(AttributeType::INTS),
        ..Default::default()
    };
    pool.attribute = vec![list("kernel_shape", vec![8191, 8191]), list("pads", vec![8190; 4])];
    assert_refused(vec![pool], vec![], "multiply-adds");
}

#[test]
fn graphs_that_are_no_order_of_operators_are_refused() {
    let relu = |from: &str, to: &str| node("Relu", &[from], to, &[]);
    assert_refused(vec![relu("b", "a"), relu("a", "b")], vec![], "not computed before it");
    assert_refused(vec![relu("x", "a"), relu("x", "a")], vec![], "a second time");
    assert_refused(vec![relu("x", "one")], vec![whole("one", &[1])], "a second time");
    let inner = GraphProto { node: vec![relu("x", "a")], ..Default::default() };
    let mut hidden = relu("x", "y");
    hidden.attribute =
        vec![AttributeProto { name: Some("body".into()), g: Some(inner), ..Default::default() }];
    assert_refused(vec![hidden], vec![], "control flow");
    for op in ["Loop", "If", "Scan", "SequenceMap"] {
        assert_refused(vec![node(op, &["x"], "y", &[])], vec![], "control flow");
    }
    assert_refused(vec![node("Mystery", &["x"], "y", &[])], vec![], "operator Mystery: not known");
}

#[test]
fn memory_that_is_free_again_does_not_count() {
    // Each of 64 values takes 192 MiB, and two of them are alive at the same time.
    let mut nodes = vec![node("Resize", &["x", "", "", "sizes"], "v0", &[])];
    let mut constants = vec![whole("sizes", &[1, 3, 4096, 4096])];
    for at in 0..64 {
        nodes.push(node("Relu", &[&format!("v{at}")], &format!("v{}", at + 1), &[]));
    }
    assert!(verdict(nodes.clone(), constants.clone()).is_ok());
    // All are added up at the end, so that all are alive.
    let names: Vec<String> = (0..65).map(|at| format!("v{at}")).collect();
    nodes.push(node("Sum", &names.iter().map(String::as_str).collect::<Vec<_>>(), "y", &[]));
    assert!(verdict(nodes, constants.clone()).unwrap_err().contains("alive at the same time"));
    // Constants are computed when the graph is opened, and engines may keep them all.
    constants.push(floats("one", &[1], &[1.0]));
    let mut nodes: Vec<_> =
        (0..16).map(|at| node("Expand", &["one", "sizes"], &format!("c{at}"), &[])).collect();
    nodes.push(node("Relu", &["x"], "y", &[]));
    assert!(verdict(nodes, constants).unwrap_err().contains("computed from constants"));
}

/// The shapes of all values of the graph in `bytes`.
fn shapes(bytes: &[u8], shape: [usize; 4]) -> HashMap<String, Vec<u64>> {
    let bounds = Bounds::read(bytes, &[]).unwrap();
    let graph = bounds.graph.lock().unwrap();
    let mut walk = Walk::new(&bounds, &graph, Strictness::Strict);
    for input in &graph.input {
        let name = input.name.as_deref().unwrap();
        if !bounds.constants.contains_key(name) {
            walk.hold(name, Value::new(Kind::Float, shape.map(|d| d as u64).to_vec())).unwrap();
        }
    }
    graph.node.iter().enumerate().for_each(|(at, node)| walk.node(at, node).unwrap());
    let known = walk.held.iter().filter_map(|(name, v)| Some((name.to_string(), v.as_ref()?.shape.clone())));
    known.collect()
}

/// Holds the shapes of the outputs of the graph at `path` against those that an engine gives.
fn assert_shapes(path: &Path, choice: EngineChoice) {
    let bytes = fs_err::read(path).unwrap();
    let config = EngineConfig { choice, ..EngineConfig::default() };
    let session = Session::load(path, Weights::Plain, &config).unwrap();
    let declared = session.declared().shape.clone().unwrap();
    let shape = [0, 1, 2, 3].map(|at| declared[at].unwrap_or([2, 3, 160, 128][at]));
    let shapes = shapes(&bytes, shape);
    let outputs = session.run(shape, |values| values.fill(0.5), None).unwrap();
    assert!(!outputs.is_empty());
    for output in outputs {
        let found: Vec<u64> = output.shape.iter().map(|&d| d as u64).collect();
        assert_eq!(shapes[&output.name], found, "{}: {}", path.display(), output.name);
    }
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../likeness-embed/tests/golden").join(name)
}

#[test]
fn shapes_are_those_that_an_engine_gives() {
    for name in ["good", "nhwc", "fixed-batch", "erf"] {
        assert_shapes(&golden(&format!("onnx/{name}.onnx")), EngineChoice::Rten);
    }
    for name in ["yunet", "scrfd", "yolov8-face", "ultra-light"] {
        assert_shapes(&golden(&format!("detect/{name}.onnx")), EngineChoice::Rten);
    }
    // These leave out strides, which rten insists on.
    for name in ["quantized/floats.onnx", "quantized/graph.onnx"] {
        assert_shapes(&golden(name), EngineChoice::Direct);
    }
}

#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn shapes_are_those_that_an_engine_gives_for_published_networks() {
    let external = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var_os("LIKENESS_SHARED").map_or_else(|| external.into(), PathBuf::from);
    for name in [
        "mobilefacenet-arcface-128d.onnx",
        "detectors/face-detection-yunet-2026may.onnx",
        "detectors/yunet_n_dynamic.onnx",
        "detectors/scrfd_500m_kps.onnx",
        "detectors/ultra-light-rfb-320.onnx",
        "detectors/yolov8-face-lite-t.onnx",
    ] {
        assert_shapes(&shared.join("weights").join(name), EngineChoice::Rten);
    }
}
