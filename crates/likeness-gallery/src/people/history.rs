//! The log in plain English, one line for each decision.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::People;
use super::name::is_format;
use crate::decision::{Change, Decision};
use crate::{DecisionId, PersonId};

/// A decision in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryLine {
    /// The decision.
    pub decision: DecisionId,
    /// When it was made: RFC 3339, in UTC.
    pub time: String,
    /// Who made it.
    pub actor: String,
    /// What was decided, such as "named 5 faces Anna". One line without control characters.
    pub text: String,
    /// Whether the decision holds, and was not undone.
    pub holds: bool,
}

impl People {
    /// Every decision of the log in words, oldest first. People have the names that they had at the time.
    pub fn history(&self) -> Vec<HistoryLine> {
        let mut names = Names::default();
        let line = |decision: &Decision| HistoryLine {
            decision: decision.id,
            time: decision.time.clone(),
            actor: decision.actor.clone(),
            text: names.describe(&decision.change),
            holds: self.holds(decision.id),
        };
        self.decisions().map(line).collect()
    }
}

/// The names of people so far, also by decisions that were undone later.
#[derive(Default)]
struct Names(BTreeMap<PersonId, String>);

impl Names {
    fn of(&self, person: PersonId) -> String {
        self.0.get(&person).cloned().unwrap_or_else(|| format!("person {person}"))
    }

    fn describe(&mut self, change: &Change) -> String {
        let faces = count(change.items().len());
        match change {
            Change::Name { person, name, .. } => {
                name.iter().for_each(|name| self.learn(*person, name));
                format!("named {faces} {}", self.of(*person))
            }
            Change::Confirm { person, .. } => format!("confirmed {faces} as {}", self.of(*person)),
            Change::Reject { person, .. } => format!("rejected {faces} from {}", self.of(*person)),
            Change::Move { person, .. } => format!("moved {faces} to {}", self.of(*person)),
            Change::Merge { from, into } => {
                let from: Vec<String> = from.iter().map(|person| self.of(*person)).collect();
                format!("merged {} into {}", from.join(", "), self.of(*into))
            }
            Change::Split { person, into, name, .. } => {
                name.iter().for_each(|name| self.learn(*into, name));
                format!("split {faces} from {} as {}", self.of(*person), self.of(*into))
            }
            Change::Rename { person, name } => {
                let before = self.of(*person);
                self.learn(*person, name);
                format!("renamed {before} to {}", self.of(*person))
            }
            Change::Hide { person, hidden: true } => format!("hid {}", self.of(*person)),
            Change::Hide { person, hidden: false } => format!("listed {} again", self.of(*person)),
            Change::Born { person, date } => {
                format!("set the birth date of {} to {}", self.of(*person), one_line(date))
            }
            Change::NotAFace { .. } => format!("marked {faces} as not a face"),
            Change::Ignore { .. } => format!("ignored {faces}"),
            Change::Undo { decision } => format!("undid decision {decision}"),
        }
    }

    fn learn(&mut self, person: PersonId, name: &str) {
        self.0.insert(person, one_line(name));
    }
}

fn count(faces: usize) -> String {
    if faces == 1 { "1 face".into() } else { format!("{faces} faces") }
}

/// A text in one line: control characters and marks of the direction of writing are shown as escapes.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            // Joins the parts of an emoji or of letters.
            '\u{200c}' | '\u{200d}' => line.push(letter),
            _ if letter.is_control() || is_format(letter) || matches!(letter, '\u{2028}' | '\u{2029}') => {
                let _ = write!(line, "{}", letter.escape_default());
            }
            _ => line.push(letter),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ItemId;

    #[test]
    fn every_decision_is_one_line_in_the_names_of_its_time() {
        let (anna, other) = (PersonId(1), PersonId(2));
        let items = vec![ItemId(1), ItemId(2)];
        let changes = [
            Change::Name { person: anna, name: Some("Anna".into()), items: items.clone() },
            Change::Split { person: anna, into: other, name: None, items: vec![ItemId(2)] },
            Change::Name { person: other, name: Some("two\nlines \u{202e}".into()), items: items.clone() },
            Change::Rename { person: anna, name: "\u{5d0}".into() },
            Change::Confirm { person: anna, items: items.clone() },
            Change::Reject { person: anna, items: vec![ItemId(3)] },
            Change::Move { person: other, items: vec![ItemId(3)] },
            Change::Born { person: anna, date: "1990-01-02".into() },
            Change::Hide { person: anna, hidden: true },
            Change::Hide { person: anna, hidden: false },
            Change::NotAFace { items: items.clone() },
            Change::Ignore { items },
            Change::Merge { from: vec![other], into: anna },
            Change::Undo { decision: DecisionId(13) },
        ];
        let time = "2024-05-01T10:00:00Z";
        let log: Vec<Decision> = (1..)
            .zip(changes)
            .map(|(id, change)| Decision {
                id: DecisionId(id),
                time: time.into(),
                actor: "eva".into(),
                change,
            })
            .collect();
        let history = People::replay(&log).unwrap().history();
        let texts: Vec<&str> = history.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "named 2 faces Anna",
                "split 1 face from Anna as person 2",
                "named 2 faces two\\nlines \\u{202e}",
                "renamed Anna to \u{5d0}",
                "confirmed 2 faces as \u{5d0}",
                "rejected 1 face from \u{5d0}",
                "moved 1 face to two\\nlines \\u{202e}",
                "set the birth date of \u{5d0} to 1990-01-02",
                "hid \u{5d0}",
                "listed \u{5d0} again",
                "marked 2 faces as not a face",
                "ignored 2 faces",
                "merged two\\nlines \\u{202e} into \u{5d0}",
                "undid decision 13",
            ]
        );
        assert_eq!(
            history.iter().filter(|line| !line.holds).map(|line| line.decision.0).collect::<Vec<_>>(),
            [13]
        );
    }
}
