//! Images that look like another identity than the one of their label.
//!
//! An image is compared with the nearest images of its own identity, without itself, and with the nearest images of every other
//! identity. Only the core of its own identity counts: the images whose median distance from the others is at most 80 % of
//! the way from that of one identity to that of two, and at least half of them. So several wrong labels in an identity do not hide
//! each other. Of the core, only the nearest images count, so that a right image of an identity with wrong ones is not reported.
//!
//! ```text
//! own      mean distance from the nearest images of its identity's core: 30 % of the identity's other images, at least one
//! other    least mean distance from the nearest 3 images of another identity, or the nearer half of its images if these are
//!          fewer; this identity is what it looks like
//! scale    median distance of images of two identities − median distance of two images of one identity
//! vote     share of the identity it looks like among its nearest 5 images (fewer if that identity has fewer)
//! score    (own − other) / scale + 0.3 · vote
//! ```
//!
//! The score does not depend on the unit of the distance. From 0.68 on, an image is reported. The threshold was chosen with
//! swapped labels in CelebA's training identities; `examples/bench_labels.rs` measures it on other data.
//!
//! Two images of an identity with only two cannot be told apart: if one is wrong, both are reported.
//!
//! Bad pictures (rotated, cut off, in the dark) lie near each other, whoever they show; an identity with several of them looks
//! like the bad pictures of everybody. Such hubs (Radovanović, Nanopoulos and Ivanović, Hubs in space, JMLR 11, 2010) are
//! recognised by their suspects: if images of more than 5 identities look like one identity with a score of 0.45 or more, its
//! suspects are listed as doubtful, with a score that is lower by 0.5.
//!
//! The vote is the nearest-neighbour rule with leave-one-out (Wilson, Asymptotic properties of nearest neighbor rules using edited
//! data, IEEE Trans. SMC 2, 1972), which alone reports an image whose own identity is spread out.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Distance, EmbeddingTable, Result, SearchError};

/// Settings of [`mislabelled`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MislabelConfig {
    /// Least score of a suspect that is reported.
    pub threshold: f32,
    /// Largest median distance of an image of the core from the others of its identity: 0 is the median distance of one identity,
    /// 1 that of two.
    pub core_reach: f32,
    /// Number of nearest images of the core that count, as a share of the identity's other images, from 0 to 1.
    pub own_share: f32,
    /// Number of nearest images of another identity that count.
    pub other_images: usize,
    /// Weight of the vote of the nearest images.
    pub vote_weight: f32,
    /// Most identities whose images look like one identity before it is a hub.
    pub hub_identities: usize,
}

impl Default for MislabelConfig {
    fn default() -> Self {
        Self {
            threshold: 0.68,
            core_reach: 0.8,
            own_share: 0.3,
            other_images: 3,
            vote_weight: 0.3,
            hub_identities: 5,
        }
    }
}

/// Score from which a suspect counts for a hub.
const HUB_SCORE: f32 = 0.45;
/// What the score of a hub's suspect is lowered by.
const HUB_PENALTY: f32 = 0.5;
/// Largest number of nearest images that vote.
const VOTES: usize = 5;
/// Largest number of images whose pairs the scale is measured with; more are sampled evenly.
const SCALE_IMAGES: usize = 2000;

/// Typical distances of a table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scale {
    /// Median distance of two images of one identity.
    pub same: f32,
    /// Median distance of images of two identities.
    pub different: f32,
}

/// An image that looks like another identity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suspect {
    /// Number of the image's row.
    pub row: usize,
    /// The identity that it looks like.
    pub looks_like: String,
    /// Number of the row of the nearest image of that identity.
    pub nearest: usize,
    /// Distance from that image.
    pub distance: f32,
    /// Rank of the first image of its own identity among all other images, counted from 1.
    pub own_rank: usize,
    /// Distance from the first image of its own identity.
    pub own_distance: f32,
    /// How surely the label is wrong: reported from [`MislabelConfig::threshold`] on.
    pub score: f32,
    /// Whether images of many identities look like [`looks_like`](Self::looks_like), so that the picture may just be bad.
    pub is_doubtful: bool,
}

