//! Losses and miners against pytorch-metric-learning; see `tests/golden/metric_learning/README.md`.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use burn::module::Param;
use burn::tensor::{Device, Int, Tensor, TensorData};
use likeness_data::seed::{TrainingPurpose, training_stream};
use likeness_train::loss::{
    ArcFaceConfig, ClassificationConfig, CosFaceConfig, EmbeddingDistance, TripletConfig, TripletMargin,
    TripletReduction,
};
use likeness_train::miner::{EasyPositiveNegative, LabelledDistances, Miner};
use serde::Deserialize;

#[derive(Deserialize)]
struct Batch {
    dim: usize,
    labels: Vec<u32>,
    embeddings: Vec<f32>,
    triplet: Vec<TripletCase>,
    miners: Vec<MinerCase>,
    margin: Vec<MarginCase>,
    classification: Vec<ClassificationCase>,
}

#[derive(Deserialize)]
struct TripletCase {
    distance: EmbeddingDistance,
    margin: Option<f32>,
    reduction: TripletReduction,
    loss: f64,
    gradient: Vec<f64>,
}

#[derive(Deserialize)]
struct MinerCase {
    distance: EmbeddingDistance,
    miner: String,
    triplets: Vec<(u32, u32, u32)>,
}

#[derive(Deserialize)]
struct MarginCase {
    loss_function: String,
    scale: f32,
    margin: f32,
    weight: Vec<f32>,
    loss: f64,
    gradient: Vec<f64>,
    weight_gradient: Vec<f64>,
}

#[derive(Deserialize)]
struct ClassificationCase {
    smoothing: f32,
    loss: f64,
    gradient: Vec<f64>,
}

fn batches() -> Vec<Batch> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/metric_learning/expected.json");
    serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

impl Batch {
    fn leaf(&self) -> Tensor<2> {
        let data = TensorData::new(self.embeddings.clone(), [self.labels.len(), self.dim]);
        Tensor::from_data(data, &Device::flex().autodiff()).require_grad()
    }

    fn labels(&self, modulo: u32) -> Tensor<1, Int> {
        let labels: Vec<i64> = self.labels.iter().map(|l| i64::from(l % modulo)).collect();
        let count = labels.len();
        Tensor::from_data(TensorData::new(labels, [count]), &Device::flex().autodiff())
    }

    fn mine(&self, distance: EmbeddingDistance, miner: Miner) -> Vec<(u32, u32, u32)> {
        let matrix = distance.matrix(self.leaf());
        let batch = LabelledDistances::new(matrix.values(), &self.labels).unwrap();
        miner.mine(&batch, &mut training_stream(0, TrainingPurpose::Mining, &[])).iter().collect()
    }
}

fn check_loss(what: &str, found: Tensor<1>, expected: f64) {
    let found = f64::from(found.into_scalar::<f32>());
    assert!(
        (found - expected).abs() <= 1e-4 * (1.0 + expected.abs()),
        "{what}: {found}, expected {expected}"
    );
}

fn check_gradient(what: &str, found: Tensor<2>, expected: &[f64]) {
    let found = found.into_data().try_into_vec::<f32>().unwrap();
    assert_eq!(found.len(), expected.len(), "{what}");
    let tolerance = 2e-4 * (1.0 + expected.iter().fold(0.0f64, |m, v| m.max(v.abs())));
    for (f, e) in found.iter().zip(expected) {
        assert!((f64::from(*f) - e).abs() <= tolerance, "{what}: {f}, expected {e}");
    }
}

#[test]
fn triplet_losses_and_gradients() {
    for (i, batch) in batches().iter().enumerate() {
        for case in &batch.triplet {
            let margin = case.margin.map_or(TripletMargin::Soft, TripletMargin::Hinge);
            let config = TripletConfig { margin, distance: case.distance, reduction: case.reduction };
            let what = format!("batch {i}, {config:?}");
            let leaf = batch.leaf();
            let matrix = config.distance.matrix(leaf.clone());
            let labelled = LabelledDistances::new(matrix.values(), &batch.labels).unwrap();
            let triplets = Miner::All.mine(&labelled, &mut training_stream(0, TrainingPurpose::Mining, &[]));
            let loss = config.forward(&matrix, &triplets).loss;
            let gradients = loss.backward();
            check_loss(&what, loss, case.loss);
            check_gradient(&what, leaf.grad(&gradients).unwrap(), &case.gradient);
        }
    }
}

#[test]
fn margin_losses_and_gradients() {
    for (i, batch) in batches().iter().enumerate() {
        for case in &batch.margin {
            let (scale, margin) = (case.scale, case.margin);
            let what = format!("batch {i}, {} {scale} {margin}", case.loss_function);
            let classes = case.weight.len() / batch.dim;
            let device = Device::flex().autodiff();
            let data = TensorData::new(case.weight.clone(), [classes, batch.dim]);
            let weight = Param::from_tensor(Tensor::<2>::from_data(data, &device));
            let (leaf, labels) = (batch.leaf(), batch.labels(u32::MAX));
            let (output, weight) = match case.loss_function.as_str() {
                "arcface" => {
                    let config = ArcFaceConfig { scale, margin_rad: margin };
                    let mut loss = config.init(classes, batch.dim, 0, &device).unwrap();
                    loss.classes.weight = weight;
                    (loss.forward(leaf.clone(), labels), loss.classes.weight.val())
                }
                _ => {
                    let mut loss =
                        CosFaceConfig { scale, margin }.init(classes, batch.dim, 0, &device).unwrap();
                    loss.classes.weight = weight;
                    (loss.forward(leaf.clone(), labels), loss.classes.weight.val())
                }
            };
            let gradients = output.loss.backward();
            check_loss(&what, output.loss, case.loss);
            check_gradient(&what, leaf.grad(&gradients).unwrap(), &case.gradient);
            check_gradient(&what, weight.grad(&gradients).unwrap(), &case.weight_gradient);
        }
    }
}

#[test]
fn classification_losses_and_gradients() {
    for (i, batch) in batches().iter().enumerate() {
        for case in &batch.classification {
            let what = format!("batch {i}, smoothing {}", case.smoothing);
            let leaf = batch.leaf();
            let config = ClassificationConfig { label_smoothing: case.smoothing };
            let loss = config.forward(leaf.clone().mul_scalar(3.0), batch.labels(batch.dim as u32));
            let gradients = loss.backward();
            check_loss(&what, loss, case.loss);
            check_gradient(&what, leaf.grad(&gradients).unwrap(), &case.gradient);
        }
    }
}

#[test]
fn miners_choose_the_same_triplets() {
    let mut seen = 0;
    for (i, batch) in batches().iter().enumerate() {
        for case in &batch.miners {
            let miner = match case.miner.as_str() {
                "all" => Miner::All,
                "batch-hard" => Miner::BatchHard,
                "semi-hard" => Miner::SemiHard { margin: 0.2 },
                "easy-positive-hard" => Miner::EasyPositive { negative: EasyPositiveNegative::Hard },
                "easy-positive-semi-hard" => Miner::EasyPositive { negative: EasyPositiveNegative::SemiHard },
                other => panic!("miner {other} of the golden file is unknown"),
            };
            let mut found = batch.mine(case.distance, miner);
            found.sort_unstable();
            assert_eq!(found, case.triplets, "batch {i}, {:?} {miner:?}", case.distance);
            seen += found.len();
        }
    }
    assert!(seen > 1000, "the golden file has {seen} triplets");
}
