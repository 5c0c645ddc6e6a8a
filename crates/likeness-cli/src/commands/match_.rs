//! `likeness match`: queries and a gallery enter, the challenge's results leave.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use likeness_data::photos::Skipped;
use likeness_search::{
    Distance, EmbeddingTable, Hit, PhotoSearch, Protocol, RankConfig, ResultEntry, Results, ResultsShape,
    Role, Row, rank_photos, rank_photos_between,
};
use serde_json::json;

use super::print_json;
use crate::args::MatchArgs;
use crate::failure::hinted;
use crate::input::{Loader, Queries, Query, Standing, check_exists, say_standing};
use crate::output::{Content, Outputs};
use crate::print::{print_json_text, say, say_skipped};
use crate::progress::Progress;
use crate::submit::{self, Server};
use crate::{Outcome, grid};

/// Runs the command.
pub(crate) fn run(args: MatchArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let server = args.submit.as_deref().map(Server::at).transpose()?;
    let (queries, gallery) = args.sides();
    queries.iter().chain(gallery).try_for_each(|input| check_exists(input))?;
    check_outputs(&args)?;
    let loader = Loader::new(&args.model, args.photos.refer(), stop);
    let sides = match gallery {
        [] => Sides::within(&loader, queries)?,
        gallery => Sides::between(&loader, queries, gallery)?,
    };
    let search = sides.search(&args)?;
    let results = search.results(&args.group)?;
    let shape = ResultsShape::from(args.shape);
    if let Some(path) = &args.output {
        if let Err(error) = results.write(path, shape) {
            if server.is_some() {
                let kept = submit::keep(&results.to_json(shape)?)?;
                say(format!("the results were not sent; they are kept in {}", kept.display()));
            }
            return Err(error.into());
        }
        say(format!("results for {} queries in {}", results.entries().len(), path.display()));
    }
    if let Some(path) = &args.grid {
        grid::draw(&search.found, search.distance, args.grid_queries, path)?;
        say(format!("contact sheet in {}", path.display()));
    }
    let answer = server.map(|server| submitted(&server, &results, shape, &args)).transpose()?;
    match (&answer, args.json, &args.output) {
        (_, true, _) => print_json(&search.document(answer.as_ref()))?,
        (Some(answer), false, _) => print_json(answer)?,
        (None, false, None) => print_json_text(&results.to_pretty_json(shape)?)?,
        (None, false, Some(_)) => {}
    }
    Ok(Outcome::Done)
}

/// Checks every file that the command will write.
fn check_outputs(args: &MatchArgs) -> anyhow::Result<()> {
    let inputs = args.input.iter().chain(&args.gallery).map(PathBuf::as_path);
    let mut outputs = Outputs::new(inputs, args.force);
    if args.json || args.output.is_none() || args.submit.is_some() {
        outputs.stdout("the answer on stdout");
    }
    if let Some(path) = &args.output {
        outputs.add("--output", path, Content::Results)?;
    }
    if let Some(path) = &args.grid {
        outputs.add("--grid", path, Content::Sheet)?;
    }
    Ok(())
}

/// Posts the results; those that the server does not take are kept in a file.
fn submitted(
    server: &Server,
    results: &Results,
    shape: ResultsShape,
    args: &MatchArgs,
) -> anyhow::Result<serde_json::Value> {
    let text = results.to_json(shape)?;
    // Kept before they are sent: a signal may end the program while the server is silent.
    let (file, place) = match &args.output {
        Some(path) => (path.clone(), "are in"),
        None => {
            let kept = submit::keep(&text).context("no file could be written that keeps the results")?;
            (kept, "are kept in")
        }
    };
    let not_taken = match server.post(&text, Duration::from_secs(args.submit_timeout)) {
        Ok(answer) => {
            if args.output.is_none() {
                fs_err::remove_file(file)?;
            }
            return Ok(answer);
        }
        Err(not_taken) => not_taken,
    };
    say(format!("the results {place} {}", file.display()));
    let again = || {
        format!(
            "submit them again with: curl -H 'content-type: application/json' --data-binary @{} ADDRESS",
            file.display()
        )
    };
    Err(hinted(not_taken.reason, not_taken.hint.unwrap_or_else(again)))
}

