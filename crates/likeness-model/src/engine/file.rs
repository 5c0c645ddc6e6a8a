//! The one way an ONNX file gets to the engine: a path enters, checked bytes and their checksum leave.
//!
//! The bytes are read once, so that what is checked (`wire`), what is hashed and what is run are the same. Weights that
//! lie in files of their own are read from beside the graph and nowhere else.

use std::io::Read;
#[cfg(unix)]
use std::os::unix::fs::FileExt;
use std::path::{Component, Path};
use std::sync::Arc;

#[cfg(unix)]
use rayon::prelude::*;
use rten::{Model, ModelOptions};
use sha2::{Digest, Sha256};

use super::pages;
use super::threads::caught;
use super::wire;
use crate::{ModelError, Result};

/// Longer files are none: Protocol Buffers end at 2 GiB.
const MAX_GRAPH_BYTES: u64 = 2 << 30;

/// Files from here on are read by several threads.
#[cfg(unix)]
const LARGE_FILE_BYTES: u64 = 8 << 20;

/// Most bytes in one file of weights beside a graph.
const MAX_WEIGHTS_BYTES: u64 = 16 << 30;

/// How the engine keeps a graph's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weights {
    /// As they are.
    Plain,
    /// Laid out for speed, which costs memory and time when the file is opened.
    Prepacked,
}

/// The bytes of a file that may be given to an engine.
pub(crate) struct Checked {
    bytes: Arc<Vec<u8>>,
    /// Files of weights beside it, by name.
    beside: Vec<(String, Arc<[u8]>)>,
}

impl Checked {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors        a file that cannot be read → [`ModelError::Io`]; no ONNX graph → [`ModelError::BadModel`]
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bad = |reason| bad(path, reason);
        let bytes = read(path, MAX_GRAPH_BYTES)?.map_err(bad)?;
        if bytes.starts_with(b"RTEN") {
            return Err(bad("it is a file of the engine's own format".into()));
        }
        let mut beside = Vec::new();
        for name in wire::check(&bytes).map_err(bad)? {
            let content = weights_beside(path, &name)?.map_err(bad)?;
            beside.push((name, content.into()));
        }
        Ok(Self { bytes: Arc::new(bytes), beside })
    }

    /// The file's bytes.
    pub(crate) fn bytes(&self) -> &Arc<Vec<u8>> {
        &self.bytes
    }

    /// The files of weights beside it, by name.
    pub(crate) fn beside(&self) -> &[(String, Arc<[u8]>)] {
        &self.beside
    }

    /// A hasher that has been fed with the bytes of the file and of those beside it that hold its weights.
    pub(crate) fn hash(&self) -> Sha256 {
        let mut hasher = Sha256::new();
        hasher.update(&*self.bytes);
        for (name, content) in &self.beside {
            hasher.update(name.as_bytes());
            hasher.update(content);
        }
        hasher
    }

    /// Whether all its weights lie in the file itself.
    pub(crate) fn stands_alone(&self) -> bool {
        self.beside.is_empty()
    }

    /// The graph on `rten`.
    ///
    /// # Errors        what it has against the graph, in words
    pub(crate) fn on_rten(&self, weights: Weights) -> Result<Model, String> {
        caught(|| {
            let mut options = ModelOptions::with_all_ops();
            options.prepack_weights(weights == Weights::Prepacked);
            for (name, content) in &self.beside {
                options.external_data(name, content.to_vec());
            }
            options.load(self.bytes.to_vec()).map_err(|e| e.to_string())
        })
    }
}

/// The error of a file that no engine can run.
pub(crate) fn bad(path: &Path, reason: String) -> ModelError {
    ModelError::BadModel {
        path: path.to_owned(),
        reason: format!("is no ONNX graph that can be run: {reason}"),
        hint: Some("download or export it again".into()),
    }
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
    read(&path, MAX_WEIGHTS_BYTES)
}

/// The bytes of a regular file of at most `most` bytes, or why they are not read.
fn read(path: &Path, most: u64) -> Result<Result<Vec<u8>, String>> {
    let file = fs_err::File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(Err("not a regular file".into()));
    }
    if metadata.len() > most {
        return Ok(Err(format!("{} bytes, expected at most {most}", metadata.len())));
    }
    #[cfg(unix)]
    if metadata.len() >= LARGE_FILE_BYTES {
        // What reads at a place knows no name.
        let named = |e: std::io::Error| std::io::Error::new(e.kind(), format!("{}: {e}", path.display()));
        return Ok(Ok(read_in_parts(&file, metadata.len() as usize).map_err(named)?));
    }
    let mut bytes = pages::with_capacity(metadata.len() as usize);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(Ok(bytes))
}

/// The bytes of a large file, each part read by a thread of its own: from the system's cache one thread copies no faster
/// than it hashes.
#[cfg(unix)]
fn read_in_parts(file: &fs_err::File, length: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = pages::zeroed(length);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let part = length.div_ceil(cores.min(4));
    let parts = bytes.par_chunks_mut(part).enumerate();
    parts.try_for_each(|(at, part_bytes)| file.file().read_exact_at(part_bytes, (at * part) as u64))?;
    Ok(bytes)
}
