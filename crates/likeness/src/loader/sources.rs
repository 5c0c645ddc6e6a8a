//! Resolves input paths to sources: photos, a folder or table of photos, a dataset, or an embeddings file.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use likeness_data::align::Template;
use likeness_data::dataset::Dataset;
use likeness_data::geometry::Landmarks;
use likeness_data::photos::{self, PhotoPath, Skipped, display_name};
use likeness_data::source::{self, Layout};
use likeness_embed::embed::{EmbedItem, EmbedRun, embed_each};
use likeness_embed::{Embedder, EmbedderSpec};
use likeness_model::Alignment;
use likeness_search::{EmbeddingTable, Role, Row, TableKind};

use crate::context::Context;
use crate::{Result, invalid};

/// One input, or several consecutive single photos.
pub(super) struct Source {
    /// Path of the input, or of the first photo.
    pub(super) input: PathBuf,
    pub(super) content: Content,
    /// Files that were skipped before any photo is read.
    pub(super) skipped: Vec<Skipped>,
    /// Whether names are prefixed with the path of the input, to distinguish them from those of other inputs.
    prefixed: bool,
    /// What is known about the faces of a dataset.
    faces: PreparedFaces,
    /// The template that the faces of a dataset are aligned to; `None` if they are not aligned.
    pub(super) template: Option<Template>,
}

/// How the faces of a dataset were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PreparedFaces {
    /// The source is no dataset.
    NotPrepared,
    /// Centre squares or given boxes.
    Undetected,
    /// Faces that a detector found.
    Detected,
}

/// The template of the faces that a model takes.
pub(super) fn template(spec: &EmbedderSpec) -> Option<Template> {
    match spec.alignment? {
        Alignment::Arcface => Some(Template::Arcface),
        Alignment::Dlib => Some(Template::Dlib),
        Alignment::None => None,
    }
}

/// The photos or embeddings of a source. Photos are stored compactly, since there may be hundreds of thousands.
pub(super) enum Content {
    /// Embeddings of an embeddings file.
    Table(EmbeddingTable),
    /// Single photos.
    Single(Vec<PhotoPath>),
    /// Photos of a folder or a table.
    Collected(Vec<likeness_data::sample::Sample>),
    /// Faces of a dataset.
    Prepared(Vec<EmbedItem>),
}

/// Resolves `inputs` to sources, in order. Consecutive single photos form one source.
///
/// # Errors        an input that cannot be read
pub(super) fn read(inputs: &[PathBuf], layout: Layout, context: Context<'_>) -> Result<Vec<Source>> {
    let mut sources: Vec<Source> = Vec::new();
    for input in inputs {
        if Dataset::is_at(input) {
            sources.push(dataset_source(input)?);
            continue;
        }
        let (content, skipped) = content_of(input, layout, context)?;
        match (sources.last_mut().map(|source| &mut source.content), content) {
            (Some(Content::Single(before)), Content::Single(more)) => before.extend(more),
            (_, content) => {
                sources.push(Source {
                    input: input.clone(),
                    content,
                    skipped,
                    prefixed: false,
                    faces: PreparedFaces::NotPrepared,
                    template: None,
                });
            }
        }
    }
    Ok(sources)
}

