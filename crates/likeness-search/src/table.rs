//! The embeddings of a set of photos: one row of facts and one vector for each face.
//!
//! A table is checked when it is created, so that later code can rely on equal lengths and finite values.

mod file;
mod foreign;
mod header;
mod kind;
mod place;
mod version_one;
mod writer;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Distance, Licence, Result, SearchError, Thresholds};

pub use foreign::ForeignFormat;
pub use kind::{TableKind, is_embeddings_file};
pub use writer::EmbeddingWriter;

/// Name of the model of embeddings by another program, and the beginning of its fingerprint.
const EXTERNAL: &str = "external";

/// The model that made a table's embeddings. Embeddings with equal fingerprints can be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelTag {
    /// The model's name.
    pub name: String,
    /// SHA-256 in hexadecimal over everything that affects the embeddings.
    pub fingerprint: String,
    /// The number of values in an embedding.
    pub dimension: usize,
    /// The distance that the model was made for.
    pub distance: Distance,
    /// The licence of the model, which its embeddings inherit; `None` if it is not known.
    pub licence: Option<Licence>,
    /// The model's thresholds; empty if none were measured.
    pub thresholds: Thresholds,
}

impl ModelTag {
    /// Creates a tag from its parts, without a licence and without thresholds.
    pub fn new(
        name: impl Into<String>,
        fingerprint: impl Into<String>,
        dimension: usize,
        distance: Distance,
    ) -> Self {
        Self {
            name: name.into(),
            fingerprint: fingerprint.into(),
            dimension,
            distance,
            licence: None,
            thresholds: Thresholds::default(),
        }
    }

    /// The tag of embeddings by another program, whose file does not name the model.
    pub fn external(dimension: usize, distance: Distance) -> Self {
        Self::new(EXTERNAL, format!("{EXTERNAL}:{dimension}"), dimension, distance)
    }

    /// Whether the embeddings come from another program, whose file does not name the model.
    ///
    /// Such embeddings have equal fingerprints if they have equal dimensions, so that they can be compared.
    pub fn is_external(&self) -> bool {
        self.fingerprint == format!("{EXTERNAL}:{}", self.dimension)
    }

    fn check(&self) -> Result<()> {
        if self.dimension > 0 {
            return Ok(());
        }
        let reason = format!("{}: expected embeddings of at least one value, found dimension 0", self.name);
        Err(SearchError::BadEmbeddings { reason })
    }
}

/// Whether a photo is a query, part of the gallery, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The photo is a query.
    Query,
    /// The photo is part of the gallery.
    Gallery,
    /// The photo is both.
    #[default]
    Both,
}

impl Role {
    /// Whether the photo is a query.
    pub fn is_query(self) -> bool {
        matches!(self, Self::Query | Self::Both)
    }

    /// Whether the photo is part of the gallery.
    pub fn is_gallery(self) -> bool {
        matches!(self, Self::Gallery | Self::Both)
    }
}

/// What is known about one photo, or about one face of a photo with several.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The photo's name in a results file; all faces of a photo have the same name.
    pub name: String,
    /// The index of the face in its photo, counted from 0.
    #[serde(default, skip_serializing_if = "is_first")]
    pub face: u32,
    /// The photo's path relative to the current folder, as text. Use [`photo_path`](Self::photo_path) to open the photo.
    ///
    /// An embeddings file stores the path relative to its own folder if the photo lies below that folder, otherwise absolute.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// SHA-256 of the photo's content in hexadecimal; empty if it was not computed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// The person in the photo; `None` if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The kind of image, such as photographs, renderings or a camera's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The part of the dataset that the photo belongs to: train, validation or test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Whether the photo is a query, part of the gallery, or both.
    #[serde(default)]
    pub role: Role,
    /// The face's box in pixels of the upright photo: left, top, width, height; `None` if no detector found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face_box: Option<[i32; 4]>,
    /// Whether the model was trained on this photo or identity; `None` if the model's training photos are unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_on: Option<TrainedOnPhoto>,
}

/// How a photo is related to a model's training photos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainedOnPhoto {
    /// The model was trained neither on the photo nor on an identity of this name.
    Nothing,
    /// The model was trained on other photos of an identity of this name.
    Identity,
    /// The model was trained on the photo.
    Photo,
}

