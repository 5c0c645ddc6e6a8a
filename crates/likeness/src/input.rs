//! What a user names as INPUT, QUERIES or GALLERY: photos, folders, a dataset or an embeddings file; embeddings leave.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use likeness_data::dataset::Dataset;
use likeness_data::photos::{self, Skipped};
use likeness_data::source::{self, Layout};
use likeness_model::embed::{EmbedItem, EmbedRun, embed};
use likeness_model::{Embedder, load_embedder};
use likeness_search::{EmbeddingTable, Role, Row, is_embeddings_file};

use crate::args::{DetectionArgs, ModelArgs, ReadingArgs};
use crate::detector::{self, LoadedDetector};
use crate::failure::hinted;
use crate::progress::{Progress, say, say_skipped};

/// Loads embeddings, making them where they are not there yet; the model is loaded when first needed.
pub(crate) struct Loader<'a> {
    model: &'a ModelArgs,
    photos: PhotoArgs<'a>,
    stop: &'a AtomicBool,
    embedder: OnceLock<Box<dyn Embedder>>,
    detector: OnceLock<Option<LoadedDetector>>,
}

/// How photos are read: their layout, what finds the faces, and the limits.
#[derive(Clone, Copy)]
pub(crate) struct PhotoArgs<'a> {
    pub(crate) layout: Layout,
    pub(crate) detection: &'a DetectionArgs,
    pub(crate) reading: &'a ReadingArgs,
}

/// Embeddings, and what was passed over on the way.
pub(crate) struct Loaded {
    pub(crate) table: EmbeddingTable,
    pub(crate) skipped: Vec<Skipped>,
}

impl<'a> Loader<'a> {
    /// A loader for these flags.
    pub(crate) fn new(model: &'a ModelArgs, photos: PhotoArgs<'a>, stop: &'a AtomicBool) -> Self {
        Self { model, photos, stop, embedder: OnceLock::new(), detector: OnceLock::new() }
    }

    /// The embeddings of `inputs`, of `split` alone where one is named.
    pub(crate) fn load(&self, inputs: &[PathBuf], split: Option<&str>) -> anyhow::Result<Loaded> {
        if let [file] = inputs
            && file.is_file()
            && is_embeddings_file(file)
        {
            return self.load_file(file, split);
        }
        let (items, mut skipped) = items(inputs, self.photos.layout)?;
        let items = in_split(items, split, inputs)?;
        let embedder = self.embedder(&inputs[0])?;
        let progress = Progress::begin("embed");
        let is_dataset = matches!(inputs, [folder] if Dataset::is_at(folder));
        let detector = if is_dataset { None } else { self.detector()? };
        let cut = self.photos.detection.cut();
        let run = EmbedRun {
            detection: detector.map(|d| (d.detector.as_ref(), &cut)),
            stop: self.stop,
            progress: &|done, total| progress.show(done, total),
            limits: self.photos.reading.limits(),
            threads: self.photos.reading.threads,
        };
        let (table, unusable) = embed(&items, embedder, &run)?;
        progress.end(items.len(), "photos");
        skipped.extend(unusable);
        say_skipped(&skipped, None);
        Ok(Loaded { table, skipped })
    }

    fn load_file(&self, file: &Path, split: Option<&str>) -> anyhow::Result<Loaded> {
        let table = EmbeddingTable::load(file)?;
        if self.model.model.is_some() {
            let spec = self.embedder(file)?.spec();
            let (made_by, now) = (table.model(), &spec.fingerprint);
            if made_by.fingerprint != *now {
                return Err(hinted(
                    format!(
                        "{}: its embeddings come from the model {} ({}), not from {} ({})",
                        file.display(),
                        made_by.name,
                        short(&made_by.fingerprint),
                        spec.name,
                        short(now)
                    ),
                    "embed the photos again with this model, or leave --model out",
                ));
            }
        }
        let table = match split {
            None => table,
            Some(split) => table.select(|row| row.split.as_deref() == Some(split)),
        };
        if table.is_empty() {
            let split = split.unwrap_or_default();
            return Err(hinted(
                format!("{}: no embedding of the split {split}", file.display()),
                "try --split all",
            ));
        }
        Ok(Loaded { table, skipped: Vec::new() })
    }

