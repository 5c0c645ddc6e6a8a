//! `likeness gallery`: photos, faces and people in one file.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use likeness::gallery::columns::store_columns;
use likeness::gallery::index::{CostRow, explain_cost};
use likeness::gallery::sync::{SyncOptions, Synced, add, sync};
use likeness::gallery::{maintain, open};
use likeness::{ModelChoice, check_exists};
use likeness_gallery::Gallery;
use likeness_gallery::catalogue::{Counts, ItemRow, Photo, ReadCatalogue};
use serde_json::json;

use super::{print_json, print_text};
use crate::Outcome;
use crate::args::{
    AddArgs, BackupArgs, ColumnsArgs, CreateArgs, GalleryAction, GalleryFileArgs, GalleryReadingArgs,
    IndexArgs, ListArgs, RemoveArgs, SyncArgs, VerifyArgs,
};
use crate::failure::hinted;
use crate::print::{print_data, say, say_skipped};
use crate::progress::Terminal;

pub(super) mod export;
mod migrate;

/// Runs the command.
pub(crate) fn run(action: GalleryAction, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    match action {
        GalleryAction::Create(args) => run_create(&args, stop)?,
        GalleryAction::Add(args) => run_add(&args, stop)?,
        GalleryAction::Sync(args) => run_sync(&args, stop)?,
        GalleryAction::Remove(args) => run_remove(&args)?,
        GalleryAction::List(args) => run_list(&args)?,
        GalleryAction::Columns(args) => run_columns(&args)?,
        GalleryAction::Stats(args) => run_stats(&args)?,
        GalleryAction::Verify(args) => return run_verify(&args, stop),
        GalleryAction::Backup(args) => run_backup(&args)?,
        GalleryAction::Index(args) => run_index(&args)?,
        GalleryAction::Migrate(args) => migrate::run(&args, stop)?,
        GalleryAction::Export(args) => export::run(&args)?,
    }
    Ok(Outcome::Done)
}

fn sync_options(reading: &GalleryReadingArgs, allow_empty: bool) -> SyncOptions {
    let model = ModelChoice {
        model: reading.model.clone(),
        is_default: reading.model_is_default,
        commercial: reading.commercial,
        ..ModelChoice::default()
    };
    SyncOptions { model, photos: reading.options(), allow_empty }
}

fn run_create(args: &CreateArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    args.photos.iter().try_for_each(|photo| check_exists(photo))?;
    let mut gallery = Gallery::create(&args.gallery, args.kind.into())?;
    if args.photos.is_empty() {
        say(format!("empty gallery in {}", args.gallery.display()));
        return Ok(());
    }
    let context = Terminal::context(stop);
    match add(&mut gallery, &args.photos, &sync_options(&args.reading, false), context) {
        Ok(done) => report(&gallery, &done),
        Err(error) => {
            // A gallery without a model has nothing in it yet. Left behind, it would only be in the way of the next try.
            if gallery.model()?.is_none() {
                drop(gallery);
                fs_err::remove_file(&args.gallery)?;
            }
            Err(error.into())
        }
    }
}

fn run_add(args: &AddArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let mut gallery = open(&args.gallery, true)?;
    let context = Terminal::context(stop);
    let done = add(&mut gallery, &args.photos, &sync_options(&args.reading, false), context)?;
    report(&gallery, &done)
}

fn run_sync(args: &SyncArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let mut gallery = open(&args.gallery, true)?;
    let options = sync_options(&args.reading, args.allow_empty);
    let context = Terminal::context(stop);
    let done = sync(&mut gallery, &options, context)?;
    report(&gallery, &done)?;
    let Some(seconds) = args.watch else { return Ok(()) };
    say(format!("watching: syncing every {seconds} s; stop with Ctrl-C"));
    while wait(Duration::from_secs(seconds), stop) {
        let done = sync(&mut gallery, &options, context)?;
        if done.is_change() {
            report(&gallery, &done)?;
        }
    }
    Ok(())
}

