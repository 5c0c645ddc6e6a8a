//! Contours of a region: closed lines between the points inside and those outside.
//!
//! Marching squares (Lorensen and Cline, "Marching Cubes", 1987, in two dimensions): each cell between four neighbouring values is
//! crossed by no, one or two segments, whose ends are interpolated on the cell's edges. Segments keep the inside at one hand,
//! so that they join to closed lines. Outside the grid everything is outside the region.

use std::collections::BTreeMap;

use super::region::Region;

/// Smallest area of a contour, as a share of the picture; smaller spots and holes are left out.
const LEAST_AREA: f32 = 0.006;

/// A point on a contour, from (0, 0) at the top left to (1, 1) at the bottom right of the picture.
pub(super) type Place = (f32, f32);

/// An edge of a cell: the grid point where it starts, and whether it goes down.
type Edge = (usize, usize, bool);

/// The closed contours of `region`.
pub(super) fn contours(region: &Region) -> Vec<Vec<Place>> {
    let mut next: BTreeMap<Edge, Edge> = BTreeMap::new();
    // Grid points are counted from 1; 0 and the last are outside the picture.
    for y in 0..=region.height {
        for x in 0..=region.width {
            next.extend(segments(region, x, y));
        }
    }
    let mut lines = Vec::new();
    while let Some((first, _)) = next.first_key_value() {
        let (mut line, mut edge) = (Vec::new(), *first);
        while let Some(following) = next.remove(&edge) {
            line.push(crossing(region, edge));
            edge = following;
        }
        if area(&line) >= LEAST_AREA {
            lines.push(line);
        }
    }
    lines
}

/// The value at a grid point; less than the threshold outside the picture.
fn value(region: &Region, x: usize, y: usize) -> f32 {
    let is_inside = (1..=region.width).contains(&x) && (1..=region.height).contains(&y);
    if is_inside { region.values[(y - 1) * region.width + x - 1] } else { f32::NEG_INFINITY }
}

/// The segments through the cell whose top left grid point is (x, y), each from edge to edge.
fn segments(region: &Region, x: usize, y: usize) -> Vec<(Edge, Edge)> {
    let is_in = |x, y| value(region, x, y) >= region.threshold;
    let corners = [is_in(x, y), is_in(x + 1, y), is_in(x + 1, y + 1), is_in(x, y + 1)];
    let (top, right, bottom, left) = ((x, y, false), (x + 1, y, true), (x, y + 1, false), (x, y, true));
    match corners {
        [false, false, false, false] | [true, true, true, true] => vec![],
        [true, false, false, false] => vec![(left, top)],
        [false, true, false, false] => vec![(top, right)],
        [false, false, true, false] => vec![(right, bottom)],
        [false, false, false, true] => vec![(bottom, left)],
        [true, true, false, false] => vec![(left, right)],
        [false, true, true, false] => vec![(top, bottom)],
        [false, false, true, true] => vec![(right, left)],
        [true, false, false, true] => vec![(bottom, top)],
        [false, true, true, true] => vec![(top, left)],
        [true, false, true, true] => vec![(right, top)],
        [true, true, false, true] => vec![(bottom, right)],
        [true, true, true, false] => vec![(left, bottom)],
        [true, false, true, false] => vec![(left, top), (right, bottom)],
        [false, true, false, true] => vec![(top, right), (bottom, left)],
    }
}

/// Where the contour crosses an edge.
fn crossing(region: &Region, (x, y, is_down): Edge) -> Place {
    let (to_x, to_y) = if is_down { (x, y + 1) } else { (x + 1, y) };
    let (from, to) = (value(region, x, y), value(region, to_x, to_y));
    let share = match (from.is_finite(), to.is_finite()) {
        // On the edge of the picture, half a pixel beside the outermost centres.
        (false, _) | (_, false) => 0.5,
        _ if from == to => 0.5,
        _ => (region.threshold - from) / (to - from),
    };
    let (across, down) = if is_down { (0.0, share) } else { (share, 0.0) };
    ((x as f32 + across - 0.5) / region.width as f32, (y as f32 + down - 0.5) / region.height as f32)
}

/// The area within a closed line, as a share of the picture.
fn area(line: &[Place]) -> f32 {
    let sum: f32 = (0..line.len())
        .map(|at| (line[at], line[(at + 1) % line.len()]))
        .map(|((x, y), (to_x, to_y))| x * to_y - to_x * y)
        .sum();
    sum.abs() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(width: usize, values: &[f32]) -> Region {
        Region { width, height: values.len() / width, values: values.to_vec(), threshold: 0.5 }
    }

    #[test]
    fn one_spot_is_a_diamond_around_its_centre() {
        let lines = contours(&region(3, &[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]));
        assert_eq!(lines.len(), 1);
        let mut points = lines[0].clone();
        points.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let third = 1.0 / 3.0;
        let expected = [(third, 0.5), (0.5, third), (0.5, 2.0 * third), (2.0 * third, 0.5)];
        assert!(
            points.iter().zip(expected).all(|(a, b)| (a.0 - b.0).abs() < 1e-6 && (a.1 - b.1).abs() < 1e-6)
        );
    }

    #[test]
    fn a_region_over_everything_ends_at_the_picture_s_edge() {
        let lines = contours(&region(2, &[1.0; 4]));
        assert_eq!(lines.len(), 1);
        assert!(lines[0].iter().all(|(x, y)| [0.0, 1.0].contains(x) || [0.0, 1.0].contains(y)), "{lines:?}");
        assert!(area(&lines[0]) > 0.85, "{lines:?}");
    }

    #[test]
    fn holes_and_separate_spots_are_lines_of_their_own_and_specks_are_none() {
        let ring = [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0];
        assert_eq!(contours(&region(3, &ring)).len(), 2);
        assert_eq!(contours(&region(2, &[1.0, 0.0, 0.0, 1.0])).len(), 2);
        let mut speck = vec![0.0; 900];
        speck[465] = 1.0;
        assert!(contours(&region(30, &speck)).is_empty());
        assert!(contours(&region(3, &[0.0; 9])).is_empty());
    }
}
