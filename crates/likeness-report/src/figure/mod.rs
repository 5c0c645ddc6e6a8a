//! Charts of an evaluation report: inline SVG drawings with one palette for light and dark pages.
//!
//! Every function returns one `<svg>` element as text, to be put into an HTML page as it is. The element needs the style
//! sheet [`css()`] once on the page, holds no script and no reference to anything outside, and states its result in
//! `aria-label`. Values are fractions; axes show percent. A model is an index from 0 to 5, which gives colour, dash and
//! mark; larger indices start again at 0. Names may hold any characters.

mod clip;
mod curves;
mod distances;
mod growth;
mod inline;
mod map;
mod measure;
mod place;
mod plot;
mod scale;
mod squares;
mod strip;
mod style;
mod svg;
mod training;

pub use curves::{Curve, Point, Rule, cmc, det, fnir, roc};
pub use distances::{Histogram, distances};
pub use growth::{Growth, growth};
pub use inline::{bar, hit_mark, key, mark};
pub use map::{Map, Named, Wrong, map};
pub use squares::{Squares, squares};
pub use strip::{SliceStrip, Strip, slice_axis, slice_range, slice_strip, strip, strip_range};
pub use style::css;
pub use training::{Change, Training, training};

#[cfg(test)]
mod tests;
