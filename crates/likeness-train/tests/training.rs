//! Whole runs on faces of our own making: learning, going on after an interruption, and what goes wrong.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use image::{Rgb, RgbImage};
use likeness_data::augment::AugmentConfig;
use likeness_train::TrainError;
use likeness_train::adapt::{AdaptationConfig, AdaptationMethod, AdaptationPlace, DomainStatistics};
use likeness_train::backbone::Architecture;
use likeness_train::loader::{Batch, FaceFile};
use likeness_train::loss::ClassificationConfig;
use likeness_train::sampler::{BalancedConfig, SamplerConfig, ShuffledConfig};
use likeness_train::train::history::{self, EpochRecord};
use likeness_train::train::{
    LossConfig, Observer, OptimizerConfig, Outcome, PhaseConfig, RunFolder, StepReport, TrainConfig,
    TrainingFaces, train,
};
use likeness_train::weights::WeightsFile;

const SIDE: u32 = 32;

/// A picture that tells `identity` by its stripes, and `number` by its brightness.
fn face(identity: u32, number: u32) -> RgbImage {
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let stripe = ((x * (identity + 1) + y * (identity % 2)) / 4) % 2;
        let base = 40 + 12 * number as u8;
        Rgb([base + 120 * stripe as u8, base, base + 30 * (identity as u8 % 4)])
    })
}

fn faces(folder: &Path, identities: u32, images: u32) -> Vec<FaceFile> {
    let mut files = Vec::new();
    for identity in 0..identities {
        for number in 0..images {
            let path = folder.join(format!("{identity}_{number}.png"));
            face(identity, number).save(&path).unwrap();
            files.push(FaceFile { path, label: identity });
        }
    }
    files
}

fn training_faces(folder: &Path) -> TrainingFaces {
    let train = faces(folder, 4, 4);
    let other = folder.join("validation");
    fs_err::create_dir(&other).unwrap();
    let identities = (0..4).map(|i| i.to_string()).collect();
    TrainingFaces::of(identities, train, faces(&other, 3, 3))
}

fn config(phases: Vec<PhaseConfig>) -> TrainConfig {
    let mut config =
        TrainConfig::single(Architecture::ResNet18, LossConfig::Classification(Default::default()));
    config.input_px = SIDE;
    config.network.embedding_dim = 32;
    config.augmentation = AugmentConfig::default();
    config.workers = 2;
    config.averaging = 0.9;
    config.phases = phases;
    config
}

fn classification(epochs: u32) -> PhaseConfig {
    let loss = LossConfig::Classification(ClassificationConfig { label_smoothing: 0.0 });
    let sampler = SamplerConfig::Shuffled(ShuffledConfig { batch_size: 8 });
    PhaseConfig { epochs, sampler, ..PhaseConfig::shuffled(loss) }
}

fn triplets(epochs: u32) -> PhaseConfig {
    let sampler = SamplerConfig::Balanced(BalancedConfig {
        identities_per_batch: 4,
        images_per_identity: 2,
        images_per_epoch: 0,
    });
    PhaseConfig { epochs, sampler, ..PhaseConfig::triplet() }
}

/// Remembers what was said, and stops after so many batches.
#[derive(Default)]
struct Witness {
    said: Vec<String>,
    batches: usize,
    stop_after: Option<usize>,
    broken: Option<Vec<usize>>,
}

impl Observer for Witness {
    fn on_step(&mut self, _report: &StepReport) -> ControlFlow<()> {
        self.batches += 1;
        if Some(self.batches) == self.stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn on_epoch(&mut self, _record: &EpochRecord) {}

    fn say(&mut self, message: String) {
        self.said.push(message);
    }

    fn broken_batch(&mut self, batch: &Batch) {
        self.broken = Some(batch.faces.clone());
    }
}

fn run(
    faces: &TrainingFaces,
    config: &TrainConfig,
    folder: &Path,
    witness: &mut Witness,
) -> Result<Outcome, TrainError> {
    fs_err::create_dir_all(folder).unwrap();
    train(faces, config, folder, &Device::flex(), witness)
}

/// A history without what a clock decides.
fn timeless(folder: &Path) -> Vec<EpochRecord> {
    let mut records = history::read(&folder.join("history.jsonl")).unwrap();
    for record in &mut records {
        (record.seconds, record.waiting_seconds) = (0.0, 0.0);
    }
    records
}

#[test]
fn a_network_learns_what_tells_identities_apart() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    let mut config = config(vec![classification(12)]);
    config.augmentation = AugmentConfig::none();
    config.averaging = 0.0;
    let outcome = run(&faces, &config, &folder.path().join("run"), &mut Witness::default()).unwrap();
    assert_eq!((outcome.epochs, outcome.stopped), (12, false));
    let records = timeless(&folder.path().join("run"));
    let (first, last) = (&records[0], &records[11]);
    assert!(last.loss < 0.5 * first.loss, "{} to {}", first.loss, last.loss);
    assert_eq!(last.train_top1, Some(1.0));
    assert!(folder.path().join("run/model/weights.safetensors").is_file());
}

