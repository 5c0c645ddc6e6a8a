//! The queue of questions to a user, by expected gain: the number of faces that an answer is expected to settle.
//!
//! A question is about the open faces of a cluster, or about a single face. Open faces have no standing by hand, and the
//! program did not name them.
//!
//! Each face of a cluster that has a person, by hand or named by the program, is a vote for that person; a possible match is
//! half a vote. If one person has most votes, the question is whether the open faces show this person.

use std::collections::{BTreeMap, BTreeSet};

use likeness_search::Verdict;

use super::People;
use super::identify::{Assignment, Face, Faces, Identification};
use crate::decision::Change;
use crate::{GalleryError, ItemId, PersonId, PhotoId, Result};

/// The votes of a possible match.
const POSSIBLE_VOTES: f64 = 0.5;
/// The votes against every person of an open face that is near nobody.
const UNKNOWN_VOTES: f64 = 0.05;
/// The votes against every person of the doubt that any cluster leaves.
const DOUBT: f64 = 0.25;
/// The probability that a single possible match is right. 33 to 95 % were, in `examples/bench_identify.rs`.
const POSSIBLE_IS_RIGHT: f64 = 0.75;
/// The probability that a user knows the person of an unnamed cluster.
const KNOWN_TO_USER: f64 = 0.5;

/// A question about faces, by item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Whether the faces show a person.
    IsThis {
        /// The person.
        person: PersonId,
        /// The faces.
        items: Vec<ItemId>,
    },
    /// Whom the faces show.
    WhoIsThis {
        /// The faces.
        items: Vec<ItemId>,
    },
}

/// A user's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The faces show the person of the question.
    Yes,
    /// The faces do not show the person of the question.
    No,
    /// The faces show this person, who is new if there is a name.
    Is {
        /// The person.
        person: PersonId,
        /// The name of a new person.
        name: Option<String>,
    },
    /// The items are no faces.
    NotAFace,
    /// The faces are of nobody who matters.
    Ignore,
    /// The user does not know.
    Skip,
}

/// A question with its place in the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The question.
    pub question: Question,
    /// The probability that the answer settles the faces.
    pub probability: f64,
}

/// The questions, and how much is left.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Review {
    /// The questions, greatest expected gain first.
    pub entries: Vec<Entry>,
    /// The number of open faces. Those that are in no cluster and near nobody are in no question.
    pub remaining: usize,
}

impl Question {
    /// The faces of the question.
    pub fn items(&self) -> &[ItemId] {
        match self {
            Self::IsThis { items, .. } | Self::WhoIsThis { items } => items,
        }
    }

    /// The question in words, such as "Is this Anna? 212 faces".
    pub fn text(&self, people: &People) -> String {
        let count = match self.items().len() {
            1 => "1 face".to_owned(),
            n => format!("{n} faces"),
        };
        match self {
            Self::IsThis { person, .. } => format!("Is this {}? {count}", people.shown_name(*person)),
            Self::WhoIsThis { .. } => format!("Who is this? {count}"),
        }
    }

    /// The change that an answer asks for; `None` if the question was skipped.
    ///
    /// # Errors        yes or no to the question whom the faces show → `BadArgument`
    pub fn answer(&self, answer: &Answer) -> Result<Option<Change>> {
        let items = self.items().to_vec();
        Ok(Some(match (answer, self) {
            (Answer::Skip, _) => return Ok(None),
            (Answer::Yes, Self::IsThis { person, .. }) => Change::Confirm { person: *person, items },
            (Answer::No, Self::IsThis { person, .. }) => Change::Reject { person: *person, items },
            (Answer::Yes | Answer::No, Self::WhoIsThis { .. }) => {
                return Err(GalleryError::BadArgument {
                    reason: "who is this: expected a person, found yes or no".into(),
                    hint: "answer with a name, or skip the question".into(),
                });
            }
            (Answer::Is { person, name }, _) => Change::Name { person: *person, name: name.clone(), items },
            (Answer::NotAFace, _) => Change::NotAFace { items },
            (Answer::Ignore, _) => Change::Ignore { items },
        }))
    }
}

