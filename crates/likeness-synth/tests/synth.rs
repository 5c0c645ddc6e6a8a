//! Tests synthetic datasets: reproducible, varied, with correct ground truth, and neither too easy nor too hard to
//! recognise.
#![allow(clippy::disallowed_methods)]

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::{Rgb, RgbImage, imageops};
use likeness_data::DataError;
use likeness_data::geometry::Point;
use likeness_synth::{Layout, PictureFormat, Style, SynthConfig, SynthFace, draw, write_dataset};
use rayon::prelude::*;

const STYLES: [Style; 2] = [Style::Portrait, Style::Sketch];

/// All pictures of 40 identities, ten each, with the identity's index.
fn faces(style: Style, size: u32) -> Vec<(u32, SynthFace)> {
    let config = SynthConfig { style, size, ..SynthConfig::default() };
    (0..400u32)
        .into_par_iter()
        .map(|i| (i / 10, config.draw(i / 10, i % 10).expect("the size is within bounds")))
        .collect()
}

/// Share of the vectors with a nearest other vector of the same identity.
fn leave_one_out_top1(vectors: &[(u32, Vec<f32>)]) -> f32 {
    let distance = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>();
    let hits = (0..vectors.len())
        .into_par_iter()
        .filter(|i| {
            let (identity, query) = &vectors[*i];
            let others = vectors.iter().enumerate().filter(|(j, _)| j != i).map(|(_, v)| v);
            let nearest = others.min_by(|a, b| distance(query, &a.1).total_cmp(&distance(query, &b.1)));
            nearest.is_some_and(|(found, _)| found == identity)
        })
        .count();
    hits as f32 / vectors.len() as f32
}

/// Joint histogram of red, green and blue in four steps each.
fn colour_histogram(image: &RgbImage) -> Vec<f32> {
    let mut counts = vec![0.0; 64];
    for p in image.pixels() {
        let [r, g, b] = p.0.map(|c| usize::from(c >> 6));
        counts[r * 16 + g * 4 + b] += 1.0 / (image.width() * image.height()) as f32;
    }
    counts
}

/// Hue and saturation in eight by four steps and lightness in eight, of the middle of the picture.
fn hue_histogram(image: &RgbImage) -> Vec<f32> {
    let (side, mut counts) = (image.width(), vec![0.0; 40]);
    let middle = imageops::crop_imm(image, side / 6, side / 6, side * 2 / 3, side * 2 / 3).to_image();
    for p in middle.pixels() {
        let [r, g, b] = p.0.map(f32::from);
        let (high, low) = (r.max(g).max(b), r.min(g).min(b));
        let turn = (3.0f32.sqrt() * (g - b)).atan2(2.0 * r - g - b) / std::f32::consts::TAU + 0.5;
        let (hue, saturation) = ((turn * 8.0) as usize % 8, ((high - low) / high.max(1.0) * 3.99) as usize);
        counts[hue * 4 + saturation] += 1.0;
        counts[32 + (high / 32.0) as usize] += 1.0;
    }
    counts
}

/// Histogram of the directions of edges over the whole picture, weighted by their strength.
fn edge_histogram(image: &RgbImage) -> Vec<f32> {
    let grey = imageops::grayscale(image);
    let mut counts = [0.0; 16];
    for y in 1..grey.height() - 1 {
        for x in 1..grey.width() - 1 {
            let at = |x: u32, y: u32| f32::from(grey.get_pixel(x, y).0[0]);
            let (dx, dy) = (at(x + 1, y) - at(x - 1, y), at(x, y + 1) - at(x, y - 1));
            let turn = (dy.atan2(dx) / std::f32::consts::TAU + 0.5) * 16.0;
            counts[(turn as usize).min(15)] += dx.hypot(dy);
        }
    }
    let total: f32 = counts.iter().sum();
    counts.iter().map(|c| c / total.max(1.0)).collect()
}

