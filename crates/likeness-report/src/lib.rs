//! Draws results as pictures: charts, maps of embeddings, contact sheets.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod chart;
mod error;
pub mod map;
mod raster;
pub mod sheet;
mod text;

pub use error::{ReportError, Result};
