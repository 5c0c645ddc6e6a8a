//! Draws shapes onto a picture with anti-aliasing, as a shaded portrait or as an ink and crayon sketch.
//!
//! The modules for parts of a face define shapes, colours and softness; the brush alone knows how a style draws them. A
//! portrait has fills and gradients; a sketch has flat crayon fills beside their outlines, ink lines, and hatching in the
//! shadow.

use tiny_skia::{
    Color, FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Mask, Paint, Path, PathBuilder, Pixmap,
    RadialGradient, Shader, SpreadMode, Stroke, Transform,
};

use super::Style;
use super::tint::{Tint, hex};
use likeness_data::geometry::Point;
use likeness_data::seed::RandomStream;

/// Tension of the curves of [`smooth`] (Catmull–Rom: 1/6 of the chord).
const TENSION: f32 = 1.0 / 6.0;

/// The drawing materials of one sketch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Medium {
    pub(super) paper: Tint,
    pub(super) ink: Tint,
    /// Opacity of the crayon on the paper, in [0, 1].
    pub(super) cover: f32,
    /// Pencil only: colours become greys.
    pub(super) grey: bool,
    /// Offset of fills from their outlines, as shares of the picture's side.
    pub(super) slip: [f32; 2],
}

impl Medium {
    pub(super) fn new(dice: &mut RandomStream) -> Self {
        let papers =
            [hex(0xf4ecd8), hex(0xefefe9), hex(0xd9c4a0), hex(0xdde4e6), hex(0xf6e6dc), hex(0xc9ccc4)];
        let inks = [hex(0x1d1c22), hex(0x3a241a), hex(0x1e2c52), hex(0x2b2b2b)];
        Self {
            paper: dice.pick(&papers),
            ink: dice.pick(&inks),
            cover: dice.range(0.55, 0.88),
            grey: dice.chance(0.12),
            slip: [dice.bell(0.02), dice.bell(0.02)],
        }
    }
}

/// A picture that is being drawn.
pub(super) struct Brush {
    pub(super) pixmap: Pixmap,
    pub(super) style: Style,
    pub(super) medium: Medium,
    clip: Option<Mask>,
    side: f32,
}

impl Brush {
    /// An empty canvas of `size` × `size` pixels; `None` for an invalid size.
    pub(super) fn new(size: u32, style: Style, medium: Medium) -> Option<Self> {
        let mut pixmap = Pixmap::new(size, size)?;
        pixmap.fill(colour(medium.paper, 1.0));
        Some(Self { pixmap, style, medium, clip: None, side: size as f32 })
    }

    /// The picture's side, in pixels.
    pub(super) fn side(&self) -> f32 {
        self.side
    }

    pub(super) fn is_sketch(&self) -> bool {
        self.style == Style::Sketch
    }

    /// Restricts drawing to the inside of `path`.
    pub(super) fn clip_to(&mut self, path: &Path) {
        let mut mask = self.clip.take().or_else(|| Mask::new(self.pixmap.width(), self.pixmap.height()));
        if let Some(mask) = &mut mask {
            mask.clear();
            mask.fill_path(path, FillRule::Winding, true, Transform::identity());
        }
        self.clip = mask;
    }

    /// Removes the restriction of [`Brush::clip_to`].
    pub(super) fn unclip(&mut self) {
        self.clip = None;
    }

    /// Converts a colour to the style.
    fn pigment(&self, tint: Tint) -> Tint {
        if !self.is_sketch() {
            return tint;
        }
        let tint = tint.crayon();
        let tint = if self.medium.grey { tint.saturate(0.0) } else { tint };
        self.medium.paper.mix(tint, self.medium.cover)
    }

