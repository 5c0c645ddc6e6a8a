//! Detection, alignment and an embedding network end to end: leave-one-out retrieval over labelled photos.
//!
//! `cargo run --release -p likeness-model --example face_retrieval -- photos=DIR detector=FILE.onnx embedder=FILE.onnx`
//!
//! `photos` is laid out as CelebA (`images/`, `identity_CelebA.txt`, `list_eval_partition.txt`) or holds files named
//! `IDENTITY_N`. The embedder takes aligned 112×112 faces, RGB 0..255. Every photo is a query against all others, by
//! cosine similarity; the accuracies are given over the photos with a face, and over all of them with a missing face
//! counted as a miss. Further `key=value` settings: see [`Settings`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use image::RgbImage;
use likeness_data::align::{AlignConfig, align};
use likeness_data::detect::{FaceChoice, FaceDetector};
use likeness_data::geometry::{Landmarks, Point};
use likeness_embed::detect::{DetectorConfig, SecondLook, load_detector};
use rten::{Model, RunOptions, ThreadPool};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensorView, Tensor};

struct Settings {
    photos: PathBuf,
    detector: PathBuf,
    embedder: PathBuf,
    /// `sampling=area` or `bilinear`.
    align: AlignConfig,
    /// `choice=large-and-central`, `largest`, `most-central` or `surest`.
    choice: FaceChoice,
    /// `threshold=`, `min-side=`, `max-side=`, `second-look=SCORE:MIN_SIDE`.
    config: DetectorConfig,
    /// `shift=`: pixels added to every landmark, to try conventions of pixel centres.
    shift: f32,
    /// `threads=`
    threads: usize,
}

struct Photo {
    path: PathBuf,
    identity: String,
    partition: String,
}

/// What became of one photo.
#[derive(Default, Clone)]
struct Outcome {
    embedding: Option<Vec<f32>>,
    faces: usize,
    /// Detection, alignment, embedding.
    seconds: [f64; 3],
}

fn main() -> Result<()> {
    let settings = settings()?;
    let photos = photos(&settings.photos)?;
    let outcomes = embed_all(&settings, &photos)?;
    report(&photos, &outcomes);
    Ok(())
}

fn settings() -> Result<Settings> {
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    for argument in std::env::args().skip(1) {
        let (key, value) = argument.split_once('=').context("settings are key=value")?;
        given.insert(key.into(), value.into());
    }
    let usual = DetectorConfig::default();
    let mut take = |key: &str| given.remove(key);
    let settings = Settings {
        photos: take("photos").context("needs photos=DIR")?.into(),
        detector: take("detector").context("needs detector=FILE")?.into(),
        embedder: take("embedder").context("needs embedder=FILE")?.into(),
        align: AlignConfig {
            sampling: named(&take("sampling").unwrap_or("area".into()))?,
            ..AlignConfig::default()
        },
        choice: named(&take("choice").unwrap_or("large-and-central".into()))?,
        config: DetectorConfig {
            score_threshold: take("threshold").map(|v| v.parse()).transpose()?,
            max_side: take("max-side").map_or(Ok(usual.max_side), |v| v.parse())?,
            min_side: take("min-side").map_or(Ok(usual.min_side), |v| v.parse())?,
            second_look: take("second-look").map(|v| second_look(&v)).transpose()?,
            ..usual
        },
        shift: take("shift").map_or(Ok(0.0), |v| v.parse())?,
        threads: take("threads").map_or(Ok(2), |v| v.parse())?,
    };
    match given.into_keys().next() {
        Some(unknown) => bail!("{unknown}: no such setting"),
        None => Ok(settings),
    }
}

fn named<T: serde::de::DeserializeOwned>(name: &str) -> Result<T> {
    Ok(serde_json::from_value(name.into())?)
}

fn second_look(value: &str) -> Result<SecondLook> {
    let (score, side) = value.split_once(':').context("second-look=SCORE:MIN_SIDE")?;
    Ok(SecondLook { score_threshold: score.parse()?, min_side: side.parse()? })
}

/// The photos of CelebA's tables, or without them the files named `IDENTITY_N`.
fn photos(folder: &Path) -> Result<Vec<Photo>> {
    if !folder.join("identity_CelebA.txt").exists() {
        return named_photos(folder);
    }
    let table = |name: &str| -> Result<BTreeMap<String, String>> {
        let text = fs_err::read_to_string(folder.join(name))?;
        let pair = |line: &str| line.split_once(' ').map(|(file, value)| (file.into(), value.trim().into()));
        Ok(text.lines().filter_map(pair).collect())
    };
    let partitions = table("list_eval_partition.txt")?;
    let photo = |(file, identity): (String, String)| Photo {
        partition: partitions.get(&file).cloned().unwrap_or_default(),
        path: folder.join("images").join(file),
        identity,
    };
    Ok(table("identity_CelebA.txt")?.into_iter().map(photo).collect())
}

fn named_photos(folder: &Path) -> Result<Vec<Photo>> {
    let mut photos = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some((identity, _)) = stem.rsplit_once('_') {
            photos.push(Photo { path, identity: identity.into(), partition: String::new() });
        }
    }
    photos.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(photos)
}

