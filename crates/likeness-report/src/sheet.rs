//! Contact sheets: pictures in rows, with frames, captions and marks, as one PNG.
//!
//! A sheet shows a query with its nearest gallery images, the faces that a detector found, or a sample of a dataset.
//! Tiles come from an iterator and are drawn one by one, so that only one full-size picture is in memory.

mod cell;

use std::path::Path;

use image::codecs::png::CompressionType;
use image::{Rgb, RgbImage};
use likeness_artifact::Destination;
use likeness_artifact::signature::write_marked_png;
use serde::{Deserialize, Serialize};

use crate::text::lines::{shorten_middle, wrap};
use crate::text::{self, TextStyle};
use crate::{ReportError, Result, raster};
use likeness_data::geometry::{Point, Rect};

/// Space around the sheet, in pixels.
const MARGIN_PX: u32 = 16;
/// Space between cells, in pixels.
const GAP_PX: u32 = 8;
/// Additional space after the query of a row, in pixels.
const QUERY_GAP_PX: u32 = 12;
/// A sheet is widened up to this width for its title, in pixels. A longer title is wrapped.
const TITLE_WIDTH_PX: u32 = 640;
/// The most lines of a title.
const TITLE_LINES: usize = 4;
/// The longest side that common viewers open, in pixels.
const MAX_SIDE_PX: u32 = 65_535;
/// The most memory of a sheet, in bytes.
const MAX_BYTES: u64 = 512 << 20;
const INK: Rgb<u8> = Rgb([28, 32, 38]);
const TITLE: TextStyle = TextStyle { height_px: 25.0, colour: INK, embolden_px: 0.5 };
const HEADING: TextStyle = TextStyle { height_px: 17.0, colour: INK, embolden_px: 0.4 };
const CAPTION: TextStyle = TextStyle { height_px: 15.0, colour: INK, embolden_px: 0.25 };
const FOOTER: TextStyle = TextStyle { height_px: 15.0, colour: Rgb([96, 102, 110]), embolden_px: 0.25 };

/// The border of a tile. Each kind has its own symbol, so that it is recognised without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frame {
    /// A thin grey line without a symbol.
    #[default]
    Plain,
    /// Blue, with a magnifying glass: the query.
    Query,
    /// Green, with a tick: an image of the query's identity.
    Correct,
    /// Red, with a cross: an image of another identity.
    Wrong,
}

/// A detection that is drawn on a picture, in pixels of the picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mark {
    /// The bounding box. The part inside the picture is drawn.
    pub face_box: Option<Rect>,
    /// The score, written beside the box with two decimals.
    pub score: Option<f32>,
    /// Points that are drawn as dots, such as the five landmarks.
    pub points: Vec<Point>,
}

/// One picture of a sheet with its frame, captions and marks.
#[derive(Debug, Clone)]
pub struct Tile {
    picture: Result<RgbImage, String>,
    frame: Frame,
    captions: Vec<String>,
    marks: Vec<Mark>,
}

impl Tile {
    /// A tile that shows `picture`, of any size, scaled to fit the cell.
    pub fn new(picture: RgbImage) -> Self {
        Self { picture: Ok(picture), frame: Frame::Plain, captions: Vec::new(), marks: Vec::new() }
    }

    /// A tile that shows `reason` in place of a picture that could not be read.
    pub fn missing(reason: impl Into<String>) -> Self {
        Self { picture: Err(reason.into()), frame: Frame::Plain, captions: Vec::new(), marks: Vec::new() }
    }

    /// Sets the border.
    pub fn frame(mut self, frame: Frame) -> Self {
        self.frame = frame;
        self
    }

    /// Adds a line of text below the picture. A line that is wider than the cell is shortened in the middle.
    pub fn caption(mut self, line: impl Into<String>) -> Self {
        self.captions.push(line.into());
        self
    }

    /// Adds a box or a set of points on the picture.
    pub fn mark(mut self, mark: Mark) -> Self {
        self.marks.push(mark);
        self
    }
}

/// The layout of a sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SheetConfig {
    /// The title above the sheet.
    pub title: Option<String>,
    /// Edge of a cell, the square that a picture is fitted into, in pixels.
    pub cell_px: u32,
    /// Cells per line. A longer row continues on the next line.
    pub columns: u32,
    /// The longest side of the sheet, in pixels. Rows beyond it are left out and counted at the foot.
    pub max_side_px: u32,
}

impl Default for SheetConfig {
    /// A query and its ten nearest images per line, at a size that is legible on a page.
    fn default() -> Self {
        Self { title: None, cell_px: 160, columns: 11, max_side_px: 20_000 }
    }
}