/// The result of [`mislabelled`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suspects {
    /// Images with the threshold's score or more, highest score first.
    pub suspects: Vec<Suspect>,
    /// Number of images that were examined: those of identities with at least two images.
    pub examined: usize,
    /// Typical distances; `None` if there are no two identities of which one has two images.
    pub scale: Option<Scale>,
}

/// Finds images that look like another identity than their label states.
///
/// Takes O(n²) distances on all cores, and O(n) memory per thread. Images without an identity are left out; an identity with one
/// image is not examined, but other images may look like it.
///
/// # Conventions   faces of one photo are not compared; equal scores are ordered by row; if the distances of one identity are not
/// smaller than those of two, as for constant embeddings, nothing is reported
/// # Errors        a distance that is not defined for the embeddings → `BadEmbeddings`; settings out of range → `BadArgument`
/// # Examples
/// ```
/// use likeness_search::label::{MislabelConfig, mislabelled};
/// use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
/// // Ann is near 0, Bob near 10; the last image of Ann shows Bob.
/// let (values, names) = ([0.0, 0.1, 0.2, 10.0, 10.1, 10.2, 10.15], ["Ann", "Ann", "Ann", "Bob", "Bob", "Bob", "Ann"]);
/// let row = |(at, name): (usize, &&str)| Row { identity: Some((*name).to_owned()), ..Row::new(format!("{at}.jpg")) };
/// let rows = names.iter().enumerate().map(row).collect();
/// let table = EmbeddingTable::new(ModelTag::new("toy", "", 1, Distance::Euclidean), rows, values.to_vec())?;
/// let found = mislabelled(&table, Distance::Euclidean, &MislabelConfig::default())?;
/// assert_eq!(found.suspects.len(), 1);
/// let suspect = &found.suspects[0];
/// assert_eq!((suspect.row, suspect.looks_like.as_str(), suspect.own_rank), (6, "Bob", 4));
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn mislabelled(table: &EmbeddingTable, distance: Distance, config: &MislabelConfig) -> Result<Suspects> {
    config.check()?;
    table.check_for(distance)?;
    let labels = Labels::of(table);
    let examined = labels.of_row.iter().flatten().filter(|id| labels.rows[**id].len() > 1).count();
    let Some(scale) = scale(table, distance, &labels) else {
        return Ok(Suspects { suspects: Vec::new(), examined, scale: None });
    };
    if scale.different <= scale.same {
        return Ok(Suspects { suspects: Vec::new(), examined, scale: Some(scale) });
    }
    let core =
        core(table, distance, &labels, scale.same + config.core_reach * (scale.different - scale.same));
    let look = Look { table, distance, labels: &labels, core, scale, config };
    let mut suspects: Vec<Suspect> = (0..table.len())
        .into_par_iter()
        .map_init(Vec::new, |buffer, row| look.at(row, buffer))
        .flatten()
        .filter(|suspect| suspect.score >= HUB_SCORE.min(config.threshold))
        .collect();
    lower_hubs(&mut suspects, &labels, config);
    suspects.retain(|suspect| suspect.score >= config.threshold);
    suspects.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
    Ok(Suspects { suspects, examined, scale: Some(scale) })
}

impl MislabelConfig {
    fn check(&self) -> Result<()> {
        let is_good = self.threshold.is_finite()
            && self.core_reach.is_finite()
            && (0.0..=1.0).contains(&self.own_share)
            && self.other_images > 0
            && self.vote_weight.is_finite();
        if is_good {
            return Ok(());
        }
        let reason = "expected a finite threshold and weight, a share from 0 to 1, and at least one image of another identity";
        Err(SearchError::BadArgument { reason: reason.to_owned() })
    }
}

/// The identities of a table, numbered in the order of their names.
struct Labels<'a> {
    names: Vec<&'a str>,
    /// The identity of each row.
    of_row: Vec<Option<usize>>,
    /// The rows of each identity.
    rows: Vec<Vec<usize>>,
}

