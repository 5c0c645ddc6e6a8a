//! `likeness people review`: answers to the program's questions, with the keyboard only.
//!
//! One question at a time, those that settle the most faces first. Every answer is stored at once, so the review can end at any
//! time. Input is read line by line: it works in every terminal, and from a script.

use std::collections::HashSet;
use std::io::BufRead;
use std::path::Path;

use likeness::gallery::groups::questions;
use likeness::gallery::people::{decide, undo_last};
use likeness::gallery::selector;
use likeness_gallery::catalogue::ReadCatalogue;
use likeness_gallery::people::clean_name;
use likeness_gallery::people::review::{Answer, Question};
use likeness_gallery::{Gallery, ItemId};
use likeness_report::sightings;

use super::super::print_text;
use super::super::search::row_of;
use crate::print::{say, say_error};

/// Photos that are listed of a question.
const SHOWN: usize = 5;

const HELP: &str = "\
y      yes               n      no
NAME   it is NAME        s      skip
x      not a face        i      ignore: nobody who matters
v      draw the faces to review.png in the folder of the gallery
u      undo the last answer
q      quit";

/// What the user typed.
enum Typed {
    Answer(Answer),
    Draw,
    Undo,
    Quit,
    Help,
}

pub(super) fn run(gallery: &mut Gallery, actor: &str) -> anyhow::Result<()> {
    let mut skipped: HashSet<Vec<ItemId>> = HashSet::new();
    let mut lines = std::io::stdin().lock().lines();
    say("answer with the keyboard; ? lists the answers");
    loop {
        let review = questions(gallery)?;
        let open: Vec<_> =
            review.entries.iter().filter(|entry| !skipped.contains(entry.question.items())).collect();
        let Some(entry) = open.first() else {
            let skips = match skipped.len() {
                0 => String::new(),
                count => format!("; {count} were skipped"),
            };
            say(format!("no more questions{skips}; u undoes the last answer, anything else ends"));
            match lines.next().transpose()? {
                Some(line) if line.trim() == "u" => {
                    undo(gallery, actor)?;
                    continue;
                }
                _ => return Ok(()),
            }
        };
        let question = entry.question.clone();
        let left = format!("{} questions, {} unnamed faces left", open.len(), review.remaining);
        loop {
            ask(gallery, &question, &left)?;
            let Some(line) = lines.next().transpose()? else { return Ok(()) };
            match read(gallery, &line)? {
                Typed::Quit => return Ok(()),
                Typed::Help => say_all(HELP),
                Typed::Draw => draw(gallery, &question)?,
                Typed::Undo => {
                    undo(gallery, actor)?;
                    break;
                }
                Typed::Answer(Answer::Skip) => {
                    skipped.insert(question.items().to_vec());
                    break;
                }
                Typed::Answer(answer) => match question.answer(&answer) {
                    Ok(Some(change)) => {
                        let decided = decide(gallery, actor, &change)?;
                        say(format!("{} faces changed", decided.changed));
                        break;
                    }
                    Ok(None) => break,
                    Err(error) => say_error("error", &error.to_string()),
                },
            }
        }
    }
}

fn undo(gallery: &mut Gallery, actor: &str) -> anyhow::Result<()> {
    let undone = undo_last(gallery, actor, 1)?;
    say(if undone.is_empty() { "nothing to undo" } else { "undone" });
    Ok(())
}

fn say_all(text: &str) {
    text.lines().for_each(say);
}

fn ask(gallery: &Gallery, question: &Question, left: &str) -> anyhow::Result<()> {
    let people = gallery.people()?;
    let items = &question.items()[..question.items().len().min(SHOWN)];
    let mut text = format!("\n{}  ({left})\n", question.text(&people));
    for row in gallery.catalogue().items_by_id(items)? {
        text += &format!("  {:>8}  {}\n", row.item.id, row.path);
    }
    print_text(&text)
}

/// Reads an answer. A name that nobody has is that of a new person.
fn read(gallery: &Gallery, line: &str) -> anyhow::Result<Typed> {
    Ok(match line.trim() {
        "y" => Typed::Answer(Answer::Yes),
        "n" => Typed::Answer(Answer::No),
        "s" | "" => Typed::Answer(Answer::Skip),
        "x" => Typed::Answer(Answer::NotAFace),
        "i" => Typed::Answer(Answer::Ignore),
        "v" => Typed::Draw,
        "u" => Typed::Undo,
        "q" => Typed::Quit,
        "?" => Typed::Help,
        name => {
            let people = gallery.people()?;
            match selector::person_or_none(&people, name) {
                Ok(Some(person)) => Typed::Answer(Answer::Is { person, name: None }),
                Ok(None) => {
                    let name = Some(clean_name(name)?);
                    Typed::Answer(Answer::Is { person: people.next_person(), name })
                }
                Err(error) => {
                    say_error("error", &error.to_string());
                    Typed::Help
                }
            }
        }
    })
}

/// Draws the faces of a question.
fn draw(gallery: &Gallery, question: &Question) -> anyhow::Result<()> {
    let folder = gallery.catalogue().path().parent().unwrap_or(Path::new("."));
    let path = folder.join("review.png");
    if path.exists() && !likeness_artifact::may_replace(&path, likeness_artifact::FileKind::Png)? {
        say(format!("{}: exists, and Likeness did not draw it", path.display()));
        return Ok(());
    }
    let rows = gallery.catalogue().items_by_id(question.items())?;
    let rows: Vec<_> = rows.iter().map(|row| row_of(row, Some(&row.item.id.to_string()))).collect();
    if let Some((first, rest)) = rows.split_first() {
        let seen = rest
            .iter()
            .map(|row| sightings::Sighting { row, distance: None, verdict: "unnamed", is_sure: false })
            .collect();
        sightings::draw(std::iter::once((first, seen)), &path)?;
        say(format!("faces in {}", path.display()));
    }
    Ok(())
}
