//! Face detection by networks: photos and an ONNX file enter, boxes and mostly five landmarks leave.
//!
//! [`load_detector`] opens a file and recognises which of four families it is from what the graph answers to a blank
//! picture: `yunet`, `scrfd`, `yolov8_face` or `ultra_light`. One photo's way from there:
//!
//! 1. `input` scales and pads it to what the graph takes and writes it into the input tensor;
//! 2. `graph` runs the network, one call on one thread;
//! 3. the family's decoder turns the answer into candidates;
//! 4. [`suppress`](likeness_data::detect::suppress) keeps one of each overlapping group, and the boxes go back into the
//!    photo's own pixels.

mod config;
mod detector;
mod graph;
mod input;
mod refine;
mod scrfd;
mod ultra_light;
mod yolov8_face;
mod yunet;

use std::path::Path;

use likeness_data::detect::{Detection, FaceDetector};

use crate::{EmbedError, Result};
use detector::CnnDetector;
use graph::{Graph, Output};
use input::{Channels, InputFormat, Size};

pub use config::{DetectorConfig, SecondLook};

/// Opens the face detector in `path`, an ONNX file of any of the four families.
///
/// A call of its [`FaceDetector::detect`] works on one thread; callers get speed by calling from several.
///
/// # Errors        a file that is missing, is no ONNX graph, does not run, or answers like no known detector →
/// [`EmbedError::BadModel`] or [`EmbedError::Io`]; a setting out of range → [`EmbedError::BadArgument`]
pub fn load_detector(path: &Path, config: &DetectorConfig) -> Result<Box<dyn FaceDetector>> {
    config.validate()?;
    detector_of(path, Graph::load(path)?, config)
}

/// Opens a face detector from the bytes of an ONNX file; errors call it `name`.
///
/// # Errors        as those of [`load_detector`]
pub fn detector_from_bytes(
    name: &Path,
    bytes: Vec<u8>,
    config: &DetectorConfig,
) -> Result<Box<dyn FaceDetector>> {
    config.validate()?;
    detector_of(name, Graph::from_bytes(name, bytes)?, config)
}

/// Recognises the family of `graph`.
fn detector_of(path: &Path, graph: Graph, config: &DetectorConfig) -> Result<Box<dyn FaceDetector>> {
    let outputs = graph.probe();
    let Some(decoder) = recognise(outputs, graph.probe_size()) else {
        return Err(EmbedError::BadModel {
            path: path.to_path_buf(),
            reason: format!("answers like no known face detector: {}", describe(outputs, graph.probe_size())),
            hint: Some("known are YuNet, SCRFD, YOLOv8-face and Ultra-Light, exported to ONNX".into()),
        });
    };
    Ok(Box::new(CnnDetector::new(graph, decoder, config.clone())))
}

/// What sets one family of detectors apart.
trait Decoder: Send + Sync {
    /// The family's name, as it stands in a manifest.
    fn name(&self) -> &'static str;

    /// What the network takes.
    fn input(&self) -> InputFormat;

    /// The score its authors call a face at.
    fn default_score_threshold(&self) -> f32;

    /// The candidates of picture `item` of the batch, in the network input's pixels, in the order of the cells.
    ///
    /// `outputs` and `size` are those that the decoder was recognised by.
    fn decode(&self, outputs: &[Output], item: usize, size: Size, threshold: f32) -> Vec<Detection>;
}

/// The family that gives `outputs` for an input of `size`.
fn recognise(outputs: &[Output], size: Size) -> Option<Box<dyn Decoder>> {
    if let Some(found) = yunet::YuNet::recognise(outputs, size) {
        return Some(Box::new(found));
    }
    if let Some(found) = scrfd::Scrfd::recognise(outputs, size) {
        return Some(Box::new(found));
    }
    if let Some(found) = yolov8_face::YoloV8Face::recognise(outputs, size) {
        return Some(Box::new(found));
    }
    ultra_light::UltraLight::recognise(outputs).map(|found| Box::new(found) as Box<dyn Decoder>)
}

fn describe(outputs: &[Output], size: Size) -> String {
    let shapes: Vec<_> = outputs.iter().take(16).map(|o| format!("{} {:?}", o.name, o.shape)).collect();
    format!("{} outputs for {}×{} pixels: {}", outputs.len(), size.width, size.height, shapes.join(", "))
}

/// Cells of a feature map, row by row: (column, row). A part of a stride at the edge is a cell too.
fn cells(size: Size, stride: u32) -> impl Iterator<Item = (f32, f32)> {
    let columns = size.width.div_ceil(stride);
    (0..size.height.div_ceil(stride))
        .flat_map(move |row| (0..columns).map(move |column| (column as f32, row as f32)))
}

/// How many there are.
fn cell_count(size: Size, stride: u32) -> usize {
    size.width.div_ceil(stride) as usize * size.height.div_ceil(stride) as usize
}
