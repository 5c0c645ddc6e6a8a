//! The photos below a folder and their folder tree, shared by the layouts that read names.

use std::collections::BTreeSet;
use std::path::Path;

use crate::Result;
use crate::photos::{self, PhotoPath, Skipped};
use crate::sample::Split;

/// The photos of a collection, as found on disk.
#[derive(Debug)]
pub(super) struct Found {
    /// The photos, in natural order of their names.
    pub(super) photos: Vec<PhotoPath>,
    /// Files that cannot be read as photos.
    pub(super) skipped: Vec<Skipped>,
}

impl Found {
    /// Finds the photos below `root` (which may be a file), except those below `except`.
    ///
    /// # Errors        an unreadable folder, or no photo at all
    pub(super) fn below(root: &Path, except: Option<&Path>) -> Result<Self> {
        let (photos, skipped) = photos::find_some(&[root.to_owned()], except)?;
        Ok(Self { photos, skipped })
    }
}

/// What to do with photos for which a layout finds no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unnamed {
    /// Keep them without an identity: the layout was guessed, and a guess must not drop photos.
    Keep,
    /// Skip and list them: the user asked for this layout.
    Skip,
}

/// The folder structure of a collection: a common base, split folders below it, and identity folders below those.
#[derive(Debug)]
pub(super) struct FolderTree {
    base: String,
    split_tops: BTreeSet<String>,
}

/// The position of a photo in a [`FolderTree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The split of the photo's split folder; `None` outside of split folders.
    pub(super) split: Option<Split>,
    /// The path of the photo's folder below base and split; `None` for a photo directly in one of them.
    pub(super) folder: Option<&'a str>,
}

impl FolderTree {
    /// Builds the tree of `photos`.
    ///
    /// The base is the deepest folder that contains everything and at least two folders with photos (`lfw/lfw/NAME/…`).
    /// Folders below the base with the name of a split (`train`, `val`, `test`, …) are splits in two cases: all folders are,
    /// with at least two different splits; or one is `train`, another split exists too, and all of these contain folders. A
    /// folder `val` beside `anna` is a person.
    pub(super) fn of(photos: &[PhotoPath]) -> Self {
        let folders: BTreeSet<&str> = photos.iter().map(|p| folder_of(&p.name)).collect();
        let base = base(&folders);
        let below: Vec<&str> =
            folders.iter().filter_map(|f| f.strip_prefix(&*base)).filter(|f| !f.is_empty()).collect();
        Self { split_tops: split_tops(&below, folders.len() > below.len()), base }
    }

    /// The position of the photo `name`.
    pub(super) fn place<'a>(&self, name: &'a str) -> Place<'a> {
        let folder = folder_of(name);
        let below = folder.get(self.base.len()..).unwrap_or_default();
        let (top, rest) = below.split_once('/').unwrap_or((below, ""));
        let (split, folder) =
            if self.split_tops.contains(top) { (Split::from_name(top), rest) } else { (None, below) };
        Place { split, folder: Some(folder).filter(|f| !f.is_empty()) }
    }

    /// The names of the split folders, in order.
    pub(super) fn split_folders(&self) -> impl Iterator<Item = &str> {
        self.split_tops.iter().map(String::as_str)
    }
}

/// Appends `/` to `folder`; empty for the root.
fn with_slash(folder: &str) -> String {
    if folder.is_empty() { String::new() } else { format!("{folder}/") }
}

/// The folder part of a photo's name, without the last `/`.
pub(super) fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The deepest folder above all of `folders`, with a `/` at its end. If it contains fewer than two folders with photos, its
/// parent, so that a single folder of photos keeps its name.
fn base(folders: &BTreeSet<&str>) -> String {
    let shared = folders.iter().copied().reduce(shared_folder).unwrap_or_default();
    let base = with_slash(shared);
    let tops: BTreeSet<&str> = folders
        .iter()
        .filter_map(|f| f.strip_prefix(&*base)?.split('/').next())
        .filter(|top| !top.is_empty())
        .collect();
    if tops.len() < 2 { with_slash(folder_of(shared)) } else { base }
}

