//! Flags that control how photos are found and read, and how faces are detected.

use std::path::PathBuf;

use clap::{ArgAction, Args as Group};
use likeness::{DetectionOptions, PhotoOptions};
use likeness_data::cut::CutConfig;
use likeness_data::limits::Limits;

use super::number::{number, single};
use super::{FacesArg, LayoutArg, NoFaceArg};

/// Flags that limit how photos are read.
#[derive(Debug, Group)]
pub(crate) struct ReadingArgs {
    /// Maximum width of a picture, in pixels; wider pictures are skipped.
    #[arg(
        long,
        value_name = "PX",
        default_value_t = Limits::default().max_width,
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Limits"
    )]
    max_width: u32,
    /// Maximum height of a picture, in pixels; taller pictures are skipped.
    #[arg(
        long,
        value_name = "PX",
        default_value_t = Limits::default().max_height,
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Limits"
    )]
    max_height: u32,
    /// Maximum memory for decoded pictures, in MiB.
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = Limits::default().max_memory_bytes >> 20,
        value_parser = clap::value_parser!(u64).range(1..=1 << 20),
        help_heading = "Limits"
    )]
    max_memory: u64,
    /// Number of worker threads [default: one per core].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, action = ArgAction::Set, help_heading = "Limits")]
    pub(crate) threads: usize,
}

impl ReadingArgs {
    /// The limits that the flags set.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_width: self.max_width,
            max_height: self.max_height,
            max_memory_bytes: self.max_memory << 20,
        }
    }
}

/// Flags that control how photos are found and read, and how faces are detected.
#[derive(Debug, Group)]
pub(crate) struct PhotosArgs {
    /// Layout of a folder of photos: where the identity of a photo comes from.
    #[arg(long, value_enum, default_value_t = LayoutArg::Auto)]
    layout: LayoutArg,
    #[command(flatten)]
    pub(crate) detection: DetectionArgs,
    #[command(flatten)]
    reading: ReadingArgs,
}

impl PhotosArgs {
    /// The options that the flags set.
    pub(crate) fn options(&self) -> PhotoOptions {
        PhotoOptions {
            layout: self.layout.into(),
            detection: self.detection.options(),
            limits: self.reading.limits(),
            threads: self.reading.threads,
        }
    }
}

/// Flags that control how faces are detected and which are kept.
#[derive(Debug, Group)]
#[command(next_help_heading = "Faces")]
pub(crate) struct DetectionArgs {
    /// Face detector: auto (the built-in yunet where faces are needed), none (use the box of the table, or the centre square), yunet,
    /// scrfd, yolov8-face, ultra-light, haar, an ONNX file, or the XML file of a cascade.
    #[arg(long, value_name = "NAME|FILE", default_value = "auto")]
    detector: String,
    /// Folder to search first for detectors and models.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Which faces of a photo to keep.
    #[arg(long, value_enum, default_value_t = FacesArg::Main)]
    faces: FacesArg,
    /// What to do with a photo without a face.
    #[arg(long, value_enum, default_value_t = NoFaceArg::Skip)]
    no_face: NoFaceArg,
    /// Minimum size of a face, in pixels of the photo.
    #[arg(long, value_name = "PX", default_value_t = 0)]
    min_face_px: u32,
    /// Minimum score of a face, on the scale of the detector [default: that of the detector].
    #[arg(long, value_name = "SCORE", value_parser = single(f64::NEG_INFINITY, f64::INFINITY), allow_negative_numbers = true)]
    min_score: Option<f32>,
    /// Margin around a face without landmarks, as a share of its box.
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.25,
        value_parser = single(-0.49, 5.0),
        allow_negative_numbers = true
    )]
    margin: f32,
    /// Haar cascade: ratio between successive sizes of the image pyramid.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.1, value_parser = number(1.01, 10.0))]
    scale_factor: f64,
    /// Haar cascade: minimum number of overlapping detections of a face.
    #[arg(long, value_name = "N", default_value_t = 3)]
    min_neighbors: u32,
    /// Reject models and detectors whose licence does not allow commercial use, or is not known.
    #[arg(long, help_heading = "Model")]
    pub(crate) commercial: bool,
}

impl DetectionArgs {
    /// The options that the flags set.
    pub(crate) fn options(&self) -> DetectionOptions {
        DetectionOptions {
            detector: self.detector.clone(),
            models: self.models.clone(),
            cut: CutConfig {
                faces: self.faces.into(),
                no_face: self.no_face.into(),
                min_face_px: self.min_face_px,
                min_score: self.min_score.unwrap_or(0.0),
                margin: self.margin,
                ..CutConfig::default()
            },
            min_score: self.min_score,
            scale_factor: self.scale_factor,
            min_neighbors: self.min_neighbors,
            commercial: self.commercial,
        }
    }
}
