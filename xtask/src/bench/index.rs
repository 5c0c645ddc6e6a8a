//! `bench index`: the index of int8 codes of `likeness-search`, compared with vector indexes of Python packages.
//!
//! `LIKENESS_SIZES=100000x512,1000000x128` selects the galleries.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::measure::median;
use super::report::Section;
use super::{Bench, Chosen};
use crate::process::{cargo, output, repository, target};
use crate::python;

/// Rows and dimensions of the galleries.
const SIZES: [(usize, usize); 6] =
    [(100_000, 128), (100_000, 512), (500_000, 128), (500_000, 512), (1_000_000, 128), (1_000_000, 512)];
const PEERS: [&str; 4] = ["faiss-flat", "faiss-hnsw", "usearch", "sqlite-vec"];
/// The largest gallery, in values, for which a graph is built: more take over ten minutes on two busy cores.
const MOST_IN_GRAPH: usize = 100_000 * 128;
const QUERIES: &str = "256";
/// Queries for sqlite-vec, which needs seconds for one in the largest gallery.
const FEW_QUERIES: &str = "32";

/// The numbers that one process printed, by name.
type Numbers = BTreeMap<String, f64>;

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let python = python::index_environment(bench.venv.as_deref())?;
    let chosen = Chosen::from_environment("LIKENESS_SIZES");
    output(&mut cargo(&[
        "build",
        "--quiet",
        "--release",
        "-p",
        "likeness-search",
        "--example",
        "bench_index",
    ]))?;
    let ours = target()?.join("release/examples/bench_index");
    let mut rows = Vec::new();
    for (count, dimension) in SIZES {
        if !chosen.has(&format!("{count}x{dimension}")) {
            continue;
        }
        let mut sides = vec![Side::new("Likeness", "1"), Side::new("Likeness", "2")];
        sides.extend(
            PEERS.iter().filter(|peer| is_measured(peer, count, dimension)).map(|p| Side::new(p, "1")),
        );
        for _ in 0..bench.repeats {
            for side in &mut sides {
                let queries = if side.name == "sqlite-vec" { FEW_QUERIES } else { QUERIES };
                let size = [&count.to_string(), &dimension.to_string(), side.threads, queries];
                eprintln!("{} {} threads {}", side.name, size[..2].join(" x "), side.threads);
                side.runs.push(if side.name == "Likeness" {
                    printed(&output(Command::new(&ours).args(size))?)
                } else {
                    peer(&python, side.name, size)?
                });
            }
        }
        let flat = sides.iter().find(|side| side.name == "faiss-flat").context("a peer is faiss-flat")?;
        let flat = [flat.median("p50_ms"), flat.median("cpu_per_query_ms")];
        rows.extend(sides.iter().map(|side| side.row(count, dimension, flat)));
    }
    Ok(Section {
        page: "gallery",
        title: "Search",
        about: "Cosine distance, the ten nearest; identities are random directions with twenty vectors each, at an angle of about \
                45°, and half of the queries are of nobody. faiss-flat is `IndexFlatIP`, faiss-hnsw `IndexHNSWFlat` with 32 \
                links and efSearch 64, usearch its default graph, sqlite-vec a `vec0` table in a file. Recall is against the \
                f32 distances of all vectors. Batch is 256 queries at once (32 for sqlite-vec)."
            .to_owned(),
        columns: vec![
            "gallery", "index", "threads", "p50", "p99", "CPU", "queries/s", "batch queries/s", "faiss-flat / this",
            "recall@10", "memory", "file", "build", "open + first query", "adds/s",
        ],
        rows,
        remarks: vec![
            format!("{} processes of each index, alternating; each value is the median.", bench.repeats),
            "faiss-flat / this is the ratio of p50, and of CPU time in parentheses.".to_owned(),
            "CPU is the time of all threads for a query. Memory is without the vectors for Likeness, whose file is mapped, and \
             with them for the others."
                .to_owned(),
            "adds/s are durable appends in batches of 1,000 (100 in parentheses).".to_owned(),
        ],
    })
}

fn is_measured(peer: &str, rows: usize, dimension: usize) -> bool {
    let is_graph = matches!(peer, "faiss-hnsw" | "usearch");
    !is_graph || rows * dimension <= MOST_IN_GRAPH
}

/// One index with one number of threads.
struct Side {
    name: &'static str,
    threads: &'static str,
    runs: Vec<Numbers>,
}

impl Side {
    fn new(name: &'static str, threads: &'static str) -> Self {
        Self { name, threads, runs: Vec::new() }
    }

    fn median(&self, name: &str) -> f64 {
        median(self.runs.iter().map(|run| run.get(name).copied().unwrap_or(f64::NAN)))
    }

    fn row(&self, rows: usize, dimension: usize, flat_ms: [f64; 2]) -> Vec<String> {
        let shown = |name: &str, unit: &str, digits: usize| {
            let value = self.median(name);
            if value.is_nan() { "–".to_owned() } else { format!("{value:.digits$}{unit}") }
        };
        let adds = match self.median("adds_per_s_in_batches_of_1000") {
            many if many.is_nan() => "–".to_owned(),
            many => format!("{many:.0} ({:.0})", self.median("adds_per_s_in_batches_of_100")),
        };
        vec![
            format!("{rows} × {dimension}"),
            self.name.to_owned(),
            self.threads.to_owned(),
            shown("p50_ms", " ms", 2),
            shown("p99_ms", " ms", 2),
            shown("cpu_per_query_ms", " ms", 2),
            shown("queries_per_s", "", 0),
            shown("batch_queries_per_s", "", 0),
            format!(
                "{:.1}× ({:.1}×)",
                flat_ms[0] / self.median("p50_ms"),
                flat_ms[1] / self.median("cpu_per_query_ms")
            ),
            shown("recall_at_10", "", 4),
            shown("memory_mib", " MiB", 0),
            shown("file_mib", " MiB", 0),
            format!("{:.1} s", self.median("build_ms") / 1e3),
            shown("open_and_first_query_ms", " ms", 0),
            adds,
        ]
    }
}

/// The numbers in lines `NAME VALUE`.
fn printed(text: &str) -> Numbers {
    let line = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

fn peer(python: &Path, name: &str, size: [&str; 4]) -> Result<Numbers> {
    let script = repository().join("xtask/peers/index.py");
    let text = output(Command::new(python).arg(script).arg(name).args(size))?;
    serde_json::from_str(&text).context("index.py printed no numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_example_are_parsed() {
        let numbers = printed("p50_ms 1.50\nnot a line\nmemory_mib 2\n");
        assert_eq!(
            numbers.into_iter().collect::<Vec<_>>(),
            [("memory_mib".into(), 2.0), ("p50_ms".into(), 1.5)]
        );
    }

    #[test]
    fn graphs_are_built_for_small_galleries_only() {
        assert!(is_measured("faiss-hnsw", 100_000, 128) && !is_measured("usearch", 100_000, 512));
        assert!(is_measured("faiss-flat", 1_000_000, 512));
    }
}
