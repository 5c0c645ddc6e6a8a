//! What a path stands for: photos, a folder or table of photos, a dataset, or an embeddings file.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use likeness_data::dataset::Dataset;
use likeness_data::photos::{self, PhotoPath, Skipped, display_name};
use likeness_data::source::{self, Layout};
use likeness_embed::Embedder;
use likeness_embed::embed::{EmbedItem, EmbedRun, embed_each};
use likeness_search::{EmbeddingTable, Role, Row, TableKind};

use crate::context::Context;
use crate::{Result, invalid};

/// One input, or a row of single photos.
pub(super) struct Source {
    /// The input, or the first of the photos.
    pub(super) input: PathBuf,
    pub(super) content: Content,
    /// What could not be used, before any photo is read.
    pub(super) skipped: Vec<Skipped>,
    /// Whether names are made distinct from those of other inputs by the input's own path.
    prefixed: bool,
}

/// Photos to embed, each as small as its source knows it: there may be hundreds of thousands.
pub(super) enum Content {
    /// Embeddings that exist.
    Table(EmbeddingTable),
    /// Photos named by themselves.
    Single(Vec<PhotoPath>),
    /// A folder or table of photos, read by its layout.
    Collected(Vec<likeness_data::sample::Sample>),
    /// A dataset's faces.
    Prepared(Vec<EmbedItem>),
}

/// What `inputs` stand for, in order; photos named one after another are one source.
///
/// # Errors        an input that nothing can be read from
pub(super) fn read(inputs: &[PathBuf], layout: Layout, context: Context<'_>) -> Result<Vec<Source>> {
    let mut sources: Vec<Source> = Vec::new();
    for input in inputs {
        let (content, skipped) = content_of(input, layout, context)?;
        match (sources.last_mut().map(|source| &mut source.content), content) {
            (Some(Content::Single(before)), Content::Single(more)) => before.extend(more),
            (_, content) => {
                sources.push(Source { input: input.clone(), content, skipped, prefixed: false });
            }
        }
    }
    Ok(sources)
}

/// Refuses an input that is not there.
///
/// # Errors        no such file or folder, or one that may not be read
pub fn check_exists(input: &Path) -> Result<()> {
    match fs_err::metadata(input) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(invalid(
            format!("{}: no such file or folder", input.display()),
            "check the spelling; a name with blanks needs quotes in a shell",
        )),
        Err(error) => Err(error.into()),
    }
}

fn content_of(input: &Path, layout: Layout, context: Context<'_>) -> Result<(Content, Vec<Skipped>)> {
    if input.is_dir() {
        if Dataset::is_at(input) {
            return Ok((Content::Prepared(dataset_items(input)?), Vec::new()));
        }
        return collected(input, layout, context);
    }
    // A damaged file is loaded too, for its error.
    if input.is_file() && TableKind::of(input) != TableKind::Other {
        return Ok((Content::Table(EmbeddingTable::load(input)?), Vec::new()));
    }
    if layout == Layout::Csv || (layout == Layout::Auto && source::is_table(input)) {
        return collected(input, layout, context);
    }
    let (found, skipped) = photos::find_some(std::slice::from_ref(&input.to_owned()), None)?;
    Ok((Content::Single(found), skipped))
}

fn collected(input: &Path, layout: Layout, context: Context<'_>) -> Result<(Content, Vec<Skipped>)> {
    let collection = source::read(input, layout, None)?;
    collection.notes.iter().for_each(|note| context.note(note));
    Ok((Content::Collected(collection.samples), collection.skipped))
}

/// Makes the names of several sources distinct: where two share a name, photos of folders are called `FOLDER/NAME`, and
/// single photos by the path that was given. A photo that was named twice counts once.
pub(super) fn name_apart(sources: &mut [Source]) {
    for source in sources.iter_mut() {
        if let Content::Single(photos) = &mut source.content {
            let mut seen = HashSet::new();
            photos.retain(|photo| seen.insert(photo.path.clone()));
        }
    }
    let mut seen = HashSet::new();
    let collide = sources.iter().flat_map(Source::names).any(|name| !seen.insert(name));
    // One folder or file brings names of its own.
    let several = sources.len() > 1 || sources.iter().any(|s| matches!(s.content, Content::Single(_)));
    if collide && several {
        sources.iter_mut().for_each(Source::prefix);
    }
}

