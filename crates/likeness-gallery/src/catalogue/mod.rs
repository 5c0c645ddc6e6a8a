//! Catalogues: where photos, faces, embeddings and decisions are stored.
//!
//! [`ReadCatalogue`] answers questions, [`WriteCatalogue`] changes what is stored. Every change is one transaction: it is stored
//! entirely, and survives a kill or a power loss, when the call returns; otherwise nothing of it is. [`SqliteCatalogue`] is one
//! SQLite file.

mod filter;
mod record;
mod sqlite;

use std::collections::HashMap;

use likeness_search::{ModelTag, Thresholds};

use crate::decision::{Change, Decision};
use crate::{DecisionId, ItemId, ModelId, PhotoId, Result, RootId};

pub use crate::Origin;
pub use filter::{Filter, FilterValue};
pub use record::{
    Assignment, Counts, FileKey, GalleryInfo, Item, ItemKind, ItemRow, Label, ModelState, NewItem, NewPhoto,
    Photo, PhotoFile, PhotoState, Root, StoredModel, VectorState,
};
pub use sqlite::{SQLITE_LEAST, SqliteCatalogue, is_gallery};

/// Questions to a catalogue.
pub trait ReadCatalogue {
    /// What the gallery is.
    fn info(&self) -> Result<GalleryInfo>;

    /// All models, the oldest first.
    fn models(&self) -> Result<Vec<StoredModel>>;

    /// All root folders.
    fn roots(&self) -> Result<Vec<Root>>;

    /// The files below a root that the catalogue knows, by path.
    fn files(&self, root: RootId) -> Result<HashMap<String, PhotoFile>>;

    /// The files of photos, for each photo in the order of their paths.
    fn files_of(&self, photos: &[PhotoId]) -> Result<HashMap<PhotoId, Vec<PhotoFile>>>;

    /// All photos that match, in the order of their numbers.
    fn photos(&self, filter: Option<&Filter>) -> Result<Vec<Photo>>;

    /// All items of present photos that match, in the order of their numbers.
    fn items(&self, filter: Option<&Filter>) -> Result<Vec<ItemRow>>;

    /// The numbers of the items of present photos that match, in order: those that a search may find.
    fn item_ids(&self, filter: Option<&Filter>) -> Result<Vec<ItemId>>;

    /// Items by number, in the order of `items`. Unknown numbers are left out.
    fn items_by_id(&self, items: &[ItemId]) -> Result<Vec<ItemRow>>;

    /// The embeddings of `items` by a model, one after another.
    ///
    /// # Errors        an item without an embedding; a damaged one → `BadGallery`
    fn vectors(&self, model: ModelId, items: &[ItemId], into: &mut Vec<f32>) -> Result<()>;

    /// Which items have an embedding by the model, and the count of changes to them.
    fn vector_state(&self, model: ModelId) -> Result<VectorState>;

    /// The count of changes to the embeddings of a model.
    fn vector_revision(&self, model: ModelId) -> Result<u64>;

    /// The log of decisions, oldest first.
    fn decisions(&self) -> Result<Vec<Decision>>;

    /// The stored assignments, in the order of their items.
    fn assignments(&self) -> Result<Vec<Assignment>>;

    /// The stored clusters of items, if they were computed for `key`; none otherwise.
    fn clusters(&self, key: &str) -> Result<Vec<(ItemId, u32)>>;

    /// How much is stored.
    fn counts(&self) -> Result<Counts>;

    /// Checks everything that can be checked without other files. Returns what is wrong, a line each.
    fn verify(&self) -> Result<Vec<String>>;
}

/// Changes of a catalogue.
pub trait WriteCatalogue: ReadCatalogue {
    /// Adds a root folder, or returns the number of a known one. A known one becomes whole if `is_whole`.
    fn add_root(&mut self, path: &str, is_whole: bool) -> Result<RootId>;

    /// Stores photos with their files, items and embeddings by `model`. The items of a photo that is known are matched with
    /// the known items by their boxes, so that decisions about them remain.
    fn put_photos(&mut self, model: ModelId, photos: &[NewPhoto]) -> Result<Vec<PhotoId>>;

    /// Records that files were seen: with a content that is known already.
    fn put_files(&mut self, files: &[(PhotoId, FileKey)]) -> Result<()>;

    /// Records that files are gone. Photos without files become missing.
    fn drop_files(&mut self, root: RootId, paths: &[String]) -> Result<()>;

    /// Removes photos: their embeddings and attributes. Their files and items stay known, so that a sync does not add them again, and
    /// decisions hold again when somebody adds them.
    fn remove_photos(&mut self, photos: &[PhotoId]) -> Result<()>;

    /// Stores further columns of a photo, such as its domain.
    fn put_attributes(&mut self, photo: PhotoId, attributes: &[(String, String)]) -> Result<()>;

    /// Appends a decision to the log.
    fn append(&mut self, actor: &str, change: &Change) -> Result<Decision>;

    /// Replaces the stored assignments. Returns how many rows changed.
    fn put_assignments(&mut self, upto: Option<DecisionId>, assignments: &[Assignment]) -> Result<usize>;

    /// Replaces the stored clusters. `key` states what they were computed from.
    fn put_clusters(&mut self, key: &str, clusters: &[(ItemId, u32)]) -> Result<()>;

    /// Adds a model that is being built, or returns the number of a known one. The first model of a gallery is active at once.
    fn add_model(&mut self, tag: &ModelTag, source: &str, detector: &str) -> Result<ModelId>;

    /// Stores embeddings of known items by a model: one after another, in the order of `items`.
    fn put_vectors(&mut self, model: ModelId, items: &[ItemId], vectors: &[f32]) -> Result<()>;

    /// Replaces the thresholds of a model.
    fn put_thresholds(&mut self, model: ModelId, thresholds: &Thresholds) -> Result<()>;

    /// Makes a model the active one, and the active one before it retired, in one step.
    fn activate(&mut self, model: ModelId) -> Result<()>;

    /// Removes a model that is not active, with its embeddings.
    fn drop_model(&mut self, model: ModelId) -> Result<()>;
}
