//! Groups of faces that probably show the same person.
//!
//! [`groups`] computes the pseudo-labels on which a network is trained.

mod pseudo_labels;

pub use pseudo_labels::groups;
