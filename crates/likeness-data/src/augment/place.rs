//! Rotates, scales, shifts and mirrors a face in one sampling pass.

use image::RgbImage;

use super::PlaceConfig;
use crate::Result;
use crate::align::{Border, Sampling, Similarity, WarpConfig, warp};
use crate::crop::Cropper;
use crate::seed::RandomStream;

/// Scales the largest centred square of `image` to `size` × `size` pixels; rotates, scales and shifts it if configured.
pub(super) fn place(
    image: &RgbImage,
    size: u32,
    config: &PlaceConfig,
    dice: &mut RandomStream,
) -> Result<RgbImage> {
    if !dice.chance(config.probability) {
        // The same crop as for embedding, so that validation during training measures what an evaluation measures.
        return Cropper::default().centre_crop(image, size, size);
    }
    let rotation_deg = dice.range(-config.rotation_deg, config.rotation_deg);
    let scale = 1.0 + dice.range(-config.scale, config.scale);
    let shift = [0; 2].map(|_| dice.range(-config.shift, config.shift));
    let to_face = about_centre(image, size, (rotation_deg.into(), scale.into()), shift.map(f64::from))?;
    let (border, sampling) = (Border::Replicate, Sampling::Area);
    warp(image, &to_face, &WarpConfig { width: size, height: size, border, sampling })
}

/// The transform that maps the middle of `image` to the middle of the face plus `shift` (in sides), and the shorter side of
/// `image` to `scale` sides.
fn about_centre(
    image: &RgbImage,
    size: u32,
    (rotation_deg, scale): (f64, f64),
    shift: [f64; 2],
) -> Result<Similarity> {
    let side = f64::from(size);
    // The warp rejects an empty picture; here only a division by zero must be avoided.
    let shorter = f64::from(image.width().min(image.height()).max(1));
    let middle = |length: u32| (f64::from(length) - 1.0) / 2.0;
    let to_origin = Similarity::new(1.0, 0.0, (-middle(image.width()), -middle(image.height())))?;
    let at = (middle(size) + shift[0] * side, middle(size) + shift[1] * side);
    Ok(to_origin.then(&Similarity::new(scale * side / shorter, rotation_deg, at)?))
}

/// Mirrors `face` horizontally.
pub(super) fn flip(face: &mut RgbImage) {
    image::imageops::flip_horizontal_in_place(face);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;

    #[test]
    fn the_middle_stays_and_sides_scale() {
        let image = RgbImage::new(80, 60);
        let to_face = about_centre(&image, 30, (0.0, 1.0), [0.0; 2]).unwrap();
        let at = to_face.apply(Point { x: 39.5, y: 29.5 });
        assert!((at.x - 14.5).abs() < 1e-4 && (at.y - 14.5).abs() < 1e-4);
        assert!((to_face.scale() - 0.5).abs() < 1e-9);
        let moved = about_centre(&image, 30, (90.0, 2.0), [0.1, -0.2]).unwrap();
        // One pixel right of the middle, rotated by 90° and doubled, is one pixel below the shifted middle.
        let at = moved.apply(Point { x: 40.5, y: 29.5 });
        assert!((at.x - 17.5).abs() < 1e-4 && (at.y - (14.5 - 6.0 + 1.0)).abs() < 1e-4, "{at:?}");
    }
}
