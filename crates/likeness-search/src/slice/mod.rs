//! Metrics of slices: the queries that share a value of a column.
//!
//! A [`Column`] gives a value to each row, such as the detector, the width of the face or the person's age. Text divides the
//! queries by value, numbers by ranges. [`slices`] computes the ranking metrics of each slice with intervals, worst slice
//! first, and marks the slices that are clearly below the whole.

mod column;
mod config;
mod groups;
mod slices;

pub use column::{Column, Value};
pub use config::SliceConfig;
pub use slices::{ColumnSummary, Slice, SliceMeasure, Slices, slices};
