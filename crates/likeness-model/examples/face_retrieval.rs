//! Detection, alignment and an embedding network end to end: leave-one-out retrieval over labelled photos.
//!
//! `cargo run --release -p likeness-model --example face_retrieval -- photos=DIR detector=FILE.onnx embedder=FILE.onnx`
//!
//! `photos` is laid out as CelebA: `images/`, `identity_CelebA.txt` and `list_eval_partition.txt`. The embedder takes
//! aligned 112×112 faces, RGB 0..255. Every photo is a query against all others, by cosine similarity; the accuracies
//! are given over the photos with a face, and over all of them with a missing face counted as a miss.
//! Further `key=value` settings: see [`Settings`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use image::RgbImage;
use likeness_data::align::{AlignConfig, Sampling, align};
use likeness_data::detect::{FaceChoice, FaceDetector};
use likeness_data::geometry::Landmarks;
use likeness_model::detect::{DetectorConfig, load_detector};
use rten::{Model, RunOptions, ThreadPool};
use rten_tensor::NdTensorView;
use rten_tensor::prelude::*;

struct Settings {
    photos: PathBuf,
    detector: PathBuf,
    embedder: PathBuf,
    sampling: Sampling,
    choice: FaceChoice,
    config: DetectorConfig,
    /// A second look at photos without a face: `retry=SCORE:MIN_SIDE`.
    retry: Option<DetectorConfig>,
    /// Pixels added to every landmark, to try conventions of pixel centres.
    shift: f32,
    threads: usize,
    /// Only so many photos.
    limit: usize,
}

struct Photo {
    file: String,
    identity: String,
    partition: String,
}

/// What became of one photo.
#[derive(Default, Clone)]
struct Outcome {
    embedding: Option<Vec<f32>>,
    retried: bool,
    faces: usize,
    seconds: [f64; 3],
}

fn main() -> Result<()> {
    let settings = settings()?;
    let photos = photos(&settings)?;
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
    let mut take = |key: &str| given.remove(key);
    let file =
        |value: Option<String>, key: &str| value.map(PathBuf::from).with_context(|| format!("needs {key}=…"));
    let number = |value: Option<String>, default: f32| value.map_or(Ok(default), |v| v.parse());
    let config = DetectorConfig {
        score_threshold: take("threshold").map(|v| v.parse()).transpose()?,
        max_side: number(take("max-side"), 640.0)? as u32,
        min_side: number(take("min-side"), 0.0)? as u32,
        ..DetectorConfig::default()
    };
    let retry = match take("retry") {
        None => None,
        Some(value) => {
            let (score, side) = value.split_once(':').context("retry=SCORE:MIN_SIDE")?;
            Some(DetectorConfig {
                score_threshold: Some(score.parse()?),
                min_side: side.parse()?,
                max_side: config.max_side.max(side.parse()?),
                ..config.clone()
            })
        }
    };
    let named =
        |value: Option<String>, default: &str| serde_json::Value::from(value.unwrap_or(default.into()));
    let settings = Settings {
        photos: file(take("photos"), "photos")?,
        detector: file(take("detector"), "detector")?,
        embedder: file(take("embedder"), "embedder")?,
        sampling: serde_json::from_value(named(take("sampling"), "area"))?,
        choice: serde_json::from_value(named(take("choice"), "large-and-central"))?,
        config,
        retry,
        shift: number(take("shift"), 0.0)?,
        threads: number(take("threads"), 2.0)? as usize,
        limit: take("limit").map_or(Ok(usize::MAX), |v| v.parse())?,
    };
    match given.into_keys().next() {
        Some(unknown) => bail!("{unknown}: no such setting"),
        None => Ok(settings),
    }
}

fn photos(settings: &Settings) -> Result<Vec<Photo>> {
    let table = |name: &str| -> Result<BTreeMap<String, String>> {
        let text = fs_err::read_to_string(settings.photos.join(name))?;
        let pair = |line: &str| {
            line.split_once(' ').map(|(file, value)| (file.to_string(), value.trim().to_string()))
        };
        Ok(text.lines().filter_map(pair).collect())
    };
    let partitions = table("list_eval_partition.txt")?;
    let photo = |(file, identity): (String, String)| Photo {
        partition: partitions.get(&file).cloned().unwrap_or_default(),
        file,
        identity,
    };
    Ok(table("identity_CelebA.txt")?.into_iter().take(settings.limit).map(photo).collect())
}