/// A photo for which no embedding could be computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkippedRow {
    /// The reason: the photo cannot be read, or no face was found.
    #[serde(rename = "skipped")]
    pub reason: String,
    /// The facts known about the photo.
    pub row: Row,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes references
fn is_first(face: &u32) -> bool {
    *face == 0
}

impl Row {
    /// A row of which only the photo's name is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    fn check_values(&self, embedding: &[f32], expected: &str, good: impl Fn(f32) -> bool) -> Result<()> {
        match embedding.iter().position(|&value| !good(value)) {
            None => Ok(()),
            Some(at) => Err(SearchError::BadEmbeddings {
                reason: format!(
                    "{}: expected {expected}, found {} at position {at} of its embedding",
                    self.name, embedding[at]
                ),
            }),
        }
    }
}

/// Embeddings, the photos they come from, and the model that made them.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingTable {
    model: ModelTag,
    rows: Vec<Row>,
    embeddings: Vec<f32>,
    skipped: Vec<SkippedRow>,
}

impl EmbeddingTable {
    /// Creates a table from its parts.
    ///
    /// # Shapes        rows: \[n\]   ·   embeddings: n × `model.dimension`, row-major
    /// # Errors        a dimension of 0, a number of values other than n × dimension, a value that is not finite (with its row
    ///   name) → `BadEmbeddings`
    pub fn new(model: ModelTag, rows: Vec<Row>, embeddings: Vec<f32>) -> Result<Self> {
        let bad = |reason| Err(SearchError::BadEmbeddings { reason });
        model.check()?;
        if rows.len().checked_mul(model.dimension) != Some(embeddings.len()) {
            return bad(format!(
                "{}: expected {} rows of {} values each, found {} values",
                model.name,
                rows.len(),
                model.dimension,
                embeddings.len()
            ));
        }
        let table = Self { model, rows, embeddings, skipped: Vec::new() };
        table.check_values("a finite number", |value| value.is_finite())?;
        Ok(table)
    }

    /// The model that made the embeddings.
    pub fn model(&self) -> &ModelTag {
        &self.model
    }

    /// The same embeddings as those of `model`, which the user states for embeddings by another program.
    ///
    /// # Errors        the model has another dimension → `BadEmbeddings`
    pub fn with_model(self, model: ModelTag) -> Result<Self> {
        if model.dimension == self.model.dimension {
            return Ok(Self { model, ..self });
        }
        let reason = format!(
            "expected embeddings of {} values as by the model {}, found {} values ({})",
            model.dimension, model.name, self.model.dimension, self.model.name
        );
        Err(SearchError::BadEmbeddings { reason })
    }

    /// The photos, in order.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Adds the photos for which no embedding could be computed.
    pub fn with_skipped(self, skipped: Vec<SkippedRow>) -> Self {
        Self { skipped, ..self }
    }

    /// The photos for which no embedding could be computed.
    pub fn skipped(&self) -> &[SkippedRow] {
        &self.skipped
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the table has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The number of values in an embedding.
    pub fn dimension(&self) -> usize {
        self.model.dimension
    }

    /// All embeddings: n × dimension values, row-major.
    pub fn embeddings(&self) -> &[f32] {
        &self.embeddings
    }

    /// The embedding of the row at `index`.
    ///
    /// # Panics        `index` is not below [`len`](Self::len)
    pub fn embedding(&self, index: usize) -> &[f32] {
        &self.embeddings[index * self.model.dimension..][..self.model.dimension]
    }

    /// A table of the rows for which `keep` returns true, in order. Skipped photos are filtered in the same way.
    pub fn select(&self, keep: impl Fn(&Row) -> bool) -> Self {
        let indices: Vec<usize> = (0..self.len()).filter(|&i| keep(&self.rows[i])).collect();
        let skipped = self.skipped.iter().filter(|skipped| keep(&skipped.row)).cloned().collect();
        self.take(&indices).with_skipped(skipped)
    }

    /// A table of the rows at `indices`, in that order.
    pub(crate) fn take(&self, indices: &[usize]) -> Self {
        Self {
            model: self.model.clone(),
            rows: indices.iter().map(|&i| self.rows[i].clone()).collect(),
            embeddings: indices.iter().flat_map(|&i| self.embedding(i)).copied().collect(),
            skipped: Vec::new(),
        }
    }

    /// A table of the rows at `indices`, in ascending order; borrows `self` if these are all rows, to avoid a copy.
    pub(crate) fn part(&self, indices: &[usize]) -> Cow<'_, Self> {
        if indices.len() == self.len() { Cow::Borrowed(self) } else { Cow::Owned(self.take(indices)) }
    }