impl Entry {
    /// The expected number of faces that the answer settles.
    pub fn gain(&self) -> f64 {
        self.question.items().len() as f64 * self.probability
    }
}

/// The questions about the open faces.
///
/// `clusters` has the cluster of every face, in the order of `faces`; `None` for a face without a cluster. A hidden person is
/// in no question.
///
/// # Conventions   equal gains are ordered by the first face
/// # Errors        another number of clusters than faces → `BadArgument`
pub fn review(
    faces: &Faces,
    clusters: &[Option<u32>],
    people: &People,
    found: &Identification,
) -> Result<Review> {
    if clusters.len() != faces.as_slice().len() {
        let (expected, count) = (faces.as_slice().len(), clusters.len());
        return Err(GalleryError::BadArgument {
            reason: format!("clusters: expected one for each of {expected} faces, found {count}"),
            hint: "cluster the faces again".into(),
        });
    }
    let facts = Facts::new(faces, people, found);
    let mut groups: BTreeMap<u32, Vec<ItemId>> = BTreeMap::new();
    let mut single = Vec::new();
    for (face, cluster) in faces.as_slice().iter().zip(clusters) {
        match cluster {
            Some(cluster) => groups.entry(*cluster).or_default().push(face.item),
            None => single.push(face.item),
        }
    }
    let mut entries: Vec<Entry> =
        groups.into_values().filter_map(|items| facts.about_cluster(items)).collect();
    entries.extend(single.into_iter().filter_map(|item| facts.about_face(item)));
    entries.sort_by(|a, b| {
        b.gain().total_cmp(&a.gain()).then_with(|| a.question.items().cmp(b.question.items()))
    });
    let remaining = faces.as_slice().iter().filter(|face| facts.is_open(face.item)).count();
    Ok(Review { entries, remaining })
}

/// What is known about the faces.
struct Facts<'a> {
    people: &'a People,
    found: BTreeMap<ItemId, &'a Assignment>,
    faces: BTreeMap<ItemId, &'a Face>,
    /// The people in every photo, by hand or named by the program.
    present: BTreeSet<(PhotoId, PersonId)>,
}

impl<'a> Facts<'a> {
    fn new(faces: &Faces<'a>, people: &'a People, found: &'a Identification) -> Self {
        let found = found.assignments.iter().map(|assignment| (assignment.item, assignment)).collect();
        let by_item = faces.as_slice().iter().map(|face| (face.item, face)).collect();
        let mut facts = Self { people, found, faces: by_item, present: BTreeSet::new() };
        let present = facts.faces.values().filter_map(|face| Some((face.photo, facts.person(face.item)?)));
        facts.present = present.collect();
        facts
    }

    /// The person of a face by hand, or as the program named it.
    fn person(&self, item: ItemId) -> Option<PersonId> {
        match self.people.standing(item) {
            Some(standing) => standing.person(),
            None => self.found.get(&item).filter(|a| a.verdict == Verdict::Same).map(|a| a.person),
        }
    }

    fn is_open(&self, item: ItemId) -> bool {
        self.people.standing(item).is_none() && self.person(item).is_none()
    }

    fn suggested(&self, item: ItemId) -> Option<&Assignment> {
        self.found.get(&item).copied().filter(|_| self.is_open(item))
    }

    fn is_hidden(&self, person: PersonId) -> bool {
        self.people.person(person).is_some_and(|person| person.hidden)
    }

    fn about_face(&self, item: ItemId) -> Option<Entry> {
        let person = self.suggested(item)?.person;
        let question = Question::IsThis { person, items: vec![item] };
        (!self.is_hidden(person)).then_some(Entry { question, probability: POSSIBLE_IS_RIGHT })
    }

