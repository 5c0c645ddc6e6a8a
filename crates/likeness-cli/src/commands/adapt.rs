//! `likeness adapt`: adds a linear head to a model, and prints its accuracy on held-out identities.

use std::fmt::Write;
use std::sync::atomic::AtomicBool;

use likeness::adapt::{AdaptOptions, Adapted, adapt};
use likeness_search::head::{Difference, HeadVerdict};
use serde_json::json;

use super::{print_json, print_text};
use crate::Outcome;
use crate::args::AdaptArgs;
use crate::print::say;
use crate::progress::Terminal;

/// Runs the command.
pub(crate) fn run(args: AdaptArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let options = AdaptOptions {
        input: args.input.clone(),
        split: args.split.name().map(str::to_owned),
        output: args.output.clone(),
        name: args.name.clone(),
        dimension: args.dimension.map(|dimension| dimension as usize),
        seed: args.seed,
    };
    let (model, photos) = (args.model.choice(args.photos.detection.commercial), args.photos.options());
    let adapted = adapt(&options, &model, &photos, Terminal::context(stop))?;
    match args.json {
        true => print_json(&document(&args, &adapted))?,
        false => print_text(&text(&args, &adapted))?,
    }
    if adapted.description.is_some() {
        say("the new model has no thresholds: measure them with `likeness calibrate`");
        return Ok(Outcome::Done);
    }
    say(match adapted.fit.held_out.verdict() {
        HeadVerdict::Worse => "nothing was written: held-out identities are found worse",
        HeadVerdict::NoDifference | HeadVerdict::Better => {
            "nothing was written: held-out identities do not improve significantly"
        }
    });
    Ok(Outcome::Missed)
}

/// The document of `--json`.
fn document(args: &AdaptArgs, adapted: &Adapted) -> serde_json::Value {
    let Adapted { model, fit, description, unlabelled, skipped } = adapted;
    let skipped: Vec<_> =
        skipped.iter().map(|skip| json!({ "name": skip.name, "reason": skip.reason })).collect();
    json!({
        "model": model, "output": description.as_ref().map(|_| &args.output),
        "name": description.as_ref().map(|new| &new.name),
        "fingerprint": description.as_ref().map(|new| &new.fingerprint),
        "adapted_from": description.as_ref().map(|new| &new.adapted_from),
        "verdict": fit.held_out.verdict(), "held_out": fit.held_out,
        "head": fit.candidate, "dimension": fit.head.outputs, "candidates": fit.candidates,
        "embeddings": fit.embeddings, "identities": fit.identities, "unlabelled": unlabelled, "skipped": skipped,
    })
}

/// The results as text.
fn text(args: &AdaptArgs, adapted: &Adapted) -> String {
    let Adapted { model, fit, description, .. } = adapted;
    let held_out = &fit.held_out;
    let mut text = format!(
        "{model}: {}, fitted to {} embeddings of {} identities\n\
         held-out identities: {} queries of {} identities in 5 folds, each searched within itself\n\
         {:8} {:>8} {:>8} {:>8}   95 % interval\n",
        fit.candidate,
        fit.embeddings,
        fit.identities,
        held_out.queries,
        held_out.identities,
        "",
        "before",
        "after",
        "change"
    );
    let mut row = |name: &str, before: f64, after: f64, Difference { value, interval }: Difference| {
        let _ = writeln!(
            text,
            "{name:8} {:6.2} % {:6.2} % {:+8.2}   {:+.2} to {:+.2}",
            100.0 * before,
            100.0 * after,
            100.0 * value,
            100.0 * interval.low,
            100.0 * interval.high
        );
    };
    row("top-1", held_out.before.top1, held_out.after.top1, held_out.top1);
    row("mAP", held_out.before.map, held_out.after.map, held_out.map);
    if let Some(new) = description {
        let _ = writeln!(
            text,
            "{}: model {}, dimension {}",
            args.output.display(),
            new.name.as_deref().unwrap_or_default(),
            fit.head.outputs
        );
    }
    text
}
