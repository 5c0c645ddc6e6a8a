//! Draws a picture with its evidence.

use image::{Rgb, RgbImage};
use tiny_skia::{FillRule, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, Stroke, Transform};

use super::EvidenceMap;
use super::contour::{Place, contours};
use super::region::Region;
use crate::raster::{color, to_rgb};
use crate::text::opaque;

/// Grey of a black pixel outside the region.
const DARKEST: f32 = 146.0;
/// Grey of a white pixel outside the region.
const LIGHTEST: f32 = 238.0;
/// Shorter side of a picture on which lines have their nominal widths, in pixels.
const NOMINAL_SIDE_PX: f32 = 300.0;
/// Widths of the white line and of the black line on it, in pixels of a picture of nominal size.
const LINES_PX: [f32; 2] = [5.2, 2.4];

/// `picture` in pale grey, with the smallest region that holds half of the positive evidence in its own colours inside a black
/// line with white edges. Without positive evidence everything is grey.
///
/// # Panics        a map whose values are not `width` × `height`
///
/// # Examples
/// ```
/// use image::{Rgb, RgbImage};
/// use likeness_report::overlay::{EvidenceMap, overlay};
///
/// let picture = RgbImage::from_pixel(60, 60, Rgb([200, 40, 40]));
/// let values: Vec<f32> = (0..9).map(|at| if at == 4 { 1.0 } else { 0.0 }).collect();
/// let drawn = overlay(&picture, &EvidenceMap { width: 3, height: 3, values: &values });
/// assert_eq!(*drawn.get_pixel(30, 30), Rgb([200, 40, 40]));
/// let [red, green, blue] = drawn.get_pixel(2, 2).0;
/// assert!(red == green && green == blue);
/// ```
pub fn overlay(picture: &RgbImage, evidence: &EvidenceMap<'_>) -> RgbImage {
    assert_eq!(
        evidence.values.len(),
        evidence.width as usize * evidence.height as usize,
        "a value for each pixel of the map"
    );
    let (width, height) = picture.dimensions();
    let mut grey = picture.clone();
    grey.pixels_mut().for_each(|pixel| *pixel = pale(*pixel));
    if evidence.values.is_empty() {
        return grey;
    }
    let lines = Pixmap::new(width, height)
        .and_then(|canvas| Some((canvas, Region::of(evidence, (width, height))?)))
        .and_then(|(canvas, region)| Some((canvas, path(&contours(&region), (width, height))?)));
    let Some((mut canvas, path)) = lines else { return grey };
    let mut inside = Mask::new(width, height).expect("a canvas of this size was made");
    inside.fill_path(&path, FillRule::EvenOdd, true, Transform::identity());
    let pixels = canvas.pixels_mut().iter_mut().zip(picture.pixels().zip(grey.pixels()));
    for ((to, (own, grey)), share) in pixels.zip(inside.data()) {
        let share = f32::from(*share) / 255.0;
        let mixed =
            |at: usize| f32::from(grey.0[at]) + (f32::from(own.0[at]) - f32::from(grey.0[at])) * share;
        *to = opaque([0, 1, 2].map(|at| mixed(at).round() as u8));
    }
    let scale = (width.min(height) as f32 / NOMINAL_SIDE_PX).max(0.3);
    for (width_px, colour) in LINES_PX.into_iter().zip([Rgb([255; 3]), Rgb([0; 3])]) {
        let mut paint = Paint::default();
        paint.set_color(color(colour));
        let (line_cap, line_join) = (LineCap::Round, LineJoin::Round);
        let pen = Stroke { width: width_px * scale, line_cap, line_join, ..Stroke::default() };
        canvas.stroke_path(&path, &paint, &pen, Transform::identity(), None);
    }
    to_rgb(&canvas)
}

/// The pale grey of a pixel, by its luminance (ITU-R BT.601).
fn pale(Rgb([red, green, blue]): Rgb<u8>) -> Rgb<u8> {
    let luminance = 0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue);
    Rgb([(DARKEST + (LIGHTEST - DARKEST) * luminance / 255.0).round() as u8; 3])
}

/// Smooth closed curves through the middles of the lines' segments; `None` without a line.
fn path(lines: &[Vec<Place>], (width, height): (u32, u32)) -> Option<Path> {
    let mut path = PathBuilder::new();
    let place = |(x, y): Place| (x * width as f32, y * height as f32);
    let middle = |(x, y): Place, (to_x, to_y): Place| ((x + to_x) / 2.0, (y + to_y) / 2.0);
    for line in lines {
        let points: Vec<Place> = line.iter().copied().map(place).collect();
        let (x, y) = middle(points[points.len() - 1], points[0]);
        path.move_to(x, y);
        for at in 0..points.len() {
            let (end_x, end_y) = middle(points[at], points[(at + 1) % points.len()]);
            path.quad_to(points[at].0, points[at].1, end_x, end_y);
        }
        path.close();
    }
    path.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x % 256) as u8, (y % 256) as u8, 200]))
    }

    fn is_grey(pixel: &Rgb<u8>) -> bool {
        pixel.0[0] == pixel.0[1] && pixel.0[1] == pixel.0[2]
    }

    #[test]
    fn the_region_keeps_its_colours_inside_a_black_and_white_line() {
        let values: Vec<f32> = (0..400).map(|at| f32::from(u8::from(at % 20 < 8 && at / 20 < 8))).collect();
        let map = EvidenceMap { width: 20, height: 20, values: &values };
        let (own, drawn) = (picture(600, 600), overlay(&picture(600, 600), &map));
        assert_eq!(drawn.get_pixel(120, 120), own.get_pixel(120, 120));
        assert!(drawn.enumerate_pixels().filter(|(x, y, _)| *x > 300 || *y > 300).all(|(.., p)| is_grey(p)));
        let count = |is: fn(u8) -> bool| drawn.pixels().filter(|pixel| pixel.0.into_iter().all(is)).count();
        // Within the picture, the line is 480 pixels long and 5 wide, with edges of 3; along the picture's edge half of it is seen.
        let (black, white) = (count(|value| value == 0), count(|value| value == 255));
        assert!(
            (1500..6000).contains(&black) && (1500..6000).contains(&white),
            "{black} black, {white} white"
        );
    }

    #[test]
    fn no_evidence_is_all_grey() {
        for value in [0.0, -1.0, f32::NAN] {
            let map = EvidenceMap { width: 2, height: 2, values: &[value; 4] };
            assert!(overlay(&picture(50, 40), &map).pixels().all(is_grey));
        }
        let none = EvidenceMap { width: 0, height: 0, values: &[] };
        assert!(overlay(&picture(50, 40), &none).pixels().all(is_grey));
    }

    #[test]
    fn pictures_of_any_size_are_drawn() {
        let map = EvidenceMap { width: 3, height: 1, values: &[0.0, 1.0, 0.0] };
        for (width, height) in [(1, 1), (1, 300), (2000, 3), (5, 5), (900, 700)] {
            assert_eq!(overlay(&picture(width, height), &map).dimensions(), (width, height));
        }
        assert_eq!(overlay(&RgbImage::new(0, 0), &map).dimensions(), (0, 0));
    }
}
