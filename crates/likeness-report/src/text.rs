//! Text as pixels, for charts and contact sheets: measures a line of text, and draws it with smooth edges.
//!
//! The fonts are part of the program: Ubuntu Light, then Hack for the characters that Ubuntu lacks (arrows, box drawing,
//! …; both from `epaint_default_fonts`), then the bitmap font GNU Unifont ([`bitmap`]). A character that no font has, and
//! every control character, is drawn as □, so that no part of a name disappears. There is no shaping: characters are
//! drawn one by one from left to right, without ligatures and without right-to-left order.

mod bitmap;
pub(crate) mod lines;

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};
use tiny_skia::{Pixmap, PremultipliedColorU8};

use self::bitmap::BitmapGlyph;

/// Drawn in place of a character that no font has.
const MISSING: char = '□';

/// Size, colour and weight of a line of text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextStyle {
    /// Distance from the lowest descender to the highest ascender, in pixels.
    pub(crate) height_px: f32,
    /// Colour of a pixel that the text covers completely.
    pub(crate) colour: Rgb<u8>,
    /// Each character is drawn twice, this many pixels apart, because Ubuntu Light is too thin at small sizes.
    pub(crate) embolden_px: f32,
}

/// A picture that text can be drawn on.
pub(crate) trait Surface {
    /// Mixes `colour` into one pixel, which it covers by the share `coverage`. Ignores pixels outside the picture.
    fn blend(&mut self, x: i64, y: i64, colour: Rgb<u8>, coverage: f32);
}

impl Surface for RgbImage {
    fn blend(&mut self, x: i64, y: i64, colour: Rgb<u8>, coverage: f32) {
        if coverage > 0.0 && is_inside(x, y, self.dimensions()) {
            let pixel = self.get_pixel_mut(x as u32, y as u32);
            pixel.0 = mix(pixel.0, colour, coverage);
        }
    }
}

/// Text is drawn on opaque pictures only; the pixels stay opaque.
impl Surface for Pixmap {
    fn blend(&mut self, x: i64, y: i64, colour: Rgb<u8>, coverage: f32) {
        if coverage > 0.0 && is_inside(x, y, (self.width(), self.height())) {
            let index = y as usize * self.width() as usize + x as usize;
            let pixel = &mut self.pixels_mut()[index];
            *pixel = opaque(mix([pixel.red(), pixel.green(), pixel.blue()], colour, coverage));
        }
    }
}

/// An opaque pixel of this colour.
pub(crate) fn opaque([red, green, blue]: [u8; 3]) -> PremultipliedColorU8 {
    PremultipliedColorU8::from_rgba(red, green, blue, 255).expect("an opaque colour is always valid")
}

fn is_inside(x: i64, y: i64, (width, height): (u32, u32)) -> bool {
    (0..i64::from(width)).contains(&x) && (0..i64::from(height)).contains(&y)
}

fn mix(mut under: [u8; 3], over: Rgb<u8>, coverage: f32) -> [u8; 3] {
    for (under, over) in under.iter_mut().zip(over.0) {
        let mixed = f32::from(*under) + (f32::from(over) - f32::from(*under)) * coverage.min(1.0);
        *under = mixed.round() as u8;
    }
    under
}

/// The outline fonts, in the order in which a character is looked up.
fn fonts() -> &'static [FontRef<'static>] {
    static FONTS: OnceLock<Vec<FontRef<'static>>> = OnceLock::new();
    FONTS.get_or_init(|| {
        [epaint_default_fonts::UBUNTU_LIGHT, epaint_default_fonts::HACK_REGULAR]
            .into_iter()
            .map(|bytes| FontRef::try_from_slice(bytes).expect("the fonts in the binary are readable"))
            .collect()
    })
}

/// The drawn form of a character.
enum Glyph {
    /// A glyph of an outline font.
    Outline(&'static FontRef<'static>, GlyphId),
    /// A glyph of the bitmap font.
    Bitmap(BitmapGlyph),
    /// Nothing is drawn: the character only modifies its neighbour.
    Nothing,
}

/// The glyph of `character`; □ for characters that no font has.
fn glyph_of(character: char) -> Glyph {
    let outline = |c: char| {
        fonts().iter().find_map(|font| {
            let id = font.glyph_id(c);
            (id.0 != 0).then_some(Glyph::Outline(font, id))
        })
    };
    // Joiners and variation selectors within emoji.
    if matches!(character, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}') {
        return Glyph::Nothing;
    }
    // Direction marks have no effect here, but must be visible in a name.
    let is_direction =
        matches!(character, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let bitmap = || {
        let drawn = !character.is_control() && !is_direction;
        drawn.then(|| BitmapGlyph::of(character)).flatten().map(Glyph::Bitmap)
    };
    // Glyph 0 of every font is its box for missing characters.
    outline(character)
        .or_else(bitmap)
        .or_else(|| outline(MISSING))
        .unwrap_or_else(|| Glyph::Outline(&fonts()[0], GlyphId(0)))
}

impl Glyph {
    fn advance_px(&self, height_px: f32) -> f32 {
        match self {
            Self::Outline(font, id) => font.as_scaled(PxScale::from(height_px)).h_advance(*id),
            Self::Bitmap(glyph) => glyph.advance_px(height_px),
            Self::Nothing => 0.0,
        }
    }
}

/// The width of `text` at `height_px`, in pixels.
pub(crate) fn width_px(text: &str, height_px: f32) -> f32 {
    text.chars().map(|c| advance_px(c, height_px)).sum()
}

