//! `checkpoint/`: the state from which a run is resumed with the same results as without an interruption.
//!
//! | file | holds |
//! |---|---|
//! | `state.toml` | format, epochs done, steps, best validation, the faces' and the settings' fingerprints, SHA-256 of the tensors, and of itself in the last line; written last |
//! | `tensors.safetensors` | `network.KEY`, `loss.KEY`, `average.KEY`, `first.KEY` and `second.KEY` |
//!
//! A checkpoint is written into `checkpoint.unfinished/` and renamed; the previous one stays as `checkpoint.previous/` until
//! the next. A truncated or changed checkpoint is rejected by its checksums, and another is used. At every moment one of the
//! three folders is complete, also after a power loss: files are synced before a rename, and the run's folder after it.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use likeness_artifact::sha256_hex;
use likeness_artifact::{Seal, seal_of, sealed, sync_folder};

use crate::weights::write_tensors;
use crate::{Result, TrainError};

const FORMAT: u32 = 1;
const STATE: &str = "state.toml";
const TENSORS: &str = "tensors.safetensors";
/// Name of the folder in a run.
pub const FOLDER: &str = "checkpoint";
pub(super) const PREVIOUS: &str = "checkpoint.previous";
pub(super) const UNFINISHED: &str = "checkpoint.unfinished";

/// The progress of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Version of the format.
    pub format: u32,
    /// Version of the program that wrote the checkpoint.
    pub likeness: String,
    /// Number of epochs done, over all phases.
    pub epochs: u32,
    /// Number of optimiser steps in this phase.
    pub steps: u64,
    /// Best validation top-1 so far and its epoch.
    pub best: Option<(f64, u32)>,
    /// SHA-256 over the names and labels of the faces.
    pub faces: String,
    /// SHA-256 over the resolved settings.
    pub settings: String,
    /// SHA-256 of `tensors.safetensors`.
    #[serde(default)]
    tensors_sha256: String,
}

impl State {
    /// The progress after `epochs` epochs.
    pub fn new(epochs: u32, steps: u64, best: Option<(f64, u32)>, faces: &str, settings: &str) -> Self {
        Self {
            format: FORMAT,
            likeness: env!("CARGO_PKG_VERSION").to_owned(),
            epochs,
            steps,
            best,
            faces: faces.to_owned(),
            settings: settings.to_owned(),
            tensors_sha256: String::new(),
        }
    }
}

/// The keys that every version of `state.toml` has.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// Shapes and values of a checkpoint's tensors, by group and key.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Writes a checkpoint into `run`. It appears complete or not at all.
///
/// # Errors        the file system → [`TrainError::Io`]; the last complete checkpoint remains
pub fn write(run: &Path, mut state: State, tensors: &Tensors) -> Result<()> {
    let unfinished = run.join(UNFINISHED);
    let written = write_files(&unfinished, &mut state, tensors);
    if written.is_err() {
        // An unfinished checkpoint takes disk space that the next one may need.
        let _ = fs_err::remove_dir_all(&unfinished);
        return written;
    }
    let (folder, previous) = (run.join(FOLDER), run.join(PREVIOUS));
    // The newest checkpoint is complete: `heal` has replaced it where it was not.
    remove(&previous)?;
    sync_folder(run)?;
    if folder.exists() {
        fs_err::rename(&folder, &previous)?;
        sync_folder(run)?;
    }
    fs_err::rename(&unfinished, &folder)?;
    Ok(sync_folder(run)?)
}

/// Renames the newest complete checkpoint of `run` to `checkpoint/`, where that one is damaged or missing.
///
/// # Errors        the disk → [`TrainError::Io`]
pub fn heal(run: &Path) -> Result<()> {
    let folder = run.join(FOLDER);
    if read_folder(&folder).is_ok() {
        return Ok(());
    }
    let others = [run.join(PREVIOUS), run.join(UNFINISHED)];
    let Some(whole) = others.iter().find(|other| read_folder(other).is_ok()) else { return Ok(()) };
    remove(&folder)?;
    fs_err::rename(whole, &folder)?;
    Ok(sync_folder(run)?)
}

fn remove(folder: &Path) -> Result<()> {
    match fs_err::remove_dir_all(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        outcome => Ok(outcome?),
    }
}

