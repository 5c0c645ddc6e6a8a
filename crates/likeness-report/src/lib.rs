//! Results as pictures: charts, maps of embeddings, contact sheets.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod chart;
mod error;
pub mod map;
pub mod sheet;

pub use error::{ReportError, Result};
