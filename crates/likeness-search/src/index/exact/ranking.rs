//! The result of a search: sorted hits, checked once on creation so that later code can rely on them.

use std::collections::HashSet;
use std::ops::Index;

use serde::Serialize;

use crate::{Result, SearchError};

/// Identifies an image of a gallery by its row in the gallery's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct GalleryId(u32);

impl GalleryId {
    /// The image at `row` of the gallery's table, counted from 0.
    pub fn new(row: u32) -> Self {
        Self(row)
    }

    /// The row in the gallery's table.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An image found by a search.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Hit {
    /// The image found.
    pub gallery_id: GalleryId,
    /// The distance from the query; smaller is closer.
    pub distance: f32,
    /// The position in the ranking, counted from 1.
    pub rank: u32,
}

/// The images found for one query, nearest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Ranking {
    hits: Vec<Hit>,
}

impl Ranking {
    /// Creates a ranking from its hits.
    ///
    /// # Errors        ranks that are not 1, 2, 3, …; a distance that is NaN or smaller than the one before; equal distances that
    ///   are not in gallery order; an image that occurs twice → `BadArgument`
    pub fn new(hits: Vec<Hit>) -> Result<Self> {
        let bad = |rank: u32, what: &str| {
            Err(SearchError::BadArgument { reason: format!("ranking: at rank {rank}, {what}") })
        };
        for (expected, hit) in (1..).zip(&hits) {
            if hit.rank != expected {
                return bad(expected, &format!("found a hit with rank {}", hit.rank));
            }
            if hit.distance.is_nan() {
                return bad(expected, "expected a number as distance, found NaN");
            }
        }
        for pair in hits.windows(2) {
            let order = pair[0].distance.total_cmp(&pair[1].distance);
            if order.then(pair[0].gallery_id.cmp(&pair[1].gallery_id)).is_gt() {
                return bad(pair[1].rank, "found a hit nearer than the one before it");
            }
        }
        let mut seen = HashSet::with_capacity(hits.len());
        match hits.iter().find(|hit| !seen.insert(hit.gallery_id)) {
            Some(hit) => bad(hit.rank, "found an image that the ranking already contains"),
            None => Ok(Self { hits }),
        }
    }

    /// The hits, nearest first.
    pub fn hits(&self) -> &[Hit] {
        &self.hits
    }
}

/// One ranking for each query, in query order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Rankings {
    rankings: Vec<Ranking>,
}

impl Rankings {
    /// Creates the rankings of a gallery with `gallery_len` images.
    ///
    /// # Errors        a hit outside the gallery → `BadArgument`
    pub fn new(rankings: Vec<Ranking>, gallery_len: usize) -> Result<Self> {
        for (query, ranking) in rankings.iter().enumerate() {
            if let Some(hit) = ranking.hits.iter().find(|hit| hit.gallery_id.index() >= gallery_len) {
                let image = hit.gallery_id.index();
                let reason = format!(
                    "ranking of query {query}: expected one of {gallery_len} images, found image {image}"
                );
                return Err(SearchError::BadArgument { reason });
            }
        }
        Ok(Self { rankings })
    }

    /// The number of queries.
    pub fn len(&self) -> usize {
        self.rankings.len()
    }

    /// Whether there are no queries.
    pub fn is_empty(&self) -> bool {
        self.rankings.is_empty()
    }

    /// The rankings, in query order.
    pub fn iter(&self) -> std::slice::Iter<'_, Ranking> {
        self.rankings.iter()
    }
}

impl Index<usize> for Rankings {
    type Output = Ranking;

    fn index(&self, query: usize) -> &Ranking {
        &self.rankings[query]
    }
}

impl<'a> IntoIterator for &'a Rankings {
    type Item = &'a Ranking;
    type IntoIter = std::slice::Iter<'a, Ranking>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranking(hits: &[(u32, f32)]) -> Result<Ranking> {
        let hit = |(rank, &(row, distance))| Hit { gallery_id: GalleryId::new(row), distance, rank };
        Ranking::new((1..).zip(hits).map(hit).collect())
    }

    #[test]
    fn a_ranking_in_order_is_taken() {
        assert_eq!(ranking(&[(4, 0.1), (2, 0.3), (3, 0.3)]).unwrap().hits()[1].rank, 2);
        assert!(ranking(&[]).unwrap().hits().is_empty());
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        let reason = |hits: &[(u32, f32)]| ranking(hits).unwrap_err().to_string();
        assert!(reason(&[(1, 0.3), (2, 0.1)]).contains("at rank 2, found a hit nearer"));
        assert!(reason(&[(2, 0.3), (1, 0.3)]).contains("at rank 2, found a hit nearer"));
        assert!(reason(&[(1, f32::NAN)]).contains("found NaN"));
        assert!(reason(&[(1, 0.1), (2, 0.2), (1, 0.3)]).contains("at rank 3, found an image"));
        let shifted = Hit { gallery_id: GalleryId::new(0), distance: 0.0, rank: 0 };
        assert!(Ranking::new(vec![shifted]).unwrap_err().to_string().contains("with rank 0"));
        let outside = Rankings::new(vec![ranking(&[(7, 0.1)]).unwrap()], 7).unwrap_err();
        assert!(outside.to_string().contains("one of 7 images, found image 7"));
    }
}
