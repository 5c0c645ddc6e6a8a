//! Draws one cell of a sheet: the scaled picture of a tile with its marks and its frame.

use image::{Rgb, RgbImage};
use tiny_skia::{FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke, Transform};

use super::{Frame, Mark, Tile};
use crate::raster::{color, to_rgb};
use crate::text::lines::wrap;
use crate::text::{self, TextStyle, opaque};
use likeness_data::geometry::Rect;
use likeness_data::scale::{Filter, scale};

/// Width of the coloured border, in pixels.
const BORDER_PX: f32 = 4.0;
/// Edge of the corner badge, in pixels.
const BADGE_PX: f32 = 20.0;
/// The background of pictures that are not square.
const GROUND: Rgb<u8> = Rgb([236, 238, 241]);
/// The text in place of a missing picture.
const NOTE: TextStyle = TextStyle { height_px: 15.0, colour: Rgb([120, 44, 44]), embolden_px: 0.25 };
/// The colour of boxes and points.
const MARK: Rgb<u8> = Rgb([255, 214, 10]);
/// The outline of boxes and points, which makes them visible on any picture.
const MARK_EDGE: Rgb<u8> = Rgb([20, 20, 20]);
/// A score beside its box.
const LABEL: TextStyle = TextStyle { height_px: 12.0, colour: MARK_EDGE, embolden_px: 0.3 };

impl Frame {
    /// The colour of the border. Blue, green and vermilion also differ in lightness, and for colour-blind readers.
    pub(super) fn rgb(self) -> Rgb<u8> {
        match self {
            Self::Plain => Rgb([196, 200, 206]),
            Self::Query => Rgb([0, 90, 181]),
            Self::Correct => Rgb([22, 143, 72]),
            Self::Wrong => Rgb([205, 45, 38]),
        }
    }
}

fn paint(rgb: Rgb<u8>) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(color(rgb));
    paint
}

/// Draws the tile as a square of `side` pixels: picture, marks, border, badge.
pub(super) fn draw(tile: &Tile, side: u32) -> RgbImage {
    let mut canvas = Pixmap::new(side, side).expect("the cell size was checked");
    canvas.fill(color(GROUND));
    let mut placed = None;
    if let Ok(picture) = &tile.picture {
        placed = place(&mut canvas, picture);
    }
    let mut labels = Vec::new();
    if let Some(placed) = placed {
        for mark in &tile.marks {
            labels.extend(draw_mark(&mut canvas, mark, placed));
        }
    }
    // Above all boxes.
    for (label, at) in labels {
        text::draw(&mut canvas, &label, at.left + 2.0, at.top, LABEL);
    }
    if let Err(reason) = &tile.picture {
        write_note(&mut canvas, reason);
    } else if placed.is_none() {
        write_note(&mut canvas, "empty picture");
    }
    draw_frame(&mut canvas, tile.frame);
    to_rgb(&canvas)
}

/// The position of a picture on the canvas: canvas pixel = (`left`, `top`) + picture pixel · `scale`.
#[derive(Clone, Copy)]
struct Placed {
    left: f32,
    top: f32,
    scale: f32,
    side: f32,
}

/// Draws the picture at the centre of the canvas, scaled to fit, with its aspect ratio. `None` if it has no pixels.
fn place(canvas: &mut Pixmap, picture: &RgbImage) -> Option<Placed> {
    let (width, height) = picture.dimensions();
    if width == 0 || height == 0 {
        return None;
    }
    let side = canvas.width();
    let room = side as f32 - 2.0 * BORDER_PX;
    let scale = room / width.max(height) as f32;
    let extent = |v: u32| ((v as f32 * scale).round() as u32).clamp(1, side);
    let (w, h) = (extent(width), extent(height));
    let small = resize(picture, w, h);
    let (left, top) = ((side - w) / 2, (side - h) / 2);
    let pixels = canvas.pixels_mut();
    for (x, y, p) in small.enumerate_pixels() {
        pixels[((y + top) * side + x + left) as usize] = opaque(p.0);
    }
    Some(Placed { left: left as f32, top: top as f32, scale, side: side as f32 })
}

fn resize(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let enlarging = width > picture.width();
    scale(picture, (width, height), if enlarging { Filter::CatmullRom } else { Filter::Lanczos3 })
}