#[test]
fn a_run_taken_up_again_ends_as_one_that_never_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    // The classifier goes on beside the triplets.
    let mut both = triplets(2);
    both.losses.extend(classification(0).losses);
    let config = config(vec![classification(2), both]);
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    run(&faces, &config, &whole, &mut Witness::default()).unwrap();
    // Two batches an epoch: within the second epoch, at the end of the second, within the fourth.
    for stop_after in [3, 3, 3] {
        let mut witness = Witness { stop_after: Some(stop_after), ..Default::default() };
        run(&faces, &config, &broken, &mut witness).unwrap();
    }
    let outcome = run(&faces, &config, &broken, &mut Witness::default()).unwrap();
    assert_eq!(outcome.epochs, 4);
    assert_eq!(timeless(&broken), timeless(&whole));
    assert!(whole.join("phases/1-classification/model.onnx").is_file());
    let kept = |run: &PathBuf, name: &str| fs_err::read(run.join("model").join(name)).unwrap();
    for name in ["weights.safetensors", "model.onnx"] {
        assert!(kept(&broken, name) == kept(&whole, name), "the networks differ");
    }
    let card = |run: &PathBuf| {
        toml::from_str::<toml::Table>(&fs_err::read_to_string(run.join("model/model.toml")).unwrap()).unwrap()
    };
    assert_eq!(card(&broken)["name"].as_str(), Some("broken"));
    assert_eq!(card(&broken)["fingerprint"], card(&whole)["fingerprint"]);
}

#[test]
fn a_loss_that_goes_on_in_the_next_phase_keeps_what_it_learned() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    let mut config =
        config(vec![classification(10), PhaseConfig { learning_rate: 1e-6, ..classification(1) }]);
    config.augmentation = AugmentConfig::none();
    config.averaging = 0.0;
    run(&faces, &config, &folder.path().join("run"), &mut Witness::default()).unwrap();
    let records = timeless(&folder.path().join("run"));
    assert!(records[10].loss < 0.8 * records[0].loss, "{} after {}", records[10].loss, records[0].loss);
    assert_eq!(records[10].train_top1, Some(1.0));
}

#[test]
fn other_faces_or_settings_are_refused_on_resume() {
    let folder = tempfile::tempdir().unwrap();
    let mut faces = training_faces(folder.path());
    let one = config(vec![classification(1)]);
    let place = folder.path().join("run");
    run(&faces, &one, &place, &mut Witness::default()).unwrap();
    let two = config(vec![classification(2)]);
    let refused = run(&faces, &two, &place, &mut Witness::default()).unwrap_err();
    assert!(matches!(refused, TrainError::OtherRun { what: "settings", .. }), "{refused}");
    faces.train[0].label = 3;
    let refused = run(&faces, &one, &place, &mut Witness::default()).unwrap_err();
    assert!(refused.to_string().contains("labels"), "{refused}");
}

#[test]
fn broken_numbers_end_the_run_and_name_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    let mut config = config(vec![classification(30)]);
    // Each step multiplies the weights by 1 − 1000 · 100.
    config.phases[0].learning_rate = 1000.0;
    config.optimizer = OptimizerConfig::Sgd { momentum: 0.0, weight_decay: 100.0 };
    config.clip_norm = None;
    let mut witness = Witness::default();
    let error = run(&faces, &config, &folder.path().join("run"), &mut witness).unwrap_err();
    assert!(matches!(error, TrainError::NotANumber { .. }), "{error}");
    assert!(error.hint().unwrap().contains("learning rate"));
}

