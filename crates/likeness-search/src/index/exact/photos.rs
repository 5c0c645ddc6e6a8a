//! Rankings of photos that may have several faces and therefore several rows.
//!
//! The distance between two photos is the smallest distance between their faces. Every query photo has one ranking, which
//! contains every gallery photo at most once.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Exclusions, GalleryId, Hit, RankConfig, Ranking, Rankings, rank_without};
use crate::photo::Photos;
use crate::{Distance, EmbeddingTable, Protocol, Result};

/// The result of a search for photos.
#[derive(Debug, Clone)]
pub struct PhotoSearch<'a> {
    /// One row for each query photo: the row of its first face.
    pub queries: Cow<'a, EmbeddingTable>,
    /// The gallery, one row for each face.
    pub gallery: Cow<'a, EmbeddingTable>,
    /// One ranking for each query photo. A hit names the row of the gallery photo's face that is nearest to the query's faces.
    pub rankings: Rankings,
}

/// Ranks the photos of one table; `protocol` selects queries and gallery, as in [`evaluate`](crate::evaluate).
///
/// # Conventions   a photo never finds itself, another of its faces or a file with the same content, unless `allow_self`;
///   otherwise as [`rank_photos_between`]
/// # Errors        the errors of [`rank`](super::rank); the protocol selects no query or no gallery image → `BadArgument`
pub fn rank_photos<'a>(
    table: &'a EmbeddingTable,
    protocol: Protocol,
    distance: Distance,
    config: &RankConfig,
) -> Result<PhotoSearch<'a>> {
    let (query_rows, gallery_rows) = protocol.rows(table);
    let (queries, gallery) = (table.part(&query_rows), table.part(&gallery_rows));
    let exclusions = Exclusions::by_content(&queries, &gallery, config.allow_self).and_by_photo(
        table,
        &query_rows,
        &gallery_rows,
    );
    search(queries, gallery, distance, config.k, &exclusions)
}

/// The nearest photos of `gallery` for each photo of `queries`, nearest first.
///
/// Rows with the same [`name`](crate::Row::name) and different [`face`](crate::Row::face) are the faces of one photo.
///
/// # Shapes        rankings: \[query photos\], each with min(k, gallery photos without the query's own) hits
/// # Conventions   equal distances rank by the gallery row of the nearest face; a query never finds a gallery image with the
///   same content hash unless `allow_self`
/// # Errors        the errors of [`rank`](super::rank)
/// # Examples
/// The crowd is found by the query's second face and appears once in the ranking.
/// ```
/// use likeness_search::{Distance, EmbeddingTable, ModelTag, RankConfig, Row, rank_photos_between};
///
/// let table = |rows: Vec<Row>, values| {
///     EmbeddingTable::new(ModelTag::new("toy", "", 1, Distance::Euclidean), rows, values)
/// };
/// let face = |name: &str, face| Row { face, ..Row::new(name) };
/// let queries = table(vec![face("pair.jpg", 0), face("pair.jpg", 1)], vec![0.0, 10.0])?;
/// let gallery =
///     table(vec![face("crowd.jpg", 0), face("crowd.jpg", 1), face("one.jpg", 0)], vec![11.0, 12.0, 4.0])?;
///
/// let found = rank_photos_between(&queries, &gallery, Distance::Euclidean, &RankConfig::default())?;
/// let hits: Vec<_> = found.rankings[0].hits().iter().map(|h| (h.gallery_id.index(), h.distance)).collect();
/// assert_eq!(hits, [(0, 1.0), (2, 4.0)]);
/// assert_eq!(found.queries.rows()[0].name, "pair.jpg");
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn rank_photos_between<'a>(
    queries: &'a EmbeddingTable,
    gallery: &'a EmbeddingTable,
    distance: Distance,
    config: &RankConfig,
) -> Result<PhotoSearch<'a>> {
    let exclusions = Exclusions::by_content(queries, gallery, config.allow_self);
    search(Cow::Borrowed(queries), Cow::Borrowed(gallery), distance, config.k, &exclusions)
}

fn search<'a>(
    queries: Cow<'a, EmbeddingTable>,
    gallery: Cow<'a, EmbeddingTable>,
    distance: Distance,
    k: Option<usize>,
    exclusions: &Exclusions,
) -> Result<PhotoSearch<'a>> {
    let (query_photos, gallery_photos) = (Photos::of(&queries), Photos::of(&gallery));
    let rows = k.map(|photos| rows_that_hold(photos, gallery_photos.face_counts()));
    let rankings = rank_without(&queries, &gallery, distance, rows, exclusions)?;
    if query_photos.are_rows() && gallery_photos.are_rows() {
        return Ok(PhotoSearch { queries, gallery, rankings });
    }
    let most = k.unwrap_or(gallery_photos.len());
    let faces_of = query_photos.rows();
    let merged = faces_of.iter().map(|faces| {
        let hits = faces.iter().flat_map(|&face| rankings[face].hits());
        merge(hits, &gallery_photos, most)
    });
    let rankings = Rankings::new(merged.collect::<Result<_>>()?, gallery.len())?;
    let first_faces: Vec<usize> = faces_of.iter().map(|faces| faces[0]).collect();
    Ok(PhotoSearch { queries: Cow::Owned(queries.take(&first_faces)), gallery, rankings })
}

/// The smallest number of rows that contains at least `photos` photos for every choice of rows.
///
/// All rows of the `photos` − 1 photos with the most faces contain one photo too few; any further row adds another photo.
fn rows_that_hold(photos: usize, mut counts: Vec<usize>) -> usize {
    let Some(others) = photos.checked_sub(1) else { return 0 };
    counts.sort_unstable_by_key(|&count| std::cmp::Reverse(count));
    counts.iter().take(others).sum::<usize>() + 1
}

/// Merges the hits of all faces of a query into one ranking of at most `most` photos.
fn merge<'h>(hits: impl Iterator<Item = &'h Hit>, photos: &Photos, most: usize) -> Result<Ranking> {
    let mut hits: Vec<(f32, GalleryId)> = hits.map(|hit| (hit.distance, hit.gallery_id)).collect();
    hits.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut found = HashSet::new();
    hits.retain(|(_, id)| found.insert(photos.of_row(id.index())));
    hits.truncate(most);
    let hit = |(rank, (distance, gallery_id))| Hit { gallery_id, distance, rank };
    Ranking::new((1..).zip(hits).map(hit).collect())
}
