//! The log of decisions with the state that follows from it.
//!
//! Every decision that holds keeps what it replaced. An undo takes back all decisions from the undone one on, and carries
//! out the later ones again; its cost is that of the decisions after the undone one.

use std::collections::{BTreeMap, BTreeSet};

use super::name::same_name;
use super::state::{Person, Prior, Standing, State};
use crate::decision::{Change, Decision};
use crate::{DecisionId, GalleryError, ItemId, PersonId, Result};

/// The people of a gallery and what users decided about its faces.
///
/// # Examples
///
/// ```
/// use likeness_gallery::decision::{Change, Decision};
/// use likeness_gallery::people::{People, Standing};
/// use likeness_gallery::{DecisionId, ItemId, PersonId};
///
/// let decision = |id, change| {
///     Decision { id: DecisionId(id), time: "2024-05-01T10:00:00Z".into(), actor: "eva".into(), change }
/// };
/// let anna = PersonId(1);
/// let mut people = People::default();
/// let name = Change::Name { person: anna, name: Some("Anna".into()), items: vec![ItemId(7), ItemId(8)] };
/// people.apply(&decision(1, name))?;
/// people.apply(&decision(2, Change::Reject { person: anna, items: vec![ItemId(8)] }))?;
/// assert_eq!(people.standing(ItemId(7)), Some(Standing::Named(anna)));
/// assert_eq!(people.standing(ItemId(8)), None);
///
/// people.apply(&decision(3, Change::Undo { decision: DecisionId(2) }))?;
/// assert_eq!(people.standing(ItemId(8)), Some(Standing::Named(anna)));
/// # Ok::<(), likeness_gallery::GalleryError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct People {
    state: State,
    log: Vec<Entry>,
    /// The positions of the undos in the log.
    undos: Vec<usize>,
    /// The decisions that do not hold.
    undone: BTreeSet<DecisionId>,
    /// The greatest number of a person in the log, also in decisions that do not hold.
    largest_person: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    decision: Decision,
    /// What the decision replaced; empty if it does not hold.
    priors: Vec<Prior>,
}

impl People {
    /// The people that follow from a log.
    ///
    /// # Errors        those of [`apply`](Self::apply)
    pub fn replay(decisions: &[Decision]) -> Result<Self> {
        let mut people = Self::default();
        decisions.iter().try_for_each(|decision| people.apply(decision))?;
        Ok(people)
    }

    /// Adds a decision to the log. On an error nothing changes.
    ///
    /// # Errors        a number that does not exceed that of the last decision, a split into a person that exists, an undo of
    /// a decision that does not exist or does not hold → `BadArgument`; a person that does not exist → `NoPerson`; an undo of
    /// a decision that later ones depend on → `NeededLater`
    pub fn apply(&mut self, decision: &Decision) -> Result<()> {
        if let Some(last) = self.log.last().map(|entry| entry.decision.id).filter(|last| *last >= decision.id)
        {
            return Err(GalleryError::BadArgument {
                reason: format!("decision {}: expected a number greater than {last}", decision.id),
                hint: "decisions are numbered in the order in which they are made".into(),
            });
        }
        let priors = match decision.change {
            Change::Undo { decision: target } => {
                self.undo(decision.id, target)?;
                self.undos.push(self.log.len());
                Vec::new()
            }
            _ => self.state.carry_out(decision)?,
        };
        for person in decision.change.persons() {
            self.largest_person = self.largest_person.max(person.0);
        }
        self.log.push(Entry { decision: decision.clone(), priors });
        Ok(())
    }

    fn undo(&mut self, undo: DecisionId, target: DecisionId) -> Result<()> {
        self.check_holds(target)?;
        let undone = self.undone_with(undo, target);
        let first = self.undone.symmetric_difference(&undone).next().copied();
        let first = first.and_then(|id| self.position(id)).unwrap_or(self.log.len());
        let dependent = self.carry_out_from(first, &undone);
        if dependent.is_empty() {
            self.undone = undone;
            return Ok(());
        }
        let before = std::mem::take(&mut self.undone);
        let failed = self.carry_out_from(first, &before);
        assert!(failed.is_empty(), "the log could be carried out before");
        self.undone = before;
        Err(GalleryError::NeededLater { decision: target, dependent })
    }

    fn check_holds(&self, target: DecisionId) -> Result<()> {
        let (found, hint) = match self.position(target) {
            None => ("the log has no such decision", "list the decisions with `likeness people history`"),
            Some(_) if self.undone.contains(&target) => {
                ("it has been undone already", "undo the undo to restore it")
            }
            Some(_) => return Ok(()),
        };
        Err(GalleryError::BadArgument { reason: format!("decision {target}: {found}"), hint: hint.into() })
    }

