//! ONNX files and graphs in memory, checked before an engine sees them, with their checksum.
//!
//! The bytes are read once, so that the same bytes are checked (`wire`), hashed and run. External data, which are weights in
//! files of their own, are read from the folder of the graph and from nowhere else.

#[cfg(unix)]
use std::collections::BTreeMap;
use std::io::Read as _;
#[cfg(unix)]
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
#[cfg(unix)]
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
    mpsc,
};

use rten::{Model, ModelOptions};
use sha2::{Digest, Sha256};

use super::pages;
use super::threads::caught;
use super::wire;
use crate::{EngineError, Result};

/// Largest ONNX file: Protocol Buffers end at 2 GiB.
const MAX_GRAPH_BYTES: u64 = 2 << 30;

/// Files of at least this length are read by several threads.
#[cfg(unix)]
const LARGE_FILE_BYTES: u64 = 8 << 20;

/// Length of the parts that a thread reads, so that they are still in the caches when they are hashed.
#[cfg(unix)]
const PART_BYTES: usize = 1 << 20;

/// Most threads that read a file.
#[cfg(unix)]
const MOST_READERS: usize = 4;

/// Largest file of external data.
const MAX_WEIGHTS_BYTES: u64 = 16 << 30;

/// How the engine keeps a graph's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// As the file holds them.
    Plain,
    /// Packed for the engine's kernels, which costs memory and time when the file is opened.
    Prepacked,
}

/// The bytes of an ONNX file that may be given to an engine.
pub struct Checked {
    /// The file, or the name of a graph in memory.
    path: PathBuf,
    bytes: Arc<Vec<u8>>,
    /// A hasher that has been fed with the first `hashed` bytes.
    hasher: Sha256,
    hashed: usize,
    /// Files of external data, by name.
    external: Vec<(String, Arc<[u8]>)>,
}

impl Checked {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors        a file that cannot be read → [`EngineError::Io`]; none, or no ONNX graph → [`EngineError::BadModel`]
    pub fn read(path: &Path) -> Result<Self> {
        let bad = |reason| bad(path, reason);
        let Read { bytes, hasher, hashed } =
            read(path, MAX_GRAPH_BYTES, true)?.map_err(|unread| unread.error(path))?;
        if bytes.starts_with(b"RTEN") {
            return Err(bad("it is a file of the engine's own format".into()));
        }
        let mut external = Vec::new();
        for name in wire::check(&bytes).map_err(bad)? {
            let content = weights_beside(path, &name)?.map_err(bad)?;
            external.push((name, content.into()));
        }
        Ok(Self { path: path.to_owned(), bytes: Arc::new(bytes), hasher, hashed, external })
    }

    /// Checks the bytes of an ONNX file that hold all its weights; errors call it `name`.
    ///
    /// # Errors        not an ONNX graph, weights in other files → [`EngineError::BadModel`]
    pub fn from_bytes(name: &Path, bytes: Vec<u8>) -> Result<Self> {
        if let Some(file) = wire::check(&bytes).map_err(|reason| bad(name, reason))?.first() {
            return Err(bad(name, format!("its weights lie in {file:?}, expected all of them in the graph")));
        }
        let (path, bytes) = (name.to_owned(), Arc::new(bytes));
        Ok(Self { path, bytes, hasher: Sha256::new(), hashed: 0, external: Vec::new() })
    }

    /// The file it was read from, or the name it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &Arc<Vec<u8>> {
        &self.bytes
    }

    /// The files of external data, by name.
    pub fn external(&self) -> &[(String, Arc<[u8]>)] {
        &self.external
    }

    /// A SHA-256 hasher that has been fed with the file and its external data.
    pub fn hash(&self) -> Sha256 {
        let mut hasher = self.hasher.clone().chain_update(&self.bytes[self.hashed..]);
        for (name, content) in &self.external {
            hasher.update(name.as_bytes());
            hasher.update(content);
        }
        hasher
    }

    /// Whether the file holds all weights of the graph.
    pub fn stands_alone(&self) -> bool {
        self.external.is_empty()
    }

    /// The graph on `rten`.
    ///
    /// # Errors        a graph that `rten` refuses → [`EngineError::BadGraph`]
    pub(crate) fn on_rten(&self, weights: Weights) -> Result<Model> {
        caught(|| {
            let mut options = ModelOptions::with_all_ops();
            options.prepack_weights(weights == Weights::Prepacked);
            for (name, content) in &self.external {
                options.external_data(name, content.to_vec());
            }
            options.load(self.bytes.to_vec()).map_err(|e| EngineError::graph(e.to_string()))
        })
    }
}

