//! Drawing primitives: what a laid-out chart consists of, for every output format.
//!
//! Coordinates and sizes are in pixels of the SVG; the origin is the top-left corner and y points down.

use image::Rgb;

/// A position: x and y.
pub(super) type Point = (f64, f64);

/// The ground of every picture.
pub(super) const GROUND: Rgb<u8> = Rgb([255; 3]);

/// A finished drawing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Picture {
    pub(super) width: f64,
    pub(super) height: f64,
    /// In drawing order: later primitives cover earlier ones.
    pub(super) primitives: Vec<Primitive>,
}

/// One element of a drawing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Primitive {
    /// A line through two or more points.
    Line { points: Vec<Point>, pen: Pen },
    /// The outline of a rectangle, one pixel wide.
    Frame { area: Area, color: Rgb<u8> },
    /// A filled circle.
    Circle { center: Point, radius: f64, color: Rgb<u8> },
    /// A filled polygon.
    Polygon { corners: Vec<Point>, color: Rgb<u8> },
    /// One line of text.
    Text(Text),
    /// Primitives of which only the part inside `area` is visible.
    Clip { area: Area, contents: Vec<Primitive> },
}

/// How a line is drawn. Its corners are round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pen {
    pub(super) color: Rgb<u8>,
    pub(super) width: f64,
    /// Lengths of the dashes and of the gaps between them, in turn; empty for a continuous line.
    pub(super) dashes: &'static [f32],
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// One line of text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text {
    /// A point on the baseline; `anchor` says which one.
    pub(super) at: Point,
    pub(super) anchor: Anchor,
    /// The font size.
    pub(super) size: f64,
    pub(super) color: Rgb<u8>,
    pub(super) content: String,
}

/// The part of a line of text that stands at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}
