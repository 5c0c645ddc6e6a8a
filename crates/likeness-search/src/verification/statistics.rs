//! Statistics of all pairs of a labelled table, collected in one pass.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Mutex;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::bins::{Bins, SAMPLE};
use super::collect::{Collector, Plan};
use super::distribution::Distribution;
use super::identities::IdentityCounts;
use crate::identities::Identities;
use crate::index::{Exclusions, Pairs, Precision, Repeats, check_sides};
use crate::{Distance, EmbeddingTable, Protocol, Resamples, Result, SearchError};

/// Up to this number of pairs, all distances are kept and sorted.
const KEEP_ALL: u64 = 1 << 24;
/// Up to this number of identities, pairs of identities are counted.
const MAX_PAIRED: usize = 724;
/// Number of counts of pairs of identities; they take 128 MiB.
const MAX_CELLS: usize = 1 << 25;
/// Number of groups that identities are divided into if there are more.
const MAX_GROUPS: usize = 2048;
/// The most and the usual number of coarse bins.
const MOST_BINS: usize = 512;
const GROUP_BINS: usize = 256;
/// Number of queries in a block.
const BLOCK: usize = 128;
/// The seed of the sample that the bins are chosen by.
const SEED: u64 = 0;

/// Options of [`PairStatistics`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairConfig {
    /// The distance of a pair.
    pub distance: Distance,
    /// Which pairs are compared: all of them, or queries with gallery images.
    pub protocol: Protocol,
    /// The number of pairs up to which all distances are computed in f64 and kept.
    pub keep_all: u64,
}

impl Default for PairConfig {
    /// All pairs by cosine distance; exact up to 16.8 million pairs.
    fn default() -> Self {
        Self { distance: Distance::Cosine, protocol: Protocol::LeaveOneOut, keep_all: KEEP_ALL }
    }
}

/// The distances of all mated and non-mated pairs of a table.
///
/// Memory is bounded: a table with at most [`PairConfig::keep_all`] pairs keeps all distances. Otherwise distances are estimated
/// in f32 and counted in 65,536 bins over the range of the distance (a bin of the cosine distance is 3e-5 wide), and the 262,144
/// smallest non-mated distances are kept as exact values, so that thresholds at low false match rates are exact.
pub struct PairStatistics {
    distance: Distance,
    protocol: Protocol,
    identities: Vec<String>,
    images: u64,
    unlabelled: u64,
    exact: bool,
    mated: Distribution,
    non_mated: Distribution,
    pub(super) counts: IdentityCounts,
}

impl PairStatistics {
    /// Visits all pairs of `table` once, on all cores.
    ///
    /// # Conventions   an unordered pair counts once, also if both images are query and gallery image; two faces of a photo and two
    ///   images with the same content are no pair; rows without an identity are left out and counted
    /// # Errors        no labelled image on one side → `BadArgument`; negative values under the Jaccard distance → `BadEmbeddings`
    /// # Examples
    /// ```
    /// use likeness_search::verification::{PairConfig, PairStatistics};
    /// use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
    ///
    /// let row = |name: &str| Row { identity: Some(name[..1].into()), ..Row::new(name) };
    /// let rows = ["a1", "a2", "b1", "b2"].map(row).to_vec();
    /// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
    /// let table = EmbeddingTable::new(model, rows, vec![0.0, 1.0, 10.0, 5.0])?;
    ///
    /// let config = PairConfig { distance: Distance::Euclidean, ..PairConfig::default() };
    /// let pairs = PairStatistics::new(&table, &config)?;
    /// assert_eq!((pairs.mated().len(), pairs.non_mated().len()), (2, 4));
    /// assert_eq!(pairs.non_mated().at_most(5.0), 2); // a1–b2 at 5, a2–b2 at 4
    /// # Ok::<(), likeness_search::SearchError>(())
    /// ```
    pub fn new(table: &EmbeddingTable, config: &PairConfig) -> Result<Self> {
        let sides = Sides::new(table, config)?;
        let queries = table.take(&sides.query_rows);
        let other = (!sides.same).then(|| table.take(&sides.gallery_rows));
        let gallery = other.as_ref().unwrap_or(&queries);
        check_sides(&queries, gallery, config.distance)?;
        let exclusions = Exclusions::by_content(&queries, gallery, false).and_by_photo(
            table,
            &sides.query_rows,
            &sides.gallery_rows,
        );
        let upper = queries.len() as u64 * gallery.len() as u64 / if sides.same { 2 } else { 1 };
        let exact = upper <= config.keep_all;
        let precision = if exact { Precision::Exact } else { Precision::Estimated };
        let mut pairs = Pairs::new((&queries, gallery), config.distance, &exclusions, precision);
        if !sides.same {
            pairs = pairs.with_repeats(sides.repeats());
        }
        let range = range(&queries, gallery, config.distance);
        let plan = sides.plan(&pairs, range, exact);
        Ok(collect(sides, &pairs, plan, config))
    }

