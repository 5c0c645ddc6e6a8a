//! Numbers of what a gallery stores. Each kind has its own type.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[doc = $doc:literal] $name:ident),+ $(,)?) => {$(
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

id! {
    /// The number of a root folder.
    RootId,
    /// The number of a photo: of a content, wherever files with it lie.
    PhotoId,
    /// The number of an item: of a face in a photo, or of a whole picture.
    ItemId,
    /// The number of a model.
    ModelId,
    /// The number of a person, or of the identity of a thing.
    PersonId,
    /// The number of a decision. Later decisions have greater numbers.
    DecisionId,
}
