//! The faces of one photo: who may be which, and the best assignment.

use std::collections::BTreeSet;

use likeness_search::Verdict;

use super::faces::Photo;
use super::persons::Near;
use super::{Assignment, Faces, Scale};
use crate::assignment::assign;
use crate::people::{People, Standing};
use crate::{ItemId, PersonId};

/// A face to name, with the people that it may show.
struct Open {
    item: ItemId,
    near: Vec<Near>,
}

/// Names the faces of a photo. `near` has the people near each of its open faces.
pub(super) fn solve(
    faces: &Faces,
    people: &People,
    scale: &Scale,
    photo: &Photo,
    near: &[Vec<Near>],
) -> Vec<Assignment> {
    let item = |at: &usize| faces.as_slice()[*at].item;
    let by_hand = photo.settled.iter().filter_map(|at| people.standing(item(at)).and_then(Standing::person));
    let mut taken: BTreeSet<PersonId> = by_hand.collect();
    let mut open: Vec<Open> = Vec::with_capacity(near.len());
    for (at, near) in photo.open.iter().zip(near) {
        let item = item(at);
        let taken_at = faces.as_slice()[*at].taken.as_deref();
        let possible = |near: &&Near| {
            !taken.contains(&near.person)
                && !people.is_rejected(item, near.person)
                && people.is_born(near.person, taken_at)
        };
        open.push(Open { item, near: near.iter().filter(possible).cloned().collect() });
    }
    let mut found = Vec::new();
    for verdict in [Verdict::Same, Verdict::Possible] {
        let chosen = choose(&open, &taken, scale, verdict);
        for (face, person) in open.iter().zip(&chosen) {
            if let Some(person) = person {
                taken.insert(*person);
                found.push(assignment(face, *person, verdict, scale));
            }
        }
        let mut chosen = chosen.iter();
        open.retain(|_| chosen.next().is_some_and(Option::is_none));
    }
    found
}

/// The best assignment of people to faces among the pairs with a verdict.
fn choose(
    open: &[Open],
    taken: &BTreeSet<PersonId>,
    scale: &Scale,
    verdict: Verdict,
) -> Vec<Option<PersonId>> {
    let gain = |face: &Open, near: &Near| {
        if taken.contains(&near.person) {
            return 0.0;
        }
        let next = next_best(face, near.person).map(|next| next.length);
        scale.gain(near.length, scale.score(near.length, next), verdict)
    };
    let mut pairs = Vec::new();
    for (row, face) in open.iter().enumerate() {
        let gains = face.near.iter().map(|near| (row, near.person, gain(face, near)));
        pairs.extend(gains.filter(|(_, _, gain)| *gain > 0.0));
    }
    let columns: BTreeSet<PersonId> = pairs.iter().map(|(_, person, _)| *person).collect();
    let columns: Vec<PersonId> = columns.into_iter().collect();
    if columns.is_empty() {
        return vec![None; open.len()];
    }
    let mut gains = vec![0.0; open.len() * columns.len()];
    for (row, person, gain) in pairs {
        let column = columns.binary_search(&person).expect("every person of a pair is a column");
        gains[row * columns.len() + column] = gain;
    }
    assign(&gains, columns.len()).into_iter().map(|column| column.map(|column| columns[column])).collect()
}

/// The nearest person beside one, among those that the face may show.
fn next_best(face: &Open, person: PersonId) -> Option<&Near> {
    face.near.iter().find(|near| near.person != person)
}

fn assignment(face: &Open, person: PersonId, verdict: Verdict, scale: &Scale) -> Assignment {
    let near = face.near.iter().find(|near| near.person == person).expect("the person is near the face");
    let next = next_best(face, person).filter(|next| next.length < scale.competing);
    Assignment {
        item: face.item,
        person,
        verdict,
        distance: scale.distance(near.length),
        next: next.map(|next| (next.person, scale.distance(next.length))),
        references: near.references.clone(),
    }
}
