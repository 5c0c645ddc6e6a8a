//! Naming further faces: the rules of a photo, references, bad input.
#![allow(clippy::unwrap_used)] // in the functions that tests share, too

use likeness_gallery::decision::{Change, Decision};
use likeness_gallery::people::identify::{
    Assignment, Exclusion, Face, Faces, Identification, IdentifyConfig, Limits, identify, identify_photos,
};
use likeness_gallery::people::{Constraints, People};
use likeness_gallery::{DecisionId, GalleryError, ItemId, PersonId, PhotoId};
use likeness_search::{Distance, Thresholds, Verdict};

const LIMITS: Limits = Limits { same: 1.0, possible: 1.2 };
const ANNA: PersonId = PersonId(1);
const BEN: PersonId = PersonId(2);

/// Faces on a line, with their photos.
struct Line {
    faces: Vec<Face>,
    places: Vec<f32>,
    people: People,
}

impl Line {
    /// Faces 0, 1, 2… at places, each in a photo of its own.
    fn new(places: &[f32]) -> Self {
        let face = |at: i64| Face { item: ItemId(at), photo: PhotoId(at), quality: 0.9, taken: None };
        Self {
            faces: (0..places.len() as i64).map(face).collect(),
            places: places.into(),
            people: People::default(),
        }
    }

    fn decide(mut self, change: Change) -> Self {
        let id = DecisionId(self.people.decisions().len() as i64 + 1);
        let decision = Decision { id, time: String::new(), actor: String::new(), change };
        self.people.apply(&decision).unwrap();
        self
    }

    fn name(self, person: PersonId, faces: &[i64]) -> Self {
        let items = items(faces);
        self.decide(Change::Name { person, name: Some(format!("person {person}")), items })
    }

    fn one_photo(mut self, faces: &[usize]) -> Self {
        faces.iter().for_each(|at| self.faces[*at].photo = PhotoId(100));
        self
    }

    fn identify(&self) -> Identification {
        let faces = Faces::new(&self.faces, &self.places, 1, Distance::Euclidean).unwrap();
        identify(&faces, &self.people, LIMITS, &IdentifyConfig::default()).unwrap()
    }

    fn named(&self) -> Vec<(i64, i64, Verdict)> {
        short(&self.identify().assignments)
    }
}

fn items(faces: &[i64]) -> Vec<ItemId> {
    faces.iter().copied().map(ItemId).collect()
}

fn short(assignments: &[Assignment]) -> Vec<(i64, i64, Verdict)> {
    assignments.iter().map(|a| (a.item.0, a.person.0, a.verdict)).collect()
}

use Verdict::{Possible, Same};

#[test]
fn faces_near_one_person_get_the_name_and_faces_between_two_do_not() {
    // Anna at 0, Ben at 3; competing ends at 1.44, so that a face has a match up to (0.66 + 1.44) / 2 = 1.05.
    let line = Line::new(&[0.0, 3.0, 0.2, 1.0, 1.15, 1.5, 2.6, 9.0]).name(ANNA, &[0]).name(BEN, &[1]);
    assert_eq!(line.named(), [(2, 1, Same), (3, 1, Same), (4, 1, Possible), (6, 2, Same)]);
    let found = line.identify();
    assert_eq!(found.assignments[0].references, [(ItemId(0), 0.2)]);
    assert_eq!((found.assignments[0].distance, found.assignments[0].next), (0.2, None));
    // Ben at 1: a face in the middle is of nobody.
    let line = Line::new(&[0.0, 1.0, 0.1, 0.5]).name(ANNA, &[0]).name(BEN, &[1]);
    assert_eq!(line.named(), [(2, 1, Same), (3, 1, Same)], "0.5 − 0 is within the limit 0.66");
    let line = Line::new(&[0.0, 1.8, 0.9]).name(ANNA, &[0]).name(BEN, &[1]);
    assert_eq!(line.named(), [(2, 1, Possible)], "0.9 − 0 is not");
    assert_eq!(line.identify().assignments[0].next, Some((BEN, 0.9)));
}

#[test]
fn a_person_is_once_in_a_photo() {
    let line = Line::new(&[0.0, 0.3, 0.2, 0.4]).name(ANNA, &[0]);
    assert_eq!(line.named().len(), 3);
    assert_eq!(line.one_photo(&[1, 2, 3]).named(), [(2, 1, Same)]);
}

