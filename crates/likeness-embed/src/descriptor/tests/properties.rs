//! What holds for every face: values, lengths, invariances, fingerprints, errors.

use image::imageops::flip_horizontal;
use image::{GrayImage, Rgb, RgbImage};
use proptest::prelude::*;

use super::pictures::{FULL, NAMES, SMALL, picture};
use crate::EmbedError;
use crate::descriptor::Descriptor;
use crate::descriptor::classic::ClassicConfig;
use crate::descriptor::color::ColorConfig;
use crate::descriptor::edge::EdgeConfig;
use crate::descriptor::embedder::Describe;
use crate::descriptor::texture::{TextureConfig, patterns};

fn face(seed: u32, depth: u32) -> RgbImage {
    let depth = depth.max(1);
    RgbImage::from_fn(FULL.0, FULL.1, |x, y| {
        let h = (x / depth * 7919 + y / depth * 104_729).wrapping_add(seed).wrapping_mul(2_654_435_761);
        Rgb([(h >> 8) as u8, (h >> 16) as u8, (h >> 24) as u8])
    })
}

fn assert_sound(embedding: &[f32], dimension: usize) {
    assert_eq!(embedding.len(), dimension);
    assert!(embedding.iter().all(|v| v.is_finite() && *v >= 0.0));
}

#[test]
fn names_round_trip_and_strangers_are_refused() {
    for descriptor in Descriptor::ALL {
        assert_eq!(descriptor.to_string().parse::<Descriptor>().unwrap(), descriptor);
        assert_eq!(descriptor.embedder().spec().name, descriptor.name());
    }
    let error = "colour".parse::<Descriptor>().unwrap_err();
    assert_eq!(error.to_string(), "colour: no such descriptor");
}

#[test]
fn every_descriptor_is_sound_on_every_picture() {
    for descriptor in Descriptor::ALL {
        let embedder = descriptor.embedder();
        let extremes = [0, 255].map(|v| RgbImage::from_pixel(FULL.0, FULL.1, Rgb([v; 3])));
        for face in NAMES.iter().map(|name| picture(name, FULL)).chain(extremes) {
            assert_sound(&embedder.embed(&[face]).unwrap(), embedder.spec().dimension);
        }
    }
}

#[test]
fn several_faces_give_their_embeddings_in_order() {
    for descriptor in Descriptor::ALL {
        let embedder = descriptor.embedder();
        let faces = ["noise", "rings"].map(|name| picture(name, FULL));
        let together = embedder.embed(&faces).unwrap();
        let apart: Vec<f32> =
            faces.iter().flat_map(|f| embedder.embed(std::slice::from_ref(f)).unwrap()).collect();
        assert_eq!(together, apart);
        assert!(embedder.embed(&[]).unwrap().is_empty());
    }
}

#[test]
fn a_face_of_another_size_is_refused() {
    for descriptor in Descriptor::ALL {
        let faces = [picture("noise", FULL), picture("noise", SMALL)];
        let error = descriptor.embedder().embed(&faces).unwrap_err();
        assert!(matches!(error, EmbedError::BadArgument { .. }));
        assert_eq!(error.to_string(), "face 1: expected 128×128 pixels, found 40×33");
    }
}

#[test]
fn fingerprints_tell_descriptors_and_parameters_apart() {
    let color = ColorConfig::default();
    let mut fingerprints: Vec<String> =
        Descriptor::ALL.iter().map(|d| d.embedder().spec().fingerprint.clone()).collect();
    fingerprints.extend([
        ColorConfig { grid: 3, ..color.clone() }.fingerprint(),
        ColorConfig { hue_bins: 16, ..color.clone() }.fingerprint(),
        ColorConfig { saturation_bins: 8, ..color.clone() }.fingerprint(),
        ColorConfig { value_bins: 8, ..color }.fingerprint(),
        EdgeConfig { cell_px: 8 }.fingerprint(),
        TextureConfig { grid: 7, ..TextureConfig::default() }.fingerprint(),
        TextureConfig { radius_px: 1, ..TextureConfig::default() }.fingerprint(),
        ClassicConfig { edge: EdgeConfig { cell_px: 8 }, ..ClassicConfig::default() }.fingerprint(),
    ]);
    assert!(fingerprints.iter().all(|f| f.len() == 64 && f.bytes().all(|b| b.is_ascii_hexdigit())));
    let count = fingerprints.len();
    fingerprints.sort();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), count);
}

