//! Measures the time to visit all pairs of random embeddings, and to resample their measures.
//!
//! Run: `cargo run --release -p likeness-search --example bench_pairs [IMAGES] [IDENTITIES] [DIMENSION]`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::Instant;

use likeness_search::verification::{PairConfig, PairStatistics, equal_error_rate, true_accept_rates};
use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<usize>().expect("a number"));
    let (images, identities, dim) =
        (numbers.next().unwrap_or(20_000), numbers.next().unwrap_or(2000), numbers.next().unwrap_or(128));
    let table = random_table(images, identities, dim);
    let start = Instant::now();
    let pairs = PairStatistics::new(&table, &PairConfig::default()).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let all = pairs.mated().len() + pairs.non_mated().len();
    println!("{images} images of {identities} identities, {dim} values: {all} pairs in {seconds:.2} s");
    println!("{:.1} million pairs a second", all as f64 / seconds / 1e6);
    println!("EER {:?}", equal_error_rate(&pairs));
    for (rate, found) in true_accept_rates(&pairs) {
        println!("TAR at FAR {rate}: {found:?}");
    }
    let start = Instant::now();
    let resampled = pairs.resampled(&pairs.resamples(1000, 0));
    println!("1000 resamples in {:.2} s", start.elapsed().as_secs_f64());
    println!("{:?}", likeness_search::Interval::percentile(resampled.true_accept_rate(1e-3)));
    if let Ok(status) = fs_err::read_to_string("/proc/self/status") {
        status.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"));
    }
}

/// Images around the centres of their identities.
fn random_table(images: usize, identities: usize, dim: usize) -> EmbeddingTable {
    let mut random = Pcg64::seed_from_u64(1);
    let centres: Vec<f32> = (0..identities * dim).map(|_| random.random::<f32>() - 0.5).collect();
    let (mut rows, mut values) = (Vec::with_capacity(images), Vec::with_capacity(images * dim));
    for image in 0..images {
        let identity = image % identities;
        rows.push(Row { identity: Some(format!("{identity}")), ..Row::new(format!("{image}")) });
        let centre = &centres[identity * dim..][..dim];
        values.extend(centre.iter().map(|centre| centre + random.random::<f32>() - 0.5));
    }
    EmbeddingTable::new(ModelTag::new("random", "", dim, Distance::Cosine), rows, values).unwrap()
}
