//! Line and scatter charts side by side, as SVG and as PNG.
//!
//! The SVG is written here; the PNG is that SVG rendered, with fonts that the program brings, so both look alike on every
//! machine. No legend covers data: names stand beside the ends of lines, or in a list beside scattered points.

mod axis;
mod png;
mod svg;
mod text;

use std::path::Path;

use likeness_artifact::FileKind;
use likeness_artifact::signature::{marked_svg, write_marked_png};

use crate::{ReportError, Result};

/// One line of a chart, or one group of points.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name, shown beside it.
    pub name: String,
    /// x and y, in order of x. Points with a value that is not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// Whether it is there for comparison alone, and grey.
    pub muted: bool,
}

/// How a series is drawn.
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
    /// Above the chart; a line break starts a line of its own.
    pub title: String,
    /// Under the horizontal axis. An empty label hides the axis.
    pub x_label: String,
    /// Above the vertical axis. An empty label hides the axis.
    pub y_label: String,
    /// Ends of the vertical axis. By default the axis covers all points.
    pub y_range: Option<(f64, f64)>,
    /// How each series is drawn.
    pub marks: Marks,
    /// The series.
    pub series: Vec<Series>,
}

/// How a chart is stored, by the ending of the file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartFormat {
    /// `.png`
    Png,
    /// `.svg`, or no ending, as of stdout.
    Svg,
}

impl ChartFormat {
    /// The format of the chart that will be written to `path`; callers ask before any work.
    ///
    /// # Errors        another ending → `UnsupportedChart`, naming the file
    pub fn of(path: &Path) -> Result<Self> {
        let Some(extension) = path.extension() else { return Ok(Self::Svg) };
        match extension.to_string_lossy().to_ascii_lowercase().as_str() {
            "png" => Ok(Self::Png),
            "svg" => Ok(Self::Svg),
            _ => Err(ReportError::UnsupportedChart { path: path.to_owned() }),
        }
    }

    /// What [`likeness_artifact::may_replace`] needs to know.
    pub fn file_kind(self) -> FileKind {
        match self {
            Self::Png => FileKind::Png,
            Self::Svg => FileKind::Svg,
        }
    }
}

/// `charts` side by side, as an SVG document with our mark.
pub fn svg(charts: &[Chart]) -> String {
    marked_svg(&svg::document(charts))
}

/// Writes `charts` side by side as `NAME.svg` and `NAME.png` into `folder`, each whole or not at all.
///
/// # Errors        the SVG cannot be rendered → [`ReportError::Chart`]; the disk
pub fn write(charts: &[Chart], folder: &Path, name: &str) -> Result<()> {
    for ending in ["svg", "png"] {
        write_one(charts, &folder.join(format!("{name}.{ending}")))?;
    }
    Ok(())
}

/// Writes `charts` side by side to `path` in the format that its ending names.
///
/// # Errors        as [`ChartFormat::of`]; the SVG cannot be rendered → [`ReportError::Chart`]; the disk
pub fn write_one(charts: &[Chart], path: &Path) -> Result<()> {
    let format = ChartFormat::of(path)?;
    let text = svg(charts);
    match format {
        ChartFormat::Svg => likeness_artifact::write(path, |file| file.write_all(text.as_bytes()))?,
        ChartFormat::Png => {
            let png = png::render(&text)?;
            likeness_artifact::write(path, |file| write_marked_png(&png, file))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
