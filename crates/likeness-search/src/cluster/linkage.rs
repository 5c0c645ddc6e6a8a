//! Average linkage on a sparse graph, with pairs that may not be merged.
//!
//! Average linkage (UPGMA: Sokal and Michener 1958) merges the two clusters with the smallest mean squared distance between
//! their members. It follows from the clusters' sums, so that a merge costs one vector operation per neighbour:
//!
//! ```text
//! mean |a − b|² = Qa / na + Qb / nb − 2 Sa·Sb / (na nb),  with Q the sum of squared lengths and S the sum of vectors
//! ```
//!
//! Only clusters that an edge connects are merged. Mean distances never fall by a merge, so that no merge below the limit
//! is missed by ignoring pairs above it.

use std::cmp::Ordering;
use std::collections::{BTreeSet, BinaryHeap, HashSet};

use super::union::Union;

/// Vectors of which the mean squared distance to others is needed.
#[derive(Debug, Clone, Default)]
pub(super) struct Moments {
    sum: Vec<f64>,
    /// The sum of the squared lengths.
    squares: f64,
}

impl Moments {
    fn add(&mut self, vector: &[f32]) {
        self.sum.resize(vector.len(), 0.0);
        self.sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value));
        self.squares += vector.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
    }

    fn absorb(&mut self, other: &Self) {
        self.sum.iter_mut().zip(&other.sum).for_each(|(a, b)| *a += b);
        self.squares += other.squares;
    }

    /// The mean squared distance between `n` vectors and `m` others.
    fn distance(&self, n: f64, other: &Self, m: f64) -> f64 {
        let dot: f64 = self.sum.iter().zip(&other.sum).map(|(a, b)| a * b).sum();
        self.squares / n + other.squares / m - 2.0 * dot / (n * m)
    }
}

/// The mean squared distances below which two clusters are merged.
///
/// The mean distance of few pairs of embeddings is less certain than that of many, so that small clusters must be nearer: with n and m
/// faces the limit is `large − (large − single) / ∛(nm)`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Of averaged embeddings.
    pub(super) averaged: f64,
    /// Of the embeddings of two single faces.
    pub(super) single: f64,
    /// Of the embeddings of two clusters of any size.
    pub(super) large: f64,
}

/// A cluster, or a set of faces that begins as one.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// The number of faces.
    pub(super) size: u32,
    averaged: Moments,
    own: Moments,
    /// The photos that it shares with other faces.
    pub(super) photos: HashSet<u32>,
    /// The nodes that it may not be merged with.
    pub(super) enemies: BTreeSet<u32>,
}

impl Node {
    pub(super) fn add(&mut self, averaged: &[f32], own: &[f32]) {
        self.averaged.add(averaged);
        self.own.add(own);
        self.size += 1;
    }

    /// The mean of the averaged embeddings.
    pub(super) fn mean(&self) -> impl Iterator<Item = f32> + '_ {
        self.averaged.sum.iter().map(|sum| (sum / f64::from(self.size)) as f32)
    }

    /// The mean squared distance of averaged embeddings, if it is below the limits.
    fn distance(&self, other: &Self, limits: &Limits) -> Option<f64> {
        let (n, m) = (f64::from(self.size), f64::from(other.size));
        let averaged = self.averaged.distance(n, &other.averaged, m);
        if averaged >= limits.averaged {
            return None;
        }
        let own = self.own.distance(n, &other.own, m);
        let limit = limits.large - (limits.large - limits.single) / (n * m).cbrt();
        (own < limit).then_some(averaged)
    }

    fn absorb(&mut self, other: Self) {
        self.size += other.size;
        self.averaged.absorb(&other.averaged);
        self.own.absorb(&other.own);
        let (mut large, small) = match self.photos.len() < other.photos.len() {
            true => (other.photos, std::mem::take(&mut self.photos)),
            false => (std::mem::take(&mut self.photos), other.photos),
        };
        large.extend(small);
        self.photos = large;
    }

    fn may_join(&self, other: &Self, name: u32) -> bool {
        !self.enemies.contains(&name) && self.photos.is_disjoint(&other.photos)
    }
}

/// A pair of clusters to merge; the nearest is the greatest.
#[derive(PartialEq)]
struct Pair {
    distance: f64,
    nodes: (u32, u32),
    /// The sizes at which the distance was computed; the pair is outdated if one has changed.
    sizes: (u32, u32),
}

