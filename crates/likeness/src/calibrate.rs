//! Measures distance thresholds for given error rates on labelled photos, and stores them with a model or a gallery.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use likeness_data::photos::Skipped;
use likeness_gallery::Gallery;
use likeness_gallery::catalogue::{ReadCatalogue, WriteCatalogue, is_gallery};
use likeness_model::folder::{IN_RUN, set_thresholds};
use likeness_search::calibrate::{CalibrateConfig, Calibration, Influence, Target, calibrate, influence};
use likeness_search::label::{MislabelConfig, mislabelled};
use likeness_search::verification::PairConfig;
use likeness_search::{Distance, EmbeddingTable, Thresholds};

use crate::context::Context;
use crate::gallery::{self, labelled::labelled};
use crate::loader::{Loaded, Loader};
use crate::{Result, invalid};

/// The false match rates that thresholds are measured for by default.
const RATES: [f64; 5] = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/// Options of [`calibrate_input`].
#[derive(Debug, Clone, Default)]
pub struct CalibrateOptions {
    /// Labelled photos, a dataset, an embeddings file, or a gallery with named people.
    pub input: PathBuf,
    /// Use only this split of a dataset.
    pub split: Option<String>,
    /// False match rates; none means 1e-2 to 1e-6.
    pub fmrs: Vec<f64>,
    /// A false positive identification rate.
    pub fpir: Option<f64>,
    /// Number of images in the gallery for `fpir`; `None` means that of the gallery, or of the photos.
    pub gallery_size: Option<u64>,
    /// Distance between embeddings; `None` means the distance of the model.
    pub distance: Option<Distance>,
    /// Whether photos that are likely mislabelled are kept.
    pub keep_suspects: bool,
}

/// The result of a calibration.
#[derive(Debug)]
pub struct Calibrated {
    /// Name of the model.
    pub model: String,
    /// Fingerprint of the model.
    pub fingerprint: String,
    /// The thresholds.
    pub calibration: Calibration,
    /// Names of the photos that are likely mislabelled.
    pub suspects: Vec<String>,
    /// How the thresholds move without them; `None` if there are none.
    pub influence: Option<Influence>,
    /// What the thresholds were measured on, as one phrase.
    pub data: String,
    /// Photos without an embedding.
    pub skipped: Vec<Skipped>,
}

impl Calibrated {
    /// The supported thresholds.
    pub fn thresholds(&self) -> Thresholds {
        self.calibration.to_thresholds()
    }
}

/// Measures thresholds. Photos that are likely mislabelled are found first, and left out unless they are to be kept: a pair of
/// photos of one person under two names makes a low rate stricter than asked.
///
/// # Errors        an input that cannot be read; images of fewer than two identities; a rate outside (0, 1)
pub fn calibrate_input(
    loader: &Loader<'_>,
    options: &CalibrateOptions,
    context: Context<'_>,
) -> Result<Calibrated> {
    let (table, skipped, images) = read(loader, options)?;
    let distance = options.distance.unwrap_or(table.model().distance);
    let pairs = PairConfig { distance, ..PairConfig::default() };
    let config = CalibrateConfig { pairs, targets: targets(options, images) };
    let stage = context.stage("calibrate");
    let suspects = mislabelled(&table, distance, &MislabelConfig::default())?.suspects;
    let rows: Vec<usize> = suspects.iter().filter(|s| !s.is_doubtful).map(|suspect| suspect.row).collect();
    let influence = match rows.is_empty() {
        true => None,
        false => Some(influence(&table, &rows, &config)?),
    };
    let calibration = match &influence {
        Some(influence) if options.keep_suspects => influence.with.clone(),
        Some(influence) => influence.without.clone(),
        None => calibrate(&table, &config)?,
    };
    stage.end(table.len(), "photos");
    let names = rows.iter().map(|&row| table.rows()[row].name.clone()).collect();
    Ok(Calibrated {
        model: table.model().name.clone(),
        fingerprint: table.model().fingerprint.clone(),
        data: described(options, &calibration),
        calibration,
        suspects: names,
        influence,
        skipped,
    })
}

/// The labelled embeddings, the skipped photos, and the number of images of a gallery.
fn read(loader: &Loader<'_>, options: &CalibrateOptions) -> Result<(EmbeddingTable, Vec<Skipped>, u64)> {
    if !is_gallery(&options.input) {
        let Loaded { table, skipped } =
            loader.load(std::slice::from_ref(&options.input), options.split.as_deref())?;
        let images = table.len() as u64;
        return Ok((table, skipped, images));
    }
    let gallery = Gallery::open_read_only(&options.input)?;
    let (table, _) = labelled(&gallery)?;
    let people: HashSet<&str> = table.rows().iter().filter_map(|row| row.identity.as_deref()).collect();
    if people.len() < 2 {
        return Err(invalid(
            format!(
                "{}: thresholds need faces of at least two people that are named by hand, found {}",
                options.input.display(),
                people.len()
            ),
            "name people with `likeness people name`, or calibrate on a folder of labelled photos",
        ));
    }
    let images = gallery.catalogue().counts()?.items;
    Ok((table, Vec::new(), images))
}

fn targets(options: &CalibrateOptions, images: u64) -> Vec<Target> {
    let rates: &[f64] = if options.fmrs.is_empty() { &RATES } else { &options.fmrs };
    let mut targets: Vec<Target> = rates.iter().copied().map(Target::Fmr).collect();
    let gallery = options.gallery_size.unwrap_or(images).max(1);
    targets.extend(options.fpir.map(|rate| Target::Fpir { rate, gallery }));
    targets
}

fn described(options: &CalibrateOptions, calibration: &Calibration) -> String {
    let name = options.input.file_name().unwrap_or(options.input.as_os_str()).to_string_lossy();
    let split = options.split.as_ref().map_or(String::new(), |split| format!(", {split} split"));
    format!(
        "{name}{split}: {} images of {} identities, {} non-mated pairs",
        calibration.images, calibration.identities, calibration.non_mated
    )
}

/// Stores thresholds in a model folder, a run, or a gallery. Automatic names of the gallery are computed again.
///
/// # Errors        no threshold that the data supports, or none that verdicts can use; a place that is neither, or has another model; the disk
pub fn store(calibrated: &Calibrated, place: &Path) -> Result<()> {
    let thresholds = calibrated.thresholds();
    if thresholds.is_empty() {
        return Err(invalid(
            "the data supports none of the rates, so there is no threshold to store",
            "calibrate on more people, or ask for a higher rate with --fmr",
        ));
    }
    if thresholds.limits().is_none() {
        return Err(invalid(
            "no threshold for a false match rate of 0.1 % or less was measured, and verdicts need one; nothing was stored",
            "calibrate on more people, or do not leave 1e-3 and 1e-4 out of --fmr",
        ));
    }
    if is_gallery(place) {
        let mut gallery = Gallery::open(place)?;
        let model = gallery.active_model()?;
        if model.tag.fingerprint != calibrated.fingerprint {
            return Err(invalid(
                format!(
                    "{}: its embeddings come from the model {}, the thresholds were measured with {}",
                    place.display(),
                    model.tag.name,
                    calibrated.model
                ),
                "measure with the model of the gallery",
            ));
        }
        gallery.catalogue_mut().put_thresholds(model.id, &thresholds)?;
        gallery::list::reassign(&mut gallery)?;
        return Ok(());
    }
    let in_run = place.join(IN_RUN);
    let folder = if in_run.is_dir() { in_run } else { place.to_owned() };
    Ok(set_thresholds(&folder, &calibrated.fingerprint, &thresholds, &calibrated.data)?)
}
