//! Creates and opens the file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params};

use super::SqliteCatalogue;
use super::schema::{APPLICATION_ID, STEPS, VERSION};
use crate::catalogue::ItemKind;
use crate::{GalleryError, Result};

/// The oldest SQLite that is safe. Earlier ones can lose commits when the WAL file is reset.
pub const SQLITE_LEAST: i32 = 3_051_003;

/// How long a writer waits for another one.
const WAIT: Duration = Duration::from_secs(10);

impl SqliteCatalogue {
    /// Creates a gallery at `path`.
    ///
    /// The file is made under a temporary name and appears when it is complete.
    ///
    /// # Errors        the file exists, its folder does not → `BadArgument`; it cannot be written
    pub fn create(path: &Path, kind: ItemKind) -> Result<Self> {
        check_sqlite()?;
        if path.exists() {
            return Err(GalleryError::BadArgument {
                reason: format!("{}: exists already", path.display()),
                hint: "choose another name, or add photos to it with `likeness gallery add`".into(),
            });
        }
        let folder = folder_of(path);
        if !folder.is_dir() {
            return Err(GalleryError::BadArgument {
                reason: format!("{}: there is no folder {}", path.display(), folder.display()),
                hint: "create the folder, or name another place".into(),
            });
        }
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!(".{}.new", std::process::id()));
        let temporary = PathBuf::from(temporary);
        let made = create_at(&temporary, kind).and_then(|()| {
            // A link fails if the file exists meanwhile; a rename would replace it.
            fs_err::hard_link(&temporary, path).or_else(|_| fs_err::rename(&temporary, path))?;
            likeness_artifact::sync_folder(&folder)?;
            Ok(())
        });
        let _ = fs_err::remove_file(&temporary);
        made?;
        Self::open(path)
    }

    /// Opens a gallery for reading and writing, and brings an older version up to date.
    ///
    /// # Errors        no such file, not a gallery, a newer version, a damaged file → `BadGallery`; a read-only file → `Database`
    pub fn open(path: &Path) -> Result<Self> {
        check_sqlite()?;
        check_kind(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection =
            Connection::open_with_flags(path, flags).map_err(|error| database(path, error))?;
        let version = prepare(path, &connection).map_err(|error| not_writable(path, error))?;
        if version < VERSION {
            migrate(path, &mut connection, version)?;
        }
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Opens a gallery for reading only, also on a read-only disk.
    ///
    /// # Errors        as [`open`](Self::open); an older version → `BadGallery`
    pub fn open_read_only(path: &Path) -> Result<Self> {
        check_sqlite()?;
        check_kind(path)?;
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let plain = Connection::open_with_flags(path, flags).map_err(|error| database(path, error))?;
        let (connection, version) = match prepare(path, &plain) {
            Ok(version) => (plain, version),
            // WAL needs a file beside the database. Where none can be written nobody writes, so the file is read as it is.
            Err(GalleryError::Database { source, .. })
                if source.sqlite_error_code() == Some(ErrorCode::CannotOpen)
                    || source.sqlite_error_code() == Some(ErrorCode::ReadOnly) =>
            {
                let uri = format!("file:{}?immutable=1", uri_path(path));
                let connection =
                    Connection::open_with_flags(uri, flags).map_err(|error| database(path, error))?;
                let version = prepare(path, &connection)?;
                (connection, version)
            }
            Err(error) => return Err(error),
        };
        if version < VERSION {
            return Err(GalleryError::BadGallery {
                path: path.to_owned(),
                reason: format!(
                    "version {version} of the format, which this program reads after an update to {VERSION}"
                ),
                hint: "update it once with a command that writes, such as `likeness gallery sync`".into(),
            });
        }
        Ok(Self { connection, path: path.to_owned() })
    }
}

fn create_at(path: &Path, kind: ItemKind) -> Result<()> {
    let mut connection = Connection::open(path).map_err(|error| database(path, error))?;
    let err = |error| database(path, error);
    connection.pragma_update(None, "page_size", 4096).map_err(err)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(err)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(err)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(err)?;
    migrate(path, &mut connection, 0)?;
    connection
        .execute(
            "INSERT INTO meta VALUES ('format', 'likeness-gallery'), ('uuid', lower(hex(randomblob(16)))), ('kind', ?1), \
             ('created', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
            params![kind.name()],
        )
        .map_err(err)?;
    connection.close().map_err(|(_, error)| database(path, error))?;
    fs_err::File::open(path)?.sync_all()?;
    Ok(())
}

/// Settings of a connection. Returns the version of the file.
fn prepare(path: &Path, connection: &Connection) -> Result<u32> {
    let err = |error| database(path, error);
    connection.busy_timeout(WAIT).map_err(err)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(err)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(err)?;
    connection.pragma_update(None, "trusted_schema", false).map_err(err)?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(err)?;
    if version > VERSION {
        return Err(GalleryError::BadGallery {
            path: path.to_owned(),
            reason: format!("version {version} of the format; this program knows versions up to {VERSION}"),
            hint: "use the newer program that wrote it".into(),
        });
    }
    let format: rusqlite::Result<String> = match version {
        0 => Err(rusqlite::Error::QueryReturnedNoRows),
        _ => connection.query_row("SELECT value FROM meta WHERE key = 'format'", [], |row| row.get(0)),
    };
    match format {
        Ok(format) if format == "likeness-gallery" => Ok(version),
        Ok(_) | Err(rusqlite::Error::QueryReturnedNoRows) => Err(not_a_gallery(path)),
        Err(error) => Err(database(path, error)),
    }
}

/// Brings the file from `version` to the present one, in one transaction.
fn migrate(path: &Path, connection: &mut Connection, version: u32) -> Result<()> {
    let err = |error| database(path, error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(err)?;
    // Another process may have been faster.
    let now: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(err)?;
    for step in &STEPS[now.max(version) as usize..] {
        transaction.execute_batch(step).map_err(err)?;
    }
    transaction.pragma_update(None, "user_version", VERSION).map_err(err)?;
    transaction.commit().map_err(err)
}

/// Whether the file at `path` begins as a gallery does.
pub fn is_gallery(path: &Path) -> bool {
    path.is_file() && check_kind(path).is_ok()
}

/// Fails if the file does not begin as a gallery does.
fn check_kind(path: &Path) -> Result<()> {
    use std::io::Read;
    let mut start = [0; 100];
    let mut file = match fs_err::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(GalleryError::BadGallery {
                path: path.to_owned(),
                reason: "no such gallery".into(),
                hint: "create it with `likeness gallery create`, or check the spelling".into(),
            });
        }
        Err(error) => return Err(error.into()),
    };
    let read = file.read_exact(&mut start);
    let id = i32::from_be_bytes([start[68], start[69], start[70], start[71]]);
    if read.is_err() || &start[..16] != b"SQLite format 3\0" || id != APPLICATION_ID {
        return Err(not_a_gallery(path));
    }
    Ok(())
}