    /// Draws a solid body: filled, with an outline if the style has outlines.
    pub(super) fn body(&mut self, path: &Path, tint: Tint) {
        let slip = if self.clip.is_none() { self.medium.slip } else { [0.0; 2] };
        let shift = if self.is_sketch() {
            Transform::from_translate(slip[0] * self.side, slip[1] * self.side)
        } else {
            Transform::identity()
        };
        let pigment = self.pigment(tint);
        self.fill_with(path, Shader::SolidColor(colour(pigment, 1.0)), shift);
        if self.is_sketch() {
            self.stroke(path, self.medium.ink, 0.0085, 0.9);
        } else {
            self.stroke(path, tint.shade(-0.45), 0.004, 0.35);
        }
    }

    /// Draws a flat area without an outline.
    pub(super) fn patch(&mut self, path: &Path, tint: Tint, alpha: f32) {
        let pigment = self.pigment(tint);
        self.fill_with(path, Shader::SolidColor(colour(pigment, alpha)), Transform::identity());
    }

    /// Draws a shaded area on a body; portraits only.
    pub(super) fn patch_soft(&mut self, path: &Path, tint: Tint, alpha: f32) {
        if !self.is_sketch() {
            self.patch(path, tint, alpha);
        }
    }

    /// Draws a line of `width` (a share of the picture's side); a sketch draws every line in ink.
    pub(super) fn line(&mut self, path: &Path, tint: Tint, width: f32, alpha: f32) {
        if self.is_sketch() {
            self.stroke(path, self.medium.ink, width.max(0.006), (alpha * 1.6).min(0.95));
        } else {
            self.stroke(path, tint, width, alpha);
        }
    }

    /// Draws a line in the given colour in both styles.
    pub(super) fn strand(&mut self, path: &Path, tint: Tint, width: f32, alpha: f32) {
        let pigment = self.pigment(tint);
        self.stroke(path, pigment, width, alpha);
    }

    /// Draws a soft round spot that fades out at `radius_px`; portraits only.
    pub(super) fn glow(&mut self, centre: Point, radius_px: f32, tint: Tint, alpha: f32) {
        if self.is_sketch() || radius_px < 0.5 {
            return;
        }
        let at = tiny_skia::Point::from_xy(centre.x, centre.y);
        let stops = vec![
            GradientStop::new(0.0, colour(tint, alpha)),
            GradientStop::new(0.55, colour(tint, alpha * 0.45)),
            GradientStop::new(1.0, colour(tint, 0.0)),
        ];
        let shader =
            RadialGradient::new(at, 0.0, at, radius_px, stops, SpreadMode::Pad, Transform::identity());
        if let (Some(shader), Some(circle)) =
            (shader, PathBuilder::from_circle(centre.x, centre.y, radius_px))
        {
            self.fill_with(&circle, shader, Transform::identity());
        }
    }

    /// Fills with a gradient of colour and alpha along a line; portraits only.
    pub(super) fn sweep(&mut self, path: &Path, from: (Point, Tint, f32), to: (Point, Tint, f32)) {
        if self.is_sketch() {
            return;
        }
        let at = |p: Point| tiny_skia::Point::from_xy(p.x, p.y);
        let middle = from.1.mix(to.1, 0.5);
        let stops = vec![
            GradientStop::new(0.0, colour(from.1, from.2)),
            GradientStop::new(0.5, colour(middle, (from.2 + to.2) * 0.18)),
            GradientStop::new(1.0, colour(to.1, to.2)),
        ];
        let (start, end) = (at(from.0), at(to.0));
        let shader = LinearGradient::new(start, end, stops, SpreadMode::Pad, Transform::identity());
        if let Some(shader) = shader {
            self.fill_with(path, shader, Transform::identity());
        }
    }

    /// Draws slanted ink lines in a box given by two corners, within the clip; sketches only.
    pub(super) fn hatch(&mut self, from: Point, to: Point, slant: f32, gap: f32) {
        if !self.is_sketch() {
            return;
        }
        let gap = (gap * self.side).max(2.0);
        let (left, right) = (from.x.min(to.x), from.x.max(to.x));
        let (top, bottom) = (from.y.min(to.y), from.y.max(to.y));
        let reach = (bottom - top) * slant;
        let mut lines = PathBuilder::new();
        let mut x = left - reach.max(0.0);
        while x < right - reach.min(0.0) {
            lines.move_to(x, bottom);
            lines.line_to(x + reach, top);
            x += gap;
        }
        if let Some(lines) = lines.finish() {
            self.stroke(&lines, self.medium.ink, 0.0045, 0.5);
        }
    }

