//! Makes a dataset from a collection of photos.

use std::path::Path;

use likeness_data::limits::Limits;
use likeness_data::prepare::{PrepareRun, Prepared, prepare};
use likeness_data::settings::PrepareConfig;

use crate::Result;
use crate::context::Context;
use crate::detector;
use crate::options::DetectionOptions;

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
    let detector = detector::load(&options.detection, context)?;
    let config = PrepareConfig {
        detection: detector.as_ref().map(|d| d.settings(&options.detection)),
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
        },
    )?;
    stage.end(prepared.worked, "photos");
    prepared.notes.iter().for_each(|note| context.note(note));
    Ok(prepared)
}
