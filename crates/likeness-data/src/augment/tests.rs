use image::Rgb;
use proptest::prelude::*;

use super::*;
use crate::cut::{CutConfig, FaceCutter};

fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let wave = |a: f32, b: f32| (127.5 + 100.0 * (a * x as f32 + b * y as f32).sin()) as u8;
        Rgb([wave(0.11, 0.03), wave(-0.05, 0.13), wave(0.02, 0.21)])
    })
}

fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    let sum: f64 = a.iter().zip(b.iter()).map(|(p, q)| f64::from(p.abs_diff(*q))).sum();
    sum / a.len() as f64
}

#[test]
fn without_augmentation_a_face_is_cut_as_for_embedding() {
    for (width, height) in [(224, 224), (90, 70), (33, 50)] {
        let image = photo(width, height);
        let found = augment(&image, 48, &AugmentConfig::none(), &mut numbers(1, 2, 3)).unwrap();
        let config = CutConfig::default();
        let cut =
            FaceCutter::new(None, &config).cut(&image, crate::cut::GivenFace::default(), (48, 48)).unwrap();
        assert_eq!(found, cut[0].image);
    }
}

#[test]
fn a_flip_mirrors() {
    let image = photo(40, 40);
    let config = AugmentConfig { flip: 1.0, ..AugmentConfig::none() };
    let found = augment(&image, 40, &config, &mut numbers(0, 0, 0)).unwrap();
    assert!(found.enumerate_pixels().all(|(x, y, p)| p == image.get_pixel(39 - x, y)));
}

#[test]
fn placing_by_nothing_is_near_the_resize() {
    let image = photo(224, 224);
    let mut config = AugmentConfig::none();
    config.place = PlaceConfig { probability: 1.0, rotation_deg: 0.0, scale: 0.0, shift: 0.0 };
    let found = augment(&image, 112, &config, &mut numbers(0, 0, 0)).unwrap();
    let plain = augment(&image, 112, &AugmentConfig::none(), &mut numbers(0, 0, 0)).unwrap();
    assert!(difference(&found, &plain) < 1.5, "{}", difference(&found, &plain));
}

#[test]
fn the_same_numbers_give_the_same_face_and_others_another() {
    let image = photo(128, 128);
    let face = |seed, epoch, place| {
        augment(&image, 64, &AugmentConfig::strong(), &mut numbers(seed, epoch, place)).unwrap()
    };
    assert_eq!(face(1, 2, 3), face(1, 2, 3));
    for other in [face(0, 2, 3), face(1, 3, 3), face(1, 2, 4), face(1, 3, 2)] {
        assert_ne!(face(1, 2, 3), other);
    }
}

#[test]
fn a_step_switched_off_changes_no_other() {
    let image = photo(100, 100);
    let mut with = AugmentConfig::none();
    with.place.probability = 1.0;
    let mut both = with;
    both.flip = 1.0;
    let face = |config: &AugmentConfig| augment(&image, 50, config, &mut numbers(4, 0, 9)).unwrap();
    let (placed, mut mirrored) = (face(&with), face(&both));
    place::flip(&mut mirrored);
    assert_eq!(placed, mirrored);
}

#[test]
fn probabilities_are_kept() {
    let image = photo(24, 24);
    let mut config = AugmentConfig::none();
    config.flip = 0.3;
    let plain = augment(&image, 24, &AugmentConfig::none(), &mut numbers(0, 0, 0)).unwrap();
    let flipped = (0..2000)
        .filter(|place| augment(&image, 24, &config, &mut numbers(7, 0, *place)).unwrap() != plain)
        .count();
    // Three standard deviations around 600.
    assert!((538..662).contains(&flipped), "{flipped} of 2000");
}

#[test]
fn settings_out_of_range_are_refused() {
    for change in [
        |c: &mut AugmentConfig| c.flip = 1.1,
        |c: &mut AugmentConfig| c.grey = f32::NAN,
        |c: &mut AugmentConfig| c.place.scale = 1.0,
        |c: &mut AugmentConfig| c.jpeg.quality = [0, 90],
        |c: &mut AugmentConfig| c.jpeg.quality = [60, 50],
        |c: &mut AugmentConfig| c.blur.sigma_share = [0.02, 0.01],
        |c: &mut AugmentConfig| c.erasing.aspect = 0.5,
        |c: &mut AugmentConfig| c.style.probability = -0.1,
        |c: &mut AugmentConfig| c.low_resolution.least_share = 0.0,
    ] {
        let mut config = AugmentConfig::default();
        change(&mut config);
        assert!(config.validate().is_err(), "{config:?}");
    }
    for config in
        [AugmentConfig::default(), AugmentConfig::none(), AugmentConfig::strong(), AugmentConfig::style()]
    {
        config.validate().unwrap();
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<AugmentConfig>(&text).unwrap(), config);
    }
    let image = photo(9, 9);
    assert!(augment(&image, 0, &AugmentConfig::default(), &mut numbers(0, 0, 0)).is_err());
    assert!(augment(&RgbImage::new(0, 4), 8, &AugmentConfig::default(), &mut numbers(0, 0, 0)).is_err());
    assert!(augment(&RgbImage::new(0, 4), 8, &AugmentConfig::none(), &mut numbers(0, 0, 0)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_picture_gives_a_face_of_the_size(
        width in 1u32..90, height in 1u32..90, size in 1u32..70, place in 0u64..1000,
    ) {
        let face =
            augment(&photo(width, height), size, &AugmentConfig::strong(), &mut numbers(0, 1, place)).unwrap();
        prop_assert_eq!(face.dimensions(), (size, size));
    }
}
