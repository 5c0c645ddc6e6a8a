//! `likeness find`: where else does the person in a photo appear?

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use likeness::explain::{Pictured, explain};
use likeness::find::{FindOptions, Findings, Sighting, Sought, find};
use likeness::{Loader, check_exists};
use likeness_data::cut::KeepFaces;
use likeness_report::overlay::pairs::{self, Shown};
use likeness_report::sightings;
use likeness_search::{Distance, Row, Verdict};

use super::explained::{EXPLAINED, pair_of};
use super::print_json;
use crate::Outcome;
use crate::args::FindArgs;
use crate::failure::hinted;
use crate::output::{Content, Outputs};
use crate::print::{print_data, print_text, say};
use crate::progress::Terminal;

/// Runs the command.
pub(crate) fn run(args: FindArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    std::iter::once(&args.photo).chain(&args.folder).try_for_each(|input| check_exists(input))?;
    check_outputs(&args)?;
    let (model, mut photos, context) =
        (args.model.choice(args.photos.detection.commercial), args.photos.options(), Terminal::context(stop));
    photos.detection.cut.faces = KeepFaces::All;
    let loader = Loader::new(&model, &photos, context);
    let options =
        FindOptions { k: args.k, tolerance: args.tolerance, distance: args.distance.map(Distance::from) };
    let found = find(&loader, std::slice::from_ref(&args.photo), &args.folder, &options, context)?;
    found.check()?;
    if let Some(path) = &args.grid {
        draw(&found, path)?;
        say(format!("contact sheet in {}", path.display()));
    }
    if let Some(path) = &args.explain {
        explain_found(&loader, &found, path)?;
    }
    if let Some(folder) = &args.copy_to {
        let copied = copy(&found, folder)?;
        say(format!("{copied} photos copied to {}", folder.display()));
    }
    match (args.json, args.csv) {
        (true, _) => print_json(&found.document())?,
        (_, true) => print_csv(&found)?,
        _ => found.sought.iter().try_for_each(|sought| print_found(&found, sought))?,
    }
    report(&found);
    Ok(Outcome::Done)
}

/// Checks every file that the command will write.
fn check_outputs(args: &FindArgs) -> anyhow::Result<()> {
    let inputs = std::iter::once(&args.photo).chain(&args.folder).map(PathBuf::as_path);
    let mut outputs = Outputs::new(inputs, args.force);
    outputs.stdout("the list on stdout");
    if let Some(path) = &args.grid {
        outputs.add("--grid", path, Content::Sheet)?;
    }
    if let Some(path) = &args.explain {
        outputs.add("--explain", path, Content::Sheet)?;
    }
    match &args.copy_to {
        Some(folder) if fs_err::symlink_metadata(folder).is_ok() && !folder.is_dir() => Err(hinted(
            format!("--copy-to {}: this is not a folder", folder.display()),
            "name a folder; it is created if it does not exist",
        )),
        _ => Ok(()),
    }
}

/// The verdict in words.
fn words(verdict: Option<Verdict>, is_of_faces: bool) -> &'static str {
    match (verdict, is_of_faces) {
        (Some(Verdict::Same), true) => "same person",
        (Some(Verdict::Same), false) => "same kind",
        (Some(Verdict::Possible), _) => "possible",
        (Some(Verdict::Different), _) => "different",
        (None, _) => "nearest",
    }
}

/// Prints the photos in which one face appears, one line for each.
fn print_found(found: &Findings, sought: &Sought) -> anyhow::Result<()> {
    let mut text = String::new();
    if found.sought.len() > 1 {
        text += &format!("{}, face {}:\n", sought.row.name, sought.row.face + 1);
    }
    for Sighting { row, distance, verdict } in &sought.sightings {
        let path = if row.path.is_empty() { &row.name } else { &row.path };
        text += &format!("{:11}  {distance:.3}  {path}\n", words(*verdict, found.is_of_faces));
    }
    if sought.sightings.is_empty() {
        text += "no match";
        if let Some(nearest) = &sought.nearest {
            text += &format!("; the nearest photo is {}, at {:.3}", nearest.row.name, nearest.distance);
        }
        text += "\n";
    }
    print_text(&text)
}

