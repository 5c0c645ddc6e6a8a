//! `likeness evaluate`: prints retrieval metrics of labelled images.

mod error_rates;

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use likeness::evaluate::{EvaluateOptions, Evaluated, evaluate_input};
use likeness::{Loader, check_exists};
use likeness_data::photos::Skipped;
use likeness_report::chart::write_one;
use likeness_search::{Distance, Evaluation, EvaluationBy, Interval, Protocol};
use serde_json::json;

use super::{print_json, print_text};
use crate::Outcome;
use crate::args::EvaluateArgs;
use crate::output::{Content, Outputs};
use crate::print::say;
use crate::progress::Terminal;

/// Runs the command.
pub(crate) fn run(args: EvaluateArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let inputs = std::iter::once(&args.input).chain(&args.gallery).map(PathBuf::as_path);
    inputs.clone().try_for_each(check_exists)?;
    if let Some(path) = &args.map {
        let mut outputs = Outputs::new(inputs, args.force);
        outputs.stdout("the metrics on stdout");
        outputs.add("--map", path, Content::Chart)?;
    }
    let (model, photos, context) =
        (args.model.choice(args.photos.detection.commercial), args.photos.options(), Terminal::context(stop));
    let options = EvaluateOptions {
        input: args.input,
        gallery: args.gallery,
        split: args.split.name().map(str::to_owned),
        protocol: args.protocol.map(Protocol::from),
        distance: args.search.distance.map(Distance::from),
        allow_self: args.search.allow_self,
        by: args.by,
        map: args.map.is_some(),
        pairs: args.pairs,
        seed: args.seed,
    };
    let loader = Loader::new(&model, &photos, context);
    let found = evaluate_input(&loader, model.name(), &options, context)?;
    if let (Some(path), Some(map)) = (&args.map, &found.map) {
        write_one(&map.charts(&found.table, &found.column, &found.values), path)?;
        say(format!("map of {} images in {}", map.rows.len(), path.display()));
    }
    if args.json {
        print_json(&document(&found)?)?;
    } else {
        print(&found.evaluation, &found.table.model().name)?;
        if let Some(rates) = &found.error_rates {
            print_text(&error_rates::text(rates))?;
        }
        if let Some(verified) = &found.verified {
            print_text(&error_rates::of_list(verified))?;
        }
        if let Some(by) = &found.by {
            print_text(&groups(&found.column, by))?;
        }
    }
    match args.require_top1 {
        Some(share) if found.evaluation.top1 < share => {
            say(format!("top-1 is {:.4}, below the required {share}", found.evaluation.top1));
            Ok(Outcome::Missed)
        }
        _ => Ok(Outcome::Done),
    }
}

/// The document of `--json`.
fn document(found: &Evaluated) -> anyhow::Result<serde_json::Value> {
    let mut document = serde_json::to_value(&found.evaluation)?;
    document["model"] = json!(found.table.model().name);
    document["trained_on"] = json!(
        found.trained_on.map(|overlap| json!({ "photos": overlap.photos, "identities": overlap.identities }))
    );
    document["skipped"] = json!({
        "queries": names(&found.skipped_queries),
        "gallery": found.skipped_gallery.as_deref().map(names),
    });
    if let Some(rates) = &found.error_rates {
        (document["verification"], document["identification"]) = error_rates::documents(rates);
    }
    if let Some(verified) = &found.verified {
        document["pairs"] = error_rates::document_of_list(verified)?;
    }
    if let Some(by) = &found.by {
        document["by"] = serde_json::to_value(by)?;
        document["by"]["column"] = json!(found.column);
    }
    Ok(document)
}

/// Skipped photos with their reasons, as JSON.
fn names(skipped: &[Skipped]) -> Vec<serde_json::Value> {
    skipped.iter().map(|skip| json!({ "name": skip.name, "reason": skip.reason })).collect()
}

/// Prints the metrics as text.
pub(crate) fn print(evaluation: &Evaluation, model: &str) -> anyhow::Result<()> {
    let protocol = match evaluation.protocol {
        Some(Protocol::LeaveOneOut) => "leave-one-out",
        Some(Protocol::QueryGallery) => "query-gallery",
        None => "queries against a gallery",
    };
    let percent = |share: f64| format!("{:5.1} %", share * 100.0);
    let interval = |i: &Interval| format!("   95 % interval {:.1} to {:.1}", i.low * 100.0, i.high * 100.0);
    let intervals = evaluation.intervals.as_ref();
    print_text(&format!(
        "{model}, {distance} distance, {protocol}\n\
         {queries} queries of {identities} identities, {gallery} images in the gallery; \
         {unmated} unmated, {unlabelled} unlabelled\n\
         top-1      {top1}{top1_interval}\ntop-5      {top5}\ntop-10     {top10}\n\
         mAP        {map}{map_interval}\nMAP@R      {map_at_r}\nR-prec.    {r_precision}\nMRR        {mrr}\nmINP       {minp}\nchallenge  {score:5.1} of 1000\n",
        distance = evaluation.distance,
        queries = evaluation.queries,
        identities = evaluation.identities,
        gallery = evaluation.gallery,
        unmated = evaluation.unmated,
        unlabelled = evaluation.unlabelled,
        top1 = percent(evaluation.top1),
        top1_interval = intervals.map_or(String::new(), |i| interval(&i.top1)),
        top5 = percent(evaluation.top5),
        top10 = percent(evaluation.top10),
        map = percent(evaluation.map),
        map_interval = intervals.map_or(String::new(), |i| interval(&i.map)),
        map_at_r = percent(evaluation.map_at_r),
        r_precision = percent(evaluation.r_precision),
        mrr = percent(evaluation.mrr),
        minp = percent(evaluation.minp),
        score = evaluation.challenge_score,
    ))
}

/// The metrics per group as a table.
fn groups(column: &str, by: &EvaluationBy) -> String {
    let widest =
        by.pairs.iter().map(|p| p.queries_of.chars().count().max(p.gallery_of.chars().count())).max();
    let width = widest.unwrap_or(0).max(7);
    let mut text = format!(
        "by {column}\n{:width$}  {:width$}  queries  top-1  top-5 top-10    mAP\n",
        "queries", "gallery"
    );
    for pair in &by.pairs {
        let _ = write!(text, "{:width$}  {:width$}  ", pair.queries_of, pair.gallery_of);
        let _ = match &pair.evaluation {
            Some(e) => {
                let [top1, top5, top10, map] = [e.top1, e.top5, e.top10, e.map].map(|share| 100.0 * share);
                writeln!(text, "{:7}  {top1:5.1}  {top5:5.1}  {top10:5.1}  {map:5.1}", e.queries)
            }
            None => writeln!(text, "      0  no image of the same identity"),
        };
    }
    for distance in &by.distances {
        let [one, other] = &distance.groups;
        let found = distance.proxy_a_distance.map_or("too few images".to_owned(), |d| format!("{d:.2} of 2"));
        let _ = writeln!(text, "proxy A-distance of {one} and {other}: {found}");
    }
    text
}