impl SheetConfig {
    /// Checks that the settings are within their bounds.
    ///
    /// # Errors
    /// [`ReportError::BadCellSize`], [`ReportError::NoColumns`], [`ReportError::BadSideLimit`] and
    /// [`ReportError::SheetTooWide`] for the setting that is out of bounds
    pub fn validate(&self) -> Result<()> {
        let Self { cell_px, columns, max_side_px, .. } = *self;
        if !(24..=2048).contains(&cell_px) {
            return Err(ReportError::BadCellSize { cell_px });
        }
        if columns == 0 {
            return Err(ReportError::NoColumns);
        }
        if max_side_px > MAX_SIDE_PX {
            return Err(ReportError::BadSideLimit { max_side_px });
        }
        let width_px = self.width_px();
        if width_px > u64::from(max_side_px) {
            return Err(ReportError::SheetTooWide { width_px, max_side_px });
        }
        Ok(())
    }

    /// The width of all columns, or that of the title if it is wider.
    fn canvas_width_px(&self) -> u32 {
        let cells = self.width_px() as u32; // bounded by max_side_px
        let title = self.title.as_deref().map_or(0.0, |title| text::width_px(title, TITLE.height_px));
        let title = (title.ceil() as u32).saturating_add(2 * MARGIN_PX + 2);
        cells.max(title.min(TITLE_WIDTH_PX).min(self.max_side_px))
    }

    fn width_px(&self) -> u64 {
        let cells = u64::from(self.columns) * u64::from(self.cell_px);
        cells + u64::from(self.columns - 1) * u64::from(GAP_PX) + u64::from(QUERY_GAP_PX + 2 * MARGIN_PX)
    }
}

/// Checks that a contact sheet can be written to `path`: a name that ends in `.png`, a name without extension, stdout
/// (`-`), a device or a pipe. Call it before any work is done.
///
/// # Errors
/// the extension of another format → [`ReportError::UnsupportedSheet`]; a folder → [`ReportError::Io`]
pub fn check_picture_path(path: &Path) -> Result<()> {
    let Destination::File(_) = Destination::of(path)? else { return Ok(()) };
    let extension = path.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
    let is_format = extension.starts_with(|c: char| c.is_ascii_alphabetic())
        && extension.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_format || extension.eq_ignore_ascii_case("png") {
        return Ok(());
    }
    let hint = format!("name it {}", path.with_extension("png").display());
    Err(ReportError::UnsupportedSheet { path: path.to_owned(), extension, hint })
}

/// A contact sheet to which rows are added.
///
/// # Examples
/// ```
/// use image::{Rgb, RgbImage};
/// use likeness_report::sheet::{Frame, Sheet, SheetConfig, Tile};
///
/// let mut sheet = Sheet::new(SheetConfig { columns: 3, ..SheetConfig::default() })?;
/// let grey = |level| Tile::new(RgbImage::from_pixel(40, 60, Rgb([level; 3])));
/// sheet.add_row(None, [grey(90).frame(Frame::Query), grey(120).frame(Frame::Correct).caption("0.12")]);
/// let image = sheet.into_image();
/// assert_eq!(image.width(), 2 * 160 + 8 + 12 + 2 * 16);
/// # Ok::<(), likeness_report::ReportError>(())
/// ```
#[derive(Debug)]
pub struct Sheet {
    config: SheetConfig,
    /// The rows of pixels so far, each `width` pixels of three bytes.
    pixels: Vec<u8>,
    width: u32,
    used_width: u32,
    rows_left_out: usize,
}

impl Sheet {
    /// Creates a sheet that has only its title, if any.
    ///
    /// # Errors
    /// See [`SheetConfig::validate`].
    pub fn new(config: SheetConfig) -> Result<Self> {
        config.validate()?;
        let width = config.canvas_width_px();
        let mut sheet = Self { config, pixels: Vec::new(), width, used_width: 0, rows_left_out: 0 };
        sheet.push_blank(MARGIN_PX);
        if let Some(title) = sheet.config.title.clone() {
            let mut lines = wrap(&title, TITLE.height_px, (width - 2 * MARGIN_PX) as f32);
            if lines.len() > TITLE_LINES {
                // The last line contains the rest of the title, shortened in the middle.
                let rest = lines.split_off(TITLE_LINES - 1).join(" ");
                lines.push(rest);
            }
            lines.iter().for_each(|line| sheet.push_line(line, TITLE));
            sheet.push_blank(GAP_PX);
        }
        Ok(sheet)
    }

    /// Draws one row: an optional heading, and its tiles from left to right, on several lines if there are more tiles
    /// than columns.
    ///
    /// # Conventions
    /// A row, or the rest of a row, that exceeds the sheet's size limit is left out and counted. Its tiles are not taken
    /// from the iterator.
    pub fn add_row(&mut self, heading: Option<&str>, tiles: impl IntoIterator<Item = Tile>) {
        if self.rows_left_out > 0 {
            self.rows_left_out += 1;
            return;
        }
        let mut tiles = tiles.into_iter().peekable();
        let mut heading = heading;
        while tiles.peek().is_some() || heading.is_some() {
            if !self.has_room(self.config.cell_px + HEADING.height_px as u32) {
                self.rows_left_out += 1;
                return;
            }
            if let Some(heading) = heading.take() {
                self.push_line(heading, HEADING);
                self.push_blank(GAP_PX / 2);
            }
            if tiles.peek().is_some() {
                self.push_tiles(&mut tiles);
            }
        }
    }

