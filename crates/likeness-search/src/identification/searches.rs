//! The mated and the unmated search of every labelled query.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::index::{Exclusions, check_sides, rank_without};
use crate::{Distance, EmbeddingTable, ErrorRate, IdentityErrors, Protocol, Resamples, Result, SearchError};

/// Errors from which a design effect is estimated.
const ENOUGH: usize = 10;

/// Options of [`SearchStatistics`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchConfig {
    /// The distance that ranks the gallery.
    pub distance: Distance,
    /// The rule that selects queries and gallery.
    pub protocol: Protocol,
}

impl Default for SearchConfig {
    /// Every image against all others by cosine distance.
    fn default() -> Self {
        Self { distance: Distance::Cosine, protocol: Protocol::LeaveOneOut }
    }
}

/// The results of a query's two searches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// The query's row in its table.
    pub row: usize,
    /// The query's identity: an index of [`SearchStatistics::identities`].
    pub identity: usize,
    /// The distance of the nearest image of the query's identity; `None` if the gallery has none.
    pub mated: Option<f32>,
    /// The distance of the nearest image of another identity; `None` if the gallery has none.
    pub non_mated: Option<f32>,
}

/// The searches of all labelled queries of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchStatistics {
    searches: Vec<Search>,
    identities: Vec<String>,
    gallery: usize,
    unlabelled: usize,
    config: SearchConfig,
}

impl SearchStatistics {
    /// Searches for every labelled query of `table`.
    ///
    /// # Conventions   a query finds neither its own photo nor an image with the same content; images without an identity are left
    ///   out on both sides and counted, because they may show the query's identity
    /// # Errors        no labelled query or gallery image → `BadArgument`; negative values under the Jaccard distance → `BadEmbeddings`
    /// # Examples
    /// ```
    /// use likeness_search::identification::{SearchConfig, SearchStatistics};
    /// use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
    ///
    /// let row = |name: &str| Row { identity: Some(name[..1].into()), ..Row::new(name) };
    /// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
    /// let table = EmbeddingTable::new(model, ["a1", "a2", "b1"].map(row).to_vec(), vec![0.0, 1.0, 5.0])?;
    /// let config = SearchConfig { distance: Distance::Euclidean, ..SearchConfig::default() };
    /// let searches = SearchStatistics::new(&table, &config)?;
    /// let found: Vec<_> = searches.searches().iter().map(|search| (search.mated, search.non_mated)).collect();
    /// assert_eq!(found, [(Some(1.0), Some(5.0)), (Some(1.0), Some(4.0)), (None, Some(4.0))]);
    /// # Ok::<(), likeness_search::SearchError>(())
    /// ```
    pub fn new(table: &EmbeddingTable, config: &SearchConfig) -> Result<Self> {
        let (queries, gallery) = config.protocol.rows(table);
        let identities = crate::identities::Identities::of(table, &[&queries, &gallery]);
        let labelled = |rows: &[usize]| -> Vec<usize> {
            rows.iter().copied().filter(|&row| identities.of_row(row).is_some()).collect()
        };
        let (query_rows, gallery_rows) = (labelled(&queries), labelled(&gallery));
        let sides = Sides::new(table, &query_rows, &gallery_rows, config.distance)?;
        let non_mated = sides.nearest_non_mated()?;
        let mated = sides.nearest_mated();
        let searches =
            query_rows.iter().zip(mated.into_iter().zip(non_mated)).map(|(&row, (mated, non_mated))| {
                let identity = identities.of_row(row).expect("the queries are labelled") as usize;
                Search { row, identity, mated, non_mated }
            });
        Ok(Self {
            searches: searches.collect(),
            gallery: gallery_rows.len(),
            unlabelled: identities.unlabelled(),
            identities: identities.into_names(),
            config: config.clone(),
        })
    }

    /// The searches, in the order of the queries' rows.
    pub fn searches(&self) -> &[Search] {
        &self.searches
    }

    /// The names of all identities, sorted.
    pub fn identities(&self) -> &[String] {
        &self.identities
    }

    /// The number of labelled gallery images; a search leaves out the query's photo, and an unmated search also its identity.
    pub fn gallery(&self) -> usize {
        self.gallery
    }

    /// The number of images without an identity, which were left out.
    pub fn unlabelled(&self) -> usize {
        self.unlabelled
    }

    /// The options of the searches.
    pub fn config(&self) -> &SearchConfig {
        &self.config
    }

    /// Resamples of the identities of this table.
    pub fn resamples(&self, count: u32, seed: u64) -> Resamples {
        Resamples { identities: self.identities.len(), count, seed }
    }

