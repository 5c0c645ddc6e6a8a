//! The results file that a challenge server reads: for each query the gallery images found, nearest first.
//!
//! ```text
//! map    {"groupname": "…", "images": {"query.jpg": ["gallery.jpg", …], …}}
//! list   [{"filename": "query.jpg", "gallery_images": ["gallery.jpg", …]}, …]
//! ```
//!
//! The challenge defines these shapes, so there is no place for a checksum: a damaged name reads as another name. Nothing in
//! this project makes decisions based on a results file that it reads back.

mod shape;

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;

use crate::photo::Photos;
use crate::{EmbeddingTable, Rankings, Result, Row, SearchError};

pub use shape::ResultsShape;

/// The images found for one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultEntry {
    /// The query's name.
    pub query: String,
    /// The names of the gallery images found, nearest first.
    pub gallery: Vec<String>,
}

/// The results of one group (a participating team), in query order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    group: String,
    entries: Vec<ResultEntry>,
}

impl Results {
    /// Creates results from their parts. `group` may be empty, because the list shape does not store it.
    ///
    /// # Errors        a query name occurs twice, or a gallery name occurs twice for one query → `BadArgument`
    pub fn new(group: impl Into<String>, entries: Vec<ResultEntry>) -> Result<Self> {
        let bad = |reason| Err(SearchError::BadArgument { reason });
        if let Some(query) = first_repeated(entries.iter().map(|entry| entry.query.as_str())) {
            return bad(format!("{query}: expected one list of results for each query, found two"));
        }
        for ResultEntry { query, gallery } in &entries {
            if let Some(name) = first_repeated(gallery.iter().map(String::as_str)) {
                return bad(format!("{query}: expected each gallery image once, found {name} twice"));
            }
        }
        Ok(Self { group: group.into(), entries })
    }

    /// Converts rankings to results, with the photo names from the tables' rows.
    ///
    /// For photos with several faces, use the rankings and queries returned by [`rank_photos`](crate::rank_photos).
    ///
    /// # Errors        two queries, or two gallery photos found for one query, have the same name; the rankings do not belong to
    ///   these tables → `BadArgument`
    pub fn from_rankings(
        group: impl Into<String>,
        rankings: &Rankings,
        queries: &EmbeddingTable,
        gallery: &EmbeddingTable,
    ) -> Result<Self> {
        let bad = |reason: String| SearchError::BadArgument { reason };
        if rankings.len() != queries.len() {
            let (expected, found) = (queries.len(), rankings.len());
            return Err(bad(format!("rankings: expected one for each of {expected} queries, found {found}")));
        }
        let photos = Photos::of(gallery);
        let mut photo_of: HashMap<&str, (usize, usize)> = HashMap::new();
        let mut name = |row: usize| {
            let facts = gallery.rows().get(row).ok_or_else(|| {
                bad(format!("rankings: expected images among the {} of the gallery", gallery.len()))
            })?;
            let &mut (photo, first) = photo_of.entry(&facts.name).or_insert((photos.of_row(row), row));
            if photo != photos.of_row(row) {
                return Err(bad(two_photos(&gallery.rows()[first], facts)));
            }
            Ok(facts.name.clone())
        };
        let mut entries = Vec::with_capacity(queries.len());
        for (ranking, query) in rankings.iter().zip(queries.rows()) {
            let gallery =
                ranking.hits().iter().map(|hit| name(hit.gallery_id.index())).collect::<Result<_>>()?;
            entries.push(ResultEntry { query: query.name.clone(), gallery });
        }
        Self::new(group, entries)
    }

    /// The group's name; empty if the file has none.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The queries with their found images, in order.
    pub fn entries(&self) -> &[ResultEntry] {
        &self.entries
    }

    /// Writes the results to `path`: atomically if it is a file, directly if it is a device, a pipe or stdout (`-`).
    ///
    /// # Errors        the file cannot be written → `Io`, naming it
    pub fn write(&self, path: &Path, shape: ResultsShape) -> Result<()> {
        let text = self.to_pretty_json(shape)?;
        Ok(likeness_artifact::write(path, |file| file.write_all(text.as_bytes()))?)
    }

    /// Whether the file at `path` is empty, or a results file in exactly the layout that this program writes.
    ///
    /// Such a file may be replaced without asking. The check compares the file byte by byte with what
    /// [`write`](Self::write) would write for the results in it.
    /// write for the results in it.
    ///
    /// # Errors        the file cannot be read
    pub fn is_ours(path: &Path) -> std::io::Result<bool> {
        let mut start = Vec::new();
        fs_err::File::open(path)?.take(1).read_to_end(&mut start)?;
        let shape = match start[..] {
            [] => return Ok(true),
            [b'{'] => ResultsShape::Map,
            [b'['] => ResultsShape::List,
            _ => return Ok(false),
        };
        let text = fs_err::read(path)?;
        match Self::from_slice(&text) {
            Ok(results) => Ok(results.to_pretty_json(shape).is_ok_and(|ours| ours.as_bytes() == text)),
            Err(_) => Ok(false),
        }
    }

    /// Reads a results file of either shape.
    ///
    /// # Errors        the file cannot be read → `Io`; it is not a results file, or contains a query twice → `BadFile`
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs_err::read(path)?;
        Self::from_slice(&text).map_err(|reason| SearchError::BadFile { path: path.into(), reason })
    }

    /// The content of a results file: indented JSON, the queries in order.
    pub fn to_pretty_json(&self, shape: ResultsShape) -> Result<String> {
        let mut text = serde_json::to_string_pretty(&self.shaped(shape)).map_err(std::io::Error::from)?;
        text.push('\n');
        Ok(text)
    }

    /// The results as JSON on one line.
    pub fn to_json(&self, shape: ResultsShape) -> Result<String> {
        Ok(serde_json::to_string(&self.shaped(shape)).map_err(std::io::Error::from)?)
    }

    /// Parses results of either shape.
    ///
    /// # Errors        the text is not results in JSON, or contains a query twice → `BadArgument`
    /// # Examples
    /// ```
    /// use likeness_search::{Results, ResultsShape};
    /// let results = Results::from_json(r#"{"groupname": "us", "images": {"q.jpg": ["b.jpg", "a.jpg"]}}"#)?;
    /// assert_eq!(results.entries()[0].gallery, ["b.jpg", "a.jpg"]);
    /// let list = results.to_json(ResultsShape::List)?;
    /// assert_eq!(list, r#"[{"filename":"q.jpg","gallery_images":["b.jpg","a.jpg"]}]"#);
    /// # Ok::<(), likeness_search::SearchError>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self> {
        Self::from_slice(text.as_bytes()).map_err(|reason| SearchError::BadArgument { reason })
    }
}

fn first_repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = HashSet::new();
    names.into_iter().find(|&name| !seen.insert(name))
}

fn two_photos(one: &Row, other: &Row) -> String {
    let path = |row: &Row| match row.path.as_str() {
        "" => "one without a path".to_owned(),
        path => path.to_owned(),
    };
    format!(
        "{}: expected one gallery photo of that name, as results name photos, found two: {} and {}",
        one.name,
        path(one),
        path(other)
    )
}
