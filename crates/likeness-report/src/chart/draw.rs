//! Turns charts into drawing primitives.

use image::Rgb;

use super::layout::{
    COLORS, GAP, LABEL_LINE, LABEL_SIZE, Layout, MARGIN, NAME_INDENT, PLOT, SYMBOL, Style, TICK_SIZE,
    TITLE_LINE, TITLE_SIZE, name_height, points, spread,
};
use super::primitive::{Anchor, Area, Pen, Picture, Point, Primitive, Text};
use super::{Chart, Marks, Series};

/// Lines of more points have no symbol at each point.
const MAX_SYMBOLS: usize = 30;
/// Sizes of symbols: in scatter plots, on lines, and in the legend of scatter plots.
const SCATTER_RADIUS: f64 = 2.6;
const LINE_RADIUS: f64 = 3.0;
const LEGEND_RADIUS: f64 = 4.0;
/// Width of the clipped area around the plot, so that symbols at its edge are drawn whole.
const CLIP_MARGIN: f64 = 5.0;

const INK: Rgb<u8> = Rgb([0x15, 0x18, 0x1C]);
const FAINT: Rgb<u8> = Rgb([0x55, 0x5C, 0x66]);
const GRID: Rgb<u8> = Rgb([0xE6, 0xE9, 0xED]);
const RULE: Rgb<u8> = Rgb([0xD5, 0xD9, 0xDF]);
const DASHES: [&[f32]; COLORS.len()] =
    [&[], &[8.0, 4.0], &[2.0, 4.0], &[10.0, 3.0, 2.0, 3.0], &[5.0, 2.0], &[1.0, 3.0]];

