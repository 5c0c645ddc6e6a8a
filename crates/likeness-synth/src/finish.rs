//! Adds realistic defects to the clean drawing: coloured light, contrast, blur, coarse colours and noise for a portrait,
//! paper grain for a sketch.

use image::RgbImage;
use tiny_skia::Pixmap;

use super::Style;
use super::brush::Medium;
use super::shot::Shot;
use likeness_data::seed::{Purpose, RandomStream};

/// Side of the tile of random values that paper grain is read from; a power of two.
const TILE: usize = 64;

/// Applies all defects and converts the drawing to an image.
pub(super) fn finish(pixmap: &Pixmap, shot: &Shot, style: Style, medium: &Medium) -> RgbImage {
    let side = pixmap.width();
    let mut pixels: Vec<[f32; 3]> = pixmap
        .pixels()
        .iter()
        .map(|p| [f32::from(p.red()), f32::from(p.green()), f32::from(p.blue())])
        .collect();
    let mut dice = RandomStream::new(Purpose::Finish, &shot.seeds);
    match style {
        Style::Portrait => {
            grade(&mut pixels, shot, 1.0);
            blur(&mut pixels, side as usize, (shot.camera.blur * side as f32).round() as usize);
            coarsen_colours(&mut pixels, side as usize, shot.camera.chroma_block_px as usize);
        }
        Style::Sketch => {
            grain(&mut pixels, side as usize, medium, &mut dice);
            grade(&mut pixels, shot, 0.35);
        }
    }
    let noise = if style == Style::Portrait { shot.camera.noise } else { shot.camera.noise * 0.4 };
    let bytes = pixels.iter().flat_map(|p| noisy(*p, noise * 255.0, &mut dice)).collect();
    RgbImage::from_raw(side, side, bytes).expect("three bytes for every pixel")
}

/// Applies exposure, light colour, contrast and saturation; `share` is the strength of the effect.
fn grade(pixels: &mut [[f32; 3]], shot: &Shot, share: f32) {
    let (light, camera) = (shot.light, shot.camera);
    let towards = |factor: f32| 1.0 + (factor - 1.0) * share;
    let gain = [1.0 + 0.26 * light.warmth, 1.0 - 0.14 * light.tinge, 1.0 - 0.34 * light.warmth]
        .map(|g| towards(g * light.exposure));
    let (contrast, saturation) = (towards(camera.contrast), towards(camera.saturation));
    for pixel in pixels {
        let lit = [pixel[0] * gain[0], pixel[1] * gain[1], pixel[2] * gain[2]];
        let grey = luma(&lit);
        for (c, l) in pixel.iter_mut().zip(lit) {
            *c = ((grey + (l - grey) * saturation - 118.0) * contrast + 118.0).clamp(0.0, 255.0);
        }
    }
}

fn luma(p: &[f32; 3]) -> f32 {
    0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]
}

/// Two passes of a box blur, along rows and columns.
fn blur(pixels: &mut [[f32; 3]], side: usize, radius: usize) {
    if radius == 0 || side <= 2 * radius {
        return;
    }
    let mut other = vec![[0.0; 3]; pixels.len()];
    for _ in 0..2 {
        box_blur_transposed(pixels, &mut other, side, radius);
        box_blur_transposed(&other, pixels, side, radius);
    }
}

/// Blurs along the rows and writes the result transposed, so that a second call blurs along the columns.
fn box_blur_transposed(from: &[[f32; 3]], to: &mut [[f32; 3]], side: usize, radius: usize) {
    let share = 1.0 / (2 * radius + 1) as f32;
    for y in 0..side {
        let row = &from[y * side..(y + 1) * side];
        let at = |x: isize| row[x.clamp(0, side as isize - 1) as usize];
        let reach = radius as isize;
        let mut sum = [0.0; 3];
        for x in -reach..=reach {
            add(&mut sum, at(x), 1.0);
        }
        for x in 0..side {
            to[x * side + y] = sum.map(|s| s * share);
            add(&mut sum, at(x as isize + reach + 1), 1.0);
            add(&mut sum, at(x as isize - reach), -1.0);
        }
    }
}

fn add(sum: &mut [f32; 3], pixel: [f32; 3], sign: f32) {
    for (s, p) in sum.iter_mut().zip(pixel) {
        *s += p * sign;
    }
}

