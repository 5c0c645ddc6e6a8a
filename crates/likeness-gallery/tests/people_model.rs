//! Random decisions: the state of people equals a replay of the log, by the reference implementation too.
#![allow(clippy::unwrap_used)] // in the functions that tests share, too

#[path = "people_model/naive.rs"]
mod naive;

use std::collections::BTreeSet;

use likeness_gallery::decision::{Change, Decision};
use likeness_gallery::people::identify::{Face, Faces, Identification, IdentifyConfig, Limits, identify};
use likeness_gallery::people::review::{Answer, Question, review};
use likeness_gallery::people::{Constraints, People, Standing};
use likeness_gallery::{DecisionId, GalleryError, ItemId, PersonId, PhotoId};
use likeness_search::Distance;
use naive::Naive;
use proptest::prelude::*;

const ITEMS: i64 = 12;

/// A request in numbers; what they mean depends on the people at that time.
#[derive(Debug, Clone)]
struct Request {
    kind: u8,
    person: i64,
    other: i64,
    items: Vec<i64>,
}

fn requests(length: usize) -> impl Strategy<Value = Vec<Request>> {
    let request = (0u8..20, 0i64..8, 0i64..8, prop::collection::vec(0..ITEMS, 1..4))
        .prop_map(|(kind, person, other, items)| Request { kind, person, other, items });
    prop::collection::vec(request, 1..length)
}

/// The change that a request asks for.
fn change(request: &Request, people: &People) -> Change {
    let next = people.next_person();
    // Numbers of people in use, of merged and undone people, and of nobody.
    let any = |number: i64| PersonId(1 + number * next.0 / 8);
    let (person, other) = (any(request.person), any(request.other));
    let items: Vec<ItemId> = request.items.iter().copied().map(ItemId).collect();
    let named = ["Anna", "Ben\n", "\u{5d0}\u{5d1}", "\"Z\u{eb}\""][request.other as usize % 4];
    let last = people.decisions().next_back().map_or(0, |last| last.id.0);
    match request.kind {
        0 | 1 => Change::Name { person: next, name: Some(format!("{named} {next}")), items },
        2 => Change::Name { person, name: None, items },
        3 => Change::Name { person, name: Some(format!("{named} {next}")), items },
        4 => Change::Confirm { person, items },
        5 | 6 => Change::Reject { person, items },
        7 => Change::Move { person, items },
        8 => Change::Merge { from: vec![person], into: other },
        9 => Change::Merge { from: vec![person, any(request.items[0] % 8)], into: other },
        10 => Change::Split { person, into: next, name: Some(format!("{named} {next}")), items },
        11 => Change::Split { person, into: next, name: None, items },
        12 => Change::Rename { person, name: named.into() },
        13 => Change::Hide { person, hidden: request.other % 2 == 0 },
        14 => Change::Born { person, date: format!("19{:02}-05-01", 10 + request.other) },
        15 => Change::NotAFace { items },
        16 => Change::Ignore { items },
        _ => Change::Undo { decision: DecisionId((last - request.person * 2 - request.other / 4).max(0)) },
    }
}

fn decision(people: &People, change: Change) -> Decision {
    // Numbers may have gaps.
    let id = people.decisions().next_back().map_or(1, |last| last.id.0 + 1 + last.id.0 % 2);
    Decision { id: DecisionId(id), time: "2024-05-01T10:00:00Z".into(), actor: "eva".into(), change }
}

fn check_invariants(people: &People) {
    for (item, standing) in people.standings() {
        let Some(person) = standing.person() else { continue };
        assert!(
            people.person(person).is_some_and(|p| p.merged_into.is_none()),
            "a person that exists has {item}"
        );
        assert!(!people.is_rejected(item, person), "no face is rejected from the person that it has by hand");
        assert!(people.faces(person).any(|face| face == item));
    }
    for (person, items) in people.rejections() {
        assert!(!items.is_empty());
        assert!(
            people.person(*person).is_some_and(|p| p.merged_into.is_none()),
            "merged people own no rejections"
        );
    }
    for person in (1..people.next_person().0).map(PersonId) {
        let current = people.person(person).is_some_and(|p| p.merged_into.is_none());
        assert!(current || people.faces(person).next().is_none(), "merged people own no faces");
        for item in people.faces(person) {
            assert_eq!(people.standing(item).and_then(Standing::person), Some(person));
        }
    }
}

