//! The compiled-in list of public weights: parses `registry.toml` to checked [`Entry`] values.

use std::sync::LazyLock;

use likeness_search::{Distance, Terms};
use serde::{Deserialize, Serialize};

use crate::description::Alignment;
use crate::preprocess::Preprocess;
use crate::{ModelError, Result};

/// The purpose of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// Finds faces in a photo.
    Detector,
    /// Computes the embedding of a face.
    Embedder,
    /// Starting weights for training.
    Backbone,
}

impl ModelKind {
    /// The kind's name in lists and JSON documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Detector => "detector",
            Self::Embedder => "embedder",
            Self::Backbone => "backbone",
        }
    }
}

/// The detector's output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DetectorFamily {
    /// YuNet.
    Yunet,
    /// SCRFD.
    Scrfd,
    /// YOLOv8-face.
    #[serde(rename = "yolov8-face")]
    Yolov8Face,
    /// Ultra-Light-Fast-Generic-Face-Detector.
    UltraLight,
    /// OpenCV's Haar cascades.
    Haar,
}

impl DetectorFamily {
    /// The family's name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yunet => "yunet",
            Self::Scrfd => "scrfd",
            Self::Yolov8Face => "yolov8-face",
            Self::UltraLight => "ultra-light",
            Self::Haar => "haar",
        }
    }
}

/// How it was confirmed that an entry's address, size and checksum belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmed {
    /// The file in that repository at that revision was hashed.
    Bytes,
    /// Independent publishers state the same values; the file was not downloaded.
    Stated,
    /// Only the address is published, without a complete checksum.
    Address,
}

impl Confirmed {
    /// A description for users.
    pub fn about(self) -> &'static str {
        match self {
            Self::Bytes => "the file in that repository was hashed",
            Self::Stated => "address, size and checksum as independent publishers state them; not downloaded",
            Self::Address => "the address alone; no whole checksum is published",
        }
    }
}

/// Another file name or export of an entry's network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherFile {
    /// The file name.
    pub file: String,
    /// Size in bytes, if the file is another export.
    pub bytes: Option<u64>,
    /// SHA-256 if the file is another export; `None` if it is the entry's file under another name.
    pub sha256: Option<String>,
}

/// One file of public weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The entry's name on the command line.
    pub name: String,
    /// The purpose of the model.
    pub kind: ModelKind,
    /// The output format; detectors only.
    pub family: Option<DetectorFamily>,
    /// Rank in `--detector auto`, 1 is the best.
    pub auto: Option<u8>,
    /// A description in one line.
    pub about: String,
    /// The publisher.
    pub source: String,
    /// The name of the licence.
    pub licence: String,
    /// The conditions of the licence.
    pub terms: Terms,
    /// A warning about the terms; required unless they are permissive.
    pub warning: Option<String>,
    /// The public address; `None` if there is none and the file must be imported.
    pub url: Option<String>,
    /// How the address was confirmed; required if there is an address.
    pub confirmed: Option<Confirmed>,
    /// The file's name in the models folder.
    pub file: String,
    /// Size in bytes.
    pub bytes: Option<u64>,
    /// SHA-256 in lower-case hexadecimal digits, or its first digits if no more are published.
    pub sha256: Option<String>,
    /// Other file names and exports.
    #[serde(default)]
    pub also: Vec<OtherFile>,
    /// The preprocessing of the network's input.
    pub preprocess: Option<Preprocess>,
    /// The alignment of the faces that an embedder was trained on.
    pub alignment: Option<Alignment>,
    /// The distance that embeddings are compared with.
    pub distance: Option<Distance>,
}

/// The result of comparing a file with a checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// The complete checksum matches.
    Verified,
    /// The published first digits of the checksum match.
    Prefix,
    /// No checksum is known.
    Unknown,
    /// The checksum does not match.
    Wrong,
}

impl Verification {
    /// `Some(true)` if the checksum or its first digits match, `Some(false)` if not, `None` without a checksum.
    pub fn as_bool(self) -> Option<bool> {
        match self {
            Self::Verified | Self::Prefix => Some(true),
            Self::Wrong => Some(false),
            Self::Unknown => None,
        }
    }

    fn of(known: Option<&str>, found: &str) -> Self {
        match known {
            None => Self::Unknown,
            Some(known) if known == found => Self::Verified,
            Some(known) if known.len() < found.len() && found.starts_with(known) => Self::Prefix,
            Some(_) => Self::Wrong,
        }
    }
}

impl Entry {
    /// Compares the SHA-256 of a file with that of the file at the entry's address.
    pub fn verify_own(&self, sha256: &str) -> Verification {
        Verification::of(self.sha256.as_deref(), sha256)
    }

    /// Compares the SHA-256 of a file with all checksums of the entry: its own and those of other exports.
    pub fn verify(&self, sha256: &str) -> Verification {
        let others = self.also.iter().filter_map(|other| other.sha256.as_deref());
        match others.map(|known| Verification::of(Some(known), sha256)).find(|v| *v == Verification::Verified)
        {
            Some(verified) => verified,
            None => self.verify_own(sha256),
        }
    }

