//! The queue of questions: what is asked, and in which order.
#![allow(clippy::unwrap_used)] // in the functions that tests share, too

use likeness_gallery::decision::{Change, Decision};
use likeness_gallery::people::People;
use likeness_gallery::people::identify::{Face, Faces, IdentifyConfig, Limits, identify};
use likeness_gallery::people::review::{Answer, Question, Review, review};
use likeness_gallery::{DecisionId, GalleryError, ItemId, PersonId, PhotoId};
use likeness_search::Distance;

const ANNA: PersonId = PersonId(1);

/// Faces on a line in clusters, each in a photo of its own.
struct Gallery {
    faces: Vec<Face>,
    places: Vec<f32>,
    clusters: Vec<Option<u32>>,
    people: People,
}

impl Gallery {
    fn new(faces: &[(f32, Option<u32>)]) -> Self {
        let face = |at: i64| Face { item: ItemId(at), photo: PhotoId(at), quality: 0.9, taken: None };
        Self {
            faces: (0..faces.len() as i64).map(face).collect(),
            places: faces.iter().map(|face| face.0).collect(),
            clusters: faces.iter().map(|face| face.1).collect(),
            people: People::default(),
        }
    }

    fn decide(&mut self, change: Change) {
        let id = DecisionId(self.people.decisions().len() as i64 + 1);
        self.people.validate(&change).unwrap();
        let decision = Decision { id, time: String::new(), actor: String::new(), change };
        self.people.apply(&decision).unwrap();
    }

    fn review(&self) -> Review {
        let faces = Faces::new(&self.faces, &self.places, 1, Distance::Euclidean).unwrap();
        let limits = Limits { same: 1.0, possible: 1.2 };
        let found = identify(&faces, &self.people, limits, &IdentifyConfig::default()).unwrap();
        review(&faces, &self.clusters, &self.people, &found).unwrap()
    }

    fn questions(&self) -> Vec<String> {
        self.review().entries.iter().map(|entry| entry.question.text(&self.people)).collect()
    }
}

fn items(faces: &[i64]) -> Vec<ItemId> {
    faces.iter().copied().map(ItemId).collect()
}

/// Anna by hand with two open faces of her cluster, three strangers in a cluster, a single face near Anna, one of nobody.
fn gallery() -> Gallery {
    let mut gallery = Gallery::new(&[
        (0.0, Some(4)),
        (2.0, Some(4)),
        (2.2, Some(4)),
        (9.0, Some(1)),
        (9.1, Some(1)),
        (9.2, Some(1)),
        (1.15, None),
        (50.0, None),
    ]);
    gallery.decide(Change::Name { person: ANNA, name: Some("An\nna".into()), items: items(&[0]) });
    gallery
}

#[test]
fn the_most_rewarding_question_comes_first() {
    let gallery = gallery();
    let review = gallery.review();
    // 3 faces at one half; 2 faces at 1 / (1 + 0.25 + 2 · 0.05); one possible match at three quarters.
    assert_eq!(
        gallery.questions(),
        ["Who is this? 3 faces", "Is this An\\nna? 2 faces", "Is this An\\nna? 1 face"]
    );
    let gains: Vec<f64> = review.entries.iter().map(|entry| entry.gain()).collect();
    assert!(
        (gains[0] - 1.5).abs() < 1e-9
            && (gains[1] - 2.0 / 1.35).abs() < 1e-9
            && (gains[2] - 0.75).abs() < 1e-9
    );
    assert_eq!(review.remaining, 7);
    assert_eq!(review, gallery.review(), "deterministic");
}

#[test]
fn answers_settle_questions_for_good() {
    let mut gallery = gallery();
    for (answer, expected) in [
        (Answer::Is { person: PersonId(2), name: Some("Ben".into()) }, 4),
        // The cluster is rejected from Anna: the question becomes whom it shows.
        (Answer::No, 4),
        (Answer::Ignore, 2),
        (Answer::Yes, 1),
    ] {
        let before = gallery.review();
        let change = before.entries[0].question.answer(&answer).unwrap().unwrap();
        gallery.decide(change);
        let after = gallery.review();
        assert_eq!(after.remaining, expected, "{answer:?}");
        assert!(after.entries.iter().all(|entry| entry.question != before.entries[0].question));
    }
    assert!(gallery.review().entries.is_empty());
    assert!(gallery.people.is_rejected(ItemId(1), ANNA));
}

#[test]
fn a_question_respects_photos_rejections_and_hidden_people() {
    let mut gallery = gallery();
    // Faces 1 and 2 are in one photo: at most one shows Anna.
    gallery.faces[2].photo = PhotoId(1);
    let about_anna = |gallery: &Gallery| {
        let entries = gallery.review().entries;
        entries.into_iter().find_map(|entry| match entry.question {
            Question::IsThis { items, .. } if items != [ItemId(6)] => Some(items),
            _ => None,
        })
    };
    assert_eq!(about_anna(&gallery), Some(items(&[1])));
    gallery.decide(Change::Reject { person: ANNA, items: items(&[1]) });
    assert_eq!(about_anna(&gallery), Some(items(&[2])));
    gallery.faces[0].photo = PhotoId(1);
    assert_eq!(about_anna(&gallery), None, "Anna is in this photo");
    assert!(gallery.questions().contains(&"Who is this? 2 faces".to_owned()));
    gallery.decide(Change::Hide { person: ANNA, hidden: true });
    assert_eq!(gallery.questions(), ["Who is this? 3 faces"], "a hidden person is in no question");
}

#[test]
fn a_cluster_too_old_for_a_person_is_not_asked_about() {
    let mut gallery = gallery();
    gallery.decide(Change::Born { person: ANNA, date: "2010-05-01".into() });
    for face in &mut gallery.faces[1..] {
        face.taken = Some("2009-01-01T00:00:00".into());
    }
    assert_eq!(gallery.questions(), ["Who is this? 3 faces", "Who is this? 2 faces"]);
}

#[test]
fn clusters_of_other_faces_are_refused() {
    let gallery = gallery();
    let faces = Faces::new(&gallery.faces, &gallery.places, 1, Distance::Euclidean).unwrap();
    let error = review(&faces, &[None], &gallery.people, &Default::default()).unwrap_err();
    assert!(matches!(error, GalleryError::BadArgument { .. }), "{error}");
}
