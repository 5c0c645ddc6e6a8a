//! `likeness search`: who or what in a gallery is in a photo?

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use likeness::gallery::explained::{ExplainedHit, explain_hits};
use likeness::gallery::open;
use likeness::gallery::search::{GalleryAnswer, GalleryHit, SearchOptions, Searched, search, word};
use likeness::{ModelChoice, PhotoOptions, check_exists};
use likeness_gallery::Gallery;
use likeness_report::overlay::pairs::{self, Pair, Shown};
use likeness_report::sightings;
use likeness_search::{Row, Verdict};

use super::explained::{EXPLAINED, pair_of};
use super::gallery::print_table;
use super::print_json;
use crate::Outcome;
use crate::args::SearchArgs;
use crate::output::{Content, Outputs};
use crate::print::{print_text, say};
use crate::progress::Terminal;

/// Largest difference of two distances of the same pair, by rounding.
const SAME_DISTANCE: f32 = 0.01;

/// Runs the command.
pub(crate) fn run(args: SearchArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    args.photos.iter().try_for_each(|photo| check_exists(photo))?;
    let inputs = args.photos.iter().chain([&args.gallery]).map(PathBuf::as_path);
    let mut outputs = Outputs::new(inputs, args.force);
    outputs.stdout("the list on stdout");
    if let Some(path) = &args.grid {
        outputs.add("--grid", path, Content::Sheet)?;
    }
    if let Some(path) = &args.explain {
        outputs.add("--explain", path, Content::Sheet)?;
    }
    let mut gallery = open(&args.gallery, false)?;
    let options = SearchOptions {
        k: args.k,
        filter: args.condition.clone(),
        approximate: args.approximate,
        expand: args.expand,
        rerank: args.rerank,
        tolerance: args.tolerance,
        model: ModelChoice::default(),
        photos: PhotoOptions {
            limits: args.reading.limits(),
            threads: args.reading.threads,
            ..PhotoOptions::default()
        },
    };
    let found = search(&mut gallery, &args.photos, &options, Terminal::context(stop))?;
    if let Some(path) = &args.grid {
        draw(&found, path)?;
        say(format!("contact sheet in {}", path.display()));
    }
    let explained = match &args.explain {
        Some(path) => Some(explain(&mut gallery, &found, &options, path, stop)?),
        None => None,
    };
    match (args.json, args.csv) {
        (true, _) => print_json(&document(&found, explained.as_deref()))?,
        (_, true) => print_csv(&found)?,
        _ => found.queries.iter().try_for_each(|query| print_hits(&found, query))?,
    }
    for photo in &found.without {
        say(format!("{}: {}", photo.name, photo.reason));
    }
    say(format!("{} searched", found.items));
    Ok(Outcome::Done)
}

fn print_hits(found: &GalleryAnswer, query: &Searched) -> anyhow::Result<()> {
    let mut text = String::new();
    if found.queries.len() > 1 {
        text += &format!("{}, face {}:\n", query.row.name, query.row.face + 1);
    }
    if query.hits.is_empty() {
        text += "no match: nothing in the gallery fulfils the condition\n";
    }
    for hit in &query.hits {
        let who = hit.person.as_deref().unwrap_or("-");
        let face = hit.row.item.id;
        text +=
            &format!("{:8}  {:.3}  {who:20}  {face:>7}  {}\n", word(hit.verdict), hit.distance, hit.row.path);
    }
    print_text(&text)
}

