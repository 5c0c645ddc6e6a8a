//! A catalogue in one SQLite file.
//!
//! The file is in WAL mode: several processes read while one writes. `synchronous=FULL` makes every commit survive a power loss.
//! SQLite detects damage to its own structure; rows have checksums of their own, so that a changed value is detected too, and the
//! log of decisions is a chain: each row's checksum includes the one before it.

mod check;
mod description;
mod open;
mod read;
mod row;
mod schema;
mod write;

use std::path::{Path, PathBuf};

use rusqlite::Connection;

pub use open::{SQLITE_LEAST, is_gallery};

use crate::GalleryError;

/// A catalogue in one SQLite file.
pub struct SqliteCatalogue {
    connection: Connection,
    path: PathBuf,
}

impl SqliteCatalogue {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An error of the database as an error of this crate.
    fn error(&self, source: rusqlite::Error) -> GalleryError {
        open::database(&self.path, source)
    }
}

#[cfg(test)]
mod tests;
