//! Generated pictures and collections on disk, for the tests of this crate.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use likeness_data::sample::Sample;
use likeness_data::source::{self, Collection, Layout};

/// A picture that differs for each `seed` and has no flat area.
pub(crate) fn picture(seed: u32, width: u32, height: u32) -> RgbImage {
    let channel = |v: u32| (v % 256) as u8;
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([channel(x * 5 + seed * 37), channel(y * 7 + seed * 11), channel((x ^ y) * 3 + seed * 71)])
    })
}

/// Writes `picture(seed, 24, 20)` to `path`, in the format of its extension, and creates missing folders.
pub(crate) fn photo(path: &Path, seed: u32) {
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    picture(seed, 24, 20).save(path).unwrap();
}

/// Writes `text` to `path`, and creates missing folders.
pub(crate) fn text(path: &Path, text: &str) {
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, text).unwrap();
}

/// Every file below `folder` with its content, sorted by name; `except` is left out.
pub(crate) fn contents(folder: &Path, except: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.unwrap();
        let name = entry.path().strip_prefix(folder).unwrap().display().to_string();
        if entry.file_type().is_file() && name != except {
            files.push((name, fs_err::read(entry.path()).unwrap()));
        }
    }
    files
}

/// A temporary folder for a collection.
pub(crate) struct Shelf(pub(crate) tempfile::TempDir);

impl Shelf {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn photos(&self, names: &[&str]) -> &Self {
        names.iter().zip(1..).for_each(|(name, seed)| photo(&self.at(name), seed));
        self
    }

    pub(crate) fn text(&self, name: &str, content: &str) -> &Self {
        text(&self.at(name), content);
        self
    }

    pub(crate) fn read(&self, layout: Layout) -> Collection {
        source::read(self.0.path(), layout, None).unwrap()
    }

    pub(crate) fn refused(&self, layout: Layout) -> String {
        source::read(self.0.path(), layout, None).unwrap_err().to_string()
    }
}

/// `name identity` of each sample.
pub(crate) fn labels(collection: &Collection) -> Vec<String> {
    let one = |s: &Sample| format!("{} {}", s.name, s.identity.as_deref().unwrap_or("-"));
    collection.samples.iter().map(one).collect()
}

pub(crate) fn skipped(collection: &Collection) -> Vec<String> {
    collection.skipped.iter().map(|s| format!("{}: {}", s.name, s.reason)).collect()
}