/// Draws the box and the points of one mark. Returns the label, if any, and its rectangle.
fn draw_mark(canvas: &mut Pixmap, mark: &Mark, placed: Placed) -> Option<(String, Rect)> {
    let x = |v: f32| (placed.left + v * placed.scale).clamp(BORDER_PX, placed.side - BORDER_PX);
    let y = |v: f32| (placed.top + v * placed.scale).clamp(BORDER_PX, placed.side - BORDER_PX);
    for point in &mark.points {
        if let Some(dot) = PathBuilder::from_circle(x(point.x), y(point.y), 2.4) {
            outlined(canvas, &dot);
        }
    }
    let face = mark.face_box.filter(Rect::is_valid)?;
    let (left, top) = (x(face.left), y(face.top));
    let edges = Rect::new(left, top, (x(face.right()) - left).max(1.0), (y(face.bottom()) - top).max(1.0));
    let path = rect_path(edges)?;
    for (rgb, width) in [(MARK_EDGE, 3.6), (MARK, 2.0)] {
        canvas.stroke_path(&path, &paint(rgb), &pen(width), Transform::identity(), None);
    }
    let label = mark.score.map(|score| format!("{score:.2}"))?;
    let (width, height) = (text::width_px(&label, LABEL.height_px) + 4.0, LABEL.height_px);
    let above = if top - height >= BORDER_PX { top - height } else { top };
    let at = Rect::new(left.min(placed.side - BORDER_PX - width).max(BORDER_PX), above, width, height);
    canvas.fill_path(&rect_path(at)?, &paint(MARK), FillRule::Winding, Transform::identity(), None);
    Some((label, at))
}

fn outlined(canvas: &mut Pixmap, path: &Path) {
    canvas.stroke_path(path, &paint(MARK_EDGE), &pen(1.6), Transform::identity(), None);
    canvas.fill_path(path, &paint(MARK), FillRule::Winding, Transform::identity(), None);
}

/// Draws the border, and its symbol in the top-left corner.
fn draw_frame(canvas: &mut Pixmap, frame: Frame) {
    let side = canvas.width() as f32;
    let thickness = if frame == Frame::Plain { 1.0 } else { BORDER_PX };
    let inset = thickness / 2.0;
    if let Some(path) = rect_path(Rect::new(inset, inset, side - thickness, side - thickness)) {
        canvas.stroke_path(&path, &paint(frame.rgb()), &pen(thickness), Transform::identity(), None);
    }
    if frame == Frame::Plain || side < 2.0 * BADGE_PX {
        return;
    }
    if let Some(ground) = rect_path(Rect::new(0.0, 0.0, BADGE_PX + 2.0, BADGE_PX + 2.0)) {
        canvas.fill_path(&ground, &paint(frame.rgb()), FillRule::Winding, Transform::identity(), None);
    }
    if let Some(symbol) = badge_symbol(frame) {
        canvas.stroke_path(&symbol, &paint(Rgb([255; 3])), &pen(2.6), Transform::identity(), None);
    }
}

/// The symbol inside the badge: a magnifying glass, a tick or a cross.
fn badge_symbol(frame: Frame) -> Option<Path> {
    let mut symbol = PathBuilder::new();
    match frame {
        Frame::Plain => return None,
        Frame::Query => {
            symbol.push_circle(9.6, 9.6, 4.4);
            symbol.move_to(13.0, 13.0);
            symbol.line_to(17.0, 17.0);
        }
        Frame::Correct => {
            symbol.move_to(5.2, 11.6);
            symbol.line_to(9.2, 15.6);
            symbol.line_to(16.8, 6.6);
        }
        Frame::Wrong => {
            symbol.move_to(6.2, 6.2);
            symbol.line_to(15.8, 15.8);
            symbol.move_to(15.8, 6.2);
            symbol.line_to(6.2, 15.8);
        }
    }
    symbol.finish()
}

fn pen(width: f32) -> Stroke {
    let (line_cap, line_join) = (LineCap::Round, LineJoin::Miter);
    Stroke { width, line_cap, line_join, ..Stroke::default() }
}

fn rect_path(rect: Rect) -> Option<Path> {
    let rect = tiny_skia::Rect::from_xywh(rect.left, rect.top, rect.width, rect.height)?;
    Some(PathBuilder::from_rect(rect))
}

/// Writes the reason why there is no picture into the cell, on as many lines as fit.
fn write_note(image: &mut Pixmap, reason: &str) {
    let mut lines = wrap(reason, NOTE.height_px, image.width() as f32 - 4.0 * BORDER_PX);
    let fitting = ((image.height() as f32 / NOTE.height_px) as usize).saturating_sub(2);
    lines.truncate(fitting);
    let mut top = (image.height() as f32 - lines.len() as f32 * NOTE.height_px) / 2.0;
    for line in lines {
        let left = (image.width() as f32 - text::width_px(&line, NOTE.height_px)) / 2.0;
        text::draw(image, &line, left.round(), top, NOTE);
        top += NOTE.height_px;
    }
}
