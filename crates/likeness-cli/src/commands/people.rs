//! `likeness people`: who is in a gallery.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use likeness::gallery::exchange::{export_people, export_regions, import_people, import_regions};
use likeness::gallery::people::{
    Decided, Group, Overview, PersonSummary, decide, faces_of, move_faces, overview, undo_last,
};
use likeness::gallery::{open, selector};
use likeness_gallery::catalogue::{ItemRow, Label, Origin, ReadCatalogue};
use likeness_gallery::decision::Change;
use likeness_gallery::exchange::ExportFormat;
use likeness_gallery::people::{People, clean_name};
use likeness_gallery::{DecisionId, Gallery, ItemId, PersonId};
use likeness_report::sightings;
use likeness_search::Row;
use serde_json::json;

use super::gallery::export::check_output;
use super::search::row_of;
use super::{print_json, print_text};
use crate::Outcome;
use crate::args::{AssignArgs, FacesArgs, PeopleAction, PeopleArgs};
use crate::failure::hinted;
use crate::output::{Content, Outputs};
use crate::print::{say, say_list, say_skipped};

mod review;

/// Groups that `people list` shows.
const SHOWN_GROUPS: usize = 10;

/// Runs the command.
pub(crate) fn run(args: PeopleArgs, _stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let actor = args.actor.unwrap_or_else(user);
    let actor = actor.as_str();
    match args.action {
        PeopleAction::List { gallery, all, json } => list(&gallery, all, json)?,
        PeopleAction::Show { gallery, person, grid, force, json } => {
            show(&gallery, &person, grid.as_deref(), force, json)?;
        }
        PeopleAction::Name(args) => name(&args, actor)?,
        PeopleAction::Confirm(args) => {
            assign(&args, actor, |person, items| Change::Confirm { person, items })?;
        }
        PeopleAction::Reject(args) => assign(&args, actor, |person, items| Change::Reject { person, items })?,
        PeopleAction::Move(args) => move_to(&args, actor)?,
        PeopleAction::Merge { gallery, into, from } => merge(&gallery, &into, &from, actor)?,
        PeopleAction::Split { gallery, person, name, faces } => {
            split(&gallery, &person, &name, &faces, actor)?
        }
        PeopleAction::Rename { gallery, person, name } => {
            let name = clean_name(&name)?;
            about(&gallery, &person, actor, |person| Change::Rename { person, name })?;
        }
        PeopleAction::Hide { gallery, person, show } => {
            about(&gallery, &person, actor, |person| Change::Hide { person, hidden: !show })?;
        }
        PeopleAction::Born { gallery, person, date } => {
            about(&gallery, &person, actor, |person| Change::Born { person, date })?;
        }
        PeopleAction::NotAFace(args) => of_faces(&args, actor, |items| Change::NotAFace { items })?,
        PeopleAction::Ignore(args) => of_faces(&args, actor, |items| Change::Ignore { items })?,
        PeopleAction::Review { gallery } => review::run(&mut open(&gallery, true)?, actor)?,
        PeopleAction::Undo { gallery, n, decision } => undo(&gallery, n as usize, decision, actor)?,
        PeopleAction::History { gallery, json } => history(&gallery, json)?,
        PeopleAction::Import { gallery, table } => import(&gallery, table.as_deref(), actor)?,
        PeopleAction::Export { gallery, table, xmp: _, force } => export(&gallery, table.as_deref(), force)?,
    }
    Ok(Outcome::Done)
}

/// The user's name, as the system states it.
fn user() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// How a person is called in messages.
fn called(people: &People, person: PersonId) -> String {
    let name = people.person(person).and_then(|person| person.name.clone());
    name.unwrap_or_else(|| format!("person:{person}"))
}

