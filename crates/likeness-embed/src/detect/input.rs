//! From a photo to a network's input tensor: an RGB picture enters, scaled, padded, normalised planes leave.
//!
//! Scaling down averages over the footprint (see [`likeness_data::align::resize`]); normalisation happens while the
//! pixels are copied from interleaved bytes into planes.

use std::borrow::Cow;

use image::RgbImage;
use likeness_data::align::resize;
use likeness_data::detect::Detection;
use likeness_data::geometry::{Point, Rect};

use super::config::{DetectorConfig, STEP_PX};

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Size {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Size {
    /// Numbers of one colour picture.
    pub(super) fn values(self) -> usize {
        3 * self.width as usize * self.height as usize
    }
}

/// The order of the colour planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channels {
    Rgb,
    Bgr,
}

/// Where the scaled photo lies in an input of fixed size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    /// Aspect kept, padding to the right and below.
    TopLeft,
    /// Aspect kept, padding on both sides.
    Centre,
    /// Filled, aspect given up.
    Stretch,
}

/// What a family of networks takes: (byte − `mean`) · `factor`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct InputFormat {
    pub(super) channels: Channels,
    pub(super) mean: f32,
    pub(super) factor: f32,
    pub(super) placement: Placement,
    /// The grey of the padding, before normalisation.
    pub(super) padding: u8,
}

/// How one photo is laid into the network's input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Layout {
    /// The network's input.
    pub(super) input: Size,
    /// The photo's own size.
    photo: Size,
    /// The photo after scaling.
    scaled: Size,
    left: u32,
    top: u32,
}

impl Layout {
    /// The layout of a photo of `photo` for a graph of one size, or of any.
    pub(super) fn new(
        photo: Size,
        fixed: Option<Size>,
        placement: Placement,
        config: &DetectorConfig,
    ) -> Self {
        let longer = f64::from(photo.width.max(photo.height));
        let Some(input) = fixed else {
            let target = longer.min(config.max_side.into()).max(config.min_side.into());
            let scaled = photo.scaled(target / longer);
            let up = |side: u32| side.next_multiple_of(STEP_PX);
            let input = Size { width: up(scaled.width), height: up(scaled.height) };
            return Self { input, photo, scaled, left: 0, top: 0 };
        };
        if placement == Placement::Stretch {
            return Self { input, photo, scaled: input, left: 0, top: 0 };
        }
        let share = |inside: u32, outside: u32| f64::from(outside) / f64::from(inside);
        let fitting = share(photo.width, input.width).min(share(photo.height, input.height));
        let scaled = photo.scaled(fitting.min(config.max_enlargement.into()));
        let scaled = Size { width: scaled.width.min(input.width), height: scaled.height.min(input.height) };
        let (left, top) = match placement {
            Placement::Centre => ((input.width - scaled.width) / 2, (input.height - scaled.height) / 2),
            Placement::TopLeft | Placement::Stretch => (0, 0),
        };
        Self { input, photo, scaled, left, top }
    }

    /// Writes the photo into one picture's part of the tensor.
    ///
    /// # Shapes        planes: [3, height, width] of the network's input
    pub(super) fn fill(
        &self,
        photo: &RgbImage,
        format: &InputFormat,
        planes: &mut [f32],
    ) -> likeness_data::Result<()> {
        let scaled = match self.scaled == self.photo {
            true => Cow::Borrowed(photo),
            false => Cow::Owned(resize(photo, self.scaled.width, self.scaled.height)?),
        };
        let (width, across) = (self.input.width as usize, self.scaled.width as usize);
        planes.fill((f32::from(format.padding) - format.mean) * format.factor);
        for (plane, values) in planes.chunks_exact_mut(width * self.input.height as usize).enumerate() {
            let channel = if format.channels == Channels::Rgb { plane } else { 2 - plane };
            let rows = values.chunks_exact_mut(width).skip(self.top as usize);
            for (row, pixels) in rows.zip(scaled.as_raw().chunks_exact(3 * across)) {
                for (value, pixel) in row[self.left as usize..].iter_mut().zip(pixels.chunks_exact(3)) {
                    *value = (f32::from(pixel[channel]) - format.mean) * format.factor;
                }
            }
        }
        Ok(())
    }

    /// `detection`, from the network input's pixels to the photo's.
    pub(super) fn to_photo(self, detection: Detection) -> Detection {
        let by_x = self.photo.width as f32 / self.scaled.width as f32;
        let by_y = self.photo.height as f32 / self.scaled.height as f32;
        let (left, top) = (self.left as f32, self.top as f32);
        let Rect { left: x, top: y, width, height } = detection.face_box;
        Detection {
            face_box: Rect::new((x - left) * by_x, (y - top) * by_y, width * by_x, height * by_y),
            landmarks: detection
                .landmarks
                .map(|points| points.map(|p| Point { x: (p.x - left) * by_x, y: (p.y - top) * by_y })),
            ..detection
        }
    }
}

impl Size {
    /// Both sides times `factor`, at least a pixel.
    fn scaled(self, factor: f64) -> Self {
        let side = |px: u32| (f64::from(px) * factor).round().max(1.0) as u32;
        Self { width: side(self.width), height: side(self.height) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    fn format(placement: Placement) -> InputFormat {
        InputFormat { channels: Channels::Bgr, mean: 100.0, factor: 0.5, placement, padding: 10 }
    }

    #[test]
    fn any_size_is_padded_to_the_step_and_limited() {
        let config = DetectorConfig { min_side: 64, ..DetectorConfig::default() };
        let input = |w, h| Layout::new(size(w, h), None, Placement::TopLeft, &config).input;
        assert_eq!(input(256, 200), size(256, 224));
        assert_eq!(input(4000, 3000), size(640, 480));
        assert_eq!(input(20, 10), size(64, 32));
        assert_eq!(input(1, 1), size(64, 64));
        assert_eq!(input(1, 30_000), size(32, 640));
    }

    #[test]
    fn a_fixed_size_holds_every_aspect() {
        for (w, h) in [(1, 1), (1, 5000), (5000, 1), (640, 640), (641, 639), (33, 700)] {
            for placement in [Placement::TopLeft, Placement::Centre, Placement::Stretch] {
                let layout =
                    Layout::new(size(w, h), Some(size(320, 240)), placement, &DetectorConfig::default());
                let photo = RgbImage::from_pixel(w, h, image::Rgb([120, 110, 100]));
                let mut planes = vec![f32::NAN; layout.input.values()];
                layout.fill(&photo, &format(placement), &mut planes).unwrap();
                let filled = planes.iter().filter(|v| **v == 10.0).count();
                assert_eq!(filled, (layout.scaled.width * layout.scaled.height) as usize, "{w}×{h}");
                assert!(planes.iter().all(|v| [0.0, 5.0, 10.0, -45.0].contains(v)));
            }
        }
    }

    #[test]
    fn a_box_goes_back_into_the_photo() {
        let layout =
            Layout::new(size(400, 200), Some(size(100, 100)), Placement::Centre, &DetectorConfig::default());
        let inside = Detection {
            face_box: Rect::new(10.0, 35.0, 20.0, 10.0),
            score: 0.5,
            landmarks: Some([Point { x: 10.0, y: 25.0 }; 5]),
        };
        let found = layout.to_photo(inside);
        assert_eq!(found.face_box, Rect::new(40.0, 40.0, 80.0, 40.0));
        assert_eq!(found.landmarks, Some([Point { x: 40.0, y: 0.0 }; 5]));
    }
}
