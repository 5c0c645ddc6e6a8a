//! The distances that decide in a clustering.
//!
//! They follow from the model's thresholds, corrected for galleries of another kind of pictures than those that the thresholds
//! were measured on: there, the pairs of different people are nearer, and so are false matches.

use serde::{Deserialize, Serialize};

use super::faces::squared_distance;
use super::linkage::Limits;
use crate::Thresholds;
use crate::cluster::Faces;

/// The number of faces whose pairs the gallery's distances are estimated from.
const SAMPLE: usize = 1000;
/// The minimum number of faces of such an estimate.
const MINIMUM: usize = 50;
/// The largest correction of a threshold, as a share of the threshold at a false match rate of 1e-4.
const LARGEST_CORRECTION: f32 = 0.35;

/// Where pairs of different people are nearer, the nearest ones are nearer by more than the mean: on DigiFace 1.2 times.
const MARGIN: f32 = 1.25;

/// The constants of a kind of embeddings.
///
/// They were chosen on CelebA with the built-in model (off the sphere) and MobileFaceNet (on it), with an eye on DigiFace and
/// London, for a pairwise precision of about 0.97 on CelebA. AT&T was not used.
struct Kind {
    /// The distances between different people, whose distribution is nearly symmetric in this form.
    form: Form,
    /// The thresholds at false match rates of 1e-4 and 1e-2, in standard deviations of these distances below their mean.
    quantiles: [f32; 2],
    /// The limit of single faces, as a share of the threshold at 1e-4.
    single: f32,
    /// The limit of averaged embeddings, as a share of the threshold at 1e-4.
    limit: f32,
    /// The limit of the distance from the mean of a cluster, as a share of the threshold at 1e-4.
    attach: f32,
}

/// The form of a squared distance in which its distribution is described.
#[derive(Clone, Copy)]
enum Form {
    Squared,
    Root,
}

impl Form {
    fn of(self, squared: f32) -> f32 {
        match self {
            Self::Squared => squared,
            Self::Root => squared.sqrt(),
        }
    }

    fn squared(self, value: f32) -> f32 {
        match self {
            Self::Squared => value,
            Self::Root => value * value,
        }
    }
}

/// Embeddings of unit length, compared by the cosine; the distribution has a heavier tail than the normal one.
const ON_SPHERE: Kind =
    Kind { form: Form::Squared, quantiles: [4.5, 2.45], single: 0.97, limit: 0.9, attach: 1.04 };
/// Embeddings of any length; the distribution is nearly normal.
const OFF_SPHERE: Kind =
    Kind { form: Form::Root, quantiles: [3.719, 2.326], single: 1.0, limit: 0.4, attach: 0.72 };

/// The distances that decide in a clustering, as squared distances of [`Faces`].
///
/// # Conventions   the squared distance of two embeddings of unit length is twice their cosine distance
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterConfig {
    /// Mutual neighbours nearer than this are averaged, and clusters are merged below this mean squared distance.
    pub radius: f32,
    /// Two single faces are merged below this squared distance; larger clusters below one between this and the radius.
    pub single: f32,
    /// Clusters are merged if the mean squared distance of their averaged embeddings is below this.
    pub limit: f32,
    /// A face joins a cluster whose mean is nearer than this.
    pub attach: f32,
    /// The minimum size of clusters that single faces join.
    pub core_size: u32,
}

impl ClusterConfig {
    /// Derives the distances from the model's thresholds and from the gallery.
    ///
    /// The result changes slightly when faces are added. Store it, and fit again when the gallery has grown much, so that
    /// clusters change only where faces are added.
    ///
    /// # Conventions   thresholds at false match rates of 1e-4, 1e-3 and 1e-2 are needed. Without them, they are estimated
    ///   from the gallery, which is only good if most of its pairs show different people
    pub fn fit(faces: &Faces, thresholds: &Thresholds) -> Self {
        let kind = if faces.on_sphere() { ON_SPHERE } else { OFF_SPHERE };
        let [strict, loose] = limits(faces, thresholds, &kind);
        Self {
            radius: loose,
            single: kind.single * strict,
            limit: kind.limit * strict,
            attach: kind.attach * strict,
            core_size: 4,
        }
    }

    pub(super) fn limits(&self) -> Limits {
        Limits { averaged: self.limit.into(), single: self.single.into(), large: self.radius.into() }
    }
}

/// The thresholds at false match rates of 1e-4 and 1e-2, for this gallery.
fn limits(faces: &Faces, thresholds: &Thresholds, kind: &Kind) -> [f32; 2] {
    let between = Between::sampled(faces, kind.form);
    let at = |fmr| thresholds.at(fmr).map(|distance| kind.form.of(faces.squared(distance)));
    let (Some(strict), Some(loose)) = (at(1e-4), at(1e-2)) else {
        let Between { mean, deviation } = between.unwrap_or_default();
        let below = |quantile: f32| kind.form.squared((mean - quantile * deviation).max(0.0));
        return kind.quantiles.map(below);
    };
    let corrected = between.map_or([strict, loose], |between| {
        // The mean of the distribution whose quantiles the thresholds are.
        let deviation = (loose - strict) / (kind.quantiles[0] - kind.quantiles[1]);
        let expected = loose + kind.quantiles[1] * deviation;
        match kind.form {
            // Embeddings that have a direction in common are nearer to each other by a constant.
            Form::Squared => {
                let shift = MARGIN * (expected - between.mean);
                [strict, loose].map(|limit| limit - shift.clamp(0.0, LARGEST_CORRECTION * strict))
            }
            Form::Root => {
                let scale = (between.mean / expected).clamp(1.0 - LARGEST_CORRECTION, 1.0);
                [strict * scale, loose * scale]
            }
        }
    });
    corrected.map(|limit| kind.form.squared(limit))
}

/// The distances between different people, in the form of their kind.
#[derive(Debug, Clone, Copy, Default)]
struct Between {
    mean: f32,
    deviation: f32,
}

impl Between {
    /// Estimates them from the upper half of all pairs, where pairs of one person are rare; `None` for few faces.
    fn sampled(faces: &Faces, form: Form) -> Option<Self> {
        if faces.len() < MINIMUM {
            return None;
        }
        let mut order: Vec<u32> = (0..faces.len() as u32).collect();
        let positions = faces.canonical_positions();
        order.sort_unstable_by_key(|face| positions[*face as usize]);
        let chosen: Vec<u32> = order.into_iter().step_by(faces.len().div_ceil(SAMPLE)).collect();
        let mut distances: Vec<f32> = Vec::with_capacity(chosen.len() * chosen.len() / 2);
        for (at, &a) in chosen.iter().enumerate() {
            let row = faces.row(a as usize);
            let squared = chosen[..at].iter().map(|&b| squared_distance(row, faces.row(b as usize)) as f32);
            distances.extend(squared.map(|squared| form.of(squared)));
        }
        distances.sort_unstable_by(f32::total_cmp);
        let quantile = |share: f64| distances[(share * distances.len() as f64) as usize];
        // A normal distribution has these quantiles 0.674 and 1.645 deviations above its mean.
        let (lower, upper) = (quantile(0.75), quantile(0.95));
        let deviation = (upper - lower) / (1.645 - 0.674);
        Some(Self { mean: lower - 0.674 * deviation, deviation })
    }
}
