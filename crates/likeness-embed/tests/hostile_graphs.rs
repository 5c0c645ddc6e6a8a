//! Graphs that ask for endless loops, more memory than there is, or deep recursion: refused on every engine, in a process
//! of its own whose memory and time are limited.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use likeness_embed::load_embedder_on;
use likeness_engine::{EngineChoice, EngineConfig};
use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};

/// Longest time for a child; opening takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Address space of a child in KiB.
const MEMORY_KIB: u64 = 12 << 20;
const GRAPH: &str = "LIKENESS_TEST_GRAPH";
const ENGINE: &str = "LIKENESS_TEST_ENGINE";

/// The child's part: opens the graph that the variables name and embeds a picture.
#[test]
#[ignore = "run by the other tests"]
fn child() {
    let (Ok(graph), Ok(engine)) = (std::env::var(GRAPH), std::env::var(ENGINE)) else { return };
    let config = EngineConfig { choice: engine.parse().unwrap(), ..EngineConfig::default() };
    let embedded = load_embedder_on(&graph, &Default::default(), &config).and_then(|embedder| {
        let (width, height) = embedder.spec().input_size;
        embedder.embed(&[image::RgbImage::from_pixel(width, height, image::Rgb([90, 120, 150]))])
    });
    match embedded {
        Ok(values) => println!("EMBEDDED {}", values.len()),
        Err(error) => println!("REFUSED {error}"),
    }
}

/// What a child says of the graph; it has to end by itself.
fn told(graph: &Path, engine: EngineChoice) -> String {
    let mut command = match cfg!(target_os = "linux") {
        true => {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\"")]);
            shell.arg(std::env::current_exe().unwrap());
            shell
        }
        false => Command::new(std::env::current_exe().unwrap()),
    };
    command.args(["--exact", "child", "--ignored", "--nocapture"]).env(GRAPH, graph);
    command.env(ENGINE, engine.name()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if started.elapsed() > PATIENCE => {
                child.kill().unwrap();
                panic!("{} on {engine} hangs", graph.display());
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let mut told = String::new();
    child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(status.success(), "{} on {engine}: {status} {told}", graph.display());
    told
}

fn whole(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: vec![values.len() as i64],
        data_type: Some(DataType::INT64),
        int64_data: values.to_vec(),
        ..Default::default()
    }
}

fn float(name: &str, values: &[f32]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: vec![values.len() as i64],
        data_type: Some(DataType::FLOAT),
        float_data: values.to_vec(),
        ..Default::default()
    }
}

fn scalar(tensor: TensorProto) -> TensorProto {
    TensorProto { dims: Vec::new(), ..tensor }
}

fn node(op: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: Some(op.into()),
        input: inputs.iter().map(|s| (*s).to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute: attributes,
        ..Default::default()
    }
}

fn list(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        ints: ints.to_vec(),
        r#type: Some(AttributeType::INTS),
        ..Default::default()
    }
}

fn number(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        i: Some(value),
        r#type: Some(AttributeType::INT),
        ..Default::default()
    }
}

fn body(name: &str, graph: GraphProto) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        g: Some(graph),
        r#type: Some(AttributeType::GRAPH),
        ..Default::default()
    }
}

fn value(name: &str, kind: DataType, dims: &[i64]) -> ValueInfoProto {
    let dim = dims.iter().map(|&n| Dimension { dim_value: Some(n), ..Default::default() }).collect();
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto {
            tensor_type: Some(TypeProtoTensor {
                elem_type: Some(kind),
                shape: Some(TensorShapeProto { dim }),
            }),
            ..Default::default()
        }),
    }
}

/// An embedder of 1×3×8×8 pixels that gives what `nodes` compute as `t`, summed up and added to two means.
fn embedder(mut nodes: Vec<NodeProto>, mut constants: Vec<TensorProto>) -> Vec<u8> {
    nodes.push(node("ReduceSum", &["t"], "sum", vec![number("keepdims", 0)]));
    nodes.push(node("GlobalAveragePool", &["x"], "means", vec![]));
    nodes.push(node("Flatten", &["means"], "flat", vec![]));
    nodes.push(node("Add", &["flat", "sum"], "y", vec![]));
    constants.push(float("one", &[1.0]));
    model(nodes, constants)
}

