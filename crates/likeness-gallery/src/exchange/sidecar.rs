//! Finds, reads and writes the XMP sidecars of photos.
//!
//! darktable and digiKam call the sidecar of `IMG.jpg` `IMG.jpg.xmp`, Lightroom and Bridge `IMG.xmp`. Both are read. The first one
//! that exists is changed; a new one is called `IMG.jpg.xmp`, because that name is right for photos that differ in their
//! extensions only.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::xmp::{MergeOptions, Merged, merge_regions, read_regions};
use super::{Frame, PhotoFrame, Region, Regions, Result, jpeg_facts};

/// One byte more than the largest packet, so that a larger one is recognised.
const READ_BYTES: u64 = (16 << 20) + 1;
const EXTENSIONS: [&str; 2] = ["xmp", "XMP"];
/// The overlap from which regions in two places are the same one.
const SAME_REGION: f64 = 0.7;

/// What sidecars and the photo itself say about the people in a photo.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PhotoRegions {
    /// Each file with regions or tags, the most important one first.
    pub sources: Vec<(PathBuf, Regions)>,
}

impl PhotoRegions {
    /// The faces of all files with their places in the displayed photo. Of a face in several files, the first one counts.
    pub fn faces(&self, photo: PhotoFrame) -> Vec<Region> {
        let mut faces: Vec<Region> = Vec::new();
        for (_, regions) in &self.sources {
            let known = faces.len();
            for face in regions.displayed_faces(photo) {
                if !faces[..known].iter().any(|other| other.area.overlap(face.area) >= SAME_REGION) {
                    faces.push(face);
                }
            }
        }
        faces
    }

    /// The files whose regions do not fit the photo, because it was cropped since. Their faces are left out.
    pub fn unfitting(&self, photo: PhotoFrame) -> impl Iterator<Item = &Path> {
        let unfitting = self.sources.iter().filter(move |(_, regions)| regions.frame(photo) == Frame::Other);
        unfitting.map(|(path, _)| path.as_path())
    }

    /// The people in keywords of all files, sorted.
    pub fn tagged(&self) -> Vec<String> {
        let mut tagged: Vec<_> =
            self.sources.iter().flat_map(|(_, regions)| regions.tagged.clone()).collect();
        tagged.sort();
        tagged.dedup();
        tagged
    }
}

/// Reads the regions in the sidecars of `photo`, and in the photo itself if it is a JPEG file.
///
/// # Conventions   sidecars come before the photo; a sidecar for another extension (`photoshop:SidecarForExtension`) is ignored
/// # Errors        a file that cannot be read → `Io`; broken XMP → `BadXmp`, naming the file
pub fn photo_regions(photo: &Path) -> Result<PhotoRegions> {
    let mut found = PhotoRegions::default();
    for path in sidecar_paths(photo) {
        let regions = read_regions(&read(&path)?).map_err(|fault| fault.of(&path))?;
        if is_for(&regions, photo) {
            found.sources.push((path, regions));
        }
    }
    if let Some(packet) = jpeg_facts(photo)?.and_then(|facts| facts.xmp) {
        let regions = read_regions(&packet).map_err(|fault| fault.of(photo))?;
        found.sources.push((photo.to_owned(), regions));
    }
    Ok(found)
}

/// The sidecars of `photo` that exist: `IMG.jpg.xmp` before `IMG.xmp`.
pub fn sidecar_paths(photo: &Path) -> Vec<PathBuf> {
    let whole = EXTENSIONS.map(|extension| beside(photo, extension));
    let stem = EXTENSIONS.map(|extension| photo.with_extension(extension));
    let mut found: Vec<PathBuf> = Vec::new();
    for path in whole.into_iter().chain(stem).filter(|path| path != photo && path.is_file()) {
        // File systems that ignore case have one file for both extensions.
        if !found.iter().any(|other| likeness_artifact::same_file(other, &path)) {
            found.push(path);
        }
    }
    found
}

/// The sidecar of `photo` that is to be changed: the first that exists and is for this photo, otherwise `IMG.jpg.xmp`.
///
/// # Errors        those of [`photo_regions`]
pub fn sidecar_to_write(photo: &Path) -> Result<PathBuf> {
    for path in sidecar_paths(photo) {
        let regions = read_regions(&read(&path)?).map_err(|fault| fault.of(&path))?;
        if is_for(&regions, photo) {
            return Ok(path);
        }
    }
    Ok(beside(photo, EXTENSIONS[0]))
}

/// The result of changing a sidecar.
#[derive(Debug, Clone, PartialEq)]
pub struct SidecarChange {
    /// The sidecar.
    pub path: PathBuf,
    /// What was changed.
    pub merged: Merged,
}

/// Merges `faces`, the named faces of a photo, into the photo's sidecar, and creates it if there is none.
///
/// The file is replaced atomically, and only if its content changes. A photo without named faces gets no sidecar. The photo itself
/// is not changed. [`merge_regions`] describes what is kept.
///
/// # Units         areas of `faces`: relative to the displayed photo
/// # Errors        those of [`merge_regions`] → `BadXmp`, naming the sidecar; a file that cannot be read or written → `Io`
pub fn update_sidecar(
    photo: &Path,
    faces: &[Region],
    frame: PhotoFrame,
    options: &MergeOptions,
) -> Result<SidecarChange> {
    let path = sidecar_to_write(photo)?;
    let existing = if path.exists() { Some(read(&path)?) } else { None };
    let merged =
        merge_regions(existing.as_deref(), faces, frame, options).map_err(|fault| fault.of(&path))?;
    if merged.is_changed() {
        likeness_artifact::write(&path, |file| file.write_all(&merged.packet))?;
    }
    Ok(SidecarChange { path, merged })
}

fn beside(photo: &Path, extension: &str) -> PathBuf {
    let mut name = OsString::from(photo);
    name.push(".");
    name.push(extension);
    name.into()
}

fn is_for(regions: &Regions, photo: &Path) -> bool {
    let extension = photo.extension().unwrap_or_default();
    regions.for_extension.as_deref().is_none_or(|wanted| extension.eq_ignore_ascii_case(wanted))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs_err::File::open(path)?.take(READ_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
