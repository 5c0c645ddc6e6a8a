//! Rectangles, and lines and areas cut at their edges.

/// A rectangle in units of the drawing; y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// A position in units of the drawing.
pub(super) type Position = (f64, f64);

impl Rect {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub(super) fn centre(&self) -> Position {
        ((self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0)
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    pub(super) fn holds(&self, other: &Self) -> bool {
        self.left <= other.left
            && other.right <= self.right
            && self.top <= other.top
            && other.bottom <= self.bottom
    }

    pub(super) fn contains(&self, (x, y): Position) -> bool {
        const ROUNDING: f64 = 0.05;
        (self.left - ROUNDING..=self.right + ROUNDING).contains(&x)
            && (self.top - ROUNDING..=self.bottom + ROUNDING).contains(&y)
    }

    /// The distance between a point and the nearest point of the rectangle.
    pub(super) fn distance(&self, (x, y): Position) -> f64 {
        let dx = (self.left - x).max(x - self.right).max(0.0);
        let dy = (self.top - y).max(y - self.bottom).max(0.0);
        dx.hypot(dy)
    }

    /// The distance between two rectangles; 0 if they touch.
    pub(super) fn gap(&self, other: &Self) -> f64 {
        let dx = (self.left - other.right).max(other.left - self.right).max(0.0);
        let dy = (self.top - other.bottom).max(other.top - self.bottom).max(0.0);
        dx.hypot(dy)
    }

    /// The part of the segment from `a` to `b` inside the rectangle (Liang and Barsky 1984).
    pub(super) fn clip_segment(&self, a: Position, b: Position) -> Option<(Position, Position)> {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let (mut enter, mut leave) = (0.0f64, 1.0f64);
        let edges =
            [(-dx, a.0 - self.left), (dx, self.right - a.0), (-dy, a.1 - self.top), (dy, self.bottom - a.1)];
        for (direction, distance) in edges {
            if direction == 0.0 {
                if distance < 0.0 {
                    return None;
                }
            } else if direction < 0.0 {
                enter = enter.max(distance / direction);
            } else {
                leave = leave.min(distance / direction);
            }
        }
        let at = |share: f64| match share {
            0.0 => a,
            1.0 => b,
            share => (a.0 + share * dx, a.1 + share * dy),
        };
        (enter <= leave).then(|| (at(enter), at(leave)))
    }

    /// The parts of a line inside the rectangle.
    pub(super) fn clip_line(&self, line: &[Position]) -> Vec<Vec<Position>> {
        if let [single] = line {
            return if self.contains(*single) { vec![vec![*single]] } else { Vec::new() };
        }
        let mut parts: Vec<Vec<Position>> = Vec::new();
        for pair in line.windows(2) {
            let Some((start, end)) = self.clip_segment(pair[0], pair[1]) else { continue };
            match parts.last_mut() {
                Some(part) if part.last() == Some(&start) => part.push(end),
                _ => parts.push(vec![start, end]),
            }
        }
        parts
    }

    /// The part of a polygon inside the rectangle (Sutherland and Hodgman 1974).
    pub(super) fn clip_polygon(&self, polygon: &[Position]) -> Vec<Position> {
        let mut corners = polygon.to_vec();
        let inside: [&dyn Fn(Position) -> f64; 4] =
            [&|p| p.0 - self.left, &|p| self.right - p.0, &|p| p.1 - self.top, &|p| self.bottom - p.1];
        for depth in inside {
            let before = std::mem::take(&mut corners);
            for (index, &end) in before.iter().enumerate() {
                let start = before[(index + before.len() - 1) % before.len()];
                let (from, to) = (depth(start), depth(end));
                if (from < 0.0) != (to < 0.0) {
                    let share = from / (from - to);
                    corners.push((start.0 + share * (end.0 - start.0), start.1 + share * (end.1 - start.1)));
                }
                if to >= 0.0 {
                    corners.push(end);
                }
            }
        }
        corners
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: Rect = Rect { left: 0.0, top: 0.0, right: 10.0, bottom: 10.0 };

    #[test]
    fn a_line_is_cut_where_it_leaves() {
        let line = [(-5.0, 5.0), (5.0, 5.0), (5.0, 15.0), (20.0, 15.0), (20.0, 5.0), (8.0, 5.0)];
        let parts = SQUARE.clip_line(&line);
        assert_eq!(parts, [vec![(0.0, 5.0), (5.0, 5.0), (5.0, 10.0)], vec![(10.0, 5.0), (8.0, 5.0)]]);
        assert_eq!(SQUARE.clip_line(&[(3.0, 3.0)]), [vec![(3.0, 3.0)]]);
        assert!(SQUARE.clip_line(&[(30.0, 3.0)]).is_empty() && SQUARE.clip_line(&[]).is_empty());
    }

    #[test]
    fn a_polygon_is_cut_at_every_edge() {
        let corners = SQUARE.clip_polygon(&[(-5.0, -5.0), (15.0, -5.0), (15.0, 15.0), (-5.0, 15.0)]);
        assert_eq!(corners.len(), 4);
        assert!(corners.iter().all(|&corner| SQUARE.contains(corner)));
        assert!(SQUARE.clip_polygon(&[(20.0, 20.0), (30.0, 20.0), (30.0, 30.0)]).is_empty());
        assert!(SQUARE.clip_polygon(&[]).is_empty());
    }

    #[test]
    fn distances_are_to_the_edge() {
        assert_eq!(SQUARE.distance((13.0, 14.0)), 5.0);
        assert_eq!(SQUARE.distance((3.0, 4.0)), 0.0);
        assert_eq!(SQUARE.gap(&Rect { left: 13.0, top: 14.0, right: 20.0, bottom: 20.0 }), 5.0);
    }
}
