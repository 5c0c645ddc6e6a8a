//! A set of photos as a model sees them: one row of facts and one vector each.
//!
//! The table is checked when it is made, so that everything after it can rely on equal lengths and finite values.

mod file;
mod header;
mod kind;
mod place;
mod version_one;
mod writer;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Distance, Result, SearchError};

pub use kind::{TableKind, is_embeddings_file};
pub use writer::EmbeddingWriter;

/// The model behind a table; embeddings of equal fingerprints can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelTag {
    /// The model's name.
    pub name: String,
    /// SHA-256, in hexadecimal, over everything that decides the numbers.
    pub fingerprint: String,
    /// Length of an embedding.
    pub dimension: usize,
    /// The distance the model is meant to be compared with.
    pub distance: Distance,
}

impl ModelTag {
    /// A tag from its parts.
    pub fn new(
        name: impl Into<String>,
        fingerprint: impl Into<String>,
        dimension: usize,
        distance: Distance,
    ) -> Self {
        Self { name: name.into(), fingerprint: fingerprint.into(), dimension, distance }
    }

    fn check(&self) -> Result<()> {
        if self.dimension > 0 {
            return Ok(());
        }
        let reason = format!("{}: expected embeddings of at least one value, found dimension 0", self.name);
        Err(SearchError::BadEmbeddings { reason })
    }
}

/// The side of a search a photo stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Searched for.
    Query,
    /// Searched in.
    Gallery,
    /// Either.
    #[default]
    Both,
}

impl Role {
    /// Whether the photo may be searched for.
    pub fn is_query(self) -> bool {
        matches!(self, Self::Query | Self::Both)
    }

    /// Whether the photo may be found.
    pub fn is_gallery(self) -> bool {
        matches!(self, Self::Gallery | Self::Both)
    }
}

/// What is known about one photo, or about one face of a photo with several.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The name the photo has in a results file; all faces of a photo have the same.
    pub name: String,
    /// Which face of the photo this is, counted from 0.
    #[serde(default, skip_serializing_if = "is_first")]
    pub face: u32,
    /// The photo's path from the current folder, as text; [`photo_path`](Self::photo_path) gives it to open the photo.
    ///
    /// An embeddings file stores it relative to its own folder if the photo lies below that folder, else absolute.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// SHA-256 of the photo's content, in hexadecimal; empty where it was not computed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// The person it shows; `None` where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Where it comes from: photographs, renderings, a camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The part of the dataset it belongs to: train, validation, test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// The side of a search it stands on.
    #[serde(default)]
    pub role: Role,
    /// What the model was trained on of this photo; `None` where the model's training photos are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_on: Option<TrainedOnPhoto>,
}

/// What a model was trained on of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainedOnPhoto {
    /// Neither the photo nor an identity of this name.
    Nothing,
    /// Other photos of an identity of this name.
    Identity,
    /// The photo itself.
    Photo,
}

/// A photo that should have an embedding and has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkippedRow {
    /// Why: it cannot be read, or no face was found.
    #[serde(rename = "skipped")]
    pub reason: String,
    /// What is known about the photo.
    pub row: Row,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes references
fn is_first(face: &u32) -> bool {
    *face == 0
}

impl Row {
    /// A photo of which only the name is known.
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

/// Embeddings with the photos they come from and the model that made them.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingTable {
    model: ModelTag,
    rows: Vec<Row>,
    embeddings: Vec<f32>,
    skipped: Vec<SkippedRow>,
}

impl EmbeddingTable {
    /// A table from its parts.
    ///
    /// # Shapes        rows: \[n\]   ·   embeddings: n × `model.dimension`, row-major
    /// # Errors        a dimension of 0, another number of values than n × dimension, a value that is not
    ///   finite, by row name → `BadEmbeddings`
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

    /// The photos, in order.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The same table, which also says of which photos it has no embedding.
    pub fn with_skipped(self, skipped: Vec<SkippedRow>) -> Self {
        Self { skipped, ..self }
    }

    /// Photos that should have an embedding and have none.
    pub fn skipped(&self) -> &[SkippedRow] {
        &self.skipped
    }

    /// How many photos there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no photo.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Length of an embedding.
    pub fn dimension(&self) -> usize {
        self.model.dimension
    }

    /// All embeddings, one after another: n × dimension, row-major.
    pub fn embeddings(&self) -> &[f32] {
        &self.embeddings
    }

    /// The embedding of the photo at `index`.
    ///
    /// # Panics        `index` is not below [`len`](Self::len)
    pub fn embedding(&self, index: usize) -> &[f32] {
        &self.embeddings[index * self.model.dimension..][..self.model.dimension]
    }

    /// The photos that `keep` wants, in order, as a table of their own; also those without an embedding.
    pub fn select(&self, keep: impl Fn(&Row) -> bool) -> Self {
        let indices: Vec<usize> = (0..self.len()).filter(|&i| keep(&self.rows[i])).collect();
        let skipped = self.skipped.iter().filter(|skipped| keep(&skipped.row)).cloned().collect();
        self.take(&indices).with_skipped(skipped)
    }

    /// The photos at `indices`, in that order.
    pub(crate) fn take(&self, indices: &[usize]) -> Self {
        Self {
            model: self.model.clone(),
            rows: indices.iter().map(|&i| self.rows[i].clone()).collect(),
            embeddings: indices.iter().flat_map(|&i| self.embedding(i)).copied().collect(),
            skipped: Vec::new(),
        }
    }

    /// The photos at `indices`, ascending: the table itself if that is all of it, so that nothing is copied.
    pub(crate) fn part(&self, indices: &[usize]) -> Cow<'_, Self> {
        if indices.len() == self.len() { Cow::Borrowed(self) } else { Cow::Owned(self.take(indices)) }
    }

    /// Whether `distance` is defined for these embeddings.
    ///
    /// # Errors        the Jaccard distance and a negative value, by row name → `BadEmbeddings`
    pub fn check_for(&self, distance: Distance) -> Result<()> {
        match distance {
            Distance::Jaccard => self.check_values(
                "no negative value, as the jaccard distance compares histograms (take cosine or euclidean)",
                |value| value >= 0.0,
            ),
            Distance::Cosine | Distance::Euclidean | Distance::SquaredEuclidean => Ok(()),
        }
    }

    /// Whether the embeddings of `queries` and of this gallery can be compared.
    ///
    /// # Errors        another dimension or fingerprint, expected and received → `BadEmbeddings`
    pub(crate) fn check_comparable(&self, queries: &Self) -> Result<()> {
        let (expected, received) = (&self.model, &queries.model);
        let bad = |reason| Err(SearchError::BadEmbeddings { reason });
        if expected.dimension != received.dimension {
            return bad(format!(
                "queries: expected embeddings of {} values as in the gallery ({}), received {} ({})",
                expected.dimension, expected.name, received.dimension, received.name
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