fn write_files(folder: &Path, state: &mut State, tensors: &Tensors) -> Result<()> {
    remove(folder)?;
    fs_err::create_dir_all(folder)?;
    let path = folder.join(TENSORS);
    likeness_artifact::write(&path, |file| write_tensors(file, &BTreeMap::new(), tensors))?;
    state.tensors_sha256 = sha256_hex(&fs_err::read(&path)?);
    let text = sealed(&toml::to_string(&*state).expect("a state is plain data"));
    Ok(likeness_artifact::write(&folder.join(STATE), |file| file.write_all(text.as_bytes()))?)
}

/// A checkpoint that was loaded.
#[derive(Debug)]
pub struct Loaded {
    /// The progress of the run.
    pub state: State,
    /// Shapes and values of the tensors.
    pub tensors: Tensors,
    /// Why the newest checkpoint could not be used; `None` if this is the newest.
    pub instead_of: Option<String>,
}

/// Loads the newest complete checkpoint of `run`; `None` for a run that never wrote one.
///
/// # Errors        checkpoints that are all damaged → [`TrainError::BadCheckpoint`]
pub fn read(run: &Path) -> Result<Option<Loaded>> {
    let mut refused: Option<String> = None;
    for name in [FOLDER, PREVIOUS, UNFINISHED] {
        let folder = run.join(name);
        if !folder.exists() {
            continue;
        }
        match read_folder(&folder) {
            Ok((state, tensors)) => return Ok(Some(Loaded { state, tensors, instead_of: refused })),
            Err(Refusal::OtherFormat(reason)) => {
                return Err(TrainError::BadCheckpoint { path: folder, reason });
            }
            // A process that was killed while writing leaves an incomplete checkpoint.
            Err(Refusal::Damaged(_)) if name == UNFINISHED => {}
            Err(Refusal::Damaged(reason)) => refused = Some(format!("{name}: {reason}")),
        }
    }
    match refused {
        Some(reason) => Err(TrainError::BadCheckpoint { path: run.join(FOLDER), reason }),
        None => Ok(None),
    }
}

/// Why a checkpoint is not used.
enum Refusal {
    /// The checkpoint is damaged.
    Damaged(String),
    /// The checkpoint has another format.
    OtherFormat(String),
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Damaged(reason)
    }
}

