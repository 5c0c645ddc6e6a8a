//! `likeness evaluate`: labelled images enter, retrieval metrics leave.

mod by;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use likeness_data::photos::Skipped;
use likeness_report::chart::write_one;
use likeness_report::map::EmbeddingMap;
use likeness_search::{
    Distance, EvaluateConfig, Evaluation, EvaluationBy, Interval, Protocol, evaluate, evaluate_between,
    evaluate_by,
};
use serde_json::json;

use super::match_::has_roles;
use super::{print_json, print_text};
use crate::args::EvaluateArgs;
use crate::input::{Loader, check_exists};
use crate::output::{Content, Outputs};
use crate::print::say;
use crate::progress::Progress;
use crate::{Outcome, trained};

/// Runs the command.
pub(crate) fn run(args: EvaluateArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let inputs = std::iter::once(&args.input).chain(&args.gallery).map(PathBuf::as_path);
    inputs.clone().try_for_each(check_exists)?;
    if let Some(path) = &args.map {
        let mut outputs = Outputs::new(inputs, args.force);
        outputs.stdout("the metrics on stdout");
        outputs.add("--map", path, Content::Chart)?;
    }
    let loader = Loader::new(&args.model, args.photos.refer(), stop);
    let loaded = loader.load(std::slice::from_ref(&args.input), args.split.name())?;
    let gallery = match &args.gallery {
        Some(gallery) => Some(loader.load(std::slice::from_ref(gallery), None)?),
        None => None,
    };
    let table = &loaded.table;
    let trained_on = trained::overlap(args.model.model.as_deref(), table.rows())?;
    let config = EvaluateConfig {
        distance: args.search.distance.map_or(table.model().distance, Distance::from),
        allow_self: args.search.allow_self,
        seed: args.seed,
        ..EvaluateConfig::default()
    };
    let by_role = if has_roles(table) { Protocol::QueryGallery } else { Protocol::LeaveOneOut };
    let protocol = args.protocol.map_or(by_role, Protocol::from);
    let progress = Progress::begin("evaluate");
    let evaluation = match &gallery {
        Some(gallery) => evaluate_between(table, &gallery.table, &config)?,
        None => evaluate(table, protocol, &config)?,
    };
    let column = args.by.as_deref().unwrap_or("domain");
    let values = by::values(table, column, &args.input)?;
    let apart: Option<EvaluationBy> = match args.by {
        Some(_) => Some(evaluate_by(table, &values, protocol, &config)?),
        None => None,
    };
    progress.end(evaluation.queries, "queries");
    if let Some(path) = &args.map {
        let map = EmbeddingMap::new(table, config.distance, args.seed)?;
        write_one(&map.charts(table, column, &values), path)?;
        say(format!("map of {} images in {}", map.rows.len(), path.display()));
    }
    if args.json {
        let mut document = serde_json::to_value(&evaluation)?;
        document["model"] = json!(table.model().name);
        document["trained_on"] =
            json!(trained_on.map(|found| json!({ "photos": found.photos, "identities": found.identities })));
        document["skipped"] = json!({
            "queries": names(&loaded.skipped),
            "gallery": gallery.as_ref().map(|gallery| names(&gallery.skipped)),
        });
        if let Some(apart) = &apart {
            document["by"] = serde_json::to_value(apart)?;
            document["by"]["column"] = json!(column);
        }
        print_json(&document)?;
    } else {
        print(&evaluation, &table.model().name)?;
        if let Some(apart) = &apart {
            print_text(&by::text(column, apart))?;
        }
    }
    match args.require_top1 {
        Some(share) if evaluation.top1 < share => {
            say(format!("top-1 is {:.4}, below the required {share}", evaluation.top1));
            Ok(Outcome::Missed)
        }
        _ => Ok(Outcome::Done),
    }
}

/// Skipped photos as JSON.
fn names(skipped: &[Skipped]) -> Vec<serde_json::Value> {
    skipped.iter().map(|skip| json!({ "name": skip.name, "reason": skip.reason })).collect()
}

/// Prints the metrics to be read.
pub(crate) fn print(evaluation: &Evaluation, model: &str) -> anyhow::Result<()> {
    let protocol = match evaluation.protocol {
        Some(Protocol::LeaveOneOut) => "leave-one-out",
        Some(Protocol::QueryGallery) => "query-gallery",
        None => "queries against a gallery",
    };
    let percent = |share: f64| format!("{:5.1} %", share * 100.0);
    let interval = |i: &Interval| format!("   95 % within {:.1} and {:.1}", i.low * 100.0, i.high * 100.0);
    let intervals = evaluation.intervals.as_ref();
    print_text(&format!(
        "{model}, {distance} distance, {protocol}\n\
         {queries} queries of {identities} identities, {gallery} images in the gallery; \
         {unmated} unmated, {unlabelled} unlabelled\n\
         top-1      {top1}{top1_interval}\ntop-5      {top5}\ntop-10     {top10}\n\
         mAP        {map}{map_interval}\nMAP@R      {map_at_r}\nchallenge  {score:5.1} of 1000\n",
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
        score = evaluation.challenge_score,
    ))
}
