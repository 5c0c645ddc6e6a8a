//! Loads face detectors: the built-in one, one by name, or one from a file.

use std::path::{Path, PathBuf};

use likeness_data::cut::CutConfig;
use likeness_data::detect::FaceDetector;
use likeness_data::detect::haar::{HaarConfig, HaarDetector};
use likeness_data::settings::DetectionSettings;
use likeness_embed::detect::{DetectorConfig, SecondLook, detector_from_bytes, load_detector};
use likeness_model::builtin::YUNET;
use likeness_model::registry::entry::{DetectorFamily, by_checksum};
use likeness_model::registry::find_detector;
use likeness_search::Licence;

use crate::licence::Usage;
use crate::options::DetectionOptions;
use crate::{Result, invalid};

/// Minimum score of a face in the second look at a photo without one.
const SECOND_SCORE: f32 = 0.6;

/// A detector, with the fingerprint of its file and settings.
pub struct LoadedDetector {
    /// The detector.
    pub detector: Box<dyn FaceDetector>,
    /// The name for messages, such as `yunet (built in)`.
    pub title: String,
    fingerprint: String,
}

impl LoadedDetector {
    /// The detector settings that a dataset records. `cut` is how its faces are cropped.
    pub fn settings(&self, cut: &CutConfig) -> DetectionSettings {
        DetectionSettings {
            detector: self.detector.name().to_owned(),
            fingerprint: self.fingerprint.clone(),
            cut: cut.clone(),
        }
    }
}

/// Whether the options turn face detection off.
pub(crate) fn is_off(options: &DetectionOptions) -> bool {
    options.detector == "none"
}

/// Whether the program decides if faces are detected.
pub(crate) fn is_auto(options: &DetectionOptions) -> bool {
    options.detector == "auto"
}

/// Loads the detector that the options name. `auto` is the built-in one, and `none` returns `None`.
///
/// # Errors        an unknown name, a file that is not a detector, a licence that the options reject
pub fn load(options: &DetectionOptions) -> Result<Option<LoadedDetector>> {
    options.cut.validate()?;
    if is_off(options) {
        return Ok(None);
    }
    let Some(path) = find(options)? else { return builtin(options).map(Some) };
    let bytes = fs_err::read(&path)?;
    let checksum = likeness_artifact::sha256_hex(&bytes);
    let entry = by_checksum(&checksum);
    let licence = entry.map(|entry| Licence { name: entry.licence.clone(), terms: entry.terms });
    Usage::of(options.commercial).check(&path.display().to_string(), licence.as_ref())?;
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
        let config = network_config(options);
        let settings = serde_json::to_string(&config)?;
        (load_detector(&path, &config)?, settings)
    };
    let fingerprint = likeness_artifact::sha256_hex(&[bytes.as_slice(), settings.as_bytes()].concat());
    let title = format!("{}: {}", detector.name(), path.display());
    Ok(Some(LoadedDetector { detector, title, fingerprint }))
}

/// The built-in detector.
///
/// # Errors        settings out of range
pub fn builtin(options: &DetectionOptions) -> Result<LoadedDetector> {
    // A face that fills a small photo is found in an enlarged one.
    let second_look =
        Some(SecondLook { score_threshold: options.min_score.unwrap_or(SECOND_SCORE), min_side: 512 });
    let config = DetectorConfig { second_look, ..network_config(options) };
    let settings = serde_json::to_string(&config)?;
    let detector = detector_from_bytes(Path::new(YUNET.name), YUNET.graph.to_vec(), &config)?;
    let fingerprint = likeness_artifact::sha256_hex(&[YUNET.graph, settings.as_bytes()].concat());
    Ok(LoadedDetector { title: format!("{} (built in)", detector.name()), detector, fingerprint })
}

fn network_config(options: &DetectionOptions) -> DetectorConfig {
    DetectorConfig { score_threshold: options.min_score, ..DetectorConfig::default() }
}

/// Finds the file of the detector that the options name, which may be a path. `None` stands for the built-in detector.
fn find(options: &DetectionOptions) -> Result<Option<PathBuf>> {
    let name = options.detector.as_str();
    if is_auto(options) {
        return Ok(None);
    }
    if Path::new(name).is_file() {
        return Ok(Some(PathBuf::from(name)));
    }
    if let Some(path) = find_detector(name, options.models.as_deref()) {
        return Ok(Some(path));
    }
    if name == DetectorFamily::Yunet.name() {
        return Ok(None);
    }
    Err(invalid(
        format!("{name}: no such detector is installed"),
        "leave --detector out for the built-in one, give a file, name the folder it is in with --models, or see `likeness models \
         list`; Haar cascades also come with `apt-get install opencv-data`",
    ))
}
