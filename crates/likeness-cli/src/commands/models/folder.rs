//! Shows model folders, and exports their graph or weights as one file.

use std::path::Path;

use likeness_artifact::Destination;
use likeness_embed::model_folder::{Export, Exported, Inspection, export, inspect};
use likeness_model::Alignment;
use serde_json::json;

use super::super::print_json;
use super::{line, print_lines};
use crate::args::ExportModelArgs;
use crate::output::check_folder;
use crate::print::say;
use likeness::trained;

/// `models export`.
pub(super) fn take_out(args: &ExportModelArgs) -> anyhow::Result<()> {
    let what = if args.onnx { Exported::Onnx } else { Exported::Safetensors };
    if let Ok(Destination::File(target)) = Destination::of(&args.output) {
        check_folder("--output", &args.output, &target)?;
    }
    let how = Export { model: &args.model, what, to: &args.output, force: args.force };
    let (bytes, is_stdout) = export(&how)?;
    if !is_stdout {
        trained::copy_list_of_file(&args.model, &args.output)?;
    }
    say(format!("{bytes} bytes"));
    // Stdout holds the file itself in that case.
    if is_stdout { Ok(()) } else { print_lines(&[args.output.display().to_string()]) }
}

/// The lines of `models show` for an ONNX file, or the reason why it is not an embedder.
pub(super) fn of_file(file: &Path) -> Vec<String> {
    match inspect(file) {
        Ok(seen) => lines(&seen),
        Err(error) => vec![line("network", format!("not an embedder: {error}"))],
    }
}

/// `models show` of a model folder or a run.
pub(super) fn show(model: &Path, as_json: bool) -> anyhow::Result<()> {
    let seen = inspect(model)?;
    if as_json {
        return print_json(&document(&seen));
    }
    print_lines(&lines(&seen))
}

fn lines(seen: &Inspection) -> Vec<String> {
    let Inspection { description, spec, preprocess, .. } = seen;
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let alignment = spec.alignment.map_or("-", Alignment::name);
    let (width, height) = spec.input_size;
    let mut lines = vec![
        line("name", &spec.name),
        line("architecture", or_none(&description.architecture)),
        line("graph", format!("{}, {} bytes", seen.graph.display(), seen.bytes)),
        line(
            "weights",
            if seen.has_weights {
                "also in a safetensors file, with the keys of PyTorch"
            } else {
                "in the graph only"
            },
        ),
        line(
            "input",
            format!(
                "{width}×{height} {:?}, mean {:?}, std {:?}",
                preprocess.channels, preprocess.mean, preprocess.std
            ),
        ),
        line("alignment", alignment),
        line("embedding", format!("dimension {}, {} distance", spec.dimension, spec.distance)),
        line("engine", &seen.engine),
        line("licence", or_none(&description.licence)),
        line("terms", description.licence().map_or("-", |licence| licence.terms.name())),
        line("source", or_none(&description.source)),
    ];
    let original = description.rounded_from.as_ref().or(description.adapted_from.as_ref());
    lines.extend(original.map(|from| line("original", from)));
    lines.push(line("fingerprint", &spec.fingerprint));
    lines
}

fn document(seen: &Inspection) -> serde_json::Value {
    let Inspection { description, spec, preprocess, .. } = seen;
    json!({
        "name": spec.name, "architecture": description.architecture, "path": seen.graph, "bytes": seen.bytes,
        "has_weights": seen.has_weights, "preprocess": preprocess, "alignment": spec.alignment,
        "dimension": spec.dimension, "distance": spec.distance.to_string(), "engine": seen.engine.to_string(),
        "licence": description.licence, "terms": description.licence().map(|licence| licence.terms),
        "training_data": description.training_data, "thresholds": description.thresholds, "source": description.source, "rounded_from": description.rounded_from,
        "adapted_from": description.adapted_from,
        "fingerprint": spec.fingerprint,
    })
}
