//! A plot with axes: grid, ticks, labels, rules, hatching; lines and bands of models, cut at the edges.

use std::fmt::Write as _;

use super::clip::{Position, Rect};
use super::measure::{shorten, width};
use super::place::{self, Surroundings, Wanted};
use super::scale::Scale;
use super::style;
use super::svg::{self, chart, number};

/// Font size of ticks and rule labels.
pub(super) const SMALL: f64 = 12.0;
/// Font size of names and axis labels.
pub(super) const NORMAL: f64 = 13.0;
/// Ticks nearer than this are dropped.
const TICK_DISTANCE: f64 = 13.0;
/// A name in a plot is at most this share of the plot's width.
const NAME_SHARE: f64 = 0.45;
/// Space for the mark before a name.
const MARK_SPACE: f64 = 14.0;
const MARK_RADIUS: f64 = 4.0;

/// An axis.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) scale: Scale,
    pub(super) ticks: Vec<(f64, String)>,
    pub(super) label: String,
}

/// The size of a drawing, and the space above the plot for labels of rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Whether labels stand between the y label and the plot.
    pub(super) has_rules: bool,
}

/// A plot in the making.
#[derive(Debug)]
pub(super) struct Plot {
    pub(super) area: Rect,
    pub(super) content: String,
    size: Size,
    x: Axis,
    y: Axis,
    /// Texts inside the area, which names stay clear of.
    texts: Vec<Rect>,
    hatched: Option<Rect>,
    rules: Vec<f64>,
    names: Vec<Name>,
}

/// A name that is to be placed beside its curve.
#[derive(Debug)]
struct Name {
    model: usize,
    has_mark: bool,
    text: String,
    /// Points of the curve, close to each other.
    curve: Vec<Position>,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stroke {
    /// With the dash of its model.
    Model,
    /// Without a dash.
    Solid,
    /// Dotted, as projections are.
    Dotted,
}

impl Plot {
    /// An empty plot that leaves space for the labels of both axes.
    pub(super) fn new(size: Size, x: Axis, y: Axis) -> Self {
        let widest = y.ticks.iter().map(|(_, label)| width(label, SMALL)).fold(0.0, f64::max);
        let last = x.ticks.last().map_or(0.0, |(_, label)| width(label, SMALL));
        let area = Rect {
            left: (widest + 12.0).max(24.0),
            top: if size.has_rules { 46.0 } else { 28.0 },
            right: size.width - (last / 2.0).clamp(6.0, 24.0),
            bottom: size.height - 44.0,
        };
        Self {
            area,
            content: String::new(),
            size,
            x,
            y,
            texts: Vec::new(),
            hatched: None,
            rules: Vec::new(),
            names: Vec::new(),
        }
    }

    /// The horizontal position of a value.
    pub(super) fn x(&self, value: f64) -> f64 {
        self.area.left + self.x.scale.position(value) * self.area.width()
    }

    /// The vertical position of a value.
    pub(super) fn y(&self, value: f64) -> f64 {
        self.area.bottom - self.y.scale.position(value) * self.area.height()
    }

    /// Whether a value lies on the horizontal axis.
    pub(super) fn has_x(&self, value: f64) -> bool {
        self.x.scale.contains(value)
    }

    pub(super) fn text(&mut self, class: &str, at: Position, text: &str) {
        self.content += &svg::text(class, at, text);
    }

    /// Keeps names away from a text inside the plot.
    pub(super) fn reserve(&mut self, text: Rect) {
        self.texts.push(text);
    }

    pub(super) fn path(&mut self, class: &str, data: &str) {
        self.content += &svg::path(class, data);
    }

    /// Draws a light rectangle, the ground of projections.
    pub(super) fn shade(&mut self, area: Rect) {
        let Rect { left, top, .. } = area;
        let data = format!(
            "M{} {}h{}v{}H{}z",
            number(left),
            number(top),
            number(area.width()),
            number(area.height()),
            number(left)
        );
        self.path("f-shade", &data);
    }

    /// Hatches the plot from its left edge to `x`.
    pub(super) fn hatch(&mut self, x: f64) {
        let area = Rect { right: x.clamp(self.area.left, self.area.right), ..self.area };
        if area.width() < 1.0 {
            return;
        }
        self.path("f-hatch", &hatching(area));
        self.hatched = Some(area);
    }

