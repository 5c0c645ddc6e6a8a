//! Measures the index of int8 codes on synthetic identities: search, memory, file, build, open, appends.
//!
//! ```text
//! cargo run --release -p likeness-search --example bench_index -- ROWS DIMENSION THREADS [QUERIES [CANDIDATES]]
//! cargo run --release -p likeness-search --example bench_index -- 100000 512 1
//! ```
//!
//! Identities are random directions with twenty vectors each, at an angle of about 45°. Half of the queries are of an identity
//! in the gallery, the others of nobody. With CANDIDATES, the graph (HNSW) over the same codes is measured too. Each output line is `NAME VALUE`; times are milliseconds.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use likeness_search::{
    CodesKey, Distance, Found, GraphSearch, HnswConfig, HnswIndex, Int8Index, Neighbour, Result, SearchCost,
    Vectors,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;

/// Vectors of an identity.
const PER_IDENTITY: usize = 20;
/// Length of the noise, relative to that of an identity's direction.
const NOISE: f32 = 1.0;
const K: usize = 10;
const BATCH: usize = 256;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    if let [_, path] = std::env::args().collect::<Vec<_>>().as_slice() {
        return Ok(memory(Path::new(path))?);
    }
    let numbers: Vec<usize> =
        std::env::args().skip(1).map(|arg| arg.parse()).collect::<std::result::Result<_, _>>()?;
    let [rows, dimension, threads, rest @ ..] = numbers.as_slice() else {
        return Err("expected ROWS DIMENSION THREADS [QUERIES [CANDIDATES]]".into());
    };
    let bench = Bench {
        rows: *rows,
        dimension: *dimension,
        queries: rest.first().copied().unwrap_or(200),
        candidates: rest.get(1).copied(),
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(*threads).build()?;
    let folder = tempfile::tempdir()?;
    Ok(pool.install(|| bench.run(&folder.path().join(format!("{dimension}.codes"))))?)
}

/// Prints the memory of a process that has opened a file; in a process of its own, for a clear view.
fn memory(path: &Path) -> Result<()> {
    let before = memory_kib("RssAnon:");
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let index = Int8Index::open(path, &key(name.parse().unwrap_or(0)))?;
    println!("memory_mib {:.1}", (memory_kib("RssAnon:") - before) / 1024.0);
    println!("mapped_mib {:.1}", memory_kib("RssFile:") / 1024.0);
    drop(index);
    Ok(())
}

/// The key of an index of the bench.
fn key(dimension: usize) -> CodesKey {
    CodesKey { fingerprint: "bench".into(), dimension, distance: Distance::Cosine, gallery: "bench".into() }
}

struct Bench {
    rows: usize,
    dimension: usize,
    queries: usize,
    candidates: Option<usize>,
}

/// The vectors of ids counted from 0.
struct Stored {
    values: Vec<f32>,
    dimension: usize,
}

impl Vectors for Stored {
    fn read(&self, ids: &[u64], into: &mut Vec<f32>) -> Result<()> {
        for id in ids {
            let at = *id as usize * self.dimension;
            into.extend_from_slice(&self.values[at..at + self.dimension]);
        }
        Ok(())
    }
}

impl Bench {
    fn run(&self, path: &Path) -> Result<()> {
        let dim = self.dimension;
        let stored = Stored { values: self.vectors(0, self.rows), dimension: dim };
        let queries = self.queries();
        let key = key(dim);
        let index = timed("build_ms", || {
            let rows = stored.values.chunks_exact(dim).map(<[f32]>::to_vec);
            Int8Index::rebuild(path, &key, 1, (0..).zip(rows).map(Ok))
        })?;
        println!("file_mib {:.1}", index.file_bytes() as f64 / f64::from(1 << 20));
        drop(index);
        let memory = std::process::Command::new(std::env::current_exe()?).arg(path).output()?;
        print!("{}", String::from_utf8_lossy(&memory.stdout));
        let index = timed("open_and_first_query_ms", || {
            let index = timed("open_ms", || Int8Index::open(path, &key))?;
            index.search(&queries[..dim], K, None, &stored)?;
            Ok(index)
        })?;
        let exact = self.search(&index, &queries, &stored)?;
        if let Some(candidates) = self.candidates {
            self.graph(&index, &queries, candidates, &stored, &exact)?;
        }
        drop(index);
        self.append(path, &key)
    }