impl<'a> Labels<'a> {
    fn of(table: &'a EmbeddingTable) -> Self {
        let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, row) in table.rows().iter().enumerate() {
            if let Some(name) = &row.identity {
                rows.entry(name).or_default().push(at);
            }
        }
        let mut of_row = vec![None; table.len()];
        for (id, rows) in rows.values().enumerate() {
            rows.iter().for_each(|row| of_row[*row] = Some(id));
        }
        Self { names: rows.keys().copied().collect(), of_row, rows: rows.into_values().collect() }
    }
}

/// The median distances of a table; `None` without a pair of one identity, or without a pair of two.
fn scale(table: &EmbeddingTable, distance: Distance, labels: &Labels<'_>) -> Option<Scale> {
    let between = |a: usize, b: usize| distance.between(table.embedding(a), table.embedding(b)) as f32;
    let labelled: Vec<usize> = (0..table.len()).filter(|row| labels.of_row[*row].is_some()).collect();
    let step = labelled.len().div_ceil(SCALE_IMAGES).max(1);
    let sample: Vec<usize> = labelled.iter().copied().step_by(step).collect();
    let pairs: Vec<(f32, bool)> = sample
        .par_iter()
        .enumerate()
        .flat_map_iter(|(at, &a)| {
            let own = labels.rows[labels.of_row[a].unwrap_or_default()].iter().copied();
            let others =
                sample[at + 1..].iter().copied().filter(move |b| labels.of_row[a] != labels.of_row[*b]);
            let same = own.filter(move |b| *b > a).map(move |b| (between(a, b), true));
            same.chain(others.map(move |b| (between(a, b), false)))
        })
        .collect();
    let median = |wanted: bool| {
        let mut of: Vec<f32> = pairs.iter().filter(|(_, same)| *same == wanted).map(|(d, _)| *d).collect();
        let middle = of.len() / 2;
        (!of.is_empty()).then(|| *of.select_nth_unstable_by(middle, f32::total_cmp).1)
    };
    Some(Scale { same: median(true)?, different: median(false)? })
}

/// Whether each row is in the core of its identity: the images whose median distance from the others is at most `most`, and at
/// least half of them.
fn core(table: &EmbeddingTable, distance: Distance, labels: &Labels<'_>, most: f32) -> Vec<bool> {
    let between = |a: usize, b: usize| distance.between(table.embedding(a), table.embedding(b)) as f32;
    let cores: Vec<Vec<usize>> = labels
        .rows
        .par_iter()
        .map(|rows| {
            let middle = |row: usize| {
                let mut far: Vec<f32> =
                    rows.iter().filter(|other| **other != row).map(|other| between(row, *other)).collect();
                let at = far.len() / 2;
                if far.is_empty() { 0.0 } else { *far.select_nth_unstable_by(at, f32::total_cmp).1 }
            };
            let mut by_median: Vec<(f32, usize)> = rows.iter().map(|row| (middle(*row), *row)).collect();
            by_median.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let near = by_median.iter().filter(|(median, _)| *median <= most).count();
            let size = near.max(rows.len().div_ceil(2)).max(2);
            by_median.into_iter().take(size).map(|(_, row)| row).collect()
        })
        .collect();
    let mut is_core = vec![false; table.len()];
    cores.into_iter().flatten().for_each(|row| is_core[row] = true);
    is_core
}

/// How the rows of a table are examined.
struct Look<'a> {
    table: &'a EmbeddingTable,
    distance: Distance,
    labels: &'a Labels<'a>,
    /// Whether each row is in the core of its identity.
    core: Vec<bool>,
    scale: Scale,
    config: &'a MislabelConfig,
}

