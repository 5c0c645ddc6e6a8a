//! The queries that a report shows, and the identities that a model confuses.

use std::collections::{BTreeMap, HashMap, HashSet};

use likeness_report::evaluation::{Confusion, Confusions, QueryHit, QueryRow, QuerySet};
use likeness_search::{Distance, EmbeddingTable, Evaluation, PhotoSearch, QueryOutcome, Row};

use super::thumbnail::Thumbnails;

/// Hits that a row shows.
pub(super) const HITS: usize = 10;
/// Queries of each kind: worst, typical, best.
const SHOWN: usize = 3;
/// The most queries whose margins are computed, so that the best of a large table are found in bounded time.
const CANDIDATES: usize = 200;
/// The most confused pairs of identities in the data of a report.
const CONFUSIONS: usize = 100;
/// Confused pairs with thumbnails.
const DRAWN: usize = 10;

/// A query whose first hit has another identity.
pub(super) struct WrongHit<'a> {
    pub(super) query: &'a Row,
    pub(super) hit: &'a Row,
    pub(super) distance: f64,
    /// Distance of the nearest image of the query's identity.
    pub(super) nearest_true: Option<f64>,
}

/// The searches of one model.
pub(super) struct Searches<'a> {
    pub(super) table: &'a EmbeddingTable,
    pub(super) evaluation: &'a Evaluation,
    pub(super) found: &'a PhotoSearch<'a>,
    pub(super) distance: Distance,
    /// The ranking of each query photo, by its name.
    rankings: HashMap<&'a str, usize>,
}

impl<'a> Searches<'a> {
    /// Relates the outcomes of `evaluation` to the rankings of `found`.
    pub(super) fn new(
        table: &'a EmbeddingTable,
        evaluation: &'a Evaluation,
        found: &'a PhotoSearch<'a>,
        distance: Distance,
    ) -> Self {
        let names = found.queries.rows().iter().map(|row| row.name.as_str());
        Self { table, evaluation, found, distance, rankings: names.zip(0..).collect() }
    }

