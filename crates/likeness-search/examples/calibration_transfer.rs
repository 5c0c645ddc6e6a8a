//! Calibrates on the training identities of an embeddings file and measures the thresholds on its test identities.
//!
//! Run: `cargo run --release -p likeness-search --example calibration_transfer FILE [RESAMPLES]`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use likeness_search::calibrate::{CalibrateConfig, Target, calibrate, check};
use likeness_search::identification::{
    REPORTED_FPIRS, SearchConfig, SearchStatistics, fnir_at_fpir, measured_growth,
};
use likeness_search::verification::{
    PairConfig, PairStatistics, area_under_roc, equal_error_rate, true_accept_rates,
};
use likeness_search::{EmbeddingTable, Interval, Row};

fn main() {
    let path = std::env::args().nth(1).expect("the path of an embeddings file");
    let table = EmbeddingTable::load(Path::new(&path)).unwrap();
    let distance = table.model().distance;
    let part = |wanted: &str| table.select(|row: &Row| row.split.as_deref() == Some(wanted));
    let (train, test) = (part("train"), part("test"));
    let pairs = PairConfig { distance, ..PairConfig::default() };
    let targets = [1e-2, 1e-3, 1e-4, 1e-5].map(Target::Fmr).to_vec();
    let calibration = calibrate(&train, &CalibrateConfig { pairs: pairs.clone(), targets }).unwrap();
    println!("{calibration:#?}");
    let measured = PairStatistics::new(&test, &pairs).unwrap();
    for checked in check(&calibration.to_thresholds(), &measured) {
        println!("{checked:?}");
    }
    println!("AUC {:?}, {:?}", area_under_roc(&measured), equal_error_rate(&measured));
    for (far, rate) in true_accept_rates(&measured) {
        println!("TAR at FAR {far}: {rate:?}");
    }
    let start = Instant::now();
    let resampled = measured.resampled(&measured.resamples(1000, 0));
    println!("TAR at 1e-3: {:?}", Interval::percentile(resampled.true_accept_rate(1e-3)));
    println!("EER: {:?}", Interval::percentile(resampled.equal_error_rate()));
    println!("1000 resamples of {} people in {:.2?}", measured.identities().len(), start.elapsed());
    identification(&test, distance);
    let start = Instant::now();
    let all = PairStatistics::new(&table, &pairs).unwrap();
    println!(
        "all {} pairs in {:.2?}, exact {}",
        all.mated().len() + all.non_mated().len(),
        start.elapsed(),
        all.is_exact()
    );
    let start = Instant::now();
    let values = all.resampled_tar(1e-3, &all.resamples(1000, 0));
    println!(
        "1000 resamples of {} people in {:.2?}: {:?}",
        all.identities().len(),
        start.elapsed(),
        Interval::percentile(values)
    );
}

fn identification(table: &EmbeddingTable, distance: likeness_search::Distance) {
    let searches =
        SearchStatistics::new(table, &SearchConfig { distance, ..SearchConfig::default() }).unwrap();
    for fpir in REPORTED_FPIRS {
        println!("FNIR at FPIR {fpir}: {:?}", fnir_at_fpir(&searches, fpir));
    }
    let values = searches.resampled_fnir(0.01, &searches.resamples(1000, 0));
    println!("FNIR at FPIR 0.01: {:?}", Interval::percentile(values));
    let threshold = searches.threshold_at(0.01).unwrap();
    for point in measured_growth(table, &searches, &[threshold], 0).unwrap() {
        println!("{point:?}");
    }
}