fn model(nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> Vec<u8> {
    let model = ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto { version: Some(17), ..Default::default() }],
        graph: Some(GraphProto {
            node: nodes,
            initializer: constants,
            input: vec![value("x", DataType::FLOAT, &[1, 3, 8, 8])],
            output: vec![value("y", DataType::FLOAT, &[1, 3])],
            ..Default::default()
        }),
        ..Default::default()
    };
    model.write_buf().unwrap()
}

/// A loop of 2⁶² rounds as the node that gives `t`, and what it reads.
fn endless() -> (NodeProto, Vec<TensorProto>) {
    let graph = GraphProto {
        node: vec![
            node("Identity", &["go"], "goes", vec![]),
            node("Add", &["carried", "carried"], "next", vec![]),
        ],
        input: vec![
            value("round", DataType::INT64, &[]),
            value("go", DataType::BOOL, &[]),
            value("carried", DataType::FLOAT, &[1, 3, 8, 8]),
        ],
        output: vec![value("goes", DataType::BOOL, &[]), value("next", DataType::FLOAT, &[1, 3, 8, 8])],
        ..Default::default()
    };
    let rounds = scalar(whole("rounds", &[1 << 62]));
    (node("Loop", &["rounds", "", "x"], "t", vec![body("body", graph)]), vec![rounds])
}

/// Graphs that must not be run, by a name and words of the reason.
fn hostile() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let (endless, rounds) = endless();
    let inner = GraphProto {
        node: vec![endless.clone()],
        output: vec![value("t", DataType::FLOAT, &[1, 3, 8, 8])],
        ..Default::default()
    };
    let yes = TensorProto {
        name: Some("yes".into()),
        data_type: Some(DataType::BOOL),
        int32_data: vec![1],
        ..Default::default()
    };
    let hidden = vec![body("then_branch", inner.clone()), body("else_branch", inner)];
    let gathers = (0..4).map(|at| {
        let from = ["x", "g0", "g1", "g2"][at];
        let to = ["g0", "g1", "g2", "t"][at];
        node("Gather", &[from, "many"], to, vec![number("axis", at as i64)])
    });
    let many = whole("many", &[0; 400]);
    let window = vec![list("kernel_shape", &[8191, 8191]), list("pads", &[8190; 4])];
    let simple = |op: &str, inputs: &[&str]| vec![node(op, inputs, "t", vec![])];
    let relu = |from: &str, to: &str| node("Relu", &[from], to, vec![]);
    let expands: Vec<_> =
        (0..64).map(|at| node("Expand", &["one", "quarter"], &format!("e{at}"), vec![])).collect();
    let expanded: Vec<String> = (0..64).map(|at| format!("e{at}")).collect();
    let sum = node("Sum", &expanded.iter().map(String::as_str).collect::<Vec<_>>(), "t", vec![]);
    let good = embedder(simple("Relu", &["x"]), vec![]);
    let function = [0xca, 0x01, 3, 0x0a, 1, b'f']; // field 25, length-delimited
    let long: Vec<_> = (0..100_000)
        .map(|at| {
            relu(if at == 0 { "x".to_owned() } else { format!("r{at}") }.as_str(), &format!("r{}", at + 1))
        })
        .chain([relu("r100000", "t")])
        .collect();
    let of_pixels = vec![
        node("ReduceMax", &["x"], "most", vec![number("keepdims", 0)]),
        node("Cast", &["most"], "whole", vec![number("to", 7)]),
        node("Reshape", &["whole", "single"], "list", vec![]),
        node("Mul", &["list", "huge"], "size", vec![]),
        node("ConstantOfShape", &["size"], "t", vec![]),
    ];
    vec![
        ("loop", "operator Loop: control flow", embedder(vec![endless], rounds.clone())),
        (
            "hidden-loop",
            "operator If: control flow",
            embedder(vec![node("If", &["yes"], "t", hidden)], [vec![yes], rounds].concat()),
        ),
        ("scan", "operator Scan: control flow", embedder(simple("Scan", &["x"]), vec![])),
        (
            "expand",
            "operator Expand: gives 10737418240",
            embedder(simple("Expand", &["one", "size"]), vec![whole("size", &[10_737_418_240])]),
        ),
        (
            "overflow",
            "operator ConstantOfShape: gives",
            embedder(simple("ConstantOfShape", &["size"]), vec![whole("size", &[1 << 40, 1 << 40, 1 << 40])]),
        ),
        (
            "longest",
            "operator ConstantOfShape: gives the shape",
            embedder(simple("ConstantOfShape", &["size"]), vec![whole("size", &[i64::MAX])]),
        ),
        (
            "range",
            "operator Range: gives",
            embedder(
                simple("Range", &["from", "to", "by"]),
                [("from", 0.0), ("to", 1e12), ("by", 1.0)].map(|(n, v)| scalar(float(n, &[v]))).to_vec(),
            ),
        ),
        (
            "resize",
            "operator Resize: gives",
            embedder(simple("Resize", &["x", "", "scales"]), vec![float("scales", &[1.0, 1.0, 1e9, 1e9])]),
        ),
        (
            "pad",
            "operator Pad: gives",
            embedder(
                simple("Pad", &["x", "pads"]),
                vec![whole("pads", &[0, 0, 1 << 30, 1 << 30, 0, 0, 0, 0])],
            ),
        ),
        (
            "tile",
            "operator Tile: gives",
            embedder(simple("Tile", &["x", "times"]), vec![whole("times", &[1, 1, 1 << 20, 1 << 20])]),
        ),
        ("gather", "operator Gather: gives", embedder(gathers.collect(), vec![many])),
        (
            "constants",
            "computed from constants",
            embedder([expands, vec![sum]].concat(), vec![whole("quarter", &[64 << 20])]),
        ),
        ("pool", "multiply-adds", embedder(vec![node("MaxPool", &["x"], "t", window)], vec![])),
        (
            "pixels",
            "depends on the picture",
            embedder(of_pixels, vec![whole("single", &[1]), whole("huge", &[1 << 40])]),
        ),
        ("cycle", "not computed before it", embedder(vec![relu("b", "t"), relu("t", "b")], vec![])),
        ("twice", "a second time", embedder(vec![relu("x", "t"), relu("x", "t")], vec![])),
        ("functions", "functions of its own", [good.as_slice(), &function].concat()),
        ("two-graphs", "stands there twice", [good.as_slice(), &[0x3a, 0]].concat()),
        ("long", "100005 operators", embedder(long[..100_001].to_vec(), vec![])),
    ]
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name).with_extension("onnx");
    fs_err::write(&path, bytes).unwrap();
    path
}

