//! Pseudo-labels: clusters embeddings of unlabelled faces into groups that probably show the same person.
//!
//! Song et al. (2018), "Unsupervised Domain Adaptive Re-Identification: Theory and Practice", arXiv 1807.11334: a network
//! is trained on clusters of its own embeddings, which are computed before every epoch.
//!
//! 1. Faces are compared by their neighbours: each face has a row of weights over its k-reciprocal neighbours, and rows are
//!    compared by the Jaccard distance (Zhong et al. 2017, "Re-ranking Person Re-identification with k-reciprocal Encoding",
//!    arXiv 1701.08398, sections 3.2 to 3.4).
//! 2. Groups are the connected components of faces that are close to each other (Ester et al. 1996, DBSCAN, with a minimum
//!    of two faces, as a person may have few photos).

use crate::{Distance, EmbeddingTable, ModelTag, RankConfig, Ranking, Result, Row, rank_within};

/// Maximum Jaccard distance between two faces that are connected.
///
/// On DigiFace half of the pairs in a group are then of one person; at 0.6 it is a third.
const REACH: f32 = 0.5;
/// Number of neighbours, including the face itself, over which rows are averaged (Zhong et al., section 3.4).
const AVERAGED: usize = 2;

/// Weights over faces, by face.
type SparseRow = Vec<(usize, f32)>;

/// The group of every face; `None` for a face without a group.
///
/// `neighbours` is k, about the number of other photos of a person.
///
/// # Shapes        rows: \[faces, dim\], of unit length · output: \[faces\]
/// # Conventions   groups are numbered from 0 in the order of their first faces, and have two faces or more
/// # Errors        values that are not finite → `BadEmbeddings`
pub fn groups(rows: &[f32], dim: usize, neighbours: usize) -> Result<Vec<Option<u32>>> {
    let faces = rows.len() / dim.max(1);
    if faces < 3 {
        return Ok(vec![None; faces]);
    }
    let nearest = nearest(rows, dim, neighbours.min(faces - 1))?;
    let weights = averaged(&reciprocal_weights(&nearest), &nearest);
    Ok(connected(&within_reach(&weights)))
}

/// The neighbours of every face with their squared distances, the face itself first.
fn nearest(rows: &[f32], dim: usize, k: usize) -> Result<Vec<SparseRow>> {
    let tag = ModelTag::new("clustering", "", dim, Distance::Cosine);
    let named = (0..rows.len() / dim).map(|face| Row::new(face.to_string())).collect();
    let table = EmbeddingTable::new(tag, named, rows.to_vec())?;
    let config = RankConfig { k: Some(k), allow_self: false };
    let rankings = rank_within(&table, Distance::Cosine, &config)?;
    let with_itself = |(face, ranking): (usize, &Ranking)| {
        // For unit vectors the squared distance is twice the cosine distance.
        let others = ranking.hits().iter().map(|hit| (hit.gallery_id.index(), 2.0 * hit.distance));
        std::iter::once((face, 0.0)).chain(others).collect()
    };
    Ok(rankings.iter().enumerate().map(with_itself).collect())
}

/// For every face the weights over its reciprocal neighbours, which sum to 1.
fn reciprocal_weights(nearest: &[SparseRow]) -> Vec<SparseRow> {
    let is_near =
        |face: usize, other: usize, k: usize| nearest[face].iter().take(k + 1).any(|n| n.0 == other);
    let reciprocal = |face: usize, k: usize| -> Vec<usize> {
        let near = nearest[face].iter().take(k + 1).map(|n| n.0);
        near.filter(|&other| is_near(other, face, k)).collect()
    };
    let of_face = |face: usize| {
        let k = nearest[face].len() - 1;
        let core = reciprocal(face, k);
        let mut found = core.clone();
        for &other in &core {
            // Add the closest neighbours of a neighbour if most of them are in the set already (equation 4).
            let wider = reciprocal(other, k.div_ceil(2));
            let known = wider.iter().filter(|w| core.contains(w)).count();
            if 3 * known > 2 * wider.len() {
                found.extend(wider);
            }
        }
        found.sort_unstable();
        found.dedup();
        let weight = |other: usize| {
            let listed = nearest[face].iter().find(|n| n.0 == other);
            // A neighbour's neighbour is no nearer than the last of one's own.
            let squared = listed.or(nearest[face].last()).map_or(0.0, |n| n.1);
            (other, (-squared).exp())
        };
        scaled(found.into_iter().map(weight).collect())
    };
    (0..nearest.len()).map(of_face).collect()
}

/// Replaces every row with the mean of the rows of its face's nearest faces.
fn averaged(weights: &[SparseRow], nearest: &[SparseRow]) -> Vec<SparseRow> {
    let of_face = |near: &SparseRow| {
        let mut all: SparseRow =
            near.iter().take(AVERAGED).flat_map(|n| weights[n.0].iter().copied()).collect();
        all.sort_unstable_by_key(|entry| entry.0);
        let mut merged: SparseRow = Vec::with_capacity(all.len());
        for (other, weight) in all {
            match merged.last_mut() {
                Some(last) if last.0 == other => last.1 += weight,
                _ => merged.push((other, weight)),
            }
        }
        scaled(merged)
    };
    nearest.iter().map(of_face).collect()
}

fn scaled(mut row: SparseRow) -> SparseRow {
    let sum: f32 = row.iter().map(|entry| entry.1).sum();
    row.iter_mut().for_each(|entry| entry.1 /= sum);
    row
}

