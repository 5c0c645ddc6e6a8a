//! Contact sheets: rows of pictures enter, one picture to be looked at leaves.
//!
//! A sheet shows what a number hides: a query before its nearest gallery images, the faces a detector found, a
//! sample of a dataset. Tiles come from an iterator and are drawn as they come, so only one full-size picture is in
//! memory at a time.

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

/// Free space around the sheet, in pixels.
const MARGIN_PX: u32 = 16;
/// Free space between cells, in pixels.
const GAP_PX: u32 = 8;
/// Extra free space after a row's query, in pixels.
const QUERY_GAP_PX: u32 = 12;
/// A sheet with a title is at least this wide where the title needs it; longer titles go on in further lines.
const TITLE_WIDTH_PX: u32 = 640;
/// Lines of a title at most.
const TITLE_LINES: usize = 4;
/// The longest side that common viewers open.
const MAX_SIDE_PX: u32 = 65_535;
/// Bytes a sheet may take, whatever its sides.
const MAX_BYTES: u64 = 512 << 20;
const INK: Rgb<u8> = Rgb([28, 32, 38]);
const TITLE: TextStyle = TextStyle { height_px: 25.0, colour: INK, embolden_px: 0.5 };
const HEADING: TextStyle = TextStyle { height_px: 17.0, colour: INK, embolden_px: 0.4 };
const CAPTION: TextStyle = TextStyle { height_px: 15.0, colour: INK, embolden_px: 0.25 };
const FOOTER: TextStyle = TextStyle { height_px: 15.0, colour: Rgb([96, 102, 110]), embolden_px: 0.25 };

/// What the border of a tile says; each also has its own sign, for eyes and printers without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frame {
    /// A thin grey line, no sign.
    #[default]
    Plain,
    /// Blue, a magnifying glass: what was asked for.
    Query,
    /// Green, a tick: of the query's identity.
    Correct,
    /// Red, a cross: of another identity.
    Wrong,
}

/// Something found in a picture, in the picture's own pixels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mark {
    /// A box around it; drawn as far as it lies on the picture.
    pub face_box: Option<Rect>,
    /// Written beside the box with two decimals.
    pub score: Option<f32>,
    /// Dots, such as the five landmarks.
    pub points: Vec<Point>,
}

/// One picture of a sheet with what stands around it.
#[derive(Debug, Clone)]
pub struct Tile {
    picture: Result<RgbImage, String>,
    frame: Frame,
    captions: Vec<String>,
    marks: Vec<Mark>,
}

impl Tile {
    /// A tile of `picture`, any size, scaled to fit its cell.
    pub fn new(picture: RgbImage) -> Self {
        Self { picture: Ok(picture), frame: Frame::Plain, captions: Vec::new(), marks: Vec::new() }
    }

    /// A tile whose picture could not be had; the cell says why.
    pub fn missing(reason: impl Into<String>) -> Self {
        Self { picture: Err(reason.into()), frame: Frame::Plain, captions: Vec::new(), marks: Vec::new() }
    }

    /// With this border.
    pub fn frame(mut self, frame: Frame) -> Self {
        self.frame = frame;
        self
    }

    /// With one more line below; a line wider than the cell is shortened in the middle.
    pub fn caption(mut self, line: impl Into<String>) -> Self {
        self.captions.push(line.into());
        self
    }

    /// With one more box or set of points over the picture.
    pub fn mark(mut self, mark: Mark) -> Self {
        self.marks.push(mark);
        self
    }
}

/// How a sheet is laid out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SheetConfig {
    /// Words over the whole sheet.
    pub title: Option<String>,
    /// Edge of the square a picture fits in, in pixels.
    pub cell_px: u32,
    /// Cells side by side; a longer row goes on in the next line.
    pub columns: u32,
    /// The sheet's longest allowed side, in pixels; rows past it are left out and counted at the foot.
    pub max_side_px: u32,
}

