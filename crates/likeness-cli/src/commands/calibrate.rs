//! `likeness calibrate`: measures distance thresholds for given error rates.

use std::fmt::Write;
use std::sync::atomic::AtomicBool;

use likeness::calibrate::{CalibrateOptions, Calibrated, calibrate_input, store};
use likeness::{Loader, check_exists};
use likeness_search::calibrate::{Calibrated as Row, CalibratedThreshold, Target};
use likeness_search::{Distance, ErrorRate, Measured};
use serde_json::json;

use super::{print_json, print_text};
use crate::Outcome;
use crate::args::CalibrateArgs;
use crate::print::say;
use crate::progress::Terminal;

/// Photos that are listed as likely mislabelled.
const LISTED: usize = 5;

/// Runs the command.
pub(crate) fn run(args: CalibrateArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    check_exists(&args.photos_of)?;
    let (model, photos, context) =
        (args.model.choice(args.photos.detection.commercial), args.photos.options(), Terminal::context(stop));
    let options = CalibrateOptions {
        input: args.photos_of,
        split: args.split.name().map(str::to_owned),
        fmrs: args.fmr,
        fpir: args.fpir,
        gallery_size: args.gallery_size,
        distance: args.distance.map(Distance::from),
        keep_suspects: args.keep_suspects,
    };
    let loader = Loader::new(&model, &photos, context);
    let found = calibrate_input(&loader, &options, context)?;
    if let Some(place) = &args.write {
        store(&found, place)?;
        say(format!("thresholds stored in {}", place.display()));
    }
    match args.json {
        true => print_json(&document(&found))?,
        false => print_text(&text(&found, args.keep_suspects))?,
    }
    Ok(Outcome::Done)
}

fn document(found: &Calibrated) -> serde_json::Value {
    json!({
        "model": found.model,
        "fingerprint": found.fingerprint,
        "data": found.data,
        "calibration": found.calibration,
        "likely_mislabelled": found.suspects,
        "influence": found.influence.as_ref().map(|influence| &influence.moves),
        "skipped": found.skipped.iter().map(|s| json!({ "name": s.name, "reason": s.reason })).collect::<Vec<_>>(),
    })
}

fn text(found: &Calibrated, keeps_suspects: bool) -> String {
    let mut text = format!("{}, {} distance\n{}\n\n", found.model, found.calibration.distance, found.data);
    let _ = writeln!(
        text,
        "{:<26}  {:>9}  {:>26}  {:>13}  {:>24}",
        "asked", "threshold", "false match rate (95 %)", "false matches", "missed mated pairs (95 %)"
    );
    for row in &found.calibration.thresholds {
        let _ = writeln!(text, "{:<26}  {}", asked(row.asked), outcome(row));
    }
    text += &growth(&found.calibration.thresholds);
    if let Some(influence) = &found.influence {
        let state = if keeps_suspects { "kept" } else { "left out" };
        let first = found.suspects.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
        let more = found.suspects.len().saturating_sub(LISTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(
            text,
            "\n{} photos are likely mislabelled and {state}: {first}{more}",
            influence.left_out
        );
        for moved in &influence.moves {
            let rate = moved.rate_without.map_or(String::new(), |rate| {
                format!(" (the threshold with them has the rate {})", percent(rate.rate))
            });
            let _ = writeln!(
                text,
                "  {}: threshold {:.4} with them, {:.4} without{rate}",
                asked(moved.asked),
                moved.with,
                moved.without
            );
        }
    }
    text
}

fn asked(target: Target) -> String {
    match target {
        Target::Fmr(rate) => format!("FMR {}", percent(rate)),
        Target::Fpir { rate, gallery } => format!("FPIR {} at N = {gallery}", percent(rate)),
    }
}

fn outcome(row: &Row) -> String {
    match &row.outcome {
        Measured::Value(CalibratedThreshold {
            threshold: Some(threshold),
            false_match_rate,
            false_non_match_rate,
            ..
        }) => {
            let rate = false_match_rate.as_ref().map_or(String::new(), rate_text);
            let errors = false_match_rate.as_ref().map_or(0, |rate| rate.errors);
            let missed = false_non_match_rate.as_ref().map_or("no mated pair".to_owned(), rate_text);
            format!("{threshold:>9.4}  {rate:>26}  {errors:>13}  {missed:>24}")
        }
        Measured::Value(_) => "too many pairs of different identities have distance 0".to_owned(),
        Measured::InsufficientData { lowest_supported } if *lowest_supported <= 1.0 => {
            format!("insufficient data: the pairs support rates from {}", percent(*lowest_supported))
        }
        Measured::InsufficientData { .. } => "insufficient data".to_owned(),
    }
}

/// How false alarms grow with the gallery.
fn growth(rows: &[Row]) -> String {
    let supported: Vec<(&Row, &CalibratedThreshold)> =
        rows.iter().filter_map(|row| Some((row, row.outcome.value()?))).collect();
    let Some((_, first)) = supported.first() else { return String::new() };
    let mut text = String::from("\nsearches for strangers that name somebody, projected: 1 − (1 − FMR)^N\n");
    let _ = write!(text, "{:<26}", "images in the gallery");
    first.growth.iter().for_each(|point| {
        let _ = write!(text, "  {:>9}", point.gallery);
    });
    text += "\n";
    for (row, threshold) in supported {
        let _ = write!(text, "{:<26}", asked(row.asked));
        threshold.growth.iter().for_each(|point| {
            let _ = write!(text, "  {:>9}", percent(point.fpir));
        });
        text += "\n";
    }
    text
}

fn rate_text(rate: &ErrorRate) -> String {
    format!("{} ({}–{})", percent(rate.rate), digits(rate.interval.low), percent(rate.interval.high))
}

fn percent(rate: f64) -> String {
    format!("{} %", digits(rate))
}

/// A share in percent, with two significant digits below one percent.
fn digits(rate: f64) -> String {
    let percent = 100.0 * rate;
    if percent == 0.0 {
        return "0".to_owned();
    }
    if percent >= 0.995 {
        return format!("{percent:.1}").trim_end_matches(".0").to_owned();
    }
    let places = (1.0 - percent.log10().floor()) as usize;
    let text = format!("{percent:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_two_significant_digits() {
        let shares = [0.0, 1e-6, 1.5e-5, 0.001, 0.00345, 0.0099, 0.01, 0.123, 1.0];
        let texts = ["0", "0.0001", "0.0015", "0.1", "0.34", "0.99", "1", "12.3", "100"];
        for (share, text) in shares.into_iter().zip(texts) {
            assert_eq!(digits(share), text, "{share}");
        }
    }
}