fn read_folder(folder: &Path) -> std::result::Result<(State, Tensors), Refusal> {
    let text = fs_err::read_to_string(folder.join(STATE)).map_err(|e| e.to_string())?;
    let seal = seal_of(&text);
    if seal == Seal::Broken {
        return Err(format!("{STATE} is cut short or was altered").into());
    }
    let format = toml::from_str::<Format>(&text).map_err(|e| format!("{STATE}: {}", e.message()))?.format;
    if format != FORMAT {
        let reason = format!("{STATE}: format {format}, expected {FORMAT}");
        return Err(if seal == Seal::Intact { Refusal::OtherFormat(reason) } else { reason.into() });
    }
    let state: State = toml::from_str(&text).map_err(|e| format!("{STATE}: {}", e.message()))?;
    let bytes = fs_err::read(folder.join(TENSORS)).map_err(|e| e.to_string())?;
    if sha256_hex(&bytes) != state.tensors_sha256 {
        return Err(format!("{TENSORS} is cut short or was altered").into());
    }
    let file = SafeTensors::deserialize(&bytes).map_err(|e| format!("{TENSORS}: {e}"))?;
    let mut tensors = Tensors::new();
    for (key, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(format!("{TENSORS}: {key} is not of f32").into());
        }
        let values =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        tensors.insert(key.to_owned(), (view.shape().to_vec(), values));
    }
    Ok((state, tensors))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors(value: f32) -> Tensors {
        Tensors::from([
            ("network.a".to_owned(), (vec![2, 2], vec![value, 1.0, -0.0, f32::MIN_POSITIVE])),
            ("first.a".to_owned(), (vec![1], vec![value])),
        ])
    }

    fn state(epochs: u32) -> State {
        State::new(epochs, 7, Some((0.5, 1)), "faces", "settings")
    }

    #[test]
    fn a_checkpoint_comes_back_bit_for_bit() {
        let run = tempfile::tempdir().unwrap();
        assert!(read(run.path()).unwrap().is_none());
        write(run.path(), state(1), &tensors(0.1)).unwrap();
        write(run.path(), state(2), &tensors(0.2)).unwrap();
        let loaded = read(run.path()).unwrap().unwrap();
        assert_eq!((loaded.state.epochs, loaded.state.best), (2, Some((0.5, 1))));
        assert_eq!(loaded.tensors, tensors(0.2));
        assert!(loaded.instead_of.is_none());
    }

    #[test]
    fn a_damaged_checkpoint_gives_way_to_the_one_before() {
        let run = tempfile::tempdir().unwrap();
        write(run.path(), state(1), &tensors(0.1)).unwrap();
        write(run.path(), state(2), &tensors(0.2)).unwrap();
        let path = run.path().join(FOLDER).join(TENSORS);
        let bytes = fs_err::read(&path).unwrap();
        fs_err::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let loaded = read(run.path()).unwrap().unwrap();
        assert_eq!(loaded.state.epochs, 1);
        assert_eq!(loaded.tensors, tensors(0.1));
        assert!(loaded.instead_of.unwrap().contains("cut short"));
        fs_err::remove_file(run.path().join(PREVIOUS).join(STATE)).unwrap();
        assert!(matches!(read(run.path()), Err(TrainError::BadCheckpoint { .. })));
    }

    #[test]
    fn every_flipped_bit_of_a_checkpoint_is_refused_or_harmless() {
        let run = tempfile::tempdir().unwrap();
        write(run.path(), state(2), &tensors(0.2)).unwrap();
        let expected = read(run.path()).unwrap().unwrap();
        for name in [STATE, TENSORS] {
            let path = run.path().join(FOLDER).join(name);
            let whole = fs_err::read(&path).unwrap();
            for bit in 0..8 * whole.len() {
                let mut bytes = whole.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                fs_err::write(&path, bytes).unwrap();
                match read(run.path()) {
                    Ok(Some(found)) => {
                        assert!(
                            found.state == expected.state && found.tensors == expected.tensors,
                            "{name}, bit {bit}"
                        );
                    }
                    Ok(None) => panic!("{name}, bit {bit}: no checkpoint"),
                    Err(error) => {
                        assert!(
                            matches!(error, TrainError::BadCheckpoint { .. }),
                            "{name}, bit {bit}: {error}"
                        );
                    }
                }
            }
            fs_err::write(&path, whole).unwrap();
        }
    }

    #[test]
    fn a_state_without_a_checksum_is_read() {
        let run = tempfile::tempdir().unwrap();
        write(run.path(), state(2), &tensors(0.2)).unwrap();
        let path = run.path().join(FOLDER).join(STATE);
        let text = fs_err::read_to_string(&path).unwrap();
        fs_err::write(
            &path,
            text.lines().filter(|l| !l.starts_with('#')).fold(String::new(), |s, l| s + l + "\n"),
        )
        .unwrap();
        assert_eq!(read(run.path()).unwrap().unwrap().state.epochs, 2);
    }

    #[test]
    fn a_checkpoint_of_another_format_is_not_passed_over_for_an_older_one() {
        let run = tempfile::tempdir().unwrap();
        write(run.path(), state(1), &tensors(0.1)).unwrap();
        write(run.path(), State { format: FORMAT + 1, ..state(2) }, &tensors(0.2)).unwrap();
        let error = read(run.path()).unwrap_err();
        assert!(error.to_string().contains("format 2, expected 1"), "{error}");
    }

    /// The folders after a process died between two steps of `write`, with the newest checkpoint damaged or not.
    #[test]
    fn a_whole_checkpoint_is_there_after_every_step() {
        for damaged in [false, true] {
            let run = tempfile::tempdir().unwrap();
            let at = |name: &str| run.path().join(name);
            write(run.path(), state(1), &tensors(0.1)).unwrap();
            write(run.path(), state(2), &tensors(0.2)).unwrap();
            if damaged {
                fs_err::write(at(FOLDER).join(TENSORS), "").unwrap();
            }
            heal(run.path()).unwrap();
            let before = if damaged { 1 } else { 2 };
            let newest = || read(run.path()).unwrap().unwrap().state.epochs;
            assert_eq!(newest(), before);
            write_files(&at(UNFINISHED), &mut state(3), &tensors(0.3)).unwrap();
            assert_eq!(newest(), before);
            remove(&at(PREVIOUS)).unwrap();
            assert_eq!(newest(), before);
            fs_err::rename(at(FOLDER), at(PREVIOUS)).unwrap();
            assert_eq!(newest(), before);
            fs_err::rename(at(UNFINISHED), at(FOLDER)).unwrap();
            assert_eq!(newest(), 3);
        }
    }
}
