//! Public weights: lists them, finds them on this machine, and downloads them.
//!
//! 1. [`entry`] parses the compiled-in list (`registry.toml`): name, terms, address, checksum.
//! 2. [`locate`] finds a model's file in the models folders, and the best available detector.
//! 3. [`pull()`] downloads a file, with resuming and verification.
//! 4. [`import()`] copies a file that the user provides.

mod cascade;
pub mod entry;
mod hash;
pub mod import;
pub mod locate;
pub mod pull;

pub use entry::{Confirmed, DetectorFamily, Entry, ModelKind, Verification, by_name, entries};
pub use hash::sha256_of;
pub use import::{Import, Imported, import};
pub use locate::{Places, best_detector, find_detector, find_model};
pub use pull::{Pull, Pulled, pull};
