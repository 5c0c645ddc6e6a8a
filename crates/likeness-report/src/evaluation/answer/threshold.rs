//! At which threshold?

use super::Answer;
use super::verdict::Verdict;
use crate::evaluation::data::{Rate, ThresholdRow};
use crate::evaluation::document::Prose;
use crate::evaluation::number;
use crate::evaluation::view::View;
use crate::evaluation::words;

const QUESTION: &str = "At which threshold?";
/// The false match rate of the answer; else the nearest one.
const FMR: f64 = 1e-3;

/// The calibrated threshold of the leading model, and how it performs here.
pub(super) fn threshold(view: &View, verdict: &Verdict) -> Answer {
    let leader = verdict.leader(view);
    let distance_from = |row: &&ThresholdRow| (row.asked_fmr.max(1e-12).log10() - FMR.log10()).abs();
    let rows = view.report.verification.thresholds.iter().filter(|row| row.model == leader);
    let Some(row) = rows.min_by(|a, b| distance_from(a).total_cmp(&distance_from(b))) else {
        return not_calibrated(view);
    };
    let mut answer = Answer::new(QUESTION, number::distance(row.threshold), measured(view, row));
    let distance = match view.distance(leader) {
        "" => String::new(),
        distance => format!("{distance}, "),
    };
    answer.remark = Prose::from(format!("{distance}for FMR {}", number::asked(row.asked_fmr)));
    let clear = matches!(verdict, Verdict::Winner(..) | Verdict::One(_));
    if !clear {
        answer.text = view.named(leader).text(". ").and(answer.text);
    }
    if view.trained_on_calibration().contains(&leader) {
        let text = format!(" It was trained on the calibration {}.", view.words.many());
        answer.text = answer.text.text(text);
    }
    answer
}

/// "Measured here: 0.073 % false matches (0.033–0.14), as asked; 12.3 % of same-person pairs are missed."
fn measured(view: &View, row: &ThresholdRow) -> Prose {
    let reading = words::threshold_reading(row).word;
    let matches = match row.measured_fmr {
        Rate::Supported(fmr) => {
            let interval =
                number::interval(&fmr).map_or_else(String::new, |interval| format!(" ({interval})"));
            format!("{} false matches{interval}, {reading}", number::percent_sign(fmr.value))
        }
        Rate::Insufficient { lowest: Some(lowest) } => {
            format!("{reading} for false matches (supported from {})", number::percent_sign(lowest))
        }
        Rate::Insufficient { lowest: None } => format!("{reading} for false matches"),
    };
    let missed = number::percent_sign(row.fnmr.value);
    let one = view.words.one();
    Prose::from(format!("Measured here: {matches}; {missed} of same-{one} pairs are missed."))
}

/// The answer without a calibrated threshold.
fn not_calibrated(view: &View) -> Answer {
    let many = view.words.many();
    let text = match view.models() {
        0 => Prose::from("There is no model."),
        _ => Prose::from("No threshold stored with this model. ")
            .code("likeness calibrate")
            .text(format!(" sets one from 100 {many} or more.")),
    };
    Answer::new(QUESTION, "Not calibrated", text)
}
