//! What a user names as INPUT, QUERIES or GALLERY: photos, folders, a dataset or an embeddings file; embeddings leave.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use likeness_data::dataset::Dataset;
use likeness_data::photos::{self, Skipped};
use likeness_data::source::{self, Layout};
use likeness_model::cache::EmbeddingCache;
use likeness_model::embed::{EmbedItem, EmbedRun, Gathered, embed_each, tag};
use likeness_model::model_folder::Alignment;
use likeness_model::{Embedder, FlipEmbedder, load_embedder_on};
use likeness_search::{EmbeddingTable, EmbeddingWriter, Role, Row, is_embeddings_file};

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
    /// Photos that are taken at most, evenly spread.
    most: Option<usize>,
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
        Self { model, photos, stop, embedder: OnceLock::new(), detector: OnceLock::new(), most: None }
    }

    /// The same, with an embedder that is loaded already, for at most `most` photos.
    pub(crate) fn using(self, embedder: Box<dyn Embedder>, most: Option<usize>) -> Self {
        Self { embedder: OnceLock::from(embedder), most, ..self }
    }

    /// The embeddings of `inputs`, of `split` alone where one is named.
    pub(crate) fn load(&self, inputs: &[PathBuf], split: Option<&str>) -> anyhow::Result<Loaded> {
        if is_table(inputs) {
            return self.load_file(&inputs[0], split);
        }
        let mut gathered = Gathered::default();
        let skipped = self.embed(inputs, split, |row, embedding| {
            gathered.keep(row, embedding);
            Ok(())
        })?;
        Ok(Loaded { table: gathered.into_table(self.embedder(&inputs[0])?.spec())?, skipped })
    }

    /// Writes the embeddings of `inputs` to `output` as they come; returns how many of how many numbers each.
    pub(crate) fn save(
        &self,
        inputs: &[PathBuf],
        split: Option<&str>,
        output: &Path,
    ) -> anyhow::Result<(u64, usize)> {
        if is_table(inputs) {
            let table = self.load(inputs, split)?.table;
            table.save(output)?;
            return Ok((table.len() as u64, table.dimension()));
        }
        let tag = tag(self.embedder(&inputs[0])?.spec());
        let dimension = tag.dimension;
        let mut writer = EmbeddingWriter::create(output, tag)?;
        self.embed(inputs, split, |row, embedding| writer.push(&row, embedding))?;
        let count = writer.len();
        writer.finish()?;
        Ok((count, dimension))
    }

    /// Hands each embedding of the photos behind `inputs` to `keep`, in order; returns what was passed over.
    fn embed(
        &self,
        inputs: &[PathBuf],
        split: Option<&str>,
        keep: impl FnMut(Row, &[f32]) -> likeness_search::Result<()> + Send,
    ) -> anyhow::Result<Vec<Skipped>> {
        let (mut photos, mut skipped) = photos(inputs, self.photos.layout)?;
        photos.keep_split(split, &inputs[0])?;
        if let Some(most) = self.most {
            photos.keep_spread(most);
        }
        let embedder = self.embedder(&inputs[0])?;
        let progress = Progress::begin("embed");
        let is_dataset = matches!(inputs, [folder] if Dataset::is_at(folder));
        let detector = if is_dataset { None } else { self.detector()? };
        if !is_dataset && detector.is_none() && embedder.spec().alignment == Some(Alignment::Arcface) {
            say(format!(
                "{} was trained on aligned faces, and these photos are taken as they are: --detector auto finds faces and \
                 aligns them",
                embedder.spec().name
            ));
        }
        let cut = self.photos.detection.cut();
        let cache = self.cache(embedder, detector)?;
        let run = EmbedRun {
            detection: detector.map(|d| (d.detector.as_ref(), &cut)),
            stop: self.stop,
            progress: &|done, total| progress.show(done, total),
            limits: self.photos.reading.limits(),
            threads: self.photos.reading.threads,
            cache: cache.as_ref(),
            batch: self.model.batch.map(|n| n as usize),
            say: &|line| say(line),
        };
        let unusable = match &photos {
            Photos::Found(photos) => embed_each(photos, found_item, embedder, &run, keep)?,
            Photos::Collected(samples) => embed_each(samples, collected_item, embedder, &run, keep)?,
            Photos::Prepared(items) => embed_each(items, EmbedItem::clone, embedder, &run, keep)?,
        };
        progress.end(photos.len(), "photos");
        if let Some(cache) = &cache {
            say(format!(
                "{} of {} photos were embedded before: {}",
                cache.hits(),
                photos.len(),
                cache.path().display()
            ));
            if let Some(fault) = cache.fault() {
                say(format!("{}: nothing more could be kept: {fault}", cache.path().display()));
            }
        }
        skipped.extend(unusable);
        say_skipped(&skipped, None);
        Ok(skipped)
    }

    /// The cache that the flags name, for embeddings made in this way.
    fn cache(
        &self,
        embedder: &dyn Embedder,
        detector: Option<&LoadedDetector>,
    ) -> anyhow::Result<Option<EmbeddingCache>> {
        let Some(folder) = &self.model.cache else { return Ok(None) };
        let spec = embedder.spec();
        // Whatever else decides how a face is cut is a matter of the program's version.
        let way = serde_json::to_string(&(
            env!("CARGO_PKG_VERSION"),
            &spec.fingerprint,
            detector.map(|d| d.settings(self.photos.detection)),
        ))?;
        Ok(Some(EmbeddingCache::open(folder, &way, spec.dimension)?))
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
        let mut embedder = load_embedder_on(name, &self.model.overrides(), &self.model.engine())?;
        if let Some(engine) = embedder.engine() {
            say(format!("engine: {engine}"));
        }
        if self.model.flips {
            embedder = Box::new(FlipEmbedder::new(embedder));
        }
        Ok(self.embedder.get_or_init(|| embedder).as_ref())
    }
}

