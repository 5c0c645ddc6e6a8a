//! `bench sampling`: picks the 481 most frequent of 10,177 identities in a generated collection as large as CelebA, and
//! checks the result by counting.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Bench;
use super::measure::measure;
use super::report::Section;
use crate::process::Scratch;

const IDENTITIES: usize = 10_177;
const ROWS: usize = 202_599;
/// Largest number of images of one identity.
const MOST: usize = 35;
const KEPT: usize = 481;
/// File systems allow some 65,000 links to one file.
const LINKS: usize = 60_000;

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let scratch = Scratch::new("sampling")?;
    let (collection, output) = (scratch.join("celeba"), scratch.join("dataset"));
    let labels = make(&collection)?;
    let mut command = Command::new(&bench.likeness);
    command.arg("prepare").arg(&collection).arg("-o").arg(&output);
    command.args(["--layout", "celeba", "--identities", &KEPT.to_string(), "--size", "16"]);
    let usage = measure(&mut command)?;

    let expected = most_frequent(&counts(&labels));
    let found = counts(&fs_err::read_to_string(output.join("labels.txt"))?);
    ensure!(found == expected, "the identities picked are not the {KEPT} most frequent");
    let least = found.values().min().context("nothing was picked")?;
    let images: usize = found.values().sum();
    Ok(Section {
        page: "first-loop",
        title: "Sampling",
        about: format!("`prepare --identities {KEPT} --size 16` on {ROWS} rows of {IDENTITIES} identities."),
        columns: vec!["identities", "images", "fewest images of one", "time", "peak memory"],
        rows: vec![vec![
            found.len().to_string(),
            images.to_string(),
            least.to_string(),
            format!("{:.1} s", usage.seconds),
            format!("{:.0} MiB", usage.peak_mib),
        ]],
        remarks: vec![
            "The identities and their images equal an independent count: by number, ties by name.".to_owned(),
        ],
    })
}

/// Writes the collection, and returns the text of its label file.
fn make(folder: &Path) -> Result<String> {
    let images = folder.join("images");
    fs_err::create_dir_all(&images)?;
    let mut identities = identity_of_each_row();
    shuffle(&mut identities);
    let mut labels = String::new();
    for (row, identity) in identities.iter().enumerate() {
        let name = format!("{:06}.ppm", row + 1);
        if row % LINKS == 0 {
            fs_err::write(images.join(&name), picture((row / LINKS) as u8))?;
        } else {
            fs_err::hard_link(
                images.join(format!("{:06}.ppm", row / LINKS * LINKS + 1)),
                images.join(&name),
            )?;
        }
        labels += &format!("{name} {identity}\n");
    }
    fs_err::write(folder.join("identity_CelebA.txt"), &labels)?;
    Ok(labels)
}

/// Images of each identity: between 1 and [`MOST`], most often about half of that, [`ROWS`] in total.
fn identity_of_each_row() -> Vec<usize> {
    let mut dice = Dice(1);
    let mut numbers: Vec<usize> =
        (0..IDENTITIES).map(|_| 1 + dice.below(MOST.div_ceil(2)) + dice.below(MOST.div_ceil(2))).collect();
    let mut rows: usize = numbers.iter().sum();
    while rows != ROWS {
        let number = &mut numbers[dice.below(IDENTITIES)];
        if rows < ROWS && *number < MOST {
            *number += 1;
            rows += 1;
        } else if rows > ROWS && *number > 1 {
            *number -= 1;
            rows -= 1;
        }
    }
    numbers.iter().enumerate().flat_map(|(i, &n)| std::iter::repeat_n(i + 1, n)).collect()
}

fn shuffle(rows: &mut [usize]) {
    let mut dice = Dice(2);
    for last in (1..rows.len()).rev() {
        rows.swap(last, dice.below(last + 1));
    }
}

/// A seeded generator: Knuth's linear congruential one, MMIX.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % end as u64) as usize
    }
}

/// A picture of 16×16 pixels of one colour.
fn picture(shade: u8) -> Vec<u8> {
    let mut file = b"P6 16 16 255\n".to_vec();
    file.resize(file.len() + 16 * 16 * 3, 60 * shade);
    file
}

/// Number of images of each identity, counted from lines of `file identity`.
fn counts(labels: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (_, identity) in labels.lines().filter_map(|line| line.rsplit_once(' ')) {
        *counts.entry(identity.to_owned()).or_default() += 1;
    }
    counts
}

/// The most frequent identities; ties in order of their names.
fn most_frequent(counts: &BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    let mut by_number: BTreeMap<usize, BTreeSet<&String>> = BTreeMap::new();
    for (identity, &number) in counts {
        by_number.entry(number).or_default().insert(identity);
    }
    let in_order =
        by_number.iter().rev().flat_map(|(&number, names)| names.iter().map(move |n| ((*n).clone(), number)));
    in_order.take(KEPT).collect()
}