    fn stroke(&mut self, path: &Path, tint: Tint, width: f32, alpha: f32) {
        let mut paint = Paint::default();
        paint.set_color(colour(tint, alpha));
        let stroke = Stroke {
            width: (width * self.side).max(0.4),
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        self.pixmap.stroke_path(path, &paint, &stroke, Transform::identity(), self.clip.as_ref());
    }

    fn fill_with(&mut self, path: &Path, shader: Shader<'_>, transform: Transform) {
        let paint = Paint { shader, ..Paint::default() };
        self.pixmap.fill_path(path, &paint, FillRule::Winding, transform, self.clip.as_ref());
    }
}

fn colour(tint: Tint, alpha: f32) -> Color {
    let [r, g, b] = tint.0.map(|c| c.clamp(0.0, 1.0));
    Color::from_rgba(r, g, b, alpha.clamp(0.0, 1.0)).unwrap_or(Color::BLACK)
}

/// A closed curve through `points`.
pub(super) fn smooth(points: &[Point]) -> Option<Path> {
    let n = points.len();
    let first = points.first()?;
    let mut builder = PathBuilder::new();
    builder.move_to(first.x, first.y);
    for i in 0..n {
        curve(&mut builder, [points[(i + n - 1) % n], points[i], points[(i + 1) % n], points[(i + 2) % n]]);
    }
    builder.close();
    builder.finish()
}

/// An open curve through `points`.
pub(super) fn open(points: &[Point]) -> Option<Path> {
    let first = points.first()?;
    let mut builder = PathBuilder::new();
    builder.move_to(first.x, first.y);
    run(&mut builder, points);
    builder.finish()
}

/// A closed shape between two curves from the same first to the same last point, with a corner at each.
pub(super) fn lens(one: &[Point], other: &[Point]) -> Option<Path> {
    let first = one.first()?;
    let mut builder = PathBuilder::new();
    builder.move_to(first.x, first.y);
    run(&mut builder, one);
    let back: Vec<Point> = other.iter().rev().copied().collect();
    if let Some(start) = back.first() {
        builder.line_to(start.x, start.y);
    }
    run(&mut builder, &back);
    builder.close();
    builder.finish()
}

/// Straight lines through `points`, closed.
pub(super) fn polygon(points: &[Point]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (i, p) in points.iter().enumerate() {
        if i == 0 { builder.move_to(p.x, p.y) } else { builder.line_to(p.x, p.y) }
    }
    builder.close();
    builder.finish()
}

/// A circle as a path.
pub(super) fn circle(centre: Point, radius_px: f32) -> Option<Path> {
    PathBuilder::from_circle(centre.x, centre.y, radius_px.max(0.3))
}

/// Continues the builder's path from its current point, the first of `points`, through all others.
fn run(builder: &mut PathBuilder, points: &[Point]) {
    let last = points.len().saturating_sub(1);
    for i in 0..last {
        let (before, after) = (points[i.saturating_sub(1)], points[(i + 2).min(last)]);
        curve(builder, [before, points[i], points[i + 1], after]);
    }
}

/// The Catmull–Rom segment from the second to the third point.
fn curve(builder: &mut PathBuilder, [p0, p1, p2, p3]: [Point; 4]) {
    builder.cubic_to(
        p1.x + (p2.x - p0.x) * TENSION,
        p1.y + (p2.y - p0.y) * TENSION,
        p2.x - (p3.x - p1.x) * TENSION,
        p2.y - (p3.y - p1.y) * TENSION,
        p2.x,
        p2.y,
    );
}
