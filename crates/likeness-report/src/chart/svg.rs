//! Lays charts out and writes them as SVG.

use std::fmt::Write;

use super::axis::{Axis, is_drawable};
use super::text::{escape, width, wrap};
use super::{Chart, Marks, Series};

/// Width and least height of the area that holds the data, in pixels.
const PLOT_PX: (f64, f64) = (380.0, 260.0);
const TITLE_PX: f64 = 16.0;
const LABEL_PX: f64 = 13.0;
const TICK_PX: f64 = 12.0;
/// From one line of text to the next, in font sizes.
const LEADING: f64 = 1.25;
/// A line of a label.
const LINE_PX: f64 = LABEL_PX * LEADING;
const MARGIN: f64 = 14.0;
/// From the data to the names beside it, and the width of the sign before a name.
const GAP: f64 = 10.0;
const SIGN: f64 = 18.0;
/// Widest line of a name.
const NAME_PX: f64 = 190.0;
/// Distance of ticks on the horizontal and on the vertical axis, about.
const TICK_GAP: (f64, f64) = (60.0, 36.0);
/// Lines of more points have no sign at each.
const MARKED_POINTS: usize = 30;

/// The family of the font that the program brings; browsers without it take their own.
const FONT: &str = "Ubuntu, sans-serif";
const INK: &str = "#15181C";
const FAINT: &str = "#555C66";
const GRID: &str = "#E6E9ED";
const RULE: &str = "#D5D9DF";
const MUTED: &str = "#C4C8CE";
/// Told apart by colour-blind readers together with the shapes and dashes of the same place.
const COLORS: [&str; 6] = ["#173F8F", "#D97414", "#0C8262", "#CC4FA8", "#6B4410", "#56B4E9"];
const DASHES: [&str; 6] = ["", "8 4", "2 4", "10 3 2 3", "5 2", "1 3"];

/// `charts` side by side.
pub(super) fn document(charts: &[Chart]) -> String {
    let layouts: Vec<Layout> = charts.iter().map(Layout::new).collect();
    let most = |of: &dyn Fn(&Layout<'_>) -> f64| layouts.iter().map(of).fold(0.0, f64::max);
    let (top, height) = (most(&|layout| layout.top()), PLOT_PX.1.max(most(&|layout| layout.names_height())));
    let total = (top + height + most(&|layout| layout.bottom())).ceil();
    let full = layouts.iter().map(Layout::width).sum::<f64>().max(1.0).ceil();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{full}\" height=\"{total}\" \
         viewBox=\"0 0 {full} {total}\" font-family=\"{FONT}\">\n\
         <rect width=\"{full}\" height=\"{total}\" fill=\"#FFFFFF\"/>\n"
    );
    let mut left = 0.0;
    for (index, layout) in layouts.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate({left:.1} 0)\">");
        Drawing { layout, top, height, svg: &mut svg }.draw(index);
        svg.push_str("</g>\n");
        left += layout.width();
    }
    svg.push_str("</svg>\n");
    svg
}

/// How a series looks.
#[derive(Clone, Copy)]
struct Style {
    color: &'static str,
    shape: usize,
}

/// What a chart needs beside the area of its data.
struct Layout<'a> {
    chart: &'a Chart,
    x: Axis,
    y: Axis,
    styles: Vec<Style>,
    /// The lines of each name.
    names: Vec<Vec<String>>,
    title: Vec<String>,
}

impl<'a> Layout<'a> {
    fn new(chart: &'a Chart) -> Self {
        let drawn = || chart.series.iter().flat_map(points);
        let values = |of: fn((f64, f64)) -> f64| drawn().map(of).collect::<Vec<_>>();
        let x = Axis::new(
            &values(|p| p.0),
            None,
            chart.marks == Marks::Points,
            (PLOT_PX.0 / TICK_GAP.0) as usize,
        );
        let y = Axis::new(&values(|p| p.1), chart.y_range, true, (PLOT_PX.1 / TICK_GAP.1) as usize);
        let mut shown = 0;
        let style = |series: &Series| {
            let shape = if series.muted { 0 } else { shown + shown / COLORS.len() };
            let color = if series.muted { MUTED } else { COLORS[shown % COLORS.len()] };
            shown += usize::from(!series.muted);
            Style { color, shape: shape % COLORS.len() }
        };
        let styles = chart.series.iter().map(style).collect();
        let names = chart.series.iter().map(|s| wrap(&s.name, NAME_PX / LABEL_PX)).collect();
        let mut layout = Self { chart, x, y, styles, names, title: Vec::new() };
        layout.title = wrap(&chart.title, (layout.width() - 2.0 * MARGIN) / TITLE_PX);
        layout
    }

