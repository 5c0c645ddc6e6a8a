//! Model folders: made narrower, shown, taken apart.

use std::collections::BTreeMap;
use std::path::Path;

use likeness_artifact::Destination;
use likeness_embed::model_folder::{Export, Exported, Inspection, export, inspect};
use likeness_model::Alignment;
use likeness_model::folder::{check_vacant, claim, weights_beside};
use likeness_train::device::device;
use likeness_train::export::{ModelCard, write_model_folder};
use likeness_train::network::{Network, parameters};
use likeness_train::weights::{WeightsFile, network_of, prune};
use serde_json::json;

use super::super::print_json;
use super::{line, print_lines};
use crate::args::{ExportModelArgs, PruneModelArgs};
use crate::output::check_folder;
use crate::print::say;
use crate::trained;

/// `models prune`.
pub(super) fn narrow(args: &PruneModelArgs) -> anyhow::Result<()> {
    check_vacant(&args.output)?;
    let seen = inspect(&args.model)?;
    let weights = weights_beside(&seen.graph)?;
    let device = device("cpu")?;
    let (network, _) = network_of(&WeightsFile::open(&weights)?, None, &device)?;
    let narrow = prune(&network, args.keep, &device)?;
    let count = |network: &Network| -> usize {
        parameters(network).iter().map(|info| info.shape.iter().product::<usize>()).sum()
    };
    say(format!("{} of {} parameters remain", count(&narrow), count(&network)));
    say(format!("next: likeness train DATASET --weights {} -o RUN", args.output.display()));
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "not stated".to_owned());
    let card = ModelCard {
        name: format!("{}-pruned", seen.spec.name),
        input_px: seen.spec.input_size.0,
        alignment: seen.spec.alignment.unwrap_or_default(),
        licence: known(&seen.description.licence),
        source: format!("pruned from {}", seen.spec.name),
        notes: BTreeMap::new(),
    };
    let _lock = claim(&args.output)?;
    write_model_folder(&narrow, &args.output, &card)?;
    trained::copy_list(&args.model, &args.output)?;
    print_lines(&[args.output.display().to_string()])
}

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
    // The file itself is what stdout holds then.
    if is_stdout { Ok(()) } else { print_lines(&[args.output.display().to_string()]) }
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
    print_lines(&lines(&seen))
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
