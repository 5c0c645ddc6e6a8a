//! Points and boxes on a picture, in pixels: origin top-left, x to the right, y down, boxes half-open.

use serde::{Deserialize, Serialize};

/// A position in pixels; (0, 0) is the top-left corner of the top-left pixel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Pixels from the left edge.
    pub x: f32,
    /// Pixels from the top edge.
    pub y: f32,
}

/// An axis-aligned box in pixels, half-open: a pixel column `x` is inside when `left <= x < left + width`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rect {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Extent to the right.
    pub width: f32,
    /// Extent down.
    pub height: f32,
}

impl Rect {
    /// Creates the box with these edges.
    pub fn new(left: f32, top: f32, width: f32, height: f32) -> Self {
        Self { left, top, width, height }
    }

    /// The largest centred square of a `width` × `height` picture, on whole pixels.
    pub fn centre_square(width: u32, height: u32) -> Self {
        let side = width.min(height);
        Self::new(((width - side) / 2) as f32, ((height - side) / 2) as f32, side as f32, side as f32)
    }

    /// Right edge (exclusive).
    pub fn right(&self) -> f32 {
        self.left + self.width
    }

    /// Bottom edge (exclusive).
    pub fn bottom(&self) -> f32 {
        self.top + self.height
    }

    /// Centre of the box.
    pub fn centre(&self) -> Point {
        Point { x: self.left + self.width / 2.0, y: self.top + self.height / 2.0 }
    }

    /// Area in square pixels.
    pub fn area(&self) -> f32 {
        self.width * self.height
    }

    /// The intersection with `other`; zero-sized if the boxes do not overlap.
    pub fn intersection(&self, other: &Self) -> Self {
        let (left, top) = (self.left.max(other.left), self.top.max(other.top));
        let width = (self.right().min(other.right()) - left).max(0.0);
        let height = (self.bottom().min(other.bottom()) - top).max(0.0);
        Self::new(left, top, width, height)
    }

    /// Intersection over union, in [0, 1]; 0 when both boxes are empty.
    pub fn iou(&self, other: &Self) -> f32 {
        let shared = self.intersection(other).area();
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// Whether all four values are finite, and width and height are positive.
    pub fn is_valid(&self) -> bool {
        [self.left, self.top, self.width, self.height].iter().all(|v| v.is_finite())
            && self.width > 0.0
            && self.height > 0.0
    }
}

/// Five face landmarks in ArcFace order: left eye, right eye, nose tip, left and right mouth corner,
/// "left" being the picture's left.
pub type Landmarks = [Point; 5];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centre_square_splits_the_longer_side() {
        assert_eq!(Rect::centre_square(10, 7), Rect::new(1.0, 0.0, 7.0, 7.0));
        assert_eq!(Rect::centre_square(7, 10), Rect::new(0.0, 1.0, 7.0, 7.0));
    }

    #[test]
    fn iou_of_half_overlap_is_a_third() {
        let a = Rect::new(0.0, 0.0, 2.0, 1.0);
        assert!((a.iou(&Rect::new(1.0, 0.0, 2.0, 1.0)) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(a.iou(&Rect::new(5.0, 0.0, 2.0, 1.0)), 0.0);
    }
}