fn check_sqlite() -> Result<()> {
    let found = rusqlite::version_number();
    if found >= SQLITE_LEAST {
        return Ok(());
    }
    Err(GalleryError::BadArgument {
        reason: format!("SQLite {}: version 3.51.3 or later is needed", rusqlite::version()),
        hint: "build the program with its own SQLite, which is the default".into(),
    })
}

fn not_a_gallery(path: &Path) -> GalleryError {
    GalleryError::BadGallery {
        path: path.to_owned(),
        reason: "not a gallery of Likeness".into(),
        hint: "name a file that `likeness gallery create` made".into(),
    }
}

/// An error of the database. Damage gets a remedy.
pub(super) fn database(path: &Path, source: rusqlite::Error) -> GalleryError {
    let bad = |reason: String, hint: &str| GalleryError::BadGallery {
        path: path.to_owned(),
        reason,
        hint: hint.into(),
    };
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            bad(format!("damaged: {source}"), "restore the copy that `likeness gallery backup` made")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            bad("another process writes to it".into(), "wait until it has finished, and try again")
        }
        Some(ErrorCode::DiskFull) => {
            bad("the disk is full".into(), "free some space; nothing that was stored is lost")
        }
        Some(ErrorCode::ReadOnly) => bad(
            "it cannot be written to: the file, its folder or the disk is read-only".into(),
            "change the permissions, or work on a copy",
        ),
        _ => GalleryError::Database { path: path.to_owned(), source },
    }
}

/// The error of a gallery that is opened for writing where WAL cannot make its files.
fn not_writable(path: &Path, error: GalleryError) -> GalleryError {
    match error {
        GalleryError::Database { source, .. }
            if source.sqlite_error_code() == Some(ErrorCode::CannotOpen) =>
        {
            GalleryError::BadGallery {
                path: path.to_owned(),
                reason: "it cannot be written to: its folder or the disk is read-only".into(),
                hint: "change the permissions, or work on a copy".into(),
            }
        }
        error => error,
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The path in a URI.
fn uri_path(path: &Path) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    path.to_string_lossy()
        .chars()
        .map(|c| {
            if plain(c) {
                c.to_string()
            } else {
                c.to_string().bytes().map(|b| format!("%{b:02X}")).collect()
            }
        })
        .collect()
}
