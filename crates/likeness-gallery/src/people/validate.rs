//! Checks of what a user asks for, before it becomes a decision.
//!
//! The log itself may contain more than these checks allow: two people may get one name by an undo, for example.

use super::name::clean_name;
use super::{People, Standing};
use crate::decision::{Change, Decision, is_date};
use crate::{DecisionId, GalleryError, ItemId, PersonId, Result};

impl People {
    /// Checks a change that a user asks for now.
    ///
    /// Whether the faces exist is the catalogue's knowledge and not checked here.
    ///
    /// # Errors        a person that does not exist → `NoPerson`; an empty list of faces or people, a name without a visible
    /// character, a name that another person has, a birth date that is not `YYYY-MM-DD`, a merge of a person into itself, a
    /// number of a new person that was used before, a decision that cannot be undone → `BadArgument`; an undo of a decision
    /// that later ones depend on → `NeededLater`
    pub fn validate(&self, change: &Change) -> Result<()> {
        match change {
            Change::Name { person, name, items } => {
                check_items(change, items)?;
                match (self.resolve(*person), name) {
                    (None, None) => return Err(GalleryError::NoPerson { person: *person }),
                    (None, Some(_)) => self.check_new(*person)?,
                    (Some(_), _) => {}
                }
                name.as_ref().map_or(Ok(()), |name| self.check_name(name, self.resolve(*person)))
            }
            Change::Confirm { person, items }
            | Change::Reject { person, items }
            | Change::Move { person, items } => {
                self.check_person(*person)?;
                check_items(change, items)
            }
            Change::Merge { from, into } => self.check_merge(from, *into),
            Change::Split { person, into, name, items } => {
                self.check_person(*person)?;
                self.check_new(*into)?;
                name.as_ref().map_or(Ok(()), |name| self.check_name(name, None))?;
                check_items(change, items)?;
                self.check_split(*person, items)
            }
            Change::Rename { person, name } => {
                let person = self.check_person(*person)?;
                self.check_name(name, Some(person))
            }
            Change::Hide { person, .. } => self.check_person(*person).map(drop),
            Change::Born { person, date } => {
                self.check_person(*person)?;
                check_date(date)
            }
            Change::NotAFace { items } | Change::Ignore { items } => check_items(change, items),
            Change::Undo { .. } => self.check_undo(change),
        }
    }

    fn check_person(&self, person: PersonId) -> Result<PersonId> {
        self.resolve(person).ok_or(GalleryError::NoPerson { person })
    }

    /// A number used before, even in an undone decision, would mix two people if the undo is undone.
    fn check_new(&self, person: PersonId) -> Result<()> {
        if person >= self.next_person() {
            return Ok(());
        }
        bad(
            format!("person {person}: expected a new number of at least {}", self.next_person()),
            "numbers of people are not used again",
        )
    }

    fn check_name(&self, name: &str, of: Option<PersonId>) -> Result<()> {
        clean_name(name)?;
        match self.by_name(name).into_iter().find(|person| Some(*person) != of) {
            None => Ok(()),
            Some(other) => bad(
                format!("name {name:?}: person {other} has this name"),
                "merge the two people if they are the same person, or choose another name",
            ),
        }
    }

    fn check_merge(&self, from: &[PersonId], into: PersonId) -> Result<()> {
        let target = self.check_person(into)?;
        if from.is_empty() {
            return bad("merge: expected at least one person to merge, found none".into(), "name two people");
        }
        for &person in from {
            if self.check_person(person)? != target {
                continue;
            }
            let fact = if person == into || person == target {
                "cannot be merged into itself"
            } else {
                "was merged into it already"
            };
            return bad(format!("person {person}: {fact} (person {target})"), "name two different people");
        }
        Ok(())
    }

    /// A face that another person has by hand belongs to no part of the split person.
    fn check_split(&self, person: PersonId, items: &[ItemId]) -> Result<()> {
        let person = self.resolve(person);
        let others = |item: &&ItemId| {
            self.standing(**item).and_then(Standing::person).is_some_and(|owner| Some(owner) != person)
        };
        match items.iter().find(others) {
            None => Ok(()),
            Some(item) => bad(
                format!("face {item}: belongs to another person than the one to split"),
                "list the faces of the person to split",
            ),
        }
    }

    fn check_undo(&self, change: &Change) -> Result<()> {
        let id = DecisionId(self.decisions().next_back().map_or(1, |last| last.id.0 + 1));
        let trial = Decision { id, time: String::new(), actor: String::new(), change: change.clone() };
        self.clone().apply(&trial)
    }
}

fn check_items(change: &Change, items: &[ItemId]) -> Result<()> {
    if items.is_empty() {
        let reason = format!("{}: expected at least one face, found none", change.verb());
        return bad(reason, "list the faces with `likeness gallery list --faces`");
    }
    Ok(())
}

