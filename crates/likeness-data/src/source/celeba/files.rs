//! The files of a copy of CelebA: the identity file and the list files, each as `.txt` of the authors or `.csv` of Kaggle.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::list::List;
use super::{DEPTH, IDENTITIES};
use crate::photos::display_name;
use crate::{DataError, Result};

/// The page of CelebA's authors, which names the places to download from.
const AUTHORS_PAGE: &str = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html";

/// The paths of the files that exist.
#[derive(Debug, Default)]
pub(in crate::source) struct Files {
    /// `identity_CelebA.txt`.
    pub(in crate::source) identities: Option<PathBuf>,
    /// `list_eval_partition`: the official split.
    pub(super) partition: Option<PathBuf>,
    /// `list_landmarks_align_celeba`: landmarks in the aligned pictures.
    pub(super) aligned_landmarks: Option<PathBuf>,
    /// `list_landmarks_celeba`: landmarks in the in-the-wild pictures.
    pub(super) wild_landmarks: Option<PathBuf>,
    /// `list_bbox_celeba`: face boxes in the in-the-wild pictures.
    pub(super) boxes: Option<PathBuf>,
    /// `list_attr_celeba`: 40 attributes of each picture.
    pub(super) attributes: Option<PathBuf>,
}

impl Files {
    /// Finds the files of the collection at `root`: the identity file itself, or a folder that contains the files at most three
    /// levels below. Of two files with the same content, the authors' is used.
    pub(in crate::source) fn of(root: &Path) -> Self {
        if !root.is_file() {
            return Self::below(root);
        }
        if !root.file_name().is_some_and(|name| name.eq_ignore_ascii_case(IDENTITIES)) {
            return Self::default();
        }
        let folder = root.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self { identities: Some(root.to_owned()), ..Self::below(folder) }
    }

    fn below(root: &Path) -> Self {
        let mut files = Self::default();
        let walk = WalkDir::new(root).max_depth(DEPTH).sort_by_file_name().into_iter().flatten();
        for entry in walk.filter(|entry| entry.file_type().is_file()) {
            let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
            let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
            let place = match stem {
                "identity_celeba" => &mut files.identities,
                "list_eval_partition" => &mut files.partition,
                "list_landmarks_align_celeba" => &mut files.aligned_landmarks,
                "list_landmarks_celeba" => &mut files.wild_landmarks,
                "list_bbox_celeba" => &mut files.boxes,
                "list_attr_celeba" => &mut files.attributes,
                _ => continue,
            };
            let is_official =
                |path: &PathBuf| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("txt"));
            let is_better = match extension {
                "txt" => !place.as_ref().is_some_and(is_official),
                "csv" => place.is_none() && stem != "identity_celeba",
                _ => false,
            };
            if is_better {
                *place = Some(entry.into_path());
            }
        }
        files
    }

    /// The list files other than the identity file, those that list all pictures of the collection first.
    fn lists(&self) -> impl Iterator<Item = &PathBuf> {
        let Self { identities: _, partition, aligned_landmarks, wild_landmarks, boxes, attributes } = self;
        [partition, attributes, aligned_landmarks, wild_landmarks, boxes].into_iter().flatten()
    }

    /// Whether there is any file of CelebA.
    pub(in crate::source) fn any(&self) -> bool {
        self.identities.is_some() || self.lists().next().is_some()
    }

    /// The file names in the first list file.
    ///
    /// # Errors        a list that cannot be parsed → [`DataError::BadTable`]
    pub(super) fn listed(&self) -> Result<Vec<String>> {
        let mut files = Vec::new();
        if let Some(path) = self.lists().next() {
            let list = List::open(path)?;
            list.each(list.columns().len().max(1), |file, _| {
                files.push(file.to_owned());
                Ok(())
            })?;
        }
        Ok(files)
    }

    /// The error for a collection at `root` without an identity file.
    pub(super) fn no_identities(&self, root: &Path) -> DataError {
        let (reason, hint) = match self.any() {
            true => (missing(), remedy(root)),
            false => (
                format!("no {IDENTITIES} in it"),
                format!("put {IDENTITIES} beside the image folder, or choose another --layout"),
            ),
        };
        DataError::NothingFound { path: root.to_owned(), reason, hint }
    }
}

/// A note on a collection at `root` that is read without its identity file.
pub(super) fn without_identities(root: &Path) -> String {
    format!("{}, so the photos have no identities: {}", missing(), remedy(root))
}

fn missing() -> String {
    format!("{IDENTITIES} is missing (Kaggle's copy of CelebA does not include it)")
}

fn remedy(root: &Path) -> String {
    format!(
        "download {IDENTITIES} from the authors' page ({AUTHORS_PAGE}, folder Anno) and put it into {}; its lines have the \
         form `000001.jpg 2880`",
        display_name(root)
    )
}
