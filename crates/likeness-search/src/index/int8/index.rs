//! The index: opens, appends, removes and searches.

use std::fs::TryLockError;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs_err::{File, OpenOptions};
use likeness_artifact::Pending;
use rayon::prelude::*;

use super::file::{self, Batch, Block, Kind};
use super::kernel::Machine;
use super::key::{CodesKey, FIXED};
use super::layout::{LINE, Line, lines, row_of};
use super::map::Content;
use super::quantize::{quantize_row, zero_code};
use super::query::Query;
use super::rerank::{Found, Vectors, rerank};
use super::rows::Rows;
use super::scan::Scan;
use super::selection::Selection;
use crate::{CodesFault, Distance, Result, SearchError};

/// Queries that are searched together.
const QUERY_BLOCK: usize = 128;
/// Rows of a block of a file that is written at once.
const BLOCK_ROWS: usize = 1 << 14;
/// Lines of codes that are kept in memory before the file is mapped again (64 MiB).
const MOST_COPIED: usize = 1 << 20;
/// Largest number of rows; a search counts them with 32 bits, including unused places.
const MOST_ROWS: u64 = 1 << 31;
/// Largest dimension for which sums of products fit 32 bits.
const MOST_VALUES: usize = 1 << 16;

/// An index of int8 codes in a file, searched exactly.
///
/// The file is a copy of vectors that are stored elsewhere, under ids of 64 bits. It can be deleted and built again at any time.
/// One process appends and removes, and any number of others read at the same time. Neither operation rewrites the file.
///
/// # Conventions   equal distances rank by id
/// # Examples
///
/// ```
/// use likeness_search::{CodesKey, Distance, Int8Index, Vectors};
///
/// struct Stored(Vec<[f32; 2]>);
/// impl Vectors for Stored {
///     fn read(&self, ids: &[u64], into: &mut Vec<f32>) -> likeness_search::Result<()> {
///         ids.iter().for_each(|id| into.extend(self.0[*id as usize]));
///         Ok(())
///     }
/// }
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("family.codes");
/// let key = CodesKey {
///     fingerprint: "f00d".into(),
///     dimension: 2,
///     distance: Distance::Euclidean,
///     gallery: "3f2a".into(),
/// };
/// let stored = Stored(vec![[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]);
/// let mut index = Int8Index::create(&path, &key)?;
/// index.append(&[0, 1, 2], stored.0.as_flattened(), 1)?;
///
/// let found = index.search(&[0.0, 0.0], 2, None, &stored)?;
/// assert_eq!(found.neighbours[0].iter().map(|n| (n.id, n.distance)).collect::<Vec<_>>(), [(0, 0.0), (2, 1.0)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Int8Index {
    path: PathBuf,
    key: CodesKey,
    file: File,
    /// The checksum of the file's header, which its blocks repeat.
    file_id: u32,
    rows: Rows,
    end: u64,
    revision: u64,
    incomplete_bytes: u64,
    is_writable: bool,
    machine: Machine,
}

impl Int8Index {
    /// Creates an index without rows, at revision 0, and opens it for writing. An existing file is replaced.
    ///
    /// # Errors        a dimension of 0 or above 65,536 → `BadArgument`; the file cannot be written → `Io`
    pub fn create(path: &Path, key: &CodesKey) -> Result<Self> {
        check_key(key)?;
        Pending::write(path, |out| out.write_all(&key.encode()))?.persist()?;
        Self::open_writable(path, key)
    }

    /// Opens an index for reading. Blocks that another process appends later are seen after [`Int8Index::refresh`].
    ///
    /// # Errors        the file belongs to another key, has a newer version, or is damaged → [`SearchError::Codes`] with a
    ///   fault for which [`CodesFault::is_rebuildable`] holds; the file does not exist or cannot be read → `Io`
    pub fn open(path: &Path, key: &CodesKey) -> Result<Self> {
        Self::open_with(path, key, false, Content::open)
    }

    /// Opens an index for reading, appending and removing. An incomplete block at the end, left by a process that was
    /// killed, is cut off.
    ///
    /// # Errors        as [`Int8Index::open`]; another index writes the file → [`CodesFault::Locked`]
    pub fn open_writable(path: &Path, key: &CodesKey) -> Result<Self> {
        Self::open_with(path, key, true, Content::open)
    }

    /// As [`Int8Index::open`], without a memory mapping.
    #[cfg(test)]
    pub(super) fn open_unmapped(path: &Path, key: &CodesKey) -> Result<Self> {
        Self::open_with(path, key, false, Content::read)
    }