#[test]
fn an_unreadable_face_is_counted_and_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    fs_err::write(&faces.train[5].path, b"no picture").unwrap();
    let config = config(vec![classification(1)]);
    run(&faces, &config, &folder.path().join("run"), &mut Witness::default()).unwrap();
    let records = timeless(&folder.path().join("run"));
    assert_eq!((records[0].skipped, records[0].images), (1, 15));
}

/// The faces of each batch of the first epoch.
fn batches(faces: &TrainingFaces, config: &TrainConfig) -> Vec<Vec<usize>> {
    config.phases[0].sampler.build(&faces.labels(), config.seed).unwrap().batches(0)
}

fn spoil<'a>(faces: &TrainingFaces, chosen: impl IntoIterator<Item = &'a usize>) {
    chosen.into_iter().for_each(|&i| fs_err::write(&faces.train[i].path, b"no picture").unwrap());
}

#[test]
fn the_last_step_is_taken_where_the_last_batch_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    let mut config = config(vec![classification(1)]);
    config.accumulate = 2;
    spoil(&faces, &batches(&faces, &config)[1]);
    run(&faces, &config, &folder.path().join("run"), &mut Witness::default()).unwrap();
    let record = &timeless(&folder.path().join("run"))[0];
    assert_eq!((record.images, record.skipped), (8, 8));
    assert!(record.gradient_norm > 0.0 && record.learning_rate > 0.0, "no step was taken: {record:?}");
}

#[test]
fn a_step_follows_the_mean_of_the_batches_that_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    let of = |accumulate: usize| {
        let place = folder.path().join(accumulate.to_string());
        let config = TrainConfig { accumulate, ..config(vec![classification(2)]) };
        run(&faces, &config, &place, &mut Witness::default()).unwrap();
        (timeless(&place), fs_err::read(place.join("model/weights.safetensors")).unwrap())
    };
    // An epoch has two batches, so both make one step of it.
    let (two, many) = (of(2), of(1000));
    assert_eq!(two.0, many.0);
    assert!(two.1 == many.1, "the networks differ");
}

#[test]
fn a_batch_with_one_readable_face_is_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    for (name, phase) in [("shuffled", classification(1)), ("balanced", triplets(1))] {
        let config = config(vec![phase]);
        let first = batches(&faces, &config)[0].clone();
        let alone: Vec<&usize> = first.iter().filter(|i| **i != first[0]).collect();
        let kept: Vec<Vec<u8>> =
            alone.iter().map(|&&i| fs_err::read(&faces.train[i].path).unwrap()).collect();
        spoil(&faces, alone.iter().copied());
        let mut witness = Witness::default();
        run(&faces, &config, &folder.path().join(name), &mut witness).unwrap();
        let record = &timeless(&folder.path().join(name))[0];
        assert!(record.more["batches_left_out"] >= 1.0 && record.loss.is_finite(), "{name}: {record:?}");
        assert!(
            witness.said.iter().any(|said| said.contains("batches left out")),
            "{name}: {:?}",
            witness.said
        );
        for (&&i, bytes) in alone.iter().zip(kept) {
            fs_err::write(&faces.train[i].path, bytes).unwrap();
        }
    }
}

#[test]
fn an_epoch_without_a_readable_face_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    spoil(&faces, &(0..16).collect::<Vec<_>>());
    let error =
        run(&faces, &config(vec![classification(1)]), &folder.path().join("run"), &mut Witness::default());
    assert!(matches!(error, Err(TrainError::NothingReadable { epoch: 1, .. })), "{error:?}");
}

#[test]
fn one_readable_face_of_the_target_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let faces = with_target(folder.path(), training_faces(folder.path()));
    faces.target[1..].iter().for_each(|face| fs_err::write(&face.path, b"no picture").unwrap());
    for method in [
        AdaptationMethod::Dann,
        AdaptationMethod::Coral,
        AdaptationMethod::Clusters,
        AdaptationMethod::Labels,
        AdaptationMethod::AdaBn,
    ] {
        for statistics in [DomainStatistics::Separate, DomainStatistics::Shared] {
            let mut config = adapting(method, vec![classification(1)]);
            config.adaptation.as_mut().unwrap().statistics = statistics;
            let place = folder.path().join(format!("{method:?} {statistics:?}"));
            run(&faces, &config, &place, &mut Witness::default()).unwrap();
            assert!(timeless(&place)[0].loss.is_finite());
        }
    }
}

