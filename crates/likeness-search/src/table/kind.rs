//! Recognises embeddings files by their beginning, so that photos and tables can be told apart quickly.

use std::io::Read;
use std::path::Path;

use super::ForeignFormat;
use super::header::{FORMAT, MAX_HEADER_BYTES};

/// Number of bytes at the beginning of a file that are searched for marks; our headers take a few hundred.
const SEARCHED_BYTES: usize = 1 << 12;
/// Strings that the header of each of our files contains. One damaged bit leaves at least two of them intact.
const MARKS: [&str; 3] = [FORMAT, "\"__metadata__\":{", "\"fingerprint\":\""];
const MARKS_LEFT: usize = 2;
/// The usual file name extension of an embeddings file.
const EXTENSION: &str = "embeddings";

/// Whether a file is an embeddings file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// The header is that of an embeddings file of any version. The rest may be damaged.
    Embeddings,
    /// The header cannot be read, and it contains parts of our header or the file name ends in `.embeddings`.
    DamagedEmbeddings,
    /// Embeddings that another program saved.
    Foreign(ForeignFormat),
    /// Another kind of file, a folder, or a path that cannot be opened.
    Other,
}

impl TableKind {
    /// Detects the kind of the file at `path`.
    pub fn of(path: &Path) -> Self {
        let Some(start) = beginning(path) else { return Self::Other };
        if has_our_header(&start) {
            Self::Embeddings
        } else if has_marks(path, &start) {
            Self::DamagedEmbeddings
        } else {
            ForeignFormat::of(path, &start).map_or(Self::Other, Self::Foreign)
        }
    }
}

/// Whether the header of `path` is that of an embeddings file of any version.
pub fn is_embeddings_file(path: &Path) -> bool {
    TableKind::of(path) == TableKind::Embeddings
}

impl super::EmbeddingTable {
    /// Whether the file at `path` is empty or an embeddings file written by this program, even if it was damaged afterwards.
    ///
    /// Such a file may be replaced without asking. The file name is ignored.
    ///
    /// # Errors        the file cannot be read
    pub fn is_ours(path: &Path) -> std::io::Result<bool> {
        let start = read_beginning(path)?;
        Ok(start.is_empty() || has_our_header(&start) || count_marks(&start) >= MARKS_LEFT)
    }
}

/// Whether a file with an unreadable header was an embeddings file; `start` is the beginning of the file at `path`.
pub(super) fn has_marks(path: &Path, start: &[u8]) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(EXTENSION))
        || count_marks(start) >= MARKS_LEFT
}

fn count_marks(start: &[u8]) -> usize {
    let start = &start[..start.len().min(SEARCHED_BYTES)];
    let has = |mark: &&&str| start.windows(mark.len()).any(|window| window == mark.as_bytes());
    MARKS.iter().filter(has).count()
}

fn has_our_header(start: &[u8]) -> bool {
    let Some((&length, rest)) = start.split_first_chunk() else { return false };
    let header = usize::try_from(u64::from_le_bytes(length)).ok().and_then(|length| rest.get(..length));
    let parsed = header.and_then(|header| serde_json::from_slice::<serde_json::Value>(header).ok());
    parsed.is_some_and(|header| header["__metadata__"]["format"] == FORMAT)
}

/// The beginning of a regular file; `None` if `path` is not a regular file or cannot be read.
fn beginning(path: &Path) -> Option<Vec<u8>> {
    if !fs_err::metadata(path).ok()?.is_file() {
        return None;
    }
    read_beginning(path).ok()
}

/// Reads the length of the header, and the header if it is not too long.
fn read_beginning(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = fs_err::File::open(path)?;
    let mut start = Vec::new();
    file.by_ref().take(SEARCHED_BYTES as u64).read_to_end(&mut start)?;
    if let Some(&length) = start.first_chunk() {
        let length = u64::from_le_bytes(length);
        let wanted = length.saturating_add(size_of::<u64>() as u64).saturating_sub(start.len() as u64);
        if length <= MAX_HEADER_BYTES {
            file.take(wanted).read_to_end(&mut start)?;
        }
    }
    Ok(start)
}
