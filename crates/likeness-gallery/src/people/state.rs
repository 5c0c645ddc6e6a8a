//! The state of a gallery's people, and the effect of each decision on it.
//!
//! Every change of the state returns what it replaced, so that a decision can be taken back without a replay of the log.

use std::collections::{BTreeMap, BTreeSet};

use crate::decision::{Change, Decision};
use crate::{DecisionId, GalleryError, ItemId, PersonId, Result};

/// A person, or the identity of a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The number.
    pub id: PersonId,
    /// The name; `None` for a person that nobody named.
    pub name: Option<String>,
    /// Whether the person is left out of lists.
    pub hidden: bool,
    /// The birth date: `YYYY-MM-DD`.
    pub born: Option<String>,
    /// The person that this one was merged into.
    pub merged_into: Option<PersonId>,
    /// The decision that created the person.
    pub created_by: DecisionId,
}

/// What a user decided about a face; the latest decision counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// A user named the face, or moved it to the person.
    Named(PersonId),
    /// A user confirmed the person that the program assigned.
    Confirmed(PersonId),
    /// The item is not a face.
    NotAFace,
    /// The face is of nobody who matters.
    Ignored,
}

impl Standing {
    /// The person, if the face has one by hand.
    pub fn person(self) -> Option<PersonId> {
        match self {
            Self::Named(person) | Self::Confirmed(person) => Some(person),
            Self::NotAFace | Self::Ignored => None,
        }
    }

    fn with_person(self, person: PersonId) -> Self {
        match self {
            Self::Named(_) => Self::Named(person),
            Self::Confirmed(_) => Self::Confirmed(person),
            Self::NotAFace | Self::Ignored => self,
        }
    }
}

/// A value that a decision replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prior {
    Person(PersonId, Option<Person>),
    Standing(ItemId, Option<Standing>),
    Rejected(PersonId, ItemId, bool),
}

/// The people, the standings of faces and the rejections.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    pub(super) persons: BTreeMap<PersonId, Person>,
    pub(super) standings: BTreeMap<ItemId, Standing>,
    /// The faces of every person by hand: the inverse of `standings`. No set is empty.
    pub(super) faces: BTreeMap<PersonId, BTreeSet<ItemId>>,
    /// The faces that are rejected from every person. No set is empty.
    pub(super) rejected: BTreeMap<PersonId, BTreeSet<ItemId>>,
}

impl State {
    /// The person that a number means after merges; `None` if it does not exist.
    pub(super) fn resolve(&self, mut person: PersonId) -> Option<PersonId> {
        while let Some(next) = self.persons.get(&person)?.merged_into {
            person = next;
        }
        Some(person)
    }

    pub(super) fn existing(&self, person: PersonId) -> Result<PersonId> {
        self.resolve(person).ok_or(GalleryError::NoPerson { person })
    }

    pub(super) fn is_rejected(&self, person: PersonId, item: ItemId) -> bool {
        self.rejected.get(&person).is_some_and(|items| items.contains(&item))
    }

    /// Carries out a decision other than an undo, and returns what it replaced, oldest first.
    ///
    /// # Errors        a person that does not exist → `NoPerson`; a split into a person that exists → `BadArgument`. The state
    /// is then unchanged
    pub(super) fn carry_out(&mut self, decision: &Decision) -> Result<Vec<Prior>> {
        let mut edit = Edit { state: self, priors: Vec::new() };
        match &decision.change {
            Change::Name { person, name, items } => {
                let person = edit.named(*person, name.as_deref(), decision.id)?;
                edit.assign(items, Standing::Named(person));
            }
            Change::Confirm { person, items } => {
                let person = edit.state.existing(*person)?;
                edit.assign(items, Standing::Confirmed(person));
            }
            Change::Reject { person, items } => {
                let person = edit.state.existing(*person)?;
                items.iter().for_each(|item| edit.reject(*item, person));
            }
            Change::Move { person, items } => {
                let person = edit.state.existing(*person)?;
                edit.move_to(items, person);
            }
            Change::Merge { from, into } => {
                let into = edit.state.existing(*into)?;
                let from = from.iter().map(|p| edit.state.existing(*p)).collect::<Result<Vec<_>>>()?;
                from.into_iter().for_each(|person| edit.merge(person, into));
            }
            Change::Split { person, into, name, items } => {
                let person = edit.state.existing(*person)?;
                edit.create_new(*into, name.as_deref(), decision.id)?;
                for item in items {
                    edit.set_rejected(person, *item, true);
                }
                edit.assign(items, Standing::Named(*into));
            }
            Change::Rename { person, name } => {
                let name = Some(name.clone());
                edit.change(*person, |person| person.name = name)?;
            }
            Change::Hide { person, hidden } => edit.change(*person, |person| person.hidden = *hidden)?,
            Change::Born { person, date } => {
                let date = Some(date.clone());
                edit.change(*person, |person| person.born = date)?;
            }
            Change::NotAFace { items } => edit.assign(items, Standing::NotAFace),
            Change::Ignore { items } => edit.assign(items, Standing::Ignored),
            Change::Undo { .. } => unreachable!("the journal carries out undos"),
        }
        Ok(edit.priors)
    }

    /// Takes a decision back, given what it replaced.
    pub(super) fn take_back(&mut self, priors: Vec<Prior>) {
        for prior in priors.into_iter().rev() {
            self.restore(prior);
        }
    }

