//! Writes a folder of synthetic faces, with a table of their ground truth.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Style, SynthFace, check_size, draw};
use likeness_data::seed::{Purpose, RandomStream};
use likeness_data::{DataError, Result};

/// Name of the ground truth table in the folder.
const TRUTH_FILE: &str = "truth.csv";
/// Maximum number of pictures per call.
const MAX_IMAGES: u64 = 10_000_000;

/// Options of a synthetic dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SynthConfig {
    /// Number of identities.
    pub identities: u32,
    /// Number of pictures per identity.
    pub images_per_identity: u32,
    /// Side of a picture, in pixels.
    pub size: u32,
    /// Random seed. The same seed and style give the same pictures; the same seed and another style give the same
    /// people.
    pub seed: u64,
    /// The drawing style.
    pub style: Style,
}

impl Default for SynthConfig {
    /// Enough pictures to train a small network within minutes.
    fn default() -> Self {
        Self { identities: 40, images_per_identity: 10, size: 160, seed: 0, style: Style::Portrait }
    }
}

impl SynthConfig {
    /// Checks that the settings are in range.
    ///
    /// # Errors
    /// No identities, no pictures, too many pictures or a size out of range → [`DataError::BadArgument`].
    pub fn validate(&self) -> Result<()> {
        check_size(self.size)?;
        let images = u64::from(self.identities) * u64::from(self.images_per_identity);
        if images == 0 || images > MAX_IMAGES {
            return Err(DataError::BadArgument {
                reason: format!(
                    "{} identities with {} pictures each",
                    self.identities, self.images_per_identity
                ),
                hint: Some(format!("choose at least one of each and at most {MAX_IMAGES} pictures in all")),
            });
        }
        Ok(())
    }

    /// The seed of the identity with this index.
    pub fn identity_seed(&self, identity: u32) -> u64 {
        RandomStream::new(Purpose::Dataset, &[self.seed, u64::from(identity)]).bits()
    }

    /// Draws picture `image` of identity `identity`, both counted from 0.
    ///
    /// # Errors
    /// The errors of [`draw`].
    pub fn draw(&self, identity: u32, image: u32) -> Result<SynthFace> {
        draw(self.identity_seed(identity), u64::from(image), self.size, self.style)
    }

    fn images(&self) -> usize {
        self.identities as usize * self.images_per_identity as usize
    }
}

/// The arrangement of files in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// One folder for each identity: `person-003/007.png`.
    #[default]
    Folders,
    /// One folder for all, with the identity before the underscore: `person-003_007.png`.
    Prefix,
}

/// How a picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PictureFormat {
    /// PNG, lossless.
    #[default]
    Png,
    /// JPEG of quality 90.
    Jpeg,
}

/// The result of [`write_dataset`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynthDataset {
    /// Number of pictures.
    pub images: usize,
    /// Number of identities.
    pub identities: usize,
    /// Path of the ground truth table.
    pub truth: PathBuf,
}

/// Draws the pictures of `config` into `folder`, on all cores, with a table of their ground truth.
///
/// The table `truth.csv` has one row for each picture, in order: `path` (relative to the folder, with `/`), `identity`,
/// `style`, the box as `left,top,width,height` and the landmarks as `left_eye_x,left_eye_y,…,right_mouth_y`, in
/// pixels. It is written last, so a folder with a table is complete. `progress` is called with the number of pictures
/// written so far.
///
/// # Conventions
/// Two styles of one seed need two folders; their identity names are the same.
///
/// # Errors
/// Settings out of range → [`DataError::BadArgument`]; a folder that is not empty → [`DataError::Occupied`]; a full or
/// read-only disk → [`DataError::Io`], naming the file.
pub fn write_dataset(
    config: &SynthConfig,
    folder: &Path,
    (layout, format): (Layout, PictureFormat),
    progress: &(dyn Fn(usize) + Sync),
) -> Result<SynthDataset> {
    config.validate()?;
    claim(folder)?;
    if layout == Layout::Folders {
        for identity in 0..config.identities {
            fs_err::create_dir(folder.join(identity_name(config, identity)))?;
        }
    }
    let done = AtomicUsize::new(0);
    let rows = (0..config.images())
        .into_par_iter()
        .map(|index| {
            let per = config.images_per_identity as usize;
            let (identity, image) = ((index / per) as u32, (index % per) as u32);
            let path = relative_path(config, layout, format, (identity, image));
            let face = config.draw(identity, image)?;
            write_picture(&face, &folder.join(&path), format)?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
            Ok(TruthRow::new(path, identity_name(config, identity), config.style, &face))
        })
        .collect::<Result<Vec<TruthRow>>>()?;
    let pictures: Vec<PathBuf> = rows.iter().map(|row| folder.join(&row.path)).collect();
    likeness_artifact::sync_files(folder, &pictures)?;
    let truth = folder.join(TRUTH_FILE);
    write_truth(&rows, &truth)?;
    Ok(SynthDataset { images: rows.len(), identities: config.identities as usize, truth })
}

