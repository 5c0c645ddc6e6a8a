//! Finds pictures of the same person, or of the same thing: the operations of Likeness as a library.
//!
//! A [`Loader`] embeds photos with a model ([`ModelChoice`]); [`PhotoOptions`] control how photos are read. [`find`] finds where
//! else a person appears, and [`identify`] names people by known faces. [`search`] ranks a gallery for each query, and [`evaluate`] measures retrieval; both work on the embeddings of a loader. [`explain`] shows what makes two photos match. [`prepare`] makes
//! a dataset of a collection, [`detect`] finds faces, `train` trains a network, [`import`] and [`quantize`] make models.
//!
//! Operations never print. They report to an [`Observer`], and stop early when the flag in their [`Context`] is set.
//!
//! The feature `train`, on by default, adds training, the import of weights and the external backend `burn`.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod adapt;
mod auto;
#[cfg(feature = "train")]
pub mod burn_engine;
pub mod calibrate;
pub mod columns;
pub mod contestants;
mod context;
pub mod detect;
pub mod detector;
mod error;
pub mod evaluate;
pub mod explain;
pub mod facts;
pub mod find;
pub mod gallery;
mod groups;
pub mod identify;
pub mod import;
pub mod inspect;
mod licence;
mod loader;
mod options;
pub mod prepare;
pub mod quantize;
pub mod search;
pub mod study;
pub mod submit;
#[cfg(feature = "train")]
pub mod train;
pub mod trained;
mod usage;

pub use context::{Context, Observer, Silent, Stage, Unit};
pub use error::{LikenessError, Result, invalid};
pub use loader::{Loaded, Loader, Queries, Query, Standing, check_exists};
pub use options::{DetectionOptions, ModelChoice, PhotoOptions};
