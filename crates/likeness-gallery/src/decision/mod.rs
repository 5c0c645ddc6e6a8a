//! Decisions: what people decided about faces, and the log of them.
//!
//! The log is only appended to. What is known about people is a function of the log, [`People::replay`](crate::people::People),
//! so a decision is never lost when faces are clustered again, thresholds change or another model is used.
//!
//! # What a decision means
//!
//! A face has at most one standing: a person (named or confirmed by hand), "not a face", "ignored", or none. Beside it, a
//! face can be rejected from any number of people.
//!
//! | decision | effect |
//! |---|---|
//! | `Name`, `Confirm`, `Move` | The faces get the person as their standing, which replaces an earlier standing and lifts a rejection from that person. `Name` with a name creates a person of a new number and renames a known one. `Move` also rejects a face from the person that it had by hand. |
//! | `Reject` | The faces are rejected from the person, and lose this person as their standing. |
//! | `NotAFace`, `Ignore` | The faces get this standing, which replaces an earlier one. A later name replaces it. |
//! | `Merge` | Every person of `from` ends; the faces and rejections go over to `into`. A face that one of these people has by hand keeps it: its rejection from another of them is dropped. `into` keeps its own name, birth date and visibility, and takes a missing name or birth date from the first person of `from` that has one. |
//! | `Split` | The new person gets the faces, and they are rejected from the old person, so that they do not return. |
//! | `Rename`, `Hide`, `Born` | The person changes. |
//! | `Undo` | The state is that of the log without the undone decision. An undo can itself be undone. |
//!
//! A number of a merged person means the person that remains. Without the merge, after an undo, the same decision means the
//! person that it names.
//!
//! A decision cannot be undone while later ones name a person that would not exist without it
//! ([`NeededLater`](crate::GalleryError::NeededLater)). A `Name` with a name needs no earlier decision.

mod date;

use serde::{Deserialize, Serialize};

pub use date::is_date;

use crate::{DecisionId, ItemId, PersonId};

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The number of the entry. Later entries have greater numbers.
    pub id: DecisionId,
    /// When it was made: RFC 3339, in UTC.
    pub time: String,
    /// Who made it: a user's name.
    pub actor: String,
    /// What was decided.
    pub change: Change,
}

/// What a decision changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub enum Change {
    /// The faces show a person, who is created if the number is new.
    Name {
        /// The person.
        person: PersonId,
        /// The name of a new person; `None` keeps the name.
        name: Option<String>,
        /// The faces.
        items: Vec<ItemId>,
    },
    /// The faces were assigned to the person by the program, and this is right.
    Confirm {
        /// The person.
        person: PersonId,
        /// The faces.
        items: Vec<ItemId>,
    },
    /// The faces do not show the person.
    Reject {
        /// The person.
        person: PersonId,
        /// The faces.
        items: Vec<ItemId>,
    },
    /// The faces show another person than the one that they were assigned to.
    Move {
        /// The right person.
        person: PersonId,
        /// The faces.
        items: Vec<ItemId>,
    },
    /// Several people are one person.
    Merge {
        /// The people that end.
        from: Vec<PersonId>,
        /// The person that remains.
        into: PersonId,
    },
    /// Some faces of a person show another person, who is created.
    Split {
        /// The person.
        person: PersonId,
        /// The new person.
        into: PersonId,
        /// The new person's name.
        name: Option<String>,
        /// The faces of the new person.
        items: Vec<ItemId>,
    },
    /// The person has another name.
    Rename {
        /// The person.
        person: PersonId,
        /// The new name.
        name: String,
    },
    /// The person is not listed, or is listed again.
    Hide {
        /// The person.
        person: PersonId,
        /// Whether the person is hidden.
        hidden: bool,
    },
    /// The person was born on a day. Earlier photos do not show the person.
    Born {
        /// The person.
        person: PersonId,
        /// The day: `YYYY-MM-DD`.
        date: String,
    },
    /// The items are no faces.
    NotAFace {
        /// The items.
        items: Vec<ItemId>,
    },
    /// The faces are of nobody who matters: they are never suggested.
    Ignore {
        /// The faces.
        items: Vec<ItemId>,
    },
    /// An earlier decision does not hold.
    Undo {
        /// The earlier decision.
        decision: DecisionId,
    },
}

impl Change {
    /// The verb in the log.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Name { .. } => "name",
            Self::Confirm { .. } => "confirm",
            Self::Reject { .. } => "reject",
            Self::Move { .. } => "move",
            Self::Merge { .. } => "merge",
            Self::Split { .. } => "split",
            Self::Rename { .. } => "rename",
            Self::Hide { .. } => "hide",
            Self::Born { .. } => "born",
            Self::NotAFace { .. } => "not-a-face",
            Self::Ignore { .. } => "ignore",
            Self::Undo { .. } => "undo",
        }
    }

    /// The faces that the decision is about; empty if it is about people only.
    pub fn items(&self) -> &[ItemId] {
        match self {
            Self::Name { items, .. }
            | Self::Confirm { items, .. }
            | Self::Reject { items, .. }
            | Self::Move { items, .. }
            | Self::Split { items, .. }
            | Self::NotAFace { items }
            | Self::Ignore { items } => items,
            Self::Merge { .. }
            | Self::Rename { .. }
            | Self::Hide { .. }
            | Self::Born { .. }
            | Self::Undo { .. } => &[],
        }
    }

    /// The people that the decision names, in the order of its fields.
    pub fn persons(&self) -> Vec<PersonId> {
        match self {
            Self::Name { person, .. }
            | Self::Confirm { person, .. }
            | Self::Reject { person, .. }
            | Self::Move { person, .. }
            | Self::Rename { person, .. }
            | Self::Hide { person, .. }
            | Self::Born { person, .. } => vec![*person],
            Self::Merge { from, into } => from.iter().copied().chain([*into]).collect(),
            Self::Split { person, into, .. } => vec![*person, *into],
            Self::NotAFace { .. } | Self::Ignore { .. } | Self::Undo { .. } => Vec::new(),
        }
    }
}