    fn has_x(&self) -> bool {
        !self.chart.x_label.is_empty()
    }

    fn has_y(&self) -> bool {
        !self.chart.y_label.is_empty()
    }

    fn left(&self) -> f64 {
        let ticks = self.y.ticks.iter().map(|(_, label)| width(label) * TICK_PX);
        if self.has_y() { MARGIN + 6.0 + ticks.fold(0.0, f64::max) } else { MARGIN }
    }

    fn width(&self) -> f64 {
        let names = self.names.iter().flatten().map(|line| width(line) * LABEL_PX).fold(0.0, f64::max);
        let beside = if self.names.is_empty() { 0.0 } else { GAP + SIGN + 6.0 + names };
        self.left() + PLOT_PX.0 + beside + MARGIN
    }

    fn top(&self) -> f64 {
        let title = self.title.len() as f64 * TITLE_PX * LEADING;
        MARGIN + title + 8.0 + if self.has_y() { LINE_PX + 4.0 } else { 0.0 }
    }

    fn bottom(&self) -> f64 {
        MARGIN + if self.has_x() { 22.0 + LINE_PX } else { 0.0 }
    }

    fn names_height(&self) -> f64 {
        self.names.iter().map(|lines| block_height(lines)).sum()
    }
}

fn points(series: &Series) -> impl Iterator<Item = (f64, f64)> + '_ {
    series.points.iter().copied().filter(is_drawable)
}

fn block_height(lines: &[String]) -> f64 {
    lines.len().max(1) as f64 * LINE_PX + 3.0
}

/// Writes one chart.
struct Drawing<'a, 'c> {
    layout: &'a Layout<'c>,
    top: f64,
    height: f64,
    svg: &'a mut String,
}

impl Drawing<'_, '_> {
    fn draw(&mut self, index: usize) {
        let (layout, top, height) = (self.layout, self.top, self.height);
        for (line, text) in layout.title.iter().enumerate() {
            let y = MARGIN + TITLE_PX + line as f64 * TITLE_PX * LEADING;
            self.text(MARGIN, y, TITLE_PX, "start", INK, text);
        }
        self.axes();
        let (x, y, width, tall) = (layout.left() - 5.0, top - 5.0, PLOT_PX.0 + 10.0, height + 10.0);
        let _ = writeln!(
            self.svg,
            "<clipPath id=\"plot{index}\"><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{tall:.1}\"/></clipPath>\n<g clip-path=\"url(#plot{index})\">"
        );
        for (series, style) in layout.chart.series.iter().zip(&layout.styles) {
            self.series(series, *style);
        }
        self.svg.push_str("</g>\n");
        self.names();
    }

    fn axes(&mut self) {
        let (layout, bottom) = (self.layout, self.top + self.height);
        let (left, right) = (layout.left(), layout.left() + PLOT_PX.0);
        if layout.has_y() {
            self.text(left, self.top - 12.0, LABEL_PX, "start", FAINT, &layout.chart.y_label);
            for (value, label) in &layout.y.ticks {
                let y = self.y(*value);
                self.line((left, y), (right, y), GRID);
                self.text(left - 6.0, y + 4.0, TICK_PX, "end", FAINT, label);
            }
        }
        if layout.has_x() {
            self.line((left, bottom), (right, bottom), RULE);
            for (value, label) in &layout.x.ticks {
                let x = self.x(*value);
                self.line((x, bottom), (x, bottom + 4.0), RULE);
                self.text(x, bottom + 17.0, TICK_PX, "middle", FAINT, label);
            }
            let y = bottom + 20.0 + LINE_PX;
            self.text(right, y, LABEL_PX, "end", FAINT, &layout.chart.x_label);
        }
        if !layout.has_x() && !layout.has_y() {
            let _ = writeln!(
                self.svg,
                "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"none\" stroke=\"{RULE}\"/>",
                self.top, PLOT_PX.0, self.height
            );
        }
    }

    fn series(&mut self, series: &Series, style: Style) {
        let points: Vec<(f64, f64)> = points(series).map(|(x, y)| (self.x(x), self.y(y))).collect();
        if self.layout.chart.marks == Marks::Points {
            points.iter().for_each(|&at| self.mark(at, 2.6, style));
            return;
        }
        if points.len() > 1 {
            let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            self.polyline(&path.join(" "), style);
        }
        if points.len() <= MARKED_POINTS {
            points.iter().for_each(|&at| self.mark(at, 3.0, style));
        }
    }

