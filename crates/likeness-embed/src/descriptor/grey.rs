//! The grey picture that edges and texture are read from.
//!
//! RGB in, luma of ITU-R BT.601 out, in the 15-bit fixed point of OpenCV's 8-bit `COLOR_RGB2GRAY`, equal to it for
//! every colour. Integers keep gradients and patterns exact, whatever the machine.

use image::{GrayImage, RgbImage};

/// The luma of `image`.
pub(super) fn grey(image: &RgbImage) -> GrayImage {
    let (width, height) = image.dimensions();
    let luma = image.as_raw().chunks_exact(3).map(|p| luma([p[0], p[1], p[2]])).collect();
    GrayImage::from_raw(width, height, luma).expect("one luma for every pixel")
}

/// 0.299 R + 0.587 G + 0.114 B, rounded.
pub(super) fn luma([r, g, b]: [u8; 3]) -> u8 {
    const HALF: u32 = 1 << 14;
    let luma = (9798 * u32::from(r) + 19235 * u32::from(g) + 3735 * u32::from(b) + HALF) >> 15;
    luma as u8 // the weights sum to 1 << 15, so that luma <= 255
}