/// The two sides of a search.
struct Sides {
    /// Photos searched for, in the order of the input, each once.
    photos: Vec<Query>,
    /// Embeddings of the photos that have one; of all photos where they are searched within themselves.
    queries: EmbeddingTable,
    /// `None` where the photos are searched within themselves.
    gallery: Option<EmbeddingTable>,
    skipped_gallery: Vec<Skipped>,
}

impl Sides {
    /// Photos that are searched within themselves: queries in the gallery where the photos have roles, else each among the
    /// others. A photo without a face is a query, and not in the gallery.
    fn within(loader: &Loader<'_>, inputs: &[PathBuf]) -> anyhow::Result<Self> {
        let Queries { photos, table } = loader.load_queries(inputs)?;
        // Of the collection: photos without a face have the role of a query by now.
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
        say_standing(&photos);
        // Those that are queries too are reported by now.
        let others = others.into_iter().filter(|photo| photo.standing != Standing::Embedded);
        let others: Vec<Skipped> = others.map(|photo| Skipped::new(photo.name, photo.reason)).collect();
        say_skipped(&others, None);
        Ok(Self { photos, queries, gallery: None, skipped_gallery })
    }

    /// Photos of `queries` that are searched for among those of `gallery`.
    fn between(loader: &Loader<'_>, queries: &[PathBuf], gallery: &[PathBuf]) -> anyhow::Result<Self> {
        let queries = loader.load_queries(queries)?;
        say_standing(&queries.photos);
        let gallery = loader.load(gallery, None)?;
        Ok(Self {
            photos: queries.photos,
            queries: queries.table,
            gallery: Some(gallery.table),
            skipped_gallery: gallery.skipped,
        })
    }

    /// Ranks the gallery for each query.
    fn search(&self, args: &MatchArgs) -> anyhow::Result<Search<'_>> {
        let distance = args.distance(&self.queries);
        let config = RankConfig { k: Some(args.k), allow_self: args.search.allow_self };
        let progress = Progress::begin("match");
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
        say(format!("{queries} queries, {gallery} images in the gallery"));
        Ok(Search { sides: self, found, distance, k: args.k })
    }
}

/// What was found.
struct Search<'a> {
    sides: &'a Sides,
    found: PhotoSearch<'a>,
    distance: Distance,
    k: usize,
}

/// A gallery image that was found.
struct Found<'a> {
    rank: u32,
    row: &'a Row,
    /// None where the query cannot be read.
    distance: Option<f32>,
}

impl Search<'_> {
    /// Every query photo with what was found for it, nearest first.
    ///
    /// For a photo that cannot be read that is the gallery in its order, without distances.
    fn found(&self) -> impl Iterator<Item = (&Query, Vec<Found<'_>>)> {
        let rows = self.found.gallery.rows();
        let mut rankings = self.found.rankings.iter();
        self.sides.photos.iter().map(move |photo| {
            if photo.standing == Standing::Unreadable {
                let mut seen = HashSet::new();
                let photos = rows.iter().filter(|row| seen.insert(&row.name)).take(self.k);
                let found = (1..).zip(photos).map(|(rank, row)| Found { rank, row, distance: None });
                return (photo, found.collect());
            }
            let hits = rankings.next().map(|ranking| ranking.hits()).unwrap_or_default();
            let found = |hit: &Hit| Found {
                rank: hit.rank,
                row: &rows[hit.gallery_id.index()],
                distance: Some(hit.distance),
            };
            (photo, hits.iter().map(found).collect())
        })
    }

    /// Every query with the names of what was found, nearest first.
    ///
    /// # Errors        a name that stands for two queries or two gallery photos
    fn results(&self, group: &str) -> anyhow::Result<Results> {
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

    /// The document of `--json`.
    fn document(&self, answer: Option<&serde_json::Value>) -> serde_json::Value {
        let hit = |hit: &Found<'_>| {
            let Row { name, path, identity, .. } = hit.row;
            json!({ "rank": hit.rank, "name": name, "path": path, "identity": identity, "distance": hit.distance })
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

/// Whether the table says who is a query and who is in the gallery.
pub(crate) fn has_roles(table: &EmbeddingTable) -> bool {
    let has = |role: Role| table.rows().iter().any(|row| row.role == role);
    has(Role::Query) && (has(Role::Gallery) || has(Role::Both))
}
