//! What a catalogue stores: photos, files, items, models, assignments.

use likeness_search::{ModelTag, Verdict};
use serde::{Deserialize, Serialize};

use crate::{ItemId, ModelId, Origin, PersonId, PhotoId, RootId};

/// What the items of a gallery are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    /// The faces in the photos.
    Faces,
    /// Whole pictures.
    Pictures,
}

impl ItemKind {
    /// The name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Faces => "faces",
            Self::Pictures => "pictures",
        }
    }
}

/// What a gallery is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GalleryInfo {
    /// A random number that no other gallery has, in hexadecimal.
    pub uuid: String,
    /// What its items are.
    pub kind: ItemKind,
    /// When it was created: RFC 3339, in UTC.
    pub created: String,
    /// The version of the file's format.
    pub version: u32,
}

/// The state of a model in a gallery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelState {
    /// Not all items have embeddings by it yet.
    Building,
    /// Searches use it.
    Active,
    /// It was active before. `gallery migrate --rollback` returns to it.
    Retired,
}

/// A model whose embeddings are stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredModel {
    /// Its number.
    pub id: ModelId,
    /// Name, fingerprint, dimension, distance, licence and thresholds.
    pub tag: ModelTag,
    /// How it is opened again: a name, or the path of a file or folder.
    pub source: String,
    /// The detector that found the faces, as for `--detector`; empty for whole pictures.
    pub detector: String,
    /// Its state.
    pub state: ModelState,
}

/// A folder whose photos are in the gallery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Its number.
    pub id: RootId,
    /// Its absolute path.
    pub path: String,
    /// Whether all photos below it belong to the gallery. Otherwise only files that were added one by one do.
    pub is_whole: bool,
}

/// The state of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhotoState {
    /// A file with its content was there when the gallery was last synced.
    Present,
    /// No file with its content is there.
    Missing,
    /// The file cannot be read or decoded.
    Unreadable,
    /// The photo was removed from the gallery.
    Removed,
}

impl PhotoState {
    /// The name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::Removed => "removed",
        }
    }
}

/// A photo: a content, wherever files with it lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// Its number.
    pub id: PhotoId,
    /// SHA-256 of the content in hexadecimal.
    pub sha256: String,
    /// Size of the content in bytes.
    pub bytes: u64,
    /// Width of the upright picture in pixels; 0 if it is unreadable.
    pub width: u32,
    /// Height of the upright picture in pixels; 0 if it is unreadable.
    pub height: u32,
    /// When it was taken: `YYYY-MM-DDThh:mm:ss` of the camera's clock; `None` if unknown.
    pub taken: Option<String>,
    /// Its state.
    pub state: PhotoState,
    /// Why it is unreadable; empty otherwise.
    pub reason: String,
}

/// A file: its place, size and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileKey {
    /// The root folder that it lies below.
    pub root: RootId,
    /// Its path below the root, with `/` between folders.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was changed, in nanoseconds since 1970.
    pub modified_ns: i64,
}

/// A file with the content of a photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoFile {
    /// The photo.
    pub photo: PhotoId,
    /// The file.
    pub file: FileKey,
}

/// A face in a photo, or a whole picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewItem {
    /// Box of the face in pixels of the upright photo: left, top, width, height; `None` for a whole picture.
    pub face_box: Option<[i32; 4]>,
    /// Five landmarks in pixels of the upright photo.
    pub landmarks: Option<[[f32; 2]; 5]>,
    /// The detector's score.
    pub score: Option<f32>,
    /// How well the face can be recognised, from 0 to 1.
    pub quality: f32,
    /// The embedding.
    pub vector: Vec<f32>,
}

/// A photo to store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPhoto {
    /// SHA-256 of the content in hexadecimal.
    pub sha256: String,
    /// Width of the upright picture in pixels; 0 if it is unreadable.
    pub width: u32,
    /// Height of the upright picture in pixels; 0 if it is unreadable.
    pub height: u32,
    /// When it was taken.
    pub taken: Option<String>,
    /// Why it cannot be read or decoded; `None` if it can.
    pub unreadable: Option<String>,
    /// A file with this content.
    pub file: FileKey,
    /// Its faces, or the whole picture.
    pub items: Vec<NewItem>,
    /// Further columns, such as the domain.
    pub attributes: Vec<(String, String)>,
}

/// A stored item.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its number.
    pub id: ItemId,
    /// Its photo.
    pub photo: PhotoId,
    /// Number of the face in its photo, from 0.
    pub face: u32,
    /// Box of the face in pixels of the upright photo: left, top, width, height; `None` for a whole picture.
    pub face_box: Option<[i32; 4]>,
    /// Five landmarks in pixels of the upright photo.
    pub landmarks: Option<[[f32; 2]; 5]>,
    /// The detector's score.
    pub score: Option<f32>,
    /// How well the face can be recognised, from 0 to 1.
    pub quality: f32,
}

/// An item with its photo and its person.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemRow {
    /// The item.
    pub item: Item,
    /// Path of a file with the photo: absolute; empty if no file is there.
    pub path: String,
    /// SHA-256 of the photo in hexadecimal.
    pub sha256: String,
    /// When the photo was taken.
    pub taken: Option<String>,
    /// The person that the item is assigned to.
    pub person: Option<PersonId>,
    /// The origin of the assignment.
    pub origin: Option<Origin>,
    /// The distance from the person's references, of an automatic assignment.
    pub distance: Option<f32>,
}

/// What is decided or computed about an item. Derived from the log and the embeddings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assignment {
    /// The item.
    pub item: ItemId,
    /// What it is.
    pub label: Label,
}

/// What an item is taken for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Label {
    /// A person's.
    Person {
        /// The person.
        person: PersonId,
        /// Where the assignment comes from.
        origin: Origin,
        /// The distance from the person's references, of an automatic assignment.
        distance: Option<f32>,
    },
    /// Perhaps a person's: the program suggests it.
    Suggested {
        /// The person.
        person: PersonId,
        /// The distance from the person's references.
        distance: f32,
        /// `Same` or `Possible`.
        verdict: Verdict,
    },
    /// No face.
    NotAFace,
    /// The face of somebody who does not matter.
    Ignored,
}

/// Which items have an embedding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VectorState {
    /// The count of changes to the embeddings of the model.
    pub revision: u64,
    /// The items with an embedding, in order.
    pub items: Vec<ItemId>,
}

/// How much a gallery stores.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Photos with a file.
    pub present: u64,
    /// Photos without a file.
    pub missing: u64,
    /// Photos that cannot be read.
    pub unreadable: u64,
    /// Photos that were removed.
    pub removed: u64,
    /// Files with the content of a photo.
    pub files: u64,
    /// Items of present photos.
    pub items: u64,
    /// Present photos without a face.
    pub without_face: u64,
    /// Items of present photos with a person.
    pub assigned: u64,
    /// Decisions in the log.
    pub decisions: u64,
}