/// The inside of the face, rotated and scaled so that eyes and mouth are at fixed positions; grey, with
/// mean 0 and standard deviation 1.
fn aligned_grey(face: &SynthFace) -> Vec<f32> {
    let [left, right, ..] = face.landmarks;
    let (across, side) = ((right.x - left.x, right.y - left.y), 24);
    let pixel = |x: f32, y: f32| {
        let at = Point { x: left.x + across.0 * x - across.1 * y, y: left.y + across.1 * x + across.0 * y };
        let limit = |v: f32| (v.max(0.0) as u32).min(face.image.width() - 1);
        let Rgb([r, g, b]) = *face.image.get_pixel(limit(at.x), limit(at.y));
        (f32::from(r) + f32::from(g) + f32::from(b)) / 3.0
    };
    let step = |i: usize| i as f32 / (side - 1) as f32;
    let values: Vec<f32> =
        (0..side * side).map(|i| pixel(step(i % side) * 1.8 - 0.4, step(i / side) * 2.1 - 0.6)).collect();
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    let deviation =
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt().max(1.0);
    values.iter().map(|v| (v - mean) / deviation).collect()
}

#[test]
fn the_same_seeds_give_the_same_bytes_on_any_thread() {
    for style in STYLES {
        let alone: Vec<SynthFace> = (0..16).map(|i| draw(i / 4, i % 4, 48, style).unwrap()).collect();
        let together: Vec<SynthFace> =
            (0..16u64).into_par_iter().map(|i| draw(i / 4, i % 4, 48, style).unwrap()).collect();
        assert!(alone == together);
    }
}

#[test]
fn every_picture_is_another_one() {
    let mut seen = HashSet::new();
    for style in STYLES {
        for i in 0..200 {
            assert!(seen.insert(draw(i / 5, i % 5, 24, style).unwrap().image.into_raw()));
        }
    }
    for extreme in [0, 1, u64::MAX, u64::MAX - 1] {
        assert!(seen.insert(draw(extreme, u64::MAX, 24, Style::Portrait).unwrap().image.into_raw()));
    }
}

#[test]
fn ground_truth_lies_on_the_face() {
    for style in STYLES {
        for (identity, face) in faces(style, 32) {
            let (b, [left_eye, right_eye, nose, left_mouth, right_mouth]) = (face.face_box, face.landmarks);
            assert!(b.is_valid() && b.left >= 0.0 && b.top >= 0.0 && b.right() <= 32.0 && b.bottom() <= 32.0);
            for p in face.landmarks {
                assert!(
                    (b.left..=b.right()).contains(&p.x) && (b.top..=b.bottom()).contains(&p.y),
                    "{p:?} {b:?}"
                );
            }
            assert!(left_eye.x < right_eye.x && left_mouth.x < right_mouth.x, "identity {identity}");
            assert!(
                left_eye.y.max(right_eye.y) < left_mouth.y.max(right_mouth.y)
                    && nose.y > left_eye.y.min(right_eye.y)
            );
        }
    }
}

#[test]
fn pictures_of_one_face_share_its_measures() {
    // Without the effect of the pose, the eye-to-mouth ratio varies less within an identity than between identities.
    let ratio = |face: &SynthFace| {
        let [l, r, _, m, n] = face.landmarks;
        (m.x - n.x).hypot(m.y - n.y) / (l.x - r.x).hypot(l.y - r.y)
    };
    let faces = faces(Style::Portrait, 64);
    let ratios: Vec<Vec<f32>> =
        faces.chunks(10).map(|of_one| of_one.iter().map(|(_, f)| ratio(f)).collect()).collect();
    let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len() as f32;
    let variance = |v: &[f32]| v.iter().map(|x| (x - mean(v)).powi(2)).sum::<f32>() / v.len() as f32;
    let within = mean(&ratios.iter().map(|r| variance(r)).collect::<Vec<_>>());
    let between = variance(&ratios.iter().map(|r| mean(r)).collect::<Vec<_>>());
    assert!(between > 2.0 * within, "between {between}, within {within}");
}

