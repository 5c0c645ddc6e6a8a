//! The error rates of an evaluation as text and JSON.

use std::fmt::Write;

use likeness::evaluate::{ErrorRates, Verified};
use likeness_search::identification::{REPORTED_FPIRS, fnir_at_fpir};
use likeness_search::verification::{area_under_roc, equal_error_rate, true_accept_rates};
use likeness_search::{Interval, Measured};
use serde_json::{Value, json};

/// Missing photos that are listed.
const LISTED: usize = 5;

/// Verification and identification as text.
pub(super) fn text(rates: &ErrorRates) -> String {
    let mut text = String::new();
    let pairs = &rates.pairs;
    let Some(eer) = equal_error_rate(pairs) else {
        return "verification: the data has no mated or no non-mated pair\n".to_owned();
    };
    let _ = writeln!(
        text,
        "verification, {} mated and {} non-mated pairs\nEER        {}",
        pairs.mated().len(),
        pairs.non_mated().len(),
        percent(eer.rate)
    );
    for (far, tar) in true_accept_rates(pairs) {
        match tar {
            Measured::Value(tar) => {
                let _ = writeln!(
                    text,
                    "TAR at FMR {:<8} {}{}",
                    rate(far),
                    percent(tar.rate),
                    interval(&tar.interval)
                );
            }
            // Stricter rates are not supported, either.
            Measured::InsufficientData { lowest_supported } => {
                let _ = writeln!(text, "TAR at FMR {:<8} {}", rate(far), insufficient(lowest_supported));
                break;
            }
        }
    }
    let searches = &rates.searches;
    let _ = writeln!(text, "identification, {} images in the gallery", searches.gallery());
    for fpir in REPORTED_FPIRS.into_iter().rev() {
        let found = fnir_at_fpir(searches, fpir);
        let is_last = !matches!(found, Some(Measured::Value(_)));
        let value = match found {
            Some(Measured::Value(found)) => {
                let missed = found.fnir.any_rank;
                format!("{}{}", percent(missed.rate), interval(&missed.interval))
            }
            Some(Measured::InsufficientData { lowest_supported }) => insufficient(lowest_supported),
            None => "no unmated search".to_owned(),
        };
        let _ = writeln!(text, "FNIR at FPIR {:<6} {value}", rate(fpir));
        if is_last {
            break;
        }
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:5.1} %", 100.0 * share)
}

fn interval(interval: &Interval) -> String {
    format!("   95 % interval {:.1} to {:.1}", 100.0 * interval.low, 100.0 * interval.high)
}

fn insufficient(lowest: f64) -> String {
    match lowest <= 1.0 {
        true => format!("insufficient data, supported from {:.2} %", 100.0 * lowest),
        false => "insufficient data".to_owned(),
    }
}

/// A rate such as 1e-3, in percent.
fn rate(rate: f64) -> String {
    format!("{} %", (100.0 * rate * 1e9).round() / 1e9)
}

/// The accuracy on a list of pairs.
pub(super) fn of_list(verified: &Verified) -> String {
    let found = &verified.ten_fold;
    let mut text = format!(
        "list of {} pairs: accuracy {:.2} % ± {:.2} (mean and standard error of {} folds)\n",
        verified.pairs,
        100.0 * found.accuracy,
        100.0 * found.standard_error,
        found.folds.len()
    );
    if verified.left_out > 0 {
        let names = verified.missing.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
        let _ =
            writeln!(text, "{} pairs are left out, because photos are missing: {names}", verified.left_out);
    }
    text
}

/// The documents of verification and identification.
pub(super) fn documents(rates: &ErrorRates) -> (Value, Value) {
    let (pairs, searches) = (&rates.pairs, &rates.searches);
    let tar: Vec<Value> =
        true_accept_rates(pairs).into_iter().map(|(far, tar)| json!({ "far": far, "tar": tar })).collect();
    let fnir: Vec<Value> = REPORTED_FPIRS
        .into_iter()
        .filter_map(|fpir| Some(json!({ "fpir": fpir, "fnir": fnir_at_fpir(searches, fpir)? })))
        .collect();
    let verification = json!({
        "mated": pairs.mated().len(),
        "non_mated": pairs.non_mated().len(),
        "eer": equal_error_rate(pairs),
        "auc": area_under_roc(pairs),
        "tar": tar,
    });
    (verification, json!({ "gallery": searches.gallery(), "fnir": fnir }))
}

/// The document of a list of pairs.
pub(super) fn document_of_list(verified: &Verified) -> anyhow::Result<Value> {
    let mut document = serde_json::to_value(&verified.ten_fold)?;
    document["pairs"] = json!(verified.pairs);
    document["left_out"] = json!(verified.left_out);
    document["missing"] = json!(verified.missing);
    Ok(document)
}
