//! From embeddings to metrics: which images are queries, which are the gallery, and how well the first find theirs.
//!
//! The metrics look at the rank of every relevant image in the whole gallery; those ranks are counted, so memory
//! does not grow with queries × gallery. Queries without an image of their identity in the gallery (unmated) leave
//! the metrics and are counted; gallery images without an identity are distractors; queries without one are left
//! out and counted.

mod bootstrap;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::metric::{average_precision, average_precision_at_r, challenge_score, cmc_curve, mean};
use crate::rank::{Exclusions, check_sides, relevant_ranks};
use crate::{Distance, EmbeddingTable, Result, Role, SearchError};

pub use bootstrap::{Interval, Intervals};

/// Resamples that an evaluation may ask for; more change no digit that is shown and cost memory.
const MAX_RESAMPLES: u32 = 1_000_000;
/// The last rank of the curve in an [`Evaluation`].
const CMC_RANKS: u32 = 50;

/// Who searches for what in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Every image searches among all the others.
    #[default]
    LeaveOneOut,
    /// The rows' roles say: queries search in the gallery.
    QueryGallery,
}

impl Protocol {
    /// The rows of `table` that are queries, and those that are the gallery, ascending.
    pub(crate) fn rows(self, table: &EmbeddingTable) -> (Vec<usize>, Vec<usize>) {
        let of = |keep: fn(Role) -> bool| -> Vec<usize> {
            (0..table.len()).filter(|&row| keep(table.rows()[row].role)).collect()
        };
        match self {
            Self::LeaveOneOut => (of(|_| true), of(|_| true)),
            Self::QueryGallery => (of(Role::is_query), of(Role::is_gallery)),
        }
    }
}

/// How to evaluate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluateConfig {
    /// What orders the gallery.
    pub distance: Distance,
    /// Whether a query may find its own file.
    pub allow_self: bool,
    /// Resamples for the intervals, at most a million; 0 leaves the intervals out.
    pub resamples: u32,
    /// Seed of the resampling.
    pub seed: u64,
}

impl Default for EvaluateConfig {
    /// Cosine distance, no self matches, 1000 resamples as is usual for 95 % percentile intervals.
    fn default() -> Self {
        Self { distance: Distance::Cosine, allow_self: false, resamples: 1000, seed: 0 }
    }
}

impl EvaluateConfig {
    /// Whether the settings make sense.
    ///
    /// # Errors        more resamples than a million → `BadArgument`
    pub fn validate(&self) -> Result<()> {
        if self.resamples <= MAX_RESAMPLES {
            return Ok(());
        }
        let reason = format!("resamples: expected at most {MAX_RESAMPLES}, found {}", self.resamples);
        Err(SearchError::BadArgument { reason })
    }
}

/// The metrics of one set of queries against one gallery. Shares are fractions in [0, 1].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Who searched for what; `None` where queries and gallery were given apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// What ordered the gallery.
    pub distance: Distance,
    /// Queries with an image of their identity in the gallery: those the metrics are about.
    pub queries: usize,
    /// Labelled queries without one.
    pub unmated: usize,
    /// Queries without an identity, left out.
    pub unlabelled: usize,
    /// Identities among the mated queries.
    pub identities: usize,
    /// Images in the gallery.
    pub gallery: usize,
    /// Those without an identity.
    pub distractors: usize,
    /// Share of queries whose first hit is right.
    pub top1: f64,
    /// Share of queries with a right hit in the first five.
    pub top5: f64,
    /// Share of queries with a right hit in the first ten.
    pub top10: f64,
    /// Mean average precision.
    pub map: f64,
    /// Mean average precision at R.
    pub map_at_r: f64,
    /// 600 · top1 + 300 · top5 + 100 · top10.
    pub challenge_score: f64,
    /// Share of queries with a right hit in the first k, for k from 1 to 50.
    pub cmc: Vec<f64>,
    /// What another draw of identities might have given; `None` without resamples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
    /// One outcome for each mated query, in query order.
    #[serde(skip)]
    pub outcomes: Vec<QueryOutcome>,
}

