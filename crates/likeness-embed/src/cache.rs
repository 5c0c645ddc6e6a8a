//! Embeddings that were made before: a photo's content enters, its faces' embeddings leave, where they are known.
//!
//! A cache is a folder with one file for each way of making embeddings. A file is its header, then a record a photo:
//!
//! ```text
//! 8 bytes    "LKCACHE1"
//! 4          dimension d, u32, little-endian
//! then, a photo
//! 32         SHA-256 over the photo's own SHA-256 and the box and landmarks that were given for its face
//! 4          n, the faces found, u32
//! 4·n·d      embeddings, f32
//! 8          the beginning of the SHA-256 over the record so far
//! ```
//!
//! Records are only ever appended. The file is cut before the first record that is damaged or half written when it is
//! opened, and a record is compared with its checksum again whenever it is read: a flipped bit costs the embeddings it
//! hits and never gives wrong ones. Records are not synced: a power loss may cost those of the last run, which are made
//! again.

use std::collections::HashMap;
use std::fs::TryLockError;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fs_err::File;
use likeness_artifact::sha256_hex;
use likeness_data::cut::GivenFace;
use likeness_data::geometry::Rect;
use sha2::{Digest, Sha256};

use crate::{EmbedError, Result};

const MAGIC: &[u8; 8] = b"LKCACHE1";
const HEADER: u64 = 12;
/// Most faces of one photo; more is a damaged record.
const MAX_FACES: u32 = 100_000;

/// Key of a photo in a cache: its content, and the position given for its face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PhotoKey([u8; 32]);

impl PhotoKey {
    /// The key of the photo whose bytes have this SHA-256 in hexadecimal.
    pub fn new(sha256: &str, given: GivenFace) -> Self {
        let mut hasher = Sha256::new().chain_update(sha256);
        if let Some(Rect { left, top, width, height }) = given.face_box {
            [left, top, width, height].iter().for_each(|side| hasher.update(side.to_le_bytes()));
        }
        if let Some(landmarks) = given.landmarks {
            hasher.update("landmarks");
            landmarks.iter().flat_map(|p| [p.x, p.y]).for_each(|value| hasher.update(value.to_le_bytes()));
        }
        Self(hasher.finalize().into())
    }
}

/// Embeddings on disk, found by [`PhotoKey`]; all threads share one.
pub struct EmbeddingCache {
    path: PathBuf,
    dimension: usize,
    state: Mutex<State>,
}

/// Bytes of a record before its embeddings.
const RECORD_HEAD: usize = 36;
/// Bytes of the checksum after them.
const RECORD_DIGEST: usize = 8;

/// Where a photo's record begins, and how many faces it has.
type Places = HashMap<PhotoKey, (u64, u32)>;

struct State {
    file: File,
    places: Places,
    /// Where the next record goes.
    end: u64,
    /// Photos found.
    hits: usize,
    /// Why nothing is written any more.
    fault: Option<String>,
}

impl EmbeddingCache {
    /// The cache in `folder` for embeddings of `dimension` numbers made in `way`: text that differs wherever the
    /// embeddings of a photo may.
    ///
    /// # Errors        a file that is no cache, or one that another run is using → [`EmbedError::BadArgument`]; the file
    /// system
    pub fn open(folder: &Path, way: &str, dimension: usize) -> Result<Self> {
        if folder.exists() && !folder.is_dir() {
            return Err(EmbedError::BadArgument {
                reason: format!("{}: is not a folder", folder.display()),
                hint: Some("--cache takes a folder, which is made where it is missing".to_owned()),
            });
        }
        fs_err::create_dir_all(folder)?;
        let path = folder.join(sha256_hex(way.as_bytes())).with_extension("cache");
        let mut options = fs_err::OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(&path)?;
        let refused = |reason: &str, hint: &str| EmbedError::BadArgument {
            reason: format!("{}: {reason}", path.display()),
            hint: Some(hint.to_owned()),
        };
        match file.file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(refused("another run uses this cache", "wait for it, or name another folder"));
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let mut start = Vec::new();
        (&mut file).take(HEADER).read_to_end(&mut start)?;
        let header = [MAGIC.as_slice(), &(dimension as u32).to_le_bytes()].concat();
        if start != header {
            // A header cut short is that of a run that was killed at once.
            if !header.starts_with(&start) {
                return Err(refused("not a cache of such embeddings", "delete it, or name another folder"));
            }
            file.rewind()?;
            file.write_all(&header)?;
        }
        let (places, end) = read_places(&file, dimension)?;
        file.set_len(end)?;
        Ok(Self { path, dimension, state: Mutex::new(State { file, places, end, hits: 0, fault: None }) })
    }