#[test]
fn a_face_named_by_hand_takes_its_person_out_of_the_photo() {
    let line = Line::new(&[0.0, 0.3, 0.2]).name(ANNA, &[0, 1]).one_photo(&[1, 2]);
    assert_eq!(line.named(), []);
}

#[test]
fn the_photo_is_assigned_as_a_whole() {
    // Both faces are nearest to Anna, but the second is also near Ben.
    let line = Line::new(&[0.0, 0.8, 0.10, 0.35]).name(ANNA, &[0]).name(BEN, &[1]).one_photo(&[2, 3]);
    assert_eq!(line.named(), [(2, 1, Same), (3, 2, Same)]);
}

#[test]
fn rejected_pairs_births_and_other_standings_are_respected() {
    let base = || Line::new(&[0.0, 0.3]).name(ANNA, &[0]);
    assert_eq!(base().named(), [(1, 1, Same)]);
    assert_eq!(base().decide(Change::Reject { person: ANNA, items: items(&[1]) }).named(), []);
    assert_eq!(base().decide(Change::NotAFace { items: items(&[1]) }).named(), []);
    assert_eq!(base().decide(Change::Ignore { items: items(&[1]) }).named(), []);
    assert_eq!(base().decide(Change::NotAFace { items: items(&[0]) }).named(), [], "no reference is left");
    let hidden = base().decide(Change::Hide { person: ANNA, hidden: true });
    assert_eq!(hidden.named(), [(1, 1, Same)], "hidden people get faces");
    for (taken, named) in
        [("2009-12-31T10:00:00", 0), ("2010-01-02", 1), ("2010-01", 1), ("2009", 0), ("2011-05-06", 1)]
    {
        let mut born = base().decide(Change::Born { person: ANNA, date: "2010-01-02".into() });
        born.faces[1].taken = Some(taken.into());
        assert_eq!(born.named().len(), named, "{taken}");
    }
    let merged = Line::new(&[0.0, 5.0, 0.3])
        .name(ANNA, &[0])
        .name(BEN, &[1])
        .decide(Change::Merge { from: vec![ANNA], into: BEN });
    assert_eq!(merged.named(), [(2, 2, Same)], "merged people get no faces");
    let merged = merged.decide(Change::Reject { person: ANNA, items: items(&[2]) });
    assert_eq!(merged.named(), []);
}

#[test]
fn only_faces_by_hand_are_references() {
    // Each face is near the one before, but only the first is of Anna by hand.
    let line = Line::new(&[0.0, 0.9, 1.8, 2.7]).name(ANNA, &[0]);
    assert_eq!(line.named(), [(1, 1, Same)]);
    assert_eq!(line.decide(Change::Confirm { person: ANNA, items: items(&[1]) }).named(), [(2, 1, Same)]);
}

#[test]
fn outliers_and_poor_faces_are_excluded_but_never_all() {
    let mut line = Line::new(&[0.0, 0.1, 0.2, 5.0, 0.3, 5.1]).name(ANNA, &[0, 1, 2, 3, 4]);
    line.faces[4].quality = 0.05;
    let found = line.identify();
    assert_eq!(short(&found.assignments), [], "face 5 is near the outlier only");
    let reasons: Vec<_> = found.excluded.iter().map(|e| (e.item.0, e.person, e.reason)).collect();
    let outlier = Exclusion::Outlier { distance: 4.8 };
    assert_eq!(reasons, [(3, ANNA, outlier), (4, ANNA, Exclusion::LowQuality { quality: 0.05 })]);

    let mut poor = Line::new(&[0.0, 0.4, 0.1]).name(ANNA, &[0, 1]);
    poor.faces[0].quality = 0.1;
    poor.faces[1].quality = 0.05;
    let found = poor.identify();
    assert_eq!(short(&found.assignments), [(2, 1, Same)]);
    assert_eq!(found.excluded.len(), 1, "the better of two poor faces remains");

    let varied = Line::new(&[0.0, 5.0, 10.0, 15.0, 0.1]).name(ANNA, &[0, 1, 2, 3]);
    let found = varied.identify();
    assert!(found.excluded.is_empty(), "no outliers without a majority");
}