/// How one mated query fared.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryOutcome {
    /// The query's row in the table it was given in.
    pub row: usize,
    /// The ranks of its relevant images in the whole gallery, ascending, from 1; never empty.
    pub relevant_ranks: Vec<u32>,
    /// Its average precision.
    pub average_precision: f64,
}

/// Evaluates one table of labelled embeddings under `protocol`.
///
/// # Conventions   an image never finds itself, another face of its photo or a file of the same content, unless
///   `allow_self`; roles matter to [`Protocol::QueryGallery`] alone
/// # Errors        no labelled query, no gallery, no query with an image of its identity in the gallery, negative
///   values under the Jaccard distance
/// # Examples
/// Two identities at the ends of a line; the image in the middle is nearer to the wrong one.
/// ```
/// use likeness_search::{Distance, EmbeddingTable, EvaluateConfig, ModelTag, Protocol, Row, evaluate};
///
/// let row = |name: &str| Row { identity: Some(name[..1].into()), ..Row::new(name) };
/// let rows = ["a1", "a2", "b1", "b2"].map(row).to_vec();
/// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// let table = EmbeddingTable::new(model, rows, vec![0.0, 1.0, 10.0, 5.0])?;
///
/// let config = EvaluateConfig { distance: Distance::Euclidean, ..EvaluateConfig::default() };
/// let evaluation = evaluate(&table, Protocol::LeaveOneOut, &config)?;
/// assert_eq!((evaluation.queries, evaluation.unmated), (4, 0));
/// assert_eq!(evaluation.top1, 0.75); // b2 has a2 at distance 4, b1 at distance 5
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn evaluate(table: &EmbeddingTable, protocol: Protocol, config: &EvaluateConfig) -> Result<Evaluation> {
    let (query_rows, gallery_rows) = protocol.rows(table);
    evaluate_rows(table, (&query_rows, &gallery_rows), Some(protocol), config)
}

/// Evaluates some rows of a table, the queries, against others, the gallery; both ascending.
pub(crate) fn evaluate_rows(
    table: &EmbeddingTable,
    (all_queries, gallery_rows): (&[usize], &[usize]),
    protocol: Option<Protocol>,
    config: &EvaluateConfig,
) -> Result<Evaluation> {
    let query_rows = labelled(table, all_queries);
    let (queries, gallery) = (table.part(&query_rows), table.part(gallery_rows));
    let exclusions = Exclusions::by_content(&queries, &gallery, config.allow_self).and_by_photo(
        table,
        &query_rows,
        gallery_rows,
    );
    let unlabelled = all_queries.len() - query_rows.len();
    let sides =
        Sides { queries: &queries, query_rows: &query_rows, gallery: &gallery, exclusions, unlabelled };
    sides.evaluate(protocol, config)
}

/// Evaluates queries against a gallery given apart; the rows' roles do not matter.
///
/// # Conventions   a query never finds a file of the same content hash unless `allow_self`
/// # Errors        as [`evaluate`]; another dimension or fingerprint on the two sides
pub fn evaluate_between(
    queries: &EmbeddingTable,
    gallery: &EmbeddingTable,
    config: &EvaluateConfig,
) -> Result<Evaluation> {
    let query_rows = labelled(queries, &(0..queries.len()).collect::<Vec<_>>());
    let unlabelled = queries.len() - query_rows.len();
    let queries = queries.part(&query_rows);
    let exclusions = Exclusions::by_content(&queries, gallery, config.allow_self);
    let sides = Sides { queries: &queries, query_rows: &query_rows, gallery, exclusions, unlabelled };
    sides.evaluate(None, config)
}

fn labelled(table: &EmbeddingTable, rows: &[usize]) -> Vec<usize> {
    rows.iter().copied().filter(|&row| table.rows()[row].identity.is_some()).collect()
}

/// Labelled queries, the gallery, and who must not find whom.
struct Sides<'a> {
    queries: &'a EmbeddingTable,
    query_rows: &'a [usize],
    gallery: &'a EmbeddingTable,
    exclusions: Exclusions,
    unlabelled: usize,
}

