//! Compares ways to explain matches by deletion and insertion: patches of several sizes, fills, and the random masks of RISE.
//!
//! `cargo run --release -p likeness-embed --example faithfulness -- MODEL A.jpg B.jpg [A.jpg B.jpg…]`
//!
//! Each pair of pictures should match. They are cropped to the centre square. Prints the means over all pictures, with both
//! fills for the measure, so that no way is favoured because it is measured with its own fill. Smaller deletion and larger
//! insertion are better; `random` is a map of noise.

#![allow(clippy::print_stdout)]

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use image::RgbImage;
use image::imageops::{FilterType, resize};
use likeness_data::crop::Cropper;
use likeness_data::decode::PhotoReader;
use likeness_embed::explain::{Evidence, ExplainRun, Fill, Occlusion, explain, faithfulness};
use likeness_embed::{Embedder, load_embedder};

/// Steps of deletion and insertion.
const STEPS: usize = 20;
/// What hidden pixels become while a map is measured.
const MEASURED: [Fill; 2] = [Fill::Mean, Fill::Blur(0.15)];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (model, photos) = arguments.split_first().context("expected MODEL A B…")?;
    ensure!(!photos.is_empty() && photos.len() % 2 == 0, "expected an even number of pictures");
    let embedder = load_embedder(model, &Default::default())?;
    let embedder = embedder.as_ref();
    let (reader, size) = (PhotoReader::default(), embedder.spec().input_size);
    let read = |path: &String| -> Result<RgbImage> {
        Ok(Cropper::default().centre_crop(&reader.read(Path::new(path))?.image, size.0, size.1)?)
    };
    let pictures = photos.iter().map(read).collect::<Result<Vec<_>>>()?;
    println!("way                              embeddings  seconds  deletion           insertion");
    println!("                                             per pair mean     blur     mean     blur");
    for sides in [&[0.14][..], &[0.2], &[0.28], &[0.4], &[0.2, 0.35], &[0.14, 0.25, 0.45], &[0.25, 0.5]] {
        for fill in [Fill::Mean, Fill::Blur(0.08), Fill::Blur(0.15), Fill::Blur(0.3)] {
            let occlusion = Occlusion { sides: sides.to_vec(), fill };
            let stop = AtomicBool::new(false);
            let run = ExplainRun { occlusion, threads: 0, stop: &stop };
            report(&format!("{sides:?} {fill:?}"), embedder, &pictures, |a, b| {
                let found = explain(embedder, a, b, &run)?;
                Ok(([found.query, found.hit], found.embeddings))
            })?;
        }
    }
    for masks in [200, 600] {
        report(&format!("RISE, {masks} masks"), embedder, &pictures, |a, b| {
            Ok(([rise(embedder, a, b, masks)?, rise(embedder, b, a, masks)?], 2 * masks))
        })?;
    }
    report("random", embedder, &pictures, |a, _| Ok(([noise(a, 1), noise(a, 2)], 0)))
}

/// Measures one way on all pairs and prints a line.
fn report(
    name: &str,
    embedder: &dyn Embedder,
    pictures: &[RgbImage],
    maps: impl Fn(&RgbImage, &RgbImage) -> Result<([Evidence; 2], usize)>,
) -> Result<()> {
    let (mut sums, mut seconds, mut count) = ([0.0; 4], 0.0, 0);
    for pair in pictures.chunks_exact(2) {
        let start = Instant::now();
        let ([of_a, of_b], embeddings) = maps(&pair[0], &pair[1])?;
        (seconds, count) = (seconds + start.elapsed().as_secs_f64(), embeddings);
        for (at, fill) in MEASURED.into_iter().enumerate() {
            for (picture, other, map) in [(&pair[0], &pair[1], &of_a), (&pair[1], &pair[0], &of_b)] {
                let found = faithfulness(embedder, (picture, other), map, fill, STEPS)?;
                sums[at] += found.deletion;
                sums[2 + at] += found.insertion;
            }
        }
    }
    let [a, b, c, d] = sums.map(|sum| sum / pictures.len() as f64);
    let seconds = seconds / (pictures.len() / 2) as f64;
    println!("{name:32} {count:10} {seconds:8.2}  {a:.3}    {b:.3}    {c:.3}    {d:.3}");
    Ok(())
}

/// RISE (Petsiuk et al., 2018): the mean of random smooth masks, weighted by the closeness of what they show.
fn rise(embedder: &dyn Embedder, picture: &RgbImage, other: &RgbImage, masks: usize) -> Result<Evidence> {
    let fill = fill_of(picture);
    let (width, height) = picture.dimensions();
    let of_other = embedder.embed(std::slice::from_ref(other))?;
    let mut values = vec![0.0_f32; (width * height) as usize];
    let (mut state, mut mean) = (7_u64, 0.0);
    let mut scored = Vec::with_capacity(masks);
    for _ in 0..masks {
        let coarse =
            image::GrayImage::from_fn(9, 9, |_, _| image::Luma([if chance(&mut state) { 255 } else { 0 }]));
        let fine = resize(&coarse, width + width / 8, height + height / 8, FilterType::Triangle);
        let shift = (random(&mut state) as u32 % (width / 8), random(&mut state) as u32 % (height / 8));
        let mask = image::imageops::crop_imm(&fine, shift.0, shift.1, width, height).to_image();
        let shown = RgbImage::from_fn(width, height, |x, y| {
            let share = f32::from(mask.get_pixel(x, y).0[0]) / 255.0;
            let (there, gone) = (picture.get_pixel(x, y).0, fill.get_pixel(x, y).0);
            image::Rgb(
                [0, 1, 2].map(|c| (f32::from(there[c]) * share + f32::from(gone[c]) * (1.0 - share)) as u8),
            )
        });
        let vector = embedder.embed(&[shown])?;
        let closeness = -embedder.spec().distance.between(&vector, &of_other);
        mean += closeness / masks as f64;
        scored.push((mask, closeness));
    }
    for (mask, closeness) in scored {
        for (value, shown) in values.iter_mut().zip(mask.as_raw()) {
            *value += f32::from(*shown) / 255.0 * (closeness - mean) as f32;
        }
    }
    Ok(Evidence { width, height, values, unit: 1.0 })
}

fn fill_of(picture: &RgbImage) -> RgbImage {
    image::imageops::fast_blur(picture, 0.15 * picture.width() as f32)
}

fn noise(picture: &RgbImage, seed: u64) -> Evidence {
    let (mut state, (width, height)) = (seed, picture.dimensions());
    let values = (0..width * height).map(|_| (random(&mut state) % 1000) as f32 / 1000.0).collect();
    Evidence { width, height, values, unit: 1.0 }
}

fn chance(state: &mut u64) -> bool {
    random(state).is_multiple_of(2)
}

/// The generator SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
