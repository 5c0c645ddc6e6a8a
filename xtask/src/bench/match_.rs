//! `bench match`: exact ranking of `likeness-search`, compared with scikit-learn's brute-force neighbours.

use std::process::Command;

use anyhow::{Context, Result};

use super::Bench;
use super::measure::median;
use super::report::Section;
use crate::process::{cargo, output, repository};

/// Queries, gallery size, dimension, k, repetitions in a process.
const SIZES: [&str; 5] = ["1252", "1252", "512", "10", "15"];
const DISTANCES: [&str; 2] = ["cosine", "euclidean"];

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let python = bench.python()?;
    let example = ["run", "--quiet", "--release", "-p", "likeness-search", "--example", "bench_rank", "--"];
    let (mut ours, mut peers) = ([const { Vec::new() }; 2], [const { Vec::new() }; 2]);
    for _ in 0..bench.repeats {
        let printed = output(cargo(&example).args(SIZES))?;
        let peer = output(Command::new(&python).arg(repository().join("xtask/peers/match.py")).args(SIZES))?;
        let peer: serde_json::Value = serde_json::from_str(&peer)?;
        for (i, distance) in DISTANCES.iter().enumerate() {
            ours[i].push(wall_ms(&printed, distance).context("bench_rank printed no such distance")?);
            peers[i].push(peer[distance].as_f64().context("match.py printed no such distance")?);
        }
    }
    let row = |(i, distance): (usize, &&str)| {
        let (ours, peer) = (median(ours[i].clone()), median(peers[i].clone()));
        vec![
            (*distance).to_owned(),
            format!("{ours:.1} ms"),
            format!("{peer:.1} ms"),
            format!("{:.2}×", peer / ours),
        ]
    };
    Ok(Section {
        page: "first-loop",
        title: "Match",
        about: "Exact ranking of 1,252 gallery images for 1,252 queries, 512 dimensions, the ten nearest; \
                scikit-learn is `NearestNeighbors(algorithm=\"brute\")`, fit and query."
            .to_owned(),
        columns: vec!["distance", "Likeness", "scikit-learn", "ratio"],
        rows: DISTANCES.iter().enumerate().map(row).collect(),
        remarks: vec![format!(
            "{} processes of each side, alternating; each value is the median of {} runs.",
            bench.repeats, SIZES[4]
        )],
    })
}

/// The wall time in the line `rank  DISTANCE  wall  T ms …`.
fn wall_ms(printed: &str, distance: &str) -> Option<f64> {
    let words = printed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.into_iter().find_map(|words| match words.as_slice() {
        ["rank", name, "wall", ms, ..] if *name == distance => ms.parse().ok(),
        _ => None,
    })
}
