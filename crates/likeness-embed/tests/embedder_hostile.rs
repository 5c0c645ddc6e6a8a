//! Embedders' files that are broken on purpose: a clear error in bounded time, never a hang or a panic.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use image::RgbImage;
use likeness_embed::{EmbedError, load_embedder};

/// The tag of a model's graph: field 7, length-delimited.
const GRAPH: u8 = 0x3a;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/onnx").join(name)
}

/// What opening the file says, and embedding a picture where it opens; a minute is far more than it may take.
fn open(path: &Path) -> Result<Vec<f32>, EmbedError> {
    let (sender, receiver) = channel();
    let name = path.to_str().unwrap().to_owned();
    std::thread::spawn(move || {
        let embedded = load_embedder(&name, &Default::default()).and_then(|embedder| {
            let (width, height) = embedder.spec().input_size;
            embedder.embed(&[RgbImage::from_pixel(width, height, image::Rgb([90, 120, 150]))])
        });
        let _ = sender.send(embedded);
    });
    receiver.recv_timeout(Duration::from_secs(60)).expect("opening the file must end without a panic")
}

fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.onnx");
    fs_err::write(&path, bytes).unwrap();
    match open(&path) {
        Err(error @ EmbedError::BadModel { .. }) => {
            assert!(error.to_string().contains("hostile.onnx: ") && error.hint().is_some(), "{error}");
            error.to_string()
        }
        other => panic!("{other:?}"),
    }
}

/// A number of seven bits a byte.
fn number(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag][..], &number(content.len() as u64), content].concat()
}

#[test]
fn numbers_that_never_end_are_refused_wherever_they_stand() {
    let endless = [0x80; 11];
    let tensor = |inner: &[u8]| field(GRAPH, &field(0x2a, inner));
    let dimensions = field(0x0a, &endless);
    for bytes in [
        [&[0x08][..], &endless].concat(),          // the model's version
        [&[GRAPH][..], &endless].concat(),         // a length
        tensor(&[&[0x10][..], &endless].concat()), // a tensor's type
        tensor(&dimensions),                       // packed dimensions
        field(GRAPH, &field(0x0a, &field(0x2a, &field(0x42, &endless)))), // a node's packed attribute
        [fs_err::read(golden("good.onnx")).unwrap(), endless.into()].concat(), // after a whole model
    ] {
        let told = refusal(&bytes);
        assert!(told.contains("a number of more than 64 bits"), "{told}");
    }
}

#[test]
fn declared_lengths_beyond_the_file_are_refused_before_they_are_taken() {
    for length in [1 << 20, u64::from(u32::MAX), 1 << 62, u64::MAX] {
        let graph = [&[GRAPH][..], &number(length), b"abc"].concat();
        let told = refusal(&graph);
        assert!(told.contains(&format!("{length} bytes expected, 3 found")), "{told}");
        let weights = [&[0x4a][..], &number(length), b"ab"].concat(); // a tensor's raw data
        let told = refusal(&field(GRAPH, &field(0x2a, &weights)));
        assert!(told.contains(&format!("{length} bytes expected, 2 found")), "{told}");
    }
}

#[test]
fn tensors_larger_than_their_numbers_are_refused() {
    // Dimensions 2⁴⁰ × 2⁴⁰ of 32-bit floats, and no numbers.
    let shape = [number(1 << 40), number(1 << 40)].concat();
    let tensor = [field(0x0a, &shape), vec![0x10, 1], field(0x42, b"w"), field(0x4a, b"")].concat();
    refusal(&[vec![0x08, 8], field(GRAPH, &field(0x2a, &tensor))].concat());
}

#[test]
fn files_cut_anywhere_are_refused() {
    let whole = fs_err::read(golden("good.onnx")).unwrap();
    for length in (0..whole.len()).step_by(61).chain([1, 2, 3, whole.len() - 2, whole.len() - 1]) {
        refusal(&whole[..length]);
    }
}

#[test]
fn what_is_no_graph_is_refused() {
    let own_format = [&b"RTEN"[..], &[0; 80]].concat();
    let deep = (0..400).fold(Vec::new(), |inner, i| field([0x32, 0x2a, 0x0a][i % 3], &inner));
    for (bytes, reason) in [
        (&b""[..], "the file is empty"),
        (b"not a graph at all", "is no ONNX graph"),
        (&own_format, "the engine's own format"),
        (&field(GRAPH, &field(0x0a, &field(0x2a, &deep))), "nested more than 64 deep"),
    ] {
        let told = refusal(bytes);
        assert!(told.contains(reason), "{told}");
    }
}

#[test]
fn flipped_bytes_never_hang_or_panic() {
    let whole = fs_err::read(golden("good.onnx")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.onnx");
    let mut state = 7u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut refused = 0;
    for round in 0..200 {
        let mut bytes = whole.clone();
        for _ in 0..1 + round % 3 {
            let at = random(bytes.len());
            bytes[at] = random(256) as u8;
        }
        fs_err::write(&path, &bytes).unwrap();
        refused += usize::from(open(&path).is_err());
    }
    assert!((20..180).contains(&refused), "{refused} of 200 refused");
}

#[test]
fn weights_beside_the_graph_are_read_from_there_alone() {
    let inside = open(&golden("good.onnx")).unwrap();
    let beside = open(&golden("external.onnx")).unwrap();
    assert_eq!(beside, inside);

    let folder = tempfile::tempdir().unwrap();
    let graph = folder.path().join("external.onnx");
    let bytes = fs_err::read(golden("external.onnx")).unwrap();
    let refused = || match open(&graph) {
        Err(error @ EmbedError::BadModel { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    fs_err::write(&graph, &bytes).unwrap();
    assert!(refused().contains("\"external.onnx.data\", which is not beside it"), "{}", refused());
    let weights = fs_err::read(golden("external.onnx.data")).unwrap();
    for length in [0, weights.len() - 1] {
        fs_err::write(folder.path().join("external.onnx.data"), &weights[..length]).unwrap();
        refused();
    }
    fs_err::write(folder.path().join("external.onnx.data"), &weights).unwrap();
    let name = b"external.onnx.data";
    for elsewhere in [b"../ernal.onnx.data", b"/etc/nal.onnx.data", b"a/ternal.onnx.data"] {
        let mut moved = bytes.clone();
        while let Some(at) = moved.windows(name.len()).position(|part| part == name) {
            moved[at..][..name.len()].copy_from_slice(elsewhere);
        }
        fs_err::write(&graph, moved).unwrap();
        assert!(refused().contains("expected the name of a file beside it"), "{}", refused());
    }
}

#[test]
fn other_weights_beside_the_graph_are_another_model() {
    let folder = tempfile::tempdir().unwrap();
    let fingerprint = || {
        let path = folder.path().join("external.onnx");
        load_embedder(path.to_str().unwrap(), &Default::default()).unwrap().spec().fingerprint.clone()
    };
    for name in ["external.onnx", "external.onnx.data"] {
        fs_err::copy(golden(name), folder.path().join(name)).unwrap();
    }
    let before = fingerprint();
    assert_eq!(fingerprint(), before);
    let mut weights = fs_err::read(golden("external.onnx.data")).unwrap();
    weights[0] ^= 1;
    fs_err::write(folder.path().join("external.onnx.data"), weights).unwrap();
    assert_ne!(fingerprint(), before);
}