    fn open_with(
        path: &Path,
        key: &CodesKey,
        is_writable: bool,
        content: fn(&std::fs::File, usize) -> std::io::Result<Content>,
    ) -> Result<Self> {
        check_key(key)?;
        let fault = |fault| SearchError::Codes { path: path.to_owned(), fault };
        let mut file = OpenOptions::new().read(true).write(is_writable).open(path)?;
        if is_writable {
            lock(&file).map_err(|error| error.map_or_else(SearchError::Io, fault))?;
        }
        let header = read_header(&mut file)?.map_err(fault)?;
        CodesKey::decode(&header).and_then(|found| found.check(key)).map_err(fault)?;
        let (file_id, start) = (crc32fast::hash(&header), header.len() as u64);
        let walked = file::walk(&mut file, start, 0, key.dimension, file_id)?.map_err(fault)?;
        let incomplete_bytes = file.metadata()?.len().saturating_sub(walked.end);
        if is_writable && incomplete_bytes > 0 {
            file.set_len(walked.end)?;
            file.sync_all()?;
        }
        let content = content(file.file(), walked.end as usize)?;
        file::verify(content.lines(), &walked.blocks).map_err(fault)?;
        let mut index = Self {
            path: path.to_owned(),
            key: key.clone(),
            file,
            file_id,
            rows: Rows::new(key.dimension, content),
            end: walked.end,
            revision: 0,
            incomplete_bytes,
            is_writable,
            machine: Machine::now(),
        };
        index.load(&walked.blocks)?;
        Ok(index)
    }

    /// Replaces the file by one with these rows, in one atomic step, and opens it for writing.
    ///
    /// # Conventions   searches are fastest to set up if the ids increase
    /// # Errors        `rows` fails; a vector has another dimension or invalid values → `BadEmbeddings`; an id appears
    ///   twice → [`CodesFault::KnownId`]; the file cannot be written → `Io`
    pub fn rebuild(
        path: &Path,
        key: &CodesKey,
        revision: u64,
        rows: impl IntoIterator<Item = Result<(u64, Vec<f32>)>>,
    ) -> Result<Self> {
        check_key(key)?;
        let mut rows = rows.into_iter();
        let batches = std::iter::from_fn(|| {
            let (mut ids, mut vectors) = (Vec::new(), Vec::new());
            for row in rows.by_ref().take(BLOCK_ROWS) {
                match row {
                    Ok((id, vector)) => {
                        ids.push(id);
                        vectors.extend(vector);
                    }
                    Err(error) => return Some(Err(error)),
                }
            }
            (!ids.is_empty()).then(|| quantized(key, &ids, &vectors))
        });
        write_file(path, key, revision, batches)?;
        Self::open_writable(path, key)
    }

    /// Rewrites the file without its removed rows, with the others in the order of their ids, in one atomic step.
    ///
    /// # Errors        opened for reading only → [`CodesFault::ReadOnly`]; the file cannot be written → `Io`
    pub fn compact(&mut self) -> Result<()> {
        self.check_writable()?;
        let ids = self.rows.ids();
        let batches = ids.chunks(BLOCK_ROWS).map(|ids| Ok(self.copied(ids)));
        write_file(&self.path, &self.key, self.revision, batches)?;
        *self = Self::open_writable(&self.path, &self.key)?;
        Ok(())
    }

    /// Whether [`Int8Index::compact`] makes the file much smaller, or moves many rows out of memory.
    ///
    /// # Conventions   more than a third of the rows are removed, or more than 65,536 rows came in batches of fewer than sixteen
    pub fn is_worth_compacting(&self) -> bool {
        let removed = self.rows.removed();
        removed > 4096 && removed * 3 > self.rows.total() || self.rows.tail().ids().len() > 1 << 16
    }

    /// Appends rows. When this returns, they are on the disk, with the gallery's `revision`.
    ///
    /// # Shapes        ids: \[rows\]   ·   vectors: \[rows, dim\]
    /// # Conventions   all rows of a call are appended, or none. Without rows, only the revision is stored. The id of a removed row
    ///   may be appended again
    /// # Errors        an id that the index has → [`CodesFault::KnownId`]; values that are not finite, or negative under
    ///   the Jaccard distance → `BadEmbeddings`; the file cannot be written → `Io`, and the index is as before
    pub fn append(&mut self, ids: &[u64], vectors: &[f32], revision: u64) -> Result<()> {
        self.check_writable()?;
        let batch = quantized(&self.key, ids, vectors)?;
        if let Some(id) = repeated(ids).or_else(|| ids.iter().copied().find(|id| self.contains(*id))) {
            return Err(self.fault(CodesFault::KnownId { id }));
        }
        let total = self.rows.total() as u64;
        if total + ids.len() as u64 > MOST_ROWS {
            return Err(self.fault(CodesFault::TooManyRows { limit: MOST_ROWS }));
        }
        let block = file::rows_block(&batch, self.key.dimension, revision, total, self.file_id);
        let at = self.write(&block, revision)?;
        self.rows.add_written(at, ids.len(), &block[1..]);
        if self.rows.copied() > MOST_COPIED {
            self.rows.set_content(Content::open(self.file.file(), self.end as usize)?);
        }
        Ok(())
    }

