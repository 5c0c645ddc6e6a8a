//! Draws a drawing as pixels: twice the size of the SVG, with smooth edges.

use image::{Rgb, RgbImage};
use tiny_skia::{
    FillRule, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform,
};

use super::measure::{SCALE, text_height};
use super::primitive::{Anchor, Area, GROUND, Pen, Picture, Point, Primitive, Text};
use crate::text::{TextStyle, draw_on_baseline, width_px};
use crate::{ReportError, Result, raster};

/// The longest side that common viewers open, in pixels.
const MAX_SIDE_PX: f64 = 65_535.0;

/// `picture` as pixels.
///
/// # Errors        a side of more than 65,535 pixels → [`ReportError::ChartTooLarge`]
pub(super) fn render(picture: &Picture) -> Result<RgbImage> {
    let (width, height) = ((picture.width * SCALE).ceil(), (picture.height * SCALE).ceil());
    let too_large = || ReportError::ChartTooLarge { width_px: width as u64, height_px: height as u64 };
    if width.max(height) > MAX_SIDE_PX {
        return Err(too_large());
    }
    let mut pixmap = Pixmap::new(width as u32, height as u32).ok_or_else(too_large)?;
    pixmap.fill(raster::color(GROUND));
    Canvas { pixmap: &mut pixmap, mask: None }.draw_all(&picture.primitives);
    Ok(raster::to_rgb(&pixmap))
}

struct Canvas<'a> {
    pixmap: &'a mut Pixmap,
    /// The visible part of what is drawn; all of it if absent.
    mask: Option<&'a Mask>,
}

impl Canvas<'_> {
    fn draw_all(&mut self, primitives: &[Primitive]) {
        primitives.iter().for_each(|primitive| self.draw(primitive));
    }

    fn draw(&mut self, primitive: &Primitive) {
        match primitive {
            Primitive::Line { points, pen } => self.stroke(polyline(points), *pen),
            Primitive::Frame { area, color } => {
                self.stroke(rectangle(*area), Pen { color: *color, width: 1.0, dashes: &[] });
            }
            Primitive::Circle { center: (x, y), radius, color } => {
                self.fill(PathBuilder::from_circle(*x as f32, *y as f32, *radius as f32), *color);
            }
            Primitive::Polygon { corners, color } => self.fill(polyline(corners), *color),
            Primitive::Text(text) => self.text(text),
            Primitive::Clip { area, contents } => self.clip(*area, contents),
        }
    }

    fn clip(&mut self, area: Area, contents: &[Primitive]) {
        let mask = Mask::new(self.pixmap.width(), self.pixmap.height());
        let (Some(mut mask), Some(path)) = (mask, rectangle(area)) else { return };
        mask.fill_path(&path, FillRule::Winding, true, scale());
        Canvas { pixmap: &mut *self.pixmap, mask: Some(&mask) }.draw_all(contents);
    }

    /// Paths without extent have no pixels.
    fn fill(&mut self, path: Option<Path>, color: Rgb<u8>) {
        if let Some(path) = path {
            self.pixmap.fill_path(&path, &paint(color), FillRule::Winding, scale(), self.mask);
        }
    }

    fn stroke(&mut self, path: Option<Path>, pen: Pen) {
        let stroke = Stroke {
            width: pen.width as f32,
            line_join: LineJoin::Round,
            dash: StrokeDash::new(pen.dashes.to_vec(), 0.0),
            ..Stroke::default()
        };
        if let Some(path) = path {
            self.pixmap.stroke_path(&path, &paint(pen.color), &stroke, scale(), self.mask);
        }
    }

    /// Text is never clipped.
    fn text(&mut self, text: &Text) {
        let style = TextStyle { height_px: text_height(text.size), colour: text.color, embolden_px: 0.0 };
        let (x, baseline) = ((text.at.0 * SCALE) as f32, (text.at.1 * SCALE) as f32);
        let width = width_px(&text.content, style.height_px);
        let left = match text.anchor {
            Anchor::Start => x,
            Anchor::Middle => x - width / 2.0,
            Anchor::End => x - width,
        };
        draw_on_baseline(self.pixmap, &text.content, left, baseline, style);
    }
}

fn scale() -> Transform {
    Transform::from_scale(SCALE as f32, SCALE as f32)
}

fn paint(color: Rgb<u8>) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(raster::color(color));
    paint
}

fn polyline(points: &[Point]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        match index {
            0 => path.move_to(x as f32, y as f32),
            _ => path.line_to(x as f32, y as f32),
        }
    }
    path.finish()
}

fn rectangle(Area { left, top, width, height }: Area) -> Option<Path> {
    let rect = Rect::from_xywh(left as f32, top as f32, width as f32, height as f32)?;
    Some(PathBuilder::from_rect(rect))
}
