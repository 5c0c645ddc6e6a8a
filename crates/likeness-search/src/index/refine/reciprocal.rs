//! k-reciprocal re-ranking: hits that share neighbours with the query come first.
//!
//! Zhong, Zheng, Cao and Li (2017), "Re-ranking Person Re-identification with k-reciprocal Encoding", arXiv 1701.08398. The paper
//! takes neighbours from the whole gallery; here they are taken from the hits of the query, so that the work does not grow
//! with the gallery. Distances are divided by the largest one of a row, as in the paper's code.

use crate::index::int8::{Neighbour, Vectors};
use crate::{Distance, Result};

/// How hits are re-ranked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reciprocal {
    /// Neighbours of a row that count, about the number of its identity's photos (k1 in the paper).
    pub neighbours: usize,
    /// Nearest rows over which weights are averaged, the row itself included (k2 in the paper).
    pub averaged: usize,
    /// Share of the original distance in the new one (λ in the paper).
    pub original_share: f64,
}

impl Default for Reciprocal {
    /// The paper's values.
    fn default() -> Self {
        Self { neighbours: 20, averaged: 6, original_share: 0.3 }
    }
}

/// Distances between the query, which is row 0, and its hits.
struct Rows {
    /// # Shapes        \[rows\]\[rows\], divided by the largest of each row
    scaled: Vec<Vec<f64>>,
    /// All rows in the order of their distance from each row, which comes first.
    order: Vec<Vec<usize>>,
}

impl Reciprocal {
    /// The hits of a query in their new order; distances are the new ones, in \[0, 1\].
    ///
    /// # Conventions   equal distances rank by id; give more hits than are shown, such as twice `neighbours` or more
    /// # Errors        the vectors cannot be read
    pub fn rerank(
        &self,
        distance: Distance,
        query: &[f32],
        found: &[Neighbour],
        vectors: &dyn Vectors,
    ) -> Result<Vec<Neighbour>> {
        let mut ids: Vec<u64> = found.iter().map(|neighbour| neighbour.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut read = Vec::new();
        vectors.read(&ids, &mut read)?;
        let all: Vec<&[f32]> = std::iter::once(query).chain(read.chunks_exact(query.len())).collect();
        let new = self.distances(&Rows::new(distance, &all));
        let mut hits: Vec<Neighbour> =
            ids.iter().zip(&new).map(|(id, new)| Neighbour { id: *id, distance: *new as f32 }).collect();
        hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.id.cmp(&b.id)));
        Ok(hits)
    }

    /// The new distances of all rows but the first from the first.
    fn distances(&self, rows: &Rows) -> Vec<f64> {
        let weights: Vec<Vec<f64>> = (0..rows.len()).map(|row| self.weights(rows, row)).collect();
        let averaged = |row: usize| -> Vec<f64> {
            let near: Vec<usize> = rows.order[row].iter().copied().take(self.averaged.max(1)).collect();
            (0..rows.len())
                .map(|at| near.iter().map(|near| weights[*near][at]).sum::<f64>() / near.len() as f64)
                .collect()
        };
        let query = averaged(0);
        let of = |row: usize| {
            let shared: f64 = query.iter().zip(averaged(row)).map(|(a, b)| a.min(b)).sum();
            // Both sum to 1, so the union follows from the intersection.
            let jaccard = 1.0 - shared / (2.0 - shared);
            (1.0 - self.original_share) * jaccard + self.original_share * rows.scaled[0][row]
        };
        (1..rows.len()).map(of).collect()
    }

    /// The weights of a row over its reciprocal neighbours, which sum to 1.
    fn weights(&self, rows: &Rows, row: usize) -> Vec<f64> {
        let core = rows.reciprocal(row, self.neighbours);
        let mut members = core.clone();
        for &other in &core {
            // Add the nearest neighbours of a neighbour if most of them are in the set already (equation 4).
            let wider = rows.reciprocal(other, self.neighbours.div_ceil(2));
            let known = wider.iter().filter(|wide| core.contains(wide)).count();
            if 3 * known > 2 * wider.len() {
                members.extend(wider);
            }
        }
        let mut weights = vec![0.0; rows.len()];
        members.into_iter().for_each(|other| weights[other] = (-rows.scaled[row][other]).exp());
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        weights
    }
}

impl Rows {
    fn new(distance: Distance, vectors: &[&[f32]]) -> Self {
        let count = vectors.len();
        let mut scaled = vec![vec![0.0; count]; count];
        for a in 0..count {
            for b in 0..a {
                let between = distance.between(vectors[a], vectors[b]);
                (scaled[a][b], scaled[b][a]) = (between, between);
            }
        }
        let sorted = |row: &Vec<f64>| {
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by(|a, b| row[*a].total_cmp(&row[*b]).then(a.cmp(b)));
            order
        };
        let mut order: Vec<Vec<usize>> = scaled.iter().map(sorted).collect();
        for (row, order) in order.iter_mut().enumerate() {
            // A row is its own nearest, also where others are equal to it.
            let own = order.iter().position(|at| *at == row).expect("every row is in the order");
            order[..=own].rotate_right(1);
        }
        for row in &mut scaled {
            let largest = row.iter().copied().fold(0.0, f64::max);
            row.iter_mut().filter(|_| largest > 0.0).for_each(|value| *value /= largest);
        }
        Self { scaled, order }
    }

    fn len(&self) -> usize {
        self.order.len()
    }