/// The distance from `character` to the next one at `height_px`, in pixels.
pub(crate) fn advance_px(character: char, height_px: f32) -> f32 {
    glyph_of(character).advance_px(height_px)
}

/// The text height (see [`TextStyle::height_px`]) of a font size, the unit of SVG and CSS.
pub(crate) fn height_of_font_size(size_px: f32) -> f32 {
    let font = &fonts()[0];
    let units_per_em = font.units_per_em().expect("the fonts in the binary have a size");
    size_px * font.height_unscaled() / units_per_em
}

/// Draws one line of text with its top-left corner at (`left`, `top`), clipped at the picture's edge.
pub(crate) fn draw(surface: &mut impl Surface, text: &str, left: f32, top: f32, style: TextStyle) {
    let ascent = fonts()[0].as_scaled(PxScale::from(style.height_px)).ascent();
    draw_on_baseline(surface, text, left, top + ascent, style);
}

/// Draws one line of text that begins at `left` and stands on `baseline`, clipped at the picture's edge.
pub(crate) fn draw_on_baseline(
    surface: &mut impl Surface,
    text: &str,
    left: f32,
    baseline: f32,
    style: TextStyle,
) {
    let (mut x, baseline) = (left, baseline.round());
    for character in text.chars() {
        let glyph = glyph_of(character);
        match &glyph {
            Glyph::Outline(font, id) => {
                draw_outline(surface, font, *id, (x, baseline), style);
                if style.embolden_px > 0.0 {
                    draw_outline(surface, font, *id, (x + style.embolden_px, baseline), style);
                }
            }
            Glyph::Bitmap(bitmap) => draw_bitmap(surface, bitmap, (x, baseline), style),
            Glyph::Nothing => {}
        }
        x += glyph.advance_px(style.height_px);
    }
}

fn draw_outline(
    surface: &mut impl Surface,
    font: &FontRef<'static>,
    id: GlyphId,
    (x, baseline): (f32, f32),
    style: TextStyle,
) {
    let placed = id.with_scale_and_position(PxScale::from(style.height_px), point(x, baseline));
    let Some(outline) = font.outline_glyph(placed) else { return };
    let (left, top) = (outline.px_bounds().min.x as i64, outline.px_bounds().min.y as i64);
    outline.draw(|dx, dy, coverage| {
        surface.blend(left + i64::from(dx), top + i64::from(dy), style.colour, coverage);
    });
}

fn draw_bitmap(surface: &mut impl Surface, glyph: &BitmapGlyph, (x, baseline): (f32, f32), style: TextStyle) {
    let (left, top) = (x.round() as i64, (baseline - bitmap::ascent_px(style.height_px)).round() as i64);
    glyph.draw(style.height_px, |dx, dy, coverage| {
        surface.blend(left + i64::from(dx), top + i64::from(dy), style.colour, coverage);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: TextStyle = TextStyle { height_px: 14.0, colour: Rgb([0, 0, 0]), embolden_px: 0.0 };

    fn ink(text: &str) -> Vec<u8> {
        let mut image = RgbImage::from_pixel(200, 20, Rgb([255; 3]));
        draw(&mut image, text, 1.0, 1.0, STYLE);
        image.into_raw()
    }

    #[test]
    fn characters_without_a_glyph_become_a_box() {
        assert_eq!(ink("a\u{50000}b"), ink("a□b"));
        assert_ne!(ink("a\u{50000}b"), ink("a b"));
        for hidden in ["\u{7}", "\u{85}", "\u{202E}", "\u{200F}"] {
            assert_eq!(ink(hidden), ink("□"), "{hidden:?} is shown, not swallowed");
        }
    }

    #[test]
    fn every_script_has_letters_of_its_own() {
        for text in ["漢字", "かな", "한글", "العربية", "עברית", "😀🎉", "Иж→"] {
            let boxes: String = text.chars().map(|_| MISSING).collect();
            assert_ne!(ink(text), ink(&boxes), "{text}");
            for character in text.chars() {
                assert_ne!(ink(&character.to_string()), ink("□"), "{character}");
            }
        }
        assert_eq!(ink("❤\u{FE0F}a"), ink("❤a"), "variation selectors take no space");
    }

    #[test]
    fn text_over_the_edge_is_cut_without_panic() {
        let mut image = RgbImage::from_pixel(10, 6, Rgb([255; 3]));
        draw(&mut image, "Wide and tall", -5.0, -3.0, STYLE);
        draw(&mut image, "", 0.0, 0.0, STYLE);
        assert!(image.pixels().any(|p| p.0 != [255; 3]));
    }

    #[test]
    fn both_surfaces_get_the_same_pixels() {
        let style = TextStyle { height_px: 29.0, colour: Rgb([20, 80, 160]), embolden_px: 0.4 };
        let mut image = RgbImage::from_pixel(300, 40, Rgb([250, 240, 230]));
        let mut pixmap = Pixmap::new(300, 40).unwrap();
        pixmap.fill(tiny_skia::Color::from_rgba8(250, 240, 230, 255));
        for text in ["Ågnes 漢字", "over the edge"] {
            draw(&mut image, text, -3.0, 3.0, style);
            draw(&mut pixmap, text, -3.0, 3.0, style);
        }
        assert!(image.pixels().any(|p| p.0 == style.colour.0));
        for (pixel, expected) in pixmap.pixels().iter().zip(image.pixels()) {
            assert_eq!([pixel.red(), pixel.green(), pixel.blue()], expected.0);
            assert!(pixel.is_opaque());
        }
    }
}