    fn about_cluster(&self, mut items: Vec<ItemId>) -> Option<Entry> {
        items.sort_unstable();
        let leader = self.leader(&items);
        let open: Vec<ItemId> = items.into_iter().filter(|item| self.is_open(*item)).collect();
        if open.is_empty() {
            return None;
        }
        if let Some((person, probability)) = leader {
            if self.is_hidden(person) {
                return None;
            }
            let items = self.that_may_show(&open, person);
            if !items.is_empty() {
                return Some(Entry { question: Question::IsThis { person, items }, probability });
            }
        }
        Some(Entry { question: Question::WhoIsThis { items: open }, probability: KNOWN_TO_USER })
    }

    /// The person with most votes, and the share of votes.
    fn leader(&self, items: &[ItemId]) -> Option<(PersonId, f64)> {
        let mut votes: BTreeMap<PersonId, f64> = BTreeMap::new();
        let mut all = DOUBT;
        for item in items {
            let vote = match (self.person(*item), self.suggested(*item)) {
                (Some(person), _) => Some((person, 1.0)),
                (None, Some(suggested)) => Some((suggested.person, POSSIBLE_VOTES)),
                (None, None) => None,
            };
            match vote {
                Some((person, weight)) => {
                    *votes.entry(person).or_default() += weight;
                    all += weight;
                }
                None if self.is_open(*item) => all += UNKNOWN_VOTES,
                None => {}
            }
        }
        let most = votes.into_iter().reduce(|a, b| if b.1 > a.1 { b } else { a });
        most.map(|(person, votes)| (person, votes / all)).filter(|(_, share)| *share >= 0.5)
    }

    /// The faces that are not rejected from the person and not too old, at most one per photo and none where the person is
    /// already.
    fn that_may_show(&self, open: &[ItemId], person: PersonId) -> Vec<ItemId> {
        let mut nearest_first: Vec<(f32, ItemId)> = open
            .iter()
            .filter(|item| {
                let taken = self.faces[*item].taken.as_deref();
                !self.people.is_rejected(**item, person) && self.people.is_born(person, taken)
            })
            .map(|item| {
                let near = self.suggested(*item).filter(|suggested| suggested.person == person);
                (near.map_or(f32::INFINITY, |near| near.distance), *item)
            })
            .collect();
        nearest_first.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut present: BTreeSet<PhotoId> = BTreeSet::new();
        let mut items: Vec<ItemId> = nearest_first
            .into_iter()
            .map(|(_, item)| item)
            .filter(|item| {
                let photo = self.faces[item].photo;
                !self.present.contains(&(photo, person)) && present.insert(photo)
            })
            .collect();
        items.sort_unstable();
        items
    }
}

impl People {
    /// A person's name in one line, or "person 7" without a name.
    pub fn shown_name(&self, person: PersonId) -> String {
        let name = self.resolve(person).and_then(|person| self.person(person)?.name.as_deref());
        name.map_or_else(|| format!("person {person}"), super::history::one_line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_become_changes() {
        let items = vec![ItemId(1), ItemId(2)];
        let anna = PersonId(1);
        let is_this = Question::IsThis { person: anna, items: items.clone() };
        let who = Question::WhoIsThis { items: items.clone() };
        let other = Answer::Is { person: PersonId(2), name: Some("Ben".into()) };
        let name = Change::Name { person: PersonId(2), name: Some("Ben".into()), items: items.clone() };
        for (question, answer, change) in [
            (&is_this, Answer::Yes, Some(Change::Confirm { person: anna, items: items.clone() })),
            (&is_this, Answer::No, Some(Change::Reject { person: anna, items: items.clone() })),
            (&is_this, Answer::Skip, None),
            (&who, Answer::Skip, None),
            (&is_this, other.clone(), Some(name.clone())),
            (&who, other, Some(name)),
            (&who, Answer::NotAFace, Some(Change::NotAFace { items: items.clone() })),
            (&who, Answer::Ignore, Some(Change::Ignore { items })),
        ] {
            assert_eq!(question.answer(&answer).unwrap(), change);
        }
        assert!(who.answer(&Answer::Yes).is_err() && who.answer(&Answer::No).is_err());
        assert_eq!(who.text(&People::default()), "Who is this? 2 faces");
        assert_eq!(is_this.text(&People::default()), "Is this person 1? 2 faces");
    }
}