/// Whether the reference implementation can carry out the log with one more decision.
fn possible(log: &[Decision], next: &Decision) -> bool {
    Naive::replay(&[log, std::slice::from_ref(next)].concat()).is_some()
}

/// Faces in photos of three, as points of a plane in four groups, so that decisions and distances often disagree.
fn gallery() -> (Vec<Face>, Vec<f32>) {
    let face = |item: i64| Face {
        item: ItemId(item),
        photo: PhotoId(item / 3),
        quality: if item % 5 == 0 { 0.1 } else { 0.8 },
        taken: Some(format!("19{:02}-06-01", 10 + item)),
    };
    let group = |item: i64| [(item % 4 / 2) as f32 * 2.0, (item % 2) as f32 * 2.0];
    let place = |item: i64| group(item).map(|at| at + 0.1 * (item % 7) as f32);
    ((0..ITEMS).map(face).collect(), (0..ITEMS).flat_map(place).collect())
}

/// The rules that hold for every face that the program names or suggests a person for.
fn check_identification(people: &People, faces: &[Face], found: &Identification) {
    let photo = |item: ItemId| faces[item.0 as usize].photo;
    let mut present: BTreeSet<(PhotoId, PersonId)> = BTreeSet::new();
    for (item, standing) in people.standings() {
        present.extend(standing.person().map(|person| (photo(item), person)));
    }
    for assignment in &found.assignments {
        let (item, person) = (assignment.item, people.person(assignment.person).unwrap());
        assert_eq!(people.standing(item), None, "what a user decided is not decided again");
        assert_eq!(person.merged_into, None);
        assert!(!people.is_rejected(item, person.id));
        assert!(present.insert((photo(item), person.id)), "a person is once in a photo");
        assert!(people.is_born(person.id, faces[item.0 as usize].taken.as_deref()));
        for (reference, _) in &assignment.references {
            assert_eq!(people.standing(*reference).and_then(Standing::person), Some(person.id));
        }
    }
}

