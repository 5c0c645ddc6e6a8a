//! The fast routines against obvious slow ones that follow the definitions pixel by pixel.

use image::{GrayImage, Luma};
use proptest::prelude::*;

use super::pictures::{FULL, NAMES, SMALL, picture};
use crate::descriptor::color::{ColorConfig, Division};
use crate::descriptor::edge::{BLOCK_CELLS, EdgeConfig, ORIENTATIONS, bin_edges, orientation_bin};
use crate::descriptor::grey::grey;
use crate::descriptor::texture::patterns;

/// Hue by its definition in degrees, saturation as a share of 255.
fn slow_hsv([r, g, b]: [u8; 3]) -> [f64; 3] {
    let [r, g, b] = [r, g, b].map(f64::from);
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = max - min;
    let degrees = match () {
        () if chroma == 0.0 => 0.0,
        () if max == r => 60.0 * (g - b) / chroma,
        () if max == g => 120.0 + 60.0 * (b - r) / chroma,
        () => 240.0 + 60.0 * (r - g) / chroma,
    };
    [degrees.rem_euclid(360.0) / 2.0, if max == 0.0 { 0.0 } else { 255.0 * chroma / max }, max]
}

fn slow_color_counts(config: &ColorConfig, image: &image::RgbImage) -> Vec<u32> {
    let mut counts = vec![0; (config.grid * config.grid) as usize * 128];
    let part =
        |i: u32, extent: u32| (0..).find(|part| i < (part + 1) * extent / config.grid).unwrap() as usize;
    for (x, y, pixel) in image.enumerate_pixels() {
        let region = part(y, image.height()) * config.grid as usize + part(x, image.width());
        let [h, s, v] = Division::get().hsv(pixel.0).map(usize::from);
        let bin = (h * 8 / 180 * 4 + s * 4 / 256) * 4 + v * 4 / 256;
        counts[region * 128 + bin] += 1;
    }
    counts
}

fn slow_orientation(gx: f64, gy: f64) -> usize {
    let degrees = gy.atan2(gx).to_degrees().rem_euclid(180.0);
    ((degrees / 20.0).floor() as usize).min(ORIENTATIONS - 1)
}

fn slow_gradient(image: &GrayImage, x: u32, y: u32) -> (f64, f64) {
    let at = |x: u32, y: u32| f64::from(image.get_pixel(x, y)[0]);
    let gx = if x == 0 || x + 1 == image.width() { 0.0 } else { at(x + 1, y) - at(x - 1, y) };
    let gy = if y == 0 || y + 1 == image.height() { 0.0 } else { at(x, y + 1) - at(x, y - 1) };
    (gx, gy)
}

fn slow_edges(image: &GrayImage, cell_px: u32) -> Vec<f64> {
    let (columns, rows) = (image.width() / cell_px, image.height() / cell_px);
    let block_cells = BLOCK_CELLS as u32;
    let mut descriptor = Vec::new();
    for (row, column) in
        (0..=rows - block_cells).flat_map(|r| (0..=columns - block_cells).map(move |c| (r, c)))
    {
        let mut block = vec![0.0; BLOCK_CELLS * BLOCK_CELLS * ORIENTATIONS];
        for y in 0..block_cells * cell_px {
            for x in 0..block_cells * cell_px {
                let (gx, gy) = slow_gradient(image, column * cell_px + x, row * cell_px + y);
                let cell = (y / cell_px * block_cells + x / cell_px) as usize;
                let bin = cell * ORIENTATIONS + slow_orientation(gx, gy);
                block[bin] += gx.hypot(gy) / f64::from(cell_px * cell_px);
            }
        }
        let length = |v: &[f64]| (v.iter().map(|v| v * v).sum::<f64>() + 1e-10).sqrt();
        let first = length(&block);
        let clipped: Vec<f64> = block.iter().map(|v| (v / first).min(0.2)).collect();
        let second = length(&clipped);
        descriptor.extend(clipped.iter().map(|v| v / second));
    }
    descriptor
}

/// A pixel, or 0 beyond the picture.
fn pixel_or_zero(image: &GrayImage, x: f64, y: f64) -> f64 {
    let inside = x >= 0.0 && y >= 0.0 && x < f64::from(image.width()) && y < f64::from(image.height());
    if inside { f64::from(image.get_pixel(x as u32, y as u32)[0]) } else { 0.0 }
}

fn slow_bilinear(image: &GrayImage, x: f64, y: f64) -> f64 {
    let (x0, x1, y0, y1) = (x.floor(), x.ceil(), y.floor(), y.ceil());
    let (dx, dy) = (x - x0, y - y0);
    let line = |y| (1.0 - dx) * pixel_or_zero(image, x0, y) + dx * pixel_or_zero(image, x1, y);
    (1.0 - dy) * line(y0) + dy * line(y1)
}

