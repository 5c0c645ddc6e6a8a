//! Changes the model of a gallery.
//!
//! 1. The new model is stored as being built. Every face is cut out of its photo again, at its stored place, and embedded.
//!    What is embedded is stored in batches, so an interrupted migration goes on where it stopped.
//! 2. The persons of all faces are computed with the new embeddings and thresholds. Decisions are not touched.
//! 3. One transaction makes the new model the active one. Until then every search uses the old one.
//!
//! The old model is kept with its embeddings, so that [`rollback`] can return to it.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use image::RgbImage;
use likeness_data::cut::{FaceCutter, GivenFace};
use likeness_data::decode::PhotoReader;
use likeness_data::geometry::{Point, Rect};
use likeness_data::ordered::OrderedPool;
use likeness_data::photos::{Skipped, display_name};
use likeness_embed::Embedder;
use likeness_embed::embed::tag;
use likeness_gallery::catalogue::{
    Item, ItemRow, Label, ModelState, ReadCatalogue, StoredModel, WriteCatalogue,
};
use likeness_gallery::{Gallery, ItemId, PersonId};
use likeness_search::Verdict;
use serde_json::json;

use super::sync::source_of;
use super::{list, photo_options};
use crate::context::Context;
use crate::loader::Loader;
use crate::options::{ModelChoice, PhotoOptions};
use crate::{LikenessError, Result, invalid};

/// Photos that a worker reads at a time.
const BATCH: usize = 8;
/// Photos whose embeddings are stored in one transaction.
const STORED: usize = 64;

/// The assignments that another model changes.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Name of the new model.
    pub model: String,
    /// Faces that the program assigned and still assigns to the same person.
    pub same: usize,
    /// Faces that get a person.
    pub gained: Vec<Change>,
    /// Faces that lose their person.
    pub lost: Vec<Change>,
    /// Faces that get another person.
    pub other: Vec<Change>,
    /// Faces that could not be embedded, because their photos are missing or cannot be read.
    pub without: Vec<Skipped>,
    /// Whether the gallery uses the new model now.
    pub is_switched: bool,
}

/// A face whose person changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The face.
    pub item: ItemId,
    /// Path of its photo.
    pub path: String,
    /// Name of the person before.
    pub before: Option<String>,
    /// Name of the person after.
    pub after: Option<String>,
}

/// Embeds all faces of `gallery` with the model `name`, and switches to it unless `dry_run`.
///
/// # Errors        a model that cannot be opened; a model of another kind; an interruption, after which the same call goes on
pub fn migrate(
    gallery: &mut Gallery,
    name: &str,
    dry_run: bool,
    photos: &PhotoOptions,
    context: Context<'_>,
) -> Result<Changes> {
    let active = gallery.active_model()?;
    let choice = ModelChoice::named(name);
    let read = photo_options(&active, photos);
    let loader = Loader::new(&choice, &read, context);
    let spec = loader.embedder()?.spec().clone();
    if spec.fingerprint == active.tag.fingerprint {
        return Err(invalid(
            format!("{}: the gallery uses this model already", spec.name),
            "name another model with --model",
        ));
    }
    let known = gallery.catalogue().models()?.into_iter().find(|m| m.tag.fingerprint == spec.fingerprint);
    let model = match known {
        Some(model) => model,
        None => {
            let source = source_of(name)?;
            let id = gallery.catalogue_mut().add_model(&tag(&spec), &source, &active.detector)?;
            let all = gallery.catalogue().models()?;
            all.into_iter()
                .find(|m| m.id == id)
                .ok_or_else(|| invalid("the new model was not stored", "try again"))?
        }
    };
    finish(gallery, &model, &loader, dry_run, context)
}

