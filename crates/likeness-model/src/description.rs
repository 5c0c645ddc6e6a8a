//! `model.toml`: describes a network, its input and its origin.

use std::path::Path;

use likeness_artifact::{Seal, seal_of, sealed};
use likeness_search::{Distance, Licence, Terms, Threshold, Thresholds};
use serde::{Deserialize, Serialize};

use crate::preprocess::{ChannelOrder, Preprocess};
use crate::terms::terms_of;
use crate::{ModelError, Result};

/// Version of the folder's layout that this program writes.
pub(crate) const FORMAT: u32 = 1;

/// How faces are aligned before they enter a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alignment {
    /// To ArcFace's template of five landmarks for 112 pixels (`likeness_data::align::ARCFACE_112`).
    Arcface,
    /// To the crop of dlib's face recognition network (`likeness_data::align::DLIB_150`).
    Dlib,
    /// Not aligned: cropped boxes or whole pictures.
    #[default]
    None,
}

impl Alignment {
    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arcface => "arcface",
            Self::Dlib => "dlib",
            Self::None => "none",
        }
    }

    /// Whether the network takes faces that are aligned by landmarks.
    pub fn is_of_faces(self) -> bool {
        self != Self::None
    }
}

/// The contents of `model.toml`, or of `NAME.toml` beside a graph, which may contain the preprocessing alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelDescription {
    /// Version of the folder's layout.
    pub format: Option<u32>,
    /// Version of the program that wrote the file.
    pub likeness: Option<String>,
    /// Name of the model.
    pub name: Option<String>,
    /// The network's architecture.
    pub architecture: Option<String>,
    /// The number of values in an embedding.
    pub dimension: Option<usize>,
    /// The distance that embeddings are compared with.
    pub distance: Option<Distance>,
    /// How faces are aligned.
    pub alignment: Option<Alignment>,
    /// The licence of the weights.
    pub licence: Option<String>,
    /// The conditions of the licence.
    pub terms: Option<Terms>,
    /// The origin of the weights.
    pub source: Option<String>,
    /// The data that the weights were trained on.
    pub training_data: Option<String>,
    /// The pairs that the thresholds were measured on.
    pub thresholds_from: Option<String>,
    /// Fingerprint of the model that was quantised to make this one.
    pub rounded_from: Option<String>,
    /// Fingerprint of the model to which a linear head was added to make this one.
    pub adapted_from: Option<String>,
    /// SHA-256 over graph and preprocessing.
    pub fingerprint: Option<String>,
    /// Width and height of the input in pixels; `None` stands for the graph's own.
    pub input_size: Option<[u32; 2]>,
    /// Order of the input's channels; `mean` and `std` are in this order.
    pub channels: ChannelOrder,
    /// Subtracted from each channel, on the scale 0..=255.
    pub mean: [f32; 3],
    /// Divides each channel after the subtraction, on the scale 0..=255.
    pub std: [f32; 3],
    /// Whether embeddings are scaled to unit length.
    pub unit_length: bool,
    /// Distances at false match rates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
}

impl Default for ModelDescription {
    fn default() -> Self {
        let Preprocess { input_size, channels, mean, std, unit_length } = Preprocess::default();
        Self {
            format: None,
            likeness: None,
            name: None,
            architecture: None,
            dimension: None,
            distance: None,
            alignment: None,
            licence: None,
            terms: None,
            source: None,
            training_data: None,
            thresholds_from: None,
            rounded_from: None,
            adapted_from: None,
            fingerprint: None,
            input_size,
            channels,
            mean,
            std,
            unit_length,
            thresholds: Vec::new(),
        }
    }
}

impl ModelDescription {
    /// Reads `model.toml` or `NAME.toml`.
    ///
    /// # Errors        an unknown key or value, an unknown format, a text that was changed after it was sealed →
    /// [`ModelError::BadModel`]; the file cannot be read → [`ModelError::Io`]
    pub fn read(path: &Path) -> Result<Self> {
        let bad = |reason: String, hint: &str| ModelError::BadModel {
            path: path.to_owned(),
            reason,
            hint: Some(hint.to_owned()),
        };
        let text = String::from_utf8(fs_err::read(path)?)
            .map_err(|_| bad("is not UTF-8 text".to_owned(), "copy the file again"))?;
        Self::parse(path, &text)
    }

    /// Parses the text of a description; errors call it `path`.
    ///
    /// # Errors        as those of [`read`](Self::read)
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let bad = |reason: String, hint: &str| ModelError::BadModel {
            path: path.to_owned(),
            reason,
            hint: Some(hint.to_owned()),
        };
        let known =
            "known keys are those of model.toml, such as input_size, channels, mean, std and unit_length";
        let description: Self = toml::from_str(text).map_err(|e| bad(e.message().to_owned(), known))?;
        if let Some(found) = description.format.filter(|&found| found != FORMAT) {
            let reason = format!("expected format {FORMAT}, found {found}");
            return Err(bad(reason, "use the version of the program that wrote it, or a newer one"));
        }
        if seal_of(text) == Seal::Broken {
            let reason = "its text was changed: the checksum in its last line does not match".to_owned();
            return Err(bad(reason, "copy the file again; after an intended change, remove the last line"));
        }
        let values = description.preprocess();
        values.validate().map_err(|reason| bad(reason, "correct the file, or copy it again"))?;
        Thresholds::new(description.thresholds.clone())
            .map_err(|reason| bad(reason, "correct [[thresholds]] in the file, or copy it again"))?;
        Ok(description)
    }

    /// The thresholds, sorted by false match rate. Thresholds out of range, which [`read`](Self::read) rejects, count as none.
    pub fn thresholds(&self) -> Thresholds {
        Thresholds::new(self.thresholds.clone()).unwrap_or_default()
    }

    /// The licence; `None` if none is named. The terms of a well-known licence need not be stated.
    pub fn licence(&self) -> Option<Licence> {
        let name = self.licence.clone()?;
        let terms = self.terms.unwrap_or_else(|| terms_of(&name));
        Some(Licence { name, terms })
    }

    /// The file's text with its seal.
    ///
    /// # Errors        the serialiser fails
    pub(crate) fn text(&self) -> Result<String> {
        Ok(sealed(&toml::to_string(self).map_err(std::io::Error::other)?))
    }

    /// A description of the preprocessing alone, with the fingerprint of graph and preprocessing if it is known.
    pub(crate) fn of_settings(preprocess: Preprocess, fingerprint: Option<String>) -> Self {
        Self { fingerprint, ..Self::default() }.with_preprocess(preprocess)
    }

    /// Replaces the preprocessing.
    pub fn with_preprocess(self, preprocess: Preprocess) -> Self {
        let Preprocess { input_size, channels, mean, std, unit_length } = preprocess;
        Self { input_size, channels, mean, std, unit_length, ..self }
    }

    /// The preprocessing that converts a face to the network's input.
    pub fn preprocess(&self) -> Preprocess {
        let Self { input_size, channels, mean, std, unit_length, .. } = *self;
        Preprocess { input_size, channels, mean, std, unit_length }
    }
}
