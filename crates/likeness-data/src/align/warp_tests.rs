//! Compares the warp with a reference implementation, and tests properties that hold for any transform.

use image::Rgb;
use proptest::prelude::*;

use super::*;
use crate::align::{ARCFACE_112, AlignConfig, Template, align};
use crate::geometry::Point;

/// Band-limited colours: waves of 12 to 25 pixels, stretched by `stretch`.
fn waves(side: u32, stretch: f64) -> RgbImage {
    RgbImage::from_fn(side, side, |x, y| {
        let stretch = stretch as f32;
        let wave = |kx: f32, ky: f32| 128.0 + 100.0 * ((kx * x as f32 + ky * y as f32) / stretch).sin();
        Rgb([wave(0.3, 0.1) as u8, wave(-0.15, 0.2) as u8, wave(0.05, 0.5) as u8])
    })
}

fn noise(width: u32, height: u32) -> RgbImage {
    let hash = |v: u32| (v.wrapping_mul(0x9E37_79B9) ^ (v << 13)).wrapping_mul(0x85EB_CA6B) >> 24;
    RgbImage::from_fn(width, height, |x, y| Rgb([0, 1, 2].map(|c| hash(3 * (y * width + x) + c + 1) as u8)))
}

/// Root mean square difference over the inner part, in levels.
fn difference(a: &RgbImage, b: &RgbImage, rim: u32) -> f64 {
    let inner = |x: u32, y: u32| x >= rim && y >= rim && x + rim < a.width() && y + rim < a.height();
    let (mut sum, mut n) = (0.0, 0);
    for (x, y, p) in a.enumerate_pixels().filter(|(x, y, _)| inner(*x, *y)) {
        sum +=
            p.0.iter().zip(b.get_pixel(x, y).0).map(|(p, q)| f64::from(p.abs_diff(q)).powi(2)).sum::<f64>();
        n += 3;
    }
    (sum / f64::from(n.max(1))).sqrt()
}

/// Reference implementation of area sampling: the mean of `side`² nearest pixels in each face pixel's footprint.
fn dense(image: &RgbImage, to_face: &Similarity, config: &WarpConfig, side: u32) -> RgbImage {
    let back = Affine(to_face.inverse().matrix());
    let source = Source::new(image, config.border);
    RgbImage::from_fn(config.width, config.height, |u, v| {
        let mut sum = [0u32; 3];
        for k in 0..side * side {
            let offset = |i: u32| (f64::from(i) + 0.5) / f64::from(side) - 0.5;
            let (x, y) = back.apply(f64::from(u) + offset(k % side), f64::from(v) + offset(k / side));
            let pixel = source.pixel(x.round() as i64, y.round() as i64);
            sum.iter_mut().zip(pixel).for_each(|(s, p)| *s += u32::from(p));
        }
        Rgb(sum.map(|s| ((s + side * side / 2) / (side * side)) as u8))
    })
}

fn about(image: &RgbImage, scale: f64, angle_deg: f64, side: u32) -> Similarity {
    let centre = Point { x: (image.width() - 1) as f32 / 2.0, y: (image.height() - 1) as f32 / 2.0 };
    let turn = Similarity::new(scale, angle_deg, (0.0, 0.0)).unwrap();
    let at = turn.apply(centre);
    let middle = (f64::from(side) - 1.0) / 2.0;
    turn.then(&Similarity::new(1.0, 0.0, (middle - f64::from(at.x), middle - f64::from(at.y))).unwrap())
}

#[test]
fn area_sampling_follows_the_dense_mean() {
    for (scale, angle) in [(0.7, 0.0), (0.5, 10.0), (0.4, -35.0), (0.25, 80.0), (0.1, 17.0)] {
        let side = 40;
        let config = WarpConfig { width: side, height: side, ..WarpConfig::default() };
        let extent = (f64::from(side) / scale * 1.5) as u32;
        for (photo, limit) in [(waves(extent, 0.5 / scale), 4.0), (noise(extent, extent), 14.0)] {
            let to_face = about(&photo, scale, angle, side);
            let reference = dense(&photo, &to_face, &config, 32);
            let area = difference(&warp(&photo, &to_face, &config).unwrap(), &reference, 0);
            let plain = WarpConfig { sampling: Sampling::Bilinear, ..config };
            let bilinear = difference(&warp(&photo, &to_face, &plain).unwrap(), &reference, 0);
            assert!(area < limit, "scale {scale}, {angle}°: {area} levels from the dense mean");
            assert!(area < bilinear, "scale {scale}, {angle}°: area {area}, bilinear {bilinear}");
        }
    }
}