fn list(path: &Path, all: bool, as_json: bool) -> anyhow::Result<()> {
    let mut gallery = to_group(path)?;
    let found = overview(&mut gallery)?;
    let names = gallery.people()?;
    if as_json {
        return print_json(&found.document());
    }
    let Overview { people, groups, alone } = &found;
    let mut text = String::new();
    for person in people.iter().filter(|person| all || !person.hidden) {
        text += &person_line(person);
    }
    let shown = if all { groups.len() } else { SHOWN_GROUPS.min(groups.len()) };
    for group in &groups[..shown] {
        let likely = group.likely.map(|person| format!(", perhaps {}", called(&names, person)));
        let (count, first) = (group.items.len(), group.items[0]);
        text += &format!("{count:>6} faces  unnamed{}, group:{first}\n", likely.unwrap_or_default());
    }
    print_text(&text)?;
    if groups.len() > shown {
        say(format!("and {} more groups, shown with --all", groups.len() - shown));
    }
    say(format!("{} people, {} unnamed groups, {alone} unnamed faces alone", people.len(), groups.len()));
    Ok(())
}

fn person_line(person: &PersonSummary) -> String {
    let name = person.name.clone().unwrap_or_else(|| format!("person:{}", person.id));
    let mut notes = vec![format!("{} by hand", person.manual + person.confirmed)];
    if person.suggested > 0 {
        notes.push(format!("{} more are possible", person.suggested));
    }
    if person.hidden {
        notes.push("hidden".to_owned());
    }
    format!("{:>6} faces  {name}  ({})\n", person.faces(), notes.join(", "))
}

/// The words for a face's label.
fn words(label: &Label) -> &'static str {
    match label {
        Label::Person { origin, .. } => origin.name(),
        Label::Suggested { .. } => "possible",
        Label::NotAFace => "not a face",
        Label::Ignored => "ignored",
    }
}

fn distance_of(label: &Label) -> Option<f32> {
    match label {
        Label::Person { distance, .. } => *distance,
        Label::Suggested { distance, .. } => Some(*distance),
        Label::NotAFace | Label::Ignored => None,
    }
}

fn show(path: &Path, who: &str, grid: Option<&Path>, force: bool, as_json: bool) -> anyhow::Result<()> {
    let mut outputs = Outputs::new([path], force);
    outputs.stdout("the list on stdout");
    if let Some(grid) = grid {
        outputs.add("--grid", grid, Content::Sheet)?;
    }
    let mut gallery = to_group(path)?;
    let faces: Vec<(ItemRow, Option<Label>)> = if who.starts_with("group:") {
        let items = {
            let groups = groups(&mut gallery)?;
            selector::faces(&gallery, &[who.to_owned()], &groups)?
        };
        gallery.catalogue().items_by_id(&items)?.into_iter().map(|row| (row, None)).collect()
    } else {
        let person = selector::person(&gallery.people()?, who)?;
        faces_of(&gallery, person)?.into_iter().map(|(row, label)| (row, Some(label))).collect()
    };
    if let Some(grid) = grid {
        draw(&faces, grid)?;
        say(format!("contact sheet in {}", grid.display()));
    }
    if as_json {
        let face = |(row, label): &(ItemRow, Option<Label>)| {
            json!({ "face": row.item.id, "path": row.path, "box": row.item.face_box, "quality": row.item.quality,
                "standing": label.as_ref().map(words), "distance": label.as_ref().and_then(distance_of) })
        };
        return print_json(&json!({ "faces": faces.iter().map(face).collect::<Vec<_>>() }));
    }
    let line = |(row, label): &(ItemRow, Option<Label>)| {
        let distance = label.as_ref().and_then(distance_of).map(|d| format!("{d:.3}")).unwrap_or_default();
        let standing = label.as_ref().map_or("unnamed", words);
        format!("{standing:10} {distance:>6} {:>8}  {}\n", row.item.id, row.path)
    };
    print_text(&faces.iter().map(line).collect::<String>())
}

