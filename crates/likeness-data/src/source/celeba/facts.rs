//! What CelebA's list files say about each picture: split, landmarks, face box and attributes.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::files::Files;
use super::list::{List, number};
use super::pictures::{PictureKind, key, size, spread};
use crate::attributes::Attributes;
use crate::geometry::{Landmarks, Point, Rect};
use crate::photos::display_name;
use crate::sample::{Sample, Split};
use crate::{DataError, Result, manifest};

/// The values of a row of landmarks. "Left" is the picture's left, as in [`Landmarks`].
const LANDMARKS: [&str; 10] = [
    "lefteye_x",
    "lefteye_y",
    "righteye_x",
    "righteye_y",
    "nose_x",
    "nose_y",
    "leftmouth_x",
    "leftmouth_y",
    "rightmouth_x",
    "rightmouth_y",
];
/// The values of a row of face boxes.
const BOX: [&str; 4] = ["x_1", "y_1", "width", "height"];

/// Adds the facts of all list files to `samples`, pictures in `folder`, and remarks on them to `notes`.
///
/// # Errors        a list that cannot be parsed → [`DataError::BadTable`] with its line number
pub(super) fn add(
    samples: &mut [Sample],
    files: &Files,
    folder: &Path,
    notes: &mut Vec<String>,
) -> Result<()> {
    if let Some(path) = &files.partition {
        let splits = partition(path)?;
        apply(samples, splits, path, notes, |sample, split| sample.split = Some(split));
    }
    if let Some(path) = &files.attributes {
        let attributes = attributes(path, notes)?;
        apply(samples, attributes, path, notes, |sample, attributes| sample.attributes = attributes);
    }
    if files.aligned_landmarks.is_none() && files.wild_landmarks.is_none() && files.boxes.is_none() {
        return Ok(());
    }
    let paths: Vec<&Path> = samples.iter().map(|sample| sample.path.as_path()).collect();
    let kind = PictureKind::of(folder, &paths);
    let (used, unused) = match kind {
        PictureKind::Aligned => (&files.aligned_landmarks, &files.wild_landmarks),
        PictureKind::InTheWild => (&files.wild_landmarks, &files.aligned_landmarks),
        PictureKind::Other => (&None, &None),
    };
    if let Some(path) = used {
        let landmarks = landmarks(path, notes)?;
        if fits(samples, &landmarks, |points| points[2]) {
            notes.push(format!("faces are aligned by the landmarks in {}", display_name(path)));
            apply(samples, landmarks, path, notes, |sample, landmarks| sample.landmarks = Some(landmarks));
        } else {
            notes.push(not_used(path, "its landmarks lie outside of the pictures, which seem to be scaled"));
        }
    }
    if let Some(path) = files.boxes.as_ref().filter(|_| kind == PictureKind::InTheWild) {
        let boxes = boxes(path, notes)?;
        if fits(samples, &boxes, Rect::centre) {
            apply(samples, boxes, path, notes, |sample, face_box| sample.face_box = Some(face_box));
        } else {
            notes.push(not_used(path, "its boxes lie outside of the pictures, which seem to be scaled"));
        }
    }
    notes.extend(unused.iter().map(|path| not_used(path, belongs(path))));
    if kind != PictureKind::InTheWild {
        notes.extend(files.boxes.iter().map(|path| not_used(path, belongs(path))));
    }
    if kind == PictureKind::Other {
        let landmarks = [&files.aligned_landmarks, &files.wild_landmarks];
        notes.extend(landmarks.into_iter().flatten().map(|path| not_used(path, belongs(path))));
    }
    Ok(())
}

fn not_used(path: &Path, reason: &str) -> String {
    format!("{} is not used: {reason}", display_name(path))
}

/// The pictures that the coordinates in the file at `path` belong to.
fn belongs(path: &Path) -> &'static str {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match name.contains("_align_") {
        true => "it belongs to the aligned pictures of 178×218 pixels (img_align_celeba)",
        false => "it belongs to the in-the-wild pictures, in a folder named img_celeba",
    }
}