#[test]
fn the_identity_copies() {
    let photo = noise(31, 17);
    let config = WarpConfig { width: 31, height: 17, ..WarpConfig::default() };
    assert_eq!(warp(&photo, &Similarity::IDENTITY, &config).unwrap(), photo);
}

#[test]
fn outside_is_black_or_replicated() {
    let photo = RgbImage::from_pixel(10, 10, Rgb([200, 150, 100]));
    for scale in [2.0, 0.3, 0.05] {
        let to_face = about(&photo, scale, 30.0, 64);
        let black =
            warp(&photo, &to_face, &WarpConfig { width: 64, height: 64, ..WarpConfig::default() }).unwrap();
        assert_eq!(black.get_pixel(0, 0).0, [0; 3]);
        let config = WarpConfig { width: 64, height: 64, border: Border::Replicate, ..WarpConfig::default() };
        assert!(warp(&photo, &to_face, &config).unwrap().pixels().all(|p| p.0 == [200, 150, 100]));
    }
}

#[test]
fn tiny_pictures_and_wild_transforms_are_sampled() {
    for (width, height) in [(1, 1), (1, 50), (50, 1), (3, 2)] {
        let photo = noise(width, height);
        for scale in [2e-5, 1e-3, 0.4, 1.0, 7.0, 5e4] {
            for shift in [-1e12, -40.0, 0.0, 1e12] {
                let to_face = Similarity::new(scale, 33.0, (shift, shift)).unwrap();
                for (border, sampling) in [
                    (Border::Black, Sampling::Area),
                    (Border::Replicate, Sampling::Area),
                    (Border::Black, Sampling::Bilinear),
                ] {
                    let config = WarpConfig { width: 8192, height: 2, border, sampling };
                    assert_eq!(warp(&photo, &to_face, &config).unwrap().dimensions(), (8192, 2));
                }
            }
        }
    }
    assert!(warp(&RgbImage::new(0, 5), &Similarity::IDENTITY, &WarpConfig::default()).is_err());
    let none = WarpConfig { width: 0, ..WarpConfig::default() };
    assert!(warp(&noise(3, 3), &Similarity::IDENTITY, &none).is_err());
}

#[test]
fn landmarks_on_the_template_leave_the_face_as_it_is() {
    let photo = noise(112, 112);
    let face = align(&photo, &ARCFACE_112, &AlignConfig::default()).unwrap();
    assert!(difference(&face, &photo, 1) < 0.1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn aligning_and_warping_back_gives_the_picture(
        scale in 1.0f64..2.5, angle in -180.0f64..180.0, dx in -5.0f64..5.0, dy in -5.0f64..5.0,
    ) {
        let photo = waves(60, 1.0);
        let side = 220;
        let shift = Similarity::new(1.0, 0.0, (dx, dy)).unwrap();
        let to_face = about(&photo, scale, angle, side).then(&shift);
        let config = WarpConfig { width: side, height: side, border: Border::Replicate, ..WarpConfig::default() };
        let face = warp(&photo, &to_face, &config).unwrap();
        let config = WarpConfig { width: 60, height: 60, ..config };
        let back = warp(&face, &to_face.inverse(), &config).unwrap();
        prop_assert!(difference(&photo, &back, 3) < 7.0, "{}", difference(&photo, &back, 3));
    }

    #[test]
    fn aligned_landmarks_lie_on_the_template(
        scale in 0.1f64..4.0, angle in -180.0f64..180.0, x in 0.0f64..300.0, size in 16u32..300,
    ) {
        let place = Similarity::new(scale, angle, (x, -x)).unwrap();
        let landmarks = ARCFACE_112.map(|p| place.apply(p));
        let to_face = Template::Arcface.transform(&landmarks, size).unwrap();
        for (p, q) in landmarks.iter().zip(Template::Arcface.landmarks(size)) {
            let at = to_face.apply(*p);
            prop_assert!((at.x - q.x).abs() < 0.01 && (at.y - q.y).abs() < 0.01);
        }
    }
}
