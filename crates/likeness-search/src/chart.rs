//! Line charts side by side, as SVG and as PNG.
//!
//! plotters draws the SVG; the PNG is that SVG rendered, with fonts that travel in the program, so both look alike on
//! every machine.

use std::path::Path;
use std::sync::Arc;

use plotters::prelude::*;

use crate::{Result, SearchError};

/// Width and height of one chart in pixels.
const CHART_PX: (u32, u32) = (560, 400);
/// Room for a title line.
const TITLE_PX: i32 = 18;
const LABEL_PX: i32 = 13;
/// Pixels of a PNG for each of the SVG.
const PNG_SCALE: f32 = 2.0;
/// The family of the embedded font; browsers without it take their own sans-serif.
const FONT: &str = "Ubuntu, sans-serif";
/// Colours that remain apart for colour-blind readers: Okabe and Ito (2008).
const COLORS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];
const MUTED: RGBColor = RGBColor(200, 200, 200);
/// Radius of a point, on a line and by itself.
const POINT_PX: [i32; 2] = [3, 2];

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// x and y, in order of x; numbers that are not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// Whether it is there for comparison alone, and grey.
    pub muted: bool,
}

/// What stands for a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Marks {
    /// A line through its points.
    #[default]
    Lines,
    /// Its points alone.
    Points,
}

/// Series over one pair of axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Above the chart.
    pub title: String,
    /// Under the horizontal axis.
    pub x_label: String,
    /// Beside the vertical axis.
    pub y_label: String,
    /// Ends of the vertical axis; the lines' own by default.
    pub y_range: Option<(f64, f64)>,
    /// What stands for each series.
    pub marks: Marks,
    /// The series.
    pub series: Vec<Series>,
}

/// `charts` side by side, as an SVG document.
///
/// # Errors        a chart that cannot be drawn → [`SearchError::Chart`]
pub fn svg(charts: &[Chart]) -> Result<String> {
    let mut text = String::new();
    {
        let size = (CHART_PX.0 * charts.len().max(1) as u32, CHART_PX.1);
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        root.fill(&WHITE).map_err(undrawable)?;
        for (chart, area) in charts.iter().zip(root.split_evenly((1, charts.len().max(1)))) {
            draw(chart, &area)?;
        }
        root.present().map_err(undrawable)?;
    }
    Ok(text)
}

fn undrawable(error: impl std::fmt::Display) -> SearchError {
    SearchError::Chart { reason: error.to_string() }
}

fn draw(chart: &Chart, area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Result<()> {
    let ((x0, x1), (y0, y1)) = ranges(chart);
    let mut context = ChartBuilder::on(area)
        .caption(&chart.title, (FONT, TITLE_PX))
        .margin(14)
        .x_label_area_size(40)
        .y_label_area_size(54)
        .build_cartesian_2d(x0..x1, y0..y1)
        .map_err(undrawable)?;
    context
        .configure_mesh()
        .x_desc(&chart.x_label)
        .y_desc(&chart.y_label)
        .label_style((FONT, LABEL_PX))
        .axis_desc_style((FONT, LABEL_PX))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_label_formatter(&|x| short(*x))
        .y_label_formatter(&|y| short(*y))
        .draw()
        .map_err(undrawable)?;
    let mut colors = COLORS.iter().cycle();
    for series in &chart.series {
        let color = if series.muted { &MUTED } else { colors.next().unwrap_or(&MUTED) };
        let points: Vec<(f64, f64)> = finite(series).collect();
        let style = color.stroke_width(2);
        let radius = POINT_PX[usize::from(chart.marks == Marks::Points)];
        if chart.marks == Marks::Lines {
            context
                .draw_series(LineSeries::new(points.iter().copied(), style))
                .map_err(undrawable)?
                .label(&series.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        let drawn = context
            .draw_series(points.iter().map(|point| Circle::new(*point, radius, color.filled())))
            .map_err(undrawable)?;
        if chart.marks == Marks::Points {
            drawn.label(&series.name).legend(move |(x, y)| Circle::new((x + 9, y), 4, color.filled()));
        }
    }
    if !chart.series.is_empty() {
        context
            .configure_series_labels()
            .position(emptiest_corner(chart))
            .label_font((FONT, LABEL_PX))
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.2))
            .draw()
            .map_err(undrawable)?;
    }
    Ok(())
}

fn finite(series: &Series) -> impl Iterator<Item = (f64, f64)> + '_ {
    series.points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite())
}

