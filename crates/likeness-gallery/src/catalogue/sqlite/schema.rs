//! The tables, and the steps from older versions to the present one.

/// `application_id` of the file: "LKGY".
pub(super) const APPLICATION_ID: i32 = 0x4c4b_4759;

/// The version that this program writes.
pub(super) const VERSION: u32 = STEPS.len() as u32;

/// The statements that lead from each version to the next; the first creates the file. A step never changes once released.
pub(super) const STEPS: [&str; 2] = [VERSION_1, VERSION_2];

/// The tables of photos, faces, people and decisions.
///
/// `embedding.id` is model · 2^40 + item, so that embeddings of a model lie together and are found by their row number.
const VERSION_1: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE model (
    id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL UNIQUE, description TEXT NOT NULL, source TEXT NOT NULL,
    detector TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('building', 'active', 'retired')),
    revision INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX one_active_model ON model (state) WHERE state = 'active';
CREATE TABLE root (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, is_whole INTEGER NOT NULL) STRICT;
CREATE TABLE photo (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sha256 TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL, width INTEGER NOT NULL,
    height INTEGER NOT NULL, taken TEXT, state TEXT NOT NULL CHECK (state IN ('present', 'missing', 'unreadable', 'removed')),
    reason TEXT NOT NULL DEFAULT '', added TEXT NOT NULL, checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE photo_path (
    root INTEGER NOT NULL REFERENCES root (id), path TEXT NOT NULL, photo INTEGER NOT NULL REFERENCES photo (id),
    bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (root, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX photo_path_photo ON photo_path (photo);
CREATE TABLE item (
    id INTEGER PRIMARY KEY AUTOINCREMENT, photo INTEGER NOT NULL REFERENCES photo (id), face INTEGER NOT NULL, box TEXT,
    landmarks TEXT, score REAL, quality REAL NOT NULL, checksum INTEGER NOT NULL, UNIQUE (photo, face)
) STRICT;
CREATE TABLE embedding (id INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, vector BLOB NOT NULL) STRICT;
CREATE TABLE person (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, hidden INTEGER NOT NULL DEFAULT 0, born TEXT) STRICT;
CREATE TABLE decision (
    id INTEGER PRIMARY KEY, time TEXT NOT NULL, actor TEXT NOT NULL, change TEXT NOT NULL, chain BLOB NOT NULL
) STRICT;
CREATE TABLE assignment (
    item INTEGER PRIMARY KEY REFERENCES item (id), label TEXT NOT NULL, person INTEGER REFERENCES person (id), origin TEXT,
    distance REAL
) STRICT;
CREATE INDEX assignment_person ON assignment (person);
";

/// Further columns of photos, and the clusters of faces.
const VERSION_2: &str = "
CREATE TABLE attribute (
    photo INTEGER NOT NULL REFERENCES photo (id), name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (photo, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE cluster (item INTEGER PRIMARY KEY, cluster INTEGER NOT NULL) STRICT;
";
