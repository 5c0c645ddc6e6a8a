//! `likeness evaluate`: labelled images enter, retrieval metrics leave.

use std::sync::atomic::AtomicBool;

use likeness_search::{Distance, EvaluateConfig, Evaluation, Interval, Protocol, evaluate, evaluate_between};
use serde_json::json;

use super::match_::{check_share, has_roles};
use super::print_json;
use crate::Outcome;
use crate::args::EvaluateArgs;
use crate::input::Loader;
use crate::progress::{Progress, say};

/// Runs the command.
pub(crate) fn run(args: EvaluateArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    if let Some(share) = args.require_top1 {
        check_share("--require-top1", share)?;
    }
    let loader = Loader::new(&args.model, args.photos.refer(), stop);
    let loaded = loader.load(std::slice::from_ref(&args.input), args.split.name())?;
    let gallery = match &args.gallery {
        Some(gallery) => Some(loader.load(std::slice::from_ref(gallery), None)?),
        None => None,
    };
    let table = &loaded.table;
    let config = EvaluateConfig {
        distance: args.search.distance.map_or(table.model().distance, Distance::from),
        allow_self: args.search.allow_self,
        seed: args.seed,
        ..EvaluateConfig::default()
    };
    let progress = Progress::begin("evaluate");
    let evaluation = match &gallery {
        Some(gallery) => evaluate_between(table, &gallery.table, &config)?,
        None => {
            let by_role = if has_roles(table) { Protocol::QueryGallery } else { Protocol::LeaveOneOut };
            let protocol = args.protocol.map_or(by_role, Protocol::from);
            evaluate(table, protocol, &config)?
        }
    };
    progress.end(evaluation.queries, "queries");
    let skipped = loaded.skipped.len() + gallery.map_or(0, |g| g.skipped.len());
    if args.json {
        let mut document = serde_json::to_value(&evaluation)?;
        document["model"] = json!(table.model().name);
        document["skipped"] = json!(skipped);
        print_json(&document)?;
    } else {
        print(&evaluation, &table.model().name);
    }
    match args.require_top1 {
        Some(share) if evaluation.top1 < share => {
            say(format!("top-1 is {:.4}, below the required {share}", evaluation.top1));
            Ok(Outcome::Missed)
        }
        _ => Ok(Outcome::Done),
    }
}

/// Prints the metrics to be read.
#[allow(clippy::print_stdout)]
pub(crate) fn print(evaluation: &Evaluation, model: &str) {
    let protocol = match evaluation.protocol {
        Some(Protocol::LeaveOneOut) => "leave-one-out",
        Some(Protocol::QueryGallery) => "query-gallery",
        None => "queries against a gallery",
    };
    let percent = |share: f64| format!("{:5.1} %", share * 100.0);
    let interval = |i: &Interval| format!("   95 % within {:.1} and {:.1}", i.low * 100.0, i.high * 100.0);
    let intervals = evaluation.intervals.as_ref();
    println!("{model}, {} distance, {protocol}", evaluation.distance);
    println!(
        "{} queries of {} identities, {} images in the gallery; {} unmated, {} unlabelled",
        evaluation.queries,
        evaluation.identities,
        evaluation.gallery,
        evaluation.unmated,
        evaluation.unlabelled
    );
    println!(
        "top-1      {}{}",
        percent(evaluation.top1),
        intervals.map_or(String::new(), |i| interval(&i.top1))
    );
    println!("top-5      {}", percent(evaluation.top5));
    println!("top-10     {}", percent(evaluation.top10));
    println!(
        "mAP        {}{}",
        percent(evaluation.map),
        intervals.map_or(String::new(), |i| interval(&i.map))
    );
    println!("MAP@R      {}", percent(evaluation.map_at_r));
    println!("challenge  {:5.1} of 1000", evaluation.challenge_score);
}
