//! Ranks a gallery for each query.

use std::collections::HashSet;
use std::path::PathBuf;

use likeness_data::photos::Skipped;
use likeness_search::{
    Distance, EmbeddingTable, Hit, PhotoSearch, Protocol, RankConfig, ResultEntry, Results, Role, Row,
    Verdict, rank_photos, rank_photos_between,
};
use serde_json::json;

use crate::Result;
use crate::context::Context;
use crate::loader::{Loader, Queries, Query, Standing, report_standing};

/// Options of [`Sides::search`].
#[derive(Debug, Clone)]
pub struct SearchOptions {
    /// Number of gallery images to list for each query.
    pub k: usize,
    /// Distance between embeddings; `None` means the distance of the model.
    pub distance: Option<Distance>,
    /// Whether a query may match its own file.
    pub allow_self: bool,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self { k: 10, distance: None, allow_self: false }
    }
}

/// The queries and the gallery of a search.
pub struct Sides {
    /// Query photos in the order of the input, each once.
    photos: Vec<Query>,
    /// Embeddings of the queries. Includes the gallery if the photos are searched within themselves.
    queries: EmbeddingTable,
    /// Embeddings of the gallery; `None` if the photos are searched within themselves.
    gallery: Option<EmbeddingTable>,
    skipped_gallery: Vec<Skipped>,
}

impl Sides {
    /// Loads photos to search within themselves. If the photos have roles, queries search in the gallery; otherwise each photo
    /// searches among all others. A photo without a face is a query, but not in the gallery.
    ///
    /// # Errors        an input that cannot be read, no photo that can be embedded
    pub fn within(loader: &Loader<'_>, inputs: &[PathBuf]) -> Result<Self> {
        let Queries { photos, table } = loader.load_queries(inputs)?;
        // The roles of `photos` are those of the collection; in `table`, photos without a face have become queries.
        let by_role = photos.iter().any(|photo| photo.role == Role::Query);
        let of_gallery = |photo: &&Query| !by_role || photo.role.is_gallery();
        let unusable = photos.iter().filter(of_gallery).filter(|photo| photo.standing != Standing::Embedded);
        let skipped_gallery: Vec<Skipped> =
            unusable.map(|photo| Skipped::new(&photo.name, &photo.reason)).collect();
        let not_there: HashSet<&str> = skipped_gallery.iter().map(|skip| skip.name.as_str()).collect();
        let queries = match not_there.is_empty() {
            true => table,
            false => table.select(|row| row.role.is_query() || !not_there.contains(row.name.as_str())),
        };
        let (photos, others): (Vec<_>, Vec<_>) =
            photos.into_iter().partition(|photo| !by_role || photo.role.is_query());
        report_standing(&photos, loader.context());
        // Photos that are also queries have already been reported.
        let others = others.into_iter().filter(|photo| photo.standing != Standing::Embedded);
        let others: Vec<Skipped> = others.map(|photo| Skipped::new(photo.name, photo.reason)).collect();
        loader.context().skipped(&others);
        Ok(Self { photos, queries, gallery: None, skipped_gallery })
    }

    /// Loads the photos of `queries`, and those of `gallery` to search in.
    ///
    /// # Errors        as [`within`](Self::within)
    pub fn between(loader: &Loader<'_>, queries: &[PathBuf], gallery: &[PathBuf]) -> Result<Self> {
        let (queries, gallery) = loader.load_sides(queries, gallery)?;
        report_standing(&queries.photos, loader.context());
        Ok(Self {
            photos: queries.photos,
            queries: queries.table,
            gallery: Some(gallery.table),
            skipped_gallery: gallery.skipped,
        })
    }

    /// Ranks the gallery for each query.
    ///
    /// # Errors        embeddings that cannot be compared
    pub fn search(&self, options: &SearchOptions, context: Context<'_>) -> Result<Search<'_>> {
        let distance = options.distance.unwrap_or(self.queries.model().distance);
        let config = RankConfig { k: Some(options.k), allow_self: options.allow_self };
        let progress = context.stage("match");
        let found = match &self.gallery {
            Some(gallery) => rank_photos_between(&self.queries, gallery, distance, &config)?,
            // Roles are those of the collection, or set for photos without a face, which are not in the gallery.
            None if has_roles(&self.queries) => {
                rank_photos(&self.queries, Protocol::QueryGallery, distance, &config)?
            }
            None => rank_photos(&self.queries, Protocol::LeaveOneOut, distance, &config)?,
        };
        progress.end(found.rankings.len(), "queries");
        let (queries, gallery) = (self.photos.len(), found.gallery.len());
        context.note(format!("{queries} queries, {gallery} images in the gallery"));
        Ok(Search { sides: self, found, distance, k: options.k })
    }
}

/// The result of [`Sides::search`].
pub struct Search<'a> {
    sides: &'a Sides,
    found: PhotoSearch<'a>,
    distance: Distance,
    k: usize,
}