    /// The distance and identity of each unmated search.
    pub(super) fn unmated(&self) -> impl Iterator<Item = (f32, usize)> + '_ {
        self.searches.iter().filter_map(|search| Some((search.non_mated?, search.identity)))
    }

    /// The rate of searches beyond a limit, or up to it, with an interval by the searches' identities.
    ///
    /// Fewer than ten errors say little about their dependence, which is then measured at the limit with ten errors.
    pub(super) fn rate(&self, values: &[(f32, usize)], limit: f32, beyond: bool) -> Option<ErrorRate> {
        let is_error = |value: f32, limit: f32| (value > limit) == beyond;
        let count = |limit: f32| values.iter().filter(|value| is_error(value.0, limit)).count();
        let errors = count(limit);
        let mut sorted: Vec<f32> = values.iter().map(|value| value.0).collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let (least, most) = (ENOUGH, sorted.len().saturating_sub(ENOUGH));
        let wanted = errors.clamp(least.min(most), most);
        let place = if beyond { sorted.len() - wanted } else { wanted };
        let near =
            if wanted == errors { limit } else { place.checked_sub(1).map_or(limit, |place| sorted[place]) };
        ErrorRate::new(
            errors as u64,
            values.len() as u64,
            self.design_effect(values, |value| is_error(value, near)),
        )
    }

    /// The design effect of a share of errors whose trials belong to identities.
    pub(super) fn design_effect(&self, values: &[(f32, usize)], is_error: impl Fn(f32) -> bool) -> f64 {
        let mut identities = vec![IdentityErrors::default(); self.identities.len()];
        for &(value, identity) in values {
            identities[identity].trials += 1.0;
            identities[identity].errors += f64::from(u8::from(is_error(value)));
        }
        let (errors, trials) = (identities.iter().map(|i| i.errors).sum::<f64>(), values.len() as f64);
        let independent = errors / trials * (1.0 - errors / trials) / trials;
        if independent == 0.0 {
            // Without both outcomes every identity counts as one trial.
            let active = identities.iter().filter(|identity| identity.trials > 0.0).count();
            return trials / active as f64;
        }
        crate::variance_within_identities(&identities) / independent * crate::small_sample_factor(&identities)
    }
}

/// Labelled queries and gallery images with the rows that each query must not find.
pub(super) struct Sides<'a> {
    table: &'a EmbeddingTable,
    query_rows: &'a [usize],
    gallery_rows: &'a [usize],
    distance: Distance,
}

impl<'a> Sides<'a> {
    pub(super) fn new(
        table: &'a EmbeddingTable,
        query_rows: &'a [usize],
        gallery_rows: &'a [usize],
        distance: Distance,
    ) -> Result<Self> {
        for (rows, side) in [(query_rows, "queries"), (gallery_rows, "gallery")] {
            if rows.is_empty() {
                let reason = format!("{side}: expected at least one image with an identity, found none");
                return Err(SearchError::BadArgument { reason });
            }
        }
        Ok(Self { table, query_rows, gallery_rows, distance })
    }

    /// For each identity, its gallery rows, ascending.
    fn rows_of(&self) -> HashMap<Option<&str>, Arc<[u32]>> {
        let mut rows: HashMap<Option<&str>, Vec<u32>> = HashMap::new();
        for (at, &row) in (0..).zip(self.gallery_rows) {
            rows.entry(self.table.rows()[row].identity.as_deref()).or_default().push(at);
        }
        rows.into_iter().map(|(identity, rows)| (identity, rows.into())).collect()
    }

    fn exclusions(&self, queries: &EmbeddingTable, gallery: &EmbeddingTable) -> Exclusions {
        Exclusions::by_content(queries, gallery, false).and_by_photo(
            self.table,
            self.query_rows,
            self.gallery_rows,
        )
    }

    /// The distance of each query's nearest image of another identity.
    pub(super) fn nearest_non_mated(&self) -> Result<Vec<Option<f32>>> {
        let (queries, gallery) = (self.table.part(self.query_rows), self.table.part(self.gallery_rows));
        let rows_of = self.rows_of();
        let none: Arc<[u32]> = Arc::new([]);
        let own =
            queries.rows().iter().map(|row| rows_of.get(&row.identity.as_deref()).unwrap_or(&none).clone());
        let exclusions = self.exclusions(&queries, &gallery).and_rows(own);
        let rankings = rank_without(&queries, &gallery, self.distance, Some(1), &exclusions)?;
        Ok(rankings.iter().map(|ranking| ranking.hits().first().map(|hit| hit.distance)).collect())
    }

    /// The distance of each query's nearest image of its own identity.
    fn nearest_mated(&self) -> Vec<Option<f32>> {
        let (queries, gallery) = (self.table.part(self.query_rows), self.table.part(self.gallery_rows));
        debug_assert!(
            check_sides(&queries, &gallery, self.distance).is_ok(),
            "the other search checked the sides"
        );
        let (rows_of, exclusions) = (self.rows_of(), self.exclusions(&queries, &gallery));
        let nearest = |query: usize| {
            let (own, left_out) = (queries.embedding(query), exclusions.of(query));
            let rows = rows_of.get(&queries.rows()[query].identity.as_deref())?.iter();
            let others = rows.filter(|row| left_out.binary_search(row).is_err());
            others
                .map(|&row| self.distance.between(own, gallery.embedding(row as usize)) as f32)
                .reduce(f32::min)
        };
        (0..queries.len()).into_par_iter().map(nearest).collect()
    }
}
