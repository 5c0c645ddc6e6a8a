//! Draws results as pictures: charts, maps of embeddings, contact sheets.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod chart;
pub mod curves;
mod error;
pub mod evaluation;
pub mod figure;
pub mod grid;
pub mod map;
pub mod overlay;
pub mod preview;
mod raster;
pub mod sheet;
pub mod sightings;
mod text;

pub use error::{ReportError, Result};
