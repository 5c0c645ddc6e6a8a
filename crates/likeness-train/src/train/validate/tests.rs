//! Every numeric setting, with values that no setting may have.

use super::*;
use crate::adapt::AdaptationConfig;
use crate::loader::FaceFile;
use crate::loss::{ArcFaceConfig, ClassificationConfig, CosFaceConfig, TripletConfig, TripletMargin};
use crate::miner::Miner;

/// Settings with every kind of loss, sampler and adaptation in them.
fn everything() -> TrainConfig {
    let mut config = TrainConfig::triplet(Architecture::ResNet18);
    config.adaptation = Some(AdaptationConfig::default());
    config.patience = Some(3);
    config.rates.insert(Stage::Layer1, 0.5);
    let losses = [
        LossConfig::Classification(ClassificationConfig::default()),
        LossConfig::ArcFace(ArcFaceConfig::default()),
        LossConfig::Triplet {
            miner: Miner::SemiHard { margin: 0.2 },
            triplet: TripletConfig { margin: TripletMargin::Hinge(0.2), ..TripletConfig::default() },
        },
        LossConfig::Triplet { miner: Miner::Random { per_anchor: 4 }, triplet: TripletConfig::default() },
    ];
    config.phases[0].losses.extend(losses.map(|loss| WeightedLoss { weight: 1.0, loss }));
    config
}

type SetFloat = fn(&mut TrainConfig, f32);
type SetCount = fn(&mut TrainConfig, u64);

fn loss(config: &mut TrainConfig, place: usize) -> &mut LossConfig {
    &mut config.phases[0].losses[place].loss
}

/// Setting, how it is set, and whether 0 is refused.
const FLOATS: [(&str, SetFloat, bool); 26] = [
    ("validation_share", |c, v| c.validation_share = v, false),
    ("averaging", |c, v| c.averaging = v, false),
    ("clip_norm", |c, v| c.clip_norm = Some(v), true),
    ("rates.layer1", |c, v| *c.rates.entry(Stage::Layer1).or_default() = v, false),
    ("dropout", |c, v| c.network.dropout = v, false),
    ("batch_norm_epsilon", |c, v| c.network.backbone.batch_norm_epsilon = f64::from(v), true),
    ("stochastic_depth", |c, v| c.network.backbone.stochastic_depth = v, false),
    ("hidden_share", |c, v| c.network.backbone.hidden_share = v, true),
    ("weight_decay", |c, v| c.optimizer = adamw(0.9, 0.999, v), false),
    ("beta1", |c, v| c.optimizer = adamw(v, 0.999, 0.05), false),
    ("beta2", |c, v| c.optimizer = adamw(0.9, v, 0.05), false),
    ("momentum", |c, v| c.optimizer = OptimizerConfig::Sgd { momentum: v, weight_decay: 0.0 }, false),
    ("weight_decay", |c, v| c.optimizer = OptimizerConfig::Sgd { momentum: 0.9, weight_decay: v }, false),
    ("flip", |c, v| c.augmentation.flip = v, false),
    ("adaptation weight", |c, v| adaptation(c).weight = v, true),
    ("reversal_strength", |c, v| adaptation(c).reversal_strength = v, false),
    ("steepness", |c, v| adaptation(c).steepness = v, true),
    ("learning_rate", |c, v| c.phases[1].learning_rate = v, true),
    ("warm_up", |c, v| c.phases[0].schedule.warm_up = v, false),
    ("end", |c, v| c.phases[0].schedule.end = v, false),
    ("weight of cosface", |c, v| c.phases[0].losses[0].weight = v, true),
    ("CosFace", |c, v| *loss(c, 0) = LossConfig::CosFace(CosFaceConfig { scale: v, margin: 0.2 }), true),
    ("CosFace", |c, v| *loss(c, 0) = LossConfig::CosFace(CosFaceConfig { scale: 16.0, margin: v }), false),
    ("label_smoothing", |c, v| *loss(c, 1) = smoothed(v), false),
    (
        "ArcFace",
        |c, v| *loss(c, 2) = LossConfig::ArcFace(ArcFaceConfig { scale: 16.0, margin_rad: v }),
        false,
    ),
    ("margin", |c, v| *loss(c, 3) = triplets(v), true),
];