impl Look<'_> {
    /// The identity that a row looks like, with its score; `None` without other images of its own or of another identity.
    /// `near` is a buffer for the distances to all other images.
    fn at(&self, row: usize, near: &mut Vec<(f32, usize)>) -> Option<Suspect> {
        let id = self.labels.of_row[row]?;
        let mine = &self.table.rows()[row];
        near.clear();
        let comparable = |other: &usize| {
            let theirs = &self.table.rows()[*other];
            *other != row && self.labels.of_row[*other].is_some() && theirs.name != mine.name
        };
        near.extend((0..self.table.len()).filter(comparable).map(|other| {
            (self.distance.between(self.table.embedding(row), self.table.embedding(other)) as f32, other)
        }));
        near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let own: Vec<f32> = near.iter().filter(|(_, at)| self.is_of(*at, id)).map(|(d, _)| *d).collect();
        let core = near.iter().filter(|(_, at)| self.core[*at] && self.is_of(*at, id)).map(|(d, _)| *d);
        let core: Vec<f32> = core.collect();
        let counted = (own.len() as f32 * self.config.own_share).ceil() as usize;
        let own_mean = mean(core.get(..counted.clamp(1, core.len().max(1)))?);
        let (looks_like, other_mean) = self.nearest_other(id, near)?;
        let votes = self.labels.rows[looks_like].len().min(VOTES).min(near.len());
        let for_it = near[..votes].iter().filter(|(_, at)| self.is_of(*at, looks_like)).count();
        let vote = for_it as f32 / votes.max(1) as f32;
        let (distance, nearest) = *near.iter().find(|(_, at)| self.is_of(*at, looks_like))?;
        let own_rank = 1 + near.iter().position(|(_, at)| self.is_of(*at, id))?;
        Some(Suspect {
            row,
            looks_like: self.labels.names[looks_like].to_owned(),
            nearest,
            distance,
            own_rank,
            own_distance: own[0],
            score: (own_mean - other_mean) / (self.scale.different - self.scale.same)
                + self.config.vote_weight * vote,
            is_doubtful: false,
        })
    }

    fn is_of(&self, row: usize, id: usize) -> bool {
        self.labels.of_row[row] == Some(id)
    }

    /// The identity other than `id` whose nearest images are nearest on average, with that average.
    fn nearest_other(&self, id: usize, near: &[(f32, usize)]) -> Option<(usize, f32)> {
        let mut sums: BTreeMap<usize, (f32, usize)> = BTreeMap::new();
        let mut best: Option<(usize, f32)> = None;
        for (distance, at) in near {
            // Averages only grow with farther images.
            if best.is_some_and(|(_, mean)| self.config.other_images as f32 * mean < *distance) {
                break;
            }
            let Some(other) = self.labels.of_row[*at].filter(|other| *other != id) else { continue };
            // Half of a small identity may be wrong itself.
            let wanted = self.config.other_images.min(self.labels.rows[other].len().div_ceil(2));
            let (sum, count) = sums.entry(other).or_default();
            if *count == wanted {
                continue;
            }
            (*sum, *count) = (*sum + distance, *count + 1);
            let mean = *sum / *count as f32;
            if *count == wanted && best.is_none_or(|(_, least)| mean < least) {
                best = Some((other, mean));
            }
        }
        best
    }
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len().max(1) as f32
}

