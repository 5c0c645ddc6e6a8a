//! Searches a gallery for the people or things in photos.

use std::path::PathBuf;

use likeness_gallery::catalogue::{Filter, ItemRow, ReadCatalogue, StoredModel};
use likeness_gallery::{Gallery, ItemId, PersonId, SearchPlan};
use likeness_search::{Distance, Row, Verdict};
use serde_json::json;

use super::index::EFFORT;
use super::{check_model, choice, photo_options};
use crate::Result;
use crate::context::Context;
use crate::loader::{Loader, Query, Standing};
use crate::options::{ModelChoice, PhotoOptions};

/// Options of [`search`].
#[derive(Debug, Clone, Default)]
pub struct SearchOptions {
    /// Maximum number of hits for each face.
    pub k: usize,
    /// Condition on the photos and faces to search.
    pub filter: Option<Filter>,
    /// Whether to search by the graph of the gallery: faster in large galleries, but it may miss some of the nearest.
    pub approximate: bool,
    /// Number of nearest faces that each query is moved towards before a second search.
    pub expand: Option<usize>,
    /// Whether hits are re-ranked by the neighbours that they share with the query.
    pub rerank: bool,
    /// Largest distance of a match; `None` means the threshold of the model.
    pub tolerance: Option<f32>,
    /// The engine of the model.
    pub model: ModelChoice,
    /// How photos are read.
    pub photos: PhotoOptions,
}

/// A face or picture of the gallery.
#[derive(Debug, Clone, PartialEq)]
pub struct GalleryHit {
    /// The face or picture, with its photo and person.
    pub row: ItemRow,
    /// The name of the person; `None` if nobody named the face.
    pub person: Option<String>,
    /// Distance from the query.
    pub distance: f32,
    /// Whether both show the same person or thing; `None` if the model has no thresholds.
    pub verdict: Option<Verdict>,
}

/// A face of a query photo, or a whole picture, with its hits.
#[derive(Debug, Clone, PartialEq)]
pub struct Searched {
    /// The face, or the whole picture.
    pub row: Row,
    /// Its embedding.
    pub embedding: Vec<f32>,
    /// The nearest faces or pictures of the gallery, nearest first.
    pub hits: Vec<GalleryHit>,
}

/// The result of [`search`].
#[derive(Debug, Clone)]
pub struct GalleryAnswer {
    /// Name of the model.
    pub model: String,
    /// Distance of the search.
    pub distance: Distance,
    /// Faces of the query photos in order, or whole pictures.
    pub queries: Vec<Searched>,
    /// Query photos that could not be read, and photos in which no face was found.
    pub without: Vec<Query>,
    /// Number of faces or pictures that could be found.
    pub items: u64,
}

/// The word for a verdict in results.
pub fn word(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Same) => "match",
        Some(Verdict::Possible) => "possible",
        Some(Verdict::Different) => "no match",
        None => "nearest",
    }
}

/// The verdict on a pair at this distance, by the tolerance of a search or the thresholds of the model.
pub(super) fn judge(tolerance: Option<f32>, model: &StoredModel, distance: f32) -> Option<Verdict> {
    match tolerance {
        Some(tolerance) if distance <= tolerance => Some(Verdict::Same),
        Some(_) => Some(Verdict::Different),
        None => model.tag.thresholds.verdict(distance),
    }
}

/// Searches `gallery` for every face in `photos`.
///
/// # Errors        a gallery without photos, another model than the gallery's, no photo that can be embedded
pub fn search(
    gallery: &mut Gallery,
    photos: &[PathBuf],
    options: &SearchOptions,
    context: Context<'_>,
) -> Result<GalleryAnswer> {
    let model = gallery.active_model()?;
    let (choice, read) = (choice(&model, &options.model), photo_options(&model, &options.photos));
    let loader = Loader::new(&choice, &read, context);
    check_model(gallery, &model, &loader)?;
    let queries = loader.load_queries(photos)?;
    let without: Vec<&str> = queries
        .photos
        .iter()
        .filter(|photo| photo.standing == Standing::WithoutFace && !model.detector.is_empty())
        .map(|photo| photo.name.as_str())
        .collect();
    let rows: Vec<(usize, &Row)> = queries
        .table
        .rows()
        .iter()
        .enumerate()
        .filter(|(_, row)| !without.contains(&row.name.as_str()))
        .collect();
    let mut vectors = Vec::with_capacity(rows.len() * model.tag.dimension);
    rows.iter().for_each(|(at, _)| vectors.extend_from_slice(queries.table.embedding(*at)));
    let found = match rows.is_empty() {
        true => Vec::new(),
        false => {
            let plan = SearchPlan {
                k: options.k,
                filter: options.filter.as_ref(),
                graph: options.approximate.then_some(EFFORT),
                expand: options.expand,
                rerank: options.rerank,
            };
            gallery.search(&vectors, &plan)?
        }
    };
    let people = gallery.people()?;
    let name = |person: PersonId| people.person(person).and_then(|person| person.name.clone());
    let mut searched = Vec::with_capacity(rows.len());
    for ((at, row), hits) in rows.into_iter().zip(found) {
        let ids: Vec<ItemId> = hits.iter().map(|(item, _)| *item).collect();
        let items = gallery.catalogue().items_by_id(&ids)?;
        let hit = |(row, (_, distance)): (ItemRow, (ItemId, f32))| GalleryHit {
            person: row.person.and_then(name),
            row,
            distance,
            verdict: judge(options.tolerance, &model, distance),
        };
        searched.push(Searched {
            row: row.clone(),
            embedding: queries.table.embedding(at).to_vec(),
            hits: items.into_iter().zip(hits).map(hit).collect(),
        });
    }
    Ok(GalleryAnswer {
        model: model.tag.name,
        distance: model.tag.distance,
        queries: searched,
        without: queries.photos.into_iter().filter(|photo| photo.standing != Standing::Embedded).collect(),
        items: gallery.catalogue().counts()?.items,
    })
}

impl GalleryAnswer {
    /// The JSON document: the faces of the queries with their hits.
    pub fn document(&self) -> serde_json::Value {
        let hit = |hit: &GalleryHit| {
            let item = &hit.row.item;
            json!({
                "face": item.id, "path": hit.row.path, "sha256": hit.row.sha256, "box": item.face_box,
                "quality": item.quality, "taken": hit.row.taken, "person": hit.person, "person_id": hit.row.person,
                "origin": hit.row.origin, "distance": hit.distance, "verdict": word(hit.verdict),
            })
        };
        let query = |query: &Searched| {
            json!({
                "name": query.row.name, "path": query.row.path, "face": query.row.face, "box": query.row.face_box,
                "hits": query.hits.iter().map(hit).collect::<Vec<_>>(),
            })
        };
        json!({
            "model": self.model,
            "distance": self.distance.name(),
            "queries": self.queries.iter().map(query).collect::<Vec<_>>(),
            "searched": self.items,
            "without_face": self.without.iter().map(|q| json!({ "name": q.name, "path": q.path,
                "standing": q.standing.name(), "reason": q.reason })).collect::<Vec<_>>(),
        })
    }
}