    /// Removes the rows with these ids, and returns how many there were. When this returns, the change is on the disk.
    ///
    /// # Conventions   ids without a row are ignored
    /// # Errors        the file cannot be written → `Io`, and the index is as before
    pub fn remove(&mut self, ids: &[u64], revision: u64) -> Result<usize> {
        self.check_writable()?;
        let mut rows: Vec<u32> =
            ids.iter().filter_map(|id| self.rows.find(*id)).map(|place| self.rows.number_of(place)).collect();
        rows.sort_unstable();
        rows.dedup();
        let block = file::removals_block(&rows, revision, self.rows.total() as u64, self.file_id);
        self.write(&block, revision)?;
        rows.iter().for_each(|row| {
            self.rows.remove(*row);
        });
        Ok(rows.len())
    }

    /// Reads what another process has appended or replaced since the index was opened; returns whether anything changed.
    ///
    /// # Errors        as [`Int8Index::open`]
    pub fn refresh(&mut self) -> Result<bool> {
        if self.is_writable {
            return Ok(false);
        }
        if self.is_replaced()? {
            *self = Self::open(&self.path, &self.key)?;
            return Ok(true);
        }
        let (dimension, total) = (self.key.dimension, self.rows.total() as u64);
        let walked = file::walk(&mut self.file, self.end, total, dimension, self.file_id)?;
        let walked = walked.map_err(|fault| self.fault(fault))?;
        if walked.blocks.is_empty() {
            return Ok(false);
        }
        let content = Content::open(self.file.file(), walked.end as usize)?;
        file::verify(content.lines(), &walked.blocks).map_err(|fault| self.fault(fault))?;
        self.rows.set_content(content);
        self.end = walked.end;
        self.load(&walked.blocks)?;
        Ok(true)
    }

    /// The nearest rows for each query, nearest first, among all rows or those of a selection.
    ///
    /// The ranking equals that of [`Distance::between`] over all vectors.
    ///
    /// # Shapes        queries: \[queries, dim\]   ·   output: \[queries\], each of min(k, rows) neighbours
    /// # Conventions   equal distances rank by id; a `selection` is made by this index
    /// # Errors        a `k` of 0 → `BadArgument`; queries with values that are not finite, or negative under the
    ///   Jaccard distance → `BadEmbeddings`; `vectors` fails
    pub fn search(
        &self,
        queries: &[f32],
        k: usize,
        selection: Option<&Selection>,
        vectors: &dyn Vectors,
    ) -> Result<Found> {
        self.check_search(queries, k)?;
        let (dimension, distance) = (self.key.dimension, self.key.distance);
        let k = k.min(self.len().max(1));
        let scan = Scan { rows: &self.rows, selection, distance, dimension, k, machine: self.machine };
        let mut found = Found::default();
        for block in queries.chunks(QUERY_BLOCK * dimension) {
            let queries: Vec<Query> =
                block.par_chunks(dimension).map(|vector| Query::new(distance, vector)).collect();
            let lists = scan.run(&queries);
            let part = rerank(&self.rows, queries, lists, k, selection, vectors)?;
            found.neighbours.extend(part.neighbours);
            found.cost += part.cost;
        }
        Ok(found)
    }

    /// Checks the arguments of a search.
    pub(super) fn check_search(&self, queries: &[f32], k: usize) -> Result<()> {
        if k == 0 {
            let reason = "k: expected rankings of at least one image, found 0".into();
            return Err(SearchError::BadArgument { reason });
        }
        check_values(&self.key, queries, |row| format!("query {row}"))
    }

    /// The rows with these ids, for searches among them; ids without a row are ignored.
    pub fn select(&self, ids: &[u64]) -> Selection {
        Selection::of_ids(&self.rows, ids)
    }

    /// The rows whose ids `is_allowed` accepts, for searches among them.
    pub fn select_where(&self, is_allowed: impl FnMut(u64) -> bool) -> Selection {
        Selection::of(&self.rows, is_allowed)
    }

    /// What the file belongs to.
    pub fn key(&self) -> &CodesKey {
        &self.key
    }

