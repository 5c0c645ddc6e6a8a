//! The sizes at which a picture is scanned and the positions of the windows, as in OpenCV 4's `detectMultiScale`.
//!
//! The scale factors are 1, f, f², …. The picture is reduced and the window keeps its size. Windows are two pixels
//! apart below factor 2 and one pixel apart from there on.

use super::HaarConfig;

/// One size of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Layer {
    /// The factor by which the picture is reduced.
    pub(crate) scale: f32,
    /// Width in pixels.
    pub(crate) width: usize,
    /// Height in pixels.
    pub(crate) height: usize,
    /// Distance in pixels between neighbouring windows.
    pub(crate) step: usize,
    /// Number of windows per row.
    pub(crate) columns: usize,
    /// Number of rows of windows.
    pub(crate) rows: usize,
}

/// A box in whole pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PixelRect {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) width: i32,
    pub(crate) height: i32,
}

impl Layer {
    /// The window in column `column`, row `row`, as a box in the original picture.
    pub(crate) fn window(&self, (width, height): (u32, u32), column: usize, row: usize) -> PixelRect {
        let scaled = |v: usize| round(v as f32 * self.scale);
        PixelRect {
            x: scaled(column * self.step),
            y: scaled(row * self.step),
            width: scaled(width as usize),
            height: scaled(height as usize),
        }
    }
}

/// The sizes at which a picture of `size` pixels is scanned with a window of `window` pixels, largest first.
pub(crate) fn layers(window: (u32, u32), size: (u32, u32), config: &HaarConfig) -> Vec<Layer> {
    let bound = |side| if config.max_face_px == 0 { side } else { config.max_face_px.min(side) };
    let (most, least) = ((bound(size.0), bound(size.1)), config.min_face_px);
    let mut scales = Vec::new();
    let mut factor = 1.0f64;
    loop {
        let scaled = |side: u32| (f64::from(side) * factor).round_ties_even();
        let (width, height) = (scaled(window.0), scaled(window.1));
        if width > f64::from(most.0) || height > f64::from(most.1) {
            break;
        }
        if width >= f64::from(least) && height >= f64::from(least) {
            scales.push(factor as f32);
        }
        factor *= config.scale_factor;
    }
    // OpenCV divides the scan into strips: the width of the largest layer divided by 32. It rounds their height down, which
    // can omit the last row of windows.
    let strips = scales.first().map_or(0, |&scale| positions(size.0, scale, window.0).1.div_ceil(32));
    scales.into_iter().map(|scale| layer(window, size, scale, strips)).collect()
}

fn layer(window: (u32, u32), size: (u32, u32), scale: f32, strips: usize) -> Layer {
    let step = if scale >= 2.0 { 1 } else { 2 };
    let (width, across) = positions(size.0, scale, window.0);
    let (height, down) = positions(size.1, scale, window.1);
    let strip = ((down / step + strips).saturating_sub(1).checked_div(strips).unwrap_or(0)).max(1) * step;
    let down = down.min(strips * strip);
    Layer { scale, width, height, step, columns: across.div_ceil(step), rows: down.div_ceil(step) }
}

/// A side of a layer, and the number of positions of a window with side `window` in it at a distance of one pixel.
fn positions(side: u32, scale: f32, window: u32) -> (usize, usize) {
    let side = round(side as f32 / scale) as usize;
    (side, (side + 1).saturating_sub(window as usize))
}

fn round(value: f32) -> i32 {
    value.round_ties_even() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(scale_factor: f64) -> HaarConfig {
        HaarConfig { scale_factor, ..HaarConfig::default() }
    }

    #[test]
    fn the_window_must_fit_the_picture() {
        assert_eq!(layers((24, 24), (23, 500), &config(1.1)), []);
        assert_eq!(layers((24, 24), (0, 0), &config(1.1)), []);
        let one = layers((24, 24), (24, 24), &config(1.1));
        assert_eq!(one, [Layer { scale: 1.0, width: 24, height: 24, step: 2, columns: 1, rows: 1 }]);
    }

    #[test]
    fn bounds_on_the_face_cut_the_sizes() {
        let faces = |min_face_px, max_face_px| {
            let config = HaarConfig { min_face_px, max_face_px, ..config(2.0) };
            layers((20, 20), (200, 300), &config)
                .iter()
                .map(|l| l.window((20, 20), 0, 0).width)
                .collect::<Vec<_>>()
        };
        assert_eq!(faces(0, 0), [20, 40, 80, 160]);
        assert_eq!(faces(21, 0), [40, 80, 160]);
        assert_eq!(faces(40, 80), [40, 80]);
        assert!(faces(81, 90).is_empty());
    }

    #[test]
    fn windows_stand_closer_from_factor_two_on() {
        let steps: Vec<_> = layers((20, 20), (99, 99), &config(1.5)).iter().map(|l| l.step).collect();
        assert_eq!(steps, [2, 2, 1, 1]);
    }
}
