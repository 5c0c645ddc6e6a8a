//! The layers of dlib's face recognition network (`anet_type` in dlib's `dnn_face_recognition_ex.cpp`).
//!
//! A file begins with the versions of all layers. The settings of the layers follow from the input to the output: those of
//! the layer, three bools, and three tensors.
//!
//! Convolutions are named as in torchvision's ResNet: `conv1`, `layer1.0.conv1`, …

use super::DlibFault;
use super::identify::read_loss;
use super::stream::Stream;

type Result<T> = std::result::Result<T, DlibFault>;

/// Side of the input in pixels.
pub(super) const SIDE_PX: u32 = 150;
/// Number of values of an embedding.
pub(super) const DIMENSION: usize = 128;
/// Channels and number of blocks of each group. Every group but the first begins with a block that halves the feature map.
const GROUPS: [(usize, usize); 5] = [(32, 3), (64, 4), (128, 3), (256, 3), (256, 1)];
/// The largest version of a layer.
const MAX_VERSION: i64 = 3;

/// A convolution, with the affine layer after it.
#[derive(Debug)]
pub(super) struct Convolution {
    pub(super) name: String,
    /// Outputs, inputs, rows, columns.
    pub(super) shape: [usize; 4],
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) stride: usize,
    /// Zeros on each side of the input.
    pub(super) padding: usize,
}

/// A residual block: two convolutions.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) name: String,
    pub(super) convolutions: [Convolution; 2],
}

/// The last layer, without a bias.
#[derive(Debug)]
pub(super) struct Linear {
    pub(super) inputs: usize,
    /// Outputs × inputs, row-major.
    pub(super) weight: Vec<f32>,
}

/// The layers of the network.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) mean: [f32; 3],
    pub(super) first: Convolution,
    pub(super) blocks: Vec<Block>,
    pub(super) fc: Linear,
}

impl Network {
    /// Reads the network of a file.
    ///
    /// # Errors        another model, a truncated or damaged file
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let mut stream = Stream::new(bytes);
        let stream = &mut stream;
        read_loss(stream, bytes)?;
        let mean = read_input(stream)?;
        let first =
            Expected { name: "conv1".to_owned(), inputs: 3, outputs: GROUPS[0].0, kernel: 7, stride: 2 };
        let first = first.read(stream)?;
        read_plain(stream, "relu_")?;
        read_pool(stream, "max_pool_2", 3)?;
        let mut blocks = Vec::new();
        let mut inputs = GROUPS[0].0;
        for (group, (outputs, count)) in GROUPS.into_iter().enumerate() {
            for block in 0..count {
                let name = format!("layer{}.{block}", group + 1);
                let stride = if group > 0 && block == 0 { 2 } else { 1 };
                blocks.push(read_block(stream, name, (inputs, outputs), stride)?);
                inputs = outputs;
            }
        }
        // The mean over the whole feature map: a pool without a size.
        read_pool(stream, "avg_pool_2", 0)?;
        let fc = read_linear(stream, inputs)?;
        match stream.left() {
            0 => Ok(Self { mean, first, blocks, fc }),
            count => Err(DlibFault::TrailingBytes { count }),
        }
    }
}

/// Reads the rest of the loss, the versions of all layers, and the input. Returns the mean.
fn read_input(stream: &mut Stream<'_>) -> Result<[f32; 3]> {
    // The margin and the threshold of the loss.
    stream.real()?;
    stream.real()?;
    while stream.peek()? <= MAX_VERSION {
        stream.integer()?;
    }
    stream.part = "the input".to_owned();
    expect(stream, "layer", stream_text, "input_rgb_image_sized")?;
    let mean = [stream.real()? as f32, stream.real()? as f32, stream.real()? as f32];
    if !mean.iter().all(|mean| (0.0..=255.0).contains(mean)) {
        return Err(other(&stream.part, "means from 0 to 255", format!("{mean:?}")));
    }
    expect_integers(stream, "size", [i64::from(SIDE_PX); 2])?;
    Ok(mean)
}

fn read_block(
    stream: &mut Stream<'_>,
    name: String,
    (inputs, outputs): (usize, usize),
    stride: usize,
) -> Result<Block> {
    let expected = |conv: &str, inputs, stride| Expected {
        name: format!("{name}.{conv}"),
        inputs,
        outputs,
        kernel: 3,
        stride,
    };
    let first = expected("conv1", inputs, stride).read(stream)?;
    read_plain(stream, "relu_")?;
    let second = expected("conv2", outputs, 1).read(stream)?;
    if stride == 2 {
        read_pool(stream, "avg_pool_2", 2)?;
    }
    read_plain(stream, "add_prev_")?;
    read_plain(stream, "relu_")?;
    Ok(Block { name, convolutions: [first, second] })
}

/// A convolution as the network has it.
struct Expected {
    name: String,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
}

