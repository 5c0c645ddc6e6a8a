//! Line and scatter charts side by side, as SVG and as PNG.
//!
//! A chart becomes a list of drawing primitives, which are then written as SVG or drawn as pixels. Both formats have the
//! same layout. The PNG uses the fonts that are part of the program, and looks the same on every machine. The legend never
//! covers data: the name of a line is beside its end, and the names of scattered points are a list beside the plot.

mod axis;
mod draw;
mod layout;
mod measure;
mod pixels;
mod primitive;
mod svg;

use std::path::Path;

use image::RgbImage;
use image::codecs::png::CompressionType;
use likeness_artifact::FileKind;
use likeness_artifact::signature::{marked_svg, write_marked_png};

use crate::{ReportError, Result, raster};

/// One line of a chart, or one group of points.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The name in the legend.
    pub name: String,
    /// The points (x, y), in ascending order of x. Points with a value that is not finite are not drawn.
    pub points: Vec<(f64, f64)>,
    /// Whether the series is drawn in grey, as a background for the others.
    pub muted: bool,
}

/// How the series of a chart are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Marks {
    /// A line through the points.
    #[default]
    Lines,
    /// A symbol at each point.
    Points,
}

/// Series that share a pair of axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The title above the chart. It may contain line breaks.
    pub title: String,
    /// The label below the horizontal axis. The axis is hidden if the label is empty.
    pub x_label: String,
    /// The label above the vertical axis. The axis is hidden if the label is empty.
    pub y_label: String,
    /// The ends of the vertical axis. By default the axis covers all points.
    pub y_range: Option<(f64, f64)>,
    /// How the series are drawn.
    pub marks: Marks,
    /// The series.
    pub series: Vec<Series>,
}

/// The file format of a chart, given by the extension of the file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartFormat {
    /// A PNG picture, `.png`.
    Png,
    /// An SVG drawing, `.svg`; also names without an extension, such as `-` for stdout.
    Svg,
}

impl ChartFormat {
    /// The format of a chart that is to be written to `path`. Call it before any work is done.
    ///
    /// # Errors        another extension → [`ReportError::UnsupportedChart`]
    pub fn of(path: &Path) -> Result<Self> {
        let Some(extension) = path.extension() else { return Ok(Self::Svg) };
        match extension.to_string_lossy().to_ascii_lowercase().as_str() {
            "png" => Ok(Self::Png),
            "svg" => Ok(Self::Svg),
            _ => Err(ReportError::UnsupportedChart { path: path.to_owned() }),
        }
    }

    /// The kind of file, for [`likeness_artifact::may_replace`].
    pub fn file_kind(self) -> FileKind {
        match self {
            Self::Png => FileKind::Png,
            Self::Svg => FileKind::Svg,
        }
    }
}

/// Draws `charts` side by side as an SVG document that is marked as written by this program.
pub fn svg(charts: &[Chart]) -> String {
    marked_svg(&svg::document(&draw::picture(charts)))
}

/// Draws `charts` side by side as pixels, at twice the size of the SVG.
///
/// # Errors        a side of more than 65,535 pixels → [`ReportError::ChartTooLarge`]
pub fn pixels(charts: &[Chart]) -> Result<RgbImage> {
    pixels::render(&draw::picture(charts))
}

/// Writes `charts` side by side as `NAME.svg` and `NAME.png` into `folder`. A file that cannot be written is not changed.
///
/// # Errors        as [`pixels()`]; a file cannot be written → [`ReportError::Io`]
pub fn write(charts: &[Chart], folder: &Path, name: &str) -> Result<()> {
    for extension in ["svg", "png"] {
        write_one(charts, &folder.join(format!("{name}.{extension}")))?;
    }
    Ok(())
}

/// Writes `charts` side by side to `path`, in the format of its extension.
///
/// # Errors        as [`ChartFormat::of`] and [`pixels()`]; the file cannot be written → [`ReportError::Io`]
pub fn write_one(charts: &[Chart], path: &Path) -> Result<()> {
    match ChartFormat::of(path)? {
        ChartFormat::Svg => {
            let text = svg(charts);
            likeness_artifact::write(path, |file| file.write_all(text.as_bytes()))?;
        }
        ChartFormat::Png => {
            let png = raster::encode_png(&pixels(charts)?, CompressionType::Default)?;
            likeness_artifact::write(path, |file| write_marked_png(&png, file))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
