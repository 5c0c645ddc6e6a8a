//! Writes files atomically, and never replaces a file that this program did not write.
//!
//! - [`write()`] and [`Pending`] write a file under a temporary name, sync it, rename it and sync its folder.
//! - [`Destination`] resolves an output path: stdout, a device or pipe to write to, or a regular file to replace.
//! - [`may_replace`] checks whether this program wrote a file; [`signature`] marks files as written by this program.
//! - [`sealed`] appends a checksum line to a text, and [`seal_of`] verifies it.
//! - [`sha256_hex`] and [`hex`] convert digests to text.
//! - [`FolderLock`] prevents two processes from working in the same folder.
//!
//! Every crate writes files through these functions; `clippy.toml` forbids all others.
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