/// Numbers computed once must stay comparable: whoever changes a parameter or an algorithm sees it here.
#[test]
fn fingerprints_stay() {
    let expected = [
        ("color", "faf75e3039b15d432593ea2c4b461b914ed44bfaa9264a6c6b98f59bafea1bb4"),
        ("edge", "ba34fc71f1c91c309bfc422e19101b6b3f1613a8e2bca74680d244a05cc23968"),
        ("texture", "68b94896d2b3b307e5de0ae4e93eed2f76a4497a1888485d136d432a48cd14af"),
        ("classic", "857bdc15479cc924da6faba42627b42fbd065c43f69ed4c893d739d9c75d8241"),
    ];
    for (descriptor, (name, fingerprint)) in Descriptor::ALL.into_iter().zip(expected) {
        let embedder = descriptor.embedder();
        assert_eq!(
            (embedder.spec().name.as_str(), embedder.spec().fingerprint.as_str()),
            (name, fingerprint)
        );
    }
}

#[test]
fn the_parts_of_classic_weigh_the_same() {
    let ClassicConfig { color, edge, texture } = ClassicConfig::default();
    for (name, expected) in [("noise", [1.0 / 3.0; 3]), ("constant", [1.0 / 3.0, 0.0, 1.0 / 3.0])] {
        let classic = ClassicConfig::default().describe(&picture(name, FULL));
        let (first, rest) = classic.split_at(color.dimension());
        let (second, third) = rest.split_at(edge.dimension());
        assert_eq!(third.len(), texture.dimension());
        for (part, mass) in [first, second, third].into_iter().zip(expected) {
            assert!((part.iter().sum::<f32>() - mass).abs() < 1e-4, "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn embeddings_of_any_face_are_sound(seed: u32, depth in 1u32..40) {
        let face = [face(seed, depth)];
        for descriptor in Descriptor::ALL {
            let embedder = descriptor.embedder();
            assert_sound(&embedder.embed(&face).unwrap(), embedder.spec().dimension);
        }
    }

    #[test]
    fn flipping_a_face_mirrors_its_color_regions(seed: u32, depth in 1u32..40) {
        let (config, face) = (ColorConfig::default(), face(seed, depth));
        let (straight, mirrored) = (config.counts(&face), config.counts(&flip_horizontal(&face)));
        for (row, mirrored) in straight.chunks_exact(4 * 128).zip(mirrored.chunks_exact(4 * 128)) {
            for (region, mirrored) in row.chunks_exact(128).zip(mirrored.chunks_exact(128).rev()) {
                prop_assert_eq!(region, mirrored);
            }
        }
        let whole = ColorConfig { grid: 1, ..config };
        prop_assert_eq!(whole.counts(&face), whole.counts(&flip_horizontal(&face)));
    }

    /// Gradients do not see a constant, and their direction is taken modulo half a turn.
    #[test]
    fn brightening_and_inverting_keep_edges(seed: u32, depth in 1u32..40, constant in 0u8..=128) {
        let dark = dark_grey(&face(seed, depth));
        let edges = |f: &dyn Fn(u8) -> u8| EdgeConfig::default().describe_grey(&map(&dark, f));
        prop_assert_eq!(edges(&|v| v), edges(&|v| v + constant));
        prop_assert_eq!(edges(&|v| v), edges(&|v| 255 - v));
    }

    /// Doubling is exact in floating point, so that every comparison of grey values stays as it was.
    #[test]
    fn doubling_the_contrast_keeps_texture(seed: u32, depth in 1u32..40, radius_px in 1usize..4) {
        let dark = dark_grey(&face(seed, depth));
        prop_assert_eq!(patterns(&dark, radius_px), patterns(&map(&dark, &|v| 2 * v), radius_px));
    }
}

/// The green channel, halved.
fn dark_grey(face: &RgbImage) -> GrayImage {
    let half = face.pixels().map(|p| p[1] / 2).collect();
    GrayImage::from_raw(face.width(), face.height(), half).unwrap()
}

fn map(image: &GrayImage, f: &dyn Fn(u8) -> u8) -> GrayImage {
    let values = image.as_raw().iter().map(|&v| f(v)).collect();
    GrayImage::from_raw(image.width(), image.height(), values).unwrap()
}