/// Fails if an input does not exist.
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
        return collected(input, layout, context);
    }
    // A damaged embeddings file is loaded as well, so that its error is reported.
    if input.is_file() && TableKind::of(input) != TableKind::Other {
        let (table, notes) = EmbeddingTable::load_with_notes(input)?;
        notes.iter().for_each(|note| context.note(note));
        return Ok((Content::Table(table), Vec::new()));
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

/// Makes the names of several sources distinct. If two photos share a name, photos of folders are renamed to `FOLDER/NAME`,
/// and single photos to their paths. A single photo that is given twice is used once.
pub(super) fn name_apart(sources: &mut [Source]) {
    for source in sources.iter_mut() {
        if let Content::Single(photos) = &mut source.content {
            let mut seen = HashSet::new();
            photos.retain(|photo| seen.insert(photo.path.clone()));
        }
    }
    let mut seen = HashSet::new();
    let collide = sources.iter().flat_map(Source::names).any(|name| !seen.insert(name));
    // The names of a single folder or file are kept as they are.
    let several = sources.len() > 1 || sources.iter().any(|s| matches!(s.content, Content::Single(_)));
    if collide && several {
        sources.iter_mut().for_each(Source::prefix);
    }
}

impl Source {
    /// Whether the source is a dataset.
    pub(super) fn is_prepared(&self) -> bool {
        self.faces != PreparedFaces::NotPrepared
    }

    /// Whether the photos are faces that a detector found.
    pub(super) fn is_cropped(&self) -> bool {
        self.faces == PreparedFaces::Detected
    }

    /// Number of photos of the source, or of rows of its table.
    pub(super) fn len(&self) -> usize {
        match &self.content {
            Content::Table(table) => table.len(),
            Content::Single(photos) => photos.len(),
            Content::Collected(samples) => samples.len(),
            Content::Prepared(items) => items.len(),
        }
    }

    /// Names of the photos. A photo with several faces is listed once.
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

    /// Each photo in order, as an item to embed. A table yields its rows, then its photos without an embedding.
    pub(super) fn items(&self) -> Vec<EmbedItem> {
        let named = |item: EmbedItem| EmbedItem { row: self.named(item.row), ..item };
        let of_row = |row: &Row| EmbedItem::new(row.photo_path().unwrap_or_default(), row.clone());
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

    /// Photos of a folder in a format without a decoder, such as HEIC. They are skipped, but still count as queries.
    pub(super) fn unreadable(&self) -> Vec<EmbedItem> {
        let Content::Collected(_) = self.content else { return Vec::new() };
        let folder =
            if self.input.is_dir() { &self.input } else { self.input.parent().unwrap_or(&self.input) };
        let item = |skip: &Skipped| {
            let path = folder.join(&skip.name);
            let row = self.named(Row { path: display_name(&path), ..Row::new(&skip.name) });
            // A skipped PNG is a contact sheet of this program, not a photo.
            let is_drawn = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
            (path.is_file() && !is_drawn).then(|| EmbedItem::new(path, row))
        };
        self.skipped.iter().filter_map(item).collect()
    }

    /// Embeds the photos, in order. Returns the skipped photos.
    ///
    /// # Errors        the errors of [`embed_each`]
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
                // Landmarks of the collection are only used for networks of aligned faces.
                let is_aligned = template(embedder.spec()).is_some();
                let item = |sample: &likeness_data::sample::Sample| {
                    let item = named(collected_item(sample));
                    EmbedItem { landmarks: item.landmarks.filter(|_| is_aligned), ..item }
                };
                embed_each(samples, item, embedder, run, keep)
            }
            Content::Prepared(items) => {
                // Faces that are aligned to the model's template, or that the model takes as they are, are not aligned again.
                let wanted = template(embedder.spec());
                let is_kept = wanted.is_some() && wanted != self.template;
                let item = |item: &EmbedItem| EmbedItem {
                    landmarks: item.landmarks.filter(|_| is_kept),
                    ..named(item.clone())
                };
                embed_each(items, item, embedder, run, keep)
            }
        }
    }

    /// Keeps at most `most` photos, sampled evenly.
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

    /// Keeps only the photos of `split`, if one is given.
    ///
    /// # Errors        no photo of this split; the hint lists the existing splits
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

/// The item to embed for a single photo without further information.
fn found_item(photo: &PhotoPath) -> EmbedItem {
    EmbedItem::new(photo.path.clone(), Row { path: display_name(&photo.path), ..Row::new(&photo.name) })
}

/// The item to embed for a photo of a collection, with its labels.
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
        landmarks: sample.landmarks,
        file_sha256: None,
        path: sample.path.clone(),
    }
}

/// The source of the dataset in `folder`.
fn dataset_source(folder: &Path) -> Result<Source> {
    let dataset = Dataset::open(folder)?;
    let settings = &dataset.settings;
    let detected = settings.detection.as_ref();
    let is_aligned = dataset.faces.iter().any(|face| face.landmarks.is_some());
    let template = detected.map_or(settings.template, |detection| detection.cut.template);
    let template = is_aligned.then_some(template);
    let size = settings.size;
    Ok(Source {
        input: folder.to_owned(),
        content: Content::Prepared(dataset_items(&dataset, template.map(|t| t.landmarks(size)))),
        skipped: Vec::new(),
        prefixed: false,
        faces: if detected.is_some() || is_aligned {
            PreparedFaces::Detected
        } else {
            PreparedFaces::Undetected
        },
        template,
    })
}

/// The faces of a dataset. Faces with landmarks were aligned, so that their landmarks lie at those of the template.
fn dataset_items(dataset: &Dataset, template: Option<Landmarks>) -> Vec<EmbedItem> {
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
            face_box: None,
            trained_on: None,
        };
        *count += 1;
        let landmarks = template.filter(|_| face.landmarks.is_some());
        items.push(EmbedItem {
            landmarks,
            file_sha256: face.face_sha256.clone(),
            ..EmbedItem::new(path, row)
        });
    }
    items
}

fn role(role: likeness_data::sample::Role) -> Role {
    match role {
        likeness_data::sample::Role::Query => Role::Query,
        likeness_data::sample::Role::Gallery => Role::Gallery,
        likeness_data::sample::Role::Both => Role::Both,
    }
}
