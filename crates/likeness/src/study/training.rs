//! The training curves of models that Likeness trained.

use std::path::{Path, PathBuf};

use likeness_report::evaluation::{Epoch, TrainingRun};
use serde::Deserialize;

/// The file of a run that has one line for each epoch.
const HISTORY: &str = "history.jsonl";

/// One line of a run's history. Other keys are ignored.
#[derive(Debug, Deserialize)]
struct Line {
    epoch: usize,
    phase: String,
    loss: Option<f64>,
    validation_top1: Option<f64>,
    validation_map: Option<f64>,
}

/// The training curves of the model at `source`; `None` if it is not a run, or the model of one.
pub(super) fn curves(model: usize, source: &str) -> Option<TrainingRun> {
    let text = fs_err::read_to_string(history_of(Path::new(source))?).ok()?;
    let lines: Vec<Line> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let epochs: Vec<Epoch> = lines
        .into_iter()
        .map(|line| Epoch {
            epoch: line.epoch,
            objective: line.phase,
            loss: line.loss,
            top1: line.validation_top1,
            map: line.validation_map,
        })
        .collect();
    let best = |epoch: &&Epoch| epoch.top1.unwrap_or(0.0);
    let kept = epochs.iter().filter(|epoch| epoch.top1.is_some()).max_by(|a, b| best(a).total_cmp(&best(b)));
    let kept_epoch = kept.map(|epoch| epoch.epoch);
    let validation = match epochs.iter().any(|epoch| epoch.top1.is_some()) {
        true => "photos held out of the training data, each searched among the others".to_owned(),
        false => String::new(),
    };
    (!epochs.is_empty()).then_some(TrainingRun { model, validation, epochs, kept_epoch })
}

/// The history of a run, given the run, its model folder, or the graph in that folder.
fn history_of(source: &Path) -> Option<PathBuf> {
    let folders = source.ancestors().take(3).filter(|folder| !folder.as_os_str().is_empty());
    folders.map(|folder| folder.join(HISTORY)).find(|history| history.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_its_curves_whichever_part_of_it_is_named() {
        let run = tempfile::tempdir().unwrap();
        fs_err::create_dir(run.path().join("model")).unwrap();
        let line = |epoch: usize, top1: &str| {
            format!(
                "{{\"epoch\":{epoch},\"phase\":\"cosface\",\"loss\":1.5,\"validation_top1\":{top1},\"other\":[1]}}\n"
            )
        };
        fs_err::write(
            run.path().join(HISTORY),
            line(1, "0.5") + &line(2, "0.75") + &line(3, "null") + "{\"epoch\"",
        )
        .unwrap();
        for part in [run.path().to_owned(), run.path().join("model"), run.path().join("model/model.onnx")] {
            let curves = curves(1, part.to_str().unwrap()).unwrap();
            assert_eq!((curves.epochs.len(), curves.kept_epoch, curves.model), (3, Some(2), 1));
        }
        assert_eq!(curves(0, "/nowhere/at/all"), None);
    }
}