    /// The gallery's revision after the last change of the file; 0 for a new file.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The number of rows, without removed ones.
    pub fn len(&self) -> usize {
        self.rows.total() - self.rows.removed()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is a row with this id.
    pub fn contains(&self, id: u64) -> bool {
        self.rows.find(id).is_some()
    }

    /// The ids of all rows, increasing.
    pub fn ids(&self) -> Vec<u64> {
        self.rows.ids()
    }

    /// Bytes of an incomplete block at the end of the file that were ignored when it was opened.
    pub fn incomplete_bytes(&self) -> u64 {
        self.incomplete_bytes
    }

    /// The size of the file in bytes.
    pub fn file_bytes(&self) -> u64 {
        self.end
    }

    pub(super) fn rows(&self) -> &Rows {
        &self.rows
    }

    #[cfg(test)]
    pub(super) fn set_machine(&mut self, machine: Machine) {
        self.machine = machine;
    }

    /// Adds the changes of blocks that are in the content.
    fn load(&mut self, blocks: &[Block]) -> Result<()> {
        for block in blocks {
            let (header, at) = (&block.header, block.at);
            let payload = at..at + header.payload_bytes as usize / LINE;
            let count = header.count as usize;
            match header.kind {
                Kind::Rows if self.rows.total() as u64 + header.count > MOST_ROWS => {
                    return Err(self.fault(CodesFault::TooManyRows { limit: MOST_ROWS }));
                }
                Kind::Rows => self.rows.add_mapped(at, count, payload),
                Kind::Removals => {
                    let numbers: Vec<u32> = file::removals(&self.rows.content()[payload], count).collect();
                    if !numbers.into_iter().all(|number| self.rows.remove(number)) {
                        let reason = "a block removes a row that does not exist";
                        let at = (at * LINE) as u64;
                        return Err(self.fault(CodesFault::Damaged { at, reason }));
                    }
                }
            }
            self.revision = header.revision;
        }
        Ok(())
    }

    /// Appends a block and syncs it; returns the offset of its payload in lines.
    fn write(&mut self, block: &[Line], revision: u64) -> Result<usize> {
        let bytes: &[u8] = bytemuck::cast_slice(block);
        // The file is longer if an earlier write failed.
        self.file.set_len(self.end)?;
        let written = self
            .file
            .seek(SeekFrom::Start(self.end))
            .and_then(|_| self.file.write_all(bytes))
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // If this fails too, the next append or the next start cuts the rest off.
            let _ = self.file.set_len(self.end);
            return Err(error.into());
        }
        let at = self.end as usize / LINE + 1;
        self.end += bytes.len() as u64;
        self.revision = revision;
        Ok(at)
    }

    /// The codes of the rows with these ids.
    fn copied(&self, ids: &[u64]) -> Batch {
        let mut batch = Batch { ids: ids.to_vec(), ..Batch::default() };
        for id in ids {
            let place = self.rows.find(*id).expect("the id is that of a row");
            let (group, row) = self.rows.group_of(place);
            batch.codes.extend(row_of(group.codes, row));
            batch.terms.push(group.terms(row));
        }
        batch
    }

    fn is_replaced(&self) -> Result<bool> {
        let now = fs_err::metadata(&self.path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let opened = self.file.metadata()?;
            Ok((now.dev(), now.ino()) != (opened.dev(), opened.ino()))
        }
        #[cfg(not(unix))]
        Ok(now.len() < self.end)
    }

    fn check_writable(&self) -> Result<()> {
        if self.is_writable { Ok(()) } else { Err(self.fault(CodesFault::ReadOnly)) }
    }

    fn fault(&self, fault: CodesFault) -> SearchError {
        SearchError::Codes { path: self.path.clone(), fault }
    }
}

/// Takes the lock of a writer. File systems without locks are accepted.
///
/// # Errors        `Ok` with the fault if another writer has the lock; otherwise the error of the system
fn lock(file: &File) -> std::result::Result<(), std::result::Result<CodesFault, std::io::Error>> {
    match file.file().try_lock() {
        Err(TryLockError::WouldBlock) => Err(Ok(CodesFault::Locked)),
        Err(TryLockError::Error(error)) if error.kind() != std::io::ErrorKind::Unsupported => Err(Err(error)),
        _ => Ok(()),
    }
}

