//! The data that the thresholds of the models were measured on.

use likeness_report::evaluation::Calibration;

use super::Study;
use super::provenance::Origin;

/// Where the thresholds of the models come from; `None` if no model has any.
pub(super) fn calibration(study: &Study) -> Option<Calibration> {
    let with_thresholds =
        study.models.iter().filter(|model| !model.contestant.table.model().thresholds.is_empty());
    let mut data: Vec<String> = Vec::new();
    let mut pairs = 0;
    for model in with_thresholds {
        let from = Origin::of(&model.contestant);
        let text = from.thresholds_from().unwrap_or("data that the model does not state").to_owned();
        if !data.contains(&text) {
            data.push(text);
        }
        let largest = model.contestant.table.model().thresholds.as_slice().iter().map(|t| t.pairs).max();
        pairs = pairs.max(largest.unwrap_or(0));
    }
    (!data.is_empty()).then(|| Calibration {
        data: data.join("; "),
        identities: 0,
        non_mated_pairs: pairs,
        trained_on: Vec::new(),
        measured_on: "this data".to_owned(),
    })
}
