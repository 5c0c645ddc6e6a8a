//! `likeness models`: lists, shows, downloads, imports and converts models.

mod builtin;
mod folder;
#[cfg(feature = "train")]
mod prune;
mod quantize;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use likeness::import::{ImportOptions, import_network};
use likeness_model::Alignment;
use likeness_model::builtin::embedder;
use likeness_model::registry::entry::{identify, known_names};
use likeness_model::registry::{
    Entry, Import, Imported, Places, Pull, Pulled, Verification, by_name, entries, import, pull, sha256_of,
};
use serde::Serialize;
use serde_json::json;

use super::{print_json, print_text};
use crate::Outcome;
use crate::args::{ImportModelArgs, ListModelsArgs, ModelsAction, ModelsArgs, PullModelArgs, ShowModelArgs};
use crate::failure::hinted;
use crate::print::say;
use crate::progress::{Progress, Terminal};

/// Timeout for a connection, an answer, or the next bytes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the command.
pub(crate) fn run(args: ModelsArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    match args.action {
        ModelsAction::List(args) => list(&args),
        ModelsAction::Show(args) => show(&args),
        ModelsAction::Pull(args) => fetch(&args, stop),
        ModelsAction::Import(args) => match &args.output {
            Some(folder) => make_folder(&args, folder, stop),
            None => bring(&args),
        },
        ModelsAction::Export(args) => folder::take_out(&args),
        #[cfg(feature = "train")]
        ModelsAction::Prune(args) => prune::run(&args),
        ModelsAction::Quantize(args) => return quantize::run(&args, stop),
    }?;
    Ok(Outcome::Done)
}

/// One model as `--json` prints it.
#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    kind: &'static str,
    family: Option<likeness_model::registry::DetectorFamily>,
    about: &'a str,
    source: &'a str,
    licence: &'a str,
    terms: likeness_model::Terms,
    warning: Option<&'a str>,
    bytes: Option<u64>,
    /// The registry's checksum; shorter than 64 digits where only its beginning is published.
    sha256: Option<&'a str>,
    url: Option<&'a str>,
    /// How the address was confirmed to serve this file.
    confirmed: Option<likeness_model::registry::Confirmed>,
    file: &'a str,
    path: Option<&'a Path>,
    present: bool,
    /// Checksum of the file that is present.
    present_sha256: Option<&'a str>,
    /// Null without a file or without a published checksum.
    verified: Option<bool>,
}

/// A file on disk, with its checksum.
struct Found {
    path: PathBuf,
    sha256: String,
    bytes: u64,
}

impl Found {
    fn read(path: PathBuf) -> anyhow::Result<Self> {
        let (sha256, bytes) = sha256_of(&path)?;
        Ok(Self { path, sha256, bytes })
    }
}

fn document<'a>(entry: &'a Entry, found: Option<&'a Found>) -> Document<'a> {
    Document {
        name: &entry.name,
        kind: entry.kind.name(),
        family: entry.family,
        about: &entry.about,
        source: &entry.source,
        licence: &entry.licence,
        terms: entry.terms,
        warning: entry.warning.as_deref(),
        bytes: entry.bytes,
        sha256: entry.sha256.as_deref(),
        url: entry.url.as_deref(),
        confirmed: entry.confirmed,
        file: &entry.file,
        path: found.map(|found| found.path.as_path()),
        present: found.is_some(),
        present_sha256: found.map(|found| found.sha256.as_str()),
        verified: found.and_then(|found| entry.verify(&found.sha256).as_bool()),
    }
}

fn list(args: &ListModelsArgs) -> anyhow::Result<()> {
    let places = Places::of_user(args.models.as_deref());
    let mut found = Vec::new();
    for entry in entries() {
        found.push(places.find(entry).map(Found::read).transpose()?);
    }
    if args.json {
        let models: Vec<_> = entries().iter().zip(&found).map(|(e, f)| document(e, f.as_ref())).collect();
        let built_in = builtin::documents()?;
        return print_json(&json!({ "folders": places.folders(), "built_in": built_in, "models": models }));
    }
    let header = ["NAME", "KIND", "SIZE", "LICENCE", "STATE"].map(str::to_owned);
    let rows = entries().iter().zip(&found).map(|(entry, found)| cells(entry, found.as_ref()));
    print_lines(&table(std::iter::once(header).chain(builtin::cells()?).chain(rows).collect()))?;
    say("! the licence has conditions: `likeness models show NAME` prints them");
    let folders: Vec<_> = places.folders().iter().map(|folder| folder.display().to_string()).collect();
    say(format!("searched {}, and the folders of OpenCV for cascades", folders.join(", ")));
    Ok(())
}

