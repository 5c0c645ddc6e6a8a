//! Distances between embeddings; smaller is closer, always.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::SearchError;

/// How far apart two embeddings are; smaller is closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// 1 − cosine similarity, in [0, 2].
    #[default]
    Cosine,
    /// Length of the difference.
    Euclidean,
    /// Squared length of the difference.
    SquaredEuclidean,
    /// 1 − Σmin / Σmax on non-negative histograms, in [0, 1].
    Jaccard,
}

impl Distance {
    /// All distances, in the order they are documented.
    pub const ALL: [Self; 4] = [Self::Cosine, Self::Euclidean, Self::SquaredEuclidean, Self::Jaccard];

    /// The name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Euclidean => "euclidean",
            Self::SquaredEuclidean => "squared-euclidean",
            Self::Jaccard => "jaccard",
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
                "{name}: no such distance; known are cosine, euclidean, squared-euclidean and jaccard"
            ),
        })
    }
}
