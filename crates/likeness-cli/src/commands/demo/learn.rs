//! The training of the demo: a small network is trained on faces of other people.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use likeness_data::dataset::Dataset;
use likeness_data::limits::Limits;
use likeness_data::prepare::{PrepareRun, prepare};
use likeness_data::settings::PrepareConfig;
use likeness_data::source::Layout;
use likeness_synth::Style;
use likeness_train::backbone::Architecture;
use likeness_train::device::device;
use likeness_train::loss::CosFaceConfig;
use likeness_train::train::{LossConfig, TrainConfig, TrainingFaces, train};

use super::super::train::Watcher;
use super::draw;
use crate::args::DemoArgs;

/// Offset of the seed for the people that the network is trained on.
const OTHER_PEOPLE: u64 = 1_000;

/// Trains a small network on faces of other people. Returns the folder of the run.
pub(super) fn learn(args: &DemoArgs, output: &Path, stop: &AtomicBool) -> anyhow::Result<String> {
    let (others, learned, run) = (output.join("others"), output.join("others-dataset"), output.join("run"));
    let strangers = DemoArgs { seed: args.seed.wrapping_add(OTHER_PEOPLE), ..args.clone() };
    draw(&strangers, &others, Style::Portrait)?;
    let config = PrepareConfig { layout: Layout::Folders, size: 80, ..PrepareConfig::default() };
    let how = PrepareRun {
        detector: None,
        stop,
        progress: &|_, _| {},
        limits: Limits::default(),
        threads: 0,
        replace: false,
        exclude: None,
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
    Ok(run.display().to_string())
}