/// Two-dimensional faces with a few people; some photos have several faces.
fn varied(distance: Distance) -> (Vec<Face>, Vec<f32>, People) {
    let count = 300i64;
    let mut value = 7u64;
    let mut next = || {
        value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (value >> 33) as f32 / (1u64 << 31) as f32
    };
    let face = |at: i64| Face { item: ItemId(at), photo: PhotoId(at / 3), quality: 0.5, taken: None };
    let faces = (0..count).map(face).collect();
    let mut vectors = Vec::new();
    for at in 0..count {
        let mut vector = [0.1f32; 10].map(|base| base + 0.15 * next());
        vector[at as usize % 10] += 1.0;
        let norm = match distance {
            Distance::Cosine | Distance::Euclidean | Distance::SquaredEuclidean => {
                vector.iter().map(|v| v * v).sum::<f32>().sqrt()
            }
            Distance::Jaccard => 1.0,
        };
        vectors.extend(vector.map(|v| v / norm));
    }
    let mut people = People::default();
    for person in 1..=10i64 {
        let items = (0..person).map(|n| ItemId(person - 1 + 30 * n)).collect();
        let change = Change::Name { person: PersonId(person), name: Some(person.to_string()), items };
        people
            .apply(&Decision { id: DecisionId(person), time: String::new(), actor: String::new(), change })
            .unwrap();
    }
    (faces, vectors, people)
}

#[test]
fn equivalent_distances_give_equal_names() {
    let (faces, vectors, people) = varied(Distance::Cosine);
    let run = |distance, same, possible| {
        let faces = Faces::new(&faces, &vectors, 10, distance).unwrap();
        let found = identify(&faces, &people, Limits { same, possible }, &IdentifyConfig::default()).unwrap();
        short(&found.assignments)
    };
    // Of unit vectors: squared = 2 · cosine, and the square of Euclidean.
    let euclidean = run(Distance::Euclidean, 0.6, 0.8);
    assert!(euclidean.len() > 150, "{}", euclidean.len());
    assert!(euclidean.iter().all(|(item, person, _)| item % 10 == person - 1));
    assert_eq!(run(Distance::SquaredEuclidean, 0.36, 0.64), euclidean);
    assert_eq!(run(Distance::Cosine, 0.18, 0.32), euclidean);

    let (faces, vectors, people) = varied(Distance::Jaccard);
    let faces = Faces::new(&faces, &vectors, 10, Distance::Jaccard).unwrap();
    let limits = Limits { same: 0.3, possible: 0.4 };
    let found = identify(&faces, &people, limits, &IdentifyConfig::default()).unwrap();
    let right = |a: &&Assignment| a.item.0 % 10 == a.person.0 - 1;
    assert_eq!(found.assignments.iter().filter(right).count(), found.assignments.len());
    assert!(found.assignments.len() > 100, "{}", found.assignments.len());
}

#[test]
fn the_order_of_faces_and_the_choice_of_photos_change_nothing() {
    let (faces, vectors, people) = varied(Distance::Cosine);
    let limits = Limits { same: 0.18, possible: 0.32 };
    let config = IdentifyConfig::default();
    let whole =
        identify(&Faces::new(&faces, &vectors, 10, Distance::Cosine).unwrap(), &people, limits, &config)
            .unwrap();
    let reversed: Vec<Face> = faces.iter().rev().cloned().collect();
    let turned: Vec<f32> = vectors.chunks(10).rev().flatten().copied().collect();
    let turned = Faces::new(&reversed, &turned, 10, Distance::Cosine).unwrap();
    assert_eq!(identify(&turned, &people, limits, &config).unwrap(), whole);
    let some = identify_photos(&turned, &people, limits, &config, |photo| photo.0 % 7 == 0).unwrap();
    let expected: Vec<Assignment> =
        whole.assignments.iter().filter(|a| a.item.0 / 3 % 7 == 0).cloned().collect();
    assert_eq!(some.assignments, expected);
    assert!(!expected.is_empty());
}

/// The distance to a person is the least distance to a mean vector of the nearest 1, 2, 4 or 8 references, or of all of
/// fewer, enlarged for their number.
#[test]
fn the_distance_to_a_person_is_that_to_a_mean_of_its_references() {
    let (faces, vectors, people) = varied(Distance::Euclidean);
    let all = Faces::new(&faces, &vectors, 10, Distance::Euclidean).unwrap();
    let limits = Limits { same: 0.6, possible: 0.8 };
    let found = identify(&all, &people, limits, &IdentifyConfig::default()).unwrap();
    let vector = |item: ItemId| &vectors[item.0 as usize * 10..][..10];
    for assignment in &found.assignments {
        let face = vector(assignment.item);
        let mut references: Vec<&[f32]> = people.faces(assignment.person).map(vector).collect();
        references.sort_by(|a, b| {
            Distance::Euclidean.between(face, a).total_cmp(&Distance::Euclidean.between(face, b))
        });
        let to_mean = |used: usize| {
            let mean: Vec<f32> =
                (0..10).map(|i| references[..used].iter().map(|r| r[i]).sum::<f32>() / used as f32).collect();
            let (n, used) = (references.len() as f64, used as f64);
            Distance::Euclidean.between(face, &mean)
                * (2.0 / (1.0 + 1.0 / used)).powf(0.35)
                * (n / used).powf(0.11)
        };
        let sizes =
            [1, 2, 4, 8, references.len()].into_iter().filter(|used| *used <= references.len().min(8));
        let expected = sizes.map(to_mean).fold(f64::INFINITY, f64::min);
        assert!((f64::from(assignment.distance) - expected).abs() < 1e-5, "{assignment:?} {expected}");
    }
    assert!(found.assignments.len() > 150, "{}", found.assignments.len());
}