    /// The k nearest rows of a row, itself included, that have it among theirs.
    fn reciprocal(&self, row: usize, k: usize) -> Vec<usize> {
        let near = |row: usize| self.order[row].iter().copied().take(k + 1);
        near(row).filter(|other| near(*other).any(|back| back == row)).collect()
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;

    struct Stored(Vec<Vec<f32>>);

    impl Vectors for Stored {
        fn read(&self, ids: &[u64], into: &mut Vec<f32>) -> Result<()> {
            ids.iter().for_each(|id| into.extend(&self.0[*id as usize]));
            Ok(())
        }
    }

    fn first(stored: &Stored, query: &[f32], distance: Distance) -> Vec<Neighbour> {
        let of = |(id, vector): (u64, &Vec<f32>)| Neighbour {
            id,
            distance: distance.between(query, vector) as f32,
        };
        let mut all: Vec<Neighbour> = (0..).zip(&stored.0).map(of).collect();
        all.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        all
    }

    /// The share of the first five hits that are in the query's identity, whose ids are 0 to 5.
    fn precision(found: &[Neighbour]) -> f64 {
        found[..5].iter().filter(|n| n.id < 6).count() as f64 / 5.0
    }

    #[test]
    fn hits_that_share_neighbours_with_the_query_come_first() {
        let config = Reciprocal { neighbours: 6, averaged: 3, original_share: 0.3 };
        let (mut before, mut after) = (0.0, 0.0);
        for seed in 0..40 {
            let mut rng = Pcg64::seed_from_u64(seed);
            let mut vector =
                |spread: f32| -> Vec<f32> { (0..16).map(|_| spread * (rng.random::<f32>() - 0.5)).collect() };
            // Eight identities of six rows; the query is of the first.
            let centres: Vec<Vec<f32>> = (0..8).map(|_| vector(1.0)).collect();
            let mut near = |identity: usize| -> Vec<f32> {
                centres[identity].iter().zip(vector(1.0)).map(|(c, n)| c + n).collect()
            };
            let query = near(0);
            let stored = Stored((0..48).map(|at| near(at / 6)).collect());
            let found = first(&stored, &query, Distance::Euclidean);
            let new = config.rerank(Distance::Euclidean, &query, &found, &stored).unwrap();
            assert_eq!(new.len(), 48);
            before += precision(&found);
            after += precision(&new);
        }
        // Observed: 28.0 before and 32.0 after, of 40.
        assert!(after > before + 2.0, "{before} {after}");
    }

    #[test]
    fn only_the_original_distance_keeps_the_order() {
        let mut rng = Pcg64::seed_from_u64(3);
        let rows = (0..20).map(|_| (0..4).map(|_| rng.random::<f32>()).collect()).collect();
        let (stored, query) = (Stored(rows), [0.1, 0.9, 0.3, 0.2]);
        let found = first(&stored, &query, Distance::Cosine);
        let config = Reciprocal { original_share: 1.0, ..Reciprocal::default() };
        let new = config.rerank(Distance::Cosine, &query, &found, &stored).unwrap();
        let ids = |hits: &[Neighbour]| hits.iter().map(|hit| hit.id).collect::<Vec<_>>();
        assert_eq!(ids(&new), ids(&found));
        assert_eq!(new[19].distance, 1.0);
    }

    #[test]
    fn distances_are_those_of_the_definition() {
        // Query at 0, hits at 1, 2 and 10 on a line; k1 = 1: the query and the first hit are reciprocal, 2 is not.
        let stored = Stored(vec![vec![1.0], vec![2.5], vec![10.0]]);
        let config = Reciprocal { neighbours: 1, averaged: 1, original_share: 0.3 };
        let found = first(&stored, &[0.0], Distance::Euclidean);
        let new = config.rerank(Distance::Euclidean, &[0.0], &found, &stored).unwrap();
        // Weights of the query: (1, e^-0.1) / sum over itself and hit 0; of hit 0: (e^(-1/9), 1) / sum.
        let (q, h) = ((-0.1f64).exp(), (-1.0f64 / 9.0).exp());
        let shared = (1.0 / (1.0 + q)).min(h / (1.0 + h)) + (q / (1.0 + q)).min(1.0 / (1.0 + h));
        let expected = 0.7 * (1.0 - shared / (2.0 - shared)) + 0.3 * 0.1;
        assert!((f64::from(new[0].distance) - expected).abs() < 1e-6, "{} {expected}", new[0].distance);
        // The others share nothing with the query.
        assert_eq!(new[1].distance, (0.7 + 0.3 * 0.25) as f32);
        assert_eq!(new[2].distance, 1.0);
    }

    #[test]
    fn no_hits_one_hit_and_equal_hits_are_re_ranked() {
        let config = Reciprocal::default();
        let stored = Stored(vec![vec![1.0, 0.0]; 4]);
        assert!(config.rerank(Distance::Cosine, &[1.0, 0.0], &[], &stored).unwrap().is_empty());
        for count in [1, 4] {
            let found = &first(&stored, &[1.0, 0.0], Distance::Cosine)[..count];
            let new = config.rerank(Distance::Cosine, &[1.0, 0.0], found, &stored).unwrap();
            assert_eq!(
                new.iter().map(|hit| hit.id).collect::<Vec<_>>(),
                (0..count as u64).collect::<Vec<_>>()
            );
            assert!(new.iter().all(|hit| hit.distance.abs() < 1e-6));
        }
    }
}
