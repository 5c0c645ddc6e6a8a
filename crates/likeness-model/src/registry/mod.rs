//! Public weights: which there are, where they lie on this machine, and how they get there.
//!
//! 1. [`entry`] reads the list that is compiled in (`registry.toml`): name, terms, address, checksum;
//! 2. [`locate`] finds a model's file in the models folders, and the best detector that is present;
//! 3. [`pull()`] downloads a file, resuming and checking it;
//! 4. [`import()`] copies a file the user brought.

mod cascade;
pub mod entry;
mod hash;
pub mod import;
pub mod locate;
pub mod pull;

pub use entry::{Confirmed, DetectorFamily, Entry, ModelKind, Terms, Verification, by_name, entries};
pub use hash::sha256_of;
pub use import::{Import, Imported, import};
pub use locate::{Places, best_detector, find_detector, find_model};
pub use pull::{Pull, Pulled, pull};
