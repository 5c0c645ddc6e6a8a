//! Stores photos, faces, people and every decision about them in one file.
//!
//! 1. A catalogue ([`ReadCatalogue`](catalogue::ReadCatalogue), [`WriteCatalogue`](catalogue::WriteCatalogue)) stores photos by their content, the faces in them (or whole pictures), their
//!    embeddings, and the log of decisions. [`SqliteCatalogue`](catalogue::SqliteCatalogue) is one SQLite file.
//! 2. A [`Decision`](decision::Decision) is what a person decided: a name, a merge, a rejection. The log is only appended to.
//! 3. [`People`](people::People) is the state that follows from the log. Another clustering, threshold or model replays the
//!    decisions and loses none.
//! 4. [`identify`](people::identify::identify) names further faces by the faces that people named.
//! 5. [`exchange`] reads and writes people and embeddings in the formats of other programs.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod assignment;
pub mod catalogue;
pub mod decision;
mod error;
pub mod exchange;
mod gallery;
mod id;
mod origin;
pub mod people;
mod rect;
pub mod sync;

pub use error::{GalleryError, Result};
pub use gallery::{Gallery, SearchPlan};
pub use id::{DecisionId, ItemId, ModelId, PersonId, PhotoId, RootId};
pub use origin::Origin;
