//! Styles: converts a face to the look of a poster, a pencil drawing or a comic.
//!
//! A network that is trained on several styles relies less on texture, which differs most between photographs, renderings
//! and drawings: Geirhos et al. (2018), "ImageNet-trained CNNs are biased towards texture", arXiv 1811.12231. That work
//! transfers styles of paintings; the styles here take about a millisecond.

use image::RgbImage;

use super::{StyleConfig, StyleKind, blur};
use crate::seed::RandomStream;

/// Weights of red, green and blue in the lightness (ITU-R BT.601), in 256ths.
const LUMA_256: [u32; 3] = [77, 150, 29];

/// A style to convert a face to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Few levels of each colour, as on a poster or an old display.
    Posterise {
        /// Number of levels, at least 2.
        levels: u8,
    },
    /// A pencil drawing: white where the picture is even, dark where it is darker than its surroundings.
    Sketch,
    /// Colours with dark outlines, as in a comic.
    Outline,
}

impl Style {
    /// The style called `name`: `posterise`, `sketch` or `outline`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "posterise" => Some(Self::Posterise { levels: 4 }),
            "sketch" => Some(Self::Sketch),
            "outline" => Some(Self::Outline),
            _ => None,
        }
    }

    /// Converts `face` to this style.
    pub fn apply(self, face: &mut RgbImage) {
        match self {
            Self::Posterise { levels } => posterise(face, levels),
            Self::Sketch => sketch(face),
            Self::Outline => outline(face),
        }
    }
}

/// Converts `face` to a style, with the configured probability.
pub(super) fn maybe_style(face: &mut RgbImage, config: &StyleConfig, dice: &mut RandomStream) {
    if !dice.chance(config.probability) {
        return;
    }
    let kind = config.only.unwrap_or_else(|| match dice.range(0.0, 3.0) as u32 {
        0 => StyleKind::Posterise,
        1 => StyleKind::Sketch,
        _ => StyleKind::Outline,
    });
    let style = match kind {
        StyleKind::Posterise => Style::Posterise { levels: dice.range(3.0, 8.0) as u8 },
        StyleKind::Sketch => Style::Sketch,
        StyleKind::Outline => Style::Outline,
    };
    style.apply(face);
}

/// Rounds every value to one of `levels` evenly spaced values from 0 to 255.
fn posterise(face: &mut RgbImage, levels: u8) {
    let steps = u32::from(levels.max(2) - 1);
    let table: [u8; 256] = std::array::from_fn(|value| {
        let level = (value as u32 * steps + 127) / 255;
        (level * 255 / steps) as u8
    });
    face.iter_mut().for_each(|value| *value = table[usize::from(*value)]);
}

/// Divides the lightness by the blurred lightness (colour dodge with the blurred negative).
fn sketch(face: &mut RgbImage) {
    let light = lightness(face);
    let mut around = face.clone();
    around.pixels_mut().zip(&light).for_each(|(pixel, light)| pixel.0 = [*light; 3]);
    blur::blur(&mut around, 0.03 * face.width() as f32);
    for ((pixel, light), around) in face.pixels_mut().zip(&light).zip(around.pixels()) {
        let value = (u32::from(*light) * 255 / u32::from(around.0[0]).max(1)).min(255);
        // Doubling the distance from white imitates a soft pencil.
        pixel.0 = [255u32.saturating_sub(2 * (255 - value)) as u8; 3];
    }
}

/// Darkens each pixel by the slope of the lightness (Sobel operator), over five levels of colour.
fn outline(face: &mut RgbImage) {
    let light = lightness(face);
    let (width, height) = (face.width() as i64, face.height() as i64);
    let at =
        |x: i64, y: i64| i64::from(light[(y.clamp(0, height - 1) * width + x.clamp(0, width - 1)) as usize]);
    posterise(face, 5);
    for (x, y, pixel) in face.enumerate_pixels_mut() {
        let (x, y) = (i64::from(x), i64::from(y));
        let column = |x: i64| at(x, y - 1) + 2 * at(x, y) + at(x, y + 1);
        let row = |y: i64| at(x - 1, y) + 2 * at(x, y) + at(x + 1, y);
        let slope = (column(x + 1) - column(x - 1)).abs() + (row(y + 1) - row(y - 1)).abs();
        let left = (255 - slope.min(255)) as u32;
        pixel.0 = pixel.0.map(|value| (u32::from(value) * left / 255) as u8);
    }
}

fn lightness(face: &RgbImage) -> Vec<u8> {
    let of = |pixel: &image::Rgb<u8>| {
        (pixel.0.iter().zip(LUMA_256).map(|(v, share)| u32::from(*v) * share).sum::<u32>() / 256) as u8
    };
    face.pixels().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Purpose;
    use image::Rgb;

    #[test]
    fn posterising_keeps_black_and_white_and_few_values() {
        let mut face = RgbImage::from_fn(16, 16, |x, y| Rgb([(16 * x + y) as u8, (16 * y + x) as u8, 255]));
        Style::Posterise { levels: 4 }.apply(&mut face);
        let mut values: Vec<u8> = face.iter().copied().collect();
        values.sort_unstable();
        values.dedup();
        assert_eq!(values, [0, 85, 170, 255]);
    }

    #[test]
    fn a_sketch_of_an_even_picture_is_white_and_dark_lines_stay() {
        let mut even = RgbImage::from_pixel(40, 40, Rgb([120, 90, 60]));
        Style::Sketch.apply(&mut even);
        assert!(even.iter().all(|v| *v > 250), "{:?}", even.get_pixel(5, 5));
        let mut line = RgbImage::from_fn(60, 60, |x, _| Rgb(if x == 30 { [20; 3] } else { [200; 3] }));
        Style::Sketch.apply(&mut line);
        assert!(line.get_pixel(30, 30).0[0] < 60 && line.get_pixel(5, 30).0[0] > 250);
    }

    #[test]
    fn outlines_lie_on_edges() {
        let mut face =
            RgbImage::from_fn(40, 40, |x, _| Rgb(if x < 20 { [255, 64, 64] } else { [64, 64, 255] }));
        Style::Outline.apply(&mut face);
        let value = |x| face.get_pixel(x, 20).0.iter().map(|v| u32::from(*v)).sum::<u32>();
        assert!(value(19) < value(5) / 2, "{} {}", value(19), value(5));
        assert_eq!(face.get_pixel(5, 20), face.get_pixel(8, 3));
    }

    #[test]
    fn a_style_that_is_named_is_the_only_one() {
        let face = RgbImage::from_fn(40, 40, |x, y| Rgb([(6 * x) as u8, (6 * y) as u8, 90]));
        let mut sketched = face.clone();
        Style::Sketch.apply(&mut sketched);
        let drawn = |only, seed| {
            let mut drawn = face.clone();
            let config = StyleConfig { probability: 1.0, only };
            maybe_style(&mut drawn, &config, &mut RandomStream::new(Purpose::Augmentation, &[seed]));
            drawn
        };
        assert!((0..8).all(|seed| drawn(Some(StyleKind::Sketch), seed) == sketched));
        assert!((0..8).any(|seed| drawn(None, seed) != sketched));
    }

    #[test]
    fn pictures_of_a_pixel_are_taken() {
        for style in [Style::Posterise { levels: 2 }, Style::Sketch, Style::Outline] {
            let mut dot = RgbImage::from_pixel(1, 1, Rgb([9, 200, 30]));
            style.apply(&mut dot);
            style.apply(&mut RgbImage::new(0, 0));
        }
    }
}
