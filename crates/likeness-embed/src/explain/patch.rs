//! Soft patches that hide a part of a picture.

use image::RgbImage;

/// The rim of a patch, on which it fades out, as a share of the patch's side.
const RIM: f32 = 0.25;

/// A patch: how much each column and each row of a picture is hidden. A pixel is hidden by the product of both.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Patch {
    /// From 0 (visible) to 1 (hidden), for each column.
    columns: Vec<f32>,
    /// From 0 (visible) to 1 (hidden), for each row.
    rows: Vec<f32>,
}

impl Patch {
    /// Patches whose side is the share `side` of a picture's shorter side, half a side apart, over the whole picture.
    pub(super) fn grid((width, height): (u32, u32), side: f32) -> Vec<Self> {
        let side_px = (side * width.min(height) as f32).max(1.0);
        let (columns, rows) = (windows(width, side_px), windows(height, side_px));
        let patch =
            |(columns, rows): (&Vec<f32>, &Vec<f32>)| Self { columns: columns.clone(), rows: rows.clone() };
        rows.iter().flat_map(|rows| columns.iter().map(move |columns| (columns, rows))).map(patch).collect()
    }

    /// `picture` with `fill` in the hidden part.
    pub(super) fn hide(&self, picture: &RgbImage, fill: &RgbImage) -> RgbImage {
        let mut hidden = picture.clone();
        self.each(|at, weight| {
            let (x, y) = (at as u32 % picture.width(), at as u32 / picture.width());
            let (pixel, fill) = (hidden.get_pixel_mut(x, y), fill.get_pixel(x, y));
            pixel.0.iter_mut().zip(fill.0).for_each(|(value, fill)| *value = mixed(*value, fill, weight));
        });
        hidden
    }

    /// Calls `take` with each pixel that is hidden, counted row after row, and how much.
    pub(super) fn each(&self, mut take: impl FnMut(usize, f32)) {
        let span = |weights: &[f32]| {
            let first = weights.iter().position(|w| *w > 0.0).unwrap_or(0);
            first..weights.iter().rposition(|w| *w > 0.0).map_or(first, |last| last + 1)
        };
        let (across, down) = (span(&self.columns), span(&self.rows));
        for y in down {
            for x in across.clone() {
                take(y * self.columns.len() + x, self.columns[x] * self.rows[y]);
            }
        }
    }
}

/// `value` with the share `weight` of `fill`.
pub(super) fn mixed(value: u8, fill: u8, weight: f32) -> u8 {
    (f32::from(value) + (f32::from(fill) - f32::from(value)) * weight).round() as u8
}

/// The weights of windows of `side_px` along an axis of `length` pixels: one window for each position.
fn windows(length: u32, side_px: f32) -> Vec<Vec<f32>> {
    let steps = (length as f32 / (side_px / 2.0)).ceil().max(1.0) as u32;
    let centre = |step: u32| length as f32 * step as f32 / steps as f32;
    let window =
        |centre: f32| (0..length).map(|at| weight((at as f32 + 0.5 - centre).abs(), side_px)).collect();
    (0..=steps).map(centre).map(window).collect()
}

/// The weight at a distance from a window's centre: 1 inside, 1/2 at half the side, 0 outside.
fn weight(distance: f32, side_px: f32) -> f32 {
    let rim = (RIM * side_px).max(1.0);
    let t = ((side_px / 2.0 + rim / 2.0 - distance) / rim).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn patches_cover_every_pixel() {
        for (size, side) in [((112, 112), 0.25), ((64, 20), 0.4), ((1, 1), 0.3), ((1, 9), 0.2)] {
            let mut covered = vec![0.0_f32; (size.0 * size.1) as usize];
            for patch in Patch::grid(size, side) {
                patch.each(|at, weight| covered[at] = covered[at].max(weight));
            }
            assert!(covered.iter().all(|most| *most >= 0.49), "{size:?} {side}");
        }
        assert_eq!(Patch::grid((112, 112), 0.25).len(), 81);
    }

    #[test]
    fn only_the_patch_is_filled() {
        let (picture, fill) =
            (RgbImage::from_pixel(40, 40, Rgb([10; 3])), RgbImage::from_pixel(40, 40, Rgb([210; 3])));
        let patches = Patch::grid((40, 40), 0.25);
        let hidden = patches[40].hide(&picture, &fill);
        assert_eq!((*hidden.get_pixel(20, 20), *hidden.get_pixel(30, 20)), (Rgb([210; 3]), Rgb([10; 3])));
    }
}