    /// The distance of the pairs.
    pub fn distance(&self) -> Distance {
        self.distance
    }

    /// The rule that selected the pairs.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The names of all identities, sorted.
    pub fn identities(&self) -> &[String] {
        &self.identities
    }

    /// The number of labelled images on either side.
    pub fn images(&self) -> u64 {
        self.images
    }

    /// The number of images without an identity, which were left out.
    pub fn unlabelled(&self) -> u64 {
        self.unlabelled
    }

    /// Whether all distances were computed in f64 and kept.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// The distances of pairs of images of one identity.
    pub fn mated(&self) -> &Distribution {
        &self.mated
    }

    /// The distances of pairs of images of different identities.
    pub fn non_mated(&self) -> &Distribution {
        &self.non_mated
    }

    /// Resamples of the identities of this table.
    pub fn resamples(&self, count: u32, seed: u64) -> Resamples {
        Resamples { identities: self.identities.len(), count, seed }
    }
}

/// The labelled rows of both sides, sorted by identity.
struct Sides {
    identities: Vec<String>,
    query_rows: Vec<usize>,
    gallery_rows: Vec<usize>,
    /// The identity of each query and gallery row.
    query_identity: Vec<u32>,
    gallery_identity: Vec<u32>,
    same: bool,
    images: u64,
    unlabelled: u64,
}

impl Sides {
    fn new(table: &EmbeddingTable, config: &PairConfig) -> Result<Self> {
        let (queries, gallery) = config.protocol.rows(table);
        let identities = Identities::of(table, &[&queries, &gallery]);
        let sorted = |rows: &[usize], side: &str| {
            let mut rows: Vec<(u32, usize)> =
                rows.iter().filter_map(|&row| Some((identities.of_row(row)?, row))).collect();
            rows.sort_unstable();
            if rows.is_empty() {
                let reason = format!("{side}: expected at least one image with an identity, found none");
                return Err(SearchError::BadArgument { reason });
            }
            Ok(rows.into_iter().unzip())
        };
        let same = queries == gallery;
        let (query_identity, query_rows) = sorted(&queries, "queries")?;
        let (gallery_identity, gallery_rows) = sorted(&gallery, "gallery")?;
        let (images, unlabelled) = (identities.labelled() as u64, identities.unlabelled() as u64);
        let identities = identities.into_names();
        Ok(Self {
            identities,
            query_rows,
            gallery_rows,
            query_identity,
            gallery_identity,
            same,
            images,
            unlabelled,
        })
    }

    /// Numbers the rows that are both query and gallery image.
    fn repeats(&self) -> Repeats {
        let queries: HashMap<usize, u32> = self.query_rows.iter().copied().zip(1..).collect();
        let gallery: HashMap<usize, u32> = self.gallery_rows.iter().copied().zip(1..).collect();
        let of_query = |row: &usize| if gallery.contains_key(row) { queries[row] } else { 0 };
        let of_gallery = |row: &usize| queries.get(row).copied().unwrap_or(u32::MAX);
        Repeats {
            queries: self.query_rows.iter().map(of_query).collect(),
            gallery: self.gallery_rows.iter().map(of_gallery).collect(),
        }
    }

    fn plan(&self, pairs: &Pairs, range: f32, keep_all: bool) -> Plan {
        let identities = self.identities.len();
        let cells = (identities * identities.saturating_sub(1) / 2).max(1);
        let mut images = vec![0u64; identities];
        self.gallery_identity.iter().for_each(|&identity| images[identity as usize] += 1);
        let largest = images.iter().copied().max().unwrap_or(0);
        // A count of a pair of identities must fit 32 bits.
        let paired = identities <= MAX_PAIRED && largest < 1 << 16;
        let bins = if paired { (MAX_CELLS / cells).clamp(8, MOST_BINS) } else { GROUP_BINS };
        let bins = Bins::new(range, bins, &self.sample(pairs));
        let groups = if paired { identities } else { identities.min(MAX_GROUPS) };
        let row = |identity| Mutex::new(vec![0; (identities - identity - 1) * bins.len()]);
        let between = paired.then(|| (0..identities).map(row).collect());
        let mut end = 0;
        let gallery_end = images.iter().map(|&images| {
            end += images as usize;
            end
        });
        Plan {
            keep_all,
            query_identity: self.query_identity.clone(),
            gallery_identity: self.gallery_identity.clone(),
            gallery_end: gallery_end.collect(),
            group_of: (0..identities as u32).map(|identity| identity % groups as u32).collect(),
            groups,
            between,
            bins,
        }
    }

