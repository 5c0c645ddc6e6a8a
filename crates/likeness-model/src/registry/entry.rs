//! The list of public weights that is compiled in: `registry.toml` becomes checked [`Entry`] values.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::preprocess::Preprocess;
use crate::{ModelError, Result};

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// Finds faces in a photo.
    Detector,
    /// Turns a face into an embedding.
    Embedder,
    /// Weights that training begins with.
    Backbone,
}

impl ModelKind {
    /// The name in lists and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Detector => "detector",
            Self::Embedder => "embedder",
            Self::Backbone => "backbone",
        }
    }
}

/// How a detector's answer is read.
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
    /// The name on the command line.
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

/// What a licence asks of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Terms {
    /// Any use, the notice kept.
    Permissive,
    /// Research and private use only.
    NonCommercial,
    /// GPL or AGPL: what is built with it comes under the same terms.
    Copyleft,
    /// Nobody says.
    Unstated,
}

/// How far address, size and checksum of an entry are known to belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmed {
    /// The file of that repository and revision was hashed.
    Bytes,
    /// Independent publishers state them so; nothing was downloaded.
    Stated,
    /// Only the address is published, and no whole checksum to compare.
    Address,
}

impl Confirmed {
    /// What it means, for a reader.
    pub fn about(self) -> &'static str {
        match self {
            Self::Bytes => "the file in that repository was hashed",
            Self::Stated => "address, size and checksum as independent publishers state them; not downloaded",
            Self::Address => "the address alone; no whole checksum is published",
        }
    }
}

/// Another name under which an entry's network lies on disks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherFile {
    /// The file name.
    pub file: String,
    /// Size in bytes, where the file is another export.
    pub bytes: Option<u64>,
    /// SHA-256, where the file is another export; without one the file is the entry's own under another name.
    pub sha256: Option<String>,
}

/// One file of public weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name on the command line.
    pub name: String,
    /// What it does.
    pub kind: ModelKind,
    /// How its answer is read; detectors only.
    pub family: Option<DetectorFamily>,
    /// Place in the order of `--detector auto`, 1 the best.
    pub auto: Option<u8>,
    /// What it is, in a line.
    pub about: String,
    /// Who publishes it.
    pub source: String,
    /// The licence by name.
    pub licence: String,
    /// What the licence asks.
    pub terms: Terms,
    /// What a user must know before using it; there unless the terms are permissive.
    pub warning: Option<String>,
    /// The public address; none where the file has to be brought.
    pub url: Option<String>,
    /// How far the address can be trusted to lead to these bytes; there where an address is.
    pub confirmed: Option<Confirmed>,
    /// The file name in the models folder.
    pub file: String,
    /// Size in bytes.
    pub bytes: Option<u64>,
    /// SHA-256 in lower-case hexadecimal digits, or its first digits where no more is published.
    pub sha256: Option<String>,
    /// Other names and exports.
    #[serde(default)]
    pub also: Vec<OtherFile>,
    /// How a picture becomes the network's input.
    pub preprocess: Option<Preprocess>,
}

/// What a checksum says about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// The whole checksum agrees.
    Verified,
    /// The published first digits agree; there are no more to compare.
    Prefix,
    /// No checksum is known.
    Unknown,
    /// The checksum is another.
    Wrong,
}

impl Verification {
    /// `Some(true)` where something agreed, `Some(false)` where it did not, `None` where nothing can be compared.
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

    /// Compares the SHA-256 of a file with every one that the entry knows: its own and those of other exports.
    pub fn verify(&self, sha256: &str) -> Verification {
        let others = self.also.iter().filter_map(|other| other.sha256.as_deref());
        match others.map(|known| Verification::of(Some(known), sha256)).find(|v| *v == Verification::Verified)
        {
            Some(verified) => verified,
            None => self.verify_own(sha256),
        }
    }

    /// The file names under which the entry is recognised, its own first.
    pub fn file_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.file.as_str()).chain(self.also.iter().map(|other| other.file.as_str()))
    }

    /// The file name that a file with this checksum has: another export keeps its own.
    pub fn file_name_for(&self, sha256: &str) -> &str {
        let export = self.also.iter().find(|other| other.sha256.as_deref() == Some(sha256));
        export.map_or(&self.file, |other| &other.file)
    }

    /// Whether [`Entry::sha256`] is a whole checksum, not its beginning.
    pub fn has_whole_checksum(&self) -> bool {
        self.sha256.as_ref().is_some_and(|sum| sum.len() == 64)
    }

    fn validate(&self) -> Result<(), String> {
        let is_sum = |s: &str| {
            (8..=64).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let mut sums = self.sha256.iter().chain(self.also.iter().filter_map(|other| other.sha256.as_ref()));
        if let Some(sum) = sums.find(|sum| !is_sum(sum)) {
            return Err(format!("{}: {sum} is no SHA-256", self.name));
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
            return Err(format!("{}: an address needs a word on how it was confirmed", self.name));
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

/// Reads a registry and checks every entry.
///
/// # Errors        no TOML, an unknown key, an entry that contradicts itself, a name twice → [`ModelError::BadArgument`]
pub fn parse(text: &str) -> Result<Vec<Entry>> {
    let bad = |reason: String| ModelError::BadArgument { reason: format!("registry: {reason}"), hint: None };
    let registry: Registry = toml::from_str(text).map_err(|e| bad(e.to_string()))?;
    let mut names = std::collections::HashSet::new();
    for entry in &registry.model {
        entry.validate().map_err(bad)?;
        for name in std::iter::once(entry.name.as_str()).chain(entry.file_names()) {
            if !names.insert(name.to_lowercase()) {
                return Err(bad(format!("{name} is there twice")));
            }
        }
    }
    Ok(registry.model)
}

/// Every entry, in the registry's order.
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

/// The entry that a file with this SHA-256 belongs to; only whole checksums identify one.
pub fn by_checksum(sha256: &str) -> Option<&'static Entry> {
    entries().iter().find(|entry| entry.verify(sha256) == Verification::Verified)
}

/// The entry that a file is: by its checksum, else by its name; and what the entry's checksum says.
pub fn identify(sha256: &str, file_name: &str) -> Option<(&'static Entry, Verification)> {
    let entry = by_checksum(sha256).or_else(|| by_name(file_name))?;
    Some((entry, entry.verify(sha256)))
}

/// The names of all entries, for messages.
pub fn known_names() -> String {
    entries().iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", ")
}