impl Default for SheetConfig {
    /// A query and its ten nearest at a size that reads well on a page.
    fn default() -> Self {
        Self { title: None, cell_px: 160, columns: 11, max_side_px: 20_000 }
    }
}

impl SheetConfig {
    /// Checks that the settings are within bounds.
    ///
    /// # Errors
    /// [`ReportError::BadArgument`] when a cell, the columns or the resulting width are out of bounds.
    pub fn validate(&self) -> Result<()> {
        let refuse = |reason: String, hint: &str| {
            Err(ReportError::BadArgument { reason, hint: Some(hint.to_owned()) })
        };
        if !(24..=2048).contains(&self.cell_px) {
            return refuse(
                format!("cells of {} pixels", self.cell_px),
                "choose between 24 and 2048 pixels a cell",
            );
        }
        if self.columns == 0 {
            return refuse("a sheet without columns".to_owned(), "choose at least one column");
        }
        if self.max_side_px > MAX_SIDE_PX {
            return refuse(format!("sheets of {} pixels a side", self.max_side_px), "allow 65535 at most");
        }
        if self.width_px() > u64::from(self.max_side_px) {
            let reason =
                format!("a sheet {} pixels wide, over the limit of {}", self.width_px(), self.max_side_px);
            return refuse(reason, "choose fewer columns or smaller cells");
        }
        Ok(())
    }

    /// The width of the cells, or of the title where that is wider.
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

/// Checks, before any work is done, that a contact sheet can be written to `path`: to a name ending in `.png`, a name
/// without extension, stdout (`-`), a device or a pipe.
///
/// # Errors
/// a name of another format → [`ReportError::BadArgument`]; a folder → [`ReportError::Io`]
pub fn check_picture_path(path: &Path) -> Result<()> {
    let Destination::File(_) = Destination::of(path)? else { return Ok(()) };
    let extension = path.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
    let is_format = extension.starts_with(|c: char| c.is_ascii_alphabetic())
        && extension.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_format || extension.eq_ignore_ascii_case("png") {
        return Ok(());
    }
    Err(ReportError::BadArgument {
        reason: format!(
            "{}: contact sheets are PNG files, and .{extension} is another format",
            path.display()
        ),
        hint: Some(format!("name it {}", path.with_extension("png").display())),
    })
}

/// A contact sheet in the making.
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
    /// Rows of pixels so far, each `width` wide, three bytes a pixel.
    pixels: Vec<u8>,
    width: u32,
    used_width: u32,
    rows_left_out: usize,
}

impl Sheet {
    /// An empty sheet, with its title if it has one.
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
                // The last line holds all that is left, shortened in the middle.
                let rest = lines.split_off(TITLE_LINES - 1).join(" ");
                lines.push(rest);
            }
            lines.iter().for_each(|line| sheet.push_line(line, TITLE));
            sheet.push_blank(GAP_PX);
        }
        Ok(sheet)
    }

    /// Draws one row: a heading, if any, and its tiles from left to right, over several lines where there are more
    /// tiles than columns.
    ///
    /// # Conventions
    /// A row, or the rest of one, that would take the sheet over its limit is left out and counted; its tiles are
    /// then not asked for.
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

    /// The number of rows that the limit kept out so far, whole or in part.
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

    /// Writes the finished picture as PNG, marked as written by this program; see [`likeness_artifact::write`] for what
    /// `path` may be.
    ///
    /// # Errors
    /// those of [`check_picture_path`]; [`ReportError::Io`] when the file cannot be written
    pub fn save(self, path: &Path) -> Result<()> {
        check_picture_path(path)?;
        let png = raster::encode_png(&self.into_image(), CompressionType::Fast)?;
        Ok(likeness_artifact::write(path, |file| write_marked_png(&png, file))?)
    }

    fn height(&self) -> u32 {
        (self.pixels.len() / (self.width as usize * 3)) as u32
    }

    /// Whether `more` pixels of height fit besides the foot of the sheet.
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

    /// Draws up to one line of tiles and what stands below them.
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
