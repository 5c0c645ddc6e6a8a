//! `likeness match`: queries and a gallery enter, the challenge's results leave.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use likeness_search::{
    Distance, EmbeddingTable, RankConfig, Rankings, Results, ResultsShape, Role, rank, rank_within,
};
use serde_json::json;

use super::print_json;
use crate::args::MatchArgs;
use crate::failure::hinted;
use crate::input::Loader;
use crate::progress::{Progress, say};
use crate::{Outcome, grid, submit};

/// Runs the command.
pub(crate) fn run(args: MatchArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let loader = Loader::new(&args.model, args.photos.refer(), stop);
    let (queries, gallery, mut skipped);
    if let [queries_input @ .., gallery_input] = &args.input[..]
        && !queries_input.is_empty()
    {
        let loaded = loader.load(queries_input, None)?;
        (queries, skipped) = (loaded.table, loaded.skipped);
        let loaded = loader.load(std::slice::from_ref(gallery_input), None)?;
        skipped.extend(loaded.skipped);
        gallery = loaded.table;
    } else {
        let loaded = loader.load(&args.input, None)?;
        skipped = loaded.skipped;
        let by_role = has_roles(&loaded.table);
        gallery = if by_role { loaded.table.select(|r| r.role.is_gallery()) } else { loaded.table.clone() };
        queries = if by_role { loaded.table.select(|r| r.role.is_query()) } else { loaded.table };
    }
    let distance = args.search.distance.map_or(queries.model().distance, Distance::from);
    let progress = Progress::begin("match");
    let config = RankConfig { k: Some(args.k), allow_self: args.search.allow_self };
    let within = args.input.len() == 1 && !has_roles(&gallery) && queries.len() == gallery.len();
    let rankings = if within {
        rank_within(&gallery, distance, &config)?
    } else {
        rank(&queries, &gallery, distance, &config)?
    };
    progress.end(queries.len(), "queries");

    let results = Results::from_rankings(&args.group, &rankings, &queries, &gallery)?;
    let shape = ResultsShape::from(args.shape);
    if let Some(path) = &args.output {
        results.write(path, shape)?;
        say(format!("results for {} queries in {}", queries.len(), path.display()));
    }
    if let Some(path) = &args.grid {
        grid::draw(&queries, &gallery, &rankings, distance, args.grid_queries, path)?;
        say(format!("contact sheet in {}", path.display()));
    }
    let answer = match &args.submit {
        Some(url) => {
            Some(submit::submit(url, &results.to_json(shape)?, Duration::from_secs(args.submit_timeout))?)
        }
        None => None,
    };
    match (&answer, args.json, &args.output) {
        (_, true, _) => print_json(&json!({
            "model": queries.model().name,
            "distance": distance.name(),
            "queries": found(&queries, &gallery, &rankings),
            "skipped": skipped.len(),
            "answer": answer,
        }))?,
        (Some(answer), false, _) => print_json(answer)?,
        (None, false, None) => print_json(&parsed(&results, shape)?)?,
        (None, false, Some(_)) => {}
    }
    Ok(Outcome::Done)
}

/// Whether the table says who is a query and who is in the gallery.
pub(crate) fn has_roles(table: &EmbeddingTable) -> bool {
    let has = |role: Role| table.rows().iter().any(|row| row.role == role);
    has(Role::Query) && (has(Role::Gallery) || has(Role::Both))
}

fn parsed(results: &Results, shape: ResultsShape) -> anyhow::Result<serde_json::Value> {
    serde_json::from_str(&results.to_json(shape)?).context("the results do not read as JSON")
}

/// Queries with their hits, for `--json`.
fn found(queries: &EmbeddingTable, gallery: &EmbeddingTable, rankings: &Rankings) -> Vec<serde_json::Value> {
    let hit = |hit: &likeness_search::Hit| {
        let row = &gallery.rows()[hit.gallery_id.index()];
        json!({ "rank": hit.rank, "name": row.name, "path": row.path, "identity": row.identity, "distance": hit.distance })
    };
    let one = |(row, ranking): (&likeness_search::Row, &likeness_search::Ranking)| {
        let hits: Vec<_> = ranking.hits().iter().map(hit).collect();
        json!({ "name": row.name, "path": row.path, "identity": row.identity, "hits": hits })
    };
    queries.rows().iter().zip(rankings.iter()).map(one).collect()
}

/// Refuses a share outside [0, 1].
pub(crate) fn check_share(flag: &str, share: f64) -> anyhow::Result<()> {
    if (0.0..=1.0).contains(&share) {
        return Ok(());
    }
    Err(hinted(format!("{flag}: expected a share between 0 and 1, found {share}"), "80 percent is 0.8"))
}