    /// The names beside the data, each after a sign of its series, at the height of a line's end where there is space.
    fn names(&mut self) {
        let layout = self.layout;
        let is_list = layout.chart.marks == Marks::Points;
        let wanted = |series: &Series| match points(series).last() {
            Some((_, y)) if !is_list => self.y(y) - 0.5 * LINE_PX,
            // A list in order, the grey ones at its end.
            _ => self.top + f64::from(u8::from(series.muted)),
        };
        let wanted: Vec<f64> = layout.chart.series.iter().map(wanted).collect();
        let heights: Vec<f64> = layout.names.iter().map(|lines| block_height(lines)).collect();
        let places = spread(&wanted, &heights, self.top, self.top + self.height);
        let left = layout.left() + PLOT_PX.0 + GAP;
        for (index, &y) in places.iter().enumerate() {
            let (style, lines) = (layout.styles[index], &layout.names[index]);
            let middle = y + 0.5 * LINE_PX;
            if is_list {
                self.mark((left + 0.5 * SIGN, middle), 4.0, style);
            } else {
                self.polyline(&format!("{left:.1},{middle:.1} {:.1},{middle:.1}", left + SIGN), style);
                self.mark((left + 0.5 * SIGN, middle), 3.0, style);
            }
            for (line, text) in lines.iter().enumerate() {
                let y = middle + 4.5 + line as f64 * LINE_PX;
                self.text(left + SIGN + 6.0, y, LABEL_PX, "start", INK, text);
            }
        }
    }

    fn x(&self, value: f64) -> f64 {
        self.layout.left() + PLOT_PX.0 * self.layout.x.share(value)
    }

    fn y(&self, value: f64) -> f64 {
        // Far outside it is cut off; the number stays short.
        self.top + self.height * (1.0 - self.layout.y.share(value).clamp(-9.0, 10.0))
    }

    fn text(&mut self, x: f64, y: f64, size: f64, anchor: &str, color: &str, text: &str) {
        let text = escape(text);
        let _ = writeln!(
            self.svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"{color}\">{text}</text>"
        );
    }

    fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), color: &str) {
        let _ = writeln!(self.svg, "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" stroke=\"{color}\"/>");
    }

    fn polyline(&mut self, points: &str, style: Style) {
        let Style { color, shape } = style;
        let _ = writeln!(
            self.svg,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" \
             stroke-linejoin=\"round\" stroke-dasharray=\"{}\"/>",
            if DASHES[shape].is_empty() { "none" } else { DASHES[shape] }
        );
    }

    /// The sign of a series at a point.
    fn mark(&mut self, (x, y): (f64, f64), r: f64, Style { color, shape }: Style) {
        let path = match shape {
            0 => {
                let _ =
                    writeln!(self.svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r}\" fill=\"{color}\"/>");
                return;
            }
            1 => format!("h{r}v-{d}h-{d}v{d}z", d = 2.0 * r),
            2 => format!("h{r}l-{r} -{d}l-{r} {d}z", d = 2.0 * r),
            3 => format!("l{d} -{d}l-{d} -{d}l-{d} {d}z", d = 1.3 * r),
            4 => format!("l{r} -{d}h-{d}z", d = 2.0 * r),
            _ => format!("m-{r} 0l{d} -{d}m-{d} 0l{d} {d}", d = 2.0 * r),
        };
        let below = match shape {
            3 => y + 1.3 * r,
            _ => y + r,
        };
        let paint = if shape < 5 {
            format!("fill=\"{color}\"")
        } else {
            format!("fill=\"none\" stroke=\"{color}\" stroke-width=\"1.6\"")
        };
        let _ = writeln!(self.svg, "<path d=\"M{x:.1} {below:.1}{path}\" {paint}/>");
    }
}

/// Where blocks of these heights begin, as near as possible to where they are wanted, between `top` and `bottom`, none on
/// another.
fn spread(wanted: &[f64], heights: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut places = vec![0.0; wanted.len()];
    let mut free = top;
    for &block in &order {
        places[block] = wanted[block].max(free).min(bottom.max(free));
        free = places[block] + heights[block];
    }
    // Back from the bottom.
    let mut end = bottom;
    for &block in order.iter().rev() {
        places[block] = places[block].min(end - heights[block]);
        end = places[block];
    }
    places
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
