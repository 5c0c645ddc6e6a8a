//! The flags that say how photos are found, looked at and read.

use std::path::PathBuf;

use clap::{ArgAction, Args as Group};
use likeness::{DetectionOptions, PhotoOptions};
use likeness_data::cut::CutConfig;
use likeness_data::limits::Limits;

use super::number::{number, single};
use super::{FacesArg, LayoutArg, NoFaceArg};

/// How photos are read.
#[derive(Debug, Group)]
pub(crate) struct ReadingArgs {
    /// Widest picture that is read, in pixels.
    #[arg(
        long,
        value_name = "PX",
        default_value_t = Limits::default().max_width,
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Limits"
    )]
    max_width: u32,
    /// Tallest picture that is read, in pixels.
    #[arg(
        long,
        value_name = "PX",
        default_value_t = Limits::default().max_height,
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Limits"
    )]
    max_height: u32,
    /// Memory for pictures in flight, in MiB.
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = Limits::default().max_memory_bytes >> 20,
        value_parser = clap::value_parser!(u64).range(1..=1 << 20),
        help_heading = "Limits"
    )]
    max_memory: u64,
    /// Worker threads [default: one a core].
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

/// How photos are found, looked at and read.
#[derive(Debug, Group)]
pub(crate) struct PhotosArgs {
    /// How a folder of photos says whose picture a photo is.
    #[arg(long, value_enum, default_value_t = LayoutArg::Auto)]
    layout: LayoutArg,
    #[command(flatten)]
    detection: DetectionArgs,
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

/// What finds faces, and which are kept.
#[derive(Debug, Group)]
#[command(next_help_heading = "Faces")]
pub(crate) struct DetectionArgs {
    /// What finds faces: none (the table's box, or the centre square), auto, yunet, scrfd, yolov8-face, ultra-light, haar,
    /// an ONNX file or a cascade's XML file.
    #[arg(long, value_name = "NAME|FILE", default_value = "none")]
    detector: String,
    /// Folder to look for detectors and models in first.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Which faces of a photo to keep.
    #[arg(long, value_enum, default_value_t = FacesArg::Main)]
    faces: FacesArg,
    /// What to do with a photo without a face.
    #[arg(long, value_enum, default_value_t = NoFaceArg::Skip)]
    no_face: NoFaceArg,
    /// Smallest face, in pixels of the photo.
    #[arg(long, value_name = "PX", default_value_t = 0)]
    min_face_px: u32,
    /// Least score of a face, on the detector's own scale [default: the detector's].
    #[arg(long, value_name = "SCORE", value_parser = single(f64::NEG_INFINITY, f64::INFINITY), allow_negative_numbers = true)]
    min_score: Option<f32>,
    /// Room around a face without landmarks, as a share of its box.
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.25,
        value_parser = single(-0.49, 5.0),
        allow_negative_numbers = true
    )]
    margin: f32,
    /// Haar cascade: how much smaller the picture gets from one size to the next.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.1, value_parser = number(1.01, 10.0))]
    scale_factor: f64,
    /// Haar cascade: windows that must agree on a face.
    #[arg(long, value_name = "N", default_value_t = 3)]
    min_neighbors: u32,
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
            },
            min_score: self.min_score,
            scale_factor: self.scale_factor,
            min_neighbors: self.min_neighbors,
        }
    }
}
