//! Overlays that show which regions of two pictures make them match.
//!
//! [`overlay`] draws a picture in pale grey, and the region with most of the evidence in the picture's own colours inside a
//! black and white contour. No colour stands for a value, so that the picture stays legible, on paper and for colour-blind
//! readers too. [`pairs`] puts query, hit and the nearest other identity side by side.

mod contour;
mod draw;
pub mod pairs;
mod region;

pub use draw::overlay;

/// How much each pixel of a picture holds it near another one. The map may be smaller than the picture.
///
/// # Conventions   positive: hiding the pixel moves the pictures apart
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvidenceMap<'a> {
    /// Width of the map in pixels.
    pub width: u32,
    /// Height of the map in pixels.
    pub height: u32,
    /// `width` × `height` values, row after row.
    pub values: &'a [f32],
}
