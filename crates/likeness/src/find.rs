//! Finds where else the people or things in a photo appear.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use likeness_data::photos::Skipped;
use likeness_search::{Distance, EmbeddingTable, RankConfig, Row, Verdict, rank};
use serde_json::json;

use crate::context::Context;
use crate::loader::{Loader, Query, Standing};
use crate::{Result, invalid};

/// Options of [`find`].
#[derive(Debug, Clone, Default)]
pub struct FindOptions {
    /// Maximum number of photos to report for each face; `None` means all.
    pub k: Option<usize>,
    /// Largest distance of the same person; `None` means the threshold of the model.
    pub tolerance: Option<f32>,
    /// Distance between embeddings; `None` means the distance of the model.
    pub distance: Option<Distance>,
}

/// A photo in which a person or thing of the query appears.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// The photo's nearest face, or the whole photo.
    pub row: Row,
    /// Distance from the query.
    pub distance: f32,
    /// Whether both show the same person or thing; `None` if the model has no thresholds.
    pub verdict: Option<Verdict>,
}

/// A face of a query photo, or a whole photo, with the photos in which it appears.
#[derive(Debug, Clone, PartialEq)]
pub struct Sought {
    /// The face, or the whole photo.
    pub row: Row,
    /// Photos with the verdict same or possible, nearest first. Without verdicts, the nearest photos.
    pub sightings: Vec<Sighting>,
    /// The nearest photo, whatever its verdict; `None` in an empty gallery.
    pub nearest: Option<Sighting>,
    /// The nearest face or photo of another identity than [`nearest`](Self::nearest): of another label where both have one, else one
    /// that does not match it. `None` if there is none.
    pub other: Option<Sighting>,
}

/// The result of [`find`].
#[derive(Debug, Clone)]
pub struct Findings {
    /// Name of the model.
    pub model: String,
    /// Distance of the search.
    pub distance: Distance,
    /// Whether the model compares faces.
    pub is_of_faces: bool,
    /// Faces of the query photos in order, or whole photos.
    pub sought: Vec<Sought>,
    /// Query photos that could not be read, and photos in which no face was found.
    pub queries: Vec<Query>,
    /// Number of photos that were searched.
    pub photos: usize,
    /// Number of faces or pictures that were searched.
    pub faces: usize,
    /// Photos that could not be used, with the reasons.
    pub skipped: Vec<Skipped>,
}

/// Number of photos to report if the model has no thresholds.
const WITHOUT_THRESHOLDS: usize = 10;

/// Searches the photos of `gallery` for the people or things in the photos of `queries`.
///
/// A photo never matches its own file. Every face of a query photo is searched for, and every face of a gallery photo is compared
/// if the loader keeps all faces.
///
/// # Errors        inputs that cannot be read, no photo that can be embedded
pub fn find(
    loader: &Loader<'_>,
    queries: &[PathBuf],
    gallery: &[PathBuf],
    options: &FindOptions,
    context: Context<'_>,
) -> Result<Findings> {
    let (queries, gallery) = loader.load_sides(queries, gallery)?;
    let model = queries.table.model().clone();
    let distance = options.distance.unwrap_or(model.distance);
    let progress = context.stage("match");
    let rankings =
        rank(&queries.table, &gallery.table, distance, &RankConfig { k: None, allow_self: false })?;
    progress.end(queries.table.len(), "faces");
    let judge = |found: f32| match options.tolerance {
        Some(tolerance) if found <= tolerance => Some(Verdict::Same),
        Some(_) => Some(Verdict::Different),
        None if distance == model.distance => model.thresholds.verdict(found),
        None => None,
    };
    let mut sought = Vec::with_capacity(rankings.len());
    // A query without a face is embedded as a whole photo, which cannot be compared with faces.
    let without: HashSet<&str> = queries
        .photos
        .iter()
        .filter(|photo| photo.standing == Standing::WithoutFace)
        .map(|photo| photo.name.as_str())
        .collect();
    let rows = queries.table.rows().iter().zip(rankings.iter());
    for (row, ranking) in rows.filter(|(row, _)| !without.contains(row.name.as_str())) {
        let hits = ranking.hits().iter().map(|hit| (hit.gallery_id.index(), hit.distance));
        sought.push(seen(row, hits, (&gallery.table, distance), options, &judge));
    }
    Ok(Findings {
        is_of_faces: queries.table.rows().iter().any(|row| row.face_box.is_some()),
        model: model.name,
        distance,
        sought,
        queries: queries.photos.into_iter().filter(|photo| photo.standing != Standing::Embedded).collect(),
        photos: count_photos(&gallery.table),
        faces: gallery.table.len(),
        skipped: gallery.skipped,
    })
}

fn count_photos(table: &EmbeddingTable) -> usize {
    table.rows().iter().map(|row| row.name.as_str()).collect::<HashSet<_>>().len()
}

