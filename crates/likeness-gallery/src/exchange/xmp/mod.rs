//! XMP packets: reads the regions in them and adds our names to them (ISO 16684-1; Metadata Working Group, Guidelines for Handling
//! Image Metadata 2.0, section 5.9; Microsoft, People Tagging Overview).
//!
//! RDF can express the same structure as attributes, as elements, or as elements inside of `rdf:Description`. All three are
//! read, because Lightroom, digiKam and Picasa differ. A packet is changed by inserting and replacing ranges of its text, so that
//! all other bytes stay as another program wrote them.

mod document;
mod edit;
mod merge;
mod read;

pub use merge::{Conflict, MergeOptions, Merged, merge_regions};
pub use read::read_regions;
