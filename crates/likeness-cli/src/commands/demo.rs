//! `likeness demo`: the whole loop on synthetic faces.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use likeness_artifact::{FolderLock, LOCK_FILE, LockError};
use likeness_data::prepare::{PrepareConfig, PrepareRun, prepare};
use likeness_data::source::Layout;
use likeness_embed::descriptor::Descriptor;
use likeness_search::{EvaluateConfig, Protocol, RankConfig, Results, ResultsShape, evaluate, rank_photos};
use likeness_synth::{self as synth, PictureFormat, Style, SynthConfig};

use likeness_data::dataset::Dataset;
use likeness_train::backbone::Architecture;
use likeness_train::device::device;
use likeness_train::loss::CosFaceConfig;
use likeness_train::train::{LossConfig, TrainConfig, TrainingFaces, train};

use super::evaluate::print;
use super::train::Watcher;
use crate::args::{DemoArgs, ModelArgs, PhotosArgs, ReadingArgs};
use crate::failure::hinted;
use crate::input::Loader;
use crate::print::say;
use crate::progress::Progress;
use crate::{Outcome, grid};

/// Added to the seed for the people that the network learns from.
const OTHER_PEOPLE: u64 = 1_000;

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
            limits: ReadingArgs::default().limits(),
            threads: 0,
            replace: false,
        },
    )?;
    progress.end(prepared.worked, "photos");
    for descriptor in Descriptor::ALL {
        search(descriptor, &dataset, output, stop)?;
    }
    if args.epochs > 0 {
        learn(&args, output, &dataset, stop)?;
    }
    say("");
    say("look at");
    for (file, what) in [
        ("photos", "the faces, a folder a person"),
        ("drawings", "the same people drawn in another style"),
        ("dataset/manifest.csv", "the dataset, a row a face"),
        ("classic.embeddings", "the embeddings"),
        ("results.json", "for each query its ten nearest, in the challenge's shape"),
        ("matches.png", "queries and what was found, right ones framed green, wrong ones red"),
    ] {
        say(format!("  {}  {what}", output.join(file).display()));
    }
    if args.epochs > 0 {
        say(format!("  {}  how the network learned", output.join("run/curves.png").display()));
    }
    Ok(Outcome::Done)
}

/// Makes `output` the demo's: a new or an empty folder, locked.
fn claim(output: &Path) -> anyhow::Result<FolderLock> {
    fs_err::create_dir_all(output)?;
    // A folder with a lock file is a demo's; no such file is put into a folder that holds something else.
    let lock = if output.join(LOCK_FILE).exists() { Some(lock(output)?) } else { None };
    for entry in fs_err::read_dir(output)? {
        let name = entry?.file_name();
        if name != LOCK_FILE {
            return Err(hinted(
                format!("{}: is not empty (it holds {})", output.display(), name.display()),
                "delete what an earlier demo left, or choose another folder with -o",
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

/// Trains a small network on other people's faces and lets it search among those of the demo, whom it never saw.
fn learn(args: &DemoArgs, output: &Path, dataset: &Path, stop: &AtomicBool) -> anyhow::Result<()> {
    let (others, learned, run) = (output.join("others"), output.join("others-dataset"), output.join("run"));
    let strangers = DemoArgs { seed: args.seed.wrapping_add(OTHER_PEOPLE), ..args.clone() };
    draw(&strangers, &others, Style::Portrait)?;
    let config = PrepareConfig { layout: Layout::Folders, size: 80, ..PrepareConfig::default() };
    let how = PrepareRun {
        detector: None,
        stop,
        progress: &|_, _| {},
        limits: ReadingArgs::default().limits(),
        threads: 0,
        replace: false,
    };
    prepare(&others, &learned, &config, &how)?;
    let loss = LossConfig::CosFace(CosFaceConfig { scale: 16.0, margin: 0.2 });
    let mut config = TrainConfig::single(Architecture::ResNet18, loss);
    config.seed = args.seed;
    config.input_px = 64;
    config.network.embedding_dim = 128;
    config.validation_share = 0.0;
    config.phases[0].epochs = args.epochs;
    let faces = TrainingFaces::new(&Dataset::open(&learned)?, config.validation_share, config.seed)?;
    fs_err::create_dir_all(&run)?;
    let mut watcher = Watcher::new(&run, config.epochs(), stop);
    let outcome = train(&faces, &config, &run, &device("cpu")?, &mut watcher)?;
    watcher.end();
    anyhow::ensure!(!outcome.stopped, "stopped");
    let model = ModelArgs::named(&run.display().to_string());
    let table =
        Loader::new(&model, PhotosArgs::default().refer(), stop).load(&[dataset.to_owned()], None)?.table;
    let config = EvaluateConfig { distance: table.model().distance, ..EvaluateConfig::default() };
    let evaluation = evaluate(&table, Protocol::QueryGallery, &config)?;
    print(&evaluation, "the network, which never saw these people")
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

/// Embeds the dataset, evaluates the descriptor and, for the strongest, writes everything a user would look at.
fn search(descriptor: Descriptor, dataset: &Path, output: &Path, stop: &AtomicBool) -> anyhow::Result<()> {
    let model = ModelArgs::named(descriptor.name());
    let photos = PhotosArgs::default();
    let table = Loader::new(&model, photos.refer(), stop).load(&[dataset.to_owned()], None)?.table;
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