/// The first digits of a fingerprint.
fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}

/// Whether `inputs` are one embeddings file.
fn is_table(inputs: &[PathBuf]) -> bool {
    matches!(inputs, [file] if file.is_file() && is_embeddings_file(file))
}

/// Photos to embed, each as small as its source knows it: there may be hundreds of thousands.
enum Photos {
    Found(Vec<photos::PhotoPath>),
    Collected(Vec<source::Sample>),
    Prepared(Vec<EmbedItem>),
}

impl Photos {
    fn len(&self) -> usize {
        match self {
            Self::Found(photos) => photos.len(),
            Self::Collected(samples) => samples.len(),
            Self::Prepared(items) => items.len(),
        }
    }

    /// Leaves `most` of them, evenly spread.
    fn keep_spread(&mut self, most: usize) {
        fn keep<T>(photos: &mut Vec<T>, most: usize) {
            let (total, mut at) = (photos.len(), 0);
            photos.retain(|_| {
                at += 1;
                total <= most || at * most / total > (at - 1) * most / total
            });
        }
        match self {
            Self::Found(photos) => keep(photos, most),
            Self::Collected(samples) => keep(samples, most),
            Self::Prepared(items) => keep(items, most),
        }
    }

    /// Leaves those of `split` alone, where one is named.
    fn keep_split(&mut self, split: Option<&str>, input: &Path) -> anyhow::Result<()> {
        let Some(split) = split else { return Ok(()) };
        match self {
            Self::Found(photos) => photos.clear(),
            Self::Collected(samples) => samples.retain(|s| s.split.is_some_and(|s| s.name() == split)),
            Self::Prepared(items) => items.retain(|item| item.row.split.as_deref() == Some(split)),
        }
        if self.len() > 0 {
            return Ok(());
        }
        Err(hinted(
            format!("{}: no photo of the split {split}", input.display()),
            "prepare the dataset with --split images, identities or official, or try --split all",
        ))
    }
}

/// What to read of a photo of which nothing else is known.
fn found_item(photo: &photos::PhotoPath) -> EmbedItem {
    EmbedItem {
        row: Row { path: photos::display_name(&photo.path), ..Row::new(&photo.name) },
        face_box: None,
        path: photo.path.clone(),
    }
}

/// What to read of a collection's photo, and what the collection says about it.
fn collected_item(sample: &source::Sample) -> EmbedItem {
    EmbedItem {
        row: Row {
            path: photos::display_name(&sample.path),
            identity: sample.identity.clone(),
            domain: sample.domain.clone(),
            split: sample.split.map(|s| s.name().to_owned()),
            role: sample.role.map(role).unwrap_or_default(),
            ..Row::new(&sample.name)
        },
        face_box: sample.face_box,
        path: sample.path.clone(),
    }
}

/// The photos behind `inputs`, with what is known about each.
fn photos(inputs: &[PathBuf], layout: Layout) -> anyhow::Result<(Photos, Vec<Skipped>)> {
    match inputs {
        [folder] if Dataset::is_at(folder) => Ok((Photos::Prepared(dataset_items(folder)?), Vec::new())),
        [folder] if folder.is_dir() => {
            let collection = source::read(folder, layout, None)?;
            collection.notes.iter().for_each(say);
            Ok((Photos::Collected(collection.samples), collection.skipped))
        }
        _ => {
            let (found, skipped) = photos::find_some(inputs, None)?;
            Ok((Photos::Found(found), skipped))
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
