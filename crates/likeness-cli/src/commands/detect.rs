//! `likeness detect`: prints the boxes and landmarks of faces.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use likeness::check_exists;
use likeness::detect::{DetectOptions, Detected, PhotoFaces, detect};
use likeness_data::detect::Detection;
use likeness_data::photos;
use likeness_report::preview;
use serde_json::json;

use super::print_json;
use crate::Outcome;
use crate::args::DetectArgs;
use crate::failure::hinted;
use crate::output::{Content, Outputs};
use crate::print::{print_data, say, say_skipped};
use crate::progress::Terminal;

/// Runs the command.
pub(crate) fn run(args: DetectArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    args.photos.iter().try_for_each(|photo| check_exists(photo))?;
    check_outputs(&args)?;
    let options = DetectOptions {
        detection: args.detection.options(),
        limits: args.reading.limits(),
        threads: args.reading.threads,
    };
    let found = detect(&args.photos, &options, Terminal::context(stop))?;
    say_skipped(&found.skipped, None);
    let with_faces = found.photos.iter().filter(|photo| !photo.faces.is_empty()).count();
    let faces: usize = found.photos.iter().map(|photo| photo.faces.len()).sum();
    say(format!(
        "{faces} faces in {with_faces} of {} photos; {} photos without a face",
        found.photos.len(),
        found.photos.len() - with_faces
    ));
    if let Some(path) = &args.preview {
        let shown: Vec<(&Path, &str, &[Detection])> = found
            .photos
            .iter()
            .map(|p| (p.photo.path.as_path(), p.photo.name.as_str(), p.faces.as_slice()))
            .collect();
        preview::of_detections(&shown, path)?;
        say(format!("preview in {}", path.display()));
    }
    if args.json {
        print_json(&document(&found))?;
    } else if args.csv || args.preview.is_none() {
        print_csv(&found.photos)?;
    }
    if found.photos.is_empty() {
        return Err(hinted(
            format!("none of the {} photos could be read", found.skipped.len()),
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

/// The document of `--json`.
fn document(found: &Detected) -> serde_json::Value {
    json!({
        "detector": found.detector,
        "photos": found.photos.iter().map(as_json).collect::<Vec<_>>(),
        "skipped": found.skipped.iter().map(|s| json!({ "name": s.name, "reason": s.reason })).collect::<Vec<_>>(),
    })
}

fn as_json(PhotoFaces { photo, width, height, faces }: &PhotoFaces) -> serde_json::Value {
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

fn print_csv(seen: &[PhotoFaces]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["path", "box_left", "box_top", "box_width", "box_height", "score", "landmarks"])?;
    for PhotoFaces { photo, faces, .. } in seen {
        for face in faces {
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
