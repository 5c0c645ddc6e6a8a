//! Checks of labels: identities that the embeddings, the pictures or other identities contradict.
//!
//! [`mislabelled()`] finds images that look like another identity, [`conflicts`] one picture under two identities,
//! [`leaks`] a picture or an identity in two splits, and [`label_variants`] identities whose names differ only in spelling.

mod mislabelled;
mod pictures;
mod variants;

pub use mislabelled::{MislabelConfig, Scale, Suspect, Suspects, mislabelled};
pub use pictures::{Conflict, IdentityLeak, Leaks, conflicts, equal_pictures, leaks};
pub(crate) use variants::folded;
pub use variants::{LabelVariants, Spelling, label_variants, name_variants};
