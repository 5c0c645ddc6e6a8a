//! Places for the names of curves: beside the own curve, away from everything else.
//!
//! Places above, below, left and right of points along each curve are rated by their distance to other curves and names,
//! and by what they would cover. Each name takes its best free place; then each one may move again, once the others have
//! places. Names never overlap: if one finds no free place, all names are stacked at the upper right.

use super::clip::{Position, Rect};

/// A name to be placed.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Width and height of the name with its mark.
    pub(super) size: (f64, f64),
    /// Points of the named curve, close to each other; see [`sample`].
    pub(super) curve: Vec<Position>,
}

/// What names must stay clear of.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    /// Names stay inside.
    pub(super) area: Rect,
    /// Other texts, which names never cover.
    pub(super) texts: Vec<Rect>,
    /// Hatched ground, which names hardly ever cover.
    pub(super) hatched: Option<Rect>,
    /// Horizontal positions of vertical rules, which names cover only for a better place.
    pub(super) rules: Vec<f64>,
}

/// Between a name and its curve.
const CLEARANCE: f64 = 4.0;
/// Between points of a sampled curve.
const STEP: f64 = 4.0;
/// Every so many points of a curve, places are tried.
const STRIDE: usize = 2;
/// A curve farther away than this does not matter.
const FAR: f64 = 32.0;
/// Times that names may move after all have a place.
const ROUNDS: usize = 3;

/// Points along a line with at most [`STEP`] between them.
pub(super) fn sample(line: &[Position]) -> Vec<Position> {
    let mut points: Vec<Position> = line.first().copied().into_iter().collect();
    for pair in line.windows(2) {
        let ((x, y), (dx, dy)) = (pair[0], (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1));
        let steps = (dx.hypot(dy) / STEP).ceil().max(1.0);
        points.extend((1..=steps as usize).map(|i| {
            let share = i as f64 / steps;
            (x + share * dx, y + share * dy)
        }));
    }
    points
}

/// A place for each name, in the order of `wanted`.
pub(super) fn place(wanted: &[Wanted], around: &Surroundings) -> Vec<Rect> {
    let mut places: Vec<Option<Rect>> = vec![None; wanted.len()];
    for _ in 0..ROUNDS {
        for index in 0..wanted.len() {
            let best = best_place(index, wanted, &places, around);
            places[index] = best.or(places[index]);
        }
    }
    places.into_iter().collect::<Option<Vec<_>>>().unwrap_or_else(|| stacked(wanted, around.area))
}

/// All names below each other at the upper right.
fn stacked(wanted: &[Wanted], area: Rect) -> Vec<Rect> {
    let mut top = area.top;
    wanted
        .iter()
        .map(|name| {
            let (width, height) = name.size;
            let place = Rect { left: area.right - width, top, right: area.right, bottom: top + height };
            top += height;
            place
        })
        .collect()
}

fn best_place(
    index: usize,
    wanted: &[Wanted],
    places: &[Option<Rect>],
    around: &Surroundings,
) -> Option<Rect> {
    let others: Vec<Rect> = places
        .iter()
        .enumerate()
        .filter_map(|(other, place)| if other == index { None } else { *place })
        .chain(around.texts.iter().copied())
        .collect();
    candidates(&wanted[index], around.area)
        .into_iter()
        .filter(|place| !others.iter().any(|other| place.overlaps(other)))
        .map(|place| (rating(&place, index, wanted, &others, around), place))
        .max_by(|(first, _), (second, _)| first.total_cmp(second))
        .map(|(_, place)| place)
}

/// Places beside the points of the own curve, and a coarse grid for curves without any.
fn candidates(name: &Wanted, area: Rect) -> Vec<Rect> {
    let (width, height) = name.size;
    let at = |left: f64, top: f64| Rect { left, top, right: left + width, bottom: top + height };
    let mut places = Vec::new();
    for &(x, y) in name.curve.iter().step_by(STRIDE) {
        for left in [x - width, x - width / 2.0, x] {
            let beside = name.curve.iter().filter(|point| (left..=left + width).contains(&point.0));
            let (highest, lowest) =
                beside.fold((y, y), |(low, high), point| (low.min(point.1), high.max(point.1)));
            places.extend([at(left, highest - CLEARANCE - height), at(left, lowest + CLEARANCE)]);
        }
        let middle = y - height / 2.0;
        places.extend([at(x + 2.0 * CLEARANCE, middle), at(x - 2.0 * CLEARANCE - width, middle)]);
    }
    let (columns, rows) = (8, (area.height() / height).floor().max(1.0) as usize);
    for row in 0..rows {
        for column in 0..=columns {
            let share = column as f64 / columns as f64;
            places.push(at(area.left + share * (area.width() - width), area.top + row as f64 * height));
        }
    }
    places.retain(|place| area.holds(place));
    places
}