/// Returns to the model that was active before.
///
/// # Errors        no such model; one that cannot be opened
pub fn rollback(gallery: &mut Gallery, photos: &PhotoOptions, context: Context<'_>) -> Result<Changes> {
    let before = gallery.catalogue().models()?.into_iter().rev().find(|m| m.state == ModelState::Retired);
    let before = before.ok_or_else(|| {
        invalid(
            format!("{}: the gallery had no other model", gallery.catalogue().path().display()),
            "change the model with `likeness gallery migrate --model`",
        )
    })?;
    let choice = ModelChoice::named(before.source.clone());
    let read = photo_options(&before, photos);
    let loader = Loader::new(&choice, &read, context);
    finish(gallery, &before, &loader, false, context)
}

/// Embeds what has no embedding by `model` yet, compares, and switches.
fn finish(
    gallery: &mut Gallery,
    model: &StoredModel,
    loader: &Loader<'_>,
    dry_run: bool,
    context: Context<'_>,
) -> Result<Changes> {
    let without = embed_missing(gallery, model, loader, context)?;
    let mut changes = compare(gallery, model)?;
    changes.without = without;
    if !dry_run {
        gallery.catalogue_mut().activate(model.id)?;
        list::reassign(gallery)?;
        let now = gallery.active_model()?;
        gallery.ready_codes(&now)?;
        changes.is_switched = true;
    }
    Ok(changes)
}

/// A photo with the items to embed.
struct Work {
    path: PathBuf,
    items: Vec<Item>,
}

/// Embeds the items without an embedding by `model`. Returns those that cannot be embedded.
fn embed_missing(
    gallery: &mut Gallery,
    model: &StoredModel,
    loader: &Loader<'_>,
    context: Context<'_>,
) -> Result<Vec<Skipped>> {
    let done: HashSet<ItemId> = embedded_by(gallery, model)?;
    let mut work: Vec<Work> = Vec::new();
    for row in gallery.catalogue().items(None)? {
        let ItemRow { item, path, .. } = row;
        if done.contains(&item.id) {
            continue;
        }
        let path = PathBuf::from(path);
        match work.last_mut().filter(|work| work.path == path) {
            Some(work) => work.items.push(item),
            None => work.push(Work { path, items: vec![item] }),
        }
    }
    if work.is_empty() {
        return Ok(Vec::new());
    }
    let (_, cut) = loader.detection()?;
    let embedder = loader.embedder()?;
    let progress = context.stage("migrate");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = OrderedPool { threads: cores, most_under_way: 4 * cores, stop: context.stop };
    let reader = PhotoReader::default();
    let (mut skipped, mut items, mut vectors) = (Vec::new(), Vec::new(), Vec::new());
    let mut photos = 0;
    let received = pool.run(
        work.len().div_ceil(BATCH),
        || FaceCutter::new(None, &cut),
        |cutter, turn| {
            let part = &work[turn * BATCH..work.len().min((turn + 1) * BATCH)];
            part.iter().map(|photo| embed_photo(photo, cutter, &reader, embedder)).collect::<Result<Vec<_>>>()
        },
        |_, results: Vec<Embedded>| {
            for result in results {
                photos += 1;
                match result {
                    Ok(found) => {
                        for (item, vector) in found {
                            items.push(item);
                            vectors.extend(vector);
                        }
                    }
                    Err(skip) => skipped.push(skip),
                }
                if photos % STORED == 0 {
                    gallery.catalogue_mut().put_vectors(model.id, &items, &vectors)?;
                    items.clear();
                    vectors.clear();
                }
            }
            progress.show(photos, work.len());
            Ok::<_, LikenessError>(())
        },
    )?;
    gallery.catalogue_mut().put_vectors(model.id, &items, &vectors)?;
    if received * BATCH < work.len() {
        return Err(invalid(
            format!(
                "interrupted: {photos} of {} photos were embedded; the gallery still uses its old model",
                work.len()
            ),
            "run the same command again to go on",
        ));
    }
    progress.end(photos, "photos");
    Ok(skipped)
}

/// The items with an embedding by `model`.
fn embedded_by(gallery: &Gallery, model: &StoredModel) -> Result<HashSet<ItemId>> {
    Ok(gallery.catalogue().vector_state(model.id)?.items.into_iter().collect())
}