/// `charts` side by side, with their plots at the same height.
pub(super) fn picture(charts: &[Chart]) -> Picture {
    let layouts: Vec<Layout> = charts.iter().map(Layout::new).collect();
    let most = |of: &dyn Fn(&Layout<'_>) -> f64| layouts.iter().map(of).fold(0.0, f64::max);
    let (top, plot_height) =
        (most(&|layout| layout.top()), PLOT.1.max(most(&|layout| layout.names_height())));
    let height = (top + plot_height + most(&|layout| layout.bottom())).ceil();
    let (mut left, mut primitives) = (0.0, Vec::new());
    for layout in &layouts {
        let plot = Area { left: left + layout.left(), top, width: PLOT.0, height: plot_height };
        primitives.extend(Drawing { layout, left, plot, primitives: Vec::new() }.draw());
        left += layout.width();
    }
    Picture { width: left.max(1.0).ceil(), height: height.max(1.0), primitives }
}

/// Draws one chart.
struct Drawing<'a, 'c> {
    layout: &'a Layout<'c>,
    /// The chart's left edge.
    left: f64,
    plot: Area,
    primitives: Vec<Primitive>,
}

impl Drawing<'_, '_> {
    fn draw(mut self) -> Vec<Primitive> {
        let layout = self.layout;
        for (index, line) in layout.title.iter().enumerate() {
            let y = MARGIN + TITLE_SIZE + index as f64 * TITLE_LINE;
            self.text((self.left + MARGIN, y), Anchor::Start, TITLE_SIZE, INK, line);
        }
        self.draw_axes();
        let area = Area {
            left: self.plot.left - CLIP_MARGIN,
            top: self.plot.top - CLIP_MARGIN,
            width: self.plot.width + 2.0 * CLIP_MARGIN,
            height: self.plot.height + 2.0 * CLIP_MARGIN,
        };
        let series = layout.chart.series.iter().zip(&layout.styles);
        let contents = series.flat_map(|(series, style)| self.series(series, *style)).collect();
        self.primitives.push(Primitive::Clip { area, contents });
        self.draw_legend();
        self.primitives
    }

    fn draw_axes(&mut self) {
        let layout = self.layout;
        if layout.has_y() {
            self.draw_y_axis();
        }
        if layout.has_x() {
            self.draw_x_axis();
        }
        if !layout.has_x() && !layout.has_y() {
            self.primitives.push(Primitive::Frame { area: self.plot, color: RULE });
        }
    }

    fn draw_y_axis(&mut self) {
        let (layout, Area { left, top, width, .. }) = (self.layout, self.plot);
        self.text((left, top - 12.0), Anchor::Start, LABEL_SIZE, FAINT, &layout.chart.y_label);
        for (value, label) in &layout.y.ticks {
            let y = self.y(*value);
            self.rule((left, y), (left + width, y), GRID);
            self.text((left - 6.0, y + 4.0), Anchor::End, TICK_SIZE, FAINT, label);
        }
    }

    fn draw_x_axis(&mut self) {
        let (layout, Area { left, top, width, height }) = (self.layout, self.plot);
        let (right, bottom) = (left + width, top + height);
        self.rule((left, bottom), (right, bottom), RULE);
        for (value, label) in &layout.x.ticks {
            let x = self.x(*value);
            self.rule((x, bottom), (x, bottom + 4.0), RULE);
            self.text((x, bottom + 17.0), Anchor::Middle, TICK_SIZE, FAINT, label);
        }
        let at = (right, bottom + 20.0 + LABEL_LINE);
        self.text(at, Anchor::End, LABEL_SIZE, FAINT, &layout.chart.x_label);
    }

    /// The line and the symbols of one series.
    fn series(&self, series: &Series, style: Style) -> Vec<Primitive> {
        let points: Vec<Point> = points(series).map(|(x, y)| (self.x(x), self.y(y))).collect();
        let symbols = |radius| points.iter().flat_map(move |&at| symbol(at, radius, style));
        if self.layout.chart.marks == Marks::Points {
            return symbols(SCATTER_RADIUS).collect();
        }
        let mut drawn = Vec::new();
        if points.len() > 1 {
            drawn.push(line(points.clone(), style));
        }
        if points.len() <= MAX_SYMBOLS {
            drawn.extend(symbols(LINE_RADIUS));
        }
        drawn
    }

    /// The names to the right of the plot, each after the symbol of its series.
    ///
    /// The name of a line is at the height of the line's end if there is space. The names of scattered points are a list.
    fn draw_legend(&mut self) {
        let layout = self.layout;
        let is_list = layout.chart.marks == Marks::Points;
        let wanted = |series: &Series| match points(series).last() {
            Some((_, y)) if !is_list => self.y(y) - 0.5 * LABEL_LINE,
            // In the order of the series, muted ones last.
            _ => self.plot.top + f64::from(u8::from(series.muted)),
        };
        let wanted: Vec<f64> = layout.chart.series.iter().map(wanted).collect();
        let heights: Vec<f64> = layout.names.iter().map(|lines| name_height(lines)).collect();
        let tops = spread(&wanted, &heights, self.plot.top, self.plot.top + self.plot.height);
        let left = self.plot.left + self.plot.width + GAP;
        for (index, &top) in tops.iter().enumerate() {
            let (style, middle) = (layout.styles[index], top + 0.5 * LABEL_LINE);
            if !is_list {
                self.primitives.push(line(vec![(left, middle), (left + SYMBOL, middle)], style));
            }
            let radius = if is_list { LEGEND_RADIUS } else { LINE_RADIUS };
            self.primitives.extend(symbol((left + 0.5 * SYMBOL, middle), radius, style));
            for (index, text) in layout.names[index].iter().enumerate() {
                let at = (left + NAME_INDENT, middle + 4.5 + index as f64 * LABEL_LINE);
                self.text(at, Anchor::Start, LABEL_SIZE, INK, text);
            }
        }
    }

    fn x(&self, value: f64) -> f64 {
        self.plot.left + self.plot.width * self.layout.x.share(value)
    }

    fn y(&self, value: f64) -> f64 {
        // Points far outside the plot are clipped anyway; their coordinates stay short.
        self.plot.top + self.plot.height * (1.0 - self.layout.y.share(value).clamp(-9.0, 10.0))
    }

    fn text(&mut self, at: Point, anchor: Anchor, size: f64, color: Rgb<u8>, content: &str) {
        let text = Text { at, anchor, size, color, content: content.to_owned() };
        self.primitives.push(Primitive::Text(text));
    }

    fn rule(&mut self, from: Point, to: Point, color: Rgb<u8>) {
        let pen = Pen { color, width: 1.0, dashes: &[] };
        self.primitives.push(Primitive::Line { points: vec![from, to], pen });
    }
}

fn line(points: Vec<Point>, Style { color, shape }: Style) -> Primitive {
    Primitive::Line { points, pen: Pen { color, width: 2.0, dashes: DASHES[shape] } }
}

/// The symbol of a series at a point: circle, square, triangle, diamond, inverted triangle or cross.
fn symbol(center: Point, radius: f64, Style { color, shape }: Style) -> Vec<Primitive> {
    let (x, y) = center;
    let at = |(dx, dy): Point| (x + dx * radius, y + dy * radius);
    let polygon = |corners: &[Point]| {
        vec![Primitive::Polygon { corners: corners.iter().copied().map(at).collect(), color }]
    };
    match shape {
        0 => vec![Primitive::Circle { center, radius, color }],
        1 => polygon(&[(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]),
        2 => polygon(&[(-1.0, 1.0), (0.0, -1.0), (1.0, 1.0)]),
        3 => polygon(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
        4 => polygon(&[(-1.0, -1.0), (1.0, -1.0), (0.0, 1.0)]),
        _ => {
            let pen = Pen { color, width: 1.6, dashes: &[] };
            let stroke = |from, to| Primitive::Line { points: vec![at(from), at(to)], pen };
            vec![stroke((-1.0, -1.0), (1.0, 1.0)), stroke((-1.0, 1.0), (1.0, -1.0))]
        }
    }
}
