//! Turns embeddings into rankings and metrics.
//!
//! The stages, in the order in which a query passes them:
//!
//! 1. An [`EmbeddingTable`] holds the embeddings of a set of photos: one vector and one [`Row`] for each face.
//! 2. A [`Distance`] compares two vectors; smaller is always closer.
//! 3. [`rank`] sorts a gallery exactly by its distance from every query and returns [`Rankings`]. [`rank_photos`] does the
//!    same for photos with several faces: one ranking for each photo.
//!    An [`Index`] is a gallery that can be searched; [`Int8Index`] searches a large stored one from a file of codes.
//!    [`cluster`] groups embeddings that are close to each other.
//! 4. [`evaluate`] computes an [`Evaluation`] from the ranks of the images of the right identity, by the definitions in
//!    [`metric`]. [`evaluate_by`] does the same per group, such as the domain.
//! 5. [`Results`] writes the rankings in the format that a challenge server reads.
//!
//! ```
//! use likeness_search::{Distance, EmbeddingTable, ModelTag, RankConfig, Row, rank_within};
//!
//! let model = ModelTag::new("toy", "", 2, Distance::Euclidean);
//! let rows = ["a.jpg", "b.jpg", "c.jpg"].map(Row::new).to_vec();
//! let table = EmbeddingTable::new(model, rows, vec![0.0, 0.0, 3.0, 4.0, 0.0, 1.0])?;
//!
//! let rankings = rank_within(&table, Distance::Euclidean, &RankConfig { k: Some(2), allow_self: false })?;
//! let nearest = &rankings[0].hits()[0];
//! assert_eq!(table.rows()[nearest.gallery_id.index()].name, "c.jpg");
//! assert_eq!(nearest.distance, 1.0);
//! # Ok::<(), likeness_search::SearchError>(())
//! ```
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod by;
pub mod calibrate;
pub mod cluster;
mod codes_fault;
pub mod compare;
mod distance;
mod error;
mod foreign_fault;
pub mod head;
pub mod identification;
mod identities;
mod index;
mod interval;
pub mod label;
mod licence;
mod measure;
pub mod metric;
mod photo;
mod protocol;
mod results;
pub mod slice;
mod table;
mod verdict;
pub mod verification;

pub use by::{EvaluationBy, GroupDistance, GroupEvaluation, evaluate_by};
pub use codes_fault::CodesFault;
pub use distance::Distance;
pub use error::{Result, SearchError};
pub use foreign_fault::ForeignFault;
pub use index::{
    CodesKey, ExactIndex, Found, GalleryId, GraphSearch, Hit, HnswConfig, HnswIndex, Index, Int8Index,
    Neighbour, PhotoSearch, QueryExpansion, RankConfig, Ranking, Rankings, Reciprocal, SearchCost, Selection,
    Vectors, rank, rank_photos, rank_photos_between, rank_within,
};
pub use interval::{
    ErrorRate, IdentityErrors, Interval, LEVEL, MIN_ERRORS, Measured, Resamples, small_sample_factor,
    variance_between_identities, variance_within_identities,
};
pub use licence::{Licence, Terms};
pub use measure::{RankingMeasure, RankingMeasures};
pub use protocol::{
    EvaluateConfig, Evaluation, Intervals, Protocol, QueryOutcome, evaluate, evaluate_between,
};
pub use results::{ResultEntry, Results, ResultsShape};
pub use table::{
    EmbeddingTable, EmbeddingWriter, ForeignFormat, ModelTag, Role, Row, SkippedRow, TableKind,
    TrainedOnPhoto, is_embeddings_file,
};
pub use verdict::{Threshold, Thresholds, Verdict};