#[test]
fn two_runs_do_not_train_in_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    let place = folder.path().join("run");
    let first = RunFolder::open(&place).unwrap();
    let refused = run(&faces, &config(vec![classification(1)]), &place, &mut Witness::default()).unwrap_err();
    assert!(refused.to_string().contains("another process is working in this folder"), "{refused}");
    assert!(refused.hint().is_some());
    drop(first);
}

#[test]
fn a_run_that_cannot_begin_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    let weights = folder.path().join("bad.pth");
    fs_err::write(&weights, b"no weights").unwrap();
    let place = folder.path().join("runs/first");
    let config = TrainConfig { weights: Some(weights), ..config(vec![classification(1)]) };
    train(&faces, &config, &place, &Device::flex(), &mut Witness::default()).unwrap_err();
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn a_run_goes_on_without_the_weights_that_it_began_with() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    let first = folder.path().join("first");
    run(&faces, &config(vec![classification(1)]), &first, &mut Witness::default()).unwrap();
    let weights = folder.path().join("weights.safetensors");
    fs_err::copy(first.join("model/weights.safetensors"), &weights).unwrap();
    let config = TrainConfig { weights: Some(weights.clone()), ..config(vec![classification(2)]) };
    let place = folder.path().join("second");
    let mut witness = Witness { stop_after: Some(3), ..Default::default() };
    run(&faces, &config, &place, &mut witness).unwrap();
    fs_err::remove_file(weights).unwrap();
    assert_eq!(run(&faces, &config, &place, &mut Witness::default()).unwrap().epochs, 2);
}

#[test]
fn a_damaged_checkpoint_is_replaced_by_the_one_before_it_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    let (config, place) = (config(vec![classification(3)]), folder.path().join("run"));
    let mut witness = Witness { stop_after: Some(5), ..Default::default() };
    run(&faces, &config, &place, &mut witness).unwrap();
    fs_err::write(place.join("checkpoint/tensors.safetensors"), b"damaged").unwrap();
    let mut witness = Witness { stop_after: Some(1), ..Default::default() };
    run(&faces, &config, &place, &mut witness).unwrap();
    assert!(witness.said.iter().any(|said| said.contains("going on after epoch 1")), "{:?}", witness.said);
    let mut witness = Witness::default();
    assert_eq!(run(&faces, &config, &place, &mut witness).unwrap().epochs, 3);
    assert!(!witness.said.iter().any(|said| said.contains("altered")), "{:?}", witness.said);
}

#[test]
fn a_batch_without_triplets_is_said_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    let mut phase = triplets(1);
    // Of one image each there are no positives.
    phase.sampler = SamplerConfig::Shuffled(ShuffledConfig { batch_size: 2 });
    let mut witness = Witness::default();
    run(&faces, &config(vec![phase]), &folder.path().join("run"), &mut witness).unwrap();
    let records = timeless(&folder.path().join("run"));
    assert!(records[0].batches_without_triplets > 0);
    assert!(records[0].loss.is_finite());
}

#[test]
fn a_checkpoint_that_cannot_be_written_does_not_end_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    let place = folder.path().join("run");
    fs_err::create_dir_all(&place).unwrap();
    // A file where the checkpoint's folder would be begun.
    fs_err::write(place.join("checkpoint.unfinished"), b"in the way").unwrap();
    let mut witness = Witness::default();
    let outcome = run(&faces, &config(vec![classification(2)]), &place, &mut witness).unwrap();
    assert_eq!(outcome.epochs, 2);
    assert!(witness.said.iter().any(|said| said.contains("no checkpoint of epoch 1")), "{:?}", witness.said);
}

#[test]
fn a_teacher_is_imitated() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    let directions: Vec<f32> =
        faces.train.iter().flat_map(|f| (0..4).map(|k| f32::from(u8::from(k == f.label)))).collect();
    let faces = faces.with_teacher(4, directions).unwrap();
    let phase =
        PhaseConfig { losses: PhaseConfig::shuffled(LossConfig::Teacher).losses, ..classification(10) };
    let place = folder.path().join("run");
    run(&faces, &config(vec![phase]), &place, &mut Witness::default()).unwrap();
    let records = timeless(&place);
    assert!(records[9].loss < 0.5 * records[0].loss, "{} to {}", records[0].loss, records[9].loss);
}

