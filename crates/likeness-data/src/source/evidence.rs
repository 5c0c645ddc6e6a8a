//! Guesses a layout from the names of photos and folders: names that start with an identity, folders as identities, or
//! no identities.
//!
//! A wrongly guessed identity gives wrong results, but a missing one only requires a flag. Identities are therefore taken
//! from names only if all evidence agrees, and the note on the guess names the flag that changes it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Layout;
use super::found::{FolderTree, folder_of};
use super::names::{is_album_name, is_camera_name};
use super::prefix;
use crate::photos::PhotoPath;

/// If there are few folders with at least this many photos each, they are albums, conditions or sources, not people.
const LARGE_FOLDER: usize = 50;
/// Maximum number of folders that counts as few.
const FEW_FOLDERS: usize = 3;
/// Folders at this depth below the base form an archive of albums.
const DEEP: usize = 4;

/// The layout of `photos`, and a sentence with the reason and the flag that changes it.
pub(super) fn weigh(photos: &[PhotoPath]) -> (Layout, String) {
    if let Some(evidence) = identities_in_front(photos) {
        return (Layout::Prefix, evidence);
    }
    let tree = FolderTree::of(photos);
    let survey = Survey::of(photos, &tree);
    match survey.against_identities() {
        None => (Layout::Folders, survey.as_identities(&tree)),
        Some(reason) => (Layout::Unlabelled, survey.as_unlabelled(&reason, &tree)),
    }
}

/// Evidence that the photos are named `IDENTITY_N`.
///
/// At least nine in ten names have this form and are not camera names; there are clearly more identities than folders; and
/// at least a quarter of the photos are further photos of an identity.
fn identities_in_front(photos: &[PhotoPath]) -> Option<String> {
    let named: Vec<&str> = photos
        .iter()
        .filter(|p| !is_camera_name(prefix::stem_of(&p.name)))
        .filter_map(|p| prefix::identity_of(&p.name))
        .collect();
    let identities = named.iter().collect::<HashSet<_>>().len();
    let folders: HashSet<&str> =
        photos.iter().map(|p| folder_of(&p.name)).filter(|f| !f.is_empty()).collect();
    let (count, total) = (named.len(), photos.len());
    let speaks = count * 10 >= total * 9
        && identities >= 2
        && identities > 2 * folders.len()
        && (count - identities) * 4 >= count;
    let others = if count < total {
        format!("; {} named otherwise have no identity", total - count)
    } else {
        String::new()
    };
    speaks.then(|| {
        format!(
            "{count} of {total} photos are named IDENTITY_N, for {identities} identities{others} (--layout unlabelled if the \
             names hold no identity)"
        )
    })
}

/// A summary of a collection's folders.
struct Survey<'a> {
    total: usize,
    /// Number of photos in each folder below base and split.
    folders: BTreeMap<&'a str, usize>,
    /// Number of photos that are in none of these folders.
    loose: usize,
    camera_named: usize,
}

impl<'a> Survey<'a> {
    fn of(photos: &'a [PhotoPath], tree: &FolderTree) -> Self {
        let mut folders = BTreeMap::new();
        let mut loose = 0;
        for photo in photos {
            match tree.place(&photo.name).folder {
                Some(folder) => *folders.entry(folder).or_default() += 1,
                None => loose += 1,
            }
        }
        let camera_named = photos.iter().filter(|p| is_camera_name(prefix::stem_of(&p.name))).count();
        Self { total: photos.len(), folders, loose, camera_named }
    }

    /// The reason why the folders are not identities; `None` if they are.
    fn against_identities(&self) -> Option<String> {
        let placed = self.total - self.loose;
        match self.folders.len() {
            0 => return Some(String::new()),
            1 => return Some("only one folder".to_owned()),
            _ => {}
        }
        if self.loose * 4 > self.total {
            return Some(format!("{} of them in no folder of their own", self.loose));
        }
        let albums = self.albums();
        let in_albums: usize = albums.iter().map(|name| self.folders[name]).sum();
        if albums.len() * 2 >= self.folders.len() || in_albums * 2 >= placed {
            return Some(format!("folders are named like albums ({})", shortened(&albums)));
        }
        let nested: usize = self.nested().map(|name| self.folders[name]).sum();
        if nested * 4 > placed {
            return Some("folders hold both photos and further folders".to_owned());
        }
        let deep: usize =
            self.folders.iter().filter(|(name, _)| name.split('/').count() >= DEEP).map(|(_, n)| n).sum();
        if deep * 2 > placed {
            return Some(format!("folders are nested {DEEP} deep"));
        }
        let few = self.folders.len() <= FEW_FOLDERS
            || (self.camera_named * 2 > self.total && self.folders.len() <= 3 * FEW_FOLDERS);
        if few && placed / self.folders.len() >= LARGE_FOLDER {
            let reason =
                format!("{} folders of about {} each", self.folders.len(), placed / self.folders.len());
            return Some(reason);
        }
        None
    }

    /// Folders with a path component that is named like an album.
    fn albums(&self) -> Vec<&'a str> {
        self.folders.keys().copied().filter(|name| name.split('/').any(is_album_name)).collect()
    }

    /// Folders inside another folder that contains photos.
    fn nested(&self) -> impl Iterator<Item = &'a str> {
        let has_photos: BTreeSet<&str> = self.folders.keys().copied().collect();
        let lies_in_another =
            move |name: &str| name.match_indices('/').any(|(at, _)| has_photos.contains(&name[..at]));
        self.folders.keys().copied().filter(move |name| lies_in_another(name))
    }

    fn as_identities(&self, tree: &FolderTree) -> String {
        let (total, count) = (self.total, self.folders.len());
        let mut sentence =
            format!("{total} photos in {count} folders; each folder is taken for one identity");
        if self.loose > 0 {
            let (photos, have) = if self.loose == 1 { ("photo", "has") } else { ("photos", "have") };
            sentence += &format!("; {} {photos} in none of them {have} no identity", self.loose);
        }
        let albums = self.albums();
        if !albums.is_empty() {
            sentence += &format!("; {} of them named like an album ({})", albums.len(), shortened(&albums));
        }
        sentence + &splits(tree) + " (--layout unlabelled if the folders are albums)"
    }

    fn as_unlabelled(&self, reason: &str, tree: &FolderTree) -> String {
        let total = self.total;
        let photos = if total == 1 { "photo" } else { "photos" };
        if reason.is_empty() {
            return format!("{total} {photos}, without identities{}", splits(tree));
        }
        format!(
            "{total} {photos}, {reason}, so folders are not taken for identities{} (--layout folders if each folder is one \
             identity)",
            splits(tree)
        )
    }
}

/// A note on which folders are splits.
fn splits(tree: &FolderTree) -> String {
    let names: Vec<&str> = tree.split_folders().collect();
    if names.is_empty() { String::new() } else { format!("; the folders {} are splits", names.join(", ")) }
}

/// The first few of `names`, as text.
fn shortened(names: &[&str]) -> String {
    let shown = names.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 3 { format!("{shown}, …") } else { shown }
}
