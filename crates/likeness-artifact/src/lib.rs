//! Files that this project writes: each appears whole or not at all, and never in place of somebody else's file.
//!
//! - [`write()`] and [`Pending`] write a file under a temporary name, sync it, rename it and sync its folder.
//! - [`Destination`] tells what a path that a user named stands for: stdout, a device or pipe to write through, or a
//!   regular file to be replaced as a whole.
//! - [`may_replace`] refuses to replace a file that this program did not write; [`signature`] marks files as ours.
//! - [`sealed`] and [`seal_of`] put a checksum into a text file and compare it.
//! - [`sha256_hex`] and [`hex`] write digests as text.
//! - [`FolderLock`] keeps two processes out of one folder.
//!
//! Every crate that writes goes through these functions; `clippy.toml` forbids the others.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod destination;
mod digest;
mod lock;
mod seal;
pub mod signature;
mod write;

pub use destination::{Destination, same_file};
pub use digest::{hex, sha256_hex};
pub use lock::{FolderLock, LOCK_FILE, LockError};
pub use seal::{Seal, seal_of, sealed};
pub use signature::{FileKind, may_replace};
pub use write::{
    Pending, TEMPORARY_PREFIX, is_temporary, scratch, sync_files, sync_folder, write, write_unsynced,
};