/// Explains the best hit of the first queries in a contact sheet.
fn explain(
    gallery: &mut Gallery,
    found: &GalleryAnswer,
    options: &SearchOptions,
    path: &Path,
    stop: &AtomicBool,
) -> anyhow::Result<Vec<ExplainedHit>> {
    let explained = explain_hits(gallery, found, options, EXPLAINED, Terminal::context(stop))?;
    pairs::draw(explained.iter().filter_map(|hit| pair(found, hit)), path)?;
    for hit in &explained {
        let query = &found.queries[hit.query];
        match (&hit.explained, query.hits.first()) {
            (Err(fault), _) => say(format!("{} is not explained: {fault}", query.row.name)),
            (Ok(pair), Some(best)) if (pair.distance - best.distance).abs() > SAME_DISTANCE => say(format!(
                "warning: {}: the faces were cut anew for the explanation, and their distance is {:.3}, not {:.3}",
                query.row.name, pair.distance, best.distance
            )),
            _ => {}
        }
    }
    say(format!("{} matches explained in {}", explained.len(), path.display()));
    Ok(explained)
}

/// A query, its best hit and the nearest other identity, as the contact sheet shows them.
fn pair(found: &GalleryAnswer, explained: &ExplainedHit) -> Option<Pair> {
    let query = &found.queries[explained.query];
    let hit = query.hits.first()?;
    let name = |hit: &GalleryHit| row_of(&hit.row, hit.person.as_deref()).name;
    let other = explained.other.as_ref().map(|other| {
        let picture = explained.other_picture.clone().ok_or_else(|| "this picture cannot be read".to_owned());
        (Shown { name: name(other), picture }, other.distance)
    });
    let verdict = hit.verdict.map(|verdict| word(Some(verdict)));
    Some(pair_of([query.row.name.clone(), name(hit)], &explained.explained, (hit.distance, verdict), other))
}

/// The JSON document, with the explanations of the queries that have one.
fn document(found: &GalleryAnswer, explained: Option<&[ExplainedHit]>) -> serde_json::Value {
    let mut document = found.document();
    for (at, query) in document["queries"].as_array_mut().into_iter().flatten().enumerate() {
        if let Some(explained) = explained {
            let of_query = explained.iter().find(|hit| hit.query == at);
            query["explained"] = of_query.map(|hit| hit.document(found)).unwrap_or_default();
        }
    }
    document
}

fn print_csv(found: &GalleryAnswer) -> anyhow::Result<()> {
    let header = [
        "photo",
        "query_face",
        "verdict",
        "distance",
        "person",
        "face",
        "path",
        "left",
        "top",
        "width",
        "height",
    ]
    .map(str::to_owned);
    let rows = found.queries.iter().flat_map(|query| query.hits.iter().map(move |hit| (query, hit)));
    let row = |(query, hit): (&Searched, &GalleryHit)| {
        let [left, top, width, height] =
            hit.row.item.face_box.map(|b| b.map(|v| v.to_string())).unwrap_or_default();
        [
            query.row.name.clone(),
            (query.row.face + 1).to_string(),
            word(hit.verdict).to_owned(),
            hit.distance.to_string(),
            hit.person.clone().unwrap_or_default(),
            hit.row.item.id.to_string(),
            hit.row.path.clone(),
            left,
            top,
            width,
            height,
        ]
    };
    print_table(header, rows.map(row))
}

/// The row of a hit, as contact sheets take it.
pub(super) fn row_of(item: &likeness_gallery::catalogue::ItemRow, name: Option<&str>) -> Row {
    let file = Path::new(&item.path).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = name.map_or_else(|| file.clone(), |name| format!("{name}: {file}"));
    Row { path: item.path.clone(), face_box: item.item.face_box, ..Row::new(name) }
}

fn draw(found: &GalleryAnswer, path: &Path) -> anyhow::Result<()> {
    let hits: Vec<Vec<Row>> = found
        .queries
        .iter()
        .map(|query| query.hits.iter().map(|hit| row_of(&hit.row, hit.person.as_deref())).collect())
        .collect();
    let queries = found.queries.iter().zip(&hits).map(|(query, rows)| {
        let seen = query.hits.iter().zip(rows).map(|(hit, row)| sightings::Sighting {
            row,
            distance: Some(hit.distance),
            verdict: word(hit.verdict),
            is_sure: hit.verdict == Some(Verdict::Same),
        });
        (&query.row, seen.collect())
    });
    Ok(sightings::draw(queries, path)?)
}
