//! Where the models of a report come from: sizes, licences, training data.

use std::path::{Path, PathBuf};

use likeness_model::builtin::{Builtin, EMBEDDERS};
use likeness_model::folder::{described, graph_at};
use likeness_model::{Alignment, ModelDescription};
use likeness_report::evaluation::{Licence, Model, Terms};

use crate::contestants::Contestant;

/// The most characters of a name in charts.
const SHORT: usize = 22;

/// The file or the built-in bytes of a model, and its description.
#[derive(Debug, Default)]
pub(super) struct Origin {
    bytes: Option<u64>,
    description: Option<ModelDescription>,
}

impl Origin {
    /// Looks for the model that made the embeddings of `contestant`.
    pub(super) fn of(contestant: &Contestant) -> Self {
        if let Some(builtin) = builtin(&contestant.table.model().fingerprint) {
            let description = ModelDescription::parse(Path::new(builtin.name), builtin.description).ok();
            return Self { bytes: Some(builtin.graph.len() as u64), description };
        }
        let Some(graph) = graph_of(&contestant.source) else { return Self::default() };
        let bytes = fs_err::metadata(&graph).ok().map(|meta| meta.len());
        Self { bytes, description: described(&graph).ok().flatten() }
    }

    /// The model as the report lists it.
    pub(super) fn model(&self, contestant: &Contestant) -> Model {
        let tag = contestant.table.model();
        let mut facts = vec![format!("{} values", tag.dimension)];
        facts.extend(self.bytes.map(megabytes));
        facts.extend(tag.licence.as_ref().map(|licence| licence.name.clone()));
        Model {
            name: contestant.name.clone(),
            short_name: short(&contestant.name),
            facts,
            distance: tag.distance.name().to_owned(),
            dimension: Some(tag.dimension),
            bytes: self.bytes,
        }
    }

    /// The size of the model's file in bytes.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// Whether the model takes aligned faces.
    pub(super) fn takes_faces(&self) -> bool {
        let alignment = self.description.as_ref().and_then(|description| description.alignment);
        alignment.is_some_and(Alignment::is_of_faces)
    }

    /// The data that the model's thresholds were measured on.
    pub(super) fn thresholds_from(&self) -> Option<&str> {
        self.description.as_ref()?.thresholds_from.as_deref()
    }

    /// The row of the model in the table of licences.
    pub(super) fn licence(&self, model: usize, contestant: &Contestant) -> Licence {
        let tag = contestant.table.model();
        let described = |text: fn(&ModelDescription) -> Option<&String>| {
            self.description.as_ref().and_then(text).cloned().unwrap_or_else(|| "not stated".to_owned())
        };
        Licence {
            part: contestant.name.clone(),
            model: Some(model),
            licence: tag.licence.as_ref().map_or("not stated".to_owned(), |licence| licence.name.clone()),
            terms: tag.licence.as_ref().map_or(Terms::Unknown, |licence| terms(licence.terms)),
            origin: described(|d| d.source.as_ref()),
            learned_from: described(|d| d.training_data.as_ref()),
            fingerprint: tag.fingerprint.clone(),
        }
    }
}

/// The terms of a licence as the report orders them.
fn terms(terms: likeness_search::Terms) -> Terms {
    use likeness_search::Terms as Known;
    match terms {
        Known::Permissive => Terms::Attribution,
        Known::Copyleft => Terms::ShareAlike,
        Known::NonCommercial => Terms::NonCommercial,
        Known::Unstated => Terms::Unknown,
    }
}

fn builtin(fingerprint: &str) -> Option<&'static Builtin> {
    let is_it = |builtin: &&'static Builtin| {
        let description = ModelDescription::parse(Path::new(builtin.name), builtin.description);
        let own = description.ok().and_then(|description| description.fingerprint);
        own.is_some_and(|own| own == fingerprint || likeness_embed::flipped_fingerprint(&own) == fingerprint)
    };
    EMBEDDERS.into_iter().find(is_it)
}

/// The graph that a model's name refers to, if it is a file or a folder.
fn graph_of(source: &str) -> Option<PathBuf> {
    let path = Path::new(source);
    let graph = graph_at(path).ok()?;
    (path.exists() && graph.is_file() && graph.extension().is_some_and(|e| e == "onnx")).then_some(graph)
}

/// A name for charts: the beginning of a long one, up to a separator; `None` for a name that is short enough.
fn short(name: &str) -> Option<String> {
    if name.chars().count() <= SHORT {
        return None;
    }
    let beginning: String = name.chars().take(SHORT).collect();
    let end = beginning.rfind(['-', '_', ' ', '/', '(', '.']).filter(|end| *end > SHORT / 2);
    Some(end.map_or(beginning.clone(), |end| beginning[..end].trim_end().to_owned()))
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_end_at_a_separator() {
        assert_eq!(short("face"), None);
        assert_eq!(short("mobilefacenet-arcface-128d").as_deref(), Some("mobilefacenet-arcface"));
        assert_eq!(short("aaaaaaaaaaaaaaaaaaaaaaaaaaaa").as_deref(), Some("aaaaaaaaaaaaaaaaaaaaaa"));
    }
}
