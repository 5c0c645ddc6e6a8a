//! Tests the sampling of CelebA at its real size: of 202,599 rows with 10,177 identities, the 481 most frequent are kept.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fmt::Write;

use likeness_data::sample::Sample;
use likeness_data::sampling::SamplingConfig;
use likeness_data::source::read_identities;

const IDENTITIES: u32 = 10_177;
const ROWS: u32 = 202_599;

/// The identity of each row: some frequent, some rare, each at least once, many with equal frequency.
fn identity_of(row: u32) -> u32 {
    if row < IDENTITIES {
        return row + 1;
    }
    let draw = f64::from(row.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24);
    (draw * draw * f64::from(IDENTITIES)) as u32 + 1
}

fn samples() -> Vec<Sample> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity_CelebA.txt");
    let mut text = String::new();
    for row in 0..ROWS {
        writeln!(text, "{:06}.jpg {}", row + 1, identity_of(row)).unwrap();
    }
    fs_err::write(&path, text).unwrap();
    let (rows, skipped, notes) = read_identities(&path).unwrap();
    assert_eq!((rows.len(), skipped.len(), notes.len()), (ROWS as usize, 0, 0));
    let sample = |(file, identity): (String, String)| Sample::new(file.as_str().into(), file, Some(identity));
    rows.into_iter().map(sample).collect()
}

/// The reference implementation: removes the most frequent of the remaining identities `keep` times.
fn most_frequent(keep: usize) -> Vec<String> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for row in 0..ROWS {
        *counts.entry(identity_of(row).to_string()).or_default() += 1;
    }
    assert_eq!(counts.len(), IDENTITIES as usize);
    let mut kept = Vec::new();
    while kept.len() < keep {
        let mut best: Option<(&String, u32)> = None;
        for (identity, &count) in &counts {
            // The map is sorted by name, so the first of several equal counts is kept.
            if best.is_none_or(|(_, most)| count > most) {
                best = Some((identity, count));
            }
        }
        let best = best.unwrap().0.clone();
        counts.remove(&best);
        kept.push(best);
    }
    kept.sort();
    kept
}

fn identities(samples: &[Sample]) -> Vec<String> {
    let mut names: Vec<String> = samples.iter().filter_map(|s| s.identity.clone()).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn exactly_the_most_frequent_identities_stay_with_all_their_images() {
    let all = samples();
    let config = SamplingConfig { identities: 481, ..SamplingConfig::default() };
    let kept = config.apply(all.clone());
    let expected = most_frequent(481);
    assert_eq!(identities(&kept), expected);
    let by_hand: Vec<_> =
        all.into_iter().filter(|s| expected.binary_search(s.identity.as_ref().unwrap()).is_ok()).collect();
    assert_eq!(kept, by_hand, "all images, in the file's order");
}

#[test]
fn bounds_on_images_hold() {
    let all = samples();
    let frequent =
        SamplingConfig { min_images: 29, max_images: 30, ..SamplingConfig::default() }.apply(all.clone());
    for identity in identities(&all) {
        let of = |samples: &[Sample]| -> Vec<String> {
            samples
                .iter()
                .filter(|s| s.identity.as_deref() == Some(&identity))
                .map(|s| s.name.clone())
                .collect()
        };
        // A hundred identities are enough for individual checks.
        if identity.ends_with("07") {
            let (before, after) = (of(&all), of(&frequent));
            let expected = if before.len() < 29 { 0 } else { before.len().min(30) };
            assert_eq!(after, before[..expected], "{identity}");
        }
    }
    assert!(!frequent.is_empty());
}

#[test]
fn more_identities_than_there_are_keeps_all() {
    let all = samples();
    let config = SamplingConfig { identities: 1 << 40, ..SamplingConfig::default() };
    assert_eq!(config.apply(all.clone()), all);
}
