//! Face detectors by name or by file.

use std::path::{Path, PathBuf};

use likeness_data::detect::FaceDetector;
use likeness_data::detect::haar::{HaarConfig, HaarDetector};
use likeness_data::settings::DetectionSettings;
use likeness_embed::detect::{DetectorConfig, load_detector};
use likeness_model::registry::{best_detector, find_detector};

use crate::context::Context;
use crate::options::DetectionOptions;
use crate::{Result, invalid};

/// A detector and the file it comes from.
pub struct LoadedDetector {
    /// The detector.
    pub detector: Box<dyn FaceDetector>,
    fingerprint: String,
}

impl LoadedDetector {
    /// What a dataset records about the detector.
    pub fn settings(&self, options: &DetectionOptions) -> DetectionSettings {
        DetectionSettings {
            detector: self.detector.name().to_owned(),
            fingerprint: self.fingerprint.clone(),
            cut: options.cut.clone(),
        }
    }
}

/// The detector that the options name; `None` for `none`, and for `auto` where no detector is installed.
///
/// # Errors        a name that is not known, a file that is no detector
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

/// The file of the detector called `name`, which may be a file itself.
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

/// The best detector whose file is present; which one is reported.
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