/// The photos in which the face `row` appears. `hits` are its distances from gallery rows, nearest first.
fn seen(
    row: &Row,
    hits: impl Iterator<Item = (usize, f32)> + Clone,
    (gallery, distance): (&EmbeddingTable, Distance),
    options: &FindOptions,
    judge: &impl Fn(f32) -> Option<Verdict>,
) -> Sought {
    let mut photos = HashSet::new();
    let first = hits.clone().next().map(|(at, _)| at);
    let is_other = |at: usize| first.is_some_and(|first| is_other(gallery, distance, [first, at], judge));
    let other = hits.clone().find(|(at, _)| is_other(*at)).map(|(at, distance)| Sighting {
        row: gallery.rows()[at].clone(),
        distance,
        verdict: judge(distance),
    });
    let mut all = hits.filter(|(at, _)| photos.insert(&gallery.rows()[*at].name)).map(|(at, distance)| {
        Sighting { row: gallery.rows()[at].clone(), distance, verdict: judge(distance) }
    });
    let nearest = all.next();
    let most = options.k.unwrap_or(usize::MAX);
    let most = if judge(0.0).is_none() { most.min(WITHOUT_THRESHOLDS) } else { most };
    let sightings = nearest
        .clone()
        .into_iter()
        .chain(all)
        .take_while(|sighting| sighting.verdict != Some(Verdict::Different))
        .take(most)
        .collect();
    Sought { row: row.clone(), sightings, nearest, other }
}

/// Whether two rows show different identities, as far as that is known.
fn is_other(
    gallery: &EmbeddingTable,
    distance: Distance,
    [one, other]: [usize; 2],
    judge: &impl Fn(f32) -> Option<Verdict>,
) -> bool {
    let rows = [&gallery.rows()[one], &gallery.rows()[other]];
    if let [Some(one), Some(other)] = rows.map(|row| row.identity.as_ref()) {
        return one != other;
    }
    let apart = distance.between(gallery.embedding(one), gallery.embedding(other));
    match judge(apart as f32) {
        Some(verdict) => one != other && verdict == Verdict::Different,
        None => rows[0].name != rows[1].name,
    }
}

impl Sought {
    /// The distance of the nearest other identity less that of the nearest photo: how much nearer that is.
    pub fn margin(&self) -> Option<f32> {
        Some(self.other.as_ref()?.distance - self.nearest.as_ref()?.distance)
    }
}

impl Findings {
    /// The JSON document: the faces of the query with the photos in which they appear, and the skipped photos.
    pub fn document(&self) -> serde_json::Value {
        let place =
            |row: &Row| json!({ "name": row.name, "path": row.path, "face": row.face, "box": row.face_box });
        let sighting = |s: &Sighting| {
            let mut document = place(&s.row);
            document["identity"] = json!(s.row.identity);
            document["distance"] = json!(s.distance);
            document["verdict"] = json!(s.verdict.map(Verdict::name));
            document
        };
        let sought = |s: &Sought| {
            let mut document = place(&s.row);
            document["photos"] = s.sightings.iter().map(sighting).collect();
            document["nearest"] = s.nearest.as_ref().map_or(serde_json::Value::Null, sighting);
            document["nearest_other"] = s.other.as_ref().map_or(serde_json::Value::Null, sighting);
            document["margin"] = json!(s.margin());
            document
        };
        json!({
            "model": self.model,
            "distance": self.distance.name(),
            "queries": self.sought.iter().map(sought).collect::<Vec<_>>(),
            "searched": { "photos": self.photos, "faces": self.faces },
            "without_face": self.queries.iter().map(|q| json!({ "name": q.name, "path": q.path,
                "standing": q.standing.name(), "reason": q.reason })).collect::<Vec<_>>(),
            "skipped": self.skipped.iter().map(|s| json!({ "name": s.name, "reason": s.reason })).collect::<Vec<_>>(),
        })
    }

    /// Every photo that was found, once, with its best verdict; same first, then nearest first.
    pub fn photos(&self) -> Vec<&Sighting> {
        let mut best: HashMap<&str, &Sighting> = HashMap::new();
        for sighting in self.sought.iter().flat_map(|sought| &sought.sightings) {
            let known = best.entry(&sighting.row.name).or_insert(sighting);
            if sighting.distance < known.distance {
                *known = sighting;
            }
        }
        let mut photos: Vec<&Sighting> = best.into_values().collect();
        photos.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.row.name.cmp(&b.row.name)));
        photos
    }

    /// Fails if none of the query photos could be embedded.
    ///
    /// # Errors        no query
    pub fn check(&self) -> Result<()> {
        let Some(first) = self.queries.first().filter(|_| self.sought.is_empty()) else { return Ok(()) };
        Err(invalid(
            format!("{}: {}", first.name, first.reason),
            "name a photo that shows a face, or compare whole pictures with --model picture",
        ))
    }
}
