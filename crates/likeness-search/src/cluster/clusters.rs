//! The clusters of a gallery's faces.

use super::faces::squared_distance;
use crate::cluster::Faces;

/// The cluster of every face. Clusters are numbered from 0 in the order of their first faces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clusters {
    of_face: Vec<u32>,
    members: Vec<Vec<u32>>,
    medoids: Vec<u32>,
}

impl Clusters {
    /// Numbers clusters.
    ///
    /// # Shapes        names: \[faces\], equal for the faces of a cluster
    pub(super) fn new(names: &[u32], faces: &Faces, positions: &[u32]) -> Self {
        let mut number = vec![u32::MAX; names.len()];
        let (mut of_face, mut members) = (Vec::with_capacity(names.len()), Vec::<Vec<u32>>::new());
        for (face, &name) in (0u32..).zip(names) {
            if number[name as usize] == u32::MAX {
                number[name as usize] = members.len() as u32;
                members.push(Vec::new());
            }
            of_face.push(number[name as usize]);
            members[number[name as usize] as usize].push(face);
        }
        let medoids = members.iter().map(|members| medoid(members, faces, positions)).collect();
        Self { of_face, members, medoids }
    }

    /// The number of clusters, those of a single face included.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no clusters, because there are no faces.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The cluster of every face.
    pub fn of_faces(&self) -> &[u32] {
        &self.of_face
    }

    /// The cluster of a face.
    ///
    /// # Panics        a face that does not exist
    pub fn of(&self, face: u32) -> u32 {
        self.of_face[face as usize]
    }

    /// The faces of a cluster, ascending.
    ///
    /// # Panics        a cluster that does not exist
    pub fn members(&self, cluster: u32) -> &[u32] {
        &self.members[cluster as usize]
    }

    /// The number of faces of every cluster.
    pub fn sizes(&self) -> impl Iterator<Item = usize> + '_ {
        self.members.iter().map(Vec::len)
    }

    /// The face of a cluster with the smallest mean squared distance to the others, which represents it.
    ///
    /// # Panics        a cluster that does not exist
    pub fn medoid(&self, cluster: u32) -> u32 {
        self.medoids[cluster as usize]
    }
}

/// The face nearest to the mean, which has the smallest mean squared distance to the members too.
fn medoid(members: &[u32], faces: &Faces, positions: &[u32]) -> u32 {
    let mut order = members.to_vec();
    order.sort_unstable_by_key(|face| positions[*face as usize]);
    let mut sums = vec![0.0f64; faces.dimension()];
    for &face in &order {
        sums.iter_mut().zip(faces.row(face as usize)).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let mean: Vec<f32> = sums.iter().map(|sum| (sum / order.len() as f64) as f32).collect();
    let distance = |face: &u32| squared_distance(faces.row(*face as usize), &mean);
    let nearest = order.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
    *nearest.expect("a cluster has at least one face")
}