/// The embeddings of a photo's items, or why there are none.
type Embedded = Result<Vec<(ItemId, Vec<f32>)>, Skipped>;

fn embed_photo(
    work: &Work,
    cutter: &mut FaceCutter<'_>,
    reader: &PhotoReader,
    embedder: &dyn Embedder,
) -> Result<Embedded> {
    let skip = |reason: String| Ok(Err(Skipped::new(display_name(&work.path), reason)));
    let photo = match reader.read(&work.path) {
        Ok(photo) => photo,
        Err(error) => return skip(error.reason()),
    };
    let mut crops: Vec<RgbImage> = Vec::with_capacity(work.items.len());
    for item in &work.items {
        match cutter.cut(&photo.image, given(item), embedder.spec().input_size) {
            Ok(faces) => crops.extend(faces.into_iter().map(|face| face.image)),
            Err(error) => return skip(error.reason()),
        }
    }
    let values = match embedder.embed(&crops) {
        Ok(values) => values,
        Err(error) => return skip(error.to_string()),
    };
    let vectors = values.chunks_exact(embedder.spec().dimension).map(<[f32]>::to_vec);
    Ok(Ok(work.items.iter().map(|item| item.id).zip(vectors).collect()))
}

/// The stored place of a face.
fn given(item: &Item) -> GivenFace {
    GivenFace {
        face_box: item.face_box.map(|[left, top, width, height]| {
            Rect::new(left as f32, top as f32, width as f32, height as f32)
        }),
        landmarks: item.landmarks.map(|points| points.map(|[x, y]| Point { x, y })),
    }
}

/// Compares the assignments by the new model with the stored ones.
fn compare(gallery: &Gallery, model: &StoredModel) -> Result<Changes> {
    let people = gallery.people()?;
    let name = |person: PersonId| {
        let name = people.person(person).and_then(|person| person.name.clone());
        name.unwrap_or_else(|| format!("person:{person}"))
    };
    let before: HashMap<ItemId, PersonId> = list::labels(gallery)?
        .into_iter()
        .filter_map(|(item, label)| match label {
            Label::Person { person, .. } if people.standing(item).is_none() => Some((item, person)),
            _ => None,
        })
        .collect();
    let after: HashMap<ItemId, PersonId> = list::identified(gallery, model, &people)?
        .assignments
        .into_iter()
        .filter(|found| found.verdict == Verdict::Same)
        .map(|found| (found.item, found.person))
        .collect();
    let mut items: Vec<ItemId> = before.keys().chain(after.keys()).copied().collect();
    items.sort_unstable();
    items.dedup();
    let mut changes = Changes { model: model.tag.name.clone(), ..Changes::default() };
    for row in gallery.catalogue().items_by_id(&items)? {
        let item = row.item.id;
        let (old, new) = (before.get(&item).copied(), after.get(&item).copied());
        let change = Change { item, path: row.path, before: old.map(name), after: new.map(name) };
        match (old, new) {
            (Some(old), Some(new)) if old == new => changes.same += 1,
            (Some(_), Some(_)) => changes.other.push(change),
            (Some(_), None) => changes.lost.push(change),
            _ => changes.gained.push(change),
        }
    }
    Ok(changes)
}

impl Changes {
    /// The JSON document.
    pub fn document(&self) -> serde_json::Value {
        let change = |change: &Change| json!({ "face": change.item, "path": change.path, "before": change.before, "after": change.after });
        let list = |changes: &[Change]| changes.iter().map(change).collect::<Vec<_>>();
        json!({
            "model": self.model, "switched": self.is_switched, "same": self.same, "gained": list(&self.gained),
            "lost": list(&self.lost), "other": list(&self.other),
            "without": self.without.iter().map(|s| json!({ "name": s.name, "reason": s.reason })).collect::<Vec<_>>(),
        })
    }
}
