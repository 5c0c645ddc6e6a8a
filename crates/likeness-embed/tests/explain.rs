//! Explanations, with planted evidence: pictures that match only because of a region that the test knows.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::AtomicBool;

use image::{Rgb, RgbImage, imageops};
use likeness_data::align::{AlignConfig, Template, align};
use likeness_embed::explain::{Evidence, ExplainRun, Explanation, Fill, Occlusion, explain, faithfulness};
use likeness_embed::{EmbedError, Embedder, EmbedderSpec, load_embedder};
use likeness_search::{Distance, Thresholds};
use likeness_synth::{Style, draw};

/// A rectangle: left, top, width, height.
type Region = (u32, u32, u32, u32);

fn explained(embedder: &dyn Embedder, query: &RgbImage, hit: &RgbImage) -> Explanation {
    let stop = AtomicBool::new(false);
    explain(embedder, query, hit, &ExplainRun { occlusion: Occlusion::default(), threads: 2, stop: &stop })
        .unwrap()
}

/// Whether a pixel is in the region, or at most `margin` pixels beside it.
fn within((left, top, width, height): Region, margin: u32) -> impl Fn(u32, u32) -> bool {
    move |x, y| {
        x + margin >= left && x < left + width + margin && y + margin >= top && y < top + height + margin
    }
}

/// Whether the map points to the region: its greatest value lies there.
fn points_to(map: &Evidence, region: Region) -> bool {
    map.greatest().is_some_and(|(x, y)| within(region, 0)(x, y))
}

/// The sum of a map, as growths of the distance.
fn total(map: &Evidence) -> f32 {
    map.unit * map.values.iter().sum::<f32>()
}

/// Noise that differs between seeds, with details of 8 pixels.
fn texture(side: u32, seed: u32) -> RgbImage {
    let value = |x: u32, y: u32, channel: u32| {
        let mut mixed = (x / 8).wrapping_mul(73_856_093)
            ^ (y / 8).wrapping_mul(19_349_663)
            ^ seed.wrapping_mul(83_492_791)
            ^ channel.wrapping_mul(0x9E37_79B9);
        mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0x5bd1_e995);
        ((mixed ^ (mixed >> 15)) % 256) as u8
    };
    RgbImage::from_fn(side, side, |x, y| Rgb([0, 1, 2].map(|channel| value(x, y, channel))))
}

/// `ground` with a part of `from` at `region`.
fn planted(mut ground: RgbImage, from: &RgbImage, (left, top, width, height): Region) -> RgbImage {
    let part = imageops::crop_imm(from, 0, 0, width, height).to_image();
    imageops::replace(&mut ground, &part, left.into(), top.into());
    ground
}

/// Two aligned pictures of one drawn person.
fn two_faces(side: u32) -> (RgbImage, RgbImage) {
    let face = |picture| {
        let drawn = draw(3, picture, 256, Style::Portrait).unwrap();
        let config = AlignConfig { size: side, template: Template::Dlib, ..AlignConfig::default() };
        align(&drawn.image, &drawn.landmarks, &config).unwrap()
    };
    (face(0), face(1))
}

/// Sees only one region of a picture, as its mean colour in 4×4 cells, less the mean of the region.
struct OneRegion {
    spec: EmbedderSpec,
    region: Region,
}

impl OneRegion {
    fn new(side: u32, region: Region) -> Self {
        let spec = EmbedderSpec {
            name: "one-region".into(),
            fingerprint: "one-region".into(),
            dimension: 48,
            input_size: (side, side),
            distance: Distance::Cosine,
            alignment: None,
            licence: None,
            thresholds: Thresholds::default(),
        };
        Self { spec, region }
    }
}

impl Embedder for OneRegion {
    fn spec(&self) -> &EmbedderSpec {
        &self.spec
    }

    fn embed(&self, faces: &[RgbImage]) -> Result<Vec<f32>, EmbedError> {
        let (left, top, width, height) = self.region;
        let mut all = Vec::new();
        for face in faces {
            let part = imageops::crop_imm(face, left, top, width, height).to_image();
            let cells = imageops::resize(&part, 4, 4, imageops::FilterType::Triangle);
            let values: Vec<f32> = cells.as_raw().iter().map(|value| f32::from(*value)).collect();
            let mean = values.iter().sum::<f32>() / 48.0;
            if values.iter().all(|value| *value == mean) {
                return Err(EmbedError::BadOutput { model: "one-region".into(), reason: "zeros".into() });
            }
            all.extend(values.iter().map(|value| value - mean));
        }
        Ok(all)
    }
}