/// Ends of both axes, never empty.
fn ranges(chart: &Chart) -> ((f64, f64), (f64, f64)) {
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let open = |(low, high): (f64, f64)| match high - low {
        width if width > 0.0 => (low, high),
        _ if low.is_finite() => (low - 0.5, high + 0.5),
        _ => (0.0, 1.0),
    };
    let points = || chart.series.iter().flat_map(finite);
    let x = open(ends(&mut points().map(|p| p.0)));
    let (low, high) = open(ends(&mut points().map(|p| p.1)));
    let room = 0.05 * (high - low);
    (x, chart.y_range.unwrap_or((low - room, high + room)))
}

/// Where the legend hides the fewest points.
fn emptiest_corner(chart: &Chart) -> SeriesLabelPosition {
    let ((x0, x1), (y0, y1)) = ranges(chart);
    let inside = |right: bool, upper: bool| {
        let points = chart.series.iter().flat_map(finite);
        points
            .filter(|(x, _)| ((x - x0) / (x1 - x0) > 0.5) == right)
            .filter(|(_, y)| if upper { (y - y0) / (y1 - y0) > 0.65 } else { (y - y0) / (y1 - y0) < 0.35 })
            .count()
    };
    let corners = [
        (inside(true, true), SeriesLabelPosition::UpperRight),
        (inside(true, false), SeriesLabelPosition::LowerRight),
        (inside(false, true), SeriesLabelPosition::UpperLeft),
        (inside(false, false), SeriesLabelPosition::LowerLeft),
    ];
    corners
        .into_iter()
        .min_by_key(|(points, _)| *points)
        .map_or(SeriesLabelPosition::UpperRight, |(_, corner)| corner)
}

/// A number without needless digits.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Writes `charts` side by side as `NAME.svg` and `NAME.png` into `folder`, each whole or not at all.
///
/// # Errors        as [`svg`]; the disk
pub fn write(charts: &[Chart], folder: &Path, name: &str) -> Result<()> {
    let text = svg(charts)?;
    let png = png(&text)?;
    likeness_artifact::write(&folder.join(format!("{name}.svg")), |file| file.write_all(text.as_bytes()))?;
    Ok(likeness_artifact::write(&folder.join(format!("{name}.png")), |file| file.write_all(&png))?)
}

/// Writes `charts` side by side to `path`, as PNG where its name ends so, as SVG otherwise.
///
/// # Errors        as [`svg`]; the disk
pub fn write_one(charts: &[Chart], path: &Path) -> Result<()> {
    let text = svg(charts)?;
    let is_png = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    let bytes = if is_png { png(&text)? } else { text.into_bytes() };
    Ok(likeness_artifact::write(path, |file| file.write_all(&bytes))?)
}

/// `text`, an SVG document, as a PNG of twice its size.
fn png(text: &str) -> Result<Vec<u8>> {
    let mut options = resvg::usvg::Options { font_family: "Ubuntu".into(), ..Default::default() };
    let fonts = Arc::make_mut(&mut options.fontdb);
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    let family = fonts.faces().next().and_then(|face| Some(face.families.first()?.0.clone()));
    if let Some(family) = family {
        fonts.set_sans_serif_family(family);
    }
    let tree = resvg::usvg::Tree::from_str(text, &options).map_err(undrawable)?;
    let size = tree.size();
    let (width, height) = ((size.width() * PNG_SCALE) as u32, (size.height() * PNG_SCALE) as u32);
    let mut picture =
        resvg::tiny_skia::Pixmap::new(width, height).ok_or_else(|| undrawable("an empty picture"))?;
    let scale = resvg::tiny_skia::Transform::from_scale(PNG_SCALE, PNG_SCALE);
    resvg::render(&tree, scale, &mut picture.as_mut());
    picture.encode_png().map_err(undrawable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[(f64, f64)]) -> Chart {
        Chart {
            title: "Loss & <more>".into(),
            x_label: "epoch".into(),
            y_label: "loss".into(),
            y_range: None,
            marks: Marks::default(),
            series: vec![Series { name: "training".into(), points: points.to_vec(), muted: false }],
        }
    }

    #[test]
    fn charts_of_any_points_are_drawn() {
        for points in
            [&[][..], &[(1.0, 2.0)], &[(1.0, 2.0), (2.0, f64::NAN), (3.0, 1.0)], &[(1.0, 0.0), (2.0, 0.0)]]
        {
            let text = svg(&[chart(points), chart(&[(0.0, 1.0), (5.0, 3.0)])]).unwrap();
            assert!(text.contains("Loss &amp; &lt;more&gt;"), "{text}");
            assert!(png(&text).unwrap().starts_with(b"\x89PNG"));
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([short(0.5), short(12.0), short(-0.0), short(0.12345)], ["0.5", "12", "0", "0.123"]);
    }
}
