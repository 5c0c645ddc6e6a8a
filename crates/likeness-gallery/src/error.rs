//! Errors of galleries.

use std::path::PathBuf;

use crate::{DecisionId, ItemId, PersonId};

/// Result type of this crate.
pub type Result<T, E = GalleryError> = std::result::Result<T, E>;

/// An error of a gallery.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GalleryError {
    /// A file that is not a gallery, or a damaged one.
    #[error("{}: {reason}", path.display())]
    BadGallery {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// How to go on.
        hint: String,
    },
    /// A request that the gallery cannot carry out.
    #[error("{reason}")]
    BadArgument {
        /// What was expected and what was found.
        reason: String,
        /// How to go on.
        hint: String,
    },
    /// A decision names a person that does not exist.
    #[error("person {person}: the gallery has no such person")]
    NoPerson {
        /// The number of the person.
        person: PersonId,
    },
    /// A decision names a face that does not exist.
    #[error("face {item}: the gallery has no such face")]
    NoItem {
        /// The number of the face.
        item: ItemId,
    },
    /// A decision cannot be undone, because later ones depend on it.
    #[error("decision {decision}: later decisions depend on it: {}", list(dependent))]
    NeededLater {
        /// The decision to undo.
        decision: DecisionId,
        /// The decisions that depend on it.
        dependent: Vec<DecisionId>,
    },
    /// The database reported an error.
    #[error("{}: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// The database's error.
        source: rusqlite::Error,
    },
    /// Embeddings cannot be compared or stored.
    #[error(transparent)]
    Search(#[from] likeness_search::SearchError),
    /// A file of another program cannot be read or written.
    #[error(transparent)]
    Exchange(#[from] crate::exchange::ExchangeError),
    /// A file cannot be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

fn list(decisions: &[DecisionId]) -> String {
    decisions.iter().map(DecisionId::to_string).collect::<Vec<_>>().join(", ")
}

impl GalleryError {
    /// A suggestion for solving the problem, in one sentence, if there is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::BadGallery { hint, .. } | Self::BadArgument { hint, .. } => Some(hint),
            Self::NoPerson { .. } => Some("list the people with `likeness people list`"),
            Self::NoItem { .. } => Some("list the faces with `likeness gallery list --faces`"),
            Self::NeededLater { .. } => Some("undo the later decisions first"),
            Self::Database { .. } => None,
            Self::Search(error) => error.hint(),
            Self::Exchange(error) => error.hint(),
            Self::Io(_) => None,
        }
    }
}
