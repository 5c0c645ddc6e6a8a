use image::Rgb;

use super::*;
use crate::seed::Purpose;

fn noise() -> RgbImage {
    let mut dice = RandomStream::new(Purpose::Augmentation, &[9]);
    RgbImage::from_fn(13, 11, |_, _| Rgb([0; 3].map(|_| dice.range(30.0, 220.0) as u8)))
}

fn luma(p: [f32; 3]) -> f32 {
    0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]
}

/// Reference implementation: applies one change after the other, each by its definition.
fn reference(face: &RgbImage, brightness: f32, contrast: f32, saturation: f32) -> Vec<[f32; 3]> {
    let mut pixels: Vec<[f32; 3]> = face.pixels().map(|p| p.0.map(|v| f32::from(v) * brightness)).collect();
    let mean = pixels.iter().map(|p| luma(*p)).sum::<f32>() / pixels.len() as f32;
    for pixel in &mut pixels {
        *pixel = pixel.map(|v| mean + (v - mean) * contrast);
        let grey = luma(*pixel);
        *pixel = pixel.map(|v| grey + (v - grey) * saturation);
    }
    pixels
}

#[test]
fn the_composed_change_equals_its_steps() {
    let face = noise();
    for (brightness, contrast, saturation) in
        [(1.2, 1.0, 1.0), (1.0, 0.7, 1.0), (1.0, 1.0, 1.4), (0.8, 1.2, 0.6), (1.0, 1.0, 0.0)]
    {
        let mut changed = face.clone();
        Affine::brightness(brightness)
            .then(&Affine::contrast(contrast, brightness * mean_lightness(&face)))
            .then(&Affine::saturation(saturation))
            .apply(&mut changed);
        for (found, expected) in changed.pixels().zip(reference(&face, brightness, contrast, saturation)) {
            for (f, e) in found.0.iter().zip(expected) {
                assert!((f32::from(*f) - e.clamp(0.0, 255.0)).abs() < 0.51, "{f} {e}");
            }
        }
    }
}

#[test]
fn a_turn_of_hue_keeps_the_lightness_and_a_whole_turn_everything() {
    let face = noise();
    let mut turned = face.clone();
    Affine::hue(0.05).apply(&mut turned);
    assert_ne!(turned, face);
    for (a, b) in face.pixels().zip(turned.pixels()) {
        if b.0.iter().all(|v| (1..255).contains(v)) {
            assert!((luma(a.0.map(f32::from)) - luma(b.0.map(f32::from))).abs() < 1.0);
        }
    }
    let mut whole = face.clone();
    Affine::hue(1.0).apply(&mut whole);
    assert!(face.as_raw().iter().zip(whole.as_raw()).all(|(a, b)| a.abs_diff(*b) <= 1));
    // A third of a full circle turns red towards green or blue.
    let mut red = RgbImage::from_pixel(1, 1, Rgb([200, 60, 60]));
    Affine::hue(1.0 / 3.0).apply(&mut red);
    let [r, g, b] = red.get_pixel(0, 0).0;
    assert!(r < g.max(b), "{r} {g} {b}");
}

#[test]
fn grey_pictures_stay_grey_and_grey_takes_all_colour() {
    let mut grey = RgbImage::from_fn(7, 7, |x, y| Rgb([(20 * x + 9 * y) as u8; 3]));
    Affine::hue(0.3).then(&Affine::saturation(1.5)).apply(&mut grey);
    let spread = |p: &Rgb<u8>| p.0.iter().max().unwrap() - p.0.iter().min().unwrap();
    assert!(grey.pixels().all(|p| spread(p) <= 1));
    let mut face = noise();
    let off = ColourConfig { probability: 0.0, ..ColourConfig::default() };
    let (mut dice, mut grey_dice) =
        (RandomStream::new(Purpose::Augmentation, &[1]), RandomStream::new(Purpose::Augmentation, &[2]));
    colour(&mut face, &off, 1.0, &mut dice, &mut grey_dice);
    assert!(face.pixels().all(|p| spread(p) <= 1));
}
