//! The worker threads process photos; the calling thread writes the journal in the order of the plan.

use std::collections::BTreeSet;
use std::path::Path;

use super::PrepareRun;
use super::journal::{Journal, WrittenFace};
use super::plan::PlannedPhoto;
use crate::cut::{CutConfig, FaceCutter};
use crate::dataset;
use crate::decode::PhotoReader;
use crate::ordered::OrderedPool;
use crate::photos::Skipped;
use crate::settings::PrepareConfig;
use crate::{DataError, Result};

/// Most photos of each worker that are in progress: being read, or written and not yet in the journal.
const MOST_UNDER_WAY: usize = 4;

/// Processes all photos that the journal does not contain. Returns their number and the unusable photos, in plan order.
pub(super) fn carry_out(
    photos: &[PlannedPhoto],
    output: &Path,
    config: &PrepareConfig,
    run: &PrepareRun<'_>,
    journal: &mut Journal,
) -> Result<(usize, Vec<Skipped>)> {
    let todo: Vec<usize> = (0..photos.len()).filter(|&i| !journal.holds(&photos[i])).collect();
    if !todo.is_empty() {
        dataset::reopen(output)?;
        journal.invalidate(todo.iter().map(|&i| &photos[i]))?;
    }
    make_folders(photos, &todo, output)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if run.threads == 0 { cores } else { run.threads }.min(todo.len().max(1));
    let workshop = Workshop { output, config, reader: PhotoReader::new(run.limits) };
    let default_cut = CutConfig { template: config.template, ..CutConfig::default() };
    let cut_config = config.detection.as_ref().map_or(&default_cut, |d| &d.cut);
    let (mut skipped, mut done) = (Vec::new(), photos.len() - todo.len());
    let pool = OrderedPool { threads, most_under_way: MOST_UNDER_WAY * threads, stop: run.stop };
    let start = || FaceCutter::new(run.detector, cut_config);
    let make = |cutter: &mut FaceCutter<'_>, at: usize| match workshop.make(&photos[todo[at]], cutter) {
        Ok(faces) => Ok(Ok(faces)),
        Err(Failure::Photo(error)) => Ok(Err(error)),
        Err(Failure::Output(error)) => Err(error),
    };
    pool.run(todo.len(), start, make, |at, made| {
        let photo = &photos[todo[at]];
        match made {
            Ok(faces) => journal.add(photo, faces)?,
            Err(error) => {
                journal.forget(photo);
                skipped.push(Skipped::new(&photo.sample.name, error.reason()));
            }
        }
        done += 1;
        (run.progress)(done, photos.len());
        Ok(())
    })?;
    journal.sync()?;
    if done < photos.len() {
        return Err(DataError::Interrupted { done, total: photos.len() });
    }
    Ok((todo.len(), skipped))
}

/// The state that the workers share.
struct Workshop<'a> {
    output: &'a Path,
    config: &'a PrepareConfig,
    reader: PhotoReader,
}

/// A failure, by its cause.
enum Failure {
    /// The photo: it is skipped.
    Photo(DataError),
    /// The dataset's folder: the run ends.
    Output(DataError),
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        Self::Photo(error)
    }
}

impl Workshop<'_> {
    /// Reads one photo, and extracts and writes its faces.
    fn make(&self, photo: &PlannedPhoto, cutter: &mut FaceCutter<'_>) -> Result<Vec<WrittenFace>, Failure> {
        let read = self.reader.read(&photo.sample.path)?;
        let (width, height) = read.image.dimensions();
        let size = self.config.size;
        let mut written = Vec::new();
        let faces = cutter.cut(&read.image, photo.sample.given_face(), (size, size))?;
        for (at, cut) in faces.into_iter().enumerate() {
            let number = if at == 0 { String::new() } else { format!("~face{}", at + 1) };
            let file = format!("{}{number}.{}", photo.stem, self.config.format.extension());
            let path = self.output.join(&file);
            let (bytes, face_sha256) =
                self.config.format.write(&cut.image, &path).map_err(Failure::Output)?;
            let detector = self.config.detection.as_ref().filter(|_| cut.score.is_some());
            written.push(WrittenFace {
                file,
                bytes,
                face_sha256,
                sha256: read.sha256.clone(),
                width,
                height,
                face_box: cut.face_box,
                landmarks: cut.landmarks.or(photo.sample.landmarks),
                detector: detector.map(|d| d.detector.clone()),
                score: cut.score,
                faces: cut.found,
            });
        }
        Ok(written)
    }
}

/// Creates the folders for the face files.
fn make_folders(photos: &[PlannedPhoto], todo: &[usize], output: &Path) -> Result<()> {
    let folders: BTreeSet<&Path> = todo.iter().filter_map(|&i| Path::new(&photos[i].stem).parent()).collect();
    for folder in folders {
        fs_err::create_dir_all(output.join(folder))?;
    }
    Ok(())
}
