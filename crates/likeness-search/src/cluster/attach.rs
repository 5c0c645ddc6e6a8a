//! Moves single faces to the cluster with the nearest mean.
//!
//! Linkage decides early which faces belong together, when clusters are small. The mean of a finished cluster says more than any
//! pair: a face joins the cluster whose mean is nearest, if that mean is near enough.

use std::collections::HashMap;

use super::constraints::Checked;
use crate::cluster::{ClusterConfig, Faces, Neighbours};

/// The number of passes; later ones change few faces.
const PASSES: usize = 2;

/// The state of an assignment.
pub(super) struct Attach<'a> {
    pub(super) faces: &'a Faces,
    pub(super) neighbours: &'a Neighbours,
    pub(super) positions: &'a [u32],
    pub(super) checked: &'a Checked,
    pub(super) config: &'a ClusterConfig,
    /// For every face the name of its cluster.
    pub(super) names: Vec<u32>,
}

/// The sum of the embeddings of a cluster.
struct Sum {
    size: u32,
    sum: Vec<f64>,
    /// The squared length of the sum.
    square: f64,
}

/// A face that may move to a cluster.
struct Move {
    distance: f64,
    face: u32,
    name: u32,
}

impl Attach<'_> {
    /// Moves faces, and returns the name of every face's cluster.
    pub(super) fn run(mut self) -> Vec<u32> {
        for _ in 0..PASSES {
            let sums = self.sums();
            let mut moves: Vec<Move> = (0..self.faces.len() as u32)
                .filter(|face| self.checked.is_single(*face))
                .filter_map(|face| self.nearest(face, &sums))
                .collect();
            let position = |m: &Move| self.positions[m.face as usize];
            moves.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(position(a).cmp(&position(b))));
            for Move { face, name, .. } in moves {
                if self.may_join(face, name) {
                    self.names[face as usize] = name;
                }
            }
        }
        self.names
    }

    /// The sums of the clusters that are large enough, in canonical order.
    fn sums(&self) -> HashMap<u32, Sum> {
        let mut sizes: HashMap<u32, u32> = HashMap::new();
        self.names.iter().for_each(|name| *sizes.entry(*name).or_default() += 1);
        let mut order: Vec<u32> = (0..self.faces.len() as u32).collect();
        order.retain(|face| sizes[&self.names[*face as usize]] >= self.config.core_size);
        order.sort_unstable_by_key(|face| self.positions[*face as usize]);
        let mut sums: HashMap<u32, Sum> = HashMap::new();
        let empty = || Sum { size: 0, sum: vec![0.0; self.faces.dimension()], square: 0.0 };
        for face in order {
            let sum = sums.entry(self.names[face as usize]).or_insert_with(empty);
            let row = self.faces.row(face as usize);
            sum.size += 1;
            sum.sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        sums.values_mut().for_each(|sum| sum.square = sum.sum.iter().map(|v| v * v).sum());
        sums
    }

    /// The move to the nearest cluster of a neighbour, if it is near enough and nearer than the face's own.
    fn nearest(&self, face: u32, sums: &HashMap<u32, Sum>) -> Option<Move> {
        let own = self.names[face as usize];
        let neighbours = self.neighbours.of(face as usize).iter();
        let mut names: Vec<u32> = neighbours.map(|n| self.names[n.face as usize]).chain([own]).collect();
        names.sort_unstable();
        names.dedup();
        let distance = |&name: &u32| {
            Some(Move { distance: self.distance(face, sums.get(&name)?, name == own)?, face, name })
        };
        let nearest = names.iter().filter_map(distance).min_by(|a, b| a.distance.total_cmp(&b.distance))?;
        (nearest.name != own && nearest.distance < f64::from(self.config.attach)).then_some(nearest)
    }

    /// The squared distance between a face and the mean of a cluster, without the face itself if it is a member.
    ///
    /// # Conventions   on the unit sphere the mean is scaled to unit length; `None` for a cluster without other faces
    fn distance(&self, face: u32, cluster: &Sum, member: bool) -> Option<f64> {
        let row = self.faces.row(face as usize);
        let dot: f64 = row.iter().zip(&cluster.sum).map(|(a, b)| f64::from(*a) * b).sum();
        let square: f64 = row.iter().map(|v| f64::from(*v).powi(2)).sum();
        let (size, dot, cluster_square) = match member {
            true => (cluster.size - 1, dot - square, cluster.square - 2.0 * dot + square),
            false => (cluster.size, dot, cluster.square),
        };
        if size == 0 {
            return None;
        }
        if self.faces.on_sphere() {
            return (cluster_square > 0.0 && square > 0.0).then(|| 2.0 - 2.0 * dot / cluster_square.sqrt());
        }
        let n = f64::from(size);
        // The mean of n faces deviates from the person's mean by 1/n of the variance of one face.
        Some((square + cluster_square / (n * n) - 2.0 * dot / n) * n / (n + 1.0))
    }

    fn may_join(&self, face: u32, name: u32) -> bool {
        let inside = |other: &u32| *other != face && self.names[*other as usize] == name;
        let photo = self.checked.photos[face as usize].map(|photo| &self.checked.of_photo[&photo]);
        !self.checked.enemies[face as usize].iter().any(inside)
            && !photo.is_some_and(|others| others.iter().any(inside))
    }
}