/// Why a file was not read.
#[derive(Debug)]
enum Unread {
    Missing,
    /// It is not a regular file, or is too long.
    Refused(String),
}

impl Unread {
    /// The error of the graph at `path`.
    fn error(self, path: &Path) -> EngineError {
        match self {
            Self::Refused(reason) => bad(path, reason),
            Self::Missing => EngineError::BadModel {
                path: path.to_owned(),
                reason: MISSING.into(),
                hint: Some("name an ONNX file, or a model as `likeness models list` has it".into()),
            },
        }
    }
}

/// The reason of a file that is missing.
const MISSING: &str = "no such file";

/// The error of a file that no engine can run.
pub(crate) fn bad(path: &Path, reason: String) -> EngineError {
    let reason = format!("is no ONNX graph that can be run: {reason}");
    EngineError::BadModel { path: path.to_owned(), reason, hint: Some("download or export it again".into()) }
}

/// The file `name` in the graph's folder.
fn weights_beside(graph: &Path, name: &str) -> Result<Result<Vec<u8>, String>> {
    let mut parts = Path::new(name).components();
    let (Some(Component::Normal(_)), None) = (parts.next(), parts.next()) else {
        return Ok(Err(format!("its weights lie in {name:?}, expected the name of a file beside it")));
    };
    let path = graph.with_file_name(name);
    if !path.exists() {
        return Ok(Err(format!("its weights lie in {name:?}, which is not beside it")));
    }
    let read = read(&path, MAX_WEIGHTS_BYTES, false)?;
    Ok(read.map(|read| read.bytes).map_err(|unread| match unread {
        Unread::Missing => MISSING.to_owned(),
        Unread::Refused(reason) => reason,
    }))
}

/// A file's bytes.
struct Read {
    bytes: Vec<u8>,
    /// Fed with the first `hashed` of them.
    hasher: Sha256,
    hashed: usize,
}

/// The bytes of a regular file of at most `most` bytes, or why they are not read; hashing them is begun if it `is_hashed`.
fn read(path: &Path, most: u64, is_hashed: bool) -> Result<Result<Read, Unread>> {
    // Asked before it is opened: opening a pipe waits for whoever writes to it.
    let metadata = match fs_err::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Err(Unread::Missing)),
        found => found?,
    };
    if metadata.is_dir() {
        return Ok(Err(Unread::Refused("a folder, expected a file".into())));
    }
    if !metadata.is_file() {
        return Ok(Err(Unread::Refused("not a regular file".into())));
    }
    let file = fs_err::File::open(path)?;
    if metadata.len() > most {
        return Ok(Err(Unread::Refused(format!("{} bytes, expected at most {most}", metadata.len()))));
    }
    #[cfg(unix)]
    if metadata.len() >= LARGE_FILE_BYTES {
        // What reads at a place knows no name.
        let named = |e: std::io::Error| std::io::Error::new(e.kind(), format!("{}: {e}", path.display()));
        return Ok(Ok(read_in_parts(&file, metadata.len() as usize, is_hashed).map_err(named)?));
    }
    let mut bytes = pages::with_capacity(metadata.len() as usize);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(Ok(Read { bytes, hasher: Sha256::new(), hashed: 0 }))
}

