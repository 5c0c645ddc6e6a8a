//! `likeness detect`: photos enter, boxes and landmarks leave.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Context;
use likeness_data::decode::PhotoReader;
use likeness_data::detect::Detection;
use likeness_data::photos::{self, PhotoPath, Skipped};
use serde_json::json;

use super::print_json;
use crate::args::DetectArgs;
use crate::detector::{self, LoadedDetector};
use crate::failure::hinted;
use crate::input::check_exists;
use crate::output::{Content, Outputs};
use crate::print::{print_data, say, say_skipped};
use crate::progress::Progress;
use crate::{Outcome, preview};

/// The faces of a photo with its width and height, or why it was passed over.
type Found = Result<(u32, u32, Vec<Detection>), String>;

/// Runs the command.
pub(crate) fn run(mut args: DetectArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    if args.detection.detector == "none" {
        "auto".clone_into(&mut args.detection.detector);
    }
    args.photos.iter().try_for_each(|photo| check_exists(photo))?;
    check_outputs(&args)?;
    let Some(detector) = detector::load(&args.detection)? else {
        return Err(hinted(
            "there is no detector to detect with",
            "give one with --detector FILE, or pull one: `likeness models list`",
        ));
    };
    let (photos, mut skipped) = photos::find_some(&args.photos, None)?;
    let progress = Progress::begin("detect");
    let found = detect(&photos, &detector, &args, stop, &progress)?;
    progress.end(photos.len(), "photos");
    let mut seen = Vec::new();
    for (photo, found) in photos.iter().zip(&found) {
        match found {
            Ok((width, height, faces)) => seen.push((photo, *width, *height, faces.as_slice())),
            Err(reason) => skipped.push(Skipped::new(&photo.name, reason)),
        }
    }
    say_skipped(&skipped, None);
    let with_faces = seen.iter().filter(|s| !s.3.is_empty()).count();
    let faces: usize = seen.iter().map(|s| s.3.len()).sum();
    say(format!(
        "{faces} faces in {with_faces} of {} photos; {} photos without a face",
        seen.len(),
        seen.len() - with_faces
    ));
    if let Some(path) = &args.preview {
        let shown: Vec<_> =
            seen.iter().map(|(p, _, _, faces)| (p.path.as_path(), p.name.as_str(), *faces)).collect();
        preview::of_detections(&shown, path)?;
        say(format!("preview in {}", path.display()));
    }
    if args.json {
        let photos: Vec<_> = seen.iter().map(|(p, w, h, faces)| as_json(p, *w, *h, faces)).collect();
        print_json(&json!({
            "detector": detector.detector.name(),
            "photos": photos,
            "skipped": skipped.iter().map(|s| json!({ "name": s.name, "reason": s.reason })).collect::<Vec<_>>(),
        }))?;
    } else if args.csv || args.preview.is_none() {
        print_csv(&seen)?;
    }
    if seen.is_empty() {
        return Err(hinted(
            format!("none of the {} photos could be read", photos.len()),
            "the reasons are listed above",
        ));
    }
    Ok(Outcome::Done)
}

/// Checks every file that the command will write.
fn check_outputs(args: &DetectArgs) -> anyhow::Result<()> {
    let mut outputs = Outputs::new(args.photos.iter().map(PathBuf::as_path), args.force);
    let Some(path) = &args.preview else { return Ok(()) };
    if args.json || args.csv {
        outputs.stdout("the table on stdout");
    }
    outputs.add("--preview", path, Content::Sheet)
}

/// Each photo's faces in order, on as many threads as asked for.
fn detect(
    photos: &[PhotoPath],
    detector: &LoadedDetector,
    args: &DetectArgs,
    stop: &AtomicBool,
    progress: &Progress,
) -> anyhow::Result<Vec<Found>> {
    let reader = PhotoReader::new(args.reading.limits());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if args.reading.threads == 0 { cores } else { args.reading.threads }.min(photos.len());
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<Option<Found>>> = Mutex::new(vec![None; photos.len()]);
    let lock = || found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let one = |photo: &PhotoPath| -> likeness_data::Result<(u32, u32, Vec<Detection>)> {
        let read = reader.read(&photo.path)?;
        let mut faces = detector.detector.detect(&[&read.image])?.pop().unwrap_or_default();
        let large =
            |d: &Detection| d.face_box.width.max(d.face_box.height) >= args.detection.min_face_px as f32;
        faces.retain(|d| large(d) && args.detection.min_score.is_none_or(|least| d.score >= least));
        Ok((read.image.width(), read.image.height(), faces))
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(photo) = photos.get(at) else { break };
                    let outcome = one(photo).map_err(|e| e.reason());
                    lock()[at] = Some(outcome);
                    progress.show(at + 1, photos.len());
                }
            });
        }
    });
    let found: Option<Vec<Found>> = std::mem::take(&mut *lock()).into_iter().collect();
    found.ok_or_else(|| hinted("interrupted; nothing was written", "run the same command again"))
}

fn as_json(photo: &PhotoPath, width: u32, height: u32, faces: &[Detection]) -> serde_json::Value {
    let face = |d: &Detection| {
        let b = d.face_box;
        let points = d.landmarks.map(|points| points.map(|p| [p.x, p.y]));
        json!({ "box": [b.left, b.top, b.width, b.height], "score": d.score, "landmarks": points })
    };
    json!({
        "name": photo.name,
        "path": photos::display_name(&photo.path),
        "width": width,
        "height": height,
        "faces": faces.iter().map(face).collect::<Vec<_>>(),
    })
}

fn print_csv(seen: &[(&PhotoPath, u32, u32, &[Detection])]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["path", "box_left", "box_top", "box_width", "box_height", "score", "landmarks"])?;
    for (photo, _, _, faces) in seen {
        for face in *faces {
            let b = face.face_box;
            let points = face.landmarks.map(|points| points.map(|p| format!("{} {}", p.x, p.y)).join(" "));
            let values = [b.left, b.top, b.width, b.height, face.score].map(|value| value.to_string());
            let path = photos::display_name(&photo.path);
            let record = [path].into_iter().chain(values).chain([points.unwrap_or_default()]);
            writer.write_record(record)?;
        }
    }
    let table = writer.into_inner().context("cannot write the table")?;
    print_data(&String::from_utf8_lossy(&table))
}