    /// The number of rows so far that were left out, completely or in part, because of the size limit.
    pub fn rows_left_out(&self) -> usize {
        self.rows_left_out
    }

    /// The finished picture, as wide as its widest line.
    pub fn into_image(mut self) -> RgbImage {
        if self.rows_left_out > 0 {
            let rows = if self.rows_left_out == 1 { "row" } else { "rows" };
            let line = format!("{} more {rows} left out: the sheet is at its size limit", self.rows_left_out);
            self.push_line(&line, FOOTER);
        }
        self.push_blank(MARGIN_PX / 2);
        let width = (self.used_width + MARGIN_PX).clamp(2 * MARGIN_PX, self.width);
        let height = self.height();
        let whole = RgbImage::from_raw(self.width, height, self.pixels).expect("rows are pushed whole");
        image::imageops::crop_imm(&whole, 0, 0, width, height).to_image()
    }

    /// Writes the finished picture as a PNG that is marked as written by this program. [`likeness_artifact::write`]
    /// describes which paths are possible.
    ///
    /// # Errors
    /// as [`check_picture_path`]; the file cannot be written → [`ReportError::Io`]
    pub fn save(self, path: &Path) -> Result<()> {
        check_picture_path(path)?;
        let png = raster::encode_png(&self.into_image(), CompressionType::Fast)?;
        Ok(likeness_artifact::write(path, |file| write_marked_png(&png, file))?)
    }

    fn height(&self) -> u32 {
        (self.pixels.len() / (self.width as usize * 3)) as u32
    }

    /// Whether `more` pixels of height fit above the foot of the sheet.
    fn has_room(&self, more: u32) -> bool {
        let height = u64::from(self.height()) + u64::from(more) + 120;
        height <= u64::from(self.config.max_side_px) && height * u64::from(self.width) * 3 <= MAX_BYTES
    }

    fn push_blank(&mut self, rows: u32) {
        self.pixels.resize(self.pixels.len() + rows as usize * self.width as usize * 3, 255);
    }

    fn push_strip(&mut self, strip: &RgbImage) {
        self.pixels.extend_from_slice(strip.as_raw());
    }

    fn push_line(&mut self, line: &str, style: TextStyle) {
        let room = (self.width - 2 * MARGIN_PX) as f32;
        let line = shorten_middle(line, style.height_px, room);
        let mut strip = self.blank_strip(style.height_px.ceil() as u32 + 2);
        text::draw(&mut strip, &line, MARGIN_PX as f32, 0.0, style);
        self.push_strip(&strip);
        self.used_width =
            self.used_width.max(MARGIN_PX + text::width_px(&line, style.height_px).ceil() as u32);
    }

    fn blank_strip(&self, height: u32) -> RgbImage {
        RgbImage::from_pixel(self.width, height, Rgb([255; 3]))
    }

    /// Draws one line of tiles with the captions below them.
    fn push_tiles(&mut self, tiles: &mut impl Iterator<Item = Tile>) {
        let side = self.config.cell_px;
        let mut strip = self.blank_strip(side);
        let mut captions = Vec::new();
        let (mut left, mut first_frame) = (MARGIN_PX, None);
        for (column, tile) in tiles.take(self.config.columns as usize).enumerate() {
            if column == 1 && first_frame == Some(Frame::Query) && tile.frame != Frame::Query {
                left += QUERY_GAP_PX;
            }
            first_frame.get_or_insert(tile.frame);
            image::imageops::replace(&mut strip, &cell::draw(&tile, side), i64::from(left), 0);
            captions.push((left, tile.captions));
            self.used_width = self.used_width.max(left + side);
            left += side + GAP_PX;
        }
        self.push_strip(&strip);
        self.push_captions(&captions);
        self.push_blank(GAP_PX + 2);
    }

    fn push_captions(&mut self, captions: &[(u32, Vec<String>)]) {
        let lines = captions.iter().map(|(_, lines)| lines.len()).max().unwrap_or(0);
        if lines == 0 {
            return;
        }
        let step = CAPTION.height_px + 1.0;
        let mut strip = self.blank_strip((lines as f32 * step).ceil() as u32 + 4);
        let room = self.config.cell_px as f32;
        for (left, lines) in captions {
            for (i, line) in lines.iter().enumerate() {
                let line = shorten_middle(line, CAPTION.height_px, room - 6.0);
                let x = *left as f32 + (room - text::width_px(&line, CAPTION.height_px)) / 2.0;
                text::draw(&mut strip, &line, x.round(), 3.0 + i as f32 * step, CAPTION);
            }
        }
        self.push_strip(&strip);
    }
}
