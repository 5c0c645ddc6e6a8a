//! The image folder of a copy of CelebA, and which kind of CelebA's pictures it contains.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{DEPTH, IDENTITIES};
use crate::photos::{self, display_name};
use crate::{DataError, Result};

/// Width and height of CelebA's aligned pictures.
pub(super) const ALIGNED_SIZE: (u32, u32) = (178, 218);
/// Number of pictures whose size is checked, at regular intervals.
const CHECKED: usize = 16;

/// The pictures of the image folder.
pub(super) struct Pictures {
    pub(super) folder: PathBuf,
    /// The file names that no row has taken yet.
    present: BTreeSet<String>,
    /// File names that no row lists exactly, by [`key`].
    similar: HashMap<String, Vec<String>>,
}

impl Pictures {
    /// Finds the folder below or beside `root` that contains the most of the `listed` files, except below `except`.
    ///
    /// # Errors        no folder contains one → [`DataError::NothingFound`]
    pub(super) fn find(root: &Path, listed: &HashSet<&str>, except: Option<&Path>) -> Result<Self> {
        let except = except.and_then(|p| fs_err::canonicalize(p).ok());
        let excepted = |folder: &Path| {
            except.as_ref().is_some_and(|e| fs_err::canonicalize(folder).is_ok_and(|f| f.starts_with(e)))
        };
        let keys: HashSet<String> = listed.iter().map(|file| key(file)).collect();
        let mut best = (0, PathBuf::new(), BTreeSet::new());
        let beside = root.parent().filter(|p| !p.as_os_str().is_empty());
        let folders = |root: &Path, depth: usize| {
            let walk = WalkDir::new(root).follow_links(true).max_depth(depth).sort_by_file_name();
            walk.into_iter().flatten().filter(|e| e.file_type().is_dir()).map(|e| e.into_path())
        };
        for folder in folders(root, DEPTH).chain(beside.into_iter().flat_map(|b| folders(b, 1).skip(1))) {
            if best.0 > 0 && !folder.starts_with(root) {
                break;
            }
            if excepted(&folder) {
                continue;
            }
            let Ok(entries) = fs_err::read_dir(&folder) else { continue };
            let names: BTreeSet<String> = entries
                .flatten()
                .filter(|e| e.file_type().is_ok_and(|t| !t.is_dir()))
                .map(|e| display_name(Path::new(&e.file_name())))
                .filter(|name| listed.contains(name.as_str()) || photos::has_photo_extension(Path::new(name)))
                .collect();
            let found =
                names.iter().filter(|n| listed.contains(n.as_str()) || keys.contains(&key(n))).count();
            if found > best.0 {
                best = (found, folder, names);
            }
        }
        if best.0 == 0 {
            return Err(DataError::NothingFound {
                path: root.to_owned(),
                reason: format!("none of the {} images listed in {IDENTITIES} exists", listed.len()),
                hint: format!("put the image folder beside or below {IDENTITIES}"),
            });
        }
        let mut similar: HashMap<String, Vec<String>> = HashMap::new();
        for name in best.2.iter().filter(|name| !listed.contains(name.as_str())) {
            similar.entry(key(name)).or_default().push(name.clone());
        }
        Ok(Self { folder: best.1, present: best.2, similar })
    }

    /// Takes the picture that a row lists as `file`, and returns its name in the folder. The name is `file`, or differs from it
    /// in case or extension only, as in `img_align_celeba_png`.
    pub(super) fn take(&mut self, file: &str) -> Option<String> {
        if self.present.remove(file) {
            return Some(file.to_owned());
        }
        let name = self.similar.get_mut(&key(file))?.pop()?;
        self.present.remove(&name);
        Some(name)
    }

    /// The names of the pictures that no row has taken, in order.
    pub(super) fn into_rest(self) -> BTreeSet<String> {
        self.present
    }
}

/// A file name without case and extension, which identifies a picture in all of CelebA's lists.
pub(super) fn key(file: &str) -> String {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem).to_lowercase()
}

/// The kind of CelebA's pictures. Each kind has its own landmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PictureKind {
    /// Aligned and cropped to 178×218 pixels (`img_align_celeba`).
    Aligned,
    /// As published (`img_celeba`).
    InTheWild,
    /// Cropped or scaled by somebody else: no list has the coordinates.
    Other,
}

impl PictureKind {
    /// The kind of the pictures `paths` in `folder`: aligned pictures by their size, in-the-wild pictures by the folder's name.
    pub(super) fn of(folder: &Path, paths: &[&Path]) -> Self {
        let folder = fs_err::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let name = folder.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let mut sizes = spread(paths).filter_map(|path| size(path)).peekable();
        if name.starts_with("img_celeba") {
            Self::InTheWild
        } else if sizes.peek().is_some() && sizes.all(|size| size == ALIGNED_SIZE) {
            Self::Aligned
        } else {
            Self::Other
        }
    }
}

/// At most [`CHECKED`] of `items`, at regular intervals.
pub(super) fn spread<T>(items: &[T]) -> impl Iterator<Item = &T> {
    let count = items.len().min(CHECKED);
    (0..count).map(move |nth| &items[nth * items.len() / count])
}

/// Width and height of the picture at `path`, from its header; `None` if it cannot be read.
pub(super) fn size(path: &Path) -> Option<(u32, u32)> {
    image::ImageReader::open(path).ok()?.with_guessed_format().ok()?.into_dimensions().ok()
}
