//! Explains the best hits of a search in a gallery.

use likeness_gallery::catalogue::{ItemRow, ReadCatalogue, StoredModel};
use likeness_gallery::{Gallery, ItemId, PersonId, SearchPlan};
use likeness_search::Verdict;
use serde_json::json;

use super::index::EFFORT;
use super::search::{GalleryAnswer, GalleryHit, SearchOptions, Searched, judge, word};
use super::{check_model, choice, photo_options};
use crate::context::Context;
use crate::explain::{Explained, Pictured, explain};
use crate::loader::Loader;
use crate::{LikenessError, Result};

/// Hits that are searched for another identity at first; then four times as many, and so on.
const FIRST: usize = 32;
/// Most hits that are searched for another identity.
const MOST: usize = 8192;

/// The best hit of a query with its explanation.
#[derive(Debug)]
pub struct ExplainedHit {
    /// Index of the query in the answer.
    pub query: usize,
    /// The nearest face or picture of another identity; `None` if the gallery shows no other identity nearby.
    pub other: Option<GalleryHit>,
    /// What makes the match; or why that cannot be shown, such as a photo that is gone.
    pub explained: Result<Explained>,
    /// The picture of the other identity; `None` if there is none or it cannot be read.
    pub other_picture: Option<image::RgbImage>,
}

/// Explains the best hit of the first `most` queries of `answer` that have one.
///
/// Another identity is another person. Where one of the two faces has no person, it is a face that does not match the hit itself, by
/// the tolerance of the search or the thresholds of the model. Without either it is the next photo.
///
/// # Errors        a model that cannot be opened; a gallery that cannot be read; a stop
pub fn explain_hits(
    gallery: &mut Gallery,
    answer: &GalleryAnswer,
    options: &SearchOptions,
    most: usize,
    context: Context<'_>,
) -> Result<Vec<ExplainedHit>> {
    let model = gallery.active_model()?;
    let (choice, read) = (choice(&model, &options.model), photo_options(&model, &options.photos));
    let loader = Loader::new(&choice, &read, context);
    check_model(gallery, &model, &loader)?;
    let queries =
        answer.queries.iter().enumerate().filter_map(|(at, query)| Some((at, query, query.hits.first()?)));
    let queries: Vec<_> = queries.take(most).collect();
    let progress = context.stage("explain");
    let mut all = Vec::with_capacity(queries.len());
    for (query, searched, hit) in queries.iter().copied() {
        let other = nearest_other(gallery, &model, options, searched, hit)?;
        let explained = Pictured::of_row(&searched.row)
            .and_then(|query| explain(&loader, &query, &Pictured::of_item(&hit.row)));
        if context.is_stopped()
            && let Err(error) = explained
        {
            return Err(error);
        }
        let other_picture =
            other.as_ref().and_then(|other| Pictured::of_item(&other.row).shown(&loader).ok());
        all.push(ExplainedHit { query, other, explained, other_picture });
        progress.show(all.len(), queries.len());
    }
    progress.end(all.len(), "matches");
    Ok(all)
}

/// The nearest face or picture that shows another identity than `hit`.
fn nearest_other(
    gallery: &mut Gallery,
    model: &StoredModel,
    options: &SearchOptions,
    searched: &Searched,
    hit: &GalleryHit,
) -> Result<Option<GalleryHit>> {
    let people = gallery.people()?;
    let name = |person: PersonId| people.person(person).and_then(|person| person.name.clone());
    let (mut k, mut done) = (FIRST, 0);
    loop {
        let graph = options.approximate.then_some(EFFORT.max(k));
        let plan = SearchPlan { k, filter: options.filter.as_ref(), graph, expand: None, rerank: false };
        let found = gallery.search(&searched.embedding, &plan)?.pop().unwrap_or_default();
        let new = &found[done.min(found.len())..];
        let items: Vec<ItemId> = new.iter().map(|(item, _)| *item).collect();
        let rows = gallery.catalogue().items_by_id(&items)?;
        for (row, (_, distance)) in rows.into_iter().zip(new) {
            if is_other(gallery, model, options, &hit.row, &row)? {
                let verdict = judge(options.tolerance, model, *distance);
                let person = row.person.and_then(name);
                return Ok(Some(GalleryHit { row, person, distance: *distance, verdict }));
            }
        }
        if found.len() < k || k >= MOST {
            return Ok(None);
        }
        (done, k) = (found.len(), k * 4);
    }
}

/// Whether two faces or pictures show different identities, as far as that is known.
fn is_other(
    gallery: &Gallery,
    model: &StoredModel,
    options: &SearchOptions,
    hit: &ItemRow,
    row: &ItemRow,
) -> Result<bool> {
    if hit.item.id == row.item.id {
        return Ok(false);
    }
    if let (Some(one), Some(other)) = (hit.person, row.person) {
        return Ok(one != other);
    }
    let mut vectors = Vec::with_capacity(2 * model.tag.dimension);
    gallery.catalogue().vectors(model.id, &[hit.item.id, row.item.id], &mut vectors)?;
    let (one, other) = vectors.split_at(model.tag.dimension);
    Ok(match judge(options.tolerance, model, model.tag.distance.between(one, other) as f32) {
        Some(verdict) => verdict == Verdict::Different,
        None => hit.sha256 != row.sha256,
    })
}

impl ExplainedHit {
    /// The distance of the nearest other identity less that of the hit: how much nearer the hit is.
    pub fn margin(&self, answer: &GalleryAnswer) -> Option<f32> {
        let hit = answer.queries[self.query].hits.first()?;
        Some(self.other.as_ref()?.distance - hit.distance)
    }

    /// Why the match could not be explained, such as a photo that is gone.
    pub fn fault(&self) -> Option<&LikenessError> {
        self.explained.as_ref().err()
    }

    /// The JSON document of the explanation.
    pub fn document(&self, answer: &GalleryAnswer) -> serde_json::Value {
        let hit = answer.queries[self.query].hits.first();
        json!({
            "face": hit.map(|hit| hit.row.item.id), "distance": hit.map(|hit| hit.distance),
            "verdict": hit.map(|hit| word(hit.verdict)),
            "nearest_other": self.other.as_ref().map(|other| json!({
                "face": other.row.item.id, "path": other.row.path, "person": other.person,
                "person_id": other.row.person, "distance": other.distance,
            })),
            "margin": self.margin(answer),
            "reason": self.fault().map(ToString::to_string),
        })
    }
}