/// Lowers the scores of the suspects that look like a hub.
fn lower_hubs(suspects: &mut [Suspect], labels: &Labels<'_>, config: &MislabelConfig) {
    let mut fans: BTreeMap<String, BTreeSet<Option<usize>>> = BTreeMap::new();
    for suspect in suspects.iter().filter(|suspect| suspect.score >= HUB_SCORE) {
        fans.entry(suspect.looks_like.clone()).or_default().insert(labels.of_row[suspect.row]);
    }
    for suspect in suspects {
        if fans.get(&suspect.looks_like).is_some_and(|fans| fans.len() > config.hub_identities) {
            suspect.is_doubtful = true;
            suspect.score -= HUB_PENALTY;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;
    use crate::{ModelTag, Row};

    fn table(labels: &[Option<&str>], values: Vec<f32>) -> EmbeddingTable {
        let row = |(at, label): (usize, &Option<&str>)| Row {
            identity: label.map(str::to_owned),
            ..Row::new(format!("{at}.jpg"))
        };
        let dimension = values.len() / labels.len();
        let tag = ModelTag::new("toy", "", dimension, Distance::Euclidean);
        EmbeddingTable::new(tag, labels.iter().enumerate().map(row).collect(), values).unwrap()
    }

    fn run(table: &EmbeddingTable) -> Suspects {
        mislabelled(table, Distance::Euclidean, &MislabelConfig::default()).unwrap()
    }

    /// 20 people of 10 images each around centres of equal distance.
    fn people(spread: f32) -> (Vec<String>, Vec<f32>) {
        let mut random = Pcg64::seed_from_u64(5);
        let (mut labels, mut values) = (Vec::new(), Vec::new());
        for person in 0..20 {
            let centre: Vec<f32> = (0..20).map(|at| f32::from(u8::from(at == person))).collect();
            for _ in 0..10 {
                labels.push(format!("p{person:02}"));
                values.extend(centre.iter().map(|c| c + spread * (random.random::<f32>() - 0.5)));
            }
        }
        (labels, values)
    }

    #[test]
    fn several_wrong_labels_in_one_identity_do_not_hide_each_other() {
        let (mut labels, values) = people(0.3);
        // Two of ten images of the first person show the second one, and the other way round.
        for at in 0..2 {
            "p01".clone_into(&mut labels[at]);
            "p00".clone_into(&mut labels[10 + at]);
        }
        let labels: Vec<Option<&str>> = labels.iter().map(|l| Some(l.as_str())).collect();
        let found = run(&table(&labels, values));
        let mut rows: Vec<usize> = found.suspects.iter().map(|s| s.row).collect();
        rows.sort_unstable();
        assert_eq!(rows, [0, 1, 10, 11]);
        assert!(found.suspects.iter().all(|s| !s.is_doubtful));
        assert_eq!(found.examined, 200);
    }

    #[test]
    fn right_labels_are_not_reported() {
        let (labels, values) = people(0.3);
        let labels: Vec<Option<&str>> = labels.iter().map(|l| Some(l.as_str())).collect();
        assert!(run(&table(&labels, values)).suspects.is_empty());
    }

    #[test]
    fn nothing_to_compare_is_no_error() {
        assert_eq!(run(&table(&[Some("a")], vec![1.0])).scale, None);
        assert_eq!(run(&table(&[None, None], vec![1.0, 2.0])).examined, 0);
        assert!(run(&table(&[Some("a"), Some("a")], vec![1.0, 2.0])).suspects.is_empty());
        assert!(run(&table(&[Some("a"), Some("b")], vec![1.0, 2.0])).suspects.is_empty());
        let equal = run(&table(&[Some("a"), Some("a"), Some("b"), Some("b")], vec![3.0; 4]));
        assert!(equal.suspects.is_empty(), "constant embeddings");
        assert_eq!(equal.scale, Some(Scale { same: 0.0, different: 0.0 }));
    }

    #[test]
    fn an_identity_that_bad_pictures_of_many_resemble_is_doubtful() {
        let (labels, mut values) = people(0.3);
        // One image of each of eight people, and all images of the last one, lie at the same place.
        for person in 0..8 {
            values[person * 200..person * 200 + 20].fill(3.0 + person as f32 * 1e-3);
        }
        values[19 * 200..].fill(3.0);
        let labels: Vec<Option<&str>> = labels.iter().map(|l| Some(l.as_str())).collect();
        let found = run(&table(&labels, values));
        let of_hub: Vec<_> = found.suspects.iter().filter(|s| s.looks_like == "p19").collect();
        assert!(!of_hub.is_empty() && of_hub.iter().all(|s| s.is_doubtful), "{found:?}");
    }

    #[test]
    fn settings_are_checked() {
        let config = MislabelConfig { other_images: 0, ..MislabelConfig::default() };
        assert!(mislabelled(&table(&[Some("a")], vec![1.0]), Distance::Euclidean, &config).is_err());
    }
}
