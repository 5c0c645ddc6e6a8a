//! Distances between embeddings; smaller is always closer.

pub(crate) mod cosine;
mod euclidean;
pub(crate) mod jaccard;
mod lanes;
pub(crate) mod squared_euclidean;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::SearchError;

/// The measure of how different two embeddings are; smaller is closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// 1 − cosine similarity, in [0, 2].
    #[default]
    Cosine,
    /// Length of the difference vector.
    Euclidean,
    /// Squared length of the difference vector.
    SquaredEuclidean,
    /// 1 − Σmin / Σmax of non-negative histograms, in [0, 1].
    Jaccard,
}

impl Distance {
    /// All distances, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Cosine, Self::Euclidean, Self::SquaredEuclidean, Self::Jaccard];

    /// The distance's name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Euclidean => "euclidean",
            Self::SquaredEuclidean => "squared-euclidean",
            Self::Jaccard => "jaccard",
        }
    }

    /// The distance between two embeddings, computed in f64 and identical on every machine.
    ///
    /// This is the reference definition: every faster ranking method is tested against it.
    ///
    /// # Shapes        a: \[dim\]   ·   b: \[dim\]
    /// # Conventions   a zero vector has cosine distance 1 from every vector; two empty histograms have Jaccard
    ///   distance 0; the Jaccard distance is undefined for negative values, which
    ///   [`EmbeddingTable::check_for`](crate::EmbeddingTable::check_for) reports with the row
    /// # Panics        a and b differ in length
    /// # Examples
    /// ```
    /// use likeness_search::Distance;
    /// assert_eq!(Distance::Euclidean.between(&[0.0, 0.0], &[3.0, 4.0]), 5.0);
    /// assert_eq!(Distance::Cosine.between(&[1.0, 0.0], &[0.0, 2.0]), 1.0);
    /// ```
    pub fn between(&self, a: &[f32], b: &[f32]) -> f64 {
        match self {
            Self::Cosine => {
                cosine::from_dot(cosine::dot(a, b), cosine::squared_norm(a), cosine::squared_norm(b))
            }
            Self::Euclidean => euclidean::between(a, b),
            Self::SquaredEuclidean => squared_euclidean::between(a, b),
            Self::Jaccard => jaccard::from_common(jaccard::common(a, b), jaccard::mass(a), jaccard::mass(b)),
        }
    }
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Distance {
    type Err = SearchError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|d| d.name() == name).ok_or_else(|| SearchError::BadArgument {
            reason: format!(
                "{name}: unknown distance; expected cosine, euclidean, squared-euclidean or jaccard"
            ),
        })
    }
}
