//! Loads the queries of a search. Every photo is a query, with or without a detected face.
//!
//! A challenge expects an answer to each query. A photo without a detected face is embedded without a detector: the box of
//! the table is used, or the centre square. A photo that cannot be read, or that an embeddings file lists as skipped, has
//! no embedding; its ranking is the gallery in its own order.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use likeness_data::photos::Skipped;
use likeness_embed::EmbedError;
use likeness_embed::embed::{EmbedItem, Gathered, embed_each};
use likeness_search::{EmbeddingTable, Role, Row, TableKind};

use super::sources::{Content, Source};
use super::{Loaded, Loader};
use crate::Result;
use crate::context::Context;

/// How a query takes part in a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The photo has embeddings of its faces, or of the whole photo if no detector is used.
    Embedded,
    /// No face was detected; the box of the table or the centre square was embedded.
    WithoutFace,
    /// The photo cannot be read, or an embeddings file lists it as skipped.
    Unreadable,
}

impl Standing {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::WithoutFace => "without-face",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A query photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Name of the photo in results.
    pub name: String,
    /// Path of the photo.
    pub path: String,
    /// Identity of the person in the photo, if known.
    pub identity: Option<String>,
    /// Role of the photo in its collection.
    pub role: Role,
    /// How the photo takes part in the search.
    pub standing: Standing,
    /// Reason why the photo has no face embedding; empty if it has one.
    pub reason: String,
}

/// Query photos, with the embeddings of those that can be read.
pub struct Queries {
    /// All query photos in the order of the inputs, each once.
    pub photos: Vec<Query>,
    /// Embeddings in the order of the photos. A photo may have several faces.
    pub table: EmbeddingTable,
}

impl Loader<'_> {
    /// Loads queries and the gallery that they are compared with.
    ///
    /// Embeddings are loaded first, so that photos are embedded with their model.
    ///
    /// # Errors        an input that cannot be read, no photo that can be embedded
    pub(crate) fn load_sides(&self, queries: &[PathBuf], gallery: &[PathBuf]) -> Result<(Queries, Loaded)> {
        let is_table = |input: &PathBuf| TableKind::of(input) != TableKind::Other;
        let early = if gallery.iter().any(is_table) { Some(self.load(gallery, None)?) } else { None };
        let queries = self.load_queries(queries)?;
        let gallery = early.map_or_else(|| self.load(gallery, None), Ok)?;
        Ok((queries, gallery))
    }

    /// Loads the queries of `inputs`.
    pub fn load_queries(&self, inputs: &[PathBuf]) -> Result<Queries> {
        let mut sources = self.sources(inputs, None)?;
        if let [Source { content: Content::Table(_), .. }] = sources[..]
            && let Some(Source { content: Content::Table(table), .. }) = sources.pop()
        {
            return Ok(Queries { photos: photos_of(&table), table });
        }
        let mut faces: HashMap<String, Vec<(Row, Vec<f32>)>> = HashMap::new();
        let skipped = self.visit(&sources, &mut |row, embedding| {
            faces.entry(row.name.clone()).or_default().push((row, embedding.to_vec()));
            Ok(())
        })?;
        let mut seen = HashSet::new();
        let items = sources.iter().flat_map(|source| source.items().into_iter().chain(source.unreadable()));
        let items: Vec<EmbedItem> = items.filter(|item| seen.insert(item.row.name.clone())).collect();
        let unreadable: HashSet<String> =
            sources.iter().flat_map(Source::unreadable).map(|item| item.row.name).collect();
        let is_without =
            |item: &&EmbedItem| !faces.contains_key(&item.row.name) && !unreadable.contains(&item.row.name);
        let without: Vec<EmbedItem> = items.iter().filter(is_without).cloned().collect();
        let mut whole = self.whole(&without)?;
        let mut reasons: HashMap<String, String> =
            skipped.into_iter().map(|skip| (skip.name, skip.reason)).collect();
        let (mut photos, mut gathered) = (Vec::with_capacity(items.len()), Gathered::default());
        for EmbedItem { row: Row { name, path, identity, role, .. }, .. } in items {
            let standing = if let Some(rows) = faces.remove(&name) {
                rows.into_iter().for_each(|(row, embedding)| gathered.keep(row, &embedding));
                Standing::Embedded
            } else if let Some((mut row, embedding)) = whole.remove(&name) {
                // A photo without a face is not part of the gallery.
                row.role = if role == Role::Both { Role::Query } else { role };
                gathered.keep(row, &embedding);
                Standing::WithoutFace
            } else {
                Standing::Unreadable
            };
            let reason = reasons.remove(&name).unwrap_or_default();
            photos.push(Query { name, path, identity, role, standing, reason });
        }
        if gathered.is_empty() {
            let skipped = photos.into_iter().map(|photo| Skipped::new(photo.name, photo.reason)).collect();
            return Err(super::nothing_embedded(skipped));
        }
        Ok(Queries { photos, table: gathered.into_table_of(self.model_of(&sources)?)? })
    }

    /// Embeds photos without a detector. Returns the rows and embeddings by name; photos that cannot be read are omitted.
    fn whole(&self, photos: &[EmbedItem]) -> Result<HashMap<String, (Row, Vec<f32>)>> {
        let mut found = HashMap::new();
        if photos.is_empty() || self.detector()?.is_none() {
            return Ok(found);
        }
        let keep = |row: Row, embedding: &[f32]| {
            found.insert(row.name.clone(), (row, embedding.to_vec()));
            Ok(())
        };
        match embed_each(photos, EmbedItem::clone, self.embedder()?, &self.run(), keep) {
            Ok(_) | Err(EmbedError::NothingEmbedded { .. }) => Ok(found),
            Err(error) => Err(error.into()),
        }
    }
}

/// The photos of a table, in the order of their first faces; those without an embedding come last.
fn photos_of(table: &EmbeddingTable) -> Vec<Query> {
    let mut seen = HashSet::with_capacity(table.len());
    let rows = table.rows().iter().filter(|row| seen.insert(row.name.as_str()));
    let query = |row: &Row, standing: Standing, reason: &str| Query {
        name: row.name.clone(),
        path: row.path.clone(),
        identity: row.identity.clone(),
        role: row.role,
        standing,
        reason: reason.to_owned(),
    };
    let embedded: Vec<Query> = rows.map(|row| query(row, Standing::Embedded, "")).collect();
    let skipped = table.skipped().iter().filter(|photo| seen.insert(photo.row.name.as_str()));
    let skipped = skipped.map(|photo| query(&photo.row, Standing::Unreadable, &photo.reason));
    embedded.into_iter().chain(skipped).collect()
}

/// Reports the queries without a face and those without an embedding.
pub(crate) fn report_standing(photos: &[Query], context: Context<'_>) {
    let of = |standing: Standing| -> Vec<Skipped> {
        let photos = photos.iter().filter(|photo| photo.standing == standing);
        photos.map(|photo| Skipped::new(&photo.name, &photo.reason)).collect()
    };
    for (standing, what) in [
        (Standing::WithoutFace, "queries without a face, embedded as whole photos"),
        (Standing::Unreadable, "queries without an embedding, answered with the gallery in its own order"),
    ] {
        let photos = of(standing);
        if !photos.is_empty() {
            context.observer.list(&format!("{what} ({}):", photos.len()), &photos);
        }
    }
}
