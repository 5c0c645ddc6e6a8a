//! Evaluates embeddings: selects queries and gallery, and computes the metrics of the search.
//!
//! The metrics depend on the rank of every relevant image in the whole gallery. These ranks are counted, so memory does not
//! grow with queries × gallery. Queries without an image of their identity in the gallery (unmated) are excluded from the
//! metrics and counted. Gallery images without an identity are distractors. Queries without an identity are excluded and
//! counted.

mod bootstrap;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::index::{Exclusions, check_sides, relevant_ranks};
use crate::metric::{challenge_score, cmc_curve, mean, precision_at};
use crate::{Distance, EmbeddingTable, RankingMeasure, RankingMeasures, Result, Role, SearchError};

pub use bootstrap::Intervals;

/// The maximum number of resamples; more would use memory without changing a printed digit.
const MAX_RESAMPLES: u32 = 1_000_000;
/// The last rank of the CMC curve in an [`Evaluation`].
const CMC_RANKS: u32 = 50;

/// The rule that selects queries and gallery from one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Every image is a query against all other images.
    #[default]
    LeaveOneOut,
    /// The role of each row decides whether it is a query, a gallery image or both.
    QueryGallery,
}

impl Protocol {
    /// The rows of `table` that are queries, and the rows that are the gallery, each in ascending order.
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

/// Options of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluateConfig {
    /// The distance that ranks the gallery.
    pub distance: Distance,
    /// Whether a query may find its own file.
    pub allow_self: bool,
    /// Number of bootstrap resamples for the intervals, at most a million; 0 computes no intervals.
    pub resamples: u32,
    /// Random seed of the bootstrap.
    pub seed: u64,
}

impl Default for EvaluateConfig {
    /// Cosine distance, no self matches and 1000 resamples, the usual number for 95 % percentile intervals.
    fn default() -> Self {
        Self { distance: Distance::Cosine, allow_self: false, resamples: 1000, seed: 0 }
    }
}

impl EvaluateConfig {
    /// Checks the options.
    ///
    /// # Errors        more than a million resamples → `BadArgument`
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
    /// The protocol; `None` if queries and gallery were given as separate tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// The distance that ranked the gallery.
    pub distance: Distance,
    /// Number of mated queries: those with an image of their identity in the gallery. The metrics are computed over them.
    pub queries: usize,
    /// Number of labelled queries without an image of their identity in the gallery.
    pub unmated: usize,
    /// Number of queries without an identity, excluded from the metrics.
    pub unlabelled: usize,
    /// Number of identities among the mated queries.
    pub identities: usize,
    /// Number of images in the gallery.
    pub gallery: usize,
    /// Number of gallery images without an identity.
    pub distractors: usize,
    /// Share of queries whose first hit has the right identity.
    pub top1: f64,
    /// Share of queries with the right identity among the first five hits.
    pub top5: f64,
    /// Share of queries with the right identity among the first ten hits.
    pub top10: f64,
    /// Mean average precision.
    pub map: f64,
    /// Mean average precision at R (MAP@R).
    pub map_at_r: f64,
    /// Mean R-precision: the share of relevant images among the first R hits, where R is their number in the gallery.
    pub r_precision: f64,
    /// Mean share of relevant images among the first hit; equals `top1`.
    pub precision_at_1: f64,
    /// Mean share of relevant images among the first five hits.
    pub precision_at_5: f64,
    /// Mean share of relevant images among the first ten hits.
    pub precision_at_10: f64,
    /// Mean reciprocal rank of the first relevant image (MRR).
    pub mrr: f64,
    /// Mean inverse negative penalty: R divided by the rank of the last relevant image (mINP).
    pub minp: f64,
    /// 600 · top1 + 300 · top5 + 100 · top10.
    pub challenge_score: f64,
    /// Share of queries with the right identity among the first k hits, for k from 1 to 50 (the CMC curve).
    pub cmc: Vec<f64>,
    /// Confidence intervals from resampling identities; `None` without resamples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
    /// One outcome for each mated query, in query order.
    #[serde(skip)]
    pub outcomes: Vec<QueryOutcome>,
    /// The ranking metrics of each mated query, for comparisons and slices.
    #[serde(skip)]
    pub measures: RankingMeasures,
}

/// The outcome of one mated query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryOutcome {
    /// The query's row in its table.
    pub row: usize,
    /// The ranks of all relevant images in the whole gallery, ascending, counted from 1; never empty.
    pub relevant_ranks: Vec<u32>,
    /// The average precision of this query.
    pub average_precision: f64,
}

/// Evaluates one table of labelled embeddings under `protocol`.
///
/// # Conventions   an image never finds itself, another face of its photo or a file with the same content, unless
///   `allow_self`; only [`Protocol::QueryGallery`] uses the rows' roles
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

/// Evaluates some rows of a table (`queries`) against other rows of it (`gallery`); both are in ascending order.
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

/// Evaluates a table of queries against a table of gallery images; the rows' roles are ignored.
///
/// # Conventions   a query never finds a file with the same content hash unless `allow_self`
/// # Errors        the errors of [`evaluate`]; the two tables differ in dimension or fingerprint
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

/// The labelled queries, the gallery, and the gallery rows excluded for each query.
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

    /// For each query, the gallery rows of its identity that are not excluded, in ascending order.
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
        let rows: Vec<usize> = mated.iter().map(|&query| self.query_rows[query]).collect();
        let measures = RankingMeasures::new(rows, &self.names(mated), &ranks);
        let first_ranks: Vec<Option<u32>> = measures.first_ranks().iter().copied().map(Some).collect();
        let cmc = cmc_curve(&first_ranks, CMC_RANKS);
        let (top1, top5, top10) = (cmc[0], cmc[4], cmc[9]);
        let precision = |k| mean(&ranks.iter().map(|ranks| precision_at(ranks, k)).collect::<Vec<_>>());
        let intervals = (config.resamples > 0).then(|| Intervals::over_identities(&measures, config));
        Ok(Evaluation {
            protocol,
            distance: config.distance,
            queries: mated.len(),
            unmated: self.queries.len() - mated.len(),
            unlabelled: self.unlabelled,
            identities: measures.identities().len(),
            gallery: self.gallery.len(),
            distractors: self.gallery.rows().iter().filter(|row| row.identity.is_none()).count(),
            top1,
            top5,
            top10,
            map: measures.mean(RankingMeasure::Map),
            map_at_r: measures.mean(RankingMeasure::MapAtR),
            r_precision: measures.mean(RankingMeasure::RPrecision),
            precision_at_1: precision(1),
            precision_at_5: precision(5),
            precision_at_10: precision(10),
            mrr: measures.mean(RankingMeasure::Mrr),
            minp: measures.mean(RankingMeasure::Minp),
            challenge_score: challenge_score(top1, top5, top10)?,
            cmc,
            intervals,
            outcomes: outcomes(&measures, ranks),
            measures,
        })
    }

    /// The name of each mated query's identity.
    fn names(&self, mated: &[usize]) -> Vec<&str> {
        let rows = self.queries.rows();
        mated.iter().map(|&query| rows[query].identity.as_deref().expect("queries are labelled")).collect()
    }
}

fn outcomes(measures: &RankingMeasures, ranks: Vec<Vec<u32>>) -> Vec<QueryOutcome> {
    let precisions = measures.values(RankingMeasure::Map);
    let outcome = |((&row, &average_precision), relevant_ranks)| QueryOutcome {
        row,
        relevant_ranks,
        average_precision,
    };
    measures.rows().iter().zip(precisions).zip(ranks).map(outcome).collect()
}
