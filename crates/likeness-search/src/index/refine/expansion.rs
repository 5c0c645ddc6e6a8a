//! α-weighted query expansion: a second search with a mean of the query and its nearest rows.
//!
//! Radenović, Tolias and Chum (2018), "Fine-tuning CNN Image Retrieval with No Human Annotation", arXiv 1711.02512,
//! section 3.4.

use crate::index::int8::{Int8Index, Neighbour, Vectors};
use crate::{Distance, Result, SearchError};

/// How queries are expanded.
///
/// ```text
/// q′ = unit(q + Σᵢ max(0, q·vᵢ)^α vᵢ)   over the nearest rows vᵢ, all of unit length
/// ```
///
/// # Examples
///
/// ```
/// use likeness_search::QueryExpansion;
///
/// let expansion = QueryExpansion { neighbours: 1, alpha: 1.0 };
/// let expanded = expansion.expanded(&[1.0, 0.0], &[[0.6, 0.8].as_slice()]);
/// assert_eq!(expanded, [1.36 / 2.08f32.sqrt(), 0.48 / 2.08f32.sqrt()]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueryExpansion {
    /// Rows that a query is expanded with (nQE in the paper).
    pub neighbours: usize,
    /// Exponent of the similarity; at 0 all rows count alike.
    pub alpha: f64,
}

impl Default for QueryExpansion {
    /// The paper's α, with as many rows as a person may have photos.
    fn default() -> Self {
        Self { neighbours: 5, alpha: 3.0 }
    }
}

impl QueryExpansion {
    /// The expanded query, of unit length, from the vectors of its nearest rows.
    ///
    /// # Conventions   a zero vector has no direction and changes nothing; if all have none, the query is returned
    /// # Panics        the vectors differ in length
    pub fn expanded(&self, query: &[f32], nearest: &[&[f32]]) -> Vec<f32> {
        let query = unit(query.iter().map(|value| f64::from(*value)).collect());
        let mut sum = query.clone();
        for vector in nearest.iter().take(self.neighbours) {
            assert_eq!(vector.len(), query.len(), "vectors of one gallery have one length");
            let vector = unit(vector.iter().map(|value| f64::from(*value)).collect());
            let similarity: f64 = query.iter().zip(&vector).map(|(a, b)| a * b).sum();
            let weight = similarity.max(0.0).powf(self.alpha);
            sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += weight * value);
        }
        unit(sum).into_iter().map(|value| value as f32).collect()
    }

    /// The nearest rows of each query after its expansion, nearest first; distances are those from the expanded query.
    ///
    /// # Shapes        as [`Int8Index::search`]
    /// # Errors        an index of another distance than cosine → `BadArgument`; the errors of [`Int8Index::search`]
    pub fn search(
        &self,
        index: &Int8Index,
        queries: &[f32],
        k: usize,
        vectors: &dyn Vectors,
    ) -> Result<Vec<Vec<Neighbour>>> {
        if index.key().distance != Distance::Cosine {
            let reason =
                format!("query expansion: expected the cosine distance, found {}", index.key().distance);
            return Err(SearchError::BadArgument { reason });
        }
        let first = index.search(queries, self.neighbours.max(1), None, vectors)?;
        let dim = index.key().dimension;
        let mut expanded = Vec::with_capacity(queries.len());
        let mut read = Vec::new();
        for (query, found) in queries.chunks_exact(dim).zip(&first.neighbours) {
            let mut ids: Vec<u64> = found.iter().map(|neighbour| neighbour.id).collect();
            ids.sort_unstable();
            read.clear();
            vectors.read(&ids, &mut read)?;
            expanded.extend(self.expanded(query, &read.chunks_exact(dim).collect::<Vec<_>>()));
        }
        Ok(index.search(&expanded, k, None, vectors)?.neighbours)
    }
}

fn unit(mut vector: Vec<f64>) -> Vec<f64> {
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::int8::CodesKey;

    struct Stored(Vec<[f32; 3]>);

    impl Vectors for Stored {
        fn read(&self, ids: &[u64], into: &mut Vec<f32>) -> Result<()> {
            ids.iter().for_each(|id| into.extend(self.0[*id as usize]));
            Ok(())
        }
    }

    fn index(folder: &tempfile::TempDir, distance: Distance, stored: &Stored) -> Int8Index {
        let key = CodesKey { fingerprint: "f".into(), dimension: 3, distance, gallery: "g".into() };
        let rows = (0..).zip(stored.0.iter().map(|vector| vector.to_vec()));
        Int8Index::rebuild(&folder.path().join("a.codes"), &key, 1, rows.map(Ok)).unwrap()
    }

    #[test]
    fn an_expanded_query_finds_a_row_behind_its_neighbours() {
        // Rows 0 to 2 follow an arc away from the query; row 3 is nearer to the query than row 2, in another direction.
        let at = |deg: f32| [deg.to_radians().cos(), deg.to_radians().sin(), 0.0];
        let away = [40f32.to_radians().cos(), 0.0, 40f32.to_radians().sin()];
        let stored = Stored(vec![at(15.0), at(30.0), at(45.0), away]);
        let folder = tempfile::tempdir().unwrap();
        let index = index(&folder, Distance::Cosine, &stored);
        let ids = |found: &[Neighbour]| found.iter().map(|n| n.id).collect::<Vec<_>>();
        let plain = index.search(&at(0.0), 4, None, &stored).unwrap();
        assert_eq!(ids(&plain.neighbours[0]), [0, 1, 3, 2]);
        let expansion = QueryExpansion { neighbours: 2, alpha: 3.0 };
        assert_eq!(ids(&expansion.search(&index, &at(0.0), 4, &stored).unwrap()[0]), [0, 1, 2, 3]);
        let none = QueryExpansion { neighbours: 0, alpha: 3.0 };
        assert_eq!(ids(&none.search(&index, &at(0.0), 4, &stored).unwrap()[0]), [0, 1, 3, 2]);
    }

    #[test]
    fn zero_vectors_change_nothing_and_other_distances_are_rejected() {
        let expansion = QueryExpansion::default();
        assert_eq!(expansion.expanded(&[0.0, 2.0], &[&[0.0, 0.0], &[0.0, -3.0]]), [0.0, 1.0]);
        assert_eq!(expansion.expanded(&[0.0, 0.0], &[]), [0.0, 0.0]);
        let folder = tempfile::tempdir().unwrap();
        let stored = Stored(vec![[1.0, 0.0, 0.0]]);
        let index = index(&folder, Distance::Euclidean, &stored);
        let error = expansion.search(&index, &[1.0, 0.0, 0.0], 1, &stored).unwrap_err();
        assert_eq!(error.to_string(), "query expansion: expected the cosine distance, found euclidean");
    }
}