    /// The decisions that do not hold if `undo` undoes `target`: the latest undo holds, and decides about earlier ones.
    fn undone_with(&self, undo: DecisionId, target: DecisionId) -> BTreeSet<DecisionId> {
        let mut undone = BTreeSet::new();
        let earlier = self.undos.iter().rev().filter_map(|&at| match self.log[at].decision.change {
            Change::Undo { decision } => Some((self.log[at].decision.id, decision)),
            _ => None,
        });
        for (undo, target) in std::iter::once((undo, target)).chain(earlier) {
            if !undone.contains(&undo) {
                undone.insert(target);
            }
        }
        undone
    }

    /// Carries out the log from `first` on again, without the decisions in `undone`. Returns those that are not possible.
    fn carry_out_from(&mut self, first: usize, undone: &BTreeSet<DecisionId>) -> Vec<DecisionId> {
        for entry in self.log[first..].iter_mut().rev() {
            self.state.take_back(std::mem::take(&mut entry.priors));
        }
        let mut impossible = Vec::new();
        for entry in &mut self.log[first..] {
            let id = entry.decision.id;
            if undone.contains(&id) || matches!(entry.decision.change, Change::Undo { .. }) {
                continue;
            }
            match self.state.carry_out(&entry.decision) {
                Ok(priors) => entry.priors = priors,
                Err(_) => impossible.push(id),
            }
        }
        impossible
    }

    fn position(&self, id: DecisionId) -> Option<usize> {
        self.log.binary_search_by_key(&id, |entry| entry.decision.id).ok()
    }

    /// The last `n` decisions that hold, newest first, as [`Change::Undo`] takes them; fewer if the log has fewer.
    ///
    /// Undos do not count: an undo is undone by its number. Undone in this order, no decision is needed by a later one.
    pub fn undo_last(&self, n: usize) -> Vec<DecisionId> {
        let holds = |decision: &&Decision| {
            !matches!(decision.change, Change::Undo { .. }) && !self.undone.contains(&decision.id)
        };
        self.log.iter().rev().map(|entry| &entry.decision).filter(holds).take(n).map(|d| d.id).collect()
    }

    /// The log, oldest decision first.
    pub fn decisions(&self) -> impl DoubleEndedIterator<Item = &Decision> + ExactSizeIterator {
        self.log.iter().map(|entry| &entry.decision)
    }

    /// Whether a decision of the log has not been undone.
    pub fn holds(&self, decision: DecisionId) -> bool {
        self.position(decision).is_some() && !self.undone.contains(&decision)
    }

    /// The people that exist and were not merged into others, by number.
    pub fn persons(&self) -> impl Iterator<Item = &Person> {
        self.state.persons.values().filter(|person| person.merged_into.is_none())
    }

    /// A person, who may have been merged; `None` if there is none of this number.
    pub fn person(&self, person: PersonId) -> Option<&Person> {
        self.state.persons.get(&person)
    }

    /// The person that a number means after merges.
    pub fn resolve(&self, person: PersonId) -> Option<PersonId> {
        self.state.resolve(person)
    }

    /// The people of a name, by number. Names are compared as [`same_name`] does.
    pub fn by_name(&self, name: &str) -> Vec<PersonId> {
        let same = |person: &&Person| person.name.as_deref().is_some_and(|theirs| same_name(theirs, name));
        self.persons().filter(same).map(|person| person.id).collect()
    }

    /// The number for the next person: greater than every number in the log, also in decisions that were undone.
    pub fn next_person(&self) -> PersonId {
        PersonId(self.largest_person + 1)
    }

    /// What users decided about a face; `None` if nothing.
    pub fn standing(&self, item: ItemId) -> Option<Standing> {
        self.state.standings.get(&item).copied()
    }

    /// What users decided about faces, by face.
    pub fn standings(&self) -> impl Iterator<Item = (ItemId, Standing)> {
        self.state.standings.iter().map(|(item, standing)| (*item, *standing))
    }

    /// The faces that a person has by hand, named or confirmed, by number.
    pub fn faces(&self, person: PersonId) -> impl Iterator<Item = ItemId> {
        self.state.faces.get(&person).into_iter().flatten().copied()
    }

    /// Whether a user said that the face does not show the person.
    pub fn is_rejected(&self, item: ItemId, person: PersonId) -> bool {
        self.resolve(person).is_some_and(|person| self.state.is_rejected(person, item))
    }

    /// Whether a photo taken at a time can show a person: it is not older than the birth date. An unknown date is no obstacle,
    /// and an incomplete one, such as "1987-06", is compared as far as it goes.
    pub fn is_born(&self, person: PersonId, taken: Option<&str>) -> bool {
        let born = self.person(person).and_then(|person| person.born.as_deref());
        let (Some(born), Some(taken)) = (born, taken) else {
            return true;
        };
        let known = born.len().min(taken.len());
        taken.as_bytes()[..known] >= born.as_bytes()[..known]
    }

    /// The faces that are rejected from people, by person.
    pub fn rejections(&self) -> &BTreeMap<PersonId, BTreeSet<ItemId>> {
        &self.state.rejected
    }
}
