//! A photo of a collection, and the parts and sides that it may belong to.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::attributes::Attributes;
use crate::cut::GivenFace;
use crate::geometry::{Landmarks, Rect};

/// A photo, with the facts that its collection gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The path of the photo.
    pub path: PathBuf,
    /// The photo's path relative to the collection's image folder, with `/` as separator.
    pub name: String,
    /// The person in the picture; `None` if unknown.
    pub identity: Option<String>,
    /// The split that the collection gives.
    pub split: Option<Split>,
    /// The role that the collection gives.
    pub role: Option<Role>,
    /// The kind of image (real, drawn, grey …).
    pub domain: Option<String>,
    /// The face's box that the collection gives, in pixels of the upright photo.
    pub face_box: Option<Rect>,
    /// The face's landmarks that the collection gives, in pixels of the upright photo.
    pub landmarks: Option<Landmarks>,
    /// Further columns that the collection gives, such as CelebA's `Male`.
    pub attributes: Attributes,
}

impl Sample {
    /// Creates a sample of which only the identity is known.
    pub fn new(path: PathBuf, name: String, identity: Option<String>) -> Self {
        Self {
            path,
            name,
            identity,
            split: None,
            role: None,
            domain: None,
            face_box: None,
            landmarks: None,
            attributes: Attributes::default(),
        }
    }

    /// The position of the face that the collection gives.
    pub fn given_face(&self) -> GivenFace {
        GivenFace { face_box: self.face_box, landmarks: self.landmarks }
    }
}

/// A part of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// For training the weights.
    Train,
    /// For choosing between settings and epochs.
    Validation,
    /// For the reported results.
    Test,
}

impl Split {
    /// The split's name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    /// The split for any of its usual names in tables and folders.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "validation" | "val" | "valid" | "dev" => Some(Self::Validation),
            "test" | "testing" => Some(Self::Test),
            _ => None,
        }
    }
}

/// Whether a photo is a query, part of the gallery, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The photo is a query.
    Query,
    /// The photo is part of the gallery.
    Gallery,
    /// The photo is both, as in leave-one-out.
    #[default]
    Both,
}
