//! Model folders: made of a bare file, shown, taken apart.

use std::path::Path;

use likeness_model::model_folder::{Alignment, Card, Exported, Inspection, export, inspect, make};
use serde_json::json;

use super::super::print_json;
use super::{line, print_lines};
use crate::args::{AlignmentArg, ExportModelArgs, ImportModelArgs};
use crate::failure::hinted;
use crate::progress::say;

impl From<AlignmentArg> for Alignment {
    fn from(alignment: AlignmentArg) -> Self {
        match alignment {
            AlignmentArg::Arcface => Self::Arcface,
            AlignmentArg::None => Self::None,
        }
    }
}

/// `models import FILE -o FOLDER`.
pub(super) fn make_of(args: &ImportModelArgs, folder: &Path) -> anyhow::Result<()> {
    if !args.file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx")) {
        return Err(hinted(
            format!("{}: a model folder is made of an ONNX file", args.file.display()),
            "weights alone say nothing of their network: train on from them with `likeness train --weights`, or export them",
        ));
    }
    let card = Card {
        name: args.name.clone(),
        alignment: args.alignment.map(Alignment::from),
        licence: args.licence.clone(),
        source: args.source.clone(),
    };
    let made = make(&args.file, folder, &args.input.overrides(), card)?;
    made.notes.iter().for_each(say);
    print_lines(&[folder.display().to_string()]);
    Ok(())
}

/// `models export`.
pub(super) fn take_out(args: &ExportModelArgs) -> anyhow::Result<()> {
    let what = if args.onnx { Exported::Onnx } else { Exported::Safetensors };
    let bytes = export(&args.model, what, &args.output)?;
    say(format!("{bytes} bytes"));
    print_lines(&[args.output.display().to_string()]);
    Ok(())
}

/// What `models show` says of an ONNX file; why it is no embedder, if it is none.
pub(super) fn of_file(file: &Path) -> Vec<String> {
    match inspect(file) {
        Ok(seen) => lines(&seen),
        Err(error) => vec![line("network", format!("no embedder: {error}"))],
    }
}

/// `models show` of a model folder or a run.
pub(super) fn show(model: &Path, as_json: bool) -> anyhow::Result<()> {
    let seen = inspect(model)?;
    if as_json {
        return print_json(&document(&seen));
    }
    print_lines(&lines(&seen));
    Ok(())
}

fn lines(seen: &Inspection) -> Vec<String> {
    let Inspection { description, spec, preprocess, .. } = seen;
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let alignment = match spec.alignment {
        Some(Alignment::Arcface) => "arcface",
        Some(Alignment::None) => "none",
        None => "-",
    };
    let (width, height) = spec.input_size;
    let mut lines = vec![
        line("name", &spec.name),
        line("architecture", or_none(&description.architecture)),
        line("graph", format!("{}, {} bytes", seen.graph.display(), seen.bytes)),
        line(
            "weights",
            if seen.has_weights { "beside it, under PyTorch's keys" } else { "in the graph alone" },
        ),
        line(
            "input",
            format!(
                "{width}×{height} {:?}, mean {:?}, std {:?}",
                preprocess.channels, preprocess.mean, preprocess.std
            ),
        ),
        line("alignment", alignment),
        line("embedding", format!("{} numbers, {} distance", spec.dimension, spec.distance)),
        line("engine", &seen.engine),
        line("licence", or_none(&description.licence)),
        line("source", or_none(&description.source)),
    ];
    lines.extend(description.rounded_from.as_ref().map(|from| line("rounded from", from)));
    lines.push(line("fingerprint", &spec.fingerprint));
    lines
}

fn document(seen: &Inspection) -> serde_json::Value {
    let Inspection { description, spec, preprocess, .. } = seen;
    json!({
        "name": spec.name, "architecture": description.architecture, "path": seen.graph, "bytes": seen.bytes,
        "has_weights": seen.has_weights, "preprocess": preprocess, "alignment": spec.alignment,
        "dimension": spec.dimension, "distance": spec.distance.to_string(), "engine": seen.engine.to_string(),
        "licence": description.licence, "source": description.source, "rounded_from": description.rounded_from,
        "fingerprint": spec.fingerprint,
    })
}
