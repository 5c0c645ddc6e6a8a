//! Random erasing: fills a rectangle with noise, to imitate an object that hides a part of a face.
//!
//! Zhong, Zheng, Kang, Li and Yang (2017), "Random Erasing Data Augmentation", arXiv 1708.04896, algorithm 1. Here a
//! rectangle that extends over the border is moved inside, not drawn again.

use image::RgbImage;

use super::ErasingConfig;
use crate::seed::RandomStream;

/// Erases a rectangle of `face` with the configured probability.
pub(super) fn erase(face: &mut RgbImage, config: &ErasingConfig, dice: &mut RandomStream) {
    if !dice.chance(config.probability) {
        return;
    }
    let (width, height) = (face.width() as f32, face.height() as f32);
    let area = dice.range(config.area_share[0], config.area_share[1]) * width * height;
    // Uniform on a logarithmic scale, so that wide and tall rectangles are equally likely.
    let reach = config.aspect.ln();
    let aspect = dice.range(-reach, reach).exp();
    let side = |length: f32, limit: f32| length.round().clamp(0.0, limit);
    let (across, down) = (side((area * aspect).sqrt(), width), side((area / aspect).sqrt(), height));
    let left = dice.range(0.0, width - across + 1.0).min(width - across) as usize;
    let top = dice.range(0.0, height - down + 1.0).min(height - down) as usize;
    let (across, down) = (across as usize, down as usize);
    let stride = 3 * face.width() as usize;
    for row in face.chunks_exact_mut(stride).skip(top).take(down) {
        for bytes in row[3 * left..3 * (left + across)].chunks_mut(8) {
            let noise = dice.bits().to_le_bytes();
            bytes.copy_from_slice(&noise[..bytes.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::seed::Purpose;

    #[test]
    fn a_rectangle_of_the_asked_area_is_erased() {
        const FLAT: Rgb<u8> = Rgb([7, 7, 7]);
        let config = ErasingConfig { probability: 1.0, area_share: [0.1, 0.2], aspect: 2.0 };
        for seed in 0..200 {
            let mut face = RgbImage::from_pixel(60, 60, FLAT);
            erase(&mut face, &config, &mut RandomStream::new(Purpose::Augmentation, &[seed]));
            let hit: Vec<(u32, u32)> =
                face.enumerate_pixels().filter(|(_, _, p)| **p != FLAT).map(|(x, y, _)| (x, y)).collect();
            let range = |pick: fn(&(u32, u32)) -> u32| {
                let values = hit.iter().map(pick);
                (values.clone().min().unwrap(), values.max().unwrap())
            };
            let ((left, right), (top, bottom)) = (range(|p| p.0), range(|p| p.1));
            let area = (right - left + 1) * (bottom - top + 1);
            assert_eq!(area as usize, hit.len(), "seed {seed}: not a rectangle");
            let share = f64::from(area) / 3600.0;
            assert!((0.09..0.215).contains(&share), "seed {seed}: {share}");
        }
    }

    #[test]
    fn tiny_faces_and_whole_areas_are_erased() {
        for (side, area_share) in [(1, [0.0, 1.0]), (3, [1.0, 1.0]), (20, [0.0, 0.0])] {
            let config = ErasingConfig { probability: 1.0, area_share, aspect: 3.3 };
            for seed in 0..50 {
                let mut face = RgbImage::new(side, side);
                erase(&mut face, &config, &mut RandomStream::new(Purpose::Augmentation, &[seed]));
            }
        }
    }
}
