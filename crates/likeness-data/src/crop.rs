//! Crops a part of a picture and scales it to a fixed size.

use fast_image_resize::Resizer;
use image::RgbImage;

use crate::geometry::Rect;
use crate::scale::{Filter, scale_part};
use crate::{DataError, Result};

/// Crops and scales faces. It keeps the resizer's buffers, so use one per thread.
#[derive(Debug, Default)]
pub struct Cropper {
    resizer: Resizer,
}

impl Cropper {
    /// Scales the part `area` of `image` to `width` × `height`.
    ///
    /// Uses bicubic convolution (Catmull–Rom, a = −0.5). When shrinking, its support grows with the scale factor to prevent
    /// aliasing. This is the filter of Pillow's `resize(…, BICUBIC, box)`.
    ///
    /// # Units         `area` in pixels of `image`, with fractions
    /// # Errors        an area that is empty or extends outside the picture → [`DataError::BadArgument`]
    pub fn crop(&mut self, image: &RgbImage, area: Rect, width: u32, height: u32) -> Result<RgbImage> {
        let refused = |e: &dyn std::fmt::Display| {
            DataError::argument(format!(
                "cannot cut {area:?} out of {}×{} pixels: {e}",
                image.width(),
                image.height()
            ))
        };
        if image.is_empty() {
            return Err(refused(&"the picture is empty"));
        }
        let (left, crop_width) = inside(area.left, area.width, image.width());
        let (top, crop_height) = inside(area.top, area.height, image.height());
        let part = (left, top, crop_width, crop_height);
        scale_part(&mut self.resizer, image, part, (width, height), Filter::CatmullRom)
            .map_err(|e| refused(&e))
    }

    /// Scales the centred square of `image` to `width` × `height`; returns the picture unchanged if it already has that size.
    ///
    /// # Errors        none for pictures of at least one pixel
    pub fn centre_crop(&mut self, image: &RgbImage, width: u32, height: u32) -> Result<RgbImage> {
        if image.dimensions() == (width, height) {
            return Ok(image.clone());
        }
        let area = Rect::centre_square(image.width(), image.height());
        self.crop(image, area, width, height)
    }
}

/// Start and length of an area on one axis, clipped where rounding moved it slightly over the picture's edge.
fn inside(start: f32, length: f32, picture: u32) -> (f64, f64) {
    const ROUNDING_PX: f64 = 0.01;
    let (start, length, picture) = (f64::from(start), f64::from(length), f64::from(picture));
    let over = start + length - picture;
    if (0.0..ROUNDING_PX).contains(&over) { (start, length - over) } else { (start, length) }
}

/// The square around a face box: centred on it, with the box's longer side as its side, and moved or shrunk as needed to lie
/// inside the picture.
///
/// # Errors        a box that does not overlap the picture, or is invalid → [`DataError::BadArgument`]
pub fn square_around(face_box: Rect, width: u32, height: u32) -> Result<Rect> {
    let (picture_width, picture_height) = (width as f32, height as f32);
    let picture = Rect::new(0.0, 0.0, picture_width, picture_height);
    if !face_box.is_valid() || face_box.intersection(&picture).area() <= 0.0 {
        return Err(DataError::argument(format!(
            "the box {} {} {} {} (left top width height) lies outside the picture of {width}×{height} pixels",
            face_box.left, face_box.top, face_box.width, face_box.height
        )));
    }
    let side = face_box.width.max(face_box.height).min(picture_width).min(picture_height);
    let centre = face_box.centre();
    let left = (centre.x - side / 2.0).clamp(0.0, picture_width - side);
    let top = (centre.y - side / 2.0).clamp(0.0, picture_height - side);
    Ok(Rect::new(left, top, side, side))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shrinking_by_whole_factors_keeps_the_mean() {
        let image = RgbImage::from_fn(64, 64, |x, y| image::Rgb([((x + y) % 2 * 255) as u8, 10, 200]));
        let small = Cropper::default().centre_crop(&image, 8, 8).unwrap();
        for pixel in small.pixels() {
            assert!(pixel.0[0].abs_diff(127) <= 1, "a checker board must not alias, got {}", pixel.0[0]);
            assert_eq!(&pixel.0[1..], &[10, 200]);
        }
    }

    #[test]
    fn one_pixel_wide_pictures_are_cut() {
        let image = RgbImage::from_pixel(1, 50, image::Rgb([9, 8, 7]));
        let face = Cropper::default().centre_crop(&image, 32, 32).unwrap();
        assert!(face.pixels().all(|p| p.0 == [9, 8, 7]));
    }

    proptest! {
        #[test]
        fn the_square_lies_inside(
            left in -50f32..150.0, top in -50f32..150.0, width in 0.1f32..300.0, height in 0.1f32..300.0,
        ) {
            if let Ok(square) = square_around(Rect::new(left, top, width, height), 100, 80) {
                prop_assert!(square.left >= 0.0 && square.top >= 0.0);
                prop_assert!(square.right() <= 100.0 + 1e-3 && square.bottom() <= 80.0 + 1e-3);
                prop_assert!(Cropper::default().crop(&RgbImage::new(100, 80), square, 16, 16).is_ok());
            }
        }
    }
}