/// Replaces the hue of each pixel by the mean hue of its block and keeps the lightness, as strong JPEG compression does.
fn coarsen_colours(pixels: &mut [[f32; 3]], side: usize, block: usize) {
    if block < 2 {
        return;
    }
    for top in (0..side).step_by(block) {
        for left in (0..side).step_by(block) {
            let (low, right) = ((top + block).min(side), (left + block).min(side));
            let mut mean = [0.0; 3];
            for y in top..low {
                pixels[y * side + left..y * side + right].iter().for_each(|p| add(&mut mean, *p, 1.0));
            }
            let mean = mean.map(|m| m / ((low - top) * (right - left)) as f32);
            let grey = luma(&mean);
            for y in top..low {
                for pixel in &mut pixels[y * side + left..y * side + right] {
                    let own = luma(pixel);
                    *pixel = mean.map(|m| own + m - grey);
                }
            }
        }
    }
}

/// Lets uneven paper show through the crayon.
fn grain(pixels: &mut [[f32; 3]], side: usize, medium: &Medium, dice: &mut RandomStream) {
    let tile: Vec<f32> = (0..TILE * TILE).map(|_| dice.unit()).collect();
    let paper = medium.paper.0.map(|c| c * 255.0);
    let at = |x: usize, y: usize| tile[(y % TILE) * TILE + x % TILE];
    for y in 0..side {
        for x in 0..side {
            // Two scales: single specks, and streaks along the strokes.
            let speck = at(x, y) * 0.6 + at((x + y) / 3, (y + side - x) / 9 + 17) * 0.4;
            let bare = ((speck - 0.62) * 2.2).clamp(0.0, 0.55);
            let shade = 0.965 + 0.035 * at(x / 2 + 31, y / 2);
            for (c, p) in pixels[y * side + x].iter_mut().zip(paper) {
                *c = (*c + (p - *c) * bare) * shade;
            }
        }
    }
}

/// Adds triangular noise of standard deviation `deviation` to a pixel, mostly to its lightness, and converts it to 8 bits.
fn noisy(pixel: [f32; 3], deviation: f32, dice: &mut RandomStream) -> [u8; 3] {
    let bits = dice.bits().to_le_bytes();
    let wave = |i: usize| (f32::from(bits[i]) + f32::from(bits[i + 1]) - 255.0) / 104.5; // standard deviation 1
    let common = wave(0) * 0.85;
    let mut bytes = [0; 3];
    for (i, (byte, c)) in bytes.iter_mut().zip(pixel).enumerate() {
        *byte = (c + (common + 0.5 * wave(2 + 2 * i)) * deviation + 0.5).clamp(0.0, 255.0) as u8;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference implementation of the blur, pixel by pixel.
    fn slow_blur(pixels: &[[f32; 3]], side: usize, radius: usize) -> Vec<[f32; 3]> {
        let clamp = |v: isize| v.clamp(0, side as isize - 1) as usize;
        let mut now = pixels.to_vec();
        for along_x in [true, false, true, false] {
            now = (0..side * side)
                .map(|i| {
                    let (x, y) = ((i % side) as isize, (i / side) as isize);
                    let mut sum = [0.0; 3];
                    for k in -(radius as isize)..=radius as isize {
                        let (x, y) =
                            if along_x { (clamp(x + k), clamp(y)) } else { (clamp(x), clamp(y + k)) };
                        add(&mut sum, now[y * side + x], 1.0);
                    }
                    sum.map(|s| s / (2 * radius + 1) as f32)
                })
                .collect();
        }
        now
    }

    #[test]
    fn the_running_sum_blurs_as_the_obvious_loop_does() {
        let mut dice = RandomStream::new(Purpose::Finish, &[3]);
        let pixels: Vec<[f32; 3]> =
            (0..20 * 20).map(|_| [dice.unit(), dice.unit(), dice.unit()].map(|c| c * 255.0)).collect();
        for radius in [1, 2, 5] {
            let mut fast = pixels.clone();
            blur(&mut fast, 20, radius);
            let slow = slow_blur(&pixels, 20, radius);
            for (a, b) in fast.iter().flatten().zip(slow.iter().flatten()) {
                assert!((a - b).abs() < 0.01, "{a} {b} at radius {radius}");
            }
        }
    }

    #[test]
    fn coarse_colours_keep_the_lightness() {
        let mut dice = RandomStream::new(Purpose::Finish, &[4]);
        let before: Vec<[f32; 3]> = (0..10 * 10).map(|_| [dice.unit(), dice.unit(), dice.unit()]).collect();
        let mut after = before.clone();
        coarsen_colours(&mut after, 10, 4);
        for (a, b) in after.iter().zip(&before) {
            assert!((luma(a) - luma(b)).abs() < 1e-5);
        }
        let hue = |p: &[f32; 3]| p[0] - p[1];
        assert!((hue(&after[0]) - hue(&after[33])).abs() < 1e-5, "one hue in a block");
        assert!((hue(&after[0]) - hue(&after[4])).abs() > 1e-5, "another in the next");
    }
}
