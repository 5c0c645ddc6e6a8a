use burn::tensor::Device;
use proptest::prelude::*;
use rand::Rng;

use super::*;
use crate::miner::{LabelledDistances, Miner};
use likeness_data::seed::{TrainingPurpose, training_stream};

const DISTANCES: [EmbeddingDistance; 3] =
    [EmbeddingDistance::SquaredEuclidean, EmbeddingDistance::Euclidean, EmbeddingDistance::Cosine];

fn embeddings(batch: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut numbers = training_stream(seed, TrainingPurpose::Parameters, &[]);
    (0..batch * dim).map(|_| (numbers.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
}

/// The loss, its gradient with respect to the embeddings, and the numbers, for the miner's triplets.
fn run(
    config: &TripletConfig,
    values: &[f32],
    labels: &[u32],
    miner: Miner,
) -> (f32, Vec<f32>, TripletStatistics, Triplets) {
    let shape = [labels.len(), values.len() / labels.len()];
    let device = Device::flex().autodiff();
    let leaf = Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), &device).require_grad();
    let matrix = config.distance.matrix(leaf.clone());
    let batch = LabelledDistances::new(matrix.values(), labels).unwrap();
    let triplets = miner.mine(&batch, &mut training_stream(0, TrainingPurpose::Mining, &[]));
    let output = config.forward(&matrix, &triplets);
    let gradients = output.loss.backward();
    let gradient = leaf.grad(&gradients).unwrap().into_data().try_into_vec().unwrap();
    (output.loss.into_scalar(), gradient, output.statistics, triplets)
}

/// Slow twin of the loss: triplet by triplet, in f64.
fn twin(config: &TripletConfig, values: &[f32], batch: usize, triplets: &Triplets) -> f64 {
    let dim = values.len() / batch;
    let distance = match config.distance {
        EmbeddingDistance::SquaredEuclidean => likeness_search::Distance::SquaredEuclidean,
        EmbeddingDistance::Euclidean => likeness_search::Distance::Euclidean,
        EmbeddingDistance::Cosine => likeness_search::Distance::Cosine,
    };
    let row = |i: u32| &values[i as usize * dim..][..dim];
    let (mut sum, mut active) = (0.0, 0);
    for (a, p, n) in triplets.iter() {
        let difference = distance.between(row(a), row(p)) - distance.between(row(a), row(n));
        let loss = match config.margin {
            TripletMargin::Hinge(margin) => (difference + f64::from(margin)).max(0.0),
            TripletMargin::Soft => difference.exp().ln_1p(),
        };
        sum += loss;
        active += usize::from(loss > 0.0);
    }
    match config.reduction {
        TripletReduction::MeanActive => sum / active.max(1) as f64,
        TripletReduction::MeanAll => sum / triplets.len().max(1) as f64,
    }
}

fn configs() -> Vec<TripletConfig> {
    let mut all = Vec::new();
    for distance in DISTANCES {
        for margin in [TripletMargin::Hinge(0.2), TripletMargin::Hinge(0.0), TripletMargin::Soft] {
            for reduction in [TripletReduction::MeanActive, TripletReduction::MeanAll] {
                all.push(TripletConfig { margin, distance, reduction });
            }
        }
    }
    all
}

#[test]
fn the_loss_equals_the_slow_twin() {
    let labels = [0, 1, 0, 2, 2, 1, 0, 3];
    let values = embeddings(labels.len(), 5, 1);
    for config in configs() {
        for miner in [Miner::All, Miner::BatchHard] {
            let (loss, _, statistics, triplets) = run(&config, &values, &labels, miner);
            let expected = twin(&config, &values, labels.len(), &triplets);
            assert!((f64::from(loss) - expected).abs() < 1e-5, "{config:?} {miner:?}: {loss}, {expected}");
            assert_eq!(statistics.triplets, triplets.len());
        }
    }
}

#[test]
fn gradients_equal_finite_differences() {
    let labels = [0, 0, 1, 1, 2];
    let values = embeddings(labels.len(), 4, 7);
    for config in configs() {
        let (_, gradient, _, triplets) = run(&config, &values, &labels, Miner::All);
        for (i, found) in gradient.iter().enumerate() {
            let moved = |by: f32| {
                let mut values = values.clone();
                values[i] += by;
                twin(&config, &values, labels.len(), &triplets)
            };
            let step = 1e-3;
            let expected = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            assert!((f64::from(*found) - expected).abs() < 2e-3, "{config:?} {i}: {found}, {expected}");
        }
    }
}