    /// Checks that `distance` is defined for these embeddings.
    ///
    /// # Errors        a negative value under the Jaccard distance (with its row name) → `BadEmbeddings`
    pub fn check_for(&self, distance: Distance) -> Result<()> {
        match distance {
            Distance::Jaccard => self.check_values(
                "no negative value, as the jaccard distance compares histograms (use cosine or euclidean)",
                |value| value >= 0.0,
            ),
            Distance::Cosine | Distance::Euclidean | Distance::SquaredEuclidean => Ok(()),
        }
    }

    /// Checks that the embeddings of `queries` can be compared with those of this gallery.
    ///
    /// # Errors        the two tables differ in dimension or fingerprint → `BadEmbeddings`, with the expected and the found value
    pub(crate) fn check_comparable(&self, queries: &Self) -> Result<()> {
        let (expected, received) = (&self.model, &queries.model);
        let bad = |reason| Err(SearchError::BadEmbeddings { reason });
        if expected.dimension != received.dimension {
            return bad(format!(
                "queries: expected embeddings of {} values as in the gallery ({}), received {} ({})",
                expected.dimension, expected.name, received.dimension, received.name
            ));
        }
        if expected.fingerprint != received.fingerprint && (expected.is_external() || received.is_external())
        {
            return bad(format!(
                "queries: one side was embedded by {}, but the file of the other side does not name its model; \
                 name the model with --model if it is the same, or embed both sides with one model",
                if expected.is_external() { &received.name } else { &expected.name }
            ));
        }
        if expected.fingerprint != received.fingerprint {
            return bad(format!(
                "queries: expected embeddings of the gallery's model {} (fingerprint {}), received {} ({}); \
                 embed both sides with one model",
                expected.name, expected.fingerprint, received.name, received.fingerprint
            ));
        }
        Ok(())
    }

    fn check_values(&self, expected: &str, good: impl Fn(f32) -> bool) -> Result<()> {
        let embeddings = self.embeddings.chunks_exact(self.model.dimension);
        self.rows
            .iter()
            .zip(embeddings)
            .try_for_each(|(row, values)| row.check_values(values, expected, &good))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(dimension: usize) -> ModelTag {
        ModelTag::new("toy", "f00d", dimension, Distance::Cosine)
    }

    fn reason(result: Result<EmbeddingTable>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn wrong_parts_are_named() {
        let rows = || vec![Row::new("a.jpg"), Row::new("b.jpg")];
        assert!(reason(EmbeddingTable::new(tag(0), rows(), vec![])).contains("dimension 0"));
        let short = reason(EmbeddingTable::new(tag(2), rows(), vec![0.0; 3]));
        assert_eq!(short, "toy: expected 2 rows of 2 values each, found 3 values");
        let nan = reason(EmbeddingTable::new(tag(2), rows(), vec![0.0, 1.0, 2.0, f32::NAN]));
        assert_eq!(nan, "b.jpg: expected a finite number, found NaN at position 1 of its embedding");
        assert!(reason(EmbeddingTable::new(tag(usize::MAX), rows(), vec![])).contains("2 rows"));
    }

    #[test]
    fn a_negative_value_is_no_histogram() {
        let table = EmbeddingTable::new(tag(2), vec![Row::new("a.jpg")], vec![1.0, -0.5]).unwrap();
        assert!(table.check_for(Distance::Cosine).is_ok());
        let refused = table.check_for(Distance::Jaccard).unwrap_err().to_string();
        assert!(refused.starts_with("a.jpg: expected no negative value"), "{refused}");
    }

    #[test]
    fn select_keeps_rows_with_their_embeddings() {
        let mut rows = vec![Row::new("a"), Row::new("b"), Row::new("c")];
        rows[1].role = Role::Query;
        let table = EmbeddingTable::new(tag(1), rows, vec![1.0, 2.0, 3.0]).unwrap();
        let gallery = table.select(|row| row.role.is_gallery());
        assert_eq!(gallery.embeddings(), [1.0, 3.0]);
        assert_eq!(gallery.rows()[1].name, "c");
    }
}
