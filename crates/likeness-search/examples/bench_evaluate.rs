//! Times all ranking metrics on seeded embeddings of identities; prints one JSON object.
//!
//! ```text
//! cargo run --release -p likeness-search --example bench_evaluate -- QUERIES GALLERY DIMENSION IDENTITIES [FOLDER]
//! cargo run --release -p likeness-search --example bench_evaluate -- 10000 100000 512 2000
//! ```
//!
//! An embedding is the direction of its identity plus 2.2 times another direction, so that some images are nearer to other
//! identities. With a folder, the embeddings and labels are written there as four `.npy` files, for `xtask/peers/evaluate.py`.
//! RAYON_NUM_THREADS sets the number of threads.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::path::Path;
use std::time::Instant;

use likeness_search::{
    Distance, EmbeddingTable, EvaluateConfig, ModelTag, RankingMeasure, Row, evaluate_between,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde_json::json;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The share of the direction that is not the identity's.
const SPREAD: f32 = 2.2;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<usize> = words.iter().take(4).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let &[queries, gallery, dimension, identities] = numbers.as_slice() else {
        return Err("expected QUERIES GALLERY DIMENSION IDENTITIES [FOLDER]".into());
    };
    let mut random = Pcg64::seed_from_u64(1);
    let centres: Vec<Vec<f32>> = (0..identities).map(|_| direction(&mut random, dimension)).collect();
    let [queries, gallery] = [queries, gallery].map(|rows| Side::new(rows, &centres, &mut random));
    if let Some(folder) = words.get(4) {
        queries.save(folder.as_ref(), "queries")?;
        gallery.save(folder.as_ref(), "gallery")?;
    }
    let (queries, gallery) = (queries.table()?, gallery.table()?);
    let before = peak_mib();
    let measure = |resamples| {
        let start = Instant::now();
        let found =
            evaluate_between(&queries, &gallery, &EvaluateConfig { resamples, ..EvaluateConfig::default() });
        found.map(|found| (found, start.elapsed().as_secs_f64()))
    };
    let (_, without_intervals_s) = measure(0)?;
    let (found, seconds) = measure(1000)?;
    let metrics: serde_json::Map<String, serde_json::Value> =
        RankingMeasure::ALL.iter().map(|m| (m.key().to_owned(), json!(found.measures.mean(*m)))).collect();
    let answer = json!({
        "queries": queries.len(), "gallery": gallery.len(), "dimension": dimension, "identities": identities,
        "seconds": seconds, "without_intervals_s": without_intervals_s,
        "data_mib": before, "peak_mib": peak_mib(), "metrics": metrics,
    });
    println!("{answer}");
    Ok(())
}

/// Labelled embeddings.
struct Side {
    labels: Vec<usize>,
    values: Vec<f32>,
    dimension: usize,
}

impl Side {
    fn new(rows: usize, centres: &[Vec<f32>], random: &mut Pcg64) -> Self {
        let dimension = centres[0].len();
        let labels: Vec<usize> = (0..rows).map(|row| row % centres.len()).collect();
        let mut values = Vec::with_capacity(rows * dimension);
        for &label in &labels {
            let other = direction(random, dimension);
            values.extend(centres[label].iter().zip(other).map(|(centre, other)| centre + SPREAD * other));
        }
        Self { labels, values, dimension }
    }

    fn table(self) -> Outcome<EmbeddingTable> {
        let row = |(i, label): (usize, &usize)| Row {
            identity: Some(label.to_string()),
            ..Row::new(i.to_string())
        };
        let rows = self.labels.iter().enumerate().map(row).collect();
        let model = ModelTag::new("seeded", "", self.dimension, Distance::Cosine);
        Ok(EmbeddingTable::new(model, rows, self.values)?)
    }

    /// Writes `NAME.npy` and `NAME_labels.npy`.
    fn save(&self, folder: &Path, name: &str) -> Outcome<()> {
        fs_err::create_dir_all(folder)?;
        let shape = format!("({}, {})", self.labels.len(), self.dimension);
        npy(&folder.join(format!("{name}.npy")), "<f4", &shape, bytemuck::cast_slice(&self.values))?;
        let labels: Vec<i64> = self.labels.iter().map(|&label| label as i64).collect();
        let shape = format!("({},)", labels.len());
        npy(&folder.join(format!("{name}_labels.npy")), "<i8", &shape, bytemuck::cast_slice(&labels))
    }
}

/// Writes an array in version 1.0 of NumPy's format.
fn npy(path: &Path, kind: &str, shape: &str, data: &[u8]) -> Outcome<()> {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len())?.to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    Ok(fs_err::write(path, bytes)?)
}

/// A direction of length 1; sums of four uniform values are near enough to normal ones.
fn direction(random: &mut Pcg64, dimension: usize) -> Vec<f32> {
    let mut value = || (0..4).map(|_| random.random::<f32>() - 0.5).sum::<f32>();
    let values: Vec<f32> = (0..dimension).map(|_| value()).collect();
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    values.into_iter().map(|value| value / length).collect()
}

/// The largest memory of this process; `None` unless the system reports it.
fn peak_mib() -> Option<f64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? / 1024.0)
}