/// For every face the other faces at a Jaccard distance of at most [`REACH`].
fn within_reach(weights: &[SparseRow]) -> Vec<Vec<usize>> {
    let mut holders: Vec<SparseRow> = vec![Vec::new(); weights.len()];
    for (face, row) in weights.iter().enumerate() {
        row.iter().for_each(|&(other, weight)| holders[other].push((face, weight)));
    }
    let mut common = vec![0.0f32; weights.len()];
    let of_face = |(face, row): (usize, &SparseRow)| {
        let mut touched = Vec::new();
        for &(entry, weight) in row {
            for &(other, theirs) in &holders[entry] {
                if common[other] == 0.0 {
                    touched.push(other);
                }
                common[other] += weight.min(theirs);
            }
        }
        touched.sort_unstable();
        let mut close = Vec::new();
        for other in touched {
            // Both rows sum to 1, so the union follows from the intersection.
            let both = std::mem::take(&mut common[other]);
            if other != face && 1.0 - both / (2.0 - both) <= REACH {
                close.push(other);
            }
        }
        close
    };
    weights.iter().enumerate().map(of_face).collect()
}

/// The connected components of a graph, without those of a single face.
fn connected(edges: &[Vec<usize>]) -> Vec<Option<u32>> {
    let mut groups = vec![None; edges.len()];
    let mut next = 0;
    for first in 0..edges.len() {
        if groups[first].is_some() || edges[first].is_empty() {
            continue;
        }
        let mut waiting = vec![first];
        while let Some(face) = waiting.pop() {
            if groups[face].replace(next).is_none() {
                waiting.extend(edges[face].iter().filter(|&&other| groups[other].is_none()));
            }
        }
        next += 1;
    }
    groups
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::RngExt;

    use super::*;
    use likeness_data::seed::{TrainingPurpose, training_stream};

    const DIM: usize = 16;

    /// `people` with `photos` each around a direction of their own, `noise` away from it, and as many faces of nobody.
    fn faces(people: usize, photos: usize, noise: f32, alone: usize) -> Vec<f32> {
        let mut numbers = training_stream(7, TrainingPurpose::Adaptation, &[]);
        let mut direction = || -> Vec<f32> { (0..DIM).map(|_| numbers.random::<f32>() - 0.5).collect() };
        let mut rows = Vec::new();
        let unit = |row: Vec<f32>| {
            let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
            row.into_iter().map(move |v| v / length)
        };
        for _ in 0..people {
            let centre = direction();
            for _ in 0..photos {
                let away = direction();
                rows.extend(unit(centre.iter().zip(away).map(|(c, a)| c + noise * a).collect()));
            }
        }
        for _ in 0..alone {
            rows.extend(unit(direction()));
        }
        rows
    }

    #[test]
    fn people_become_groups_and_strangers_stay_alone() {
        let found = groups(&faces(20, 5, 0.3, 10), DIM, 6).unwrap();
        let whole = (0..20).filter(|p| {
            let group = found[5 * p];
            group.is_some() && (5 * p..5 * p + 5).all(|face| found[face] == group)
        });
        assert!(whole.count() >= 18, "{found:?}");
        // Nobody shares a group with somebody else's photo.
        let mut owners: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); found.len()];
        for (face, group) in found.iter().enumerate().take(100) {
            group.iter().for_each(|g| {
                owners[*g as usize].insert(face / 5);
            });
        }
        assert!(owners.iter().all(|people| people.len() < 2), "{found:?}");
    }

    #[test]
    fn groups_are_numbered_in_order_and_never_of_one() {
        let found = groups(&faces(12, 4, 0.9, 30), DIM, 4).unwrap();
        let mut next = 0;
        for group in found.iter().flatten() {
            assert!(*group <= next);
            next = next.max(group + 1);
            assert!(found.iter().filter(|g| **g == Some(*group)).count() > 1);
        }
        assert!(next > 0);
    }

    #[test]
    fn few_faces_equal_faces_and_wrong_numbers_are_taken() {
        assert_eq!(groups(&[], DIM, 5).unwrap(), []);
        assert_eq!(groups(&faces(0, 0, 0.0, 2), DIM, 5).unwrap(), [None, None]);
        let same: Vec<f32> = faces(1, 9, 0.0, 0);
        assert_eq!(groups(&same, DIM, 8).unwrap(), vec![Some(0); 9]);
        let error = groups(&[f32::NAN; 4 * DIM], DIM, 5).unwrap_err();
        assert!(matches!(error, crate::SearchError::BadEmbeddings { .. }), "{error}");
    }

    #[test]
    fn jaccard_distances_are_those_of_whole_rows() {
        let nearest = nearest(&faces(15, 4, 0.8, 20), DIM, 5).unwrap();
        let weights = averaged(&reciprocal_weights(&nearest), &nearest);
        let whole = |row: &SparseRow| {
            let mut values = vec![0.0f32; weights.len()];
            row.iter().for_each(|&(at, weight)| values[at] = weight);
            values
        };
        let rows: Vec<Vec<f32>> = weights.iter().map(whole).collect();
        let reach = within_reach(&weights);
        for (i, a) in rows.iter().enumerate() {
            assert!((a.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            for (j, b) in rows.iter().enumerate().filter(|(j, _)| *j != i) {
                let sum = |f: fn(f32, f32) -> f32| a.iter().zip(b).map(|(x, y)| f(*x, *y)).sum::<f32>();
                let distance = 1.0 - sum(f32::min) / sum(f32::max);
                if (distance - REACH).abs() > 1e-4 {
                    assert_eq!(reach[i].contains(&j), distance < REACH, "{i} {j} {distance}");
                }
            }
        }
    }
}