impl Sides<'_> {
    fn evaluate(&self, protocol: Option<Protocol>, config: &EvaluateConfig) -> Result<Evaluation> {
        config.validate()?;
        if self.queries.is_empty() {
            let reason = "queries: expected at least one image with an identity, found none".into();
            return Err(SearchError::BadArgument { reason });
        }
        check_sides(self.queries, self.gallery, config.distance)?;
        let relevant = self.relevant();
        let ranks = relevant_ranks(self.queries, self.gallery, config.distance, &self.exclusions, &relevant);
        let mated = (0..self.queries.len()).zip(ranks).filter(|(_, ranks)| !ranks.is_empty());
        let (mated, ranks): (Vec<usize>, Vec<Vec<u32>>) = mated.unzip();
        if mated.is_empty() {
            let reason = "queries: expected at least one whose identity has another image in the gallery, \
                          found none; check that both sides use the same identity names"
                .into();
            return Err(SearchError::BadArgument { reason });
        }
        self.summarize(protocol, config, &mated, ranks)
    }

    /// For each query the gallery rows of its identity that it may find, ascending.
    fn relevant(&self) -> Vec<Vec<u32>> {
        let mut rows_of: HashMap<&str, Vec<u32>> = HashMap::new();
        for (row, facts) in (0..).zip(self.gallery.rows()) {
            if let Some(identity) = &facts.identity {
                rows_of.entry(identity).or_default().push(row);
            }
        }
        let of = |(query, identity): (usize, Option<&str>)| {
            let left_out = self.exclusions.of(query);
            let rows = identity.and_then(|identity| rows_of.get(identity)).into_iter().flatten();
            rows.copied().filter(|row| left_out.binary_search(row).is_err()).collect()
        };
        self.queries.rows().iter().map(|row| row.identity.as_deref()).enumerate().map(of).collect()
    }

    fn summarize(
        &self,
        protocol: Option<Protocol>,
        config: &EvaluateConfig,
        mated: &[usize],
        ranks: Vec<Vec<u32>>,
    ) -> Result<Evaluation> {
        let first_ranks: Vec<Option<u32>> = ranks.iter().map(|ranks| ranks.first().copied()).collect();
        let cmc = cmc_curve(&first_ranks, CMC_RANKS);
        let (top1, top5, top10) = (cmc[0], cmc[4], cmc[9]);
        let at_r: Vec<f64> = ranks.iter().map(|r| average_precision_at_r(r, r.len())).collect();
        let precisions: Vec<f64> = ranks.iter().map(|r| average_precision(r, r.len())).collect();
        let identities = self.number_identities(mated);
        let top1_hits: Vec<f64> = ranks.iter().map(|r| f64::from(u8::from(r[0] == 1))).collect();
        let intervals = (config.resamples > 0)
            .then(|| Intervals::over_identities(&identities, &top1_hits, &precisions, config));
        let outcome = |((&query, relevant_ranks), &average_precision)| {
            let row = self.query_rows[query];
            QueryOutcome { row, relevant_ranks, average_precision }
        };
        Ok(Evaluation {
            protocol,
            distance: config.distance,
            queries: mated.len(),
            unmated: self.queries.len() - mated.len(),
            unlabelled: self.unlabelled,
            identities: identities.iter().max().map_or(0, |last| last + 1),
            gallery: self.gallery.len(),
            distractors: self.gallery.rows().iter().filter(|row| row.identity.is_none()).count(),
            top1,
            top5,
            top10,
            map: mean(&precisions),
            map_at_r: mean(&at_r),
            challenge_score: challenge_score(top1, top5, top10)?,
            cmc,
            intervals,
            outcomes: mated.iter().zip(ranks).zip(&precisions).map(outcome).collect(),
        })
    }

    /// The identities of the mated queries as numbers from 0, in order of appearance.
    fn number_identities(&self, mated: &[usize]) -> Vec<usize> {
        let mut numbers: HashMap<Option<&str>, usize> = HashMap::new();
        let identities = mated.iter().map(|&query| self.queries.rows()[query].identity.as_deref());
        identities
            .map(|identity| {
                let next = numbers.len();
                *numbers.entry(identity).or_insert(next)
            })
            .collect()
    }
}