/// Draws a face that somebody named, or the first, with all others.
fn draw(faces: &[(ItemRow, Option<Label>)], path: &Path) -> anyhow::Result<()> {
    let rows: Vec<Row> = faces.iter().map(|(row, _)| row_of(row, Some(&row.item.id.to_string()))).collect();
    let by_hand = |(_, label): &(ItemRow, Option<Label>)| {
        matches!(label, Some(Label::Person { origin: Origin::Manual | Origin::Confirmed, .. }))
    };
    let first = faces.iter().position(by_hand).unwrap_or(0);
    let Some(asked) = rows.get(first) else { return Ok(()) };
    let others = faces.iter().zip(&rows).enumerate().filter(|(at, _)| *at != first);
    let seen = others.map(|(_, ((_, label), row))| sightings::Sighting {
        row,
        distance: label.as_ref().and_then(distance_of),
        verdict: label.as_ref().map_or("unnamed", words),
        is_sure: matches!(label, Some(Label::Person { .. })),
    });
    Ok(sightings::draw(std::iter::once((asked, seen.collect())), path)?)
}

/// Opens a gallery for the groups of its faces, which are stored if it can be written to.
fn to_group(path: &Path) -> anyhow::Result<Gallery> {
    Ok(open(path, true).or_else(|_| open(path, false))?)
}

fn groups(gallery: &mut Gallery) -> anyhow::Result<Vec<Group>> {
    Ok(overview(gallery)?.groups)
}

/// The faces that a user means; groups are computed only where one is named.
fn chosen(gallery: &mut Gallery, faces: &[String]) -> anyhow::Result<Vec<ItemId>> {
    let has_group = faces.iter().any(|face| face.starts_with("group:"));
    let groups = if has_group { groups(gallery)? } else { Vec::new() };
    Ok(selector::faces(gallery, faces, &groups)?)
}

/// Says what a decision changed.
fn report(gallery: &Gallery, decided: &Decided) -> anyhow::Result<()> {
    let people = gallery.people()?;
    let line = people.history().into_iter().find(|line| line.decision == decided.decision.id);
    say(format!(
        "{}; {} faces changed (decision {}; likeness people undo takes it back)",
        line.map_or_else(|| decided.decision.change.verb().to_owned(), |line| line.text),
        decided.changed,
        decided.decision.id
    ));
    Ok(())
}

fn carry_out(gallery: &mut Gallery, actor: &str, change: &Change) -> anyhow::Result<()> {
    let decided = decide(gallery, actor, change)?;
    report(gallery, &decided)
}

fn name(args: &AssignArgs, actor: &str) -> anyhow::Result<()> {
    let mut gallery = open(&args.gallery, true)?;
    let people = gallery.people()?;
    let items = chosen(&mut gallery, &args.faces)?;
    let (person, name) = match selector::person_or_none(&people, &args.person)? {
        Some(person) => (person, None),
        None => (people.next_person(), Some(clean_name(&args.person)?)),
    };
    carry_out(&mut gallery, actor, &Change::Name { person, name, items })
}

fn assign(
    args: &AssignArgs,
    actor: &str,
    change: impl FnOnce(PersonId, Vec<ItemId>) -> Change,
) -> anyhow::Result<()> {
    let mut gallery = open(&args.gallery, true)?;
    let person = selector::person(&gallery.people()?, &args.person)?;
    let items = chosen(&mut gallery, &args.faces)?;
    carry_out(&mut gallery, actor, &change(person, items))
}

fn move_to(args: &AssignArgs, actor: &str) -> anyhow::Result<()> {
    let mut gallery = open(&args.gallery, true)?;
    let person = selector::person(&gallery.people()?, &args.person)?;
    let items = chosen(&mut gallery, &args.faces)?;
    let decided = move_faces(&mut gallery, actor, person, items)?;
    report(&gallery, &decided)
}

fn of_faces(args: &FacesArgs, actor: &str, change: impl FnOnce(Vec<ItemId>) -> Change) -> anyhow::Result<()> {
    let mut gallery = open(&args.gallery, true)?;
    let items = chosen(&mut gallery, &args.faces)?;
    carry_out(&mut gallery, actor, &change(items))
}

