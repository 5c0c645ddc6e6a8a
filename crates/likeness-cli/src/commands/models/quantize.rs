//! `likeness models quantize`: a network and photos enter, a rounded network and what it costs leave.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use likeness_embed::load_embedder;
use likeness_embed::quantize::{CalibrationFeed, Calibrator, Quantized, halve};
use likeness_model::ModelDescription;
use likeness_model::folder::{GRAPH, check_vacant, graph_at};
use likeness_search::{Distance, EmbeddingTable, EvaluateConfig, Evaluation, Protocol, evaluate};
use serde_json::json;

use super::super::{print_json, print_text};
use crate::Outcome;
use crate::args::{ModelArgs, QuantizeModelArgs, WeightsArg};
use crate::failure::hinted;
use crate::input::Loader;
use crate::print::say;
use crate::progress::Progress;
use crate::trained;

/// Retrieval before and after, on the same photos.
struct Cost {
    before: Evaluation,
    after: Evaluation,
    /// Mean cosine similarity of each photo's embeddings by both networks.
    similarity: f64,
}

/// Embedded photos with labels, or why there are none.
type Measurable = Result<EmbeddingTable, String>;

/// Runs the command.
pub(super) fn run(args: &QuantizeModelArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let original = graph_at(Path::new(&args.model))?;
    let place = fs_err::canonicalize(args.output.join(GRAPH)).ok();
    if place.is_some() && place == fs_err::canonicalize(&original).ok() {
        return Err(hinted(
            format!("{}: the quantised network would replace its original", args.output.display()),
            "name another folder with -o",
        ));
    }
    check_vacant(&args.output)?;
    if args.weights == WeightsArg::Int8 && args.calibrate.is_none() {
        return Err(hinted(
            "int8 needs photos to learn the ranges of activations from",
            "name some with --calibrate; a few hundred are enough, and they need no labels",
        ));
    }
    // First of all, as it tells whether the photos can be measured with.
    let before = embedded(args, &args.model, stop)?;
    let rounded = match args.weights {
        WeightsArg::F16 => halve(&args.model, &Default::default())?,
        WeightsArg::Int8 => calibrated(args, stop)?,
    };
    say(&rounded.summary);
    let description = rounded.write(&args.output)?;
    trained::copy_list(Path::new(&args.model), &args.output)?;
    let (cost, why_not) = measured(args, before, stop)?;
    report(args, &original, (&rounded, &description), (cost.as_ref(), why_not.as_str()))?;
    let lost = cost.as_ref().map(|c| 100.0 * (c.before.top1 - c.after.top1));
    match (args.most_lost, lost) {
        (Some(most), Some(lost)) if lost > most => {
            say(format!(
                "top-1 fell by {lost:.2} percentage points, more than the {most} that --most-lost allows"
            ));
            Ok(Outcome::Missed)
        }
        (Some(_), None) => Err(hinted(
            format!("--most-lost: the cost is not known: {why_not}"),
            "name labelled photos with --measure",
        )),
        _ => Ok(Outcome::Done),
    }
}

fn calibrated(args: &QuantizeModelArgs, stop: &AtomicBool) -> anyhow::Result<Quantized> {
    let photos = args.calibrate.as_ref().expect("checked before anything was embedded");
    let flags = ModelArgs::named(&args.model);
    let watch = |calibrator: &Calibrator| {
        let loader = Loader::new(&flags, args.reading.refer(), stop)
            .using(Box::new(CalibrationFeed::new(calibrator)), Some(args.photos as usize));
        loader.load(std::slice::from_ref(photos), args.split.name()).map(drop)
    };
    let calibrator = Calibrator::open(&args.model, &Default::default())?;
    watch(&calibrator)?;
    let equalized = calibrator.equalized()?;
    if let Some(equalized) = &equalized {
        watch(equalized)?;
    }
    Ok(calibrator.closest(equalized.as_ref(), args.clip.named())?)
}