fn check_date(date: &str) -> Result<()> {
    if is_date(date) {
        return Ok(());
    }
    bad(format!("birth date {date:?}: expected a day as YYYY-MM-DD"), "write it like 1987-06-30")
}

fn bad(reason: String, hint: &str) -> Result<()> {
    Err(GalleryError::BadArgument { reason, hint: hint.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(numbers: &[i64]) -> Vec<ItemId> {
        numbers.iter().copied().map(ItemId).collect()
    }

    fn name(person: i64, name: Option<&str>, faces: &[i64]) -> Change {
        Change::Name { person: PersonId(person), name: name.map(Into::into), items: items(faces) }
    }

    fn people(changes: &[Change]) -> People {
        let mut people = People::default();
        for (id, change) in (1..).zip(changes) {
            people.validate(change).unwrap();
            people.apply(&decision(id, change.clone())).unwrap();
        }
        people
    }

    fn decision(id: i64, change: Change) -> Decision {
        Decision { id: DecisionId(id), time: "2024-01-01T00:00:00Z".into(), actor: "eva".into(), change }
    }

    fn merge(from: &[i64], into: i64) -> Change {
        Change::Merge { from: from.iter().copied().map(PersonId).collect(), into: PersonId(into) }
    }

    #[test]
    fn requests_that_cannot_be_carried_out_are_refused() {
        let changes = [
            name(1, Some("Anna"), &[1]),
            name(2, Some("Ben"), &[2]),
            name(3, Some("Cleo"), &[3]),
            merge(&[3], 2),
        ];
        let people = people(&changes);
        let (one, nine) = (PersonId(1), PersonId(9));
        let rename = |person, name: &str| Change::Rename { person, name: name.into() };
        let born = |date: &str| Change::Born { person: one, date: date.into() };
        let split = |into, name: Option<&str>, faces: &[i64]| Change::Split {
            person: one,
            into: PersonId(into),
            name: name.map(Into::into),
            items: items(faces),
        };
        for bad in [
            name(1, None, &[]),
            name(4, Some(" \n"), &[1]),
            name(4, Some("A\u{6e}na"), &[1]),
            name(1, Some("Ben"), &[1]),
            Change::Confirm { person: one, items: vec![] },
            Change::Reject { person: one, items: vec![] },
            Change::Move { person: one, items: vec![] },
            Change::NotAFace { items: vec![] },
            Change::Ignore { items: vec![] },
            merge(&[], 1),
            merge(&[1], 1),
            merge(&[1, 2], 2),
            merge(&[3], 2),
            merge(&[2], 3),
            split(4, Some(""), &[1]),
            split(4, Some("Ben"), &[1]),
            split(4, None, &[]),
            split(4, None, &[2]),
            split(2, None, &[1]),
            split(0, None, &[1]),
            rename(one, ""),
            rename(one, " Ben "),
            born("2024-02-30"),
            born("yesterday"),
            Change::Undo { decision: DecisionId(77) },
        ] {
            let error = people.validate(&bad).expect_err(&format!("{bad:?}"));
            assert!(matches!(error, GalleryError::BadArgument { .. }), "{bad:?}: {error}");
            assert!(!error.to_string().contains('\n') && error.hint().is_some(), "{error}");
        }
        for bad in [
            name(9, None, &[1]),
            rename(nine, "Zoe"),
            merge(&[9], 1),
            merge(&[1], 9),
            Change::Hide { person: nine, hidden: true },
            Change::Confirm { person: nine, items: items(&[1]) },
        ] {
            assert!(
                matches!(people.validate(&bad), Err(GalleryError::NoPerson { person }) if person == nine)
            );
        }
        for good in
            [name(4, Some("Cleo"), &[3]), split(4, None, &[1, 5]), rename(one, "Anna"), born("1990-01-31")]
        {
            people.validate(&good).unwrap_or_else(|error| panic!("{good:?}: {error}"));
        }
    }

    #[test]
    fn a_number_of_an_undone_person_is_not_used_again() {
        let undo = Change::Undo { decision: DecisionId(1) };
        let people = people(&[name(1, Some("Anna"), &[1]), undo]);
        assert!(people.person(PersonId(1)).is_none());
        assert!(people.validate(&name(1, Some("Ben"), &[2])).is_err());
        assert_eq!(people.next_person(), PersonId(2));
        people.validate(&name(2, Some("Anna"), &[2])).unwrap();
    }

    #[test]
    fn an_undo_of_a_needed_decision_lists_the_later_ones() {
        let people = people(&[
            name(1, Some("Anna"), &[1]),
            name(1, None, &[2]),
            Change::Hide { person: PersonId(1), hidden: true },
        ]);
        let error = people.validate(&Change::Undo { decision: DecisionId(1) }).unwrap_err();
        let GalleryError::NeededLater { decision, dependent } = error else { panic!("{error}") };
        assert_eq!((decision, dependent), (DecisionId(1), vec![DecisionId(2), DecisionId(3)]));
        people.validate(&Change::Undo { decision: DecisionId(2) }).unwrap();
    }
}
