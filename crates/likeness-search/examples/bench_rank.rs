//! Times the ranking of random embeddings: median wall and CPU time in milliseconds, after one warm-up run.
//!
//! ```text
//! cargo run --release -p likeness-search --example bench_rank -- QUERIES GALLERY DIMENSION K [RUNS]
//! cargo run --release -p likeness-search --example bench_rank -- 1252 1252 512 10
//! ```
#![allow(clippy::print_stdout)]

use std::time::Instant;

use likeness_search::{
    Distance, EmbeddingTable, EvaluateConfig, ModelTag, RankConfig, Row, evaluate_between, rank,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|arg| arg.parse()).collect::<Result<_, _>>()?;
    let [n, m, dimension, k, rest @ ..] = numbers.as_slice() else {
        return Err("expected QUERIES GALLERY DIMENSION K [RUNS]".into());
    };
    let runs = rest.first().copied().unwrap_or(15);
    let (queries, gallery) = (table(*n, *dimension, 1)?, table(*m, *dimension, 2)?);
    println!("{n} x {m} x {dimension}, k = {k}, median of {runs} runs");
    for distance in Distance::ALL {
        let config = RankConfig { k: Some(*k), allow_self: false };
        let times = measure(runs, || rank(&queries, &gallery, distance, &config).map(drop))?;
        println!("rank      {distance:<18} {times}");
    }
    let config = EvaluateConfig::default();
    let times = measure(runs, || evaluate_between(&queries, &gallery, &config).map(drop))?;
    println!("evaluate  {:<18} {times}", config.distance.name());
    Ok(())
}

/// Random non-negative embeddings, for which every distance is defined. Every identity has forty images.
fn table(rows: usize, dimension: usize, seed: u64) -> likeness_search::Result<EmbeddingTable> {
    let mut random = Pcg64::seed_from_u64(seed);
    let values = (0..rows * dimension).map(|_| random.random::<f32>()).collect();
    let row = |i: usize| Row { identity: Some((i % 40).to_string()), ..Row::new(i.to_string()) };
    let model = ModelTag::new("random", "", dimension, Distance::Cosine);
    EmbeddingTable::new(model, (0..rows).map(row).collect(), values)
}

fn measure(
    runs: usize,
    mut work: impl FnMut() -> likeness_search::Result<()>,
) -> Result<String, Box<dyn std::error::Error>> {
    work()?;
    let (mut wall, cpu) = (Vec::new(), cpu_ms());
    for _ in 0..runs {
        let start = Instant::now();
        work()?;
        wall.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let cpu = cpu_ms().zip(cpu).map(|(end, start)| (end - start) / runs as f64);
    wall.sort_by(f64::total_cmp);
    let cpu = cpu.map_or("unknown".into(), |ms| format!("{ms:8.2} ms (mean)"));
    Ok(format!("wall {:8.2} ms   CPU {cpu}", wall[runs / 2]))
}

/// CPU time of this process and its threads in milliseconds; `None` unless the system reports it in ticks of 10 ms.
fn cpu_ms() -> Option<f64> {
    let stat = fs_err::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?) * 10.0)
}
