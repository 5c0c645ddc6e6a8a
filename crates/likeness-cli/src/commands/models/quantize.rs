//! `likeness models quantize`: quantises a network and prints the loss of accuracy.

use std::sync::atomic::AtomicBool;

use likeness::quantize::{Cost, QuantizeOptions, QuantizedModel, WeightType, quantize};
use serde_json::json;

use super::super::{print_json, print_text};
use crate::Outcome;
use crate::args::{QuantizeModelArgs, WeightsArg};
use crate::failure::hinted;
use crate::print::say;
use crate::progress::Terminal;

/// Runs the command.
pub(super) fn run(args: &QuantizeModelArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let options = QuantizeOptions {
        model: args.model.clone(),
        output: args.output.clone(),
        weights: match args.weights {
            WeightsArg::Int8 => WeightType::Int8,
            WeightsArg::F16 => WeightType::F16,
        },
        calibrate: args.calibrate.clone(),
        calibrate_split: args.split.name().map(str::to_owned),
        photos: args.photos as usize,
        clipping: args.clip.named(),
        measure: args.measure.clone(),
        measure_split: args.measure_split.name().map(str::to_owned),
        reading: args.reading.options(),
    };
    let made = quantize(&options, Terminal::context(stop))?;
    report(args, &made)?;
    match (args.most_lost, &made.cost) {
        (Some(most), Ok(cost)) if 100.0 * (cost.before.top1 - cost.after.top1) > most => {
            let lost = 100.0 * (cost.before.top1 - cost.after.top1);
            say(format!(
                "top-1 dropped by {lost:.2} percentage points, more than the {most} that --most-lost allows"
            ));
            Ok(Outcome::Missed)
        }
        (Some(_), Err(why_not)) => Err(hinted(
            format!("--most-lost: the loss of accuracy is not known: {why_not}"),
            "name labelled photos with --measure",
        )),
        _ => Ok(Outcome::Done),
    }
}

fn report(args: &QuantizeModelArgs, made: &QuantizedModel) -> anyhow::Result<()> {
    let (description, cost) = (&made.description, made.cost.as_ref().ok());
    if args.json {
        return print_json(&json!({
            "output": args.output, "name": description.name, "fingerprint": description.fingerprint,
            "rounded_from": description.rounded_from, "summary": made.summary,
            "bytes_before": made.bytes_before, "bytes_after": made.bytes_after,
            "before": cost.map(|c| &c.before), "after": cost.map(|c| &c.after),
            "similarity": cost.map(|c| c.similarity), "not_measured": made.cost.as_ref().err(),
        }));
    }
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let mut text = format!(
        "{}: quantised from {} to {}\n",
        args.output.display(),
        megabytes(made.bytes_before),
        megabytes(made.bytes_after)
    );
    match &made.cost {
        Err(why_not) => text += &format!("the loss of accuracy was NOT measured: {why_not}\n"),
        Ok(Cost { before, after, similarity }) => {
            text += &format!(
                "{} queries of {} identities, leave-one-out; mean cosine similarity of the embeddings {similarity:.4}\n",
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
