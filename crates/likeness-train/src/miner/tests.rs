use proptest::prelude::*;

use super::*;
use likeness_data::seed::{TrainingPurpose, training_stream};

/// Reference implementation: tests every triplet with one rule.
fn twin(distances: &[f32], labels: &[u32], miner: Miner) -> Vec<(u32, u32, u32)> {
    let n = labels.len();
    let d = |a: usize, b: usize| distances[a * n + b];
    let mut valid = Vec::new();
    for a in 0..n {
        for p in 0..n {
            for q in 0..n {
                if a != p && labels[a] == labels[p] && labels[a] != labels[q] {
                    valid.push((a, p, q));
                }
            }
        }
    }
    // A triplet is chosen if no other of the same anchor is preferred.
    let stands = |&(a, p, q): &(usize, usize, usize)| {
        let rivals = || valid.iter().filter(move |t| t.0 == a);
        match miner {
            Miner::All => true,
            Miner::BatchHard => rivals().all(|t| d(a, t.1) <= d(a, p) && d(a, t.2) >= d(a, q)),
            Miner::SemiHard { margin } => d(a, q) - d(a, p) > 0.0 && d(a, q) - d(a, p) <= margin,
            Miner::EasyPositive { negative } => {
                let counts = |t: usize| negative == EasyPositiveNegative::Hard || d(a, t) > d(a, p);
                counts(q) && rivals().all(|t| d(a, t.1) >= d(a, p) && (!counts(t.2) || d(a, t.2) >= d(a, q)))
            }
            Miner::Random { .. } => unreachable!("chance has no twin"),
        }
    };
    valid.iter().filter(|t| stands(t)).map(|t| (t.0 as u32, t.1 as u32, t.2 as u32)).collect()
}

const DETERMINED: [Miner; 5] = [
    Miner::All,
    Miner::BatchHard,
    Miner::SemiHard { margin: 0.2 },
    Miner::EasyPositive { negative: EasyPositiveNegative::Hard },
    Miner::EasyPositive { negative: EasyPositiveNegative::SemiHard },
];

/// Symmetric distances without ties between `labels`, from a seed.
fn distances(batch: usize, seed: u64) -> Vec<f32> {
    let mut numbers = training_stream(seed, TrainingPurpose::Mining, &[batch as u64]);
    let mut order: Vec<usize> = (0..batch * batch).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, (numbers.next_u64() % (i as u64 + 1)) as usize);
    }
    let mut distances = vec![0.0; batch * batch];
    for a in 0..batch {
        for b in 0..a {
            let d = (order[a * batch + b] + 1) as f32 / (batch * batch) as f32;
            (distances[a * batch + b], distances[b * batch + a]) = (d, d);
        }
    }
    distances
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn miners_equal_the_slow_twin(labels in prop::collection::vec(0u32..4, 0..12), seed in 0u64..1000) {
        let distances = distances(labels.len(), seed);
        let batch = LabelledDistances::new(&distances, &labels).unwrap();
        for miner in DETERMINED {
            let found: Vec<_> = miner.mine(&batch, &mut training_stream(0, TrainingPurpose::Mining, &[])).iter().collect();
            prop_assert_eq!(&found, &twin(&distances, &labels, miner), "{:?}", miner);
        }
    }

    #[test]
    fn random_triplets_are_valid_seeded_and_as_many_as_asked(
        labels in prop::collection::vec(0u32..4, 0..12), seed in 0u64..1000, per_anchor in 1usize..5,
    ) {
        let distances = vec![0.5; labels.len() * labels.len()];
        let batch = LabelledDistances::new(&distances, &labels).unwrap();
        let draw = |seed| Miner::Random { per_anchor }.mine(&batch, &mut training_stream(seed, TrainingPurpose::Mining, &[1]));
        let found = draw(seed);
        prop_assert_eq!(&found, &draw(seed));
        let valid = twin(&distances, &labels, Miner::All);
        prop_assert!(found.iter().all(|t| valid.contains(&t)));
        let mut anchors: Vec<u32> = valid.iter().map(|t| t.0).collect();
        anchors.dedup();
        prop_assert_eq!(found.len(), anchors.len() * per_anchor);
    }
}

#[test]
fn a_batch_without_triplets_gives_none() {
    for labels in [vec![], vec![3], vec![3, 3, 3], vec![1, 2, 3]] {
        let distances = vec![f32::NAN; labels.len() * labels.len()];
        let batch = LabelledDistances::new(&distances, &labels).unwrap();
        for miner in DETERMINED.into_iter().chain([Miner::Random { per_anchor: 2 }]) {
            assert!(
                miner.mine(&batch, &mut training_stream(0, TrainingPurpose::Mining, &[])).is_empty(),
                "{miner:?} {labels:?}"
            );
        }
    }
}

#[test]
fn ties_go_to_the_first() {
    let distances = [0.5f32; 16];
    let batch = LabelledDistances::new(&distances, &[0, 0, 0, 1]).unwrap();
    let found = Miner::BatchHard.mine(&batch, &mut training_stream(0, TrainingPurpose::Mining, &[]));
    assert_eq!(found.iter().collect::<Vec<_>>(), [(0, 1, 3), (1, 0, 3), (2, 0, 3)]);
}

#[test]
fn random_reaches_every_triplet() {
    let labels = [0, 0, 0, 1, 1, 2];
    let distances = [0.1f32; 36];
    let batch = LabelledDistances::new(&distances, &labels).unwrap();
    let found =
        Miner::Random { per_anchor: 200 }.mine(&batch, &mut training_stream(5, TrainingPurpose::Mining, &[]));
    let found: Vec<_> = found.iter().collect();
    assert!(twin(&distances, &labels, Miner::All).iter().all(|t| found.contains(t)));
}

#[test]
fn wrong_settings_and_lengths_are_refused() {
    assert!(Miner::SemiHard { margin: 0.0 }.validate().is_err());
    assert!(Miner::SemiHard { margin: f32::NAN }.validate().is_err());
    assert!(Miner::Random { per_anchor: 0 }.validate().is_err());
    assert!(Miner::default().validate().is_ok());
    assert!(LabelledDistances::new(&[0.0; 3], &[1, 2]).is_err());
}

#[test]
fn miners_read_as_toml() {
    #[derive(serde::Deserialize)]
    struct Run {
        miner: Miner,
    }
    for (text, expected) in [
        ("miner = \"batch-hard\"", Miner::BatchHard),
        ("miner = { semi-hard = { margin = 0.3 } }", Miner::SemiHard { margin: 0.3 }),
        (
            "miner = { easy-positive = { negative = \"hard\" } }",
            Miner::EasyPositive { negative: EasyPositiveNegative::Hard },
        ),
        ("miner = { random = { per_anchor = 3 } }", Miner::Random { per_anchor: 3 }),
    ] {
        assert_eq!(toml::from_str::<Run>(text).unwrap().miner, expected, "{text}");
    }
}