impl Source {
    /// Photos of the source, or rows of its table.
    pub(super) fn len(&self) -> usize {
        match &self.content {
            Content::Table(table) => table.len(),
            Content::Single(photos) => photos.len(),
            Content::Collected(samples) => samples.len(),
            Content::Prepared(items) => items.len(),
        }
    }

    /// The photos' names; a photo with several faces counts once.
    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match &self.content {
            Content::Table(table) => {
                Box::new(table.rows().iter().filter(|row| row.face == 0).map(|row| row.name.as_str()))
            }
            Content::Single(photos) => Box::new(photos.iter().map(|photo| photo.name.as_str())),
            Content::Collected(samples) => Box::new(samples.iter().map(|sample| sample.name.as_str())),
            Content::Prepared(items) => {
                let first_faces = items.iter().filter(|item| item.row.face == 0);
                Box::new(first_faces.map(|item| item.row.name.as_str()))
            }
        }
    }

    fn prefix(&mut self) {
        match &mut self.content {
            Content::Single(photos) => {
                photos.iter_mut().for_each(|photo| photo.name = display_name(&photo.path));
            }
            _ => self.prefixed = true,
        }
    }

    /// `row` with its name made distinct from those of other sources.
    pub(super) fn named(&self, mut row: Row) -> Row {
        if self.prefixed {
            let input = display_name(&self.input);
            row.name = format!("{}/{}", input.trim_end_matches('/'), row.name);
        }
        row
    }

    /// A skipped photo of a table with its name made distinct from those of other sources.
    pub(super) fn named_skip(&self, skip: Skipped) -> Skipped {
        Skipped::new(self.named(Row::new(skip.name)).name, skip.reason)
    }

    /// Each photo, in order, with what to read for it; of a table each row, then the photos without an embedding.
    pub(super) fn items(&self) -> Vec<EmbedItem> {
        let named = |item: EmbedItem| EmbedItem { row: self.named(item.row), ..item };
        let of_row = |row: &Row| EmbedItem {
            path: row.photo_path().unwrap_or_default(),
            row: row.clone(),
            face_box: None,
            file_sha256: None,
        };
        match &self.content {
            Content::Table(table) => {
                let skipped = table.skipped().iter().map(|photo| &photo.row);
                table.rows().iter().chain(skipped).map(of_row).map(named).collect()
            }
            Content::Single(photos) => photos.iter().map(found_item).map(named).collect(),
            Content::Collected(samples) => samples.iter().map(collected_item).map(named).collect(),
            Content::Prepared(items) => items.iter().cloned().map(named).collect(),
        }
    }

    /// Photos of a folder that no decoder reads, such as HEIC: they are skipped, and queries all the same.
    pub(super) fn unreadable(&self) -> Vec<EmbedItem> {
        let Content::Collected(_) = self.content else { return Vec::new() };
        let folder =
            if self.input.is_dir() { &self.input } else { self.input.parent().unwrap_or(&self.input) };
        let item = |skip: &Skipped| {
            let path = folder.join(&skip.name);
            let row = self.named(Row { path: display_name(&path), ..Row::new(&skip.name) });
            // A PNG is skipped only if this program drew it.
            let is_drawn = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
            (path.is_file() && !is_drawn).then_some(EmbedItem {
                path,
                row,
                face_box: None,
                file_sha256: None,
            })
        };
        self.skipped.iter().filter_map(item).collect()
    }

    /// Embeds the photos, in order; returns those that could not be used.
    ///
    /// # Errors        as [`embed_each`]
    pub(super) fn each(
        &self,
        embedder: &dyn Embedder,
        run: &EmbedRun<'_>,
        keep: &mut (dyn FnMut(Row, &[f32]) -> likeness_search::Result<()> + Send),
    ) -> likeness_embed::Result<Vec<Skipped>> {
        let named = |item: EmbedItem| EmbedItem { row: self.named(item.row), ..item };
        match &self.content {
            Content::Table(_) => Ok(Vec::new()),
            Content::Single(photos) => embed_each(photos, |p| named(found_item(p)), embedder, run, keep),
            Content::Collected(samples) => {
                embed_each(samples, |s| named(collected_item(s)), embedder, run, keep)
            }
            Content::Prepared(items) => embed_each(items, |i| named(i.clone()), embedder, run, keep),
        }
    }

    /// Leaves `most` photos, evenly spread.
    pub(super) fn keep_spread(&mut self, most: usize) {
        fn keep<T>(photos: &mut Vec<T>, most: usize) {
            let (total, mut at) = (photos.len(), 0);
            photos.retain(|_| {
                at += 1;
                total <= most || at * most / total > (at - 1) * most / total
            });
        }
        match &mut self.content {
            Content::Table(_) => {}
            Content::Single(photos) => keep(photos, most),
            Content::Collected(samples) => keep(samples, most),
            Content::Prepared(items) => keep(items, most),
        }
    }

    /// Leaves the photos of `split`, where one is named.
    ///
    /// # Errors        none is left; the hint names the splits that there are
    pub(super) fn keep_split(&mut self, split: Option<&str>) -> Result<()> {
        let Some(split) = split else { return Ok(()) };
        let is_wanted = |of: Option<&str>| of == Some(split);
        let there = self.splits();
        match &mut self.content {
            Content::Table(table) => *table = table.select(|row| is_wanted(row.split.as_deref())),
            Content::Single(photos) => photos.clear(),
            Content::Collected(samples) => samples.retain(|s| is_wanted(s.split.map(|s| s.name()))),
            Content::Prepared(items) => items.retain(|item| is_wanted(item.row.split.as_deref())),
        }
        if self.len() > 0 {
            return Ok(());
        }
        let hint = if there.is_empty() {
            "it has no splits: leave --split out".to_owned()
        } else {
            format!("it has the splits {}; --split all takes everything", there.join(" and "))
        };
        Err(invalid(format!("{}: no photos of the split {split}", self.input.display()), hint))
    }

    /// The splits of the photos, in order of first appearance.
    fn splits(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut add = |split: Option<&str>| {
            if let Some(split) = split
                && !found.iter().any(|known| known == split)
            {
                found.push(split.to_owned());
            }
        };
        match &self.content {
            Content::Table(table) => table.rows().iter().for_each(|row| add(row.split.as_deref())),
            Content::Single(_) => {}
            Content::Collected(samples) => samples.iter().for_each(|s| add(s.split.map(|s| s.name()))),
            Content::Prepared(items) => items.iter().for_each(|item| add(item.row.split.as_deref())),
        }
        found
    }
}