#[test]
fn colours_and_edges_alone_neither_solve_it_nor_fail() {
    // Share of 400 pictures of 40 identities whose nearest other picture shows the same identity; chance is 9 / 399 = 0.023.
    // Observed: portraits 0.23 (colour), 0.49 (hue), 0.16 (edge), 0.72 (aligned); sketches 0.29, 0.32, 0.13, 0.83.
    for style in STYLES {
        let faces = faces(style, 96);
        let with = |describe: &(dyn Fn(&SynthFace) -> Vec<f32> + Sync)| {
            let vectors: Vec<(u32, Vec<f32>)> = faces.par_iter().map(|(i, f)| (*i, describe(f))).collect();
            leave_one_out_top1(&vectors)
        };
        let colour = with(&|f| colour_histogram(&f.image));
        let hue = with(&|f| hue_histogram(&f.image));
        let edge = with(&|f| edge_histogram(&f.image));
        let aligned = with(&aligned_grey);
        let name = style.name();
        println!("{name}: colour {colour:.3}, hue {hue:.3}, edge {edge:.3}, aligned {aligned:.3}");
        assert!((0.12..0.55).contains(&colour), "{name}: colours find {colour}");
        assert!((0.20..0.60).contains(&hue), "{name}: hues find {hue}");
        assert!((0.06..0.50).contains(&edge), "{name}: edges find {edge}");
        // An aligned face is more informative than any histogram, but its raw pixels are not sufficient.
        assert!(
            aligned > hue && aligned > edge && aligned < 0.95,
            "{name}: the aligned face finds {aligned}"
        );
    }
}

#[test]
fn sizes_out_of_bounds_are_refused() {
    for size in [0, 15, 4097, u32::MAX] {
        let error = draw(1, 1, size, Style::Portrait).unwrap_err();
        assert!(matches!(&error, DataError::BadArgument { .. }) && error.hint().is_some(), "{error}");
    }
    for size in [16, 17, 31, 300] {
        for style in STYLES {
            assert_eq!(draw(1, 1, size, style).unwrap().image.dimensions(), (size, size));
        }
    }
}

fn small(style: Style) -> SynthConfig {
    SynthConfig { identities: 3, images_per_identity: 2, size: 24, seed: 5, style }
}

fn write(config: &SynthConfig, folder: &Path, how: (Layout, PictureFormat)) -> Result<usize, DataError> {
    let told = AtomicUsize::new(0);
    let written = write_dataset(config, folder, how, &|done| {
        told.fetch_max(done, Ordering::Relaxed);
    })?;
    assert_eq!((written.images, written.identities), (told.into_inner(), config.identities as usize));
    Ok(written.images)
}

#[test]
fn a_dataset_is_pictures_and_their_truth() {
    let folder = tempfile::tempdir().unwrap();
    let config = small(Style::Sketch);
    assert_eq!(write(&config, folder.path(), (Layout::Folders, PictureFormat::Png)).unwrap(), 6);
    let mut table = csv::Reader::from_path(folder.path().join("truth.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = table.records().map(|r| r.unwrap()).collect();
    assert_eq!(rows.len(), 6);
    assert_eq!(&rows[5][0], "person-002/001.png");
    assert_eq!((&rows[5][1], &rows[5][2]), ("person-002", "sketch"));
    let face = config.draw(2, 1).unwrap();
    assert_eq!(
        image::open(folder.path().join(&rows[5][0])).unwrap().to_rgb8(),
        face.image,
        "PNG is without loss"
    );
    assert!((rows[5][3].parse::<f32>().unwrap() - face.face_box.left).abs() < 0.01);
    assert!((rows[5][16].parse::<f32>().unwrap() - face.landmarks[4].y).abs() < 0.01);
    assert_eq!(rows[5].len(), 17);
    let entries: Vec<_> = walkdir::WalkDir::new(folder.path()).into_iter().map(|e| e.unwrap()).collect();
    assert_eq!(entries.len(), 1 + 3 + 6 + 1, "nothing else is left behind");
}

#[test]
fn a_flat_dataset_has_the_identity_in_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("a").join("b");
    write(&small(Style::Portrait), &new, (Layout::Prefix, PictureFormat::Jpeg)).unwrap();
    assert_eq!(image::open(new.join("person-000_001.jpg")).unwrap().width(), 24);
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("keep.txt"), "mine").unwrap();
    let error =
        write(&small(Style::Portrait), folder.path(), (Layout::Folders, PictureFormat::Png)).unwrap_err();
    assert!(matches!(error, DataError::Occupied { .. }));
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn settings_out_of_bounds_are_refused() {
    for config in [
        SynthConfig { identities: 0, ..SynthConfig::default() },
        SynthConfig { images_per_identity: 0, ..SynthConfig::default() },
        SynthConfig { size: 4, ..SynthConfig::default() },
        SynthConfig { identities: u32::MAX, images_per_identity: u32::MAX, ..SynthConfig::default() },
    ] {
        assert!(matches!(config.validate(), Err(DataError::BadArgument { .. })), "{config:?}");
    }
}