    /// Says in the hatched part why nothing is drawn there; `below` is the second line.
    pub(super) fn explain_hatching(&mut self, below: &str) {
        let Some(area) = self.hatched else { return };
        let words = "insufficient data";
        let (x, y) = area.centre();
        if area.width() > width(words, SMALL) + 8.0 {
            self.text("f-mid f-halo", (x, y - 3.0), words);
            if !below.is_empty() {
                self.text("f-mid f-halo", (x, y + 13.0), below);
            }
        } else if area.width() > 16.0 {
            let (x, y) = (number(x + 4.0), number(y));
            let _ = write!(
                self.content,
                r#"<text class="f-mid f-halo" transform="translate({x} {y})rotate(-90)">{words}</text>"#
            );
        }
    }

    /// Draws grid, ticks and labels of both axes.
    pub(super) fn axes(&mut self) {
        let Rect { left, right, .. } = self.area;
        let (mut grid, mut previous) = (String::new(), f64::INFINITY);
        for (value, label) in self.y.ticks.clone() {
            let y = self.y(value);
            if previous - y >= TICK_DISTANCE {
                let _ = write!(grid, "M{} {}H{}", number(left), number(y), number(right));
                self.text("f-end", (left - 7.0, y + 4.0), &label);
                previous = y;
            }
        }
        self.path("f-grid", &grid);
        self.x_axis();
        let label = shorten(&self.y.label, NORMAL, self.size.width);
        self.text("f-y", (0.0, 13.0), &label);
    }

    /// Draws the line, ticks and label of the horizontal axis.
    fn x_axis(&mut self) {
        let Rect { left, right, bottom, .. } = self.area;
        let mut line = format!("M{} {}H{}", number(left), number(bottom), number(right));
        let mut end = f64::NEG_INFINITY;
        for (value, label) in self.x.ticks.clone() {
            let (x, half) = (self.x(value), width(&label, SMALL) / 2.0);
            let _ = write!(line, "M{} {}v4", number(x), number(bottom));
            let middle = x.clamp(half, self.size.width - half);
            if middle - half > end {
                self.text("f-mid", (middle, bottom + 18.0), &label);
                end = (middle + half).max(x + TICK_DISTANCE - half) + 4.0;
            }
        }
        self.path("f-axis", &line);
        let label = shorten(&self.x.label, NORMAL, self.size.width - 2.0);
        self.text("f-x f-end", (self.size.width - 1.0, self.size.height - 6.0), &label);
    }

    /// Draws dotted vertical rules with labels above the plot, after words that say what they are.
    pub(super) fn rules(&mut self, rules: &[(f64, String)], words: &str) {
        let Rect { top, bottom, .. } = self.area;
        let baseline = top - 8.0;
        let (mut data, mut end) = (String::new(), None);
        let scale = self.x.scale;
        for (value, label) in rules.iter().filter(|(value, _)| scale.contains(*value)) {
            let (x, half) = (self.x(*value), width(label, SMALL) / 2.0);
            let _ = write!(data, "M{} {}V{}", number(x), number(top - 4.0), number(bottom));
            self.rules.push(x);
            let middle = x.clamp(half, (self.size.width - half).max(half));
            let start = middle - half - 4.0;
            if end.is_none() && start >= width(words, SMALL) {
                self.text("f-end", (start, baseline), words);
            }
            if end.is_none_or(|end| middle - half > end) {
                self.text("f-mid", (middle, baseline), label);
                end = Some(middle + half + 6.0);
            }
        }
        self.path("f-rule", &data);
    }

    /// Draws a band between lower and upper ends of intervals.
    pub(super) fn band(&mut self, ends: &[(f64, (f64, f64))]) {
        let upper = ends.iter().map(|(x, (_, high))| (self.x(*x), self.y(*high)));
        let lower = ends.iter().rev().map(|(x, (low, _))| (self.x(*x), self.y(*low)));
        let corners = self.area.clip_polygon(&upper.chain(lower).collect::<Vec<_>>());
        if corners.len() > 2 {
            self.path("f-band", &(line_data(&corners) + "z"));
        }
    }

    /// Draws a line through values, and returns what of it lies inside the plot.
    pub(super) fn line(&mut self, values: &[(f64, f64)], stroke: Stroke) -> Vec<Vec<Position>> {
        let points: Vec<Position> = values.iter().map(|&(x, y)| (self.x(x), self.y(y))).collect();
        let parts = self.area.clip_line(&points);
        let data: String = parts.iter().filter(|part| part.len() > 1).map(|part| line_data(part)).collect();
        let class = match stroke {
            Stroke::Model => "f-line",
            Stroke::Solid => "f-solid",
            Stroke::Dotted => "f-dotted",
        };
        self.path(class, &data);
        parts
    }

