//! Neighbour averaging: moves every embedding towards those of its mutual neighbours.
//!
//! An average over a person's faces varies less with pose and light than one face does. Averaging over neighbours is the
//! α-query expansion of Radenović et al. (2019), "Fine-tuning CNN Image Retrieval with No Human Annotation", arXiv
//! 1711.02512, with weights that fall linearly to 0 at a distance, and over mutual neighbours only (Qin et al. 2011,
//! "Hello neighbor: accurate object retrieval with k-reciprocal nearest neighbors"), which keeps strangers out.

use rayon::prelude::*;

use super::faces::scale_to_unit;
use crate::cluster::{Faces, Neighbours};

/// The averaged embeddings.
///
/// ```text
/// x'ᵢ = (xᵢ + Σⱼ wᵢⱼ xⱼ) / (1 + Σⱼ wᵢⱼ),  wᵢⱼ = 1 − dᵢⱼ² / r  over the mutual neighbours j with dᵢⱼ² < r
/// ```
///
/// # Shapes        output: \[faces, dim\], row-major
/// # Units         radius: squared distance
/// # Conventions   embeddings on the unit sphere are scaled back to unit length; sums follow `positions`
pub(super) fn smoothed(faces: &Faces, neighbours: &Neighbours, positions: &[u32], radius: f32) -> Vec<f32> {
    let dim = faces.dimension();
    let mut output = vec![0.0; faces.len() * dim];
    output.par_chunks_exact_mut(dim).enumerate().for_each(|(face, row)| {
        let mut near: Vec<(u32, f64)> = vec![(face as u32, 1.0)];
        let mutual = |other: u32| neighbours.of(other as usize).iter().any(|n| n.face as usize == face);
        for neighbour in neighbours.of(face).iter().filter(|n| n.squared < radius && mutual(n.face)) {
            near.push((neighbour.face, 1.0 - f64::from(neighbour.squared / radius)));
        }
        near.sort_unstable_by_key(|(other, _)| positions[*other as usize]);
        let total: f64 = near.iter().map(|(_, weight)| weight).sum();
        let mut sums = vec![0.0f64; dim];
        for (other, weight) in near {
            let values = faces.row(other as usize);
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * f64::from(*value));
        }
        row.iter_mut().zip(sums).for_each(|(value, sum)| *value = (sum / total) as f32);
        if faces.on_sphere() {
            scale_to_unit(row);
        }
    });
    output
}
