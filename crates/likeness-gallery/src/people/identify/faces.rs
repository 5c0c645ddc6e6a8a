//! The faces of a gallery with their embeddings, grouped by photo.

use std::collections::BTreeMap;

use likeness_search::Distance;

use crate::{GalleryError, ItemId, PhotoId, Result};

/// The number of faces that are compared with people at a time.
const BLOCK: usize = 4096;

/// What identification needs to know about a face, or about a whole picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// The face.
    pub item: ItemId,
    /// The photo that it is in.
    pub photo: PhotoId,
    /// How well the face can be recognised, from 0 to 1.
    pub quality: f32,
    /// When the photo was taken: a time that starts with `YYYY-MM-DD`, or a part of it from the left; `None` if unknown.
    pub taken: Option<String>,
}

/// Faces with their embeddings.
#[derive(Debug, Clone, Copy)]
pub struct Faces<'a> {
    faces: &'a [Face],
    vectors: &'a [f32],
    dimension: usize,
    distance: Distance,
}

/// A photo with the positions of its faces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Photo {
    /// The faces to name.
    pub(super) open: Vec<usize>,
    /// The other faces.
    pub(super) settled: Vec<usize>,
}

impl<'a> Faces<'a> {
    /// Combines faces with their embeddings.
    ///
    /// # Shapes        vectors: \[faces, dimension\], row-major
    /// # Errors        another number of values, a value that is not finite, a face that is listed twice → `BadArgument`
    pub fn new(faces: &'a [Face], vectors: &'a [f32], dimension: usize, distance: Distance) -> Result<Self> {
        let bad = |reason: String, hint: &str| Err(GalleryError::BadArgument { reason, hint: hint.into() });
        if dimension == 0 || faces.len().checked_mul(dimension) != Some(vectors.len()) {
            let (expected, found) = (faces.len().saturating_mul(dimension), vectors.len());
            return bad(
                format!(
                    "{} faces: expected {expected} values of dimension {dimension}, found {found}",
                    faces.len()
                ),
                "compute the embeddings again",
            );
        }
        if let Some(at) = vectors.iter().position(|value| !value.is_finite()) {
            let item = faces[at / dimension].item;
            return bad(
                format!("face {item}: its embedding has a value that is not finite"),
                "compute its embedding again",
            );
        }
        let mut items: Vec<ItemId> = faces.iter().map(|face| face.item).collect();
        items.sort_unstable();
        if let Some(twice) = items.windows(2).find(|pair| pair[0] == pair[1]) {
            return bad(format!("face {}: listed twice", twice[0]), "list every face once");
        }
        Ok(Self { faces, vectors, dimension, distance })
    }

    /// The faces, in the order of their embeddings.
    pub fn as_slice(&self) -> &'a [Face] {
        self.faces
    }

    pub(super) fn distance(&self) -> Distance {
        self.distance
    }

    pub(super) fn dimension(&self) -> usize {
        self.dimension
    }

    pub(super) fn vector(&self, at: usize) -> &'a [f32] {
        &self.vectors[at * self.dimension..(at + 1) * self.dimension]
    }

    pub(super) fn between(&self, a: usize, b: usize) -> f32 {
        self.distance.between(self.vector(a), self.vector(b)) as f32
    }

    pub(super) fn photos(&self) -> impl Iterator<Item = PhotoId> {
        self.faces.iter().map(|face| face.photo)
    }

    /// The positions of faces by item.
    pub(super) fn positions(&self) -> BTreeMap<ItemId, usize> {
        self.faces.iter().enumerate().map(|(at, face)| (face.item, at)).collect()
    }

    /// Some photos by number, in blocks of a few thousand open faces; their faces by item.
    pub(super) fn blocks(&self, photos: &[PhotoId], is_open: impl Fn(ItemId) -> bool) -> Vec<Vec<Photo>> {
        let mut grouped: BTreeMap<PhotoId, Photo> = BTreeMap::new();
        for (_, at) in self.positions() {
            let face = &self.faces[at];
            if photos.binary_search(&face.photo).is_err() {
                continue;
            }
            let photo = grouped.entry(face.photo).or_default();
            if is_open(face.item) { photo.open.push(at) } else { photo.settled.push(at) }
        }
        let mut blocks: Vec<Vec<Photo>> = Vec::new();
        let mut size = BLOCK;
        for photo in grouped.into_values().filter(|photo| !photo.open.is_empty()) {
            if size >= BLOCK {
                blocks.push(Vec::new());
                size = 0;
            }
            size += photo.open.len();
            blocks.last_mut().expect("a block was added").push(photo);
        }
        blocks
    }
}
