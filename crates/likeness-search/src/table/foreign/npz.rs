//! Reads NumPy's archives of arrays: a zip file with one entry `NAME.npy` for each array.
//!
//! | array | content |
//! |---|---|
//! | `embeddings` or `encodings`, or the only matrix of floats | one row for each face |
//! | `paths`, `files` or `names` (optional) | the photo of each row |
//! | `labels`, `identities` or `ids` (optional) | the person in each row |

use std::io::{BufReader, Read, Seek};
use std::path::Path;

use zip::ZipArchive;

use super::npy::{self, read_header, read_matrix, read_texts};
use super::npy_header::Header;
use super::{Fault, Located, Parts};
use crate::Result;

/// Names of the matrix, in order of preference.
const MATRICES: [&str; 2] = ["embeddings", "encodings"];
/// Names of the arrays of paths and of names, in order of preference.
const PATHS: [&str; 2] = ["paths", "files"];
const NAMES: &str = "names";
/// Names of the array of identities, in order of preference.
const IDENTITIES: [&str; 3] = ["labels", "identities", "ids"];
/// Deflate stores at most so many bytes in one.
const MAX_RATIO: u64 = 1032;
/// Number of arrays that a message lists.
const LISTED: usize = 8;

/// Whether `start` is the beginning of a zip file whose first entry is an array.
pub(super) fn is_archive(start: &[u8]) -> bool {
    let entry = start.strip_prefix(b"PK\x03\x04");
    let length = entry.and_then(|entry| Some(u16::from_le_bytes(*entry.get(22..)?.first_chunk()?)));
    let name = entry.zip(length).and_then(|(entry, length)| entry.get(26..)?.get(..usize::from(length)));
    name.is_some_and(|name| name.ends_with(b".npy"))
}

/// An array of the archive.
struct Array {
    index: usize,
    name: String,
    /// `Err` if the header cannot be read.
    header: Result<Header, Fault>,
}

/// Reads the embeddings, names and identities of the archive at `path`.
///
/// # Errors        the file cannot be opened → `Io`; anything else → `BadForeignFile`
pub(super) fn read(path: &Path) -> Result<Parts> {
    let file = BufReader::new(fs_err::File::open(path)?);
    read_archive(file).map_err(|located| located.of_file(path))
}

fn read_archive(file: impl Read + Seek) -> Result<Parts, Located> {
    let mut archive = ZipArchive::new(file).map_err(bad_archive)?;
    let arrays = (0..archive.len()).filter_map(|index| array(&mut archive, index).transpose());
    let arrays = arrays.collect::<Result<Vec<Array>, Fault>>()?;
    let matrix = matrix_of(&arrays)?;
    let matrix = matrix.read(&mut archive, read_matrix)?;
    let count = matrix.values.len() / matrix.dimension;
    let named =
        |names: &[&str]| names.iter().find_map(|name| arrays.iter().find(|array| array.name == *name));
    let mut texts =
        |array: &Array| array.read(&mut archive, |header, entry| read_texts(header, entry, count));
    let paths = named(&PATHS).map(&mut texts).transpose()?;
    let names = named(&[NAMES]).map(&mut texts).transpose()?;
    let identities = named(&IDENTITIES).map(&mut texts).transpose()?;
    Ok(Parts { dimension: matrix.dimension, values: matrix.values, names, paths, identities })
}

/// The array in the entry at `index`; `None` if the entry is no array.
fn array<R: Read + Seek>(archive: &mut ZipArchive<R>, index: usize) -> Result<Option<Array>, Fault> {
    // The name of an encrypted entry can be read as well.
    let name = archive.by_index_raw(index).map_err(bad_archive)?.name().map_err(bad_archive)?.into_owned();
    let Some(name) = name.strip_suffix(".npy").map(str::to_owned) else { return Ok(None) };
    let header = match archive.by_index(index) {
        Ok(mut entry) => {
            let declared = entry.size();
            let possible = entry.compressed_size().saturating_mul(MAX_RATIO).saturating_add(MAX_RATIO);
            read_header(&mut entry).and_then(|header| check_size(header, declared, possible))
        }
        Err(error) => Err(bad_archive(error)),
    };
    Ok(Some(Array { index, name, header }))
}

/// Checks the size that a header declares with that of its entry, before any memory is taken for values.
fn check_size(header: Header, declared: u64, possible: u64) -> Result<Header, Fault> {
    // The types that are not read have no size.
    let Ok(expected) = header.data_bytes() else { return Ok(header) };
    let found = declared.min(possible).saturating_sub(header.length);
    if found == expected { Ok(header) } else { Err(Fault::BadLength { expected, found }) }
}

/// The array that holds the embeddings.
fn matrix_of(arrays: &[Array]) -> Result<&Array, Fault> {
    if let Some(named) = MATRICES.iter().find_map(|name| arrays.iter().find(|array| array.name == *name)) {
        return Ok(named);
    }
    let is_matrix = |array: &&Array| array.header.as_ref().is_ok_and(Header::is_matrix);
    let matrices: Vec<&Array> = arrays.iter().filter(is_matrix).collect();
    match matrices[..] {
        [matrix] => Ok(matrix),
        [] => match arrays {
            // The fault of the only array tells more than that there is no matrix.
            [only] => Ok(only),
            _ => Err(Fault::NoMatrix { found: listed(arrays.iter()) }),
        },
        _ => Err(Fault::SeveralMatrices { found: listed(matrices.into_iter()) }),
    }
}

fn listed<'a>(arrays: impl ExactSizeIterator<Item = &'a Array>) -> String {
    let more = arrays.len().saturating_sub(LISTED);
    let names: Vec<&str> = arrays.take(LISTED).map(|array| array.name.as_str()).collect();
    match (names.is_empty(), more) {
        (true, _) => "no arrays".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    }
}

impl Array {
    /// Calls `read` with the header and the values of this array.
    fn read<R: Read + Seek, T>(
        &self,
        archive: &mut ZipArchive<R>,
        read: impl FnOnce(&Header, &mut dyn Read) -> Result<T, Fault>,
    ) -> Result<T, Located> {
        let located = |fault| Located { part: format!("array {}: ", self.name), fault };
        let header = self.header.as_ref().map_err(|fault| located(fault.clone()))?;
        let mut entry = archive.by_index(self.index).map_err(|error| located(bad_archive(error)))?;
        npy::skip(&mut entry, header.length).and_then(|()| read(header, &mut entry)).map_err(located)
    }
}

fn bad_archive(error: zip::result::ZipError) -> Fault {
    Fault::BadArchive { reason: error.to_string() }
}