    fn search(&self, index: &Int8Index, queries: &[f32], stored: &Stored) -> Result<Vec<Vec<Neighbour>>> {
        let dim = self.dimension;
        let (mut times, mut cost, cpu) = (Vec::new(), Vec::new(), cpu_ms());
        let mut singles = Vec::new();
        for query in queries.chunks_exact(dim) {
            let start = Instant::now();
            let found = index.search(query, K, None, stored)?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
            cost.push(found.cost);
            singles.extend(found.neighbours);
        }
        let count = times.len() as f64;
        println!("cpu_per_query_ms {:.3}", (cpu_ms() - cpu) / count);
        times.sort_by(f64::total_cmp);
        println!("least_ms {:.3}", times[0]);
        println!("p50_ms {:.3}", times[times.len() / 2]);
        println!("p99_ms {:.3}", times[times.len() * 99 / 100]);
        println!("queries_per_s {:.1}", count * 1e3 / times.iter().sum::<f64>());
        let mean = |of: fn(&SearchCost) -> usize| cost.iter().map(of).sum::<usize>() as f64 / count;
        println!("shortlisted {:.1}", mean(|cost| cost.shortlisted));
        println!("compared {:.1}", mean(|cost| cost.compared));
        let many = &queries[..(BATCH * dim).min(queries.len())];
        let mut batches: Vec<f64> = Vec::new();
        let mut found = Found::default();
        let cpu = cpu_ms();
        for _ in 0..3 {
            let start = Instant::now();
            found = index.search(many, K, None, stored)?;
            batches.push(start.elapsed().as_secs_f64());
        }
        batches.sort_by(f64::total_cmp);
        println!("batch_cpu_per_query_ms {:.3}", (cpu_ms() - cpu) / (3 * many.len() / dim) as f64);
        println!("batch_queries_per_s {:.1}", (many.len() / dim) as f64 / batches[1]);
        assert_eq!(singles[..many.len() / dim], found.neighbours, "a batch finds what single queries find");
        let tenth = index.select_where(|id| id % 10 == 3);
        timed("filtered_10_percent_ms", || index.search(&queries[..dim], K, Some(&tenth), stored))?;
        let few = index.select_where(|id| id % 1000 == 3);
        timed("filtered_0.1_percent_ms", || index.search(&queries[..dim], K, Some(&few), stored))?;
        self.recall(queries, stored, &singles);
        Ok(singles)
    }

    fn graph(
        &self,
        index: &Int8Index,
        queries: &[f32],
        candidates: usize,
        stored: &Stored,
        exact: &[Vec<Neighbour>],
    ) -> Result<()> {
        let graph = timed("graph_build_ms", || Ok(HnswIndex::build(index, HnswConfig::default())))?;
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("bench.hnsw");
        timed("graph_save_ms", || graph.save(&path, index))?;
        println!("graph_file_mib {:.1}", fs_err::metadata(&path)?.len() as f64 / f64::from(1 << 20));
        let graph = timed("graph_open_ms", || HnswIndex::open(&path, index))?;
        let search = GraphSearch { k: K, candidates, selection: None };
        let (mut times, mut hits, cpu) = (Vec::new(), [0; 2], cpu_ms());
        for (at, (query, exact)) in queries.chunks_exact(self.dimension).zip(exact).enumerate() {
            let start = Instant::now();
            let found = graph.search(index, query, &search, stored)?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
            hits[at % 2] += found.neighbours[0].iter().filter(|found| exact.contains(found)).count() as u32;
        }
        println!("graph_cpu_per_query_ms {:.3}", (cpu_ms() - cpu) / times.len() as f64);
        times.sort_by(f64::total_cmp);
        println!("graph_p50_ms {:.3}", times[times.len() / 2]);
        println!("graph_p99_ms {:.3}", times[times.len() * 99 / 100]);
        let half = (times.len() * K) as f64 / 2.0;
        println!("graph_recall_at_10_enrolled {:.5}", f64::from(hits[0]) / half);
        println!("graph_recall_at_10_unknown {:.5}", f64::from(hits[1]) / half);
        Ok(())
    }