/// The cells of an entry in the list: name, kind, size, licence, state.
fn cells(entry: &Entry, found: Option<&Found>) -> [String; 5] {
    let flag = if entry.warning.is_some() { '!' } else { ' ' };
    let state = match found {
        None if entry.url.is_none() => "absent (import)".to_owned(),
        None => "absent".to_owned(),
        Some(found) => {
            format!("{} {}", checksum_state(entry.verify(&found.sha256)), found.path.display())
        }
    };
    [
        entry.name.clone(),
        entry.kind.name().to_owned(),
        entry.bytes.map_or_else(|| "?".to_owned(), size),
        format!("{flag} {}", shortened(short(&entry.licence))),
        state,
    ]
}

/// Formats rows with columns as wide as their widest cell. Sizes are right-aligned.
fn table(rows: Vec<[String; 5]>) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    let line = |[name, kind, size, licence, state]: &[String; 5]| {
        let [a, b, c, d] = widths;
        format!("{name:a$}  {kind:b$}  {size:>c$}  {licence:d$}  {state}")
    };
    rows.iter().map(line).collect()
}

/// Width of the licence column in characters, so that a row fits into 80 columns.
const LICENCE_WIDTH: usize = 12;

/// The name of a licence without its explanation.
fn short(licence: &str) -> &str {
    licence.split([':', '(', ';', ',']).next().unwrap_or(licence).trim()
}

/// `text`, cut to the width of the licence column.
fn shortened(text: &str) -> String {
    match text.chars().count() <= LICENCE_WIDTH {
        true => text.to_owned(),
        false => {
            let start: String = text.chars().take(LICENCE_WIDTH - 1).collect();
            format!("{}…", start.trim_end())
        }
    }
}

/// A size in bytes with a suitable unit.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

fn checksum_state(verification: Verification) -> &'static str {
    match verification {
        Verification::Verified => "present",
        Verification::Prefix => "present (start of checksum agrees)",
        Verification::Unknown => "present (not compared)",
        Verification::Wrong => "WRONG CHECKSUM",
    }
}

/// Prints lines to stdout.
fn print_lines(lines: &[String]) -> anyhow::Result<()> {
    print_text(&lines.iter().map(|line| format!("{line}\n")).collect::<String>())
}

fn show(args: &ShowModelArgs) -> anyhow::Result<()> {
    let file = Path::new(&args.model);
    if file.is_dir() {
        return folder::show(file, args.json);
    }
    if let Some(model) = embedder(&args.model).filter(|_| !file.is_file()) {
        return match args.json {
            true => print_json(&builtin::document(model)?),
            false => print_lines(&builtin::lines(model)?),
        };
    }
    let places = Places::of_user(args.models.as_deref());
    // A file in the working folder comes before an entry's file of the same name.
    let named = by_name(&args.model).filter(|entry| entry.name == args.model || !file.is_file());
    let path = match named {
        Some(entry) => places.find(entry),
        None if file.is_file() => Some(file.to_owned()),
        None => places.find_by_name(&args.model),
    };
    let found = path.map(Found::read).transpose()?;
    let entry = named.or_else(|| {
        let found = found.as_ref()?;
        let name = found.path.file_name()?.to_string_lossy();
        identify(&found.sha256, &name).map(|(entry, _)| entry)
    });
    match (entry, &found) {
        (Some(entry), _) if args.json => print_json(&document(entry, found.as_ref())),
        (Some(entry), _) => print_lines(&details(entry, found.as_ref())),
        (None, Some(found)) if args.json => print_json(&json!({
            "name": null, "path": found.path, "present": true, "bytes": found.bytes,
            "present_sha256": found.sha256, "verified": null,
        })),
        (None, Some(found)) => {
            let mut lines = vec![
                line("file", found.path.display()),
                line("size", format!("{} bytes", found.bytes)),
                line("sha256", &found.sha256),
                line("registry", "no entry has this checksum or name"),
            ];
            if found.path.extension().is_some_and(|ending| ending == "onnx") {
                lines.extend(folder::of_file(&found.path));
            }
            print_lines(&lines)
        }
        (None, None) => Err(unknown(&args.model)),
    }
}

