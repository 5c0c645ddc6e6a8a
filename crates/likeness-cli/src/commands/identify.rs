//! `likeness identify`: names the people in photos by known faces.

use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use likeness::identify::{Identification, Identified, IdentifyOptions, identify};
use likeness::{Loader, check_exists};
use likeness_data::cut::KeepFaces;
use likeness_search::Distance;
use serde_json::json;

use super::print_json;
use crate::Outcome;
use crate::args::IdentifyArgs;
use crate::print::{print_data, say, say_skipped};
use crate::progress::Terminal;

/// The name of a face that is near no known face, as `face_recognition` prints it.
const UNKNOWN: &str = "unknown_person";
/// The name of a photo without a face, as `face_recognition` prints it.
const NOBODY: &str = "no_persons_found";

/// Runs the command.
pub(crate) fn run(args: IdentifyArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    std::iter::once(&args.known).chain(&args.unknown).try_for_each(|input| check_exists(input))?;
    let (mut model, mut photos, context) =
        (args.model.choice(args.photos.detection.commercial), args.photos.options(), Terminal::context(stop));
    if model.name().is_none() {
        // People are named by their faces, whatever else a folder contains.
        model.model = Some("face".to_owned());
    }
    photos.detection.cut.faces = KeepFaces::All;
    let loader = Loader::new(&model, &photos, context);
    let options = IdentifyOptions { tolerance: args.tolerance, distance: args.distance.map(Distance::from) };
    let found = identify(&loader, &args.known, &args.unknown, &options, context)?;
    match args.json {
        true => print_json(&document(&found))?,
        false => print_lines(&found, args.show_distance)?,
    }
    say_skipped(&found.skipped, None);
    say(format!(
        "{} known people with {} faces; a face gets a name up to a distance of {:.3}",
        found.people, found.known, found.tolerance
    ));
    Ok(Outcome::Done)
}

fn print_lines(found: &Identification, show_distance: bool) -> anyhow::Result<()> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    for (photo, faces) in &found.photos {
        let nobody = Identified { row: Default::default(), name: Some(NOBODY.to_owned()), distance: None };
        let faces = if faces.is_empty() { std::slice::from_ref(&nobody) } else { faces };
        for face in faces {
            let mut record = vec![photo.clone(), face.name.clone().unwrap_or_else(|| UNKNOWN.to_owned())];
            if show_distance {
                record.push(face.distance.map(|distance| format!("{distance:.3}")).unwrap_or_default());
            }
            writer.write_record(&record)?;
        }
    }
    let table = writer.into_inner().context("cannot write the table")?;
    print_data(&String::from_utf8_lossy(&table))
}

fn document(found: &Identification) -> serde_json::Value {
    let face =
        |face: &Identified| json!({ "name": face.name, "distance": face.distance, "box": face.row.face_box });
    let photo = |(path, faces): &(String, Vec<Identified>)| json!({ "path": path, "faces": faces.iter().map(face).collect::<Vec<_>>() });
    json!({
        "tolerance": found.tolerance,
        "people": found.people,
        "photos": found.photos.iter().map(photo).collect::<Vec<_>>(),
        "skipped": found.skipped.iter().map(|s| json!({ "name": s.name, "reason": s.reason })).collect::<Vec<_>>(),
    })
}