    /// Sets a value and returns the one that it replaced.
    fn restore(&mut self, value: Prior) -> Prior {
        match value {
            Prior::Person(id, Some(person)) => Prior::Person(id, self.persons.insert(id, person)),
            Prior::Person(id, None) => Prior::Person(id, self.persons.remove(&id)),
            Prior::Standing(item, standing) => {
                let before = match standing {
                    Some(standing) => self.standings.insert(item, standing),
                    None => self.standings.remove(&item),
                };
                if let Some(person) = before.and_then(Standing::person) {
                    remove(&mut self.faces, person, item);
                }
                if let Some(person) = standing.and_then(Standing::person) {
                    self.faces.entry(person).or_default().insert(item);
                }
                Prior::Standing(item, before)
            }
            Prior::Rejected(person, item, true) => {
                let new = self.rejected.entry(person).or_default().insert(item);
                Prior::Rejected(person, item, !new)
            }
            Prior::Rejected(person, item, false) => {
                Prior::Rejected(person, item, remove(&mut self.rejected, person, item))
            }
        }
    }
}

/// Removes an item from a person's set, and the set if it becomes empty. Returns whether the item was there.
fn remove(sets: &mut BTreeMap<PersonId, BTreeSet<ItemId>>, person: PersonId, item: ItemId) -> bool {
    let Some(set) = sets.get_mut(&person) else {
        return false;
    };
    let found = set.remove(&item);
    if set.is_empty() {
        sets.remove(&person);
    }
    found
}

/// A state that is being changed, with the values replaced so far.
struct Edit<'a> {
    state: &'a mut State,
    priors: Vec<Prior>,
}

impl Edit<'_> {
    fn set(&mut self, value: Prior) {
        let prior = self.state.restore(value);
        self.priors.push(prior);
    }

    fn set_rejected(&mut self, person: PersonId, item: ItemId, rejected: bool) {
        if self.state.is_rejected(person, item) != rejected {
            self.set(Prior::Rejected(person, item, rejected));
        }
    }

    /// The person of a naming, who is created if the number is new and there is a name.
    fn named(&mut self, person: PersonId, name: Option<&str>, by: DecisionId) -> Result<PersonId> {
        match (self.state.resolve(person), name) {
            (None, None) => Err(GalleryError::NoPerson { person }),
            (None, Some(_)) => self.create_new(person, name, by).map(|()| person),
            (Some(known), None) => Ok(known),
            (Some(known), Some(name)) => {
                self.change(known, |person| person.name = Some(name.to_owned()))?;
                Ok(known)
            }
        }
    }

    fn create_new(&mut self, id: PersonId, name: Option<&str>, created_by: DecisionId) -> Result<()> {
        if self.state.persons.contains_key(&id) {
            return Err(GalleryError::BadArgument {
                reason: format!("person {id}: expected the number of a new person, found one in use"),
                hint: "use a number that no person has".into(),
            });
        }
        let name = name.map(str::to_owned);
        let person = Person { id, name, hidden: false, born: None, merged_into: None, created_by };
        self.set(Prior::Person(id, Some(person)));
        Ok(())
    }

    fn change(&mut self, person: PersonId, change: impl FnOnce(&mut Person)) -> Result<()> {
        let mut person = self.state.persons[&self.state.existing(person)?].clone();
        change(&mut person);
        self.set(Prior::Person(person.id, Some(person)));
        Ok(())
    }

    /// Gives the items a standing, and lifts their rejection from its person.
    fn assign(&mut self, items: &[ItemId], standing: Standing) {
        for &item in items {
            self.set(Prior::Standing(item, Some(standing)));
            if let Some(person) = standing.person() {
                self.set_rejected(person, item, false);
            }
        }
    }

    fn reject(&mut self, item: ItemId, person: PersonId) {
        self.set_rejected(person, item, true);
        if self.state.standings.get(&item).and_then(|s| s.person()) == Some(person) {
            self.set(Prior::Standing(item, None));
        }
    }

    fn move_to(&mut self, items: &[ItemId], person: PersonId) {
        for item in items {
            let before = self.state.standings.get(item).and_then(|s| s.person());
            if let Some(before) = before.filter(|before| *before != person) {
                self.set_rejected(before, *item, true);
            }
        }
        self.assign(items, Standing::Named(person));
    }

    fn merge(&mut self, from: PersonId, into: PersonId) {
        // Two people of the list may have become one by an earlier merge.
        if from == into || self.state.persons[&from].merged_into.is_some() {
            return;
        }
        for item in self.state.rejected.get(&from).cloned().unwrap_or_default() {
            self.set_rejected(from, item, false);
            self.set_rejected(into, item, true);
        }
        for item in self.state.faces.get(&from).cloned().unwrap_or_default() {
            let standing = self.state.standings[&item].with_person(into);
            self.set(Prior::Standing(item, Some(standing)));
        }
        let kept: Vec<ItemId> = match (self.state.faces.get(&into), self.state.rejected.get(&into)) {
            (Some(faces), Some(rejected)) => faces.intersection(rejected).copied().collect(),
            _ => Vec::new(),
        };
        kept.into_iter().for_each(|item| self.set_rejected(into, item, false));
        let mut ended = self.state.persons[&from].clone();
        let mut kept = self.state.persons[&into].clone();
        kept.name = kept.name.or_else(|| ended.name.clone());
        kept.born = kept.born.or_else(|| ended.born.clone());
        ended.merged_into = Some(into);
        self.set(Prior::Person(from, Some(ended)));
        self.set(Prior::Person(into, Some(kept)));
    }
}
