//! `--detector`: a name or a file enters, a face detector leaves.

use std::path::{Path, PathBuf};

use likeness_data::detect::FaceDetector;
use likeness_data::detect::haar::{HaarConfig, HaarDetector};
use likeness_data::prepare::DetectionSettings;
use likeness_embed::detect::{DetectorConfig, load_detector};
use likeness_model::registry::{best_detector, find_detector};

use crate::args::DetectionArgs;
use crate::failure::hinted;
use crate::print::say;

/// A detector and the file it comes from.
pub(crate) struct LoadedDetector {
    pub(crate) detector: Box<dyn FaceDetector>,
    fingerprint: String,
}

impl LoadedDetector {
    /// What a dataset records about the detector.
    pub(crate) fn settings(&self, args: &DetectionArgs) -> DetectionSettings {
        DetectionSettings {
            detector: self.detector.name().to_owned(),
            fingerprint: self.fingerprint.clone(),
            cut: args.cut(),
        }
    }
}

/// The detector that the flags name; `None` for `none`.
pub(crate) fn load(args: &DetectionArgs) -> anyhow::Result<Option<LoadedDetector>> {
    args.cut().validate()?;
    let path = match args.detector.as_str() {
        "none" => return Ok(None),
        "auto" => match find_best(args)? {
            Some(path) => path,
            None => return Ok(None),
        },
        name => find(name, args)?,
    };
    let bytes = fs_err::read(&path)?;
    let is_cascade = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("xml"));
    let (detector, settings): (Box<dyn FaceDetector>, String) = if is_cascade {
        let config = HaarConfig {
            scale_factor: args.scale_factor,
            min_neighbors: args.min_neighbors,
            min_face_px: args.min_face_px,
            ..HaarConfig::default()
        };
        let settings = serde_json::to_string(&config)?;
        (Box::new(HaarDetector::from_file(&path, config)?), settings)
    } else {
        let config = DetectorConfig { score_threshold: args.min_score, ..DetectorConfig::default() };
        let settings = serde_json::to_string(&config)?;
        (load_detector(&path, &config)?, settings)
    };
    let fingerprint = likeness_artifact::sha256_hex(&[bytes.as_slice(), settings.as_bytes()].concat());
    Ok(Some(LoadedDetector { detector, fingerprint }))
}

/// The file of the detector called `name`, which may be a file itself.
fn find(name: &str, args: &DetectionArgs) -> anyhow::Result<PathBuf> {
    if Path::new(name).is_file() {
        return Ok(PathBuf::from(name));
    }
    if let Some(path) = find_detector(name, args.models.as_deref()) {
        return Ok(path);
    }
    Err(hinted(
        format!("{name}: no such detector here"),
        "give its file, name the folder it is in with --models, or see `likeness models list`; Haar cascades also come \
         with `apt-get install opencv-data`",
    ))
}

/// The best detector whose file is present, said aloud.
fn find_best(args: &DetectionArgs) -> anyhow::Result<Option<PathBuf>> {
    let found = best_detector(args.models.as_deref());
    match &found {
        Some((entry, path)) => say(format!("detector {}: {}", entry.name, path.display())),
        None => say(
            "detector none: no detector's file is present, so the centre of each photo stands for the face",
        ),
    }
    Ok(found.map(|(_, path)| path))
}