impl Expected {
    /// Reads the convolution and the affine layer after it, as one convolution.
    fn read(self, stream: &mut Stream<'_>) -> Result<Convolution> {
        let Self { name, inputs, outputs, kernel, stride } = self;
        stream.part.clone_from(&name);
        expect(stream, "layer", stream_text, "con_4")?;
        let params = stream.tensor()?;
        let window = [outputs, kernel, kernel, stride, stride].map(|value| value as i64);
        expect_integers(stream, "filters and window", window)?;
        let padding = if stride == 2 { 0 } else { kernel / 2 };
        expect_integers(stream, "padding", [padding as i64; 2])?;
        let shape = [outputs, inputs, kernel, kernel];
        expect(stream, "weights", Stream::shape, shape)?;
        expect(stream, "biases", Stream::shape, [1, outputs, 1, 1])?;
        let count: usize = shape.iter().product();
        expect_count(stream, &params, count + outputs)?;
        // Learning rates and weight decays.
        (0..4).try_for_each(|_| stream.real().map(|_| ()))?;
        stream.end_of_layer()?;
        if name == "conv1" {
            expect_integers(stream, "samples for each image", [1])?;
        }
        let affine = read_affine(stream, outputs)?;
        let (weight, bias) = fold(&params[..count], &params[count..], &affine);
        Ok(Convolution { name, shape, weight, bias, stride, padding })
    }
}

/// The scales and shifts of an affine layer, one after the other.
fn read_affine(stream: &mut Stream<'_>, channels: usize) -> Result<Vec<f32>> {
    expect(stream, "layer", stream_text, "affine_")?;
    let params = stream.tensor()?;
    expect_count(stream, &params, 2 * channels)?;
    for part in ["scales", "shifts"] {
        expect(stream, part, Stream::shape, [1, channels, 1, 1])?;
    }
    stream.integer()?;
    stream.end_of_layer()?;
    Ok(params)
}

/// The weights and biases of a convolution that is scaled and shifted afterwards.
fn fold(weight: &[f32], bias: &[f32], affine: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let (scales, shifts) = affine.split_at(bias.len());
    let filters = weight.chunks_exact(weight.len() / bias.len());
    let scaled = |(filter, &scale): (&[f32], &f32)| -> Vec<f32> {
        filter.iter().map(|&weight| (f64::from(weight) * f64::from(scale)) as f32).collect()
    };
    let weight = filters.zip(scales).flat_map(scaled).collect();
    let bias = bias.iter().zip(scales).zip(shifts);
    let shifted = |((&bias, &scale), &shift): ((&f32, &f32), &f32)| {
        (f64::from(bias) * f64::from(scale) + f64::from(shift)) as f32
    };
    (weight, bias.map(shifted).collect())
}

/// Reads a layer without settings.
fn read_plain(stream: &mut Stream<'_>, name: &'static str) -> Result<()> {
    expect(stream, "layer after it", stream_text, name)?;
    stream.end_of_layer()
}

fn read_pool(stream: &mut Stream<'_>, name: &'static str, size: i64) -> Result<()> {
    expect(stream, "layer after it", stream_text, name)?;
    let stride = if size == 0 { 1 } else { 2 };
    expect_integers(stream, "window of the pool after it", [size, size, stride, stride, 0, 0])?;
    stream.end_of_layer()
}

fn read_linear(stream: &mut Stream<'_>, inputs: usize) -> Result<Linear> {
    stream.part = "fc".to_owned();
    expect(stream, "layer", stream_text, "fc_2")?;
    expect_integers(stream, "outputs and inputs", [DIMENSION as i64, inputs as i64])?;
    let params = stream.tensor()?;
    expect_count(stream, &params, inputs * DIMENSION)?;
    stream.shape()?;
    stream.shape()?;
    expect_integers(stream, "mode without a bias", [1])?;
    (0..4).try_for_each(|_| stream.real().map(|_| ()))?;
    stream.end_of_layer()?;
    // dlib stores inputs × outputs.
    let weight =
        (0..DIMENSION).flat_map(|output| params[output..].iter().step_by(DIMENSION).copied()).collect();
    Ok(Linear { inputs, weight })
}

fn stream_text<'a>(stream: &mut Stream<'a>) -> Result<&'a str> {
    stream.text()
}

/// Reads a value and checks that it is that of the network.
fn expect<'a, T: PartialEq + std::fmt::Debug>(
    stream: &mut Stream<'a>,
    what: &str,
    read: impl FnOnce(&mut Stream<'a>) -> Result<T>,
    expected: T,
) -> Result<()> {
    let found = read(stream)?;
    if found == expected {
        return Ok(());
    }
    Err(other(&format!("{}: {what}", stream.part), &format!("{expected:?}"), format!("{found:?}")))
}

fn expect_integers<const N: usize>(stream: &mut Stream<'_>, what: &str, expected: [i64; N]) -> Result<()> {
    expect(stream, what, Stream::integers, expected)
}

fn expect_count(stream: &Stream<'_>, params: &[f32], expected: usize) -> Result<()> {
    if params.len() == expected {
        return Ok(());
    }
    let what = format!("{}: parameters", stream.part);
    Err(other(&what, &expected.to_string(), params.len().to_string()))
}

fn other(part: &str, expected: &str, found: String) -> DlibFault {
    DlibFault::OtherNetwork { part: part.to_owned(), expected: expected.to_owned(), found }
}
