//! Lays out a chart: sizes, axes, line breaks, and the style of each series.

use image::Rgb;

use super::axis::{Axis, is_drawable};
use super::measure::{char_width, width};
use super::primitive::Point;
use super::{Chart, Marks, Series};
use crate::text::lines::break_anywhere;

/// Width and least height of the plot, the area that holds the data. All sizes are in pixels of the SVG.
pub(super) const PLOT: (f64, f64) = (380.0, 260.0);
/// Font sizes.
pub(super) const TITLE_SIZE: f64 = 16.0;
pub(super) const LABEL_SIZE: f64 = 13.0;
pub(super) const TICK_SIZE: f64 = 12.0;
/// The distance between lines of text, relative to the font size.
const LEADING: f64 = 1.25;
pub(super) const TITLE_LINE: f64 = TITLE_SIZE * LEADING;
pub(super) const LABEL_LINE: f64 = LABEL_SIZE * LEADING;
/// Space around a chart.
pub(super) const MARGIN: f64 = 14.0;
/// Space between the plot and the legend.
pub(super) const GAP: f64 = 10.0;
/// Width of the symbol before a name, and the distance from its left edge to the name.
pub(super) const SYMBOL: f64 = 18.0;
pub(super) const NAME_INDENT: f64 = SYMBOL + 6.0;
/// The greatest width of a line of a name.
const NAME_WIDTH: f64 = 190.0;
/// The approximate distance between ticks on the horizontal and on the vertical axis.
const TICK_GAP: (f64, f64) = (60.0, 36.0);

const MUTED: Rgb<u8> = Rgb([0xC4, 0xC8, 0xCE]);
/// Colour-blind readers tell series apart by these colours together with the symbols and dashes of the same index.
pub(super) const COLORS: [Rgb<u8>; 6] = [
    Rgb([0x17, 0x3F, 0x8F]),
    Rgb([0xD9, 0x74, 0x14]),
    Rgb([0x0C, 0x82, 0x62]),
    Rgb([0xCC, 0x4F, 0xA8]),
    Rgb([0x6B, 0x44, 0x10]),
    Rgb([0x56, 0xB4, 0xE9]),
];

/// How a series looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) color: Rgb<u8>,
    /// Index of its symbol and dashes.
    pub(super) shape: usize,
}

/// A chart with its axes, styles and broken lines of text.
pub(super) struct Layout<'a> {
    pub(super) chart: &'a Chart,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// The style of each series.
    pub(super) styles: Vec<Style>,
    /// The lines of each series' name.
    pub(super) names: Vec<Vec<String>>,
    pub(super) title: Vec<String>,
}

impl<'a> Layout<'a> {
    pub(super) fn new(chart: &'a Chart) -> Self {
        let drawn = || chart.series.iter().flat_map(points);
        let values = |of: fn(Point) -> f64| drawn().map(of).collect::<Vec<_>>();
        let is_scatter = chart.marks == Marks::Points;
        let x = Axis::new(&values(|p| p.0), None, is_scatter, (PLOT.0 / TICK_GAP.0) as usize);
        let y = Axis::new(&values(|p| p.1), chart.y_range, true, (PLOT.1 / TICK_GAP.1) as usize);
        let names = chart.series.iter().map(|s| lines(&s.name, NAME_WIDTH, LABEL_SIZE)).collect();
        let mut layout = Self { chart, x, y, styles: styles(&chart.series), names, title: Vec::new() };
        layout.title = lines(&chart.title, layout.width() - 2.0 * MARGIN, TITLE_SIZE);
        layout
    }

    pub(super) fn has_x(&self) -> bool {
        !self.chart.x_label.is_empty()
    }

    pub(super) fn has_y(&self) -> bool {
        !self.chart.y_label.is_empty()
    }

    /// The distance from the chart's left edge to the plot.
    pub(super) fn left(&self) -> f64 {
        let ticks = self.y.ticks.iter().map(|(_, label)| width(label, TICK_SIZE));
        if self.has_y() { MARGIN + 6.0 + ticks.fold(0.0, f64::max) } else { MARGIN }
    }

    /// The width of the chart.
    pub(super) fn width(&self) -> f64 {
        let names = self.names.iter().flatten().map(|line| width(line, LABEL_SIZE)).fold(0.0, f64::max);
        let legend = if self.names.is_empty() { 0.0 } else { GAP + NAME_INDENT + names };
        self.left() + PLOT.0 + legend + MARGIN
    }

    /// The space above the plot.
    pub(super) fn top(&self) -> f64 {
        let title = self.title.len() as f64 * TITLE_LINE;
        MARGIN + title + 8.0 + if self.has_y() { LABEL_LINE + 4.0 } else { 0.0 }
    }

    /// The space below the plot.
    pub(super) fn bottom(&self) -> f64 {
        MARGIN + if self.has_x() { 22.0 + LABEL_LINE } else { 0.0 }
    }

    /// The height of the legend.
    pub(super) fn names_height(&self) -> f64 {
        self.names.iter().map(|lines| name_height(lines)).sum()
    }
}

/// The points of a series that are drawn.
pub(super) fn points(series: &Series) -> impl Iterator<Item = Point> + '_ {
    series.points.iter().copied().filter(is_drawable)
}

/// The height of a name in the legend, with the space below it.
pub(super) fn name_height(lines: &[String]) -> f64 {
    lines.len().max(1) as f64 * LABEL_LINE + 3.0
}

/// Moves blocks of these heights apart, so that none covers another: the top of each, between `top` and `bottom` and as
/// near as possible to where it is wanted.
pub(super) fn spread(wanted: &[f64], heights: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut places = vec![0.0; wanted.len()];
    let mut free = top;
    for &block in &order {
        places[block] = wanted[block].max(free).min(bottom.max(free));
        free = places[block] + heights[block];
    }
    // Moves blocks that lie below the bottom up again.
    let mut end = bottom;
    for &block in order.iter().rev() {
        places[block] = places[block].min(end - heights[block]);
        end = places[block];
    }
    places
}

fn lines(text: &str, limit: f64, size: f64) -> Vec<String> {
    break_anywhere(text, limit, |c| char_width(c, size))
}

/// Muted series are grey. The others take the next colour and, after a whole round of colours, the next shape.
fn styles(series: &[Series]) -> Vec<Style> {
    let mut shown = 0;
    let style = |series: &Series| {
        let shape = if series.muted { 0 } else { shown + shown / COLORS.len() };
        let color = if series.muted { MUTED } else { COLORS[shown % COLORS.len()] };
        shown += usize::from(!series.muted);
        Style { color, shape: shape % COLORS.len() }
    };
    series.iter().map(style).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_height_or_move_apart() {
        assert_eq!(spread(&[10.0, 50.0], &[8.0, 8.0], 0.0, 100.0), [10.0, 50.0]);
        assert_eq!(spread(&[50.0, 49.0], &[8.0, 8.0], 0.0, 100.0), [57.0, 49.0]);
        assert_eq!(spread(&[99.0, 98.0, -9.0], &[8.0, 8.0, 8.0], 0.0, 100.0), [92.0, 84.0, 0.0]);
        assert!(spread(&[], &[], 0.0, 100.0).is_empty());
    }
}