fn embed_all(settings: &Settings, photos: &[Photo]) -> Result<Vec<Outcome>> {
    let detector = load_detector(&settings.detector, &settings.config)?;
    let model = Model::load_file(&settings.embedder)?;
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Outcome)>> {
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(photo) = photos.get(i) else { return Ok(done) };
            done.push((i, embed(settings, &photo.path, &*detector, &model, &pool)?));
        }
    };
    let mut outcomes = vec![Outcome::default(); photos.len()];
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..settings.threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            for (i, outcome) in worker.join().expect("a worker panicked")? {
                outcomes[i] = outcome;
            }
        }
        Ok(outcomes)
    })
}

fn embed(
    settings: &Settings,
    path: &Path,
    detector: &dyn FaceDetector,
    model: &Model,
    pool: &Arc<ThreadPool>,
) -> Result<Outcome> {
    let photo = image::load_from_memory(&fs_err::read(path)?)?.into_rgb8();
    let mut outcome = Outcome::default();
    let mut start = Instant::now();
    let mut lap = || std::mem::replace(&mut start, Instant::now()).elapsed().as_secs_f64();
    let faces = detector.detect(&[&photo])?.remove(0);
    outcome.seconds[0] = lap();
    outcome.faces = faces.len();
    let Some(main) = settings.choice.pick(&faces, photo.width(), photo.height()) else { return Ok(outcome) };
    let landmarks: Landmarks = main
        .landmarks
        .context("needs a detector with landmarks")?
        .map(|p| Point { x: p.x + settings.shift, y: p.y + settings.shift });
    let face = align(&photo, &landmarks, &settings.align)?;
    outcome.seconds[1] = lap();
    outcome.embedding = Some(network(&face, model, pool)?);
    outcome.seconds[2] = lap();
    Ok(outcome)
}

/// The embedding of one aligned face, of unit length.
fn network(face: &RgbImage, model: &Model, pool: &Arc<ThreadPool>) -> Result<Vec<f32>> {
    let plane = |c: usize| face.pixels().map(move |p| f32::from(p.0[c]));
    let pixels: Vec<f32> = (0..3).flat_map(plane).collect();
    let tensor = NdTensorView::try_from_data([1, 3, 112, 112], pixels.as_slice())?;
    let options = RunOptions::default().with_thread_pool(Some(pool.clone()));
    let output = model.run_one(tensor.into(), Some(options))?;
    let mut embedding = Tensor::<f32>::try_from(output)?.to_vec();
    let norm = embedding.iter().map(|v| v * v).sum::<f32>().sqrt();
    embedding.iter_mut().for_each(|v| *v /= norm);
    Ok(embedding)
}

/// The rank of the nearest photo of the same person among all others, from 1.
fn rank(query: usize, members: &[(&Photo, &Outcome)]) -> Option<usize> {
    let (photo, outcome) = members[query];
    let embedding = outcome.embedding.as_ref()?;
    let mut best = f32::NEG_INFINITY;
    let mut strangers = Vec::new();
    for (i, (other, theirs)) in members.iter().enumerate().filter(|(i, _)| *i != query) {
        let Some(theirs) = &theirs.embedding else { continue };
        let similarity = embedding.iter().zip(theirs).map(|(a, b)| a * b).sum::<f32>();
        match other.identity == photo.identity {
            true => best = best.max(similarity),
            false => strangers.push((i, similarity)),
        }
    }
    best.is_finite().then(|| 1 + strangers.iter().filter(|(_, s)| *s > best).count())
}

#[allow(clippy::print_stdout)]
fn report(photos: &[Photo], outcomes: &[Outcome]) {
    let several = outcomes.iter().filter(|o| o.faces > 1).count();
    let without: Vec<_> = photos.iter().zip(outcomes).filter(|(_, o)| o.embedding.is_none()).collect();
    println!("{} photos, {} without a face, {several} with several faces", photos.len(), without.len());
    let mean = |k: usize| 1e3 * outcomes.iter().map(|o| o.seconds[k]).sum::<f64>() / outcomes.len() as f64;
    println!(
        "milliseconds a photo: detection {:.1}, alignment {:.2}, embedding {:.1}",
        mean(0),
        mean(1),
        mean(2)
    );
    let partitions: BTreeSet<&str> = photos.iter().map(|p| p.partition.as_str()).collect();
    for partition in std::iter::once("").chain(partitions.into_iter().filter(|p| !p.is_empty())) {
        let member = |(photo, _): &(&Photo, &Outcome)| partition.is_empty() || photo.partition == partition;
        let members: Vec<_> = photos.iter().zip(outcomes).filter(member).collect();
        let ranks: Vec<_> = (0..members.len()).filter_map(|i| rank(i, &members)).collect();
        let found = members.iter().filter(|(_, o)| o.embedding.is_some()).count();
        let share = |of: usize| {
            let top = |k: usize| 100.0 * ranks.iter().filter(|r| **r <= k).count() as f64 / of.max(1) as f64;
            format!("{:.2} {:.2} {:.2}", top(1), top(5), top(10))
        };
        let name = if partition.is_empty() { "all" } else { partition };
        println!("partition {name}: top-1/5/10 of {found} with a face {}", share(found));
        println!("partition {name}: top-1/5/10 of all {} {}", members.len(), share(members.len()));
    }
    let names: Vec<_> = without.iter().take(40).filter_map(|(p, _)| p.path.file_name()).collect();
    println!("without a face: {names:?}");
}