fn about(
    path: &Path,
    person: &str,
    actor: &str,
    change: impl FnOnce(PersonId) -> Change,
) -> anyhow::Result<()> {
    let mut gallery = open(path, true)?;
    let person = selector::person(&gallery.people()?, person)?;
    carry_out(&mut gallery, actor, &change(person))
}

fn merge(path: &Path, into: &str, from: &[String], actor: &str) -> anyhow::Result<()> {
    let mut gallery = open(path, true)?;
    let people = gallery.people()?;
    let into = selector::person(&people, into)?;
    let from = from.iter().map(|name| selector::person(&people, name)).collect::<likeness::Result<_>>()?;
    carry_out(&mut gallery, actor, &Change::Merge { from, into })
}

fn split(path: &Path, person: &str, name: &str, faces: &[String], actor: &str) -> anyhow::Result<()> {
    let mut gallery = open(path, true)?;
    let people = gallery.people()?;
    let person = selector::person(&people, person)?;
    if let Some(known) = selector::person_or_none(&people, name)? {
        return Err(hinted(
            format!("{name}: {} has this name already", called(&people, known)),
            "move the faces to that person with `likeness people move`",
        ));
    }
    let (into, name) = (people.next_person(), Some(clean_name(name)?));
    let items = chosen(&mut gallery, faces)?;
    carry_out(&mut gallery, actor, &Change::Split { person, into, name, items })
}

fn undo(path: &Path, n: usize, decision: Option<i64>, actor: &str) -> anyhow::Result<()> {
    let mut gallery = open(path, true)?;
    if let Some(decision) = decision {
        return carry_out(&mut gallery, actor, &Change::Undo { decision: DecisionId(decision) });
    }
    let undone = undo_last(&mut gallery, actor, n)?;
    if undone.is_empty() {
        say("nothing to undo");
    }
    undone.iter().try_for_each(|decided| report(&gallery, decided))
}

fn history(path: &Path, as_json: bool) -> anyhow::Result<()> {
    let gallery = open(path, false)?;
    let people = gallery.people()?;
    if as_json {
        let entry = |decision: &likeness_gallery::decision::Decision| {
            json!({ "id": decision.id, "time": decision.time, "actor": decision.actor, "change": decision.change,
                "holds": people.holds(decision.id) })
        };
        return print_json(&json!({ "decisions": people.decisions().map(entry).collect::<Vec<_>>() }));
    }
    let line = |line: likeness_gallery::people::HistoryLine| {
        let undone = if line.holds { "" } else { "  (undone)" };
        format!("{:>5}  {}  {:10}  {}{undone}\n", line.decision, line.time, line.actor, line.text)
    };
    print_text(&people.history().into_iter().map(line).collect::<String>())
}

fn import(path: &Path, table: Option<&Path>, actor: &str) -> anyhow::Result<()> {
    let mut gallery = open(path, true)?;
    let done = match table {
        Some(table) => import_people(&mut gallery, table, actor)?,
        None => import_regions(&mut gallery, actor)?,
    };
    say_skipped(&done.skipped, None);
    say(format!(
        "{} faces of people named, {} people are new, {} faces had their names already; {} faces changed",
        done.named, done.people, done.known, done.changed
    ));
    Ok(())
}

fn export(path: &Path, table: Option<&Path>, force: bool) -> anyhow::Result<()> {
    let gallery = open(path, false)?;
    if let Some(table) = table {
        check_output((path, table), force, |path| ExportFormat::Csv.is_ours(path))?;
        let rows = export_people(&gallery, table)?;
        say(format!("{rows} faces in {}", table.display()));
        return Ok(());
    }
    let done = export_regions(&gallery)?;
    say_skipped(&done.skipped, None);
    if !done.conflicts.is_empty() {
        say_list(&format!("names of other programs kept ({}):", done.conflicts.len()), &done.conflicts, None);
    }
    say(format!("{} XMP files written or changed, with {} named faces", done.files, done.faces));
    Ok(())
}
