//! The models that are compiled into the program, in `models list` and `models show`.

use std::path::Path;

use likeness_artifact::sha256_hex;
use likeness_model::builtin::{Builtin, YUNET, all};
use likeness_model::{Alignment, ModelDescription, Terms};
use likeness_search::Threshold;
use serde_json::json;

use super::{line, size};

/// The description of a built-in model.
///
/// # Errors        never: the descriptions are tested
fn described(model: &Builtin) -> anyhow::Result<ModelDescription> {
    Ok(ModelDescription::parse(Path::new(model.name), model.description)?)
}

/// The kind of a built-in model, as of the models of the registry.
fn kind(model: &Builtin) -> &'static str {
    if model.name == YUNET.name { "detector" } else { "embedder" }
}

/// The rows of `models list`: name, kind, size, licence, state.
pub(super) fn cells() -> anyhow::Result<Vec<[String; 5]>> {
    let row = |model: &Builtin| -> anyhow::Result<[String; 5]> {
        let licence = described(model)?.licence.unwrap_or_default();
        Ok([
            // Another YuNet of the registry has the name of the detector.
            if model.name == YUNET.name { "auto (yunet)".to_owned() } else { model.name.to_owned() },
            kind(model).to_owned(),
            size(model.graph.len() as u64),
            format!("  {licence}"),
            "built in".to_owned(),
        ])
    };
    all().map(row).collect()
}

/// The built-in models in the JSON document of `models list`.
pub(super) fn documents() -> anyhow::Result<Vec<serde_json::Value>> {
    all().map(document).collect()
}

/// A built-in model in a JSON document.
pub(super) fn document(model: &Builtin) -> anyhow::Result<serde_json::Value> {
    let d = described(model)?;
    Ok(json!({
        "name": model.name, "kind": kind(model), "about": model.about, "built_in": true,
        "architecture": d.architecture, "bytes": model.graph.len(), "sha256": sha256_hex(model.graph),
        "dimension": d.dimension, "distance": d.distance.map(|distance| distance.to_string()),
        "alignment": d.alignment, "licence": d.licence, "terms": d.terms, "source": d.source,
        "training_data": d.training_data, "thresholds": d.thresholds, "thresholds_from": d.thresholds_from,
        "fingerprint": d.fingerprint,
    }))
}

/// The lines of `models show`, with the text of the licence.
pub(super) fn lines(model: &Builtin) -> anyhow::Result<Vec<String>> {
    let d = described(model)?;
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut lines = vec![
        line("name", model.name),
        line("kind", format!("{}, built in", kind(model))),
        line("about", model.about),
        line("architecture", or_none(&d.architecture)),
        line("size", format!("{} bytes", model.graph.len())),
        line("sha256", sha256_hex(model.graph)),
    ];
    if let (Some(dimension), Some(distance)) = (d.dimension, d.distance) {
        lines.push(line("embedding", format!("dimension {dimension}, {distance} distance")));
        lines.push(line("alignment", d.alignment.map_or("-", Alignment::name)));
    }
    let threshold = |t: &Threshold| format!("{} at FMR {}", t.distance, t.fmr);
    if !d.thresholds.is_empty() {
        lines.push(line("thresholds", d.thresholds.iter().map(threshold).collect::<Vec<_>>().join(", ")));
        lines.push(line("measured on", or_none(&d.thresholds_from)));
    }
    let terms = d.terms.map_or("-", Terms::name);
    lines.push(line("licence", format!("{} ({terms})", or_none(&d.licence))));
    lines.push(line("source", or_none(&d.source)));
    lines.push(line("trained on", or_none(&d.training_data)));
    lines.push(line("fingerprint", or_none(&d.fingerprint)));
    lines.push(String::new());
    lines.extend(model.licence_text.lines().map(str::to_owned));
    Ok(lines)
}
