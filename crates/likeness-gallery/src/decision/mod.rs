//! Decisions: what people decided about faces, and the log of them.
//!
//! The log is only appended to. What is known about people is a function of the log, [`People::replay`](crate::people::People),
//! so a decision is never lost when faces are clustered again, thresholds change or another model is used.

use serde::{Deserialize, Serialize};

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