/// Setting, how it is set, and whether 0 is refused.
const COUNTS: [(&str, SetCount, bool); 16] = [
    ("seed", |c, v| c.seed = v, false),
    ("network.seed", |c, v| c.network.seed = v, false),
    ("input_px", |c, v| c.input_px = v as u32, true),
    ("embedding_dim", |c, v| c.network.embedding_dim = v as usize, true),
    ("accumulate", |c, v| c.accumulate = v as usize, true),
    ("patience", |c, v| c.patience = Some(v as u32), true),
    ("workers", |c, v| c.workers = v as usize, false),
    ("cache_mib", |c, v| c.cache_mib = v as usize, false),
    ("epochs", |c, v| c.phases[1].epochs = v as u32, true),
    ("batch_size", |c, v| c.phases[0].sampler = shuffled(v), true),
    ("identities_per_batch", |c, v| c.phases[1].sampler = balanced([v, 2, 0]), true),
    ("images_per_identity", |c, v| c.phases[1].sampler = balanced([2, v, 0]), true),
    ("images_per_epoch", |c, v| c.phases[1].sampler = balanced([2, 2, v]), false),
    ("hidden", |c, v| adaptation(c).hidden = v as usize, true),
    ("neighbours", |c, v| adaptation(c).neighbours = v as usize, true),
    ("per_anchor", |c, v| *loss(c, 4) = random(v), true),
];

fn adamw(beta1: f32, beta2: f32, weight_decay: f32) -> OptimizerConfig {
    OptimizerConfig::AdamW { beta1, beta2, weight_decay }
}

fn adaptation(config: &mut TrainConfig) -> &mut AdaptationConfig {
    config.adaptation.get_or_insert_default()
}

fn smoothed(label_smoothing: f32) -> LossConfig {
    LossConfig::Classification(ClassificationConfig { label_smoothing })
}

fn triplets(margin: f32) -> LossConfig {
    let triplet = TripletConfig { margin: TripletMargin::Hinge(margin), ..TripletConfig::default() };
    LossConfig::Triplet { miner: Miner::SemiHard { margin }, triplet }
}

fn random(per_anchor: u64) -> LossConfig {
    let miner = Miner::Random { per_anchor: per_anchor as usize };
    LossConfig::Triplet { miner, triplet: TripletConfig::default() }
}

fn shuffled(batch_size: u64) -> SamplerConfig {
    SamplerConfig::Shuffled(crate::sampler::ShuffledConfig { batch_size: batch_size as usize })
}

fn balanced([p, k, images]: [u64; 3]) -> SamplerConfig {
    SamplerConfig::Balanced(BalancedConfig {
        identities_per_batch: p as usize,
        images_per_identity: k as usize,
        images_per_epoch: images as usize,
    })
}

fn told(change: impl FnOnce(&mut TrainConfig)) -> Result<()> {
    let mut config = everything();
    change(&mut config);
    config.validate()
}

#[test]
fn the_settings_of_the_table_are_allowed_themselves() {
    everything().validate().unwrap();
}

#[test]
fn every_number_out_of_range_is_refused_by_the_name_of_its_setting() {
    for (setting, set, refuses_zero) in FLOATS {
        let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, -f32::MIN_POSITIVE, 1e30, f32::MAX];
        for value in values.into_iter().chain(refuses_zero.then_some(0.0)) {
            let refused = told(|c| set(c, value));
            let refused = refused.expect_err(&format!("{setting} = {value} was accepted")).to_string();
            assert!(
                refused.contains(setting) && refused.contains("expected"),
                "{setting} = {value}: {refused}"
            );
        }
        if !refuses_zero {
            told(|c| set(c, 0.0)).unwrap_or_else(|error| panic!("{setting} = 0: {error}"));
        }
    }
    for (setting, set, refuses_zero) in COUNTS {
        let most = if setting.contains("seed") { u64::MAX } else { u64::from(u32::MAX) };
        for value in [most].into_iter().chain(refuses_zero.then_some(0)) {
            let refused = told(|c| set(c, value));
            let refused = refused.expect_err(&format!("{setting} = {value} was accepted")).to_string();
            assert!(
                refused.contains(setting) && refused.contains("expected"),
                "{setting} = {value}: {refused}"
            );
        }
        if !refuses_zero {
            told(|c| set(c, 0)).unwrap_or_else(|error| panic!("{setting} = 0: {error}"));
        }
    }
}

