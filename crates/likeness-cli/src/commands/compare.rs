//! `likeness compare`: compares models on the same queries.

#[cfg(feature = "train")]
mod recipes;

use std::fmt::Write;
use std::sync::atomic::AtomicBool;

use likeness::contestants::{Inputs, load};
use likeness::study::{Study, StudyOptions};
use likeness_report::evaluation::text as words;
use likeness_report::evaluation::{Difference, McNemar, ModelResult, Rate};
use likeness_search::{Distance, Protocol};
use serde_json::json;

use super::{print_json, print_text};
use crate::Outcome;
use crate::args::{CompareArgs, RankArgs, StudyArgs};
use crate::progress::Terminal;

/// Runs the command.
pub(crate) fn run(args: CompareArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let inputs = Inputs::of(&args.input)?;
    #[cfg(feature = "train")]
    let Some(inputs) = recipes::train_all(inputs, &args, stop)? else {
        return Ok(Outcome::Interrupted);
    };
    let (choice, photos, context) =
        (args.model.choice(args.photos.detection.commercial), args.photos.options(), Terminal::context(stop));
    let contestants = load(&inputs, &choice, &photos, args.study.split.name(), context)?;
    let study = Study::new(inputs.data_or_first(), contestants, options(&args.study, &args.search), context)?;
    match args.json {
        true => print_json(&document(&study)?)?,
        false => print_text(&text(&study)?)?,
    }
    Ok(Outcome::Done)
}

/// The options of a study.
pub(super) fn options(study: &StudyArgs, search: &RankArgs) -> StudyOptions {
    StudyOptions {
        distance: search.distance.map(Distance::from),
        allow_self: search.allow_self,
        protocol: None,
        reference: study.reference.clone(),
        resamples: study.resamples,
        seed: study.seed,
    }
}

/// The document of `--json`.
fn document(study: &Study) -> anyhow::Result<serde_json::Value> {
    let evaluation = &study.models[study.reference].evaluation;
    let models = study.models.iter().zip(&study.left_out).map(|(model, left_out)| {
        json!({
            "name": model.contestant.name,
            "source": model.contestant.source,
            "fingerprint": model.contestant.table.model().fingerprint,
            "distance": model.distance.name(),
            "left_out": left_out,
        })
    });
    Ok(json!({
        "protocol": protocol(study),
        "queries": evaluation.queries,
        "unmated": evaluation.unmated,
        "identities": evaluation.identities,
        "gallery": evaluation.gallery,
        "resamples": study.resamples,
        "seed": study.options.seed,
        "reference": study.reference,
        "models": models.collect::<Vec<_>>(),
        "result": study.results(),
        "differences": study.differences()?,
        "mcnemar": study.mcnemar()?,
    }))
}

fn protocol(study: &Study) -> &'static str {
    match study.protocol {
        Protocol::LeaveOneOut => "leave-one-out",
        Protocol::QueryGallery => "query-gallery",
    }
}

fn text(study: &Study) -> anyhow::Result<String> {
    let evaluation = &study.models[study.reference].evaluation;
    let mut text = format!(
        "{} queries of {} identities, {} images in the gallery, {}\n\n",
        evaluation.queries,
        evaluation.identities,
        evaluation.gallery,
        protocol(study)
    );
    let names: Vec<&str> = study.models.iter().map(|model| model.contestant.name.as_str()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).clamp(5, 40);
    text += &results(&study.results(), &names, width);
    if study.models.len() > 1 {
        let reference = names[study.reference];
        let _ = writeln!(text, "\ncompared with {reference}, in percentage points; p adjusted by Holm");
        text += &differences(&study.differences()?, &names, width);
        text += &mcnemar(&study.mcnemar()?, &names);
    }
    Ok(text)
}

fn results(results: &[ModelResult], names: &[&str], width: usize) -> String {
    let Some(first) = results.first() else { return String::new() };
    let mut text = format!("{:width$}", "model");
    for value in &first.values {
        let _ = write!(text, "  {:>18}", words::measure(&value.measure));
    }
    text += "\n";
    for result in results {
        let _ = write!(text, "{:width$}", names[result.model]);
        for value in &result.values {
            let cell = match value.value {
                Rate::Supported(estimate) => {
                    let share = format!("{:.1}", 100.0 * estimate.value);
                    let interval = estimate
                        .interval()
                        .map(|(low, high)| format!(" ({:.1}–{:.1})", 100.0 * low, 100.0 * high));
                    share + &interval.unwrap_or_default()
                }
                Rate::Insufficient { .. } => "insufficient data".to_owned(),
            };
            let _ = write!(text, "  {cell:>18}");
        }
        text += "\n";
    }
    text
}

fn differences(differences: &[Difference], names: &[&str], width: usize) -> String {
    let mut text = String::new();
    for difference in differences {
        let (low, high) = difference.difference.interval().unwrap_or((f64::NAN, f64::NAN));
        let _ = writeln!(
            text,
            "{:width$}  {:18}  {:>+6.1}  ({:+.1} to {:+.1})  {:<10}  {}",
            names[difference.model],
            words::measure(&difference.measure),
            100.0 * difference.difference.value,
            100.0 * low,
            100.0 * high,
            difference.p_holm.map_or(String::new(), words::p_value),
            words::reading(difference),
        );
    }
    text
}

fn mcnemar(tests: &[McNemar], names: &[&str]) -> String {
    let mut text = String::new();
    for test in tests {
        let _ = writeln!(
            text,
            "\ntop-1 of the same queries: {} only {} finds, {} only {}; both find {}, neither {} (McNemar's exact test: {})",
            test.only_first,
            names[test.first],
            test.only_second,
            names[test.second],
            test.both,
            test.neither,
            words::p_value(test.p),
        );
    }
    text
}
