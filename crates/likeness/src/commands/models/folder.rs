//! Model folders: made of a bare file, shown, taken apart.

use std::collections::BTreeMap;
use std::path::Path;

use likeness_model::model_folder::{
    Alignment, Card, Exported, Inspection, check_vacant, export, inspect, make,
};
use likeness_model::registry::entry::by_checksum;
use likeness_model::registry::sha256_of;
use likeness_train::backbone::Architecture;
use likeness_train::device::device;
use likeness_train::export::{Alignment as OfTraining, ExportOptions, ModelCard, write_model_folder};
use likeness_train::weights::{WeightsFile, network_of};
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
    let ending = args.file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match ending.as_str() {
        "onnx" => {}
        "pth" | "pt" | "safetensors" => return make_of_weights(args, folder),
        _ => {
            return Err(hinted(
                format!("{}: neither a graph nor weights by its name", args.file.display()),
                "a model folder is made of a .onnx, .pth, .pt or .safetensors file",
            ));
        }
    }
    if args.backbone.is_some() {
        return Err(hinted("--backbone: a graph is its own network", "leave it out, or import weights"));
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

/// Of weights: the network that their keys name, written as training writes its own.
fn make_of_weights(args: &ImportModelArgs, folder: &Path) -> anyhow::Result<()> {
    let other = &args.input;
    if other.normalize.is_some() || other.mean.is_some() || other.std.is_some() || other.channels.is_some() {
        return Err(hinted(
            "weights are of a network that is known here, and so is how pixels enter it",
            "leave --normalize, --mean, --std and --channels out",
        ));
    }
    check_vacant(folder)?;
    let (network, report) = network_of(&WeightsFile::open(&args.file)?, args.backbone, &device("cpu")?)?;
    let architecture = network.config().backbone.architecture;
    say(format!("{architecture}: {report}"));
    if !network.config().projection {
        say(format!("no head: an embedding is the backbone's {} features", architecture.feature_dim()));
    }
    let input_px = match other.input_size {
        Some([width, height]) if width != height => {
            return Err(hinted(
                format!("--input-size {width}x{height}: these networks take squares"),
                "name one side",
            ));
        }
        Some([side, _]) => side,
        None => {
            // Weights with a head are those of a training here.
            let trained = network.config().projection.then(|| ExportOptions::default().input_px);
            let side = trained.unwrap_or(architecture.published_side_px());
            say(format!("input {side}×{side} is assumed; --input-size names another"));
            side
        }
    };
    let entry = by_checksum(&sha256_of(&args.file)?.0);
    let known = |said: &Option<String>, of_entry: Option<&String>, otherwise: &str| {
        said.clone().or_else(|| of_entry.cloned()).unwrap_or_else(|| otherwise.to_owned())
    };
    let file = args.file.file_stem().unwrap_or_default().to_string_lossy();
    let licence = known(&args.licence, entry.map(|e| &e.licence), "not stated");
    if args.licence.is_none() && entry.is_none() {
        say("no licence is known for this file");
    }
    let card = ModelCard {
        name: known(&args.name, entry.map(|e| &e.name), &file),
        input_px,
        alignment: match args.alignment {
            Some(AlignmentArg::Arcface) => OfTraining::Arcface,
            Some(AlignmentArg::None) => OfTraining::None,
            None if architecture == Architecture::MobileFaceNet => OfTraining::Arcface,
            None => OfTraining::None,
        },
        licence,
        source: known(&args.source, entry.map(|e| &e.source), &format!("imported from {file}")),
        notes: BTreeMap::new(),
    };
    write_model_folder(&network, folder, &card)?;
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