/// Calls `set` with the fact of each sample, by [`key`]; notes how many have none.
fn apply<T: Clone>(
    samples: &mut [Sample],
    facts: HashMap<String, T>,
    path: &Path,
    notes: &mut Vec<String>,
    set: impl Fn(&mut Sample, T),
) {
    let mut without = 0;
    for sample in samples.iter_mut() {
        match facts.get(&key(&sample.name)) {
            Some(fact) => set(sample, fact.clone()),
            None => without += 1,
        }
    }
    if without > 0 {
        let images = if without == 1 { "image has" } else { "images have" };
        let name = path.file_name().map(|name| display_name(Path::new(name))).unwrap_or_default();
        notes.push(format!("{without} {images} no row in {name}"));
    }
}

/// Whether `point` of the facts of some samples lies inside the pictures. Unreadable pictures are not judged.
fn fits<T>(samples: &[Sample], facts: &HashMap<String, T>, point: impl Fn(&T) -> Point) -> bool {
    spread(samples).all(|sample| {
        let (Some(fact), Some((width, height))) = (facts.get(&key(&sample.name)), size(&sample.path)) else {
            return true;
        };
        let Point { x, y } = point(fact);
        (0.0..=width as f32).contains(&x) && (0.0..=height as f32).contains(&y)
    })
}

/// Reads the official split.
fn partition(path: &Path) -> Result<HashMap<String, Split>> {
    let list = List::open(path)?;
    list.expect_columns(&["partition"])?;
    let mut splits = HashMap::new();
    list.each(1, |file, part| {
        let split = match part[0] {
            "0" => Split::Train,
            "1" => Split::Validation,
            "2" => Split::Test,
            other => return Err(format!("expected 0, 1 or 2, found {other}")),
        };
        splits.insert(key(file), split);
        Ok(())
    })?;
    Ok(splits)
}

fn landmarks(path: &Path, notes: &mut Vec<String>) -> Result<HashMap<String, Landmarks>> {
    let list = List::open(path)?;
    list.expect_columns(&LANDMARKS)?;
    let mut landmarks = HashMap::new();
    notes.extend(list.each(LANDMARKS.len(), |file, values| {
        let mut points = [Point { x: 0.0, y: 0.0 }; 5];
        for (point, pair) in points.iter_mut().zip(values.chunks_exact(2)) {
            *point = Point { x: number(pair[0])?, y: number(pair[1])? };
        }
        landmarks.insert(key(file), points);
        Ok(())
    })?);
    Ok(landmarks)
}

/// Reads the face boxes; some rows of the official file have a box without an area, which is no box.
fn boxes(path: &Path, notes: &mut Vec<String>) -> Result<HashMap<String, Rect>> {
    let list = List::open(path)?;
    list.expect_columns(&BOX)?;
    let mut boxes = HashMap::new();
    notes.extend(list.each(BOX.len(), |file, values| {
        let face_box =
            Rect::new(number(values[0])?, number(values[1])?, number(values[2])?, number(values[3])?);
        if face_box.is_valid() {
            boxes.insert(key(file), face_box);
        }
        Ok(())
    })?);
    Ok(boxes)
}

fn attributes(path: &Path, notes: &mut Vec<String>) -> Result<HashMap<String, Attributes>> {
    let list = List::open(path)?;
    check_names(path, list.columns())?;
    let names: Arc<[String]> = list.columns().into();
    let mut attributes = HashMap::new();
    notes.extend(list.each(names.len(), |file, values| {
        if let Some(other) = values.iter().find(|value| !matches!(**value, "1" | "-1" | "0")) {
            return Err(format!("expected 1 or -1, found {other}"));
        }
        attributes.insert(key(file), Attributes::new(&names, values.iter().copied()));
        Ok(())
    })?);
    Ok(attributes)
}

/// Checks that the names of attributes can be columns of a manifest.
fn check_names(path: &Path, names: &[String]) -> Result<()> {
    let bad = |reason: String| DataError::BadTable { path: path.to_owned(), line: None, reason };
    if names.is_empty() {
        return Err(bad("no line with the names of the attributes".to_owned()));
    }
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(bad("an attribute has no name".to_owned()));
        }
        if names[..at].contains(name) {
            return Err(bad(format!("two attributes have the name `{name}`")));
        }
        if manifest::COLUMNS.contains(&name.as_str()) {
            return Err(bad(format!("the attribute `{name}` has the name of a column of the manifest")));
        }
    }
    Ok(())
}
