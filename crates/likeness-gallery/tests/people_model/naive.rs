//! The reference implementation: the state of a log by a plain reading of the table in `decision`.
//!
//! It never changes a state in place for an undo: it selects the decisions that hold, and carries them out from the first.

use std::collections::{BTreeMap, BTreeSet};

use likeness_gallery::decision::{Change, Decision};
use likeness_gallery::people::{People, Standing};
use likeness_gallery::{DecisionId, ItemId, PersonId};

/// Name, hidden, birth date and the person merged into.
type Facts = (Option<String>, bool, Option<String>, Option<PersonId>);

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Naive {
    pub(crate) persons: BTreeMap<PersonId, Facts>,
    pub(crate) standings: BTreeMap<ItemId, Standing>,
    pub(crate) rejected: BTreeSet<(ItemId, PersonId)>,
    pub(crate) holding: Vec<DecisionId>,
}

impl Naive {
    /// The state of a log; `None` if a decision names a person that does not exist, or creates one twice.
    pub(crate) fn replay(log: &[Decision]) -> Option<Self> {
        let mut naive = Self::default();
        for decision in log {
            if !holds(log, decision.id) {
                continue;
            }
            naive.holding.push(decision.id);
            naive.carry_out(&decision.change)?;
        }
        Some(naive)
    }

    /// What [`People`] says, in the same form.
    pub(crate) fn of(people: &People) -> Self {
        let of = |id| {
            people
                .person(PersonId(id))
                .map(|p| (p.id, (p.name.clone(), p.hidden, p.born.clone(), p.merged_into)))
        };
        let pairs = |(person, items): (&PersonId, &BTreeSet<ItemId>)| {
            let person = *person;
            items.iter().map(move |item| (*item, person)).collect::<Vec<_>>()
        };
        Self {
            persons: (1..people.next_person().0).filter_map(of).collect(),
            standings: people.standings().collect(),
            rejected: people.rejections().iter().flat_map(pairs).collect(),
            holding: people.decisions().map(|d| d.id).filter(|id| people.holds(*id)).collect(),
        }
    }

    fn root(&self, person: PersonId) -> Option<PersonId> {
        match self.persons.get(&person)?.3 {
            None => Some(person),
            Some(next) => self.root(next),
        }
    }

    fn give(&mut self, items: &[ItemId], person: PersonId, standing: Standing) {
        for item in items {
            self.standings.insert(*item, standing);
            self.rejected.remove(&(*item, person));
        }
    }

    fn carry_out(&mut self, change: &Change) -> Option<()> {
        match change {
            Change::Name { person, name, items } => {
                if self.root(*person).is_none() {
                    self.persons.insert(*person, (Some(name.clone()?), false, None, None));
                }
                let person = self.root(*person)?;
                if name.is_some() {
                    self.persons.get_mut(&person)?.0 = name.clone();
                }
                self.give(items, person, Standing::Named(person));
            }
            Change::Confirm { person, items } => {
                let person = self.root(*person)?;
                self.give(items, person, Standing::Confirmed(person));
            }
            Change::Reject { person, items } => {
                let person = self.root(*person)?;
                for item in items {
                    self.rejected.insert((*item, person));
                    if self.standings.get(item).and_then(|s| s.person()) == Some(person) {
                        self.standings.remove(item);
                    }
                }
            }
            Change::Move { person, items } => {
                let person = self.root(*person)?;
                for item in items {
                    if let Some(before) = self.standings.get(item).and_then(|s| s.person()) {
                        self.rejected.insert((*item, before));
                    }
                }
                self.give(items, person, Standing::Named(person));
            }
            Change::Merge { from, into } => {
                let into = self.root(*into)?;
                for person in from {
                    self.root(*person)?;
                }
                for person in from {
                    self.merge(self.root(*person)?, into);
                }
            }
            Change::Split { person, into, name, items } => {
                let person = self.root(*person)?;
                if self.persons.insert(*into, (name.clone(), false, None, None)).is_some() {
                    return None;
                }
                for item in items {
                    self.rejected.insert((*item, person));
                }
                self.give(items, *into, Standing::Named(*into));
            }
            Change::Rename { person, name } => {
                let person = self.root(*person)?;
                self.persons.get_mut(&person)?.0 = Some(name.clone());
            }
            Change::Hide { person, hidden } => {
                let person = self.root(*person)?;
                self.persons.get_mut(&person)?.1 = *hidden;
            }
            Change::Born { person, date } => {
                let person = self.root(*person)?;
                self.persons.get_mut(&person)?.2 = Some(date.clone());
            }
            Change::NotAFace { items } => {
                self.standings.extend(items.iter().map(|item| (*item, Standing::NotAFace)));
            }
            Change::Ignore { items } => {
                self.standings.extend(items.iter().map(|item| (*item, Standing::Ignored)));
            }
            Change::Undo { .. } => {}
        }
        Some(())
    }

    fn merge(&mut self, from: PersonId, into: PersonId) {
        if from == into {
            return;
        }
        for standing in self.standings.values_mut() {
            match standing {
                Standing::Named(person) | Standing::Confirmed(person) if *person == from => *person = into,
                _ => {}
            }
        }
        let moved =
            self.rejected.iter().map(|(item, person)| (*item, if *person == from { into } else { *person }));
        let by_hand = |item: &ItemId| self.standings.get(item).and_then(|s| s.person());
        self.rejected = moved.filter(|(item, person)| by_hand(item) != Some(*person)).collect();
        let (name, _, born, _) = self.persons[&from].clone();
        self.persons.entry(from).and_modify(|person| person.3 = Some(into));
        self.persons.entry(into).and_modify(|person| {
            person.0 = person.0.clone().or(name);
            person.2 = person.2.clone().or(born);
        });
    }
}

/// Whether no later undo that holds undoes the decision.
fn holds(log: &[Decision], id: DecisionId) -> bool {
    let undoes = |later: &&Decision| {
        later.id > id && matches!(later.change, Change::Undo { decision } if decision == id)
    };
    !log.iter().filter(undoes).any(|later| holds(log, later.id))
}