    /// The sorted distances of random non-mated pairs.
    fn sample(&self, pairs: &Pairs) -> Vec<f32> {
        let (queries, rows) = (self.query_rows.len(), self.gallery_rows.len());
        let mut random = Pcg64::seed_from_u64(SEED);
        let drawn: Vec<(usize, usize)> = (0..SAMPLE.min(4 * queries * rows))
            .map(|_| (random.random_range(0..queries), random.random_range(0..rows)))
            .filter(|&(query, row)| self.query_identity[query] != self.gallery_identity[row])
            .collect();
        let mut distances: Vec<f32> = drawn
            .into_par_iter()
            .filter(|&(query, row)| !pairs.is_excluded(query, row))
            .map(|(query, row)| pairs.distance(query, row))
            .collect();
        distances.par_sort_unstable_by(f32::total_cmp);
        distances
    }

    /// Blocks of queries; each contains one identity if pairs of identities are counted.
    fn blocks(&self, paired: bool) -> Vec<Range<usize>> {
        let split = |run: Range<usize>| {
            let end = run.end;
            run.step_by(BLOCK).map(move |start| start..(start + BLOCK).min(end))
        };
        if !paired {
            return split(0..self.query_rows.len()).collect();
        }
        let mut start = 0;
        let runs = self.query_identity.chunk_by(|a, b| a == b).map(|run| {
            start += run.len();
            start - run.len()..start
        });
        runs.flat_map(split).collect()
    }
}

/// An upper bound of the distances.
fn range(queries: &EmbeddingTable, gallery: &EmbeddingTable, distance: Distance) -> f32 {
    let largest_norm = |table: &EmbeddingTable| {
        let rows = table.embeddings().par_chunks(table.dimension());
        let squared = |row: &[f32]| row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>();
        rows.map(squared).reduce(|| 0.0, f64::max).sqrt()
    };
    let bound = || (largest_norm(queries) + largest_norm(gallery)) * (1.0 + 1e-6);
    match distance {
        Distance::Cosine => 2.0,
        Distance::Jaccard => 1.0,
        Distance::Euclidean => bound() as f32,
        Distance::SquaredEuclidean => bound().powi(2) as f32,
    }
}

fn collect(sides: Sides, pairs: &Pairs, plan: Plan, config: &PairConfig) -> PairStatistics {
    let blocks = sides.blocks(plan.between.is_some());
    let collectors = pairs.visit(&blocks, || Collector::new(&plan));
    let mut collected =
        collectors.into_iter().reduce(Collector::merge).expect("there is at least one thread");
    let (mated, non_mated) = if plan.keep_all {
        let take = |distances: &mut Vec<f32>| Distribution::sorted(std::mem::take(distances));
        (take(&mut collected.mated), take(&mut collected.non_mated))
    } else {
        let (tail, width) = (exact_tail(&collected, pairs), plan.bins.width());
        let non_mated = Distribution::binned(&collected.non_mated_bins, tail, width);
        (Distribution::binned(&collected.mated_bins, Vec::new(), width), non_mated)
    };
    let (mated_counts, non_mated_counts) =
        (std::mem::take(&mut collected.mated_counts), std::mem::take(&mut collected.non_mated_counts));
    drop(collected);
    let mut counts = IdentityCounts {
        edges: plan.bins.edges().to_vec(),
        group_of: plan.group_of,
        groups: plan.groups,
        mated: mated_counts,
        non_mated: non_mated_counts,
        between: plan.between.map(|rows| {
            rows.into_iter().map(|row| row.into_inner().expect("no thread panicked while it added")).collect()
        }),
    };
    counts.sum_between();
    PairStatistics {
        distance: config.distance,
        protocol: config.protocol,
        identities: sides.identities,
        images: sides.images,
        unlabelled: sides.unlabelled,
        exact: plan.keep_all,
        mated,
        non_mated,
        counts,
    }
}

/// The exact values of the smallest non-mated distances, sorted, as far as they are complete.
fn exact_tail(collected: &Collector, pairs: &Pairs) -> Vec<f32> {
    let (limit, tail) = (collected.tail_limit(), &collected.tail);
    let exact = tail.par_iter().map(|&(_, query, row)| pairs.distance(query as usize, row as usize));
    let mut exact: Vec<f32> = exact.collect();
    exact.par_sort_unstable_by(f32::total_cmp);
    if limit.is_finite() {
        let complete = pairs.surely_visited_below(limit);
        exact.truncate(exact.partition_point(|&distance| distance < complete));
    }
    exact
}