    /// The file names by which the entry is recognised, its own first.
    pub fn file_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.file.as_str()).chain(self.also.iter().map(|other| other.file.as_str()))
    }

    /// The file name for a file with this checksum; another export keeps its own name.
    pub fn file_name_for(&self, sha256: &str) -> &str {
        let export = self.also.iter().find(|other| other.sha256.as_deref() == Some(sha256));
        export.map_or(&self.file, |other| &other.file)
    }

    /// Whether [`Entry::sha256`] is a complete checksum, not only its first digits.
    pub fn has_whole_checksum(&self) -> bool {
        self.sha256.as_ref().is_some_and(|sum| sum.len() == 64)
    }

    fn validate(&self) -> Result<(), String> {
        let is_sum = |s: &str| {
            (8..=64).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let mut sums = self.sha256.iter().chain(self.also.iter().filter_map(|other| other.sha256.as_ref()));
        if let Some(sum) = sums.find(|sum| !is_sum(sum)) {
            return Err(format!("{}: {sum} is not a SHA-256", self.name));
        }
        if self
            .file_names()
            .any(|file| file.is_empty() || file.contains(['/', '\\']) || file.starts_with('.'))
        {
            return Err(format!("{}: file names must be plain", self.name));
        }
        if self.url.as_ref().is_some_and(|url| !url.starts_with("https://")) {
            return Err(format!("{}: the address must begin with https://", self.name));
        }
        if self.url.is_some() != self.confirmed.is_some() {
            return Err(format!(
                "{}: an address needs the field `confirmed`, which says how it was confirmed",
                self.name
            ));
        }
        if (self.confirmed == Some(Confirmed::Address)) != (self.url.is_some() && !self.has_whole_checksum())
        {
            return Err(format!("{}: without a whole checksum only the address is confirmed", self.name));
        }
        if (self.terms == Terms::Permissive) == self.warning.is_some() {
            return Err(format!("{}: a warning belongs to terms that are not permissive", self.name));
        }
        if (self.kind == ModelKind::Detector) != self.family.is_some() {
            return Err(format!("{}: a family belongs to a detector", self.name));
        }
        if self.kind == ModelKind::Embedder && self.preprocess.is_none() {
            return Err(format!("{}: an embedder needs its preprocessing", self.name));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registry {
    model: Vec<Entry>,
}

/// Parses a registry and checks every entry.
///
/// # Errors        not TOML, an unknown key, a contradictory entry, a repeated name → [`ModelError::BadArgument`]
pub fn parse(text: &str) -> Result<Vec<Entry>> {
    let bad = |reason: String| ModelError::BadArgument { reason: format!("registry: {reason}"), hint: None };
    let registry: Registry = toml::from_str(text).map_err(|e| bad(e.to_string()))?;
    let mut names = std::collections::HashSet::new();
    for entry in &registry.model {
        entry.validate().map_err(bad)?;
        for name in std::iter::once(entry.name.as_str()).chain(entry.file_names()) {
            if !names.insert(name.to_lowercase()) {
                return Err(bad(format!("{name} occurs twice")));
            }
        }
    }
    Ok(registry.model)
}

/// All entries, in the registry's order.
pub fn entries() -> &'static [Entry] {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
        parse(include_str!("registry.toml")).expect("the registry that is compiled in is tested")
    });
    &ENTRIES
}

/// The entry with this name, or with a file of this name.
pub fn by_name(name: &str) -> Option<&'static Entry> {
    let named = entries().iter().find(|entry| entry.name.eq_ignore_ascii_case(name));
    named.or_else(|| entries().iter().find(|entry| entry.file_names().any(|file| file == name)))
}

/// The entry of a file with this SHA-256; only complete checksums are compared.
pub fn by_checksum(sha256: &str) -> Option<&'static Entry> {
    entries().iter().find(|entry| entry.verify(sha256) == Verification::Verified)
}

/// The entry of a file with this length and SHA-256. The SHA-256 is computed only if an entry has this length.
pub fn by_length_and_checksum(bytes: u64, sha256: impl FnOnce() -> String) -> Option<&'static Entry> {
    let lengths = |entry: &Entry| {
        let others = entry.also.iter().filter_map(|other| other.bytes);
        entry.bytes.into_iter().chain(others).any(|length| length == bytes)
    };
    if entries().iter().any(lengths) { by_checksum(&sha256()) } else { None }
}

/// The entry of a file, found by checksum or else by name, with the result of comparing its checksum.
pub fn identify(sha256: &str, file_name: &str) -> Option<(&'static Entry, Verification)> {
    let entry = by_checksum(sha256).or_else(|| by_name(file_name))?;
    Some((entry, entry.verify(sha256)))
}

/// The names of all entries, as text for messages.
pub fn known_names() -> String {
    entries().iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", ")
}
