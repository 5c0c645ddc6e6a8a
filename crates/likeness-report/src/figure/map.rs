//! A map of embeddings, with wrong queries and the identities with most errors.

use super::clip::{Position, Rect};
use super::measure::{shorten, width};
use super::plot::NORMAL;
use super::svg::{chart, number, path, text};

/// The positions of images on a map, in any unit. Positions that are not finite are left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map {
    /// All drawn images but the wrong queries.
    pub points: Vec<(f64, f64)>,
    /// Queries whose first hit shows another identity.
    pub wrong: Vec<Wrong>,
    /// Identities with the most errors; their images are emphasised.
    pub named: Vec<Named>,
}

/// A wrong query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wrong {
    /// Position of the query.
    pub query: (f64, f64),
    /// Position of its first hit.
    pub hit: Option<(f64, f64)>,
}

/// An identity that is named on the map.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// The positions of its images.
    pub points: Vec<(f64, f64)>,
}

const FRAME: Rect = Rect { left: 0.0, top: 0.0, right: 400.0, bottom: 300.0 };
const MARGIN: f64 = 12.0;
const CROSS: f64 = 3.2;

/// The map, without axes: only neighbourhoods mean something. Both directions have the same scale.
pub fn map(map: &Map, label: &str) -> String {
    let mut content =
        format!(r#"<rect class="f-shade" width="{}" height="{}" rx="3"/>"#, FRAME.right, FRAME.bottom);
    let Some(view) = View::of(map) else {
        content += &text("f-mid", FRAME.centre(), "no data");
        return chart(FRAME.right, FRAME.bottom, label, &content);
    };
    let named: Vec<Vec<Position>> = map.named.iter().map(|named| view.all(&named.points)).collect();
    let wrong: Vec<Position> = view.all(&map.wrong.iter().map(|wrong| wrong.query).collect::<Vec<_>>());
    content += &path("f-dots", &dots(&view.all(&map.points)));
    content += &path("f-named", &named.iter().map(|points| dots(points)).collect::<String>());
    content += &path("f-hit", &map.wrong.iter().filter_map(|wrong| view.line(wrong)).collect::<String>());
    content += &path("f-wrong", &wrong.iter().map(|&point| cross(point)).collect::<String>());
    let mut places = Vec::new();
    for (named, points) in map.named.iter().zip(&named).filter(|(_, points)| !points.is_empty()) {
        let name = shorten(&named.name, NORMAL, 140.0);
        let place = place(width(&name, NORMAL), points, &named_obstacles(&wrong, &view, map), &places);
        content += &leader(centre(points), place);
        content += &text("f-name f-halo f-shadehalo", (place.left, place.bottom - 4.0), &name);
        places.push(place);
    }
    chart(FRAME.right, FRAME.bottom, label, &content)
}

/// How positions of the map become positions of the drawing.
struct View {
    centre: Position,
    scale: f64,
}

impl View {
    /// `None` if the map has no finite position.
    fn of(map: &Map) -> Option<Self> {
        let hits = map.wrong.iter().filter_map(|wrong| wrong.hit);
        let named = map.named.iter().flat_map(|named| named.points.iter().copied());
        let all = map.points.iter().copied().chain(map.wrong.iter().map(|wrong| wrong.query)).chain(hits);
        let all = all.chain(named).filter(is_finite);
        let point = |(x, y): Position| Rect { left: x, top: y, right: x, bottom: y };
        let bounds = all.map(point).reduce(|first, second| Rect {
            left: first.left.min(second.left),
            top: first.top.min(second.top),
            right: first.right.max(second.right),
            bottom: first.bottom.max(second.bottom),
        })?;
        let fits = |space: f64, length: f64| (space - 2.0 * MARGIN) / length.max(1e-9);
        let scale = fits(FRAME.width(), bounds.width()).min(fits(FRAME.height(), bounds.height()));
        Some(Self { centre: bounds.centre(), scale: scale.min(1e9) })
    }

    fn at(&self, (x, y): Position) -> Position {
        let (middle_x, middle_y) = FRAME.centre();
        // Upwards on the map is upwards in the drawing.
        (middle_x + (x - self.centre.0) * self.scale, middle_y - (y - self.centre.1) * self.scale)
    }

    fn all(&self, points: &[Position]) -> Vec<Position> {
        points.iter().filter(|point| is_finite(point)).map(|&point| self.at(point)).collect()
    }

    fn line(&self, wrong: &Wrong) -> Option<String> {
        let hit = wrong.hit.filter(is_finite).filter(|_| is_finite(&wrong.query))?;
        let ((x1, y1), (x2, y2)) = (self.at(wrong.query), self.at(hit));
        Some(format!("M{} {}L{} {}", number(x1), number(y1), number(x2), number(y2)))
    }
}

fn is_finite((x, y): &Position) -> bool {
    x.is_finite() && y.is_finite()
}

/// A dot at each point, drawn by the round ends of lines without length.
fn dots(points: &[Position]) -> String {
    points.iter().map(|(x, y)| format!("M{} {}h0", number(*x), number(*y))).collect()
}

fn cross((x, y): Position) -> String {
    let (left, top, side) = (number(x - CROSS), number(y - CROSS), number(2.0 * CROSS));
    format!("M{left} {top}l{side} {side}m0-{side}l-{side} {side}")
}

fn centre(points: &[Position]) -> Position {
    // The median is inside the largest group even if some images lie elsewhere.
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    (median(points.iter().map(|p| p.0).collect()), median(points.iter().map(|p| p.1).collect()))
}

/// What names stay clear of: wrong queries and emphasised images.
fn named_obstacles(wrong: &[Position], view: &View, map: &Map) -> Vec<Position> {
    let named = map.named.iter().flat_map(|named| view.all(&named.points));
    wrong.iter().copied().chain(named).collect()
}

/// A place near the centre of an identity: the free one with the fewest signs under it.
fn place(width: f64, points: &[Position], obstacles: &[Position], taken: &[Rect]) -> Rect {
    const HEIGHT: f64 = 17.0;
    let (x, y) = centre(points);
    let mut best: Option<(f64, Rect)> = None;
    for ring in 1..=12 {
        let away = f64::from(ring) * 9.0;
        for direction in 0..16 {
            let angle = f64::from(direction) / 16.0 * std::f64::consts::TAU;
            let (dx, dy) = (angle.cos() * (away + width / 2.0), angle.sin() * (away + HEIGHT / 2.0));
            let (left, top) = (x + dx - width / 2.0, y + dy - HEIGHT / 2.0);
            let place = Rect { left, top, right: left + width, bottom: top + HEIGHT };
            if !FRAME.holds(&place) || taken.iter().any(|other| place.gap(other) < 2.0) {
                continue;
            }
            let covered = obstacles.iter().filter(|&&point| place.distance(point) < CROSS + 2.0).count();
            let cost = away + 14.0 * covered as f64;
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, place));
            }
        }
    }
    best.map_or_else(|| stacked(width, HEIGHT, taken), |(_, place)| place)
}

/// The first free place from the top left, for names that find none near their identity.
fn stacked(width: f64, height: f64, taken: &[Rect]) -> Rect {
    let rows = (FRAME.height() / height) as usize;
    let row = |row: usize| Rect {
        left: 0.0,
        top: row as f64 * height,
        right: width,
        bottom: (row + 1) as f64 * height,
    };
    (0..rows).map(row).find(|place| !taken.iter().any(|other| place.overlaps(other))).unwrap_or(row(0))
}

/// A line from an identity to its name, if the name is not beside it.
fn leader((x, y): Position, place: Rect) -> String {
    if place.distance((x, y)) < 14.0 {
        return String::new();
    }
    let (to_x, to_y) = (x.clamp(place.left, place.right), y.clamp(place.top, place.bottom));
    path("f-cut", &format!("M{} {}L{} {}", number(x), number(y), number(to_x), number(to_y)))
}
