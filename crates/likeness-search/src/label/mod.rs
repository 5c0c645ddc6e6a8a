//! Checks of labels: identities that the embeddings, the pictures or other identities contradict.
//!
//! [`mislabelled()`] finds images that look like another identity, [`conflicts`] one picture under two identities,
//! [`leaks`] a picture or an identity in two splits, and [`similar_names`] identities whose names differ only in writing.

mod mislabelled;
mod names;
mod pictures;

pub use mislabelled::{MislabelConfig, Scale, Suspect, Suspects, mislabelled};
pub use names::{SimilarNames, similar_names};
pub use pictures::{Conflict, IdentityLeak, Leaks, conflicts, equal_pictures, leaks};
