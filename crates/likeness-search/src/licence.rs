//! The licence of a model, which its embeddings inherit.

use serde::{Deserialize, Serialize};

/// The conditions of a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Terms {
    /// Any use, if the copyright notice is kept.
    Permissive,
    /// Research and private use only.
    NonCommercial,
    /// GPL or AGPL: works based on it must have the same licence.
    Copyleft,
    /// The terms are unknown.
    Unstated,
}

impl Terms {
    /// The name in files and JSON documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Permissive => "permissive",
            Self::NonCommercial => "non-commercial",
            Self::Copyleft => "copyleft",
            Self::Unstated => "unstated",
        }
    }

    /// Whether the licence allows commercial use without conditions on other works.
    pub fn allow_commercial_use(self) -> bool {
        self == Self::Permissive
    }

    /// The stricter of two terms. A work made of two models has the terms of both.
    ///
    /// Unknown terms are the strictest, because nothing is allowed that is not stated.
    pub fn stricter(self, other: Self) -> Self {
        let rank = |terms| match terms {
            Self::Permissive => 0,
            Self::Copyleft => 1,
            Self::NonCommercial => 2,
            Self::Unstated => 3,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// The licence of a model's weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// The name, such as an SPDX identifier.
    pub name: String,
    /// The conditions.
    pub terms: Terms,
}

impl Licence {
    /// The licence of descriptors, which have no weights: that of this program.
    pub fn of_program() -> Self {
        Self { name: env!("CARGO_PKG_LICENSE").to_owned(), terms: Terms::Permissive }
    }

    /// The licence of a model about which nothing is known.
    pub fn unstated() -> Self {
        Self { name: "not stated".to_owned(), terms: Terms::Unstated }
    }
}