fn assert_refused_on(engines: &[EngineChoice]) {
    let folder = tempfile::tempdir().unwrap();
    for (name, words, bytes) in hostile() {
        let path = written(folder.path(), name, &bytes);
        for &engine in engines {
            let told = told(&path, engine);
            let is_refused = told.contains("REFUSED ") && told.contains(&format!("{name}.onnx: "));
            // Our own engine has no operators that compute sizes from pixels, and says so in its own words.
            let is_named = told.contains(words) || (engine == EngineChoice::Direct && name == "pixels");
            assert!(is_refused && is_named, "{name} on {engine}: {told}");
        }
    }
}

#[test]
fn hostile_graphs_are_refused_on_every_engine() {
    assert_refused_on(&[EngineChoice::Auto, EngineChoice::Direct, EngineChoice::Rten]);
}

/// The longest chain of operators that is allowed: engines that plan recursively have the stack for it.
#[test]
fn long_chains_run() {
    assert_long_chains_run(&[EngineChoice::Auto, EngineChoice::Rten]);
}

fn assert_long_chains_run(engines: &[EngineChoice]) {
    let folder = tempfile::tempdir().unwrap();
    let count = 20_000 - 5;
    let names: Vec<String> = (0..=count).map(|at| format!("r{at}")).collect();
    let mut nodes = vec![node("Relu", &["x"], "r0", vec![])];
    nodes.extend(names.windows(2).map(|pair| node("Neg", &[&pair[0]], &pair[1], vec![])));
    if let Some(last) = nodes.last_mut() {
        last.output = vec!["t".into()];
    }
    let path = written(folder.path(), "chain", &embedder(nodes, vec![]));
    for &engine in engines {
        let told = told(&path, engine);
        assert!(told.contains("EMBEDDED 3"), "{engine}: {told}");
    }
}

mod with_onnxruntime {
    use super::*;

    #[test]
    #[ignore = "needs ORT_DYLIB_PATH"]
    fn hostile_graphs_are_refused() {
        assert_refused_on(&[EngineChoice::OnnxRuntime]);
    }

    #[test]
    #[ignore = "needs ORT_DYLIB_PATH"]
    fn long_chains_run() {
        assert_long_chains_run(&[EngineChoice::OnnxRuntime]);
    }
}