#[test]
fn evidence_lies_where_the_model_looks() {
    let region = (64, 24, 32, 32);
    let embedder = OneRegion::new(112, region);
    let shared = texture(32, 99);
    let query = planted(texture(112, 1), &shared, region);
    let hit = planted(texture(112, 2), &shared, region);
    let found = explained(&embedder, &query, &hit);
    assert!(found.distance < 1e-6, "{}", found.distance);
    for map in [&found.query, &found.hit] {
        assert!(points_to(map, region), "{:?}", map.greatest());
        // Patches that hide the region's edge hide pixels beside it as well.
        let (inside, near) = (map.share(within(region, 0)), map.share(within(region, 16)));
        assert!(inside > 0.35 && near > 0.85, "{inside} {near}: the region is 8 % of the picture");
    }
    // Without the shared region, nothing holds the pictures together.
    let other = explained(&embedder, &query, &texture(112, 2));
    let (with, without) = (total(&found.query), total(&other.query));
    assert!(without < 0.3 * with, "{with} with and {without} without the region");
}

#[test]
fn a_descriptor_is_explained_by_the_region_that_two_pictures_share() {
    let region = (24, 72, 40, 40);
    for name in ["color", "edge", "texture", "classic"] {
        let embedder = load_embedder(name, &Default::default()).unwrap();
        // The query's ground is red and the hit's is blue.
        let ground = |seed: u32| {
            let mut ground = imageops::blur(&texture(128, seed), 10.0);
            let tinted = |at: u32, value: u8| value / 4 + if at == 2 * (seed - 1) { 150 } else { 0 };
            ground.pixels_mut().for_each(|p| p.0 = [0, 1, 2].map(|at| tinted(at, p.0[at as usize])));
            ground
        };
        let shared = texture(40, 99);
        let (query, hit) = (planted(ground(1), &shared, region), planted(ground(2), &shared, region));
        let found = explained(embedder.as_ref(), &query, &hit);
        let without = explained(embedder.as_ref(), &query, &ground(2));
        for map in [&found.query, &found.hit] {
            let share = map.share(within(region, 8));
            // The region and its margin are a fifth of the picture.
            assert!(share > 0.4 && points_to(map, region), "{name}: {share} at {:?}", map.greatest());
        }
        let (with, without) = (total(&found.query), total(&without.query));
        assert!(without < 0.7 * with, "{name}: {with} with and {without} without the region");
    }
}

#[test]
fn the_picture_model_is_explained_by_the_thing_that_two_pictures_share() {
    let embedder = load_embedder("picture", &Default::default()).unwrap();
    let thing = draw(5, 0, 96, Style::Portrait).unwrap().image;
    let (in_query, in_hit) = ((8, 112, 96, 96), (112, 16, 96, 96));
    let query = planted(texture(224, 3), &thing, in_query);
    let hit = planted(imageops::blur(&texture(224, 4), 12.0), &thing, in_hit);
    let found = explained(embedder.as_ref(), &query, &hit);
    for (map, region) in [(&found.query, in_query), (&found.hit, in_hit)] {
        let share = map.share(within(region, 12));
        assert!(points_to(map, region) && share > 0.5, "{share} at {:?}", map.greatest());
    }
}

#[test]
fn the_face_model_does_not_look_at_what_is_covered() {
    let embedder = load_embedder("face", &Default::default()).unwrap();
    let side = embedder.spec().input_size.0;
    let (query, hit) = two_faces(side);
    let found = explained(embedder.as_ref(), &query, &hit);
    assert!(found.query.greatest().is_some() && found.embeddings > 100);
    // A bar over a third of the query, where nothing is left to hide.
    let bar = (0, side / 4, side, side / 3);
    let covered = planted(query.clone(), &RgbImage::from_pixel(side, side, Rgb([0; 3])), bar);
    let with_bar = explained(embedder.as_ref(), &covered, &hit);
    let inside = within((0, side / 4 + side / 12, side, side / 3 - side / 6), 0);
    let (before, after) = (found.query.share(&inside), with_bar.query.share(&inside));
    assert!(after < before, "{before} and {after}");
}

