//! Occlusion: two pictures enter, an evidence map for each leaves.

use std::sync::atomic::AtomicBool;

use image::RgbImage;
use likeness_data::ordered::OrderedPool;
use likeness_search::Distance;

use super::evidence::Evidence;
use super::fill::Fill;
use super::patch::Patch;
use super::vectors::{batch, vectors};
use crate::{EmbedError, Embedder, Result};

/// How regions are hidden.
#[derive(Debug, Clone, PartialEq)]
pub struct Occlusion {
    /// Sides of the patches, as shares of the picture's shorter side; patches of one side are half a side apart.
    pub sides: Vec<f32>,
    /// What hidden pixels become.
    pub fill: Fill,
}

impl Default for Occlusion {
    /// What explained best (see the `faithfulness` example): a small and a large patch over a blurred picture.
    fn default() -> Self {
        Self { sides: vec![0.2, 0.35], fill: Fill::Blur(0.15) }
    }
}

/// The options of [`explain`].
pub struct ExplainRun<'a> {
    /// How regions are hidden.
    pub occlusion: Occlusion,
    /// Worker threads; 0 is one for each core.
    pub threads: usize,
    /// Set from outside to stop.
    pub stop: &'a AtomicBool,
}

/// What makes two pictures match.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Evidence in the query.
    pub query: Evidence,
    /// Evidence in the hit.
    pub hit: Evidence,
    /// Distance between the two pictures, by the embedder's own distance.
    pub distance: f32,
    /// Number of pictures that were embedded.
    pub embeddings: usize,
}

/// Explains the distance between `query` and `hit`, as the model takes them.
///
/// The maps of two equal pictures, whose distance is 0, show which regions change the embedding most.
///
/// # Shapes        query, hit: pictures of `embedder.spec().input_size`
/// # Errors        a picture of another size; a picture without an embedding; an error of the engine; a stop →
/// [`EmbedError::Interrupted`]
/// # References    Zeiler and Fergus (2014), section 4.2; Petsiuk et al. (2018), equation 6, with patches in place of random masks
///
/// # Examples
/// ```
/// use std::sync::atomic::AtomicBool;
/// use image::{Rgb, RgbImage};
/// use likeness_embed::explain::{ExplainRun, Occlusion, explain};
/// use likeness_embed::load_embedder;
///
/// // The two pictures share a red square at the top left.
/// let picture = |ground: [u8; 3]| RgbImage::from_fn(128, 128, |x, y| {
///     if x < 32 && y < 32 { Rgb([220, 20, 20]) } else { Rgb(ground) }
/// });
/// let (a, b) = (picture([20, 90, 200]), picture([30, 160, 40]));
/// let embedder = load_embedder("color", &Default::default())?;
/// let stop = AtomicBool::new(false);
/// let run = ExplainRun { occlusion: Occlusion::default(), threads: 0, stop: &stop };
/// let found = explain(embedder.as_ref(), &a, &b, &run)?;
/// assert_eq!((found.query.width, found.query.height), (a.width(), a.height()));
/// # Ok::<(), likeness_embed::EmbedError>(())
/// ```
pub fn explain(
    embedder: &dyn Embedder,
    query: &RgbImage,
    hit: &RgbImage,
    run: &ExplainRun<'_>,
) -> Result<Explanation> {
    let dimension = embedder.spec().dimension;
    let both = embedder.embed(&[query.clone(), hit.clone()])?;
    let (of_query, of_hit) = both.split_at(dimension);
    let measure = embedder.spec().distance;
    let distance = measure.between(of_query, of_hit);
    let patches: Vec<Patch> =
        run.occlusion.sides.iter().flat_map(|side| Patch::grid(query.dimensions(), *side)).collect();
    let occluded = |picture, other| Occluded {
        embedder,
        picture,
        fill: run.occlusion.fill.of(picture),
        other,
        patches: &patches,
        measure,
    };
    let growths_of_query = occluded(query, of_hit).growths(distance, run)?;
    let growths_of_hit = occluded(hit, of_query).growths(distance, run)?;
    Ok(Explanation {
        query: map(query.dimensions(), &patches, &growths_of_query),
        hit: map(hit.dimensions(), &patches, &growths_of_hit),
        distance: distance as f32,
        embeddings: 2 + 2 * patches.len(),
    })
}

/// A picture of which one patch at a time is hidden.
struct Occluded<'a> {
    embedder: &'a dyn Embedder,
    picture: &'a RgbImage,
    fill: RgbImage,
    /// The embedding of the other picture.
    other: &'a [f32],
    patches: &'a [Patch],
    measure: Distance,
}

impl Occluded<'_> {
    /// For each patch, how much more than `distance` the pictures are apart when it is hidden.
    fn growths(&self, distance: f64, run: &ExplainRun<'_>) -> Result<Vec<f32>> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if run.threads == 0 { cores } else { run.threads };
        let batch = batch(self.embedder);
        let pool = OrderedPool { threads, most_under_way: 4 * threads, stop: run.stop };
        let mut growths = Vec::with_capacity(self.patches.len());
        let work = |(): &mut (), turn: usize| {
            let part = &self.patches[turn * batch..self.patches.len().min((turn + 1) * batch)];
            let hidden: Vec<RgbImage> =
                part.iter().map(|patch| patch.hide(self.picture, &self.fill)).collect();
            let vectors = vectors(self.embedder, &hidden)?;
            let apart = vectors.iter().map(|vector| self.measure.between(vector, self.other) - distance);
            Ok::<Vec<f32>, EmbedError>(apart.map(|growth| growth as f32).collect())
        };
        pool.run(
            self.patches.len().div_ceil(batch),
            || (),
            work,
            |_, part| {
                growths.extend(part);
                Ok(())
            },
        )?;
        match growths.len() {
            done if done < self.patches.len() => {
                Err(EmbedError::Interrupted { done, total: self.patches.len() })
            }
            _ => Ok(growths),
        }
    }
}

/// The weighted mean of the growths at each pixel.
fn map((width, height): (u32, u32), patches: &[Patch], growths: &[f32]) -> Evidence {
    let pixels = width as usize * height as usize;
    let (mut sums, mut weights) = (vec![0.0_f32; pixels], vec![0.0_f32; pixels]);
    for (patch, growth) in patches.iter().zip(growths) {
        patch.each(|at, weight| {
            sums[at] += weight * growth;
            weights[at] += weight;
        });
    }
    let means = sums.iter().zip(&weights).map(|(sum, weight)| if *weight > 0.0 { sum / weight } else { 0.0 });
    Evidence::scaled(width, height, means.collect())
}