/// Waits. Returns false if the program is to stop.
fn wait(time: Duration, stop: &AtomicBool) -> bool {
    let start = Instant::now();
    while start.elapsed() < time {
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    !stop.load(Ordering::Relaxed)
}

/// Says what a sync did.
fn report(gallery: &Gallery, done: &Synced) -> anyhow::Result<()> {
    let noun = likeness::gallery::noun(gallery)?;
    let ingested = &done.ingested;
    say_skipped(&ingested.unreadable, Some("likeness gallery list --where \"state = unreadable\""));
    say_skipped(&done.skipped, None);
    for folder in &done.absent {
        say(format!("warning: {folder}: not there, or empty: nothing of it was marked missing"));
        say("hint: mount the disk, or tell that the folder is empty with --allow-empty");
    }
    let mut parts = vec![format!("{} photos with {} {noun} added", ingested.added, ingested.items)];
    let mut part = |count: usize, what: &str| {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    };
    part(ingested.without_face, "of them without a face");
    part(ingested.known, "known photos found in new places");
    part(done.gone, "files gone");
    part(done.unchanged, "files unchanged");
    part(done.assigned, "faces named, suggested or changed");
    say(parts.join(", "));
    say(summary(&gallery.catalogue().counts()?, noun));
    Ok(())
}

fn summary(counts: &Counts, noun: &str) -> String {
    let mut text = format!("gallery: {} photos with {} {noun}", counts.present, counts.items);
    if counts.missing > 0 {
        text += &format!(", {} photos missing", counts.missing);
    }
    text
}

fn run_remove(args: &RemoveArgs) -> anyhow::Result<()> {
    let mut gallery = open(&args.gallery, true)?;
    let removed = maintain::remove(&mut gallery, &args.photos, args.condition.as_ref())?;
    say(format!("{removed} photos removed from the gallery; the files are where they were"));
    Ok(())
}

fn run_list(args: &ListArgs) -> anyhow::Result<()> {
    let gallery = open(&args.gallery, false)?;
    if args.faces { list_faces(&gallery, args) } else { list_photos(&gallery, args) }
}

fn list_photos(gallery: &Gallery, args: &ListArgs) -> anyhow::Result<()> {
    let photos = gallery.catalogue().photos(args.condition.as_ref())?;
    let ids: Vec<_> = photos.iter().map(|photo| photo.id).collect();
    let files = gallery.catalogue().files_of(&ids)?;
    let roots = gallery.catalogue().roots()?;
    let paths = |photo: &Photo| -> Vec<String> {
        let files = files.get(&photo.id).map(Vec::as_slice).unwrap_or_default();
        let path = |file: &likeness_gallery::catalogue::PhotoFile| {
            let root = roots.iter().find(|root| root.id == file.file.root);
            root.map_or_else(|| file.file.path.clone(), |root| format!("{}/{}", root.path, file.file.path))
        };
        files.iter().map(path).collect()
    };
    if args.json {
        let photo = |photo: &Photo| {
            json!({ "photo": photo.id, "paths": paths(photo), "sha256": photo.sha256, "state": photo.state.name(),
                "reason": photo.reason, "width": photo.width, "height": photo.height, "taken": photo.taken })
        };
        return print_json(&json!({ "photos": photos.iter().map(photo).collect::<Vec<_>>() }));
    }
    if args.csv {
        let header = ["photo", "path", "state", "taken", "width", "height", "sha256"].map(str::to_owned);
        let row = |photo: &Photo| {
            [
                photo.id.to_string(),
                paths(photo).first().cloned().unwrap_or_default(),
                photo.state.name().to_owned(),
                photo.taken.clone().unwrap_or_default(),
                photo.width.to_string(),
                photo.height.to_string(),
                photo.sha256.clone(),
            ]
        };
        return print_table(header, photos.iter().map(row));
    }
    let mut text = String::new();
    for photo in &photos {
        let state = photo.state.name();
        let reason = if photo.reason.is_empty() { String::new() } else { format!(": {}", photo.reason) };
        match paths(photo).as_slice() {
            [] => text += &format!("{state:10}  photo {}{reason}\n", photo.id),
            paths => paths.iter().for_each(|path| text += &format!("{state:10}  {path}{reason}\n")),
        }
    }
    print_text(&text)
}

fn list_faces(gallery: &Gallery, args: &ListArgs) -> anyhow::Result<()> {
    let rows = gallery.catalogue().items(args.condition.as_ref())?;
    let people = gallery.people()?;
    let name = |row: &ItemRow| {
        let person = row.person.and_then(|person| people.person(person));
        person.and_then(|person| person.name.clone()).unwrap_or_default()
    };
    if args.json {
        let face = |row: &ItemRow| {
            json!({ "face": row.item.id, "photo": row.item.photo, "path": row.path, "box": row.item.face_box,
                "quality": row.item.quality, "score": row.item.score, "taken": row.taken, "person": name(row),
                "person_id": row.person, "origin": row.origin, "distance": row.distance })
        };
        return print_json(&json!({ "faces": rows.iter().map(face).collect::<Vec<_>>() }));
    }
    if args.csv {
        let header =
            ["face", "path", "person", "origin", "quality", "box_left", "box_top", "box_width", "box_height"]
                .map(str::to_owned);
        let row = |row: &ItemRow| {
            let [left, top, width, height] =
                row.item.face_box.map(|b| b.map(|v| v.to_string())).unwrap_or_default();
            let origin = row.origin.map_or("", |origin| origin.name()).to_owned();
            let (id, quality) = (row.item.id.to_string(), format!("{:.3}", row.item.quality));
            [id, row.path.clone(), name(row), origin, quality, left, top, width, height]
        };
        return print_table(header, rows.iter().map(row));
    }
    let line = |row: &ItemRow| {
        let who = match name(row) {
            name if name.is_empty() => "-".to_owned(),
            name => name,
        };
        format!("{:>8}  {:.2}  {who:20}  {}\n", row.item.id, row.item.quality, row.path)
    };
    print_text(&rows.iter().map(line).collect::<String>())
}

/// Prints a table as CSV.
pub(super) fn print_table<const N: usize>(
    header: [String; N],
    rows: impl Iterator<Item = [String; N]>,
) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row)?;
    }
    let table = writer.into_inner().context("cannot write the table")?;
    print_data(&String::from_utf8_lossy(&table))
}

