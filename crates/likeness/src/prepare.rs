//! Makes a dataset from a collection of photos.

use std::collections::HashMap;
use std::path::Path;

use likeness_data::limits::Limits;
use likeness_data::prepare::{PrepareRun, Prepared, prepare};
use likeness_data::settings::PrepareConfig;
use likeness_data::source;

use crate::context::Context;
use crate::detector::{self, LoadedDetector};
use crate::options::DetectionOptions;
use crate::{Result, auto};

/// Options of [`prepare_dataset`].
#[derive(Debug, Clone, Default)]
pub struct PrepareOptions {
    /// Layout, sampling, split, size and format. Its field `detection` is replaced by the settings of the loaded detector.
    pub config: PrepareConfig,
    /// Options of face detection.
    pub detection: DetectionOptions,
    /// Limits of the size of pictures and of memory.
    pub limits: Limits,
    /// Number of worker threads; 0 means one per core.
    pub threads: usize,
    /// Whether to update a dataset that was made with other settings, instead of failing.
    pub replace: bool,
    /// Photos to leave out, by their names in the collection, with the reasons; see
    /// [`inspect::exclusions`](crate::inspect::exclusions).
    pub exclude: Option<HashMap<String, String>>,
}

/// Makes or updates the dataset in `folder` from `collection`, a folder or a table of photos.
///
/// # Errors        a collection that cannot be read, another dataset in the folder, another process in it, a stop
pub fn prepare_dataset(
    collection: &Path,
    folder: &Path,
    options: &PrepareOptions,
    context: Context<'_>,
) -> Result<Prepared> {
    let detector = chosen(collection, options, context)?;
    let config = PrepareConfig {
        detection: detector.as_ref().map(|d| d.settings(&options.detection.cut)),
        ..options.config.clone()
    };
    let stage = context.stage("prepare");
    let prepared = prepare(
        collection,
        folder,
        &config,
        &PrepareRun {
            detector: detector.as_ref().map(|d| d.detector.as_ref()),
            stop: context.stop,
            progress: &|done, total| stage.show(done, total),
            limits: options.limits,
            threads: options.threads,
            replace: options.replace,
            exclude: options.exclude.as_ref(),
        },
    )?;
    stage.end(prepared.worked, "photos");
    prepared.notes.iter().for_each(|note| context.note(note));
    Ok(prepared)
}

/// The detector for a collection. `auto` detects faces if at least half of a sample of the photos have one.
fn chosen(
    collection: &Path,
    options: &PrepareOptions,
    context: Context<'_>,
) -> Result<Option<LoadedDetector>> {
    let Some(loaded) = detector::load(&options.detection)? else { return Ok(None) };
    if !detector::is_auto(&options.detection) {
        context.note(format!("detector {}", loaded.title));
        return Ok(Some(loaded));
    }
    let samples = source::read(collection, options.config.layout, None)?.samples;
    let photos: Vec<_> = samples.into_iter().map(|sample| sample.path).collect();
    let found = auto::sample(&photos, &loaded, (options.limits, options.threads), context)?;
    let (readable, with_face) = (found.readable, found.with_face);
    if found.is_of_faces() {
        context
            .note(format!("detector {}: faces in {with_face} of {readable} photos looked at", loaded.title));
        return Ok(Some(loaded));
    }
    context.note(format!(
        "detector none: faces in {with_face} of {readable} photos looked at, so whole pictures are used; --detector yunet detects \
         faces anyway"
    ));
    Ok(None)
}