/// What to read of a photo of which nothing else is known.
fn found_item(photo: &PhotoPath) -> EmbedItem {
    EmbedItem {
        row: Row { path: display_name(&photo.path), ..Row::new(&photo.name) },
        face_box: None,
        file_sha256: None,
        path: photo.path.clone(),
    }
}

/// What to read of a collection's photo, and what the collection says about it.
fn collected_item(sample: &likeness_data::sample::Sample) -> EmbedItem {
    EmbedItem {
        row: Row {
            path: display_name(&sample.path),
            identity: sample.identity.clone(),
            domain: sample.domain.clone(),
            split: sample.split.map(|s| s.name().to_owned()),
            role: sample.role.map(role).unwrap_or_default(),
            ..Row::new(&sample.name)
        },
        face_box: sample.face_box,
        file_sha256: None,
        path: sample.path.clone(),
    }
}

fn dataset_items(folder: &Path) -> Result<Vec<EmbedItem>> {
    let dataset = Dataset::open(folder)?;
    let mut faces_of = HashMap::<&str, u32>::new();

    let mut items = Vec::with_capacity(dataset.faces.len());
    for face in &dataset.faces {
        let path = dataset.path_of(face);
        let count = faces_of.entry(&face.source).or_default();
        let row = Row {
            name: face.source.clone(),
            face: *count,
            path: display_name(&path),
            sha256: face.sha256.clone(),
            identity: face.identity.clone(),
            domain: face.domain.clone(),
            split: Some(face.split.name().to_owned()),
            role: role(face.role),
            trained_on: None,
        };
        *count += 1;
        items.push(EmbedItem { path, row, face_box: None, file_sha256: face.face_sha256.clone() });
    }
    Ok(items)
}

fn role(role: likeness_data::sample::Role) -> Role {
    match role {
        likeness_data::sample::Role::Query => Role::Query,
        likeness_data::sample::Role::Gallery => Role::Gallery,
        likeness_data::sample::Role::Both => Role::Both,
    }
}