#[test]
fn a_phase_that_the_range_is_of_is_named() {
    let refused = told(|c| c.phases[1].learning_rate = f32::NAN).unwrap_err().to_string();
    assert_eq!(refused, "phase triplet: learning_rate NaN: expected more than 0 and at most 1000");
}

#[test]
fn a_batch_of_one_face_is_refused_where_statistics_are_of_the_batch() {
    let mut config = TrainConfig::single(Architecture::ResNet18, smoothed(0.0));
    config.phases[0].sampler = shuffled(1);
    let refused = config.validate().unwrap_err().to_string();
    assert!(refused.contains("phase classification: batch_size 1"), "{refused}");
    config.freeze_statistics = Stage::ALL.to_vec();
    config.validate().unwrap();
    config.freeze_statistics.retain(|stage| *stage != Stage::Head);
    assert!(config.validate().is_err(), "the head's normalisation");
    config.freeze = vec![Stage::Head];
    config.validate().unwrap();
}

/// Faces of identities with so many images each.
fn faces(images: &[u32]) -> TrainingFaces {
    let of = |(label, count): (usize, &u32)| {
        (0..*count).map(move |i| FaceFile { path: format!("{label}-{i}").into(), label: label as u32 })
    };
    let train = images.iter().enumerate().flat_map(of).collect();
    TrainingFaces::of((0..images.len()).map(|i| i.to_string()).collect(), train, Vec::new())
}

#[test]
fn too_few_identities_for_a_later_phase_are_refused_with_the_phase() {
    let config = TrainConfig::triplet(Architecture::ResNet18);
    let refused = config.check_faces(&faces(&[4; 5])).unwrap_err();
    assert_eq!(refused.to_string(), "phase triplet: batches of 8 identities, but there are 5");
    assert!(refused.hint().unwrap().contains("--identities-per-batch 5"), "{refused:?}");
    config.check_faces(&faces(&[4; 8])).unwrap();
}

#[test]
fn a_default_shrinks_to_the_identities_that_there_are() {
    let mut config = TrainConfig::triplet(Architecture::ResNet18);
    let changes = config.fit_to(&faces(&[4; 5]));
    assert_eq!(changes.len(), 1);
    assert!(changes[0].contains("batches of 5 identities instead of 8"), "{changes:?}");
    config.check_faces(&faces(&[4; 5])).unwrap();
    assert!(config.fit_to(&faces(&[4; 9])).is_empty());
}

#[test]
fn triplets_need_two_identities_with_two_images() {
    let mut config = TrainConfig::triplet(Architecture::ResNet18);
    config.fit_to(&faces(&[5, 1, 1]));
    let refused = config.check_faces(&faces(&[5, 1, 1])).unwrap_err().to_string();
    assert!(
        refused.contains("phase triplet: triplets need 2 identities with 2 images or more each, found 1")
    );
    config.check_faces(&faces(&[5, 2, 1])).unwrap();
    let classification = TrainConfig::single(Architecture::ResNet18, smoothed(0.1));
    classification.check_faces(&faces(&[5, 1, 1])).unwrap();
}

#[test]
fn losses_that_lack_a_teacher_or_a_classifier_are_refused_before_the_first_phase() {
    let mut config = TrainConfig::triplet(Architecture::ResNet18);
    let few = faces(&[4; 8]);
    config.phases[1].losses.push(WeightedLoss { weight: 1.0, loss: LossConfig::Teacher });
    let refused = config.check_teacher(&few).unwrap_err().to_string();
    assert!(refused.contains("a loss asks for a teacher"), "{refused}");
    let mut config = TrainConfig::triplet(Architecture::ResNet18);
    config.adaptation = Some(AdaptationConfig { method: AdaptationMethod::Cdan, ..Default::default() });
    let refused = config.check_faces(&few).unwrap_err().to_string();
    assert!(refused.contains("phase triplet: cdan needs"), "{refused}");
}
