//! Calibrates thresholds on simulated people and measures them on others.
#![allow(clippy::unwrap_used)]

use likeness_search::calibrate::{
    CalibrateConfig, Reading, Target, calibrate, calibrate_pairs, check, influence, required_fmr,
};
use likeness_search::verification::{PairConfig, PairStatistics};
use likeness_search::{Distance, EmbeddingTable, Measured, ModelTag, Row};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// Images of simulated people.
fn people(seed: u64, identities: usize, images: usize) -> EmbeddingTable {
    let (mut random, dim) = (Pcg64::seed_from_u64(seed), 16);
    let mut normal = || (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0;
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for identity in 0..identities {
        let centre: Vec<f32> = (0..dim).map(|_| normal()).collect();
        for image in 0..images {
            let name = format!("{identity}_{image}.jpg");
            rows.push(Row { identity: Some(format!("{seed}_{identity}")), ..Row::new(name) });
            values.extend(centre.iter().map(|centre| centre + 0.4 * normal()));
        }
    }
    EmbeddingTable::new(ModelTag::new("toy", "", dim, Distance::Cosine), rows, values).unwrap()
}

#[test]
fn thresholds_hold_for_other_people() {
    let mut as_asked = 0;
    for seed in 0..10 {
        let calibration = calibrate(&people(seed, 120, 8), &CalibrateConfig::default()).unwrap();
        let measured = PairStatistics::new(&people(100 + seed, 120, 8), &PairConfig::default()).unwrap();
        let checked = check(&calibration.to_thresholds(), &measured);
        assert_eq!(checked.len(), 3, "456,960 pairs support 1e-4 but not 1e-5");
        assert!(matches!(calibration.thresholds[3].outcome, Measured::InsufficientData { .. }));
        as_asked += checked.iter().filter(|checked| checked.reading == Reading::AsAsked).count();
    }
    // Thresholds vary, too, so that fewer than 95 % of 30 rates lie in their intervals.
    assert!(as_asked >= 22, "{as_asked}");
}

#[test]
fn a_calibrated_threshold_has_at_most_the_asked_rate() {
    let calibration = calibrate(&people(1, 60, 6), &CalibrateConfig::default()).unwrap();
    let rates = calibration.thresholds.iter().filter_map(|calibrated| calibrated.outcome.value());
    for (value, asked) in rates.zip([1e-2, 1e-3, 1e-4]) {
        let rate = value.false_match_rate.unwrap();
        assert!(
            rate.rate <= asked && rate.rate > 0.5 * asked && rate.interval.contains(rate.rate),
            "{rate:?}"
        );
        assert!(value.growth.is_sorted_by(|a, b| a.gallery < b.gallery && a.fpir <= b.fpir));
    }
}

#[test]
fn wrong_labels_make_thresholds_stricter() {
    let table = people(3, 80, 6);
    let mut rows = table.rows().to_vec();
    let wrong: Vec<usize> = (0..rows.len()).step_by(96).collect();
    for &row in &wrong {
        rows[row].identity = Some("3_79".into());
    }
    let table = EmbeddingTable::new(table.model().clone(), rows, table.embeddings().to_vec()).unwrap();
    let found = influence(&table, &wrong, &CalibrateConfig::default()).unwrap();
    assert_eq!((found.left_out, found.moves.len()), (wrong.len(), 3));
    let strict = &found.moves[2];
    assert_eq!(strict.asked, Target::Fmr(1e-4));
    assert!(strict.without > 1.2 * strict.with, "{strict:?}");
    assert!(strict.rate_without.unwrap().rate < 0.5e-4, "{strict:?}");
    assert!(found.moves[0].without < 1.05 * found.moves[0].with, "few labels do not move high rates");
}

#[test]
fn a_rate_of_searches_becomes_a_rate_of_pairs() {
    let table = people(5, 60, 6);
    let pairs = PairStatistics::new(&table, &PairConfig::default()).unwrap();
    let asked = Target::Fpir { rate: 0.1, gallery: 360 };
    let found = calibrate_pairs(&pairs, &[asked]).unwrap();
    assert_eq!(found.thresholds[0].fmr, required_fmr(0.1, 360));
    assert!((found.thresholds[0].fmr - 2.93e-4).abs() < 1e-6);
    assert!(found.thresholds[0].outcome.value().is_some());
}

#[test]
fn bad_targets_and_too_few_people_are_refused() {
    let table = people(6, 4, 3);
    let refused = |target| {
        let config = CalibrateConfig { targets: vec![target], ..CalibrateConfig::default() };
        calibrate(&table, &config).unwrap_err().to_string()
    };
    assert_eq!(refused(Target::Fmr(0.0)), "fmr: expected a rate between 0 and 1, found 0");
    assert!(refused(Target::Fmr(f64::NAN)).contains("found NaN"));
    assert!(refused(Target::Fpir { rate: 1.0, gallery: 5 }).starts_with("fpir: expected a rate"));
    assert!(refused(Target::Fpir { rate: 0.1, gallery: 0 }).contains("at least one image"));
    let one = people(6, 1, 3);
    let message = calibrate(&one, &CalibrateConfig::default()).unwrap_err().to_string();
    assert_eq!(message, "calibration: expected images of at least two identities, found 1 in 3 images");
}

#[test]
fn constant_embeddings_have_no_threshold() {
    let table = people(7, 30, 4);
    let constant = vec![1.0; table.embeddings().len()];
    let table = EmbeddingTable::new(table.model().clone(), table.rows().to_vec(), constant).unwrap();
    let found = calibrate(&table, &CalibrateConfig::default()).unwrap();
    let value = found.thresholds[0].outcome.value().unwrap();
    assert_eq!((value.threshold, value.false_match_rate), (None, None));
    assert_eq!(value.false_non_match_rate.unwrap().rate, 1.0);
    assert!(found.to_thresholds().is_empty());
}