    /// Draws the model's mark at each value inside the plot.
    pub(super) fn marks(&mut self, model: usize, values: &[(f64, f64)], class: &str) {
        let data: String = values
            .iter()
            .map(|&(x, y)| (self.x(x), self.y(y)))
            .filter(|&point| self.area.contains(point))
            .map(|(x, y)| style::mark(model, x, y, MARK_RADIUS))
            .collect();
        self.path(class, &data);
    }

    pub(super) fn open(&mut self, model: usize) {
        let _ = write!(self.content, r#"<g class="{}">"#, style::class(Some(model)));
    }

    pub(super) fn close(&mut self) {
        self.content.push_str("</g>");
    }

    /// Asks for a name beside a curve, drawn by [`Plot::finish`]; `has_mark` puts the model's mark before it.
    pub(super) fn name(&mut self, (model, has_mark): (usize, bool), name: &str, curve: &[Vec<Position>]) {
        let curve = curve.iter().flat_map(|part| place::sample(part)).collect();
        let text = shorten(name, NORMAL, self.area.width() * NAME_SHARE);
        self.names.push(Name { model, has_mark, text, curve });
    }

    /// Draws the names, and returns the element.
    pub(super) fn finish(mut self, label: &str) -> String {
        let names = std::mem::take(&mut self.names);
        let space = |name: &Name| if name.has_mark { MARK_SPACE } else { 0.0 };
        let wanted: Vec<Wanted> = names
            .iter()
            .map(|name| Wanted {
                size: (width(&name.text, NORMAL) + space(name), 17.0),
                curve: name.curve.clone(),
            })
            .collect();
        let around = Surroundings {
            area: self.area,
            texts: self.texts.clone(),
            hatched: self.hatched,
            rules: self.rules.clone(),
        };
        for (name, place) in names.iter().zip(place::place(&wanted, &around)) {
            self.open(name.model);
            let others = names.iter().filter(|other| !std::ptr::eq(*other, name));
            self.path("f-leader", &leader(&name.curve, others.flat_map(|other| &other.curve), place));
            if name.has_mark {
                self.path(
                    "f-mark f-halo",
                    &style::mark(name.model, place.left + 5.0, place.centre().1, MARK_RADIUS),
                );
            }
            self.close();
            self.text("f-name f-halo", (place.left + space(name), place.bottom - 4.0), &name.text);
        }
        chart(self.size.width, self.size.height, label, &self.content)
    }

    /// Writes "no data" into the middle, and returns the element.
    pub(super) fn without_data(mut self, label: &str) -> String {
        let right = Rect { left: self.hatched.map_or(self.area.left, |hatched| hatched.right), ..self.area };
        let (x, y) = self.area.centre();
        // On hatched ground the words follow those about it.
        let at = if right.width() > 60.0 { (right.centre().0, y) } else { (x, y + 29.0) };
        self.text("f-mid f-halo", at, "no data");
        self.finish(label)
    }
}

/// A line from a curve to its name, if the name is not beside it, or another curve is nearer.
fn leader<'a>(curve: &[Position], others: impl Iterator<Item = &'a Position>, place: Rect) -> String {
    const BESIDE: f64 = 14.0;
    let nearest = curve.iter().min_by(|&&a, &&b| place.distance(a).total_cmp(&place.distance(b)));
    let Some(&(x, y)) = nearest else { return String::new() };
    let (own, other) =
        (place.distance((x, y)), others.map(|&point| place.distance(point)).fold(BESIDE, f64::min));
    if own <= other {
        return String::new();
    }
    line_data(&[(x, y), (x.clamp(place.left, place.right), y.clamp(place.top, place.bottom))])
}

/// The path of a line; points that round to the same place are written once.
pub(super) fn line_data(points: &[Position]) -> String {
    let mut data = String::new();
    let mut previous = String::new();
    for (x, y) in points {
        let point = format!("{} {}", number(*x), number(*y));
        if point != previous {
            data.push(if data.is_empty() { 'M' } else { 'L' });
            data.push_str(&point);
            previous = point;
        }
    }
    data
}

/// Diagonal lines over a rectangle.
pub(super) fn hatching(area: Rect) -> String {
    const DISTANCE: f64 = 7.0;
    let mut data = String::new();
    let count = ((area.width() + area.height()) / DISTANCE) as usize;
    for index in 1..=count {
        let start = area.left + index as f64 * DISTANCE;
        let end = (start - area.height(), area.bottom);
        if let Some(((x1, y1), (x2, y2))) = area.clip_segment((start, area.top), end) {
            let _ = write!(data, "M{} {}L{} {}", number(x1), number(y1), number(x2), number(y2));
        }
    }
    data
}