/// The labelled photos as `model` embeds them; or why they cannot be measured with.
fn embedded(args: &QuantizeModelArgs, model: &str, stop: &AtomicBool) -> anyhow::Result<Measurable> {
    let Some(photos) = args.measure.as_ref().or(args.calibrate.as_ref()) else {
        return Ok(Err("there are no photos: neither --measure nor --calibrate".to_owned()));
    };
    let flags = ModelArgs::named(model);
    let loader = Loader::new(&flags, args.reading.refer(), stop)
        .using(load_embedder(model, &Default::default())?, None);
    let table = loader.load(std::slice::from_ref(photos), args.measure_split.name())?.table;
    let is_labelled = table.rows().iter().any(|row| row.identity.is_some());
    Ok(if is_labelled {
        Ok(table)
    } else {
        Err(format!("the photos of {} carry no labels", photos.display()))
    })
}

/// What rounding costs; or why that is not known.
fn measured(
    args: &QuantizeModelArgs,
    before: Measurable,
    stop: &AtomicBool,
) -> anyhow::Result<(Option<Cost>, String)> {
    let before = match before {
        Ok(before) => before,
        Err(why_not) => return Ok((None, why_not)),
    };
    let after = match embedded(args, &args.output.to_string_lossy(), stop)? {
        Ok(after) => after,
        Err(why_not) => return Ok((None, why_not)),
    };
    let progress = Progress::begin("evaluate");
    let of = |table: &EmbeddingTable| {
        let config = EvaluateConfig { distance: table.model().distance, ..EvaluateConfig::default() };
        evaluate(table, Protocol::LeaveOneOut, &config)
    };
    let (before_of, after_of) = match (of(&before), of(&after)) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), _) | (_, Err(error)) => return Ok((None, error.to_string())),
    };
    progress.end(before_of.queries, "queries");
    let similarity = similarity(&before, &after);
    Ok((Some(Cost { before: before_of, after: after_of, similarity }), String::new()))
}

/// Mean cosine similarity of the embeddings of the same photos.
fn similarity(a: &EmbeddingTable, b: &EmbeddingTable) -> f64 {
    let rows = a.len().min(b.len());
    let apart = |i| Distance::Cosine.between(a.embedding(i), b.embedding(i));
    1.0 - (0..rows).map(apart).sum::<f64>() / rows.max(1) as f64
}

fn report(
    args: &QuantizeModelArgs,
    original: &Path,
    (rounded, description): (&Quantized, &ModelDescription),
    (cost, why_not): (Option<&Cost>, &str),
) -> anyhow::Result<()> {
    let bytes = fs_err::metadata(original)?.len();
    if args.json {
        return print_json(&json!({
            "output": args.output, "name": description.name, "fingerprint": description.fingerprint,
            "rounded_from": description.rounded_from, "summary": rounded.summary,
            "bytes_before": bytes, "bytes_after": rounded.bytes(),
            "before": cost.map(|c| &c.before), "after": cost.map(|c| &c.after),
            "similarity": cost.map(|c| c.similarity), "not_measured": cost.is_none().then_some(why_not),
        }));
    }
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let mut text = format!(
        "{}: {} became {}\n",
        args.output.display(),
        megabytes(bytes),
        megabytes(rounded.bytes() as u64)
    );
    match cost {
        None => text += &format!("what it costs was NOT measured: {why_not}\n"),
        Some(Cost { before, after, similarity }) => {
            text += &format!(
                "{} queries of {} identities, leave-one-out; embeddings agree with {similarity:.4} mean cosine similarity\n",
                before.queries, before.identities
            );
            text += &format!("{:10} {:>8} {:>8} {:>8}\n", "", "before", "after", "change");
            let rows = [
                ("top-1", before.top1, after.top1),
                ("top-5", before.top5, after.top5),
                ("top-10", before.top10, after.top10),
                ("mAP", before.map, after.map),
            ];
            for (name, a, b) in rows {
                text +=
                    &format!("{name:10} {:6.2} % {:6.2} % {:+8.2}\n", a * 100.0, b * 100.0, (b - a) * 100.0);
            }
        }
    }
    print_text(&text)
}