/// Creates the folder, or checks that it is empty.
fn claim(folder: &Path) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    if fs_err::read_dir(folder)?.next().is_some() {
        return Err(DataError::Occupied {
            path: folder.to_owned(),
            reason: "the folder is not empty".to_owned(),
            hint: "choose a new folder for the synthetic faces, or empty this one first".to_owned(),
        });
    }
    Ok(())
}

/// The name of an identity, such as `person-003`, with as many digits as the largest index needs but at least three.
fn identity_name(config: &SynthConfig, identity: u32) -> String {
    format!("person-{identity:0width$}", width = digits(config.identities))
}

fn digits(count: u32) -> usize {
    count.saturating_sub(1).to_string().len().max(3)
}

fn relative_path(config: &SynthConfig, layout: Layout, format: PictureFormat, at: (u32, u32)) -> String {
    let separator = match layout {
        Layout::Folders => '/',
        Layout::Prefix => '_',
    };
    let ending = match format {
        PictureFormat::Png => "png",
        PictureFormat::Jpeg => "jpg",
    };
    let width = digits(config.images_per_identity);
    format!("{}{separator}{:0width$}.{ending}", identity_name(config, at.0), at.1)
}

fn write_picture(face: &SynthFace, path: &Path, format: PictureFormat) -> Result<()> {
    let mut bytes = Vec::new();
    match format {
        PictureFormat::Png => face.image.write_with_encoder(PngEncoder::new(&mut bytes)),
        PictureFormat::Jpeg => face.image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 90)),
    }
    .map_err(std::io::Error::other)?;
    Ok(likeness_artifact::write_unsynced(path, &bytes)?)
}

/// One row of the ground truth table.
#[derive(Debug, Serialize)]
struct TruthRow {
    path: String,
    identity: String,
    style: &'static str,
    left: f32,
    top: f32,
    width: f32,
    height: f32,
    left_eye_x: f32,
    left_eye_y: f32,
    right_eye_x: f32,
    right_eye_y: f32,
    nose_x: f32,
    nose_y: f32,
    left_mouth_x: f32,
    left_mouth_y: f32,
    right_mouth_x: f32,
    right_mouth_y: f32,
}

impl TruthRow {
    fn new(path: String, identity: String, style: Style, face: &SynthFace) -> Self {
        let hundredth = |v: f32| (v * 100.0).round() / 100.0;
        let [left_eye, right_eye, nose, left_mouth, right_mouth] = face.landmarks;
        Self {
            path,
            identity,
            style: style.name(),
            left: hundredth(face.face_box.left),
            top: hundredth(face.face_box.top),
            width: hundredth(face.face_box.width),
            height: hundredth(face.face_box.height),
            left_eye_x: hundredth(left_eye.x),
            left_eye_y: hundredth(left_eye.y),
            right_eye_x: hundredth(right_eye.x),
            right_eye_y: hundredth(right_eye.y),
            nose_x: hundredth(nose.x),
            nose_y: hundredth(nose.y),
            left_mouth_x: hundredth(left_mouth.x),
            left_mouth_y: hundredth(left_mouth.y),
            right_mouth_x: hundredth(right_mouth.x),
            right_mouth_y: hundredth(right_mouth.y),
        }
    }
}

fn write_truth(rows: &[TruthRow], path: &Path) -> Result<()> {
    Ok(likeness_artifact::write(path, |file| {
        let mut table = csv::Writer::from_writer(file);
        rows.iter().try_for_each(|row| table.serialize(row)).map_err(std::io::Error::other)?;
        table.flush()
    })?)
}
