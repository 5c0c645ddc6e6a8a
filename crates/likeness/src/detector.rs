//! Loads face detectors by name or by file.

use std::path::{Path, PathBuf};

use likeness_data::detect::FaceDetector;
use likeness_data::detect::haar::{HaarConfig, HaarDetector};
use likeness_data::settings::DetectionSettings;
use likeness_embed::detect::{DetectorConfig, load_detector};
use likeness_model::registry::{best_detector, find_detector};

use crate::context::Context;
use crate::options::DetectionOptions;
use crate::{Result, invalid};

/// A detector, with the fingerprint of its file and settings.
pub struct LoadedDetector {
    /// The detector.
    pub detector: Box<dyn FaceDetector>,
    fingerprint: String,
}

impl LoadedDetector {
    /// The detector settings that a dataset records.
    pub fn settings(&self, options: &DetectionOptions) -> DetectionSettings {
        DetectionSettings {
            detector: self.detector.name().to_owned(),
            fingerprint: self.fingerprint.clone(),
            cut: options.cut.clone(),
        }
    }
}

/// Loads the detector that the options name. Returns `None` for `none`, and for `auto` if no detector is installed.
///
/// # Errors        an unknown name, a file that is not a detector
pub fn load(options: &DetectionOptions, context: Context<'_>) -> Result<Option<LoadedDetector>> {
    options.cut.validate()?;
    let path = match options.detector.as_str() {
        "none" => return Ok(None),
        "auto" => match find_best(options, context)? {
            Some(path) => path,
            None => return Ok(None),
        },
        name => find(name, options)?,
    };
    let bytes = fs_err::read(&path)?;
    let is_cascade = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("xml"));
    let (detector, settings): (Box<dyn FaceDetector>, String) = if is_cascade {
        let config = HaarConfig {
            scale_factor: options.scale_factor,
            min_neighbors: options.min_neighbors,
            min_face_px: options.cut.min_face_px,
            ..HaarConfig::default()
        };
        let settings = serde_json::to_string(&config)?;
        (Box::new(HaarDetector::from_file(&path, config)?), settings)
    } else {
        let config = DetectorConfig { score_threshold: options.min_score, ..DetectorConfig::default() };
        let settings = serde_json::to_string(&config)?;
        (load_detector(&path, &config)?, settings)
    };
    let fingerprint = likeness_artifact::sha256_hex(&[bytes.as_slice(), settings.as_bytes()].concat());
    Ok(Some(LoadedDetector { detector, fingerprint }))
}

/// Finds the file of the detector `name`. `name` may also be a path.
fn find(name: &str, options: &DetectionOptions) -> Result<PathBuf> {
    if Path::new(name).is_file() {
        return Ok(PathBuf::from(name));
    }
    if let Some(path) = find_detector(name, options.models.as_deref()) {
        return Ok(path);
    }
    Err(invalid(
        format!("{name}: no such detector is installed"),
        "give its file, name the folder it is in with --models, or see `likeness models list`; Haar cascades also come \
         with `apt-get install opencv-data`",
    ))
}

/// Finds the best installed detector, and reports which one it is.
fn find_best(options: &DetectionOptions, context: Context<'_>) -> Result<Option<PathBuf>> {
    let found = best_detector(options.models.as_deref());
    match &found {
        Some((entry, path)) => context.note(format!("detector {}: {}", entry.name, path.display())),
        None => context.note(
            "detector none: no detector is installed, so the centre square of each photo is used as the face",
        ),
    }
    Ok(found.map(|(_, path)| path))
}
