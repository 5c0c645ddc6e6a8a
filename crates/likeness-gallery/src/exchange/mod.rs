//! Exchanges people and embeddings with other programs, through files in their formats.
//!
//! | data | format | read | written |
//! |---|---|---|---|
//! | face regions | XMP sidecars of digiKam, Lightroom, darktable | [`photo_regions`] | [`update_sidecar`] |
//! | face regions | XMP packets in JPEG files | [`photo_regions`] | never: photos are not changed |
//! | faces and people | CSV | [`read_faces`] | [`write_faces`] |
//! | faces and embeddings | safetensors, npz, Parquet | [`likeness_search::EmbeddingTable`], except Parquet | [`export`](export()) |
//!
//! 1. A program stores a [`Region`] with a name; a detector finds a box without one. [`match_regions`] pairs them by overlap.
//! 2. Regions refer to the pixels as stored; boxes refer to the upright photo. [`Orientation`] maps one to the other.
//! 3. [`merge_regions`] adds our names to a sidecar and leaves every other byte of it as it is.
//!
//! Nothing here uses the database: the functions work on plain structures, bytes and paths.

mod error;
mod export;
mod face_csv;
mod face_row;
mod jpeg;
mod matching;
mod npz;
mod orientation;
mod parquet;
mod region;
mod sidecar;
mod table;
mod xmp;

pub use crate::Origin;
pub use crate::rect::Rect;
pub use error::{CsvFault, ExchangeError, Result, TableFault, XmpFault};
pub use export::{ExportFormat, export};
pub use face_csv::{read_faces, write_faces};
pub use face_row::{FaceRow, Placement};
pub use jpeg::{JpegFacts, jpeg_facts};
pub use matching::{DEFAULT_MIN_OVERLAP, MatchedRegion, Matches, match_regions};
pub use npz::write_npz;
pub use orientation::Orientation;
pub use parquet::write_parquet;
pub use region::{Frame, PhotoFrame, Region, RegionKind, RegionSource, Regions, Size};
pub use sidecar::{
    PhotoRegions, SidecarChange, photo_regions, sidecar_paths, sidecar_to_write, update_sidecar,
};
pub use table::{Column, Table, Values};
pub use xmp::{Conflict, MergeOptions, Merged, merge_regions, read_regions};