fn line(key: &str, value: impl std::fmt::Display) -> String {
    format!("{key:12} {value}")
}

fn details(entry: &Entry, found: Option<&Found>) -> Vec<String> {
    let none = || "-".to_owned();
    let sum = match (&entry.sha256, entry.has_whole_checksum()) {
        (None, _) => "none published".to_owned(),
        (Some(sum), true) => sum.clone(),
        (Some(sum), false) => format!("{sum}… (only its beginning is published)"),
    };
    let mut lines = vec![
        line("name", &entry.name),
        line("kind", entry.kind.name()),
        line("about", &entry.about),
        line("source", &entry.source),
        line("licence", &entry.licence),
    ];
    lines.extend(entry.warning.as_ref().map(|warning| line("warning", warning)));
    lines.extend([
        line("address", entry.url.clone().unwrap_or_else(none)),
        line("file", &entry.file),
        line("size", entry.bytes.map_or_else(none, |bytes| format!("{bytes} bytes"))),
        line("sha256", sum),
    ]);
    lines.extend(entry.confirmed.map(|confirmed| line("confirmed", confirmed.about())));
    if let Some(p) = &entry.preprocess {
        let size = p.input_size.map_or_else(none, |[w, h]| format!("{w}×{h}"));
        lines.push(line("input", format!("{size} {:?}, mean {:?}, std {:?}", p.channels, p.mean, p.std)));
    }
    lines.extend(presence(entry, found));
    lines
}

fn presence(entry: &Entry, found: Option<&Found>) -> Vec<String> {
    let Some(found) = found else { return vec![line("present", "no")] };
    let compared = match entry.verify(&found.sha256) {
        Verification::Verified => "the checksum agrees",
        Verification::Prefix => "the published beginning of the checksum agrees",
        Verification::Unknown => "there is no published checksum to compare",
        Verification::Wrong => "the checksum differs from that of the published file",
    };
    vec![
        line("present", found.path.display()),
        line("", format!("{} bytes, SHA-256 {}", found.bytes, found.sha256)),
        line("", compared),
    ]
}

fn unknown(name: &str) -> anyhow::Error {
    hinted(
        format!("{name}: neither a model's name nor a file"),
        format!("known models are {}", known_names()),
    )
}

/// The folder that models are written to.
fn target(models: Option<&Path>) -> anyhow::Result<PathBuf> {
    Places::of_user(models).target().map(Path::to_owned).ok_or_else(|| {
        hinted("there is no folder for models", "name one with --models or the variable LIKENESS_MODELS")
    })
}

fn fetch(args: &PullModelArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let entry = by_name(&args.name).ok_or_else(|| unknown(&args.name))?;
    let folder = target(args.models.as_deref())?;
    if let Some(warning) = &entry.warning {
        say(format!("licence of {}: {}", entry.name, entry.licence));
        say(format!("warning: {warning}"));
    }
    let progress = Progress::bytes("pull");
    let show = |bytes: u64, total: Option<u64>| {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        progress.show(size(bytes), size(total.unwrap_or(bytes)));
    };
    let how = Pull { folder: &folder, url: args.url.as_deref(), stop, progress: &show, patience: PATIENCE };
    let pulled = pull(entry, &how)?;
    if pulled.fetched {
        let bytes = usize::try_from(pulled.bytes - pulled.resumed_from).unwrap_or(usize::MAX);
        progress.end(bytes, "bytes");
    }
    say_pulled(&pulled);
    print_lines(&[pulled.path.display().to_string()])
}