impl Eq for Pair {}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        other.distance.total_cmp(&self.distance).then_with(|| other.nodes.cmp(&self.nodes))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Merges nodes while the nearest pair that may be merged is nearer than `limit`.
///
/// # Shapes        edges: pairs of nodes · output: for every node the smallest node of its cluster
/// # Conventions   equal distances are merged in the order of the nodes; a pair that may not be merged never may
pub(super) fn link(mut nodes: Vec<Node>, edges: &[(u32, u32)], limits: &Limits) -> Vec<u32> {
    let mut union = Union::new(nodes.len());
    let mut adjacent: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); nodes.len()];
    for &(a, b) in edges.iter().filter(|(a, b)| a != b) {
        adjacent[a as usize].insert(b);
        adjacent[b as usize].insert(a);
    }
    let mut heap = BinaryHeap::new();
    for (a, others) in (0..).zip(&adjacent) {
        heap.extend(others.range(a + 1..).filter_map(|&b| pair(&nodes, a, b, limits)));
    }
    while let Some(Pair { nodes: (a, b), sizes, .. }) = heap.pop() {
        if (nodes[a as usize].size, nodes[b as usize].size) != sizes {
            continue;
        }
        if !nodes[a as usize].may_join(&nodes[b as usize], b) {
            continue;
        }
        union.join(a, b);
        // `a` is the smaller one, and names the merged cluster.
        let absorbed = std::mem::take(&mut nodes[b as usize]);
        for &enemy in &absorbed.enemies {
            nodes[enemy as usize].enemies.remove(&b);
            nodes[enemy as usize].enemies.insert(a);
            nodes[a as usize].enemies.insert(enemy);
        }
        nodes[a as usize].absorb(absorbed);
        for other in std::mem::take(&mut adjacent[b as usize]) {
            adjacent[other as usize].remove(&b);
            if other != a {
                adjacent[other as usize].insert(a);
                adjacent[a as usize].insert(other);
            }
        }
        heap.extend(
            adjacent[a as usize].iter().filter_map(|&other| pair(&nodes, a.min(other), a.max(other), limits)),
        );
    }
    (0..nodes.len() as u32).map(|node| union.root(node)).collect()
}

fn pair(nodes: &[Node], a: u32, b: u32, limits: &Limits) -> Option<Pair> {
    let (first, second) = (&nodes[a as usize], &nodes[b as usize]);
    let distance = first.distance(second, limits)?;
    Some(Pair { distance, nodes: (a, b), sizes: (first.size, second.size) })
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;

    const DIM: usize = 4;

    fn vectors(seed: u64, count: usize) -> Vec<Vec<f32>> {
        let mut random = Pcg64::seed_from_u64(seed);
        (0..count).map(|_| (0..DIM).map(|_| random.random::<f32>()).collect()).collect()
    }

    /// Merges by the mean over all pairs, computed anew for every pair of clusters before every merge.
    fn plainly(averaged: &[Vec<f32>], own: &[Vec<f32>], limits: &Limits, enemies: &[(u32, u32)]) -> Vec<u32> {
        let mut clusters: Vec<Vec<usize>> = (0..own.len()).map(|at| vec![at]).collect();
        let mean = |vectors: &[Vec<f32>], a: &[usize], b: &[usize]| {
            let squared = |i: &usize, j: &usize| -> f64 {
                vectors[*i].iter().zip(&vectors[*j]).map(|(x, y)| f64::from(x - y).powi(2)).sum()
            };
            a.iter().flat_map(|i| b.iter().map(move |j| squared(i, j))).sum::<f64>()
                / (a.len() * b.len()) as f64
        };
        loop {
            let mut nearest: Option<(f64, usize, usize)> = None;
            for (at, a) in clusters.iter().enumerate() {
                for (other, b) in clusters.iter().enumerate().skip(at + 1) {
                    let apart = |&(x, y): &(u32, u32)| {
                        let (x, y) = (x as usize, y as usize);
                        a.contains(&x) && b.contains(&y) || a.contains(&y) && b.contains(&x)
                    };
                    let weight = ((a.len() * b.len()) as f64).cbrt();
                    let limit = limits.large - (limits.large - limits.single) / weight;
                    let distance = mean(averaged, a, b);
                    if distance < limits.averaged
                        && mean(own, a, b) < limit
                        && !enemies.iter().any(apart)
                        && nearest.is_none_or(|n| distance < n.0)
                    {
                        nearest = Some((distance, at, other));
                    }
                }
            }
            let Some((_, a, b)) = nearest else { break };
            let absorbed = clusters.remove(b);
            clusters[a].extend(absorbed);
        }
        let mut names = vec![0; own.len()];
        for members in clusters {
            let least = *members.iter().min().unwrap() as u32;
            members.into_iter().for_each(|at| names[at] = least);
        }
        names
    }

    #[test]
    fn merges_are_those_of_the_plain_loop() {
        for seed in 0..20 {
            let (averaged, own) = (vectors(seed, 30), vectors(seed + 100, 30));
            let limits = Limits { averaged: 0.35, single: 0.5, large: 0.8 };
            let enemies: Vec<(u32, u32)> =
                (0..20u32).map(|i| (i, (7 * i + 3) % 30)).filter(|(a, b)| a != b).collect();
            let mut nodes = vec![Node::default(); 30];
            (0..30).for_each(|at| nodes[at].add(&averaged[at], &own[at]));
            for &(a, b) in &enemies {
                nodes[a as usize].enemies.insert(b);
                nodes[b as usize].enemies.insert(a);
            }
            let edges: Vec<(u32, u32)> = (0..30).flat_map(|a| (0..a).map(move |b| (a, b))).collect();
            let found = link(nodes, &edges, &limits);
            assert_eq!(found, plainly(&averaged, &own, &limits, &enemies));
            assert!(found.iter().collect::<HashSet<_>>().len() < 25, "something was merged");
        }
    }
}