fn print_csv(found: &Findings) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "photo",
        "face",
        "verdict",
        "distance",
        "path",
        "box_left",
        "box_top",
        "box_width",
        "box_height",
    ])?;
    for sought in &found.sought {
        for Sighting { row, distance, verdict } in &sought.sightings {
            let path = if row.path.is_empty() { &row.name } else { &row.path };
            let verdict = verdict.map_or("", Verdict::name);
            let values = row.face_box.map(|b| b.map(|v| v.to_string())).unwrap_or_default();
            let start = [sought.row.name.clone(), (sought.row.face + 1).to_string(), verdict.to_owned()];
            writer
                .write_record(start.into_iter().chain([distance.to_string(), path.clone()]).chain(values))?;
        }
    }
    let table = writer.into_inner().context("cannot write the table")?;
    print_data(&String::from_utf8_lossy(&table))
}

/// Draws each face of the query with the photos in which it appears.
fn draw(found: &Findings, path: &Path) -> anyhow::Result<()> {
    let rows = found.sought.iter().map(|sought| {
        let seen = sought.sightings.iter().map(|s| sightings::Sighting {
            row: &s.row,
            distance: Some(s.distance),
            verdict: words(s.verdict, found.is_of_faces),
            is_sure: s.verdict == Some(Verdict::Same),
        });
        (&sought.row, seen.collect::<Vec<_>>())
    });
    Ok(sightings::draw(rows, path)?)
}

/// The last folder and the file of a photo.
fn short(row: &Row) -> String {
    let parts: Vec<&str> = row.name.rsplitn(3, '/').take(2).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

/// Explains the nearest photo of the first faces in a contact sheet.
fn explain_found(loader: &Loader<'_>, found: &Findings, path: &Path) -> anyhow::Result<()> {
    let mut explained = Vec::new();
    for (sought, nearest) in
        found.sought.iter().filter_map(|sought| Some((sought, sought.nearest.as_ref()?))).take(EXPLAINED)
    {
        let pair = Pictured::of_row(&sought.row)
            .and_then(|query| explain(loader, &query, &Pictured::of_row(&nearest.row)?));
        if let Err(error) = &pair {
            say(format!("{} is not explained: {error}", sought.row.name));
        }
        let other = sought.other.as_ref().map(|other| {
            let picture = Pictured::of_row(&other.row).and_then(|other| other.shown(loader));
            (Shown { name: short(&other.row), picture: picture.map_err(|e| e.to_string()) }, other.distance)
        });
        let names = [short(&sought.row), short(&nearest.row)];
        let verdict = nearest.verdict.map(|verdict| words(Some(verdict), found.is_of_faces));
        explained.push(pair_of(names, &pair, (nearest.distance, verdict), other));
    }
    let count = explained.len();
    pairs::draw(explained, path)?;
    say(format!("{count} matches explained in {}", path.display()));
    Ok(())
}

/// Copies the photos with the verdict same to `folder`; returns their number. Existing files are kept.
fn copy(found: &Findings, folder: &Path) -> anyhow::Result<usize> {
    fs_err::create_dir_all(folder)?;
    let mut copied = 0;
    for sighting in found.photos() {
        let Some(from) = sighting.row.photo_path().filter(|_| sighting.verdict == Some(Verdict::Same)) else {
            continue;
        };
        let bytes = fs_err::read(&from)?;
        let Some(to) = free_name(folder, &from, &bytes)? else { continue };
        likeness_artifact::write(&to, |file| file.write_all(&bytes))?;
        copied += 1;
    }
    Ok(copied)
}

/// A file name in `folder` that no file has; `None` if a file with these bytes is there already.
fn free_name(folder: &Path, from: &Path, bytes: &[u8]) -> anyhow::Result<Option<PathBuf>> {
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_os_string();
    let (stem, extension) = (part(from.file_stem()), part(from.extension()));
    for number in 1.. {
        let mut name = stem.clone();
        if number > 1 {
            name.push(format!(" ({number})"));
        }
        if !extension.is_empty() {
            name.push(".");
            name.push(&extension);
        }
        let to = folder.join(name);
        match fs_err::metadata(&to) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Some(to)),
            Err(error) => return Err(error.into()),
            Ok(there) if there.len() == bytes.len() as u64 && fs_err::read(&to)? == bytes => return Ok(None),
            Ok(_) => {}
        }
    }
    unreachable!("there are infinitely many numbers")
}

/// Prints a summary to stderr.
fn report(found: &Findings) {
    let photos = found.photos();
    let count = |verdict| photos.iter().filter(|sighting| sighting.verdict == Some(verdict)).count();
    let searched = match found.is_of_faces {
        true => format!("{} photos with {} faces searched", found.photos, found.faces),
        false => format!("{} photos searched", found.photos),
    };
    let same = words(Some(Verdict::Same), found.is_of_faces);
    say(format!("{}: {same}, {} possible; {searched}", count(Verdict::Same), count(Verdict::Possible)));
}