/// Three images on a line at 0, 1 and 3: the second anchors differ in what is active.
#[test]
fn reductions_and_statistics_by_hand() {
    let config = TripletConfig { margin: TripletMargin::Hinge(2.0), ..TripletConfig::default() };
    // d(0,1) = 1, d(0,2) = 9, d(1,2) = 4; margins: 1 − 9 + 2 < 0 and 1 − 4 + 2 < 0; nothing is active.
    let (loss, gradient, statistics, _) = run(&config, &[0.0, 1.0, 3.0], &[0, 0, 1], Miner::All);
    assert_eq!((loss, statistics.active_share, statistics.triplets), (0.0, 0.0, 2));
    assert_eq!((statistics.mean_positive_distance, statistics.mean_negative_distance), (1.0, 6.5));
    assert!(gradient.iter().all(|g| *g == 0.0));
    // A margin of 4 leaves the second triplet with 1 − 4 + 4 = 1, the first with 0.
    let config = TripletConfig { margin: TripletMargin::Hinge(4.0), ..config };
    let (loss, _, statistics, _) = run(&config, &[0.0, 1.0, 3.0], &[0, 0, 1], Miner::All);
    assert_eq!((loss, statistics.active_share), (1.0, 0.5));
    let config = TripletConfig { reduction: TripletReduction::MeanAll, ..config };
    assert_eq!(run(&config, &[0.0, 1.0, 3.0], &[0, 0, 1], Miner::All).0, 0.5);
}

#[test]
fn margins_out_of_range_are_refused() {
    for margin in [-0.1, f32::NAN, f32::INFINITY] {
        let config = TripletConfig { margin: TripletMargin::Hinge(margin), ..TripletConfig::default() };
        assert!(config.validate().is_err());
    }
    assert!(TripletConfig::default().validate().is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn one_identity_gives_zero_and_finite_gradients(batch in 1usize..6, seed in 0u64..100, collapsed: bool) {
        let values = if collapsed { vec![0.5; batch * 3] } else { embeddings(batch, 3, seed) };
        for config in configs() {
            let (loss, gradient, statistics, _) = run(&config, &values, &vec![7; batch], Miner::BatchHard);
            prop_assert_eq!((loss, statistics), (0.0, TripletStatistics::default()));
            prop_assert!(gradient.iter().all(|g| *g == 0.0), "{:?}", gradient);
        }
    }

    #[test]
    fn collapsed_embeddings_give_finite_gradients(seed in 0u64..100) {
        let row = embeddings(1, 4, seed);
        for config in configs() {
            let (loss, gradient, ..) = run(&config, &row.repeat(4), &[0, 0, 1, 1], Miner::All);
            prop_assert!(loss.is_finite() && gradient.iter().all(|g| g.is_finite()), "{:?}", config);
        }
    }

    #[test]
    fn permuting_the_batch_permutes_the_gradients(seed in 0u64..100, shift in 1usize..8) {
        let labels = [0u32, 1, 0, 2, 2, 1, 0, 1];
        let (batch, dim) = (labels.len(), 3);
        let values = embeddings(batch, dim, seed);
        let place = |i: usize| (3 * i + shift) % batch;
        let moved_labels: Vec<u32> = (0..batch).map(|i| labels[place(i)]).collect();
        let moved: Vec<f32> = (0..batch).flat_map(|i| values[place(i) * dim..][..dim].to_vec()).collect();
        for config in configs() {
            let (loss, gradient, ..) = run(&config, &values, &labels, Miner::All);
            let (moved_loss, moved_gradient, ..) = run(&config, &moved, &moved_labels, Miner::All);
            prop_assert!((loss - moved_loss).abs() < 1e-5);
            for i in 0..batch {
                for k in 0..dim {
                    let (g, m) = (gradient[place(i) * dim + k], moved_gradient[i * dim + k]);
                    prop_assert!((g - m).abs() < 1e-4, "{} {}", g, m);
                }
            }
        }
    }
}