    /// The detector that the flags name; loaded when first needed.
    fn detector(&self) -> anyhow::Result<Option<&LoadedDetector>> {
        if self.detector.get().is_none() {
            let loaded = detector::load(self.photos.detection)?;
            return Ok(self.detector.get_or_init(|| loaded).as_ref());
        }
        Ok(self.detector.get().and_then(Option::as_ref))
    }

    fn embedder(&self, input: &Path) -> anyhow::Result<&dyn Embedder> {
        if let Some(embedder) = self.embedder.get() {
            return Ok(embedder.as_ref());
        }
        let Some(name) = &self.model.model else {
            return Err(hinted(
                format!("{}: photos need a model to be compared", input.display()),
                "name one with --model: color, edge, texture, classic, or an ONNX file",
            ));
        };
        let embedder = load_embedder(name, &self.model.overrides())?;
        Ok(self.embedder.get_or_init(|| embedder).as_ref())
    }
}

/// The first digits of a fingerprint.
fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}

fn in_split(
    items: Vec<EmbedItem>,
    split: Option<&str>,
    inputs: &[PathBuf],
) -> anyhow::Result<Vec<EmbedItem>> {
    let Some(split) = split else { return Ok(items) };
    let kept: Vec<_> = items.into_iter().filter(|i| i.row.split.as_deref() == Some(split)).collect();
    if kept.is_empty() {
        return Err(hinted(
            format!("{}: no photo of the split {split}", inputs[0].display()),
            "prepare the dataset with --split images, identities or official, or try --split all",
        ));
    }
    Ok(kept)
}

/// The photos behind `inputs`, with what is known about each.
fn items(inputs: &[PathBuf], layout: Layout) -> anyhow::Result<(Vec<EmbedItem>, Vec<Skipped>)> {
    match inputs {
        [folder] if Dataset::is_at(folder) => Ok((dataset_items(folder)?, Vec::new())),
        [folder] if folder.is_dir() => {
            let collection = source::read(folder, layout, None)?;
            collection.notes.iter().for_each(say);
            let item = |sample: source::Sample| EmbedItem {
                row: Row {
                    path: photos::display_name(&sample.path),
                    identity: sample.identity,
                    domain: sample.domain,
                    split: sample.split.map(|s| s.name().to_owned()),
                    role: sample.role.map(role).unwrap_or_default(),
                    ..Row::new(sample.name)
                },
                face_box: sample.face_box,
                path: sample.path,
            };
            Ok((collection.samples.into_iter().map(item).collect(), collection.skipped))
        }
        _ => {
            let (found, skipped) = photos::find_some(inputs, None)?;
            let item = |photo: photos::PhotoPath| EmbedItem {
                row: Row { path: photos::display_name(&photo.path), ..Row::new(photo.name) },
                face_box: None,
                path: photo.path,
            };
            Ok((found.into_iter().map(item).collect(), skipped))
        }
    }
}

fn dataset_items(folder: &Path) -> anyhow::Result<Vec<EmbedItem>> {
    let dataset = Dataset::open(folder)?;
    let mut seen = HashMap::<&str, usize>::new();
    let item = |face| {
        let face: &likeness_data::manifest::Face = face;
        let path = dataset.path_of(face);
        let nth = seen.entry(&face.source).and_modify(|n| *n += 1).or_insert(1);
        let row = Row {
            name: if *nth == 1 { face.source.clone() } else { format!("{}#{nth}", face.source) },
            path: photos::display_name(&path),
            sha256: face.sha256.clone(),
            identity: face.identity.clone(),
            domain: face.domain.clone(),
            split: Some(face.split.name().to_owned()),
            role: role(face.role),
        };
        EmbedItem { path, row, face_box: None }
    };
    Ok(dataset.faces.iter().map(item).collect())
}

fn role(role: source::Role) -> Role {
    match role {
        source::Role::Query => Role::Query,
        source::Role::Gallery => Role::Gallery,
        source::Role::Both => Role::Both,
    }
}