/// The deepest folder that contains both `a` and `b`.
fn shared_folder<'a>(a: &'a str, b: &str) -> &'a str {
    let shared = a.split('/').zip(b.split('/')).take_while(|(a, b)| a == b);
    let length = shared.map(|(part, _)| part.len() + 1).sum::<usize>().saturating_sub(1);
    &a[..length]
}

/// The first path components of `below` that are splits.
fn split_tops(below: &[&str], has_loose: bool) -> BTreeSet<String> {
    let top = |folder: &str| folder.split('/').next().unwrap_or_default().to_owned();
    let tops: BTreeSet<String> = below.iter().map(|f| top(f)).collect();
    let named: BTreeSet<String> = tops.iter().filter(|t| Split::from_name(t).is_some()).cloned().collect();
    let splits: BTreeSet<Split> = named.iter().filter_map(|t| Split::from_name(t)).collect();
    if splits.len() < 2 {
        return BTreeSet::new();
    }
    let all = named.len() == tops.len() && !has_loose;
    let nested = below.iter().all(|f| f.contains('/') || !named.contains(*f));
    if all || (splits.contains(&Split::Train) && nested) { named } else { BTreeSet::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(names: &[&str]) -> Vec<(Option<Split>, Option<String>)> {
        let photos: Vec<_> =
            names.iter().map(|n| PhotoPath { path: (*n).into(), name: (*n).to_owned() }).collect();
        let tree = FolderTree::of(&photos);
        let place = |name: &&str| {
            let place = tree.place(name);
            (place.split, place.folder.map(str::to_owned))
        };
        names.iter().map(place).collect()
    }

    fn folders(names: &[&str]) -> Vec<String> {
        places(names).into_iter().map(|(_, f)| f.unwrap_or_else(|| "-".to_owned())).collect()
    }

    #[test]
    fn folders_that_hold_everything_are_no_part_of_the_names() {
        assert_eq!(folders(&["ann/1", "bob/1"]), ["ann", "bob"]);
        assert_eq!(folders(&["lfw/lfw/ann/1", "lfw/lfw/bob/1"]), ["ann", "bob"]);
        assert_eq!(folders(&["x/1", "x/ann/1", "x/bob/1"]), ["-", "ann", "bob"]);
        assert_eq!(folders(&["1", "x/1"]), ["-", "x"]);
        assert_eq!(folders(&["ann/1", "ann/2"]), ["ann", "ann"]);
        assert_eq!(folders(&["x/ann/1", "x/ann/more/2"]), ["ann", "ann/more"]);
        assert_eq!(folders(&["ab/c/1", "ab/d/1", "abc/e/1"]), ["ab/c", "ab/d", "abc/e"]);
        assert_eq!(folders(&["1", "2"]), ["-", "-"]);
    }

    #[test]
    fn names_of_splits_count_where_they_divide_everything() {
        let (train, test) = (Some(Split::Train), Some(Split::Test));
        let ann = Some("ann".to_owned());
        assert_eq!(places(&["Train/ann/1", "test/ann/2"]), [(train, ann.clone()), (test, ann.clone())]);
        assert_eq!(places(&["x/train/1", "x/test/2"]), [(train, None), (test, None)]);
        let mixed = places(&["extra/ann/1", "train/ann/1", "test/ann/1"]);
        assert_eq!(mixed, [(None, Some("extra/ann".to_owned())), (train, ann.clone()), (test, ann)]);
        assert_eq!(folders(&["val/1", "anna/1", "test/1"]), ["val", "anna", "test"]);
        assert_eq!(folders(&["train/ann/1", "train/bob/1"]), ["ann", "bob"]);
        assert_eq!(places(&["train/ann/1", "train/bob/1"])[0].0, None);
    }
}
