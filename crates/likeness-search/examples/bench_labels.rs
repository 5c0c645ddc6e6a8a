//! Swaps labels of an embeddings file at random, and measures how many of them are found.
//!
//! ```text
//! cargo run --release -p likeness-search --example bench_labels -- FILE [SWAPPED] [SPLIT] [SEEDS] [THRESHOLD]
//! cargo run --release -p likeness-search --example bench_labels -- celeba.embeddings 100 all 10
//! ```
//!
//! A swap exchanges the labels of two images of different people. An image that is reported and was not swapped counts as wrong,
//! whether or not the data themselves contain errors; `known` counts those that are reported without any swap, too.
#![allow(clippy::print_stdout)]

use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

use likeness_search::label::{MislabelConfig, mislabelled};
use likeness_search::{EmbeddingTable, Row};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let file = args.first().ok_or("expected FILE [SWAPPED] [SPLIT] [SEEDS] [THRESHOLD]")?;
    let number = |at: usize, default: usize| args.get(at).map_or(Ok(default), |text| text.parse());
    let (swapped, seeds) = (number(1, 100)?, number(3, 5)?);
    let split = args.get(2).map(String::as_str).filter(|split| *split != "all");
    let mut config = MislabelConfig::default();
    if let Some(threshold) = args.get(4) {
        config.threshold = threshold.parse()?;
    }
    let table = EmbeddingTable::load(Path::new(file))?;
    let table =
        table.select(|row| row.identity.is_some() && split.is_none_or(|s| row.split.as_deref() == Some(s)));
    let distance = table.model().distance;
    let before = mislabelled(&table, distance, &config)?;
    let known: HashSet<usize> = before.suspects.iter().map(|suspect| suspect.row).collect();
    println!("{} images, {} suspects without a swap, {:?}", table.len(), known.len(), before.scale);
    let (mut found_all, mut wrong_all, mut known_all) = (0, 0, 0);
    for seed in 0..seeds {
        let (changed, rows) = swap(&table, swapped, seed as u64);
        let started = Instant::now();
        let found = mislabelled(&rows, distance, &config)?;
        let right = found.suspects.iter().filter(|suspect| changed.contains(&suspect.row)).count();
        let wrong: Vec<_> = found.suspects.iter().filter(|s| !changed.contains(&s.row)).collect();
        let of_data = wrong.iter().filter(|s| known.contains(&s.row)).count();
        println!(
            "seed {seed}: {right} of {} found, {} others reported, {of_data} of them without a swap, too; {:.1} s",
            changed.len(),
            wrong.len(),
            started.elapsed().as_secs_f64()
        );
        found_all += right;
        wrong_all += wrong.len();
        known_all += of_data;
    }
    let share = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
    println!(
        "recall {:.1} %, precision {:.1} %, precision without the data's own suspects {:.1} %",
        share(found_all, swapped * seeds),
        share(found_all, found_all + wrong_all),
        share(found_all, found_all + wrong_all - known_all)
    );
    Ok(())
}

/// The table with `count` labels exchanged in pairs, and the rows that changed.
fn swap(table: &EmbeddingTable, count: usize, seed: u64) -> (HashSet<usize>, EmbeddingTable) {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut rows: Vec<Row> = table.rows().to_vec();
    let mut changed = HashSet::new();
    while changed.len() + 1 < count {
        let (a, b) = (random.random_range(0..rows.len()), random.random_range(0..rows.len()));
        if rows[a].identity == rows[b].identity || changed.contains(&a) || changed.contains(&b) {
            continue;
        }
        let identity = rows[a].identity.clone();
        rows[a].identity = std::mem::replace(&mut rows[b].identity, identity);
        changed.extend([a, b]);
    }
    let table = EmbeddingTable::new(table.model().clone(), rows, table.embeddings().to_vec());
    (changed, table.expect("the embeddings were checked"))
}
