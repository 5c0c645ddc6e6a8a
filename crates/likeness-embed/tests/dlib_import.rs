//! Tests the import of dlib's face recognition network from files that this test writes in dlib's stream format.
//!
//! The weights follow from a formula. Most are zero, so that the output of the network can be computed by hand.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use likeness_embed::model_folder::{Card, graph_of_dlib, make_from_dlib};
use likeness_embed::{EmbedError, Embedder, load_embedder};
use likeness_model::folder::GRAPH;
use likeness_model::{Alignment, ModelDescription};
use likeness_search::Distance;

/// Channels and number of blocks of each group.
const GROUPS: [(usize, usize); 5] = [(32, 3), (64, 4), (128, 3), (256, 3), (256, 1)];

/// Writes values as dlib does.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn integers(&mut self, values: &[i64]) {
        for &value in values {
            let bytes = value.unsigned_abs().to_le_bytes();
            let used = bytes.iter().rposition(|&byte| byte != 0).map_or(1, |last| last + 1);
            self.0.push(used as u8 | if value < 0 { 0x80 } else { 0 });
            self.0.extend(&bytes[..used]);
        }
    }

    fn text(&mut self, text: &str) {
        self.integers(&[text.len() as i64]);
        self.0.extend(text.as_bytes());
    }

    fn tensor(&mut self, values: &[f32]) {
        self.integers(&[2, values.len() as i64, 1, 1, 1]);
        self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    fn shape(&mut self, shape: [usize; 4]) {
        self.integers(&[1]);
        self.integers(&shape.map(|side| side as i64));
    }

    fn end_of_layer(&mut self) {
        self.0.extend(b"110");
        for _ in 0..3 {
            self.integers(&[2, 0, 0, 0, 0]);
        }
    }

    fn plain(&mut self, name: &str) {
        self.text(name);
        self.end_of_layer();
    }

    fn pool(&mut self, name: &str, size: i64) {
        let stride = if size == 0 { 1 } else { 2 };
        self.text(name);
        self.integers(&[size, size, stride, stride, 0, 0]);
        self.end_of_layer();
    }

    /// A convolution with the bias `bias` whose only weight other than 0 leads from each channel to itself.
    fn convolution(&mut self, shape: [usize; 4], stride: usize, (centre, bias): (f32, f32), is_first: bool) {
        let [outputs, inputs, kernel, _] = shape;
        let mut params = vec![0.0; shape.iter().product::<usize>()];
        for channel in 0..inputs.min(outputs) {
            params[(channel * inputs + channel) * kernel * kernel + (kernel / 2) * (kernel + 1)] = centre;
        }
        params.extend(vec![bias; outputs]);
        let padding = if stride == 2 { 0 } else { kernel / 2 };
        self.text("con_4");
        self.tensor(&params);
        self.integers(&[outputs, kernel, kernel, stride, stride, padding, padding].map(|value| value as i64));
        self.shape(shape);
        self.shape([1, outputs, 1, 1]);
        self.integers(&[1, 0, 1, 0, 1, 0, 0, 0]);
        self.end_of_layer();
        if is_first {
            self.integers(&[1]);
        }
        // Scales of 2 and shifts of 0.25.
        self.text("affine_");
        self.tensor(&[vec![2.0; outputs], vec![0.25; outputs]].concat());
        self.shape([1, outputs, 1, 1]);
        self.shape([1, outputs, 1, 1]);
        self.integers(&[0]);
        self.end_of_layer();
    }
}

/// A file of the network.
fn network() -> Vec<u8> {
    let mut file = Writer::default();
    file.integers(&[1]);
    file.text("loss_metric_2");
    file.integers(&[10_737_418, -28, 5_033_165, -23]);
    file.integers(&[2, 2, 1, 2, 3]);
    file.text("input_rgb_image_sized");
    file.integers(&[122, 0, 117, 0, 104, 0, 150, 150]);
    file.convolution([32, 3, 7, 7], 2, (0.5, 0.0), true);
    file.plain("relu_");
    file.pool("max_pool_2", 3);
    let mut inputs = 32;
    for (group, (outputs, count)) in GROUPS.into_iter().enumerate() {
        for block in 0..count {
            let halves = group > 0 && block == 0;
            // The output of a block is its shortcut + 2 · 0.125 + 0.25 = shortcut + 0.5.
            file.convolution([outputs, inputs, 3, 3], if halves { 2 } else { 1 }, (0.0, 0.0), false);
            file.plain("relu_");
            file.convolution([outputs, outputs, 3, 3], 1, (0.0, 0.125), false);
            if halves {
                file.pool("avg_pool_2", 2);
            }
            file.plain("add_prev_");
            file.plain("relu_");
            inputs = outputs;
        }
    }
    file.pool("avg_pool_2", 0);
    file.text("fc_2");
    file.integers(&[128, 256]);
    // The output i is the channel i plus half the channel i + 128.
    let mut weights = vec![0.0; 256 * 128];
    for output in 0..128 {
        weights[output * 128 + output] = 1.0;
        weights[(output + 128) * 128 + output] = 0.5;
    }
    file.tensor(&weights);
    file.shape([256, 128, 1, 1]);
    file.shape([0; 4]);
    file.integers(&[1, 1, 0, 1, 0, 1, 0, 0, 0]);
    file.end_of_layer();
    file.0
}

struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("net.dat");
        fs_err::write(&path, bytes).unwrap();
        path
    }
}

/// Message and hint of the error for the content of a file.
fn refusal(bytes: &[u8]) -> (String, String) {
    match graph_of_dlib(Path::new("net.dat"), bytes) {
        Err(error @ EmbedError::BadModel { .. }) => {
            assert!(error.to_string().starts_with("net.dat: "), "{error}");
            (error.to_string(), error.hint().unwrap().to_owned())
        }
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("{} bytes were taken", bytes.len()),
    }
}

/// Value of channel `channel` after the last pool, for an image of one colour, by the definitions of dlib's layers.
fn expected(colour: [u8; 3], channel: usize) -> f32 {
    let mean = [122.0, 117.0, 104.0];
    let first = |channel: usize| (f32::from(colour[channel]) - mean[channel]) / 256.0 + 0.25;
    // conv1: 2 · (0.5 · pixel) + 0.25; the other channels have the shift alone.
    let mut map = vec![
        if channel < 3 {
            first(channel).max(0.0)
        } else if channel < 32 {
            0.25
        } else {
            0.0
        };
        35 * 35
    ];
    let mut side = 35;
    for (group, (_, count)) in GROUPS.into_iter().enumerate() {
        for block in 0..count {
            let mut covered = side;
            if group > 0 && block == 0 {
                // The shortcut is the mean over 2×2 pixels; the convolution covers (side - 3) / 2 + 1 pixels.
                covered = (side - 3) / 2 + 1;
                let half = side / 2;
                let mean = |row: usize, column: usize| {
                    let at = |r: usize, c: usize| map[(2 * row + r) * side + 2 * column + c];
                    (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4.0
                };
                map = (0..half * half).map(|at| mean(at / half, at % half)).collect();
                side = half;
                // Channels beyond those of the group before are zeros, as are their values here.
            }
            for (at, value) in map.iter_mut().enumerate() {
                let is_covered = at / side < covered && at % side < covered;
                *value += if is_covered && channel < GROUPS[group].0 { 0.5 } else { 0.0 };
            }
        }
    }
    map.iter().sum::<f32>() / map.len() as f32
}

fn embedder(case: &Case) -> Box<dyn Embedder> {
    let folder = case.folder.path().join("model");
    make_from_dlib(&case.file(&network()), &folder, Card::default()).unwrap();
    load_embedder(folder.to_str().unwrap(), &Default::default()).unwrap()
}

#[test]
fn the_graph_computes_what_dlib_defines() {
    let case = Case::new();
    let embedder = embedder(&case);
    let colours = [[200, 90, 30], [0, 255, 128]];
    let faces = colours.map(|colour| RgbImage::from_pixel(150, 150, Rgb(colour)));
    let values = embedder.embed(&faces).unwrap();
    for (colour, found) in colours.into_iter().zip(values.chunks_exact(128)) {
        for (output, &found) in found.iter().enumerate() {
            let wanted = expected(colour, output) + 0.5 * expected(colour, output + 128);
            assert!((found - wanted).abs() < 1e-5, "{colour:?}, output {output}: {found}, expected {wanted}");
        }
    }
}

#[test]
fn the_folder_describes_the_network() {
    let case = Case::new();
    let spec = embedder(&case).spec().clone();
    assert_eq!((spec.name.as_str(), spec.dimension, spec.input_size), ("dlib-face", 128, (150, 150)));
    assert_eq!((spec.distance, spec.alignment), (Distance::Euclidean, Some(Alignment::Dlib)));
    let folder = case.folder.path().join("model");
    let description = ModelDescription::read(&folder.join("model.toml")).unwrap();
    assert_eq!(description.architecture.as_deref(), Some("dlib-resnet"));
    // These are not the published weights, so their licence is not known.
    assert_eq!((description.licence.as_deref(), description.source), (Some("not stated"), None));
    let preprocess = (description.mean, description.std, description.unit_length);
    assert_eq!(preprocess, ([122.0, 117.0, 104.0], [256.0; 3], false));
    let graph = fs_err::read(folder.join(GRAPH)).unwrap();
    for name in
        ["conv1.weight", "layer1.0.conv1.bias", "layer2.0.downsample.weight", "layer5.0.pad", "fc.weight"]
    {
        assert!(graph.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
    }
    let again = make_from_dlib(&case.file(&network()), &folder, Card::default()).unwrap_err();
    assert!(again.to_string().contains("holds a model already"), "{again}");
}

#[test]
fn truncated_and_longer_files_are_rejected() {
    let whole = network();
    for part in 0..20 {
        let (told, hint) = refusal(&whole[..whole.len() * part / 20]);
        assert!(told.contains("truncated: it ends at byte"), "{part}: {told}");
        assert_eq!(hint, "copy the file again");
    }
    for length in (0..300).chain((whole.len() - 300..whole.len()).step_by(17)) {
        assert!(refusal(&whole[..length]).0.contains("truncated"), "{length}");
    }
    let (told, _) = refusal(&[&whole[..], b"\x01"].concat());
    assert!(told.ends_with("1 bytes follow the last layer"), "{told}");
}

#[test]
fn flipped_bytes_never_panic() {
    let mut bytes = network();
    let ends = bytes.len() - 200;
    for at in (0..120).step_by(2).chain((ends..bytes.len()).step_by(9)) {
        bytes[at] ^= 0xFF;
        // A weight may change without notice.
        if let Err(error) = graph_of_dlib(Path::new("net.dat"), &bytes) {
            assert!(error.to_string().contains("net.dat: "), "{at}: {error}");
        }
        bytes[at] ^= 0xFF;
    }
}

#[test]
fn other_files_are_rejected_by_name() {
    for (start, expected) in [
        (&b"\x01\x01\x01\x0aloss_mmod_\x01\x01"[..], "net.dat: is dlib's MMOD detector, which is not used"),
        (b"\x01\x01\x81\x0a\x81\x01", "net.dat: is dlib's shape predictor of 5 landmarks, which is not used"),
        (
            b"\x01\x01\x81\x88\x81\x01",
            "net.dat: is dlib's shape predictor of 68 landmarks, which is not used",
        ),
        (b"\x01\x01\x01\x08loss_log", "net.dat: is a network of dlib with loss_log, which is not used"),
        (b"BZh91AY&SY", "net.dat: is compressed with bzip2"),
        (b"\xFF\xD8\xFF\xE0", "net.dat: not a model of dlib: its first bytes are not those of a dlib file"),
    ] {
        let (told, hint) = refusal(start);
        assert_eq!(told, expected);
        assert!(
            hint.contains("dlib_face_recognition_resnet_model_v1.dat") || hint.contains("bunzip2"),
            "{hint}"
        );
    }
}

#[test]
fn a_network_of_other_layers_is_rejected_by_the_layer() {
    let whole = network();
    let replaced = |from: &[u8], to: &[u8]| {
        let at = whole.windows(from.len()).position(|window| window == from).unwrap();
        refusal(&[&whole[..at], to, &whole[at + from.len()..]].concat()).0
    };
    let told = replaced(b"max_pool_2", b"avg_pool_2");
    assert!(told.contains("conv1: layer after it: expected \"max_pool_2\", found \"avg_pool_2\""), "{told}");
    let told = replaced(b"\x01\x96\x01\x96", b"\x01\x95\x01\x96");
    assert!(told.contains("the input: size: expected [150, 150], found [149, 150]"), "{told}");
    // The first tensor, with its 32 · (3 · 7 · 7 + 1) = 4736 values, declares 2^40 of them.
    let told = replaced(b"con_4\x01\x02\x02\x80\x12", b"con_4\x01\x02\x06\x00\x00\x00\x00\x00\x01");
    assert!(told.contains("truncated: it ends at byte") && told.contains("within conv1"), "{told}");
}