fn run_columns(args: &ColumnsArgs) -> anyhow::Result<()> {
    let mut gallery = open(&args.gallery, true)?;
    let (stored, skipped) = store_columns(&mut gallery, &args.table)?;
    say_skipped(&skipped, None);
    say(format!("columns of {stored} photos stored"));
    Ok(())
}

fn run_stats(args: &GalleryFileArgs) -> anyhow::Result<()> {
    let gallery = open(&args.gallery, false)?;
    let (info, counts) = (gallery.catalogue().info()?, gallery.catalogue().counts()?);
    let (models, roots) = (gallery.catalogue().models()?, gallery.catalogue().roots()?);
    let people = gallery.people()?.persons().count();
    let bytes = fs_err::metadata(&args.gallery)?.len();
    let codes = fs_err::metadata(gallery.codes_path()).map_or(0, |metadata| metadata.len());
    if args.json {
        let model = |model: &likeness_gallery::catalogue::StoredModel| {
            json!({ "name": model.tag.name, "fingerprint": model.tag.fingerprint, "state": model.state,
                "dimension": model.tag.dimension, "distance": model.tag.distance.name() })
        };
        return print_json(&json!({
            "kind": info.kind.name(), "created": info.created, "version": info.version, "bytes": bytes,
            "codes_bytes": codes, "photos": counts.present, "missing": counts.missing, "unreadable": counts.unreadable,
            "removed": counts.removed, "files": counts.files, "faces": counts.items, "without_face": counts.without_face,
            "named": counts.assigned, "people": people, "decisions": counts.decisions,
            "models": models.iter().map(model).collect::<Vec<_>>(),
            "folders": roots.iter().filter(|root| root.is_whole).map(|root| &root.path).collect::<Vec<_>>(),
        }));
    }
    let noun = info.kind.name();
    let mut text = format!("created     {}\n", info.created);
    text += &format!(
        "photos      {} in {} files, {} missing, {} unreadable, {} removed\n",
        counts.present, counts.files, counts.missing, counts.unreadable, counts.removed
    );
    text += &format!("{noun:10}  {}, {} photos without\n", counts.items, counts.without_face);
    text += &format!("people      {people}, with {} {noun}\n", counts.assigned);
    text += &format!("decisions   {}\n", counts.decisions);
    for model in &models {
        let state = serde_json::to_value(model.state)?;
        text += &format!("model       {} ({})\n", model.tag.name, state.as_str().unwrap_or_default());
    }
    for root in roots.iter().filter(|root| root.is_whole) {
        text += &format!("folder      {}\n", root.path);
    }
    text += &format!("size        {:.1} MB, and {:.1} MB of codes\n", bytes as f64 / 1e6, codes as f64 / 1e6);
    print_text(&text)
}

