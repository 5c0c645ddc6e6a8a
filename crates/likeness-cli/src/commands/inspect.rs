//! `likeness inspect`: what is wrong with photos and labels?

use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use likeness::check_exists;
use likeness::inspect::{InspectOptions, Inspection, State, inspect};

use super::{print_json, print_text};
use crate::Outcome;
use crate::args::InspectArgs;
use crate::failure::hinted;
use crate::output::{Content, Outputs};
use crate::print::say;
use crate::progress::Terminal;

/// Runs the command.
pub(crate) fn run(args: InspectArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    check_exists(&args.input)?;
    if let Some(folder) = &args.output {
        check_outputs(folder, &args)?;
    }
    let (model, photos, context) =
        (args.model.choice(args.photos.detection.commercial), args.photos.options(), Terminal::context(stop));
    let options = InspectOptions { skip_labels: args.skip_labels, only: None };
    let found = inspect(&args.input, &model, &photos, &options, context)?;
    let table = match &args.output {
        Some(folder) => {
            let written = found.write(folder)?;
            let (table, sheets) = (written.table.display(), written.sheets.len());
            say(format!("issues in {table}, with {sheets} contact sheets beside it"));
            Some(written.table)
        }
        None => None,
    };
    if args.json {
        print_json(&found.document()?)?;
    } else {
        print_text(&text(&found))?;
    }
    next_step(&found, &args, table.as_deref());
    Ok(Outcome::Done)
}

/// Checks every file that the command will write.
fn check_outputs(folder: &Path, args: &InspectArgs) -> anyhow::Result<()> {
    if fs_err::symlink_metadata(folder).is_ok() && !folder.is_dir() {
        return Err(hinted(
            format!("--output {}: this is not a folder", folder.display()),
            "name a folder; it is created if it does not exist",
        ));
    }
    if !folder.is_dir() {
        return Ok(());
    }
    let mut outputs = Outputs::new([args.input.as_path()], args.force);
    for path in Inspection::files(folder) {
        let content = match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Content::Issues,
            Some("json") => Content::IssuesDocument,
            _ => Content::Sheet,
        };
        outputs.add("--output", &path, content)?;
    }
    Ok(())
}

/// The table of issues.
fn text(found: &Inspection) -> String {
    let Inspection { photos, identities, .. } = found;
    let mut text = format!("{}: {photos} photos, {identities} identities", found.input);
    if let Some(model) = &found.model {
        let _ = write!(text, "; labels checked with the model {model}");
    }
    let _ = writeln!(text, "\n{:18}  {:>7}  {:>7}  state", "issue", "photos", "share");
    for report in &found.issues {
        let share = format!("{:.1} %", 100.0 * report.share);
        let (name, state) = (report.issue.name(), report.state.name());
        let _ = writeln!(text, "{name:18}  {:>7}  {share:>7}  {state}", report.photos);
    }
    for (issue, reason) in &found.not_checked {
        let _ = writeln!(text, "{issue:18}  not checked: {reason}");
    }
    text
}

/// Prints what to do next to stderr.
fn next_step(found: &Inspection, args: &InspectArgs, table: Option<&Path>) {
    let with = |state: State| found.issues.iter().filter(move |report| report.state == state);
    let first = with(State::Excluded).chain(with(State::Review)).next();
    match (first, table) {
        (None, _) => say("nothing to review"),
        (Some(_), None) => say(format!(
            "next: likeness inspect {} -o issues writes the photos of each issue, with contact sheets",
            args.input.display()
        )),
        (Some(report), Some(table)) => {
            let sheet = table.with_file_name(format!("{}.png", report.issue.name()));
            say(format!("next: look at {}", sheet.display()));
            if with(State::Excluded).next().is_some() {
                say(format!(
                    "then: likeness prepare PHOTOS -o DATASET --exclude {} leaves the photos of excluded issues out",
                    table.display()
                ));
            }
        }
    }
}