/// The label by the definition: rotate the pattern with the same number of ones, all at the high end, to this one.
fn slow_label(bits: [bool; 8]) -> u8 {
    let ones = bits.iter().filter(|&&bit| bit).count();
    let run: [bool; 8] = std::array::from_fn(|i| i < ones);
    match (ones, (0..8).find(|&shift| (0..8).all(|i| bits[i] == run[(i + shift) % 8]))) {
        (0, _) => 0,
        (8, _) => 57,
        (_, None) => 58,
        (_, Some(shift)) => (1 + (ones - 1) * 8 + shift) as u8,
    }
}

fn slow_patterns(image: &GrayImage, radius: f64) -> Vec<u8> {
    let rounded = |v: f64| (v * 1e5).round() / 1e5;
    let pixels = image.enumerate_pixels();
    pixels
        .map(|(x, y, centre)| {
            slow_label(std::array::from_fn(|i| {
                let (sin, cos) = (std::f64::consts::FRAC_PI_4 * i as f64).sin_cos();
                let (dx, dy) = (rounded(radius * cos), rounded(-radius * sin));
                slow_bilinear(image, f64::from(x) + dx, f64::from(y) + dy) >= f64::from(centre[0])
            }))
        })
        .collect()
}

/// Half a step of rounding, and 1275 / 4096 of half a step from the rounded factors.
const HUE_ROUNDING: f64 = 0.66;

#[test]
fn hsv_follows_its_definition() {
    for rgb in (0..=255u8).step_by(5).flat_map(|r| (0..=255u8).map(move |g| [r, g, r.wrapping_mul(7) ^ g])) {
        let (fast, slow) = (Division::get().hsv(rgb).map(f64::from), slow_hsv(rgb));
        let turn = (fast[0] - slow[0]).abs();
        assert!(turn.min(180.0 - turn) <= HUE_ROUNDING, "{rgb:?}: hue {} for {}", fast[0], slow[0]);
        assert!((fast[1] - slow[1]).abs() <= 0.6, "{rgb:?}: saturation {} for {}", fast[1], slow[1]);
        assert_eq!(fast[2], slow[2]);
    }
}

#[test]
fn color_counts_equal_the_slow_twin() {
    for (name, size) in NAMES.iter().flat_map(|name| [(name, FULL), (name, SMALL)]) {
        let (config, image) = (ColorConfig::default(), picture(name, size));
        assert_eq!(config.counts(&image), slow_color_counts(&config, &image), "{name}");
    }
}

#[test]
fn every_gradient_falls_into_the_bin_of_its_angle() {
    let edges = bin_edges();
    for (gx, gy) in (-255..=255).flat_map(|gx| (-255..=255).map(move |gy| (gx, gy))) {
        if (gx, gy) != (0, 0) {
            let slow = slow_orientation(f64::from(gx), f64::from(gy));
            assert_eq!(orientation_bin(gx as f32, gy as f32, &edges) as usize, slow, "({gx}, {gy})");
        }
    }
}

#[test]
fn edges_equal_the_slow_twin() {
    for (name, size, cell_px) in NAMES.iter().flat_map(|name| [(name, FULL, 16), (name, SMALL, 8)]) {
        let image = grey(&picture(name, size));
        let fast = EdgeConfig { cell_px }.describe_grey(&image);
        let slow = slow_edges(&image, cell_px as u32);
        assert_eq!(fast.len(), slow.len());
        for (f, s) in fast.iter().zip(slow) {
            assert!((f64::from(*f) - s).abs() < 1e-6, "{name}: {f} for {s}");
        }
    }
}

#[test]
fn patterns_equal_the_slow_twin() {
    for (name, size) in NAMES.iter().flat_map(|name| [(name, FULL), (name, SMALL)]) {
        let image = grey(&picture(name, size));
        for radius_px in 1..=4 {
            assert_eq!(
                patterns(&image, radius_px),
                slow_patterns(&image, radius_px as f64),
                "{name} {radius_px}"
            );
        }
    }
}

proptest! {
    /// Few grey values make many neighbours equal, where only the rounding decides.
    #[test]
    fn patterns_equal_the_slow_twin_on_any_picture(
        width in 1u32..20, height in 1u32..20, values in 1u32..5, seed: u32, radius_px in 1usize..4,
    ) {
        let image = GrayImage::from_fn(width, height, |x, y| {
            let h = (x * 31 + y * 17).wrapping_add(seed).wrapping_mul(2_654_435_761) >> 16;
            Luma([(h % values * 50 + seed % 7) as u8])
        });
        prop_assert_eq!(patterns(&image, radius_px), slow_patterns(&image, radius_px as f64));
    }
}