    /// The share of the first ten of the plain loop that were found.
    fn recall(&self, queries: &[f32], stored: &Stored, singles: &[Vec<Neighbour>]) {
        // An odd step, for queries of both kinds.
        let (dim, step) = (self.dimension, singles.len().div_ceil(40) | 1);
        let picked: Vec<usize> = (0..singles.len()).step_by(step).collect();
        let hits: usize = picked
            .par_iter()
            .map(|&at| {
                let query = &queries[at * dim..(at + 1) * dim];
                let rows = stored.values.chunks_exact(dim).zip(0u64..);
                let mut all: Vec<(f32, u64)> =
                    rows.map(|(row, id)| (Distance::Cosine.between(query, row) as f32, id)).collect();
                all.select_nth_unstable_by(K, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let expected = &all[..K];
                singles[at].iter().filter(|found| expected.iter().any(|(_, id)| *id == found.id)).count()
            })
            .sum();
        println!("recall_at_10 {:.5}", hits as f64 / (picked.len() * K) as f64);
    }

    fn append(&self, path: &Path, key: &CodesKey) -> Result<()> {
        let mut index = Int8Index::open_writable(path, key)?;
        for batch in [1, 100, 1000] {
            let count = 10;
            let vectors = self.vectors(index.len() / PER_IDENTITY + 1, batch * count);
            let start = Instant::now();
            for vectors in vectors.chunks_exact(batch * self.dimension) {
                let first = index.len() as u64;
                let ids: Vec<u64> = (first..first + batch as u64).collect();
                index.append(&ids, vectors, 2)?;
            }
            let seconds = start.elapsed().as_secs_f64();
            println!("adds_per_s_in_batches_of_{batch} {:.0}", (batch * count) as f64 / seconds);
        }
        let gone: Vec<u64> = (0..self.rows as u64).collect();
        timed("remove_all_ms", || index.remove(&gone, 3))?;
        Ok(())
    }

    /// Vectors of the identities from `first` on.
    fn vectors(&self, first: usize, count: usize) -> Vec<f32> {
        let dim = self.dimension;
        let mut values = vec![0.0; count * dim];
        values.par_chunks_mut(PER_IDENTITY * dim).enumerate().for_each(|(identity, rows)| {
            let centre = direction(dim, 2 * (first + identity) as u64);
            let mut random = Pcg64Mcg::seed_from_u64(2 * (first + identity) as u64 + 1);
            rows.chunks_exact_mut(dim).for_each(|row| near(&centre, &mut random, row));
        });
        values
    }

    /// Queries of identities in the gallery and of nobody, in turn.
    fn queries(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.queries * self.dimension];
        let identities = self.rows.div_ceil(PER_IDENTITY);
        for (at, row) in values.chunks_exact_mut(self.dimension).enumerate() {
            let identity = if at % 2 == 0 { at * 7919 % identities } else { identities + 1_000_000 + at };
            let mut random = Pcg64Mcg::seed_from_u64(u64::MAX - at as u64);
            near(&direction(self.dimension, 2 * identity as u64), &mut random, row);
        }
        values
    }
}

fn direction(dim: usize, seed: u64) -> Vec<f32> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut values: Vec<f32> = (0..dim).map(|_| normal(&mut random)).collect();
    scale(&mut values, 1.0);
    values
}

/// A unit vector near `centre`.
fn near(centre: &[f32], random: &mut Pcg64Mcg, row: &mut [f32]) {
    row.iter_mut().for_each(|value| *value = normal(random));
    scale(row, NOISE);
    row.iter_mut().zip(centre).for_each(|(value, centre)| *value += centre);
    scale(row, 1.0);
}

fn scale(values: &mut [f32], length: f32) {
    let now = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    values.iter_mut().for_each(|value| *value *= length / now);
}

/// About a standard normal number: the sum of four uniform ones.
fn normal(random: &mut Pcg64Mcg) -> f32 {
    let bits: u64 = random.random();
    let sum: u64 = (0..4).map(|i| bits >> (16 * i) & 0xffff).sum();
    (sum as f32 / 65536.0 - 2.0) * 1.732
}

fn timed<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let made = work()?;
    println!("{name} {:.3}", start.elapsed().as_secs_f64() * 1e3);
    Ok(made)
}

/// A line of the process's status in KiB; 0 where the system does not report it.
fn memory_kib(name: &str) -> f64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
}

/// CPU time of the process in milliseconds; 0 where the system does not report it in ticks of 10 ms.
fn cpu_ms() -> f64 {
    let stat = fs_err::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) * 10.0
}