/// The faces with a target domain: other identities, dark and with the channels turned around.
fn with_target(folder: &Path, mut faces: TrainingFaces) -> TrainingFaces {
    let target = folder.join("target");
    fs_err::create_dir(&target).unwrap();
    for (identity, number) in (4..7).flat_map(|i| (0..3).map(move |n| (i, n))) {
        let path = target.join(format!("{identity}_{number}.png"));
        let mut picture = face(identity, number);
        picture.pixels_mut().for_each(|p| *p = Rgb([p[2] / 3, p[1] / 3, p[0] / 3]));
        picture.save(&path).unwrap();
        faces.target.push(FaceFile { path, label: 0 });
        faces.target_identities.push(Some(identity));
    }
    faces
}

fn adapting(method: AdaptationMethod, phases: Vec<PhaseConfig>) -> TrainConfig {
    let adaptation = AdaptationConfig { method, hidden: 32, ..AdaptationConfig::default() };
    TrainConfig { adaptation: Some(adaptation), ..config(phases) }
}

#[test]
fn without_reversal_the_domain_classifier_learns_and_with_it_the_strength_grows() {
    let folder = tempfile::tempdir().unwrap();
    let faces = with_target(folder.path(), training_faces(folder.path()));
    let mut config = adapting(AdaptationMethod::Dann, vec![classification(20)]);
    config.augmentation = AugmentConfig::none();
    config.adaptation.as_mut().unwrap().place = AdaptationPlace::Features;
    config.adaptation.as_mut().unwrap().reversal_strength = 0.0;
    let place = folder.path().join("still");
    run(&faces, &config, &place, &mut Witness::default()).unwrap();
    let last = &timeless(&place)[19].more;
    assert!(last["domain_accuracy"] > 0.9, "{last:?}");
    assert_eq!(last["reversal_strength"], 0.0);

    config.adaptation.as_mut().unwrap().reversal_strength = 0.5;
    config.phases[0].epochs = 4;
    let place = folder.path().join("turned");
    run(&faces, &config, &place, &mut Witness::default()).unwrap();
    let strengths: Vec<f64> = timeless(&place).iter().map(|r| r.more["reversal_strength"]).collect();
    assert!(strengths.is_sorted() && strengths[0] < 0.3 && strengths[3] > 0.49, "{strengths:?}");
    assert!(timeless(&place).iter().all(|r| r.loss.is_finite() && r.more["domain_loss"].is_finite()));
}

#[test]
fn an_adapting_run_taken_up_again_ends_as_one_that_never_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let faces = with_target(folder.path(), training_faces(folder.path()));
    for method in [AdaptationMethod::Cdan, AdaptationMethod::Coral, AdaptationMethod::Clusters] {
        let config = adapting(method, vec![classification(1), classification(2)]);
        let [whole, broken] =
            ["whole", "broken"].map(|name| folder.path().join(format!("{name} {method:?}")));
        run(&faces, &config, &whole, &mut Witness::default()).unwrap();
        for stop_after in [3, 3] {
            let mut witness = Witness { stop_after: Some(stop_after), ..Default::default() };
            run(&faces, &config, &broken, &mut witness).unwrap();
        }
        run(&faces, &config, &broken, &mut Witness::default()).unwrap();
        assert_eq!(timeless(&broken), timeless(&whole));
        let kept = |run: &PathBuf| fs_err::read(run.join("model/weights.safetensors")).unwrap();
        assert!(kept(&broken) == kept(&whole), "the networks differ");
    }
}

#[test]
fn groups_of_target_faces_are_learned_from_and_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let mut faces = with_target(folder.path(), training_faces(folder.path()));
    let mut config = adapting(AdaptationMethod::Clusters, vec![classification(3)]);
    config.adaptation.as_mut().unwrap().neighbours = 2;
    let place = folder.path().join("groups");
    run(&faces, &config, &place, &mut Witness::default()).unwrap();
    for record in timeless(&place) {
        assert!(record.more["groups"] >= 2.0 && record.more["groups"] <= 4.0, "{:?}", record.more);
        assert!(record.more["grouped_share"] > 0.5 && record.more["domain_loss"] > 0.0, "{:?}", record.more);
    }
    // Of two faces no groups can be told apart.
    faces.target.truncate(2);
    let mut witness = Witness::default();
    let place = folder.path().join("few");
    run(&faces, &config, &place, &mut witness).unwrap();
    assert!(witness.said.iter().any(|said| said.contains("no groups")), "{:?}", witness.said);
    assert!(timeless(&place).iter().all(|r| r.more.is_empty() && r.loss.is_finite()));
}

