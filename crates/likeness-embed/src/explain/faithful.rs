//! Deletion and insertion: how well an evidence map explains a distance.
//!
//! Deletion hides the pixels of a picture in steps, those with the most evidence first, and measures which share of the closeness
//! to the other picture remains. A good map makes it fall early: a small area under the curve. Insertion starts with the hidden
//! picture and shows pixels in the same order: a large area under the curve.
//!
//! The closeness at a distance d is (dₕ − d) / (dₕ − d₀), with d₀ the distance of the picture as it is and dₕ that of the picture
//! with all pixels hidden; it is bounded to [0, 1]. Areas are means over the steps, by the trapezoidal rule, in [0, 1].
//!
//! Reference: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", 2018, section 4.2,
//! which measures the probability of a class in place of a closeness.

use image::RgbImage;

use super::evidence::Evidence;
use super::fill::Fill;
use super::vectors::vectors;
use crate::{EmbedError, Embedder, Result};

/// How well an evidence map explains a distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faithfulness {
    /// Area under the deletion curve; smaller is better.
    pub deletion: f64,
    /// Area under the insertion curve; larger is better.
    pub insertion: f64,
}

/// Measures how well `evidence` explains why `picture` is near `other`, in `steps` steps. `fill` is what hidden pixels become.
///
/// # Shapes        picture, other: of the embedder's input size, as is the map
/// # Errors        a map of another size → [`EmbedError::BadArgument`]; those of the embedder
pub fn faithfulness(
    embedder: &dyn Embedder,
    (picture, other): (&RgbImage, &RgbImage),
    evidence: &Evidence,
    fill: Fill,
    steps: usize,
) -> Result<Faithfulness> {
    if (evidence.width, evidence.height) != picture.dimensions() {
        let reason = format!(
            "a map of {}×{} pixels for a picture of {}×{}",
            evidence.width,
            evidence.height,
            picture.width(),
            picture.height()
        );
        return Err(EmbedError::BadArgument { reason, hint: None });
    }
    let mut order: Vec<usize> = (0..evidence.values.len()).collect();
    order.sort_by(|a, b| evidence.values[*b].total_cmp(&evidence.values[*a]));
    let fill = fill.of(picture);
    let of_other = embedder.embed(std::slice::from_ref(other))?;
    let measure = embedder.spec().distance;
    let distances = |from: &RgbImage, to: &RgbImage| -> Result<Vec<f64>> {
        let stepped = stepped(from, to, &order, steps.max(1));
        Ok(vectors(embedder, &stepped)?.iter().map(|v| measure.between(v, &of_other)).collect())
    };
    let (deleted, inserted) = (distances(picture, &fill)?, distances(&fill, picture)?);
    let (whole, hidden) = (deleted[0], inserted[0]);
    let closeness = |distance: &f64| match hidden - whole {
        range if range > 0.0 => ((hidden - distance) / range).clamp(0.0, 1.0),
        _ => 0.0,
    };
    let area = |distances: &[f64]| {
        let closeness: Vec<f64> = distances.iter().map(closeness).collect();
        closeness.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).sum::<f64>() / (closeness.len() - 1) as f64
    };
    Ok(Faithfulness { deletion: area(&deleted), insertion: area(&inserted) })
}

/// `from`, and then after each step in which more pixels are replaced by those of `to`, in `order`.
fn stepped(from: &RgbImage, to: &RgbImage, order: &[usize], steps: usize) -> Vec<RgbImage> {
    let (mut pictures, mut now) = (vec![from.clone()], from.clone());
    for step in 0..steps {
        for at in &order[step * order.len() / steps..(step + 1) * order.len() / steps] {
            let (x, y) = (*at as u32 % from.width(), *at as u32 / from.width());
            now.put_pixel(x, y, *to.get_pixel(x, y));
        }
        pictures.push(now.clone());
    }
    pictures
}