/// The bytes of a large file: some threads read one part after the other, as one copies from the system's cache no faster
/// than it hashes, and another hashes what has been read until they end.
#[cfg(unix)]
fn read_in_parts(file: &fs_err::File, length: usize, is_hashed: bool) -> std::io::Result<Read> {
    let mut bytes = pages::zeroed(length);
    let parts = Mutex::new(bytes.chunks_mut(PART_BYTES).enumerate());
    let ended = AtomicBool::new(!is_hashed);
    let (hasher, hashed) = std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let hash = scope.spawn(|| hash_until(&ended, receiver));
        let readers = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_READERS);
        let parts = &parts;
        let read = |sender: mpsc::Sender<_>| scope.spawn(move || read_parts(file, parts, &sender));
        let readers: Vec<_> = (0..readers).map(|_| read(sender.clone())).collect();
        drop(sender);
        let read = readers.into_iter().try_for_each(|reader| {
            reader.join().unwrap_or_else(|_| Err(std::io::Error::other("it was broken off")))
        });
        ended.store(true, Ordering::Relaxed);
        let hashed = hash.join().unwrap_or_default();
        read.map(|()| hashed)
    })?;
    Ok(Read { bytes, hasher, hashed: (hashed * PART_BYTES).min(length) })
}

/// Reads the next of the `parts` until there is none.
#[cfg(unix)]
fn read_parts<'b>(
    file: &fs_err::File,
    parts: &Mutex<impl Iterator<Item = (usize, &'b mut [u8])>>,
    read: &mpsc::Sender<(usize, &'b [u8])>,
) -> std::io::Result<()> {
    let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
    while let Some((at, part)) = next() {
        file.file().read_exact_at(part, (at * PART_BYTES) as u64)?;
        // Who hashes may have ended; what it left is hashed later.
        read.send((at, part)).ok();
    }
    Ok(())
}

/// A hasher that was fed with the first of the parts, in order, as they came, and how many until `ended`.
#[cfg(unix)]
fn hash_until<'b>(ended: &AtomicBool, parts: impl IntoIterator<Item = (usize, &'b [u8])>) -> (Sha256, usize) {
    let (mut hasher, mut next, mut early) = (Sha256::new(), 0, BTreeMap::new());
    for (at, part) in parts {
        early.insert(at, part);
        while let Some(part) = early.remove(&next) {
            if ended.load(Ordering::Relaxed) {
                return (hasher, next);
            }
            hasher.update(part);
            next += 1;
        }
    }
    (hasher, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_files_are_read_and_hashed_as_small_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        for length in [0, 1000, 8 << 20, (9 << 20) + 12_345] {
            let content: Vec<u8> =
                (0..length).map(|i| (i as u32).wrapping_mul(2_654_435_761) as u8).collect();
            fs_err::write(&path, &content).unwrap();
            for is_hashed in [true, false] {
                let Read { bytes, hasher, hashed } =
                    read(&path, MAX_GRAPH_BYTES, is_hashed).unwrap().unwrap();
                assert!(bytes == content && hashed <= length && (is_hashed || hashed == 0), "{length}");
                let digest = hasher.chain_update(&bytes[hashed..]).finalize();
                assert_eq!(digest, Sha256::digest(&content), "{length}");
                assert!(length == 0 || read(&path, length as u64 - 1, is_hashed).unwrap().is_err());
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn hashing_keeps_to_the_order_and_ends_when_told() {
        let parts: Vec<Vec<u8>> = (0..9u8).map(|i| vec![i; 100 + usize::from(i)]).collect();
        let shuffled = [3, 0, 1, 2, 8, 5, 7, 6, 4].map(|at: usize| (at, parts[at].as_slice()));
        let (hasher, hashed) = hash_until(&AtomicBool::new(false), shuffled);
        assert_eq!((hasher.finalize(), hashed), (Sha256::digest(parts.concat()), 9));
        // A part that never came, and an end at the start.
        let (hasher, hashed) = hash_until(&AtomicBool::new(false), [shuffled[1], shuffled[2], shuffled[0]]);
        assert_eq!((hasher.finalize(), hashed), (Sha256::digest(parts[..2].concat()), 2));
        assert_eq!(hash_until(&AtomicBool::new(true), shuffled).1, 0);
    }
}