/// Asks the first question with an odd answer, and returns the decision.
fn answered(request: &Request, people: &People, faces: &Faces, found: &Identification) -> Option<Change> {
    let clusters: Vec<Option<u32>> =
        (0..ITEMS).map(|item| (item % 5 > 0).then_some(item as u32 % 4)).collect();
    let review = review(faces, &clusters, people, found).unwrap();
    let asked: usize = review.entries.iter().map(|entry| entry.question.items().len()).sum();
    assert!(asked <= review.remaining);
    let entry = review.entries.get(request.person as usize % 3)?;
    let new =
        Answer::Is { person: people.next_person(), name: Some(format!("new {}", people.next_person())) };
    let answer = match (&entry.question, request.other % 4) {
        (Question::IsThis { .. }, 0) => Answer::Yes,
        (Question::IsThis { .. }, 1) => Answer::No,
        (_, 2) => Answer::Ignore,
        _ => new,
    };
    entry.question.answer(&answer).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// 400 logs of up to 80 requests: 16,000 decisions on average.
    #[test]
    fn the_state_is_a_replay_of_the_log(requests in requests(80)) {
        let mut people = People::default();
        let mut log: Vec<Decision> = Vec::new();
        for request in &requests {
            let next = decision(&people, change(request, &people));
            let before = people.clone();
            let valid = people.validate(&next.change).is_ok();
            match people.apply(&next) {
                Ok(()) => {
                    prop_assert!(possible(&log, &next), "{next:?}");
                    log.push(next);
                }
                Err(error) => {
                    prop_assert!(!valid, "what is valid can be applied: {next:?}: {error}");
                    prop_assert_eq!(&people, &before, "an error changes nothing");
                    if let GalleryError::NeededLater { dependent, .. } = &error {
                        prop_assert!(!dependent.is_empty() && !possible(&log, &next), "{next:?}");
                    }
                }
            }
            prop_assert_eq!(Naive::of(&people), Naive::replay(&log).unwrap());
            check_invariants(&people);
        }
        // A gallery that is opened again reads the log.
        prop_assert!(people.decisions().eq(log.iter()), "no decision is lost");
        prop_assert_eq!(&People::replay(&log).unwrap(), &people);
        let text = serde_json::to_string(&log).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Vec<Decision>>(&text).unwrap(), &log);
    }

    /// The last decisions can always be undone, newest first, and each undo can be undone.
    #[test]
    fn undoing_everything_and_every_undo_restores_the_state(requests in requests(40)) {
        let mut people = People::default();
        for request in &requests {
            let next = decision(&people, change(request, &people));
            let _ = people.apply(&next);
        }
        let before = Naive::of(&people);
        let mut undos = Vec::new();
        for last in people.undo_last(usize::MAX) {
            let next = decision(&people, Change::Undo { decision: last });
            people.apply(&next).unwrap();
            undos.push(next.id);
        }
        prop_assert_eq!(people.persons().count() + people.standings().count() + people.rejections().len(), 0);
        prop_assert!(people.undo_last(1).is_empty());
        for undo in undos.into_iter().rev() {
            let next = decision(&people, Change::Undo { decision: undo });
            people.apply(&next).unwrap();
        }
        let after = Naive::of(&people);
        prop_assert_eq!((after.persons, after.standings, after.rejected), (before.persons, before.standings, before.rejected));
    }

    /// Faces are named again after every decision, with other limits each time. No decision changes by that, and every name
    /// respects all decisions.
    #[test]
    fn names_by_the_program_respect_every_decision(requests in requests(60)) {
        let (faces, vectors) = gallery();
        let table = Faces::new(&faces, &vectors, 2, Distance::Euclidean).unwrap();
        let mut people = People::default();
        for (round, request) in requests.iter().enumerate() {
            let limits = Limits { same: 0.5 + 0.1 * (round % 9) as f32, possible: 1.5 };
            let config = IdentifyConfig { min_quality: 0.1 * (round % 4) as f32 };
            let before = people.clone();
            let found = identify(&table, &people, limits, &config).unwrap();
            check_identification(&people, &faces, &found);
            check_constraints(&people, &table);
            let reopened = People::replay(&people.decisions().cloned().collect::<Vec<_>>()).unwrap();
            prop_assert_eq!(&identify(&table, &reopened, limits, &config).unwrap(), &found);
            prop_assert_eq!(&people, &before);
            let change = match round % 3 {
                0 => answered(request, &people, &table, &found),
                _ => Some(change(request, &people)),
            };
            let Some(change) = change else { continue };
            let next = decision(&people, change);
            let asked = round % 3 == 0;
            let applied = people.validate(&next.change).and_then(|()| people.apply(&next));
            prop_assert!(!asked || applied.is_ok(), "an answer can be carried out: {:?} {:?}", next, applied);
        }
    }
}

/// No pair is both required and forbidden.
fn check_constraints(people: &People, faces: &Faces) {
    let constraints = Constraints::new(faces, people);
    let owner = |item: ItemId| people.standing(item).and_then(Standing::person);
    for [a, b] in constraints.must_link() {
        assert!(owner(a).is_some() && owner(a) == owner(b));
    }
    for [a, b] in constraints.cannot_link() {
        assert!(owner(a).is_none() || owner(a) != owner(b));
        assert!(!constraints.left_out.contains(&a) && !constraints.left_out.contains(&b));
    }
}
