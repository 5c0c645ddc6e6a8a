//! Area-correct resizing of a picture or a part of it.
//!
//! When shrinking, the triangle filter of Pillow's `BILINEAR`, widened to the whole footprint of an output pixel. When
//! enlarging, bilinear interpolation. Computed by `fast_image_resize`; differs from Pillow by at most one level.

use fast_image_resize::Resizer;
use image::RgbImage;

use super::{check_picture, check_size};
use crate::geometry::Rect;
use crate::scale::{Filter, scale_part};
use crate::{DataError, Result};

/// Scales `image` to `width` × `height`.
///
/// # Errors        an empty picture, a size outside 1 to 8192 → [`DataError::BadArgument`]
pub fn resize(image: &RgbImage, width: u32, height: u32) -> Result<RgbImage> {
    if (width, height) == image.dimensions() && width > 0 && height > 0 {
        return Ok(image.clone());
    }
    let whole = Rect::new(0.0, 0.0, image.width() as f32, image.height() as f32);
    resize_part(image, &whole, width, height)
}

/// Scales the rectangle `part` of `image`, which may have fractional coordinates, to `width` × `height`.
///
/// # Errors        a part that is empty or extends outside the picture, a size outside 1 to 8192 →
/// [`DataError::BadArgument`]
pub fn resize_part(image: &RgbImage, part: &Rect, width: u32, height: u32) -> Result<RgbImage> {
    check_picture(image)?;
    check_size(width, height)?;
    shrink(image, part, (width, height), Filter::Bilinear)
}

/// As [`resize_part`], with a given filter and without checks of the arguments.
pub(super) fn shrink(
    image: &RgbImage,
    part: &Rect,
    (width, height): (u32, u32),
    filter: Filter,
) -> Result<RgbImage> {
    let part = (part.left.into(), part.top.into(), part.width.into(), part.height.into());
    scale_part(&mut Resizer::new(), image, part, (width, height), filter)
        .map_err(|e| DataError::argument(format!("resizing a picture: {e}")))
}