/// How good a place is; differences of 1 are about one unit of distance.
fn rating(place: &Rect, index: usize, wanted: &[Wanted], others: &[Rect], around: &Surroundings) -> f64 {
    let to_curve =
        |curve: &[Position]| curve.iter().map(|&point| place.distance(point)).fold(f64::INFINITY, f64::min);
    let own = to_curve(&wanted[index].curve);
    let other = wanted
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != index)
        .map(|(_, name)| to_curve(&name.curve))
        .fold(FAR, f64::min);
    let name = others.iter().map(|other| place.gap(other)).fold(FAR, f64::min);
    let crossed =
        around.rules.iter().filter(|&&rule| (place.left - 3.0..place.right + 3.0).contains(&rule)).count();
    let mut rating = other + 0.3 * name - 9.0 * crossed as f64;
    if own < CLEARANCE / 2.0 {
        rating -= 60.0;
    } else if own.is_finite() {
        rating -= 1.5 * (own - 2.0 * CLEARANCE).max(0.0);
    }
    if other < CLEARANCE / 2.0 {
        rating -= 100.0;
    }
    // A name nearer to another curve would be read as that curve's.
    if other < own + 3.0 && own.is_finite() {
        rating -= 25.0;
    }
    if around.hatched.is_some_and(|hatched| hatched.overlaps(place)) {
        rating -= 120.0;
    }
    rating
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AREA: Rect = Rect { left: 40.0, top: 40.0, right: 390.0, bottom: 220.0 };

    fn surroundings() -> Surroundings {
        Surroundings { area: AREA, texts: Vec::new(), hatched: None, rules: vec![100.0, 200.0, 300.0] }
    }

    /// A curve that wanders from the left to the right edge.
    fn wandering() -> impl Strategy<Value = Vec<Position>> {
        (AREA.top..AREA.bottom, prop::collection::vec(-20.0_f64..20.0, 36)).prop_map(|(start, steps)| {
            let mut y: f64 = start;
            let line: Vec<Position> = steps
                .iter()
                .enumerate()
                .map(|(index, step)| {
                    y = (y + step).clamp(AREA.top, AREA.bottom);
                    (AREA.left + index as f64 * 10.0, y)
                })
                .collect();
            sample(&line)
        })
    }

    fn name() -> impl Strategy<Value = Wanted> {
        let curve = prop_oneof![4 => wandering(), 1 => Just(Vec::new())];
        (20.0_f64..170.0, curve).prop_map(|(width, curve)| Wanted { size: (width, 17.0), curve })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn names_of_random_curves_never_overlap(wanted in prop::collection::vec(name(), 1..=6)) {
            let places = place(&wanted, &surroundings());
            prop_assert_eq!(places.len(), wanted.len());
            for (index, first) in places.iter().enumerate() {
                prop_assert!(AREA.holds(first), "{:?}", first);
                for second in &places[index + 1..] {
                    prop_assert!(!first.overlaps(second), "{:?} and {:?}", first, second);
                }
            }
        }
    }

    #[test]
    fn a_name_lies_beside_its_own_curve() {
        let flat = |y: f64| sample(&[(AREA.left, y), (AREA.right, y)]);
        let wanted: Vec<Wanted> = [80.0, 150.0].map(|y| Wanted { size: (80.0, 17.0), curve: flat(y) }).into();
        let places = place(&wanted, &surroundings());
        for (name, place) in wanted.iter().zip(&places) {
            let distance = name.curve.iter().map(|&p| place.distance(p)).fold(f64::INFINITY, f64::min);
            assert!((CLEARANCE / 2.0..12.0).contains(&distance), "{distance}");
        }
    }

    #[test]
    fn a_name_avoids_hatching_and_texts() {
        let hatched = Rect { right: 200.0, ..AREA };
        let text = Rect { left: 250.0, ..AREA };
        let around = Surroundings { texts: vec![text], hatched: Some(hatched), ..surroundings() };
        let name = Wanted { size: (40.0, 17.0), curve: sample(&[(200.0, 100.0), (390.0, 150.0)]) };
        let places = place(&[name], &around);
        assert!(!places[0].overlaps(&hatched) && !places[0].overlaps(&text), "{places:?}");
    }

    #[test]
    fn crowded_names_are_stacked() {
        let name = Wanted { size: (340.0, 29.0), curve: Vec::new() };
        let around = Surroundings { texts: vec![AREA], ..surroundings() };
        let places = place(&vec![name; 6], &around);
        assert!(places.windows(2).all(|pair| !pair[0].overlaps(&pair[1])));
    }
}