fn embed_all(settings: &Settings, photos: &[Photo]) -> Result<Vec<Outcome>> {
    let detector = load_detector(&settings.detector, &settings.config)?;
    let retry = settings.retry.as_ref().map(|c| load_detector(&settings.detector, c)).transpose()?;
    let model = Model::load_file(&settings.embedder)?;
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Outcome)>> {
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(photo) = photos.get(i) else { return Ok(done) };
            let path = settings.photos.join("images").join(&photo.file);
            done.push((i, embed(settings, &path, &*detector, retry.as_deref(), &model, &pool)?));
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
    retry: Option<&dyn FaceDetector>,
    model: &Model,
    pool: &Arc<ThreadPool>,
) -> Result<Outcome> {
    let photo = image::load_from_memory(&fs_err::read(path)?)?.into_rgb8();
    let mut outcome = Outcome::default();
    let start = Instant::now();
    let mut faces = detector.detect(&[&photo])?.remove(0);
    if let (true, Some(retry)) = (faces.is_empty(), retry) {
        faces = retry.detect(&[&photo])?.remove(0);
        outcome.retried = !faces.is_empty();
    }
    outcome.seconds[0] = start.elapsed().as_secs_f64();
    outcome.faces = faces.len();
    let Some(main) = settings.choice.pick(&faces, photo.width(), photo.height()) else { return Ok(outcome) };
    let landmarks: Landmarks = main.landmarks.context("needs a detector with landmarks")?.map(|mut p| {
        (p.x, p.y) = (p.x + settings.shift, p.y + settings.shift);
        p
    });
    let start = Instant::now();
    let face = align(&photo, &landmarks, &AlignConfig { sampling: settings.sampling, ..Default::default() })?;
    outcome.seconds[1] = start.elapsed().as_secs_f64();
    let start = Instant::now();
    outcome.embedding = Some(network(&face, model, pool)?);
    outcome.seconds[2] = start.elapsed().as_secs_f64();
    Ok(outcome)
}

/// The embedding of one aligned face, of unit length.
fn network(face: &RgbImage, model: &Model, pool: &Arc<ThreadPool>) -> Result<Vec<f32>> {
    let plane = |c: usize| face.pixels().map(move |p| f32::from(p.0[c]));
    let pixels: Vec<f32> = (0..3).flat_map(plane).collect();
    let tensor = NdTensorView::try_from_data([1, 3, 112, 112], pixels.as_slice())?;
    let options = RunOptions::default().with_thread_pool(Some(pool.clone()));
    let output = model.run_one(tensor.into(), Some(options))?;
    let mut embedding = rten_tensor::Tensor::<f32>::try_from(output)?.to_vec();
    let norm = embedding.iter().map(|v| v * v).sum::<f32>().sqrt();
    embedding.iter_mut().for_each(|v| *v /= norm);
    Ok(embedding)
}

/// The rank of the nearest photo of the same person among all others, from 1.
fn rank(query: usize, photos: &[Photo], outcomes: &[Outcome]) -> Option<usize> {
    let embedding = outcomes[query].embedding.as_ref()?;
    let mut best = f32::NEG_INFINITY;
    let mut strangers = Vec::new();
    for (i, (photo, outcome)) in photos.iter().zip(outcomes).enumerate().filter(|(i, _)| *i != query) {
        let Some(other) = &outcome.embedding else { continue };
        let similarity = embedding.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
        match photo.identity == photos[query].identity {
            true => best = best.max(similarity),
            false => strangers.push((i, similarity)),
        }
    }
    best.is_finite().then(|| 1 + strangers.iter().filter(|(_, s)| *s > best).count())
}

#[allow(clippy::print_stdout)]
fn report(photos: &[Photo], outcomes: &[Outcome]) {
    let count = |test: fn(&&Outcome) -> bool| outcomes.iter().filter(test).count();
    let without = count(|o| o.embedding.is_none());
    println!(
        "{} photos, {} without a face, {} found at the second look, {} with several faces",
        photos.len(),
        without,
        count(|o| o.retried),
        count(|o| o.faces > 1)
    );
    let mean = |k: usize| 1e3 * outcomes.iter().map(|o| o.seconds[k]).sum::<f64>() / outcomes.len() as f64;
    println!(
        "milliseconds a photo: detection {:.1}, alignment {:.2}, embedding {:.1}",
        mean(0),
        mean(1),
        mean(2)
    );
    for partition in ["", "0", "1", "2"] {
        let keep: Vec<usize> =
            (0..photos.len()).filter(|i| partition.is_empty() || photos[*i].partition == partition).collect();
        let part: Vec<Photo> = keep
            .iter()
            .map(|i| Photo {
                file: photos[*i].file.clone(),
                identity: photos[*i].identity.clone(),
                partition: String::new(),
            })
            .collect();
        let found: Vec<Outcome> = keep.iter().map(|i| outcomes[*i].clone()).collect();
        let ranks: Vec<_> = (0..part.len()).map(|i| rank(i, &part, &found)).collect();
        let embedded = found.iter().filter(|o| o.embedding.is_some()).count();
        let share = |k: usize, of: usize| {
            100.0 * ranks.iter().flatten().filter(|r| **r <= k).count() as f64 / of.max(1) as f64
        };
        println!(
            "partition {:>3}: {embedded}/{} with a face: top-1/5/10 {:.2} {:.2} {:.2}; of all photos {:.2} {:.2} {:.2}",
            if partition.is_empty() { "all" } else { partition },
            part.len(),
            share(1, embedded),
            share(5, embedded),
            share(10, embedded),
            share(1, part.len()),
            share(5, part.len()),
            share(10, part.len()),
        );
    }
    let lost =
        photos.iter().zip(outcomes).filter(|(_, o)| o.embedding.is_none()).map(|(p, _)| p.file.as_str());
    println!("without a face: {}", lost.take(40).collect::<Vec<_>>().join(" "));
}