/// A gallery image in the ranking of a query.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Position in the ranking; the nearest image has rank 1.
    pub rank: u32,
    /// Row of the gallery image.
    pub row: &'a Row,
    /// Distance from the query; `None` if the query has no embedding.
    pub distance: Option<f32>,
    /// Whether both show the same person or thing; `None` without a distance, or if the model has no thresholds for it.
    pub verdict: Option<Verdict>,
}

impl Search<'_> {
    /// The rankings of the queries that have an embedding.
    pub fn rankings(&self) -> &PhotoSearch<'_> {
        &self.found
    }

    /// The distance of the ranking.
    pub fn distance(&self) -> Distance {
        self.distance
    }

    /// Every query photo with its ranked gallery images, nearest first.
    ///
    /// For a photo that cannot be read, these are the first images of the gallery in its own order, without distances.
    pub fn found(&self) -> impl Iterator<Item = (&Query, Vec<Found<'_>>)> {
        let rows = self.found.gallery.rows();
        let mut rankings = self.found.rankings.iter();
        self.sides.photos.iter().map(move |photo| {
            if photo.standing == Standing::Unreadable {
                let mut seen = HashSet::new();
                let photos = rows.iter().filter(|row| seen.insert(&row.name)).take(self.k);
                let found =
                    (1..).zip(photos).map(|(rank, row)| Found { rank, row, distance: None, verdict: None });
                return (photo, found.collect());
            }
            let hits = rankings.next().map(|ranking| ranking.hits()).unwrap_or_default();
            let found = |hit: &Hit| Found {
                rank: hit.rank,
                row: &rows[hit.gallery_id.index()],
                distance: Some(hit.distance),
                verdict: self.verdict(hit.distance),
            };
            (photo, hits.iter().map(found).collect())
        })
    }

    /// The verdict on a pair at this distance. The thresholds of a model hold for its own distance.
    fn verdict(&self, distance: f32) -> Option<Verdict> {
        let model = self.sides.queries.model();
        if model.distance == self.distance { model.thresholds.verdict(distance) } else { None }
    }

    /// Every query with the names of its ranked gallery images, nearest first.
    ///
    /// # Errors        two queries or two gallery photos of the same name
    pub fn results(&self, group: &str) -> Result<Results> {
        let PhotoSearch { rankings, queries, gallery } = &self.found;
        let ranked = Results::from_rankings(group, rankings, queries, gallery)?;
        let mut ranked = ranked.entries().iter().cloned();
        let entry = |(photo, hits): (&Query, Vec<Found<'_>>)| match photo.standing {
            Standing::Embedded | Standing::WithoutFace => ranked.next(),
            Standing::Unreadable => Some(ResultEntry {
                query: photo.name.clone(),
                gallery: hits.into_iter().map(|hit| hit.row.name.clone()).collect(),
            }),
        };
        Ok(Results::new(group, self.found().filter_map(entry).collect())?)
    }

    /// The JSON document of a search: the queries with their hits, the skipped photos, and the `answer` of a server.
    pub fn document(&self, answer: Option<&serde_json::Value>) -> serde_json::Value {
        let hit = |hit: &Found<'_>| {
            let Row { name, path, identity, .. } = hit.row;
            json!({ "rank": hit.rank, "name": name, "path": path, "identity": identity, "distance": hit.distance,
                "verdict": hit.verdict.map(Verdict::name) })
        };
        let query = |(photo, hits): (&Query, Vec<Found<'_>>)| {
            json!({
                "name": photo.name, "path": photo.path, "identity": photo.identity,
                "standing": photo.standing.name(), "hits": hits.iter().map(hit).collect::<Vec<_>>(),
            })
        };
        let not_by_face = self.sides.photos.iter().filter(|photo| photo.standing != Standing::Embedded);
        let named = |name: &str, reason: &str| json!({ "name": name, "reason": reason });
        json!({
            "model": self.sides.queries.model().name,
            "distance": self.distance.name(),
            "queries": self.found().map(query).collect::<Vec<_>>(),
            "skipped": {
                "queries": not_by_face.map(|q| named(&q.name, &q.reason)).collect::<Vec<_>>(),
                "gallery": self.sides.skipped_gallery.iter().map(|s| named(&s.name, &s.reason)).collect::<Vec<_>>(),
            },
            "answer": answer,
        })
    }
}

/// Whether the table has roles: both queries and gallery images.
pub(crate) fn has_roles(table: &EmbeddingTable) -> bool {
    let has = |role: Role| table.rows().iter().any(|row| row.role == role);
    has(Role::Query) && (has(Role::Gallery) || has(Role::Both))
}
