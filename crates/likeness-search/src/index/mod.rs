//! Indexes: galleries that can be searched.
//!
//! [`Index`] is what a search needs of a gallery. [`ExactIndex`] compares a query with every image; its rankings are those of
//! [`rank`], and the reference for indexes that approximate them. [`Int8Index`] answers the same queries from int8 codes in a
//! memory-mapped file that grows and shrinks with a stored
//! gallery, and [`HnswIndex`] is an approximate index over the same codes.

mod exact;
mod hnsw;
mod int8;
mod refine;

pub(crate) use exact::{
    Exclusions, PairSink, Pairs, Precision, Repeats, check_sides, dots, rank_without, relevant_ranks,
};
pub use exact::{
    GalleryId, Hit, PhotoSearch, RankConfig, Ranking, Rankings, rank, rank_photos, rank_photos_between,
    rank_within,
};
pub use hnsw::{GraphSearch, HnswConfig, HnswIndex};
pub use int8::{CodesKey, Found, Int8Index, Neighbour, SearchCost, Selection, Vectors};
pub use refine::{QueryExpansion, Reciprocal};

use crate::{Distance, EmbeddingTable, Result};

/// A gallery that can be searched.
pub trait Index: Send + Sync {
    /// The images of the gallery, in the order that [`GalleryId`] counts.
    fn gallery(&self) -> &EmbeddingTable;

    /// The distance that orders the rankings.
    fn distance(&self) -> Distance;

    /// The nearest images for each of `queries`, nearest first.
    ///
    /// # Shapes        rankings: \[queries\]
    /// # Conventions   equal distances rank by gallery order; a query does not find its own file unless `allow_self`
    /// # Errors        as [`rank`]
    fn search(&self, queries: &EmbeddingTable, config: &RankConfig) -> Result<Rankings>;
}

/// An index that compares a query with every image.
///
/// # Examples
///
/// ```
/// use likeness_search::{Distance, EmbeddingTable, ExactIndex, Index, ModelTag, RankConfig, Row};
///
/// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// let rows = ["a.jpg", "b.jpg"].map(Row::new).to_vec();
/// let gallery = EmbeddingTable::new(model.clone(), rows, vec![0.0, 5.0])?;
/// let queries = EmbeddingTable::new(model, vec![Row::new("q.jpg")], vec![4.0])?;
///
/// let index = ExactIndex::new(gallery, Distance::Euclidean)?;
/// let rankings = index.search(&queries, &RankConfig::default())?;
/// let nearest = &rankings[0].hits()[0];
/// assert_eq!(index.gallery().rows()[nearest.gallery_id.index()].name, "b.jpg");
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ExactIndex {
    gallery: EmbeddingTable,
    distance: Distance,
}

impl ExactIndex {
    /// An index of `gallery`, ordered by `distance`.
    ///
    /// # Errors        negative values under the Jaccard distance → `BadEmbeddings`
    pub fn new(gallery: EmbeddingTable, distance: Distance) -> Result<Self> {
        gallery.check_for(distance)?;
        Ok(Self { gallery, distance })
    }
}

impl Index for ExactIndex {
    fn gallery(&self) -> &EmbeddingTable {
        &self.gallery
    }

    fn distance(&self) -> Distance {
        self.distance
    }

    fn search(&self, queries: &EmbeddingTable, config: &RankConfig) -> Result<Rankings> {
        rank(queries, &self.gallery, self.distance, config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ModelTag, Row};

    fn table(values: &[f32]) -> EmbeddingTable {
        let rows = (0..values.len()).map(|at| Row::new(format!("{at}.jpg"))).collect();
        EmbeddingTable::new(ModelTag::new("toy", "", 1, Distance::Euclidean), rows, values.to_vec()).unwrap()
    }

    #[test]
    fn an_exact_index_ranks_as_rank_does() {
        let (gallery, queries) = (table(&[0.0, 3.0, -1.0, 3.0, 8.0]), table(&[2.0, -4.0]));
        let config = RankConfig { k: Some(3), allow_self: false };
        let index: Box<dyn Index> = Box::new(ExactIndex::new(gallery.clone(), Distance::Euclidean).unwrap());
        let found = index.search(&queries, &config).unwrap();
        let expected = rank(&queries, &gallery, Distance::Euclidean, &config).unwrap();
        assert_eq!(found.len(), 2);
        for (found, expected) in found.iter().zip(expected.iter()) {
            assert_eq!(found.hits(), expected.hits());
        }
        assert_eq!(found[0].hits()[0].gallery_id.index(), 1, "equal distances rank by gallery order");
    }

    #[test]
    fn a_gallery_that_the_distance_does_not_fit_is_rejected() {
        assert!(ExactIndex::new(table(&[-1.0]), Distance::Jaccard).is_err());
        let index = ExactIndex::new(table(&[1.0]), Distance::Cosine).unwrap();
        let other = EmbeddingTable::new(
            ModelTag::new("other", "f00d", 1, Distance::Cosine),
            vec![Row::new("q.jpg")],
            vec![1.0],
        );
        assert!(index.search(&other.unwrap(), &RankConfig::default()).is_err(), "another model");
    }
}