#[test]
fn maps_explain_better_than_noise_and_hardly_change_with_it() {
    let embedder = load_embedder("face", &Default::default()).unwrap();
    let (query, hit) = two_faces(embedder.spec().input_size.0);
    let found = explained(embedder.as_ref(), &query, &hit);
    let upside_down =
        Evidence { values: found.query.values.iter().map(|v| -v).collect(), ..found.query.clone() };
    let measured =
        |map: &Evidence| faithfulness(embedder.as_ref(), (&query, &hit), map, Fill::Mean, 10).unwrap();
    let (of_map, of_inverse) = (measured(&found.query), measured(&upside_down));
    assert!(
        of_map.deletion < of_inverse.deletion && of_map.insertion > of_inverse.insertion,
        "{of_map:?} {of_inverse:?}"
    );
    // One level of grey more or less on every pixel.
    let mut noisy = query.clone();
    noisy
        .pixels_mut()
        .enumerate()
        .for_each(|(at, p)| p.0 = p.0.map(|v| v.saturating_add((at * 7 % 3) as u8)));
    let again = explained(embedder.as_ref(), &noisy, &hit);
    let (a, b) = (&found.query.values, &again.query.values);
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    let agreement = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    assert!(agreement > 0.9, "{agreement}");
}

#[test]
fn equal_pictures_have_evidence_and_blank_ones_have_none() {
    let embedder = load_embedder("color", &Default::default()).unwrap();
    let picture = texture(128, 1);
    let equal = explained(embedder.as_ref(), &picture, &picture);
    assert_eq!(equal.distance, 0.0);
    assert_eq!(equal.query, equal.hit);
    assert!(equal.query.greatest().is_some() && equal.query.values.iter().all(|value| *value >= 0.0));
    let blank = RgbImage::from_pixel(128, 128, Rgb([40; 3]));
    let nothing = explained(embedder.as_ref(), &blank, &blank);
    assert!(nothing.query.greatest().is_none() && nothing.query.values.iter().all(|value| *value == 0.0));
}

#[test]
fn pictures_of_one_pixel_and_of_no_embedding() {
    let dot = RgbImage::from_pixel(1, 1, Rgb([9, 80, 200]));
    let one = OneRegion::new(1, (0, 0, 1, 1));
    let found = explained(&one, &dot, &dot);
    assert_eq!((found.query.values.len(), found.query.greatest()), (1, None));
    let stop = AtomicBool::new(false);
    let run = ExplainRun { occlusion: Occlusion::default(), threads: 1, stop: &stop };
    let grey = RgbImage::from_pixel(1, 1, Rgb([9; 3]));
    let error = explain(&one, &grey, &dot, &run).unwrap_err();
    assert!(matches!(error, EmbedError::BadOutput { .. }), "{error}");
    // A model that gives no embedding where all that it looks at is hidden.
    let all = OneRegion::new(64, (24, 24, 10, 10));
    let mean = Occlusion { fill: Fill::Mean, ..Occlusion::default() };
    let run = ExplainRun { occlusion: mean, threads: 1, stop: &stop };
    let (a, b) = (texture(64, 1), texture(64, 2));
    assert!(explain(&all, &a, &b, &run).is_ok());
}

#[test]
fn other_sizes_and_stops_are_errors() {
    let embedder = load_embedder("color", &Default::default()).unwrap();
    let stop = AtomicBool::new(false);
    let run = ExplainRun { occlusion: Occlusion::default(), threads: 1, stop: &stop };
    let (right, wrong) = (texture(128, 1), texture(64, 1));
    let error = explain(embedder.as_ref(), &right, &wrong, &run).unwrap_err();
    assert!(error.to_string().contains("128×128"), "{error}");
    let map = explain(embedder.as_ref(), &right, &right, &run).unwrap().query;
    let error = faithfulness(embedder.as_ref(), (&wrong, &right), &map, Fill::Mean, 4).unwrap_err();
    assert!(error.to_string().contains("map of 128×128"), "{error}");
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let error = explain(embedder.as_ref(), &right, &right, &run).unwrap_err();
    assert!(matches!(error, EmbedError::Interrupted { done: 0, .. }), "{error}");
}