fn say_pulled(pulled: &Pulled) {
    if !pulled.fetched {
        say("nothing to do: the file is already present");
    }
    if pulled.resumed_from > 0 {
        say(format!("continued an earlier download after {} bytes", pulled.resumed_from));
    }
    say(format!("{} bytes, SHA-256 {}", pulled.bytes, pulled.sha256));
    match pulled.verification {
        Verification::Prefix => say("only the beginning of the checksum is published; it agrees"),
        Verification::Unknown => say("no checksum is published, so it could not be compared"),
        Verification::Verified | Verification::Wrong => {}
    }
}

/// `models import FILE -o FOLDER`.
fn make_folder(args: &ImportModelArgs, folder: &Path, stop: &AtomicBool) -> anyhow::Result<()> {
    let options = ImportOptions {
        file: args.file.clone(),
        output: folder.to_owned(),
        name: args.name.clone(),
        #[cfg(feature = "train")]
        backbone: args.backbone,
        #[cfg(feature = "train")]
        backbone_only: args.backbone_only,
        alignment: args.alignment.map(Alignment::from),
        licence: args.licence.clone(),
        source: args.source.clone(),
        preprocess: args.input.overrides(),
    };
    import_network(&options, Terminal::context(stop))?;
    print_lines(&[folder.display().to_string()])
}

fn bring(args: &ImportModelArgs) -> anyhow::Result<()> {
    let folder = target(args.models.as_deref())?;
    let how = Import { file: &args.file, folder: &folder, name: args.name.as_deref(), replace: args.replace };
    let imported = import(&how)?;
    likeness::trained::copy_list_of_file(&args.file, &imported.path)?;
    say_imported(&imported);
    print_lines(&[imported.path.display().to_string()])
}

fn say_imported(imported: &Imported) {
    if !imported.copied {
        say("nothing to do: the same file is already present");
    }
    say(format!("{} bytes, SHA-256 {}", imported.bytes, imported.sha256));
    let Some((entry, verification)) = imported.entry else {
        say("the registry does not know this file");
        return;
    };
    match verification {
        Verification::Verified => say(format!("identified as {}", entry.name)),
        Verification::Prefix => say(format!("identified as {} by the beginning of its checksum", entry.name)),
        Verification::Unknown => {
            say(format!("identified as {} by its name; no checksum is published", entry.name))
        }
        Verification::Wrong => say(format!("warning: named {}, but its checksum differs", entry.name)),
    }
    if let Some(warning) = &entry.warning {
        say(format!("warning: {warning}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_every_stable_key() {
        let value = serde_json::to_value(document(&entries()[0], None)).unwrap();
        for key in
            ["name", "kind", "licence", "warning", "bytes", "sha256", "url", "path", "present", "verified"]
        {
            assert!(value.get(key).is_some(), "{key}");
        }
        assert_eq!(value["present"], false);
        assert!(value["verified"].is_null());
    }

    #[test]
    fn a_licence_that_asks_something_is_flagged_in_the_list() {
        for entry in entries() {
            let [_, _, _, licence, state] = cells(entry, None);
            assert_eq!(licence.starts_with("! "), entry.warning.is_some(), "{licence}");
            assert!(state.starts_with("absent"), "{state}");
        }
    }

    #[test]
    fn the_list_has_straight_columns_and_fits_80() {
        let lines = table(entries().iter().map(|entry| cells(entry, None)).collect());
        let column = |line: &str, cell: &str| line.find(cell).map(|at| line[..at].chars().count());
        let state = column(&lines[0], "absent");
        for line in &lines {
            assert_eq!(column(line, "absent"), state, "{line}");
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(state.is_some());
    }

    #[test]
    fn long_texts_are_cut_and_sizes_have_units() {
        assert_eq!(shortened("Apache-2.0"), "Apache-2.0");
        assert_eq!(shortened("not stated by anybody"), "not stated…");
        let sizes = [999, 1_000, 229_738, 2_524_095, 1_250_000_000].map(size);
        assert_eq!(sizes, ["999 B", "1.0 kB", "229.7 kB", "2.5 MB", "1.2 GB"]);
    }

    #[test]
    fn a_published_beginning_of_a_checksum_is_said_to_be_one() {
        let entry = by_name("resnet50-timm").unwrap();
        assert!(details(entry, None).iter().any(|line| line.contains("14fe96d1…")));
    }
}