    fn row(&self, outcome: &QueryOutcome) -> &'a Row {
        &self.table.rows()[outcome.row]
    }

    /// The hits of a query as gallery rows with distances, nearest first.
    fn hits(&self, outcome: &QueryOutcome) -> Vec<(&'a Row, f32)> {
        let Some(&at) = self.rankings.get(self.row(outcome).name.as_str()) else { return Vec::new() };
        let gallery = self.found.gallery.rows();
        let hits = self.found.rankings[at].hits().iter();
        hits.take(HITS).map(|hit| (&gallery[hit.gallery_id.index()], hit.distance)).collect()
    }

    /// The nearest gallery image of the query's identity, other than its own photo.
    fn nearest_true(&self, outcome: &QueryOutcome) -> Option<(&'a Row, f64)> {
        self.nearest(outcome, true)
    }

    /// The nearest gallery image of the query's identity, or of another one.
    fn nearest(&self, outcome: &QueryOutcome, own: bool) -> Option<(&'a Row, f64)> {
        let (query, vector) = (self.row(outcome), self.table.embedding(outcome.row));
        let gallery = &self.found.gallery;
        let candidates = gallery.rows().iter().enumerate().filter(|(_, row)| {
            row.identity.is_some()
                && (row.identity == query.identity) == own
                && row.name != query.name
                && (row.sha256.is_empty() || row.sha256 != query.sha256)
        });
        let distances =
            candidates.map(|(at, row)| (row, self.distance.between(vector, gallery.embedding(at))));
        distances.min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Worst, typical and best queries of the model at `model`.
    pub(super) fn shown(&self, model: usize, thumbnails: Option<&Thumbnails>) -> QuerySet {
        let outcomes = &self.evaluation.outcomes;
        let mut by_precision: Vec<&QueryOutcome> = outcomes.iter().collect();
        by_precision.sort_by(|a, b| a.average_precision.total_cmp(&b.average_precision));
        let median = by_precision.get(by_precision.len() / 2).map(|outcome| outcome.average_precision);
        let worst = self.of_different_identities(by_precision.iter().copied(), &mut HashSet::new());
        let mut typical = by_precision.clone();
        let from_median = |outcome: &&QueryOutcome| (outcome.average_precision - median.unwrap_or(0.0)).abs();
        typical.sort_by(|a, b| from_median(a).total_cmp(&from_median(b)));
        let mut seen: HashSet<&str> = worst.iter().filter_map(|o| self.row(o).identity.as_deref()).collect();
        let typical = self.of_different_identities(typical.into_iter(), &mut seen);
        let best = self.of_different_identities(self.widest_margins().into_iter(), &mut seen);
        let rows =
            |chosen: Vec<&QueryOutcome>| chosen.iter().map(|o| self.query_row(o, thumbnails)).collect();
        QuerySet {
            model,
            worst: rows(worst),
            typical: rows(typical),
            best: rows(best),
            median_average_precision: median,
        }
    }

    /// The first queries of different identities that are not in `seen`.
    fn of_different_identities<'o>(
        &self,
        outcomes: impl Iterator<Item = &'o QueryOutcome>,
        seen: &mut HashSet<&'a str>,
    ) -> Vec<&'o QueryOutcome> {
        let is_new = |outcome: &&QueryOutcome| {
            self.row(outcome).identity.as_deref().is_some_and(|identity| seen.insert(identity))
        };
        outcomes.filter(is_new).take(SHOWN).collect()
    }

    /// Queries with a perfect ranking, the widest margin between nearest true and nearest wrong image first.
    fn widest_margins(&self) -> Vec<&'a QueryOutcome> {
        let perfect: Vec<&QueryOutcome> =
            self.evaluation.outcomes.iter().filter(|outcome| outcome.average_precision >= 1.0).collect();
        let step = perfect.len().div_ceil(CANDIDATES).max(1);
        let margin = |outcome: &QueryOutcome| {
            let (own, other) = (self.nearest(outcome, true)?, self.nearest(outcome, false)?);
            Some(other.1 - own.1)
        };
        let candidates = perfect.into_iter().step_by(step);
        let mut margins: Vec<(f64, &QueryOutcome)> =
            candidates.filter_map(|outcome| Some((margin(outcome)?, outcome))).collect();
        margins.sort_by(|a, b| b.0.total_cmp(&a.0));
        margins.into_iter().map(|(_, outcome)| outcome).collect()
    }

    fn query_row(&self, outcome: &QueryOutcome, thumbnails: Option<&Thumbnails>) -> QueryRow {
        let query = self.row(outcome);
        let picture = |row: &Row| thumbnails.and_then(|thumbnails| thumbnails.of(row));
        let hit = |rank: usize, row: &Row, distance: f64| QueryHit {
            rank,
            file: row.name.clone(),
            identity: row.identity.clone().unwrap_or_default(),
            distance,
            right: row.identity == query.identity,
            picture: picture(row),
        };
        let hits = self.hits(outcome).into_iter().enumerate();
        let first_rank = outcome.relevant_ranks.first().map(|&rank| rank as usize);
        let first_true = first_rank.filter(|&rank| rank > HITS).and_then(|rank| {
            let (row, distance) = self.nearest_true(outcome)?;
            Some(hit(rank, row, distance))
        });
        QueryRow {
            file: query.name.clone(),
            identity: query.identity.clone().unwrap_or_default(),
            average_precision: outcome.average_precision,
            true_images: outcome.relevant_ranks.len(),
            hits: hits.map(|(at, (row, distance))| hit(at + 1, row, f64::from(distance))).collect(),
            first_true,
            picture: picture(query),
        }
    }

    /// The worst queries whose first hit is wrong, one per identity.
    pub(super) fn wrong(&self, most: usize) -> Vec<WrongHit<'a>> {
        let mut wrong: Vec<&QueryOutcome> =
            self.evaluation.outcomes.iter().filter(|o| o.relevant_ranks.first() != Some(&1)).collect();
        wrong.sort_by(|a, b| a.average_precision.total_cmp(&b.average_precision));
        let mut seen = HashSet::new();
        let pairs = wrong.into_iter().filter_map(|outcome| {
            let (query, (hit, distance)) = (self.row(outcome), *self.hits(outcome).first()?);
            let is_new = seen.insert(query.identity.as_deref());
            is_new.then(|| WrongHit {
                query,
                hit,
                distance: f64::from(distance),
                nearest_true: self.nearest_true(outcome).map(|(_, distance)| distance),
            })
        });
        pairs.take(most).collect()
    }

    /// The identities that are taken for others, most frequent first.
    pub(super) fn confusions(&self, model: usize, thumbnails: Option<&Thumbnails>) -> Confusions {
        let mut queries: HashMap<&str, usize> = HashMap::new();
        let mut pairs: BTreeMap<(&str, &str), (usize, f32, [&Row; 2])> = BTreeMap::new();
        for outcome in &self.evaluation.outcomes {
            let query = self.row(outcome);
            let Some(identity) = query.identity.as_deref() else { continue };
            *queries.entry(identity).or_default() += 1;
            let first = self.hits(outcome).first().copied();
            let Some((hit, distance)) = first.filter(|(hit, _)| hit.identity != query.identity) else {
                continue;
            };
            let Some(other) = hit.identity.as_deref() else { continue };
            let pair = pairs.entry((identity, other)).or_insert((0, f32::INFINITY, [query, hit]));
            pair.0 += 1;
            if distance < pair.1 {
                (pair.1, pair.2) = (distance, [query, hit]);
            }
        }
        let count = |one: &str, other: &str| pairs.get(&(one, other)).map_or(0, |pair| pair.0);
        let of = |identity: &str| queries.get(identity).copied().unwrap_or(0);
        let mut sorted: Vec<_> = pairs.iter().collect();
        sorted.sort_by(|a, b| b.1.0.cmp(&a.1.0).then(a.1.1.total_cmp(&b.1.1)));
        let rows = sorted.iter().take(CONFUSIONS).enumerate().map(|(at, ((query, hit), pair))| Confusion {
            query: (*query).to_owned(),
            hit: (*hit).to_owned(),
            queries: pair.0,
            of: of(query),
            other_direction: count(hit, query),
            other_of: of(hit),
            distance: f64::from(pair.1),
            example: Some(pair.2.map(|row| row.name.clone())),
            pictures: thumbnails.filter(|_| at < DRAWN).and_then(|thumbnails| {
                let [query, hit] = pair.2.map(|row| thumbnails.of(row));
                Some([query?, hit?])
            }),
        });
        Confusions { model, pairs: pairs.len(), rows: rows.collect() }
    }
}