fn read_header(file: &mut File) -> Result<std::result::Result<Vec<u8>, CodesFault>> {
    let mut header = Vec::new();
    Read::by_ref(file).take(FIXED as u64).read_to_end(&mut header)?;
    let short = CodesFault::Damaged { at: header.len() as u64, reason: "the file ends within its header" };
    let Some(start) = header.first_chunk::<FIXED>() else { return Ok(Err(short)) };
    let length = match CodesKey::header_length(start) {
        Ok(length) => length,
        Err(fault) => return Ok(Err(fault)),
    };
    Read::by_ref(file).take((length - FIXED) as u64).read_to_end(&mut header)?;
    if header.len() < length {
        let at = header.len() as u64;
        return Ok(Err(CodesFault::Damaged { at, reason: "the file ends within its header" }));
    }
    Ok(Ok(header))
}

/// Writes a whole file under a temporary name and renames it.
fn write_file(
    path: &Path,
    key: &CodesKey,
    revision: u64,
    batches: impl Iterator<Item = Result<Batch>>,
) -> Result<()> {
    let (header, mut failure, mut first_row) = (key.encode(), None, 0);
    let file_id = crc32fast::hash(&header);
    let mut ids = Vec::new();
    let pending = Pending::write(path, |out| {
        out.write_all(&header)?;
        for batch in batches {
            match batch {
                Ok(batch) => {
                    let block = file::rows_block(&batch, key.dimension, revision, first_row, file_id);
                    out.write_all(bytemuck::cast_slice(&block))?;
                    first_row += batch.ids.len() as u64;
                    ids.extend(batch.ids);
                }
                Err(error) => {
                    failure = Some(error);
                    return Ok(());
                }
            }
        }
        if first_row == 0 {
            let block = file::removals_block(&[], revision, 0, file_id);
            out.write_all(bytemuck::cast_slice(&block))?;
        }
        Ok(())
    })?;
    if let Some(error) = failure {
        return Err(error);
    }
    let fault = |fault| SearchError::Codes { path: path.to_owned(), fault };
    if let Some(id) = repeated(&ids) {
        return Err(fault(CodesFault::KnownId { id }));
    }
    if first_row > MOST_ROWS {
        return Err(fault(CodesFault::TooManyRows { limit: MOST_ROWS }));
    }
    Ok(pending.persist()?)
}

/// The codes of vectors.
fn quantized(key: &CodesKey, ids: &[u64], vectors: &[f32]) -> Result<Batch> {
    let dimension = key.dimension;
    if vectors.len() != ids.len() * dimension {
        let (expected, found) = (ids.len() * dimension, vectors.len());
        let reason = format!("vectors of {} rows: expected {expected} values, found {found}", ids.len());
        return Err(SearchError::BadEmbeddings { reason });
    }
    check_values(key, vectors, |row| format!("vector of id {}", ids[row]))?;
    let width = lines(dimension) * 4;
    let mut codes = vec![zero_code(key.distance); ids.len() * width];
    let rows = codes.par_chunks_exact_mut(width).zip(vectors.par_chunks_exact(dimension));
    let terms = rows.map(|(codes, vector)| quantize_row(key.distance, vector, &mut codes[..dimension]));
    let terms = terms.collect();
    Ok(Batch { ids: ids.to_vec(), codes, terms })
}

/// Checks that `vectors` are whole rows of valid values; `name` names a row.
fn check_values(key: &CodesKey, vectors: &[f32], name: impl Fn(usize) -> String) -> Result<()> {
    let dimension = key.dimension;
    if !vectors.len().is_multiple_of(dimension) {
        let (row, found) = (vectors.len() / dimension, vectors.len() % dimension);
        let reason = format!("query {row}: expected {dimension} values, found {found}");
        return Err(SearchError::BadEmbeddings { reason });
    }
    let is_jaccard = key.distance == Distance::Jaccard;
    let is_valid = |value: &f32| value.is_finite() && (*value >= 0.0 || !is_jaccard);
    match vectors.iter().position(|value| !is_valid(value)) {
        None => Ok(()),
        Some(at) => {
            let (name, column, value) = (name(at / dimension), at % dimension + 1, vectors[at]);
            let expected = if is_jaccard { "a finite number of at least 0" } else { "a finite number" };
            let reason = format!("{name}, value {column}: expected {expected}, found {value}");
            Err(SearchError::BadEmbeddings { reason })
        }
    }
}

fn check_key(key: &CodesKey) -> Result<()> {
    if (1..=MOST_VALUES).contains(&key.dimension) {
        return Ok(());
    }
    let reason = format!("dimension: expected 1 to {MOST_VALUES} values, found {}", key.dimension);
    Err(SearchError::BadArgument { reason })
}

/// An id that appears twice.
fn repeated(ids: &[u64]) -> Option<u64> {
    if ids.is_sorted_by(|a, b| a < b) {
        return None;
    }
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}
