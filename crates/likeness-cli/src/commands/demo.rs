//! `likeness demo`: runs every step on synthetic faces.

#[cfg(feature = "train")]
mod learn;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use likeness::{Loader, ModelChoice, PhotoOptions};
use likeness_artifact::{FolderLock, LOCK_FILE, LockError};
use likeness_data::limits::Limits;
use likeness_data::prepare::{PrepareRun, prepare};
use likeness_data::settings::PrepareConfig;
use likeness_data::source::Layout;
use likeness_embed::descriptor::Descriptor;
use likeness_report::grid;
use likeness_search::{EvaluateConfig, Protocol, RankConfig, Results, ResultsShape, evaluate, rank_photos};
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
        },
    )?;
    progress.end(prepared.worked, "photos");
    for descriptor in Descriptor::ALL {
        search(descriptor, &dataset, output, stop)?;
    }
    #[cfg(feature = "train")]
    if args.epochs > 0 {
        learn::learn(&args, output, &dataset, stop)?;
    }
    say("");
    say("files to look at:");
    for (file, what) in [
        ("photos", "the faces, one folder per person"),
        ("drawings", "the same people drawn in another style"),
        ("dataset/manifest.csv", "the dataset, one row per face"),
        ("classic.embeddings", "the embeddings"),
        ("results.json", "the ten nearest images of each query, in the JSON structure of the challenge"),
        ("matches.png", "queries and their nearest images, correct ones framed green, wrong ones red"),
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

/// Embeds the dataset and evaluates the descriptor. For the strongest descriptor, also writes embeddings, results and a
/// contact sheet.
fn search(descriptor: Descriptor, dataset: &Path, output: &Path, stop: &AtomicBool) -> anyhow::Result<()> {
    let (model, photos) = (ModelChoice::named(descriptor.name()), PhotoOptions::default());
    let loader = Loader::new(&model, &photos, Terminal::context(stop));
    let table = loader.load(&[dataset.to_owned()], None)?.table;
    let distance = table.model().distance;
    let config = EvaluateConfig { distance, ..EvaluateConfig::default() };
    let evaluation = evaluate(&table, Protocol::QueryGallery, &config)?;
    print(&evaluation, descriptor.name())?;
    if descriptor == Descriptor::Classic {
        table.save(&output.join("classic.embeddings"))?;
        let found = rank_photos(&table, Protocol::QueryGallery, distance, &RankConfig::default())?;
        let results =
            Results::from_rankings("likeness-demo", &found.rankings, &found.queries, &found.gallery)?;
        results.write(&output.join("results.json"), ResultsShape::Map)?;
        grid::draw(&found, distance, 12, &output.join("matches.png"))?;
    }
    Ok(())
}