#[test]
fn galleries_without_faces_or_people_have_no_names() {
    let nobody = Faces::new(&[], &[], 4, Distance::Cosine).unwrap();
    let config = IdentifyConfig::default();
    assert_eq!(identify(&nobody, &People::default(), LIMITS, &config).unwrap(), Identification::default());
    assert_eq!(Line::new(&[1.0, 2.0]).identify(), Identification::default());
    // The named face is of a photo that was removed.
    assert_eq!(Line::new(&[1.0]).name(ANNA, &[50]).identify(), Identification::default());
    // Vectors of zeros have a cosine distance of 1 from everything.
    let mut line = Line::new(&[0.0, 0.0, 1.0]).name(ANNA, &[0]);
    line.faces[0].quality = 0.0;
    let faces = Faces::new(&line.faces, &line.places, 1, Distance::Cosine).unwrap();
    let limits = Limits { same: 0.3, possible: 0.4 };
    assert_eq!(identify(&faces, &line.people, limits, &config).unwrap().assignments, []);
}

#[test]
fn bad_faces_are_refused() {
    let face = |item: i64| Face { item: ItemId(item), photo: PhotoId(1), quality: 0.5, taken: None };
    let two = [face(1), face(2)];
    for (faces, vectors, dimension) in [
        (&two[..], &[0.0f32; 3][..], 2usize),
        (&two[..], &[][..], 0),
        (&two[..], &[0.0, f32::NAN], 1),
        (&two[..], &[f32::INFINITY, 0.0], 1),
        (&[face(1), face(1)][..], &[0.0, 0.0], 1),
    ] {
        let error = Faces::new(faces, vectors, dimension, Distance::Cosine).unwrap_err();
        assert!(matches!(error, GalleryError::BadArgument { .. }), "{error}");
    }
    let negative = Line::new(&[1.0, -1.0]).name(ANNA, &[0]);
    let faces = Faces::new(&negative.faces, &negative.places, 1, Distance::Jaccard).unwrap();
    let error = identify(&faces, &negative.people, LIMITS, &IdentifyConfig::default()).unwrap_err();
    assert!(matches!(error, GalleryError::Search(_)), "{error}");
    let error = Limits::of(&Thresholds::default()).unwrap_err();
    assert!(matches!(error, GalleryError::BadArgument { .. }) && error.hint().is_some(), "{error}");
}

#[test]
fn constraints_follow_from_decisions_and_photos() {
    let line = Line::new(&[0.0; 9])
        .name(ANNA, &[0, 2, 4])
        .name(BEN, &[1, 3])
        .decide(Change::Reject { person: ANNA, items: items(&[5, 60]) })
        .decide(Change::NotAFace { items: items(&[6]) })
        .decide(Change::Ignore { items: items(&[8]) })
        .one_photo(&[3, 4, 6, 7]);
    let faces = Faces::new(&line.faces, &line.places, 1, Distance::Cosine).unwrap();
    let constraints = Constraints::new(&faces, &line.people);
    let pair = |a: i64, b: i64| [ItemId(a), ItemId(b)];
    assert_eq!(constraints.same, [items(&[0, 2, 4]), items(&[1, 3])]);
    assert_eq!(constraints.different, [pair(0, 5), pair(3, 7), pair(4, 7)]);
    assert_eq!(constraints.left_out, items(&[6, 8]));
    assert_eq!(constraints.must_link().collect::<Vec<_>>(), [pair(0, 2), pair(2, 4), pair(1, 3)]);
    assert_eq!(
        constraints.cannot_link().collect::<Vec<_>>(),
        [pair(0, 5), pair(3, 7), pair(4, 7), pair(0, 1)]
    );
}
