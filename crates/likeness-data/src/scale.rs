//! Scales a part of a picture, by `fast_image_resize` for pictures of 8-bit RGB alone.
//!
//! The routines of the library that take any type of pixels would compile its kernels for all of them.

use std::fmt::Display;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

pub use fast_image_resize::FilterType as Filter;

/// A part of a picture: left, top, width, height in pixels, with fractions.
pub(crate) type Part = (f64, f64, f64, f64);

/// Scales `image` to `width` × `height`; when it is reduced, the support of the filter grows with the scale factor.
///
/// # Panics        a picture or an output without pixels
pub fn scale(image: &RgbImage, (width, height): (u32, u32), filter: Filter) -> RgbImage {
    let whole = (0.0, 0.0, f64::from(image.width()), f64::from(image.height()));
    scale_part(&mut Resizer::new(), image, whole, (width, height), filter)
        .expect("the whole of a picture with pixels can be scaled")
}

/// Scales `part` of `image` to `width` × `height`.
///
/// # Errors        a part that is empty or outside the picture; described as text
pub(crate) fn scale_part(
    resizer: &mut Resizer,
    image: &RgbImage,
    (left, top, part_width, part_height): Part,
    (width, height): (u32, u32),
    filter: Filter,
) -> Result<RgbImage, String> {
    let text = |error: &dyn Display| error.to_string();
    let source: TypedImageRef<'_, U8x3> =
        TypedImageRef::from_buffer(image.width(), image.height(), image.as_raw()).map_err(|e| text(&e))?;
    let mut scaled = RgbImage::new(width, height);
    let mut target: TypedImage<'_, U8x3> =
        TypedImage::from_buffer(width, height, &mut scaled).map_err(|e| text(&e))?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).crop(
        left,
        top,
        part_width,
        part_height,
    );
    resizer.resize_typed(&source, &mut target, &options).map_err(|e| text(&e))?;
    Ok(scaled)
}
