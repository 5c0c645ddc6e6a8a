//! `likeness gallery migrate`: another model for a gallery.

use std::sync::atomic::AtomicBool;

use likeness::PhotoOptions;
use likeness::gallery::migrate::{Change, Changes, migrate, rollback};
use likeness::gallery::open;

use super::super::{print_json, print_text};
use crate::args::MigrateArgs;
use crate::print::{say, say_skipped};
use crate::progress::Terminal;

pub(super) fn run(args: &MigrateArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let mut gallery = open(&args.gallery, true)?;
    let context = Terminal::context(stop);
    let photos = PhotoOptions::default();
    // A configuration file may set a default model.
    let changes = match &args.model {
        Some(model) if !args.rollback => migrate(&mut gallery, model, args.dry_run, &photos, context)?,
        _ => rollback(&mut gallery, &photos, context)?,
    };
    if args.json {
        print_json(&changes.document())?
    } else {
        print_changes(&changes)?
    }
    say_skipped(&changes.without, None);
    let Changes { same, gained, lost, other, .. } = &changes;
    let (gained, lost, other) = (gained.len(), lost.len(), other.len());
    say(format!("{same} automatic names stay, {gained} are new, {lost} fall away, {other} change"));
    say(match changes.is_switched {
        true => format!("the gallery now uses the model {}", changes.model),
        false => "nothing was switched; run the command without --dry-run to switch".to_owned(),
    });
    Ok(())
}

fn print_changes(changes: &Changes) -> anyhow::Result<()> {
    let line = |change: &Change| {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".to_owned());
        format!("{} -> {}  {}\n", name(&change.before), name(&change.after), change.path)
    };
    let all = changes.other.iter().chain(&changes.lost).chain(&changes.gained);
    print_text(&all.map(line).collect::<String>())
}
