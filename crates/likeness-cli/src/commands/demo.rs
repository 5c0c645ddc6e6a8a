//! `likeness demo`: runs every step on synthetic faces.

#[cfg(feature = "train")]
mod learn;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use likeness::{Loader, ModelChoice, PhotoOptions};
use likeness_artifact::{FolderLock, LOCK_FILE, LockError};
use likeness_data::cut::NoFace;
use likeness_data::limits::Limits;
use likeness_data::prepare::{PrepareRun, prepare};
use likeness_data::settings::PrepareConfig;
use likeness_data::source::Layout;
use likeness_embed::descriptor::Descriptor;
use likeness_model::builtin::EMBEDDERS;
use likeness_report::grid;
use likeness_search::{
    EmbeddingTable, EvaluateConfig, Protocol, RankConfig, Results, ResultsShape, evaluate, rank_photos,
};
use likeness_synth::{self as synth, PictureFormat, Style, SynthConfig};

use super::evaluate::print;
use crate::Outcome;
use crate::args::DemoArgs;
use crate::failure::hinted;
use crate::print::say;
use crate::progress::{Progress, Terminal};

/// Runs the command.
pub(crate) fn run(args: DemoArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let output = &args.output;
    let _lock = claim(output)?;
    for (folder, style) in [("photos", Style::Portrait), ("drawings", Style::Sketch)] {
        draw(&args, &output.join(folder), style)?;
    }
    let dataset = output.join("dataset");
    let progress = Progress::begin("prepare");
    let config = PrepareConfig { layout: Layout::Folders, size: 160, ..PrepareConfig::default() };
    let prepared = prepare(
        &output.join("photos"),
        &dataset,
        &config,
        &PrepareRun {
            detector: None,
            stop,
            progress: &|done, total| progress.show(done, total),
            limits: Limits::default(),
            threads: 0,
            replace: false,
            exclude: None,
        },
    )?;
    progress.end(prepared.worked, "photos");
    let mut best: Option<Measured> = None;
    let names = Descriptor::ALL.map(Descriptor::name).into_iter().chain(EMBEDDERS.map(|model| model.name));
    for name in names {
        keep_best(&mut best, measure(name, name, &dataset, stop)?);
    }
    #[cfg(feature = "train")]
    if args.epochs > 0 {
        let run = learn::learn(&args, output, stop)?;
        keep_best(&mut best, measure(&run, "network trained on other people", &dataset, stop)?);
    }
    if let Some(best) = &best {
        write_results(best, output)?;
    }
    say("");
    say("files to look at:");
    for (file, what) in [
        ("photos", "the faces, one folder per person"),
        ("drawings", "the same people drawn in another style"),
        ("dataset/manifest.csv", "the dataset, one row per face"),
        ("best.embeddings", "the embeddings of the best model"),
        ("results.json", "the ten nearest images of each query, in the JSON structure of the challenge"),
        (
            "matches.png",
            "queries of the best model and their nearest images, correct ones framed green, wrong ones red",
        ),
    ] {
        say(format!("  {}  {what}", output.join(file).display()));
    }
    #[cfg(feature = "train")]
    if args.epochs > 0 {
        say(format!("  {}  loss and accuracy of the training", output.join("run/curves.png").display()));
    }
    Ok(Outcome::Done)
}

/// Creates and locks the folder `output`, which must be new or empty.
fn claim(output: &Path) -> anyhow::Result<FolderLock> {
    fs_err::create_dir_all(output)?;
    // A folder with a lock file belongs to a demo. No lock file is written into a folder with other files.
    let lock = if output.join(LOCK_FILE).exists() { Some(lock(output)?) } else { None };
    for entry in fs_err::read_dir(output)? {
        let name = entry?.file_name();
        if name != LOCK_FILE {
            return Err(hinted(
                format!("{}: is not empty (it holds {})", output.display(), name.display()),
                "delete the files of an earlier demo, or choose another folder with -o",
            ));
        }
    }
    lock.map_or_else(|| self::lock(output), Ok)
}

fn lock(output: &Path) -> anyhow::Result<FolderLock> {
    FolderLock::acquire(output).map_err(|error| match error {
        LockError::Held { .. } => hinted(error.to_string(), "wait for it, or choose another folder with -o"),
        LockError::Io(error) => error.into(),
    })
}

fn draw(args: &DemoArgs, folder: &Path, style: Style) -> anyhow::Result<()> {
    let config = SynthConfig {
        identities: args.identities,
        images_per_identity: args.images,
        seed: args.seed,
        style,
        ..SynthConfig::default()
    };
    let total = args.identities as usize * args.images as usize;
    let progress = Progress::begin("draw");
    let layout = (synth::Layout::Folders, PictureFormat::Png);
    synth::write_dataset(&config, folder, layout, &|done| progress.show(done, total))?;
    progress.end(total, "faces");
    Ok(())
}

/// A model's embeddings of the dataset, and how well they find images of the same identity.
struct Measured {
    title: String,
    table: EmbeddingTable,
    map: f64,
}

/// Embeds the dataset with the model `name`, and evaluates it.
fn measure(name: &str, title: &str, dataset: &Path, stop: &AtomicBool) -> anyhow::Result<Measured> {
    let (model, mut photos) = (ModelChoice::named(name), PhotoOptions::default());
    // Drawn faces fill their pictures; those in which no face is detected are compared as they are.
    photos.detection.cut.no_face = NoFace::Keep;
    let loader = Loader::new(&model, &photos, Terminal::context(stop));
    let table = loader.load(&[dataset.to_owned()], None)?.table;
    let config = EvaluateConfig { distance: table.model().distance, ..EvaluateConfig::default() };
    let evaluation = evaluate(&table, Protocol::QueryGallery, &config)?;
    print(&evaluation, title)?;
    Ok(Measured { title: title.to_owned(), table, map: evaluation.map })
}

/// Keeps the model with the higher mean average precision.
fn keep_best(best: &mut Option<Measured>, measured: Measured) {
    if best.as_ref().is_none_or(|best| measured.map > best.map) {
        *best = Some(measured);
    }
}

/// Writes embeddings, results and a contact sheet of the best model.
fn write_results(best: &Measured, output: &Path) -> anyhow::Result<()> {
    say(format!("the best of these models: {}", best.title));
    let distance = best.table.model().distance;
    best.table.save(&output.join("best.embeddings"))?;
    let found = rank_photos(&best.table, Protocol::QueryGallery, distance, &RankConfig::default())?;
    let results = Results::from_rankings("likeness-demo", &found.rankings, &found.queries, &found.gallery)?;
    results.write(&output.join("results.json"), ResultsShape::Map)?;
    Ok(grid::draw(&found, distance, 12, &output.join("matches.png"))?)
}
