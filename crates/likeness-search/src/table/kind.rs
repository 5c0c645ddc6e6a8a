//! Is a file an embeddings file? Judged by its beginning, so that photos and tables can be told from each other quickly.

use std::io::Read;
use std::path::Path;

use super::header::{FORMAT, MAX_HEADER_BYTES};

/// Bytes of a file that are searched for marks: our headers take a few hundred.
const SEARCHED_BYTES: usize = 1 << 12;
/// What the header of each of our files contains. One damaged bit leaves at least two of them.
const MARKS: [&str; 3] = [FORMAT, "\"__metadata__\":{", "\"fingerprint\":\""];
const MARKS_LEFT: usize = 2;
/// The usual ending of an embeddings file's name.
const EXTENSION: &str = "embeddings";

/// Whether a file is an embeddings file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// Its header is that of an embeddings file, of any version. The rest may still be damaged.
    Embeddings,
    /// Its header cannot be read, and it has the remains of ours or the name ends in `.embeddings`.
    DamagedEmbeddings,
    /// Another file, a folder, or nothing that can be opened.
    Other,
}

impl TableKind {
    /// What the file at `path` is.
    pub fn of(path: &Path) -> Self {
        let Some(start) = beginning(path) else { return Self::Other };
        if has_our_header(&start) {
            Self::Embeddings
        } else if has_marks(path, &start) {
            Self::DamagedEmbeddings
        } else {
            Self::Other
        }
    }
}

/// Whether `path` is an embeddings file, of any version, judged by its header alone.
pub fn is_embeddings_file(path: &Path) -> bool {
    TableKind::of(path) == TableKind::Embeddings
}

impl super::EmbeddingTable {
    /// Whether the file at `path` is empty or an embeddings file that this program wrote, even if it has been damaged since.
    ///
    /// Such a file may be replaced without asking. The name does not matter.
    ///
    /// # Errors        the file cannot be read
    pub fn is_ours(path: &Path) -> std::io::Result<bool> {
        let start = read_beginning(path)?;
        Ok(start.is_empty() || has_our_header(&start) || count_marks(&start) >= MARKS_LEFT)
    }
}

/// Whether the file at `path`, which starts with `start` and has no readable header, was an embeddings file.
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

/// The beginning of a regular file; `None` if `path` is something else or cannot be read.
fn beginning(path: &Path) -> Option<Vec<u8>> {
    if !fs_err::metadata(path).ok()?.is_file() {
        return None;
    }
    read_beginning(path).ok()
}

/// The length of the header, and the header if it is not too long.
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