    /// The embeddings of a photo's faces, where they are known and undamaged.
    ///
    /// # Errors        the file system
    pub fn get(&self, key: PhotoKey) -> Result<Option<Vec<Vec<f32>>>> {
        let mut state = self.state();
        let Some(&(place, faces)) = state.places.get(&key) else { return Ok(None) };
        let values = faces as usize * self.dimension * 4;
        let mut record = vec![0; RECORD_HEAD + values + RECORD_DIGEST];
        state.file.seek(SeekFrom::Start(place))?;
        let is_whole = is_read(state.file.read_exact(&mut record))?;
        let (content, digest) = record.split_at(RECORD_HEAD + values);
        let head = [&key.0[..], &faces.to_le_bytes()].concat();
        if !is_whole || content[..RECORD_HEAD] != head || Sha256::digest(content)[..RECORD_DIGEST] != *digest
        {
            state.places.remove(&key);
            return Ok(None);
        }
        state.hits += 1;
        drop(state);
        let bytes = &content[RECORD_HEAD..];
        let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let face = |bytes: &[u8]| bytes.chunks_exact(4).map(number).collect();
        Ok(Some(bytes.chunks_exact(self.dimension * 4).map(face).collect()))
    }

    /// Keeps the embeddings of a photo's faces, if they are finite. A fault of the file system ends the keeping and not the
    /// run; see [`Self::fault`].
    pub fn put<'a>(&self, key: PhotoKey, faces: impl ExactSizeIterator<Item = &'a [f32]>) {
        let count = faces.len() as u32;
        let mut record = Vec::with_capacity(44 + faces.len() * self.dimension * 4);
        record.extend_from_slice(&key.0);
        record.extend_from_slice(&count.to_le_bytes());
        for face in faces {
            debug_assert_eq!(face.len(), self.dimension);
            if face.iter().any(|v| !v.is_finite()) {
                return;
            }
            face.iter().for_each(|v| record.extend_from_slice(&v.to_le_bytes()));
        }
        let digest = Sha256::digest(&record);
        record.extend_from_slice(&digest[..RECORD_DIGEST]);
        let mut state = self.state();
        if state.fault.is_some() || state.places.contains_key(&key) {
            return;
        }
        let end = state.end;
        match state.file.seek(SeekFrom::Start(end)).and_then(|_| state.file.write_all(&record)) {
            Ok(()) => {
                state.places.insert(key, (end, count));
                state.end += record.len() as u64;
            }
            Err(error) => state.fault = Some(error.to_string()),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Photos that [`Self::get`] has found.
    pub fn hits(&self) -> usize {
        self.state().hits
    }

    /// Why nothing could be kept any more, if so.
    pub fn fault(&self) -> Option<String> {
        self.state().fault.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the whole records of a cache are, and where they end.
fn read_places(mut file: &File, dimension: usize) -> Result<(Places, u64)> {
    let (mut places, mut end) = (HashMap::new(), HEADER);
    file.seek(SeekFrom::Start(HEADER))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut record = Vec::new();
    loop {
        record.resize(RECORD_HEAD, 0);
        if !is_read(reader.read_exact(&mut record))? {
            break;
        }
        let (mut key, mut count) = ([0; 32], [0; 4]);
        key.copy_from_slice(&record[..32]);
        count.copy_from_slice(&record[32..]);
        let count = u32::from_le_bytes(count);
        if count > MAX_FACES {
            break;
        }
        record.resize(RECORD_HEAD + count as usize * dimension * 4, 0);
        let mut digest = [0; RECORD_DIGEST];
        if !is_read(reader.read_exact(&mut record[RECORD_HEAD..]))?
            || !is_read(reader.read_exact(&mut digest))?
        {
            break;
        }
        if Sha256::digest(&record)[..RECORD_DIGEST] != digest {
            break;
        }
        places.insert(PhotoKey(key), (end, count));
        end += (record.len() + RECORD_DIGEST) as u64;
    }
    Ok((places, end))
}

/// Whether all was read; not so at the file's end.
fn is_read(outcome: std::io::Result<()>) -> Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use likeness_data::geometry::Point;

    use super::*;

    fn key(number: u32) -> PhotoKey {
        PhotoKey::new(&format!("{number:064x}"), GivenFace::default())
    }

    /// A cache with photos of no, one, two and three faces.
    fn filled(folder: &Path) -> (PathBuf, Vec<Vec<Vec<f32>>>) {
        let cache = EmbeddingCache::open(folder, "way", 3).unwrap();
        let face = |photo: u32, face: u32| vec![photo as f32, face as f32, 0.5];
        let photos: Vec<Vec<Vec<f32>>> = (0..4).map(|p| (0..p).map(|f| face(p, f)).collect()).collect();
        for (number, faces) in (0..).zip(&photos) {
            assert!(cache.get(key(number)).unwrap().is_none());
            cache.put(key(number), faces.iter().map(Vec::as_slice));
        }
        assert_eq!((cache.hits(), cache.fault()), (0, None));
        (cache.path().to_owned(), photos)
    }

    #[test]
    fn what_was_kept_is_found_by_content_box_and_way() {
        let folder = tempfile::tempdir().unwrap();
        let (path, photos) = filled(folder.path());
        let cache = EmbeddingCache::open(folder.path(), "way", 3).unwrap();
        for (number, faces) in (0..).zip(&photos) {
            assert_eq!(cache.get(key(number)).unwrap().as_ref(), Some(faces));
        }
        assert_eq!(cache.hits(), photos.len());
        let boxed = GivenFace { face_box: Some(Rect::new(0.0, 0.0, 5.0, 5.0)), ..GivenFace::default() };
        let marked = GivenFace { landmarks: Some([Point { x: 1.0, y: 2.0 }; 5]), ..GivenFace::default() };
        for given in [boxed, marked] {
            let other = PhotoKey::new(&format!("{:064x}", 1), given);
            assert!(cache.get(other).unwrap().is_none(), "{given:?}");
        }
        let other = EmbeddingCache::open(folder.path(), "another way", 3).unwrap();
        assert_ne!(other.path(), path);
        assert!(other.get(key(1)).unwrap().is_none());
    }

    #[test]
    fn one_run_at_a_time_uses_it() {
        let folder = tempfile::tempdir().unwrap();
        let _first = EmbeddingCache::open(folder.path(), "way", 3).unwrap();
        let Err(error) = EmbeddingCache::open(folder.path(), "way", 3) else { panic!("opened twice") };
        assert!(error.to_string().contains("another run uses this cache"), "{error}");
    }

    #[test]
    fn a_file_cut_anywhere_keeps_its_whole_records_and_takes_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let (path, photos) = filled(folder.path());
        let whole = fs_err::read(&path).unwrap();
        let mut kept = 0;
        for length in 0..whole.len() {
            fs_err::write(&path, &whole[..length]).unwrap();
            let cache = EmbeddingCache::open(folder.path(), "way", 3).unwrap();
            for (number, faces) in (0..).zip(&photos) {
                let found = cache.get(key(number)).unwrap();
                assert!(found.is_none() || found.as_ref() == Some(faces), "cut to {length}");
                kept += usize::from(found.is_some());
                cache.put(key(number), faces.iter().map(Vec::as_slice));
            }
            drop(cache);
            assert_eq!(fs_err::read(&path).unwrap(), whole, "cut to {length}");
        }
        // Records that are whole before the cut: the longer the file, the more.
        assert!(kept > whole.len(), "{kept}");
    }

    #[test]
    fn every_flipped_bit_is_refused_or_costs_embeddings_and_never_changes_one() {
        let folder = tempfile::tempdir().unwrap();
        let (path, photos) = filled(folder.path());
        let whole = fs_err::read(&path).unwrap();
        let (mut refused, mut lost, mut kept) = (0, 0, 0);
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs_err::write(&path, &flipped).unwrap();
            let cache = match EmbeddingCache::open(folder.path(), "way", 3) {
                Ok(cache) => cache,
                Err(error) => {
                    assert!(bit < 8 * HEADER as usize, "bit {bit}: {error}");
                    assert!(error.to_string().contains(".cache: not a cache"), "{error}");
                    refused += 1;
                    continue;
                }
            };
            for (number, faces) in (0..).zip(&photos) {
                match cache.get(key(number)).unwrap() {
                    None => lost += 1,
                    Some(found) => {
                        assert_eq!(found, *faces, "bit {bit}");
                        kept += 1;
                    }
                }
            }
        }
        assert_eq!(refused, 8 * HEADER as usize);
        // Each flip costs at least the record that it is in.
        assert!(lost >= 8 * (whole.len() - HEADER as usize) && kept > lost / 2, "{lost} {kept}");
    }

    #[test]
    fn damage_after_opening_is_found_when_a_record_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (path, photos) = filled(folder.path());
        let whole = fs_err::read(&path).unwrap();
        let last = whole.len() - RECORD_HEAD - 3 * 3 * 4 - RECORD_DIGEST; // where the last record begins
        for bit in 8 * last..8 * whole.len() {
            fs_err::write(&path, &whole).unwrap();
            let cache = EmbeddingCache::open(folder.path(), "way", 3).unwrap();
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs_err::write(&path, &flipped).unwrap();
            assert_eq!(cache.get(key(3)).unwrap(), None, "bit {bit}");
            assert_eq!(cache.get(key(2)).unwrap().as_ref(), Some(&photos[2]));
            // It is made and kept again.
            cache.put(key(3), photos[3].iter().map(Vec::as_slice));
            assert_eq!(cache.get(key(3)).unwrap().as_ref(), Some(&photos[3]));
        }
    }

    #[test]
    fn values_that_are_not_finite_are_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let cache = EmbeddingCache::open(folder.path(), "way", 2).unwrap();
        for bad in [f32::NAN, f32::INFINITY] {
            cache.put(key(9), [&[0.5, bad][..]].into_iter());
            assert_eq!(cache.get(key(9)).unwrap(), None);
        }
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kept");
        fs_err::write(&file, "a letter").unwrap();
        let Err(error) = EmbeddingCache::open(&file, "way", 3) else { panic!("a file was taken") };
        assert!(error.to_string().ends_with("kept: is not a folder") && error.hint().is_some(), "{error}");
    }

    #[test]
    fn damage_ends_the_records_and_a_stranger_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, photos) = filled(folder.path());
        let mut bytes = fs_err::read(&path).unwrap();
        let last = bytes.len() - 20; // in the last photo's embeddings
        bytes[last] ^= 1;
        fs_err::write(&path, &bytes).unwrap();
        let cache = EmbeddingCache::open(folder.path(), "way", 3).unwrap();
        assert_eq!(cache.get(key(2)).unwrap().as_ref(), Some(&photos[2]));
        assert!(cache.get(key(3)).unwrap().is_none());
        drop(cache);
        fs_err::write(&path, "a letter to my aunt").unwrap();
        let Err(error) = EmbeddingCache::open(folder.path(), "way", 3) else { panic!("a letter was taken") };
        assert!(error.to_string().contains("not a cache of such embeddings"), "{error}");
        assert_eq!(fs_err::read(&path).unwrap(), b"a letter to my aunt");
    }
}