fn run_index(args: &IndexArgs) -> anyhow::Result<()> {
    let mut gallery = open(&args.gallery, true)?;
    if args.hnsw {
        let nodes = gallery.make_graph()?;
        say(format!(
            "graph of {nodes} {} in {}",
            likeness::gallery::noun(&gallery)?,
            gallery.graph_path().display()
        ));
    }
    if !args.explain_cost {
        let model = gallery.active_model()?;
        let codes = gallery.ready_codes(&model)?.len();
        say(format!("codes of {codes} embeddings are up to date"));
        return Ok(());
    }
    let rows = explain_cost(&mut gallery)?;
    if args.json {
        let row = |row: &CostRow| {
            json!({ "mode": row.mode, "queries": row.queries, "recall": row.recall, "p50_ms": row.p50_ms,
                "p99_ms": row.p99_ms })
        };
        return print_json(&json!({ "costs": rows.iter().map(row).collect::<Vec<_>>() }));
    }
    let line = |row: &CostRow| {
        format!(
            "{:6} {:9} recall {:.4}  p50 {:.2} ms  p99 {:.2} ms\n",
            row.mode, row.queries, row.recall, row.p50_ms, row.p99_ms
        )
    };
    print_text(&rows.iter().map(line).collect::<String>())
}

fn run_verify(args: &VerifyArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    // Missing codes are made again, if the disk can be written to.
    let mut gallery = open(&args.gallery, true).or_else(|_| open(&args.gallery, false))?;
    let faults = maintain::verify(&mut gallery, args.photos, Terminal::context(stop))?;
    if args.json {
        print_json(&json!({ "faults": faults }))?;
    } else {
        print_text(&faults.iter().map(|fault| format!("{fault}\n")).collect::<String>())?;
    }
    if faults.is_empty() {
        say("no faults found");
        return Ok(Outcome::Done);
    }
    say(format!("{} faults found; restore the copy that `likeness gallery backup` made", faults.len()));
    Ok(Outcome::Missed)
}

fn run_backup(args: &BackupArgs) -> anyhow::Result<()> {
    let gallery = open(&args.gallery, false)?;
    if args.copy.exists() && !args.force {
        return Err(hinted(
            format!("{}: exists already", args.copy.display()),
            "name another file, or overwrite it with --force",
        ));
    }
    if likeness_artifact::same_file(&args.gallery, &args.copy) {
        return Err(hinted(format!("{}: is the gallery itself", args.copy.display()), "name another file"));
    }
    maintain::backup(&gallery, &args.copy)?;
    say(format!("copy in {}", args.copy.display()));
    Ok(())
}
