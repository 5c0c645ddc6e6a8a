//! Crops a square around a box, for faces without landmarks.

use image::RgbImage;

use super::resize::resize_part;
use super::{Border, Sampling, Similarity, WarpConfig, check_picture, check_size, warp};
use crate::geometry::Rect;
use crate::{DataError, Result};

/// Crops the square around `rect`, widened by `margin` on every side, and scales it to `size` × `size`.
///
/// The square is centred on the box; its side is the box's longer side times (1 + 2·`margin`). Pixels outside the
/// picture are filled as `border` says.
///
/// # Units         rect in pixels, as [`crate::geometry`]; margin as a share of the box's longer side, may be negative
/// # Errors        an invalid box, a margin that makes the square empty, a size outside 1 to 8192 →
/// [`DataError::BadArgument`]
/// # Examples
/// ```
/// use likeness_data::align::{Border, crop_with_margin};
/// use likeness_data::geometry::Rect;
/// let photo = image::RgbImage::from_pixel(60, 40, image::Rgb([9, 9, 9]));
/// let face = crop_with_margin(&photo, &Rect::new(20.0, 10.0, 10.0, 16.0), 0.25, 24, Border::Black)?;
/// assert_eq!(face.dimensions(), (24, 24));
/// assert_eq!(face.get_pixel(0, 0).0, [9, 9, 9]);
/// # Ok::<(), likeness_data::DataError>(())
/// ```
pub fn crop_with_margin(
    image: &RgbImage,
    rect: &Rect,
    margin: f32,
    size: u32,
    border: Border,
) -> Result<RgbImage> {
    check_picture(image)?;
    check_size(size, size)?;
    let side = rect.width.max(rect.height) * (1.0 + 2.0 * margin);
    let square = Rect::new(rect.centre().x - side / 2.0, rect.centre().y - side / 2.0, side, side);
    if !rect.is_valid() || !square.is_valid() {
        return Err(DataError::argument(format!(
            "crop of {}×{} pixels at ({}, {}) with margin {margin}: expected a box and a margin with a positive area",
            rect.width, rect.height, rect.left, rect.top
        )));
    }
    let (width, height) = (image.width() as f32, image.height() as f32);
    if square.left >= 0.0 && square.top >= 0.0 && square.right() <= width && square.bottom() <= height {
        return resize_part(image, &square, size, size);
    }
    // An edge is half a pixel before the centre of the first pixel, on both sides of the transform.
    let scale = f64::from(size) / f64::from(side);
    let shift = |edge: f32| -scale * (f64::from(edge) - 0.5) - 0.5;
    let to_face = Similarity::new(scale, 0.0, (shift(square.left), shift(square.top)))?;
    warp(image, &to_face, &WarpConfig { width: size, height: size, border, sampling: Sampling::Area })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([(2 * x) as u8, (2 * y) as u8, (x + y) as u8]))
    }

    #[test]
    fn whole_pixels_are_copied() {
        let photo = ramp(50, 40);
        let face =
            crop_with_margin(&photo, &Rect::new(12.0, 9.0, 20.0, 20.0), 0.0, 20, Border::Black).unwrap();
        assert_eq!(face, image::imageops::crop_imm(&photo, 12, 9, 20, 20).to_image());
    }

    #[test]
    fn both_ways_of_sampling_agree_inside_the_picture() {
        let photo = ramp(100, 100);
        for (side, size) in [(40.0, 80), (40.0, 40), (60.0, 23), (90.0, 10)] {
            let square = Rect::new(5.0, 5.0, side, side);
            let inside = resize_part(&photo, &square, size, size).unwrap();
            let scale = f64::from(size) / f64::from(side);
            let shift = -scale * 4.5 - 0.5;
            let to_face = Similarity::new(scale, 0.0, (shift, shift)).unwrap();
            let config = WarpConfig { width: size, height: size, ..WarpConfig::default() };
            let warped = warp(&photo, &to_face, &config).unwrap();
            let inner = |x: u32| x > 0 && x + 1 < size;
            for (x, y, p) in inside.enumerate_pixels().filter(|(x, y, _)| inner(*x) && inner(*y)) {
                let q = warped.get_pixel(x, y);
                assert!(
                    p.0.iter().zip(q.0).all(|(a, b)| a.abs_diff(b) <= 2),
                    "{size} ({x}, {y}): {p:?} {q:?}"
                );
            }
        }
    }

    #[test]
    fn edges_are_filled_as_asked() {
        let photo = RgbImage::from_pixel(20, 20, image::Rgb([200, 100, 50]));
        let rect = Rect::new(-10.0, 0.0, 20.0, 20.0);
        let black = crop_with_margin(&photo, &rect, 0.0, 20, Border::Black).unwrap();
        assert_eq!(black.get_pixel(4, 10).0, [0, 0, 0]);
        assert_eq!(black.get_pixel(15, 10).0, [200, 100, 50]);
        let replicated = crop_with_margin(&photo, &rect, 0.5, 40, Border::Replicate).unwrap();
        assert!(replicated.pixels().all(|p| p.0 == [200, 100, 50]));
        let far = Rect::new(1e6, 1e6, 5.0, 5.0);
        assert!(
            crop_with_margin(&photo, &far, 0.0, 8, Border::Black).unwrap().pixels().all(|p| p.0 == [0; 3])
        );
        let huge = Rect::new(-1e5, -1e5, 3e5, 3e5);
        assert_eq!(crop_with_margin(&photo, &huge, 0.0, 8, Border::Black).unwrap().dimensions(), (8, 8));
    }

    #[test]
    fn impossible_crops_are_refused() {
        let photo = ramp(20, 20);
        let rect = Rect::new(2.0, 2.0, 10.0, 10.0);
        assert!(crop_with_margin(&photo, &rect, -0.5, 8, Border::Black).is_err());
        assert!(crop_with_margin(&photo, &rect, f32::NAN, 8, Border::Black).is_err());
        assert!(crop_with_margin(&photo, &rect, 0.0, 0, Border::Black).is_err());
        assert!(
            crop_with_margin(&photo, &Rect::new(f32::NAN, 0.0, 1.0, 1.0), 0.0, 8, Border::Black).is_err()
        );
        assert!(crop_with_margin(&RgbImage::new(0, 0), &rect, 0.0, 8, Border::Black).is_err());
    }
}