#[test]
fn labels_of_the_target_take_the_place_of_groups_where_there_are_some() {
    let folder = tempfile::tempdir().unwrap();
    let mut faces = with_target(folder.path(), training_faces(folder.path()));
    let config = adapting(AdaptationMethod::Labels, vec![classification(2)]);
    let place = folder.path().join("labels");
    run(&faces, &config, &place, &mut Witness::default()).unwrap();
    for record in timeless(&place) {
        assert_eq!((record.more["groups"], record.more["grouped_share"]), (3.0, 1.0));
        assert!(record.more["domain_loss"] > 0.0, "{:?}", record.more);
    }
    faces.target_identities.fill(Some(7));
    let refused = run(&faces, &config, &folder.path().join("one"), &mut Witness::default()).unwrap_err();
    assert!(refused.to_string().contains("fewer than two identities"), "{refused}");
}

#[test]
fn adabn_keeps_the_network_and_beside_it_one_that_differs_in_the_statistics_alone() {
    let folder = tempfile::tempdir().unwrap();
    let faces = with_target(folder.path(), training_faces(folder.path()));
    let (plain, adapted) = (folder.path().join("plain"), folder.path().join("adapted"));
    run(&faces, &config(vec![classification(2)]), &plain, &mut Witness::default()).unwrap();
    let config = adapting(AdaptationMethod::AdaBn, vec![classification(2)]);
    run(&faces, &config, &adapted, &mut Witness::default()).unwrap();
    assert!(timeless(&adapted).iter().all(|r| r.more.is_empty()));
    let weights = |model: PathBuf| WeightsFile::open(&model.join("weights.safetensors")).unwrap();
    assert!(!plain.join("target").exists());
    let (plain, source, target) =
        (weights(plain.join("model")), weights(adapted.join("model")), weights(adapted.join("target")));
    for key in plain.shapes().keys() {
        assert_eq!(plain.read(key).unwrap(), source.read(key).unwrap(), "{key}");
        let same = plain.read(key).unwrap() == target.read(key).unwrap();
        assert_eq!(same, !key.contains("running_"), "{key}");
    }
}

/// Largest difference between the running means of the networks' first normalisation.
fn apart(one: &Path, other: &Path) -> f32 {
    let means = |model: &Path| {
        let file = WeightsFile::open(&model.join("weights.safetensors")).unwrap();
        let key = file.shapes().keys().find(|k| k.ends_with("running_mean")).unwrap().clone();
        file.read(&key).unwrap()
    };
    means(one).iter().zip(means(other)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn domains_are_normalised_apart_or_together() {
    let folder = tempfile::tempdir().unwrap();
    let faces = with_target(folder.path(), training_faces(folder.path()));
    let mut config = adapting(AdaptationMethod::Coral, vec![classification(2)]);
    // Nothing learns, so that statistics are those of the pictures.
    config.phases[0].learning_rate = 1e-12;
    let [plain, separate, shared] = ["plain", "separate", "shared"].map(|name| folder.path().join(name));
    run(&faces, &TrainConfig { adaptation: None, ..config.clone() }, &plain, &mut Witness::default())
        .unwrap();
    run(&faces, &config, &separate, &mut Witness::default()).unwrap();
    config.adaptation.as_mut().unwrap().statistics = DomainStatistics::Shared;
    run(&faces, &config, &shared, &mut Witness::default()).unwrap();
    assert!(!shared.join("target").exists());
    let [plain, shared] = [plain, shared].map(|run| run.join("model"));
    assert!(apart(&plain, &separate.join("model")) < 1e-6, "the source's own");
    assert!(apart(&plain, &shared) > 1e-3, "those of both");
    assert!(apart(&plain, &separate.join("target")) > apart(&plain, &shared), "the target's alone");
}

#[test]
fn cdan_without_a_classifier_and_a_target_without_faces_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let faces = training_faces(folder.path());
    let refused = |faces: &TrainingFaces, config: &TrainConfig| {
        run(faces, config, &folder.path().join("run"), &mut Witness::default()).unwrap_err().to_string()
    };
    let told = refused(&faces, &adapting(AdaptationMethod::Dann, vec![classification(1)]));
    assert!(told.contains("no faces"), "{told}");
    let faces = with_target(folder.path(), faces);
    let told = refused(&faces, &adapting(AdaptationMethod::Cdan, vec![triplets(1)]));
    assert!(told.contains("no classifier"), "{told}");
}
