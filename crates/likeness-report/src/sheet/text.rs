//! Words onto a sheet: a line of text enters, its width in pixels or its anti-aliased pixels leave.
//!
//! The fonts travel in the binary: Ubuntu Light first, Hack for what it lacks (Greek, Cyrillic, arrows, …; both from
//! `epaint_default_fonts`), then the squares of GNU Unifont ([`bitmap`](super::bitmap)). A character that none has, and
//! every control character, is drawn as □, so that no name is silently cut. There is no shaping: letters stand one by one,
//! from left to right.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};

use super::bitmap::{self, BitmapGlyph};

/// What stands in the middle of a shortened line.
const ELLIPSIS: char = '…';

/// Stands for a character that no font has.
const MISSING: char = '□';

/// How a line of text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextStyle {
    /// Distance from the lowest descender to the highest ascender, in pixels.
    pub(super) height_px: f32,
    /// Colour of full coverage.
    pub(super) colour: Rgb<u8>,
    /// How far apart each character is drawn twice, in pixels: Ubuntu Light is too thin for small words as it is.
    pub(super) embolden_px: f32,
}

/// The fonts in the order in which they are asked for a character.
fn fonts() -> &'static [FontRef<'static>] {
    static FONTS: OnceLock<Vec<FontRef<'static>>> = OnceLock::new();
    FONTS.get_or_init(|| {
        [epaint_default_fonts::UBUNTU_LIGHT, epaint_default_fonts::HACK_REGULAR]
            .into_iter()
            .map(|bytes| FontRef::try_from_slice(bytes).expect("the fonts in the binary are readable"))
            .collect()
    })
}

/// How a character is drawn.
enum Glyph {
    /// By an outline font.
    Outline(&'static FontRef<'static>, GlyphId),
    /// By squares.
    Bitmap(BitmapGlyph),
    /// Not at all: it only changes the look of its neighbour.
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
    // Marks of writing direction reorder nothing here, but must not hide in a name.
    let is_direction =
        matches!(character, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let bitmap = || {
        let drawn = !character.is_control() && !is_direction;
        drawn.then(|| BitmapGlyph::of(character)).flatten().map(Glyph::Bitmap)
    };
    // Glyph 0 is every font's own box for a missing character.
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
pub(super) fn width_px(text: &str, height_px: f32) -> f32 {
    text.chars().map(|c| advance_px(c, height_px)).sum()
}

fn advance_px(character: char, height_px: f32) -> f32 {
    glyph_of(character).advance_px(height_px)
}

/// `text` in lines of at most `limit_px`, broken at blanks; a word that is wider is shortened in the middle.
pub(super) fn wrap(text: &str, height_px: f32, limit_px: f32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let longer = format!("{} {word}", lines.last().map_or("", String::as_str)).trim().to_owned();
        if width_px(&longer, height_px) <= limit_px {
            lines.pop();
            lines.push(longer);
        } else {
            lines.push(shorten_middle(word, height_px, limit_px));
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// `text`, or its beginning and end around an … where it is wider than `limit_px`.
///
/// # Conventions
/// The end is kept at least as long as the beginning, for there stands what tells file names apart. A limit too
/// small for even one … gives an empty line.
pub(super) fn shorten_middle(text: &str, height_px: f32, limit_px: f32) -> String {
    if width_px(text, height_px) <= limit_px {
        return text.to_owned();
    }
    let widths: Vec<(char, f32)> = text.chars().map(|c| (c, advance_px(c, height_px))).collect();
    let mut left_px = limit_px - advance_px(ELLIPSIS, height_px);
    if left_px < 0.0 {
        return String::new();
    }
    let (mut head, mut tail) = (0, widths.len());
    while head < tail {
        let from_end = widths.len() - tail <= head;
        let next = if from_end { widths[tail - 1].1 } else { widths[head].1 };
        if next > left_px {
            break;
        }
        left_px -= next;
        if from_end { tail -= 1 } else { head += 1 }
    }
    let part = |range: &[(char, f32)]| range.iter().map(|(c, _)| *c).collect::<String>();
    format!("{}{ELLIPSIS}{}", part(&widths[..head]).trim_end(), part(&widths[tail..]).trim_start())
}

/// Draws one line with its top-left corner at (`left`, `top`); what reaches over the picture's edge is cut off.
pub(super) fn draw(image: &mut RgbImage, text: &str, left: f32, top: f32, style: TextStyle) {
    let scale = PxScale::from(style.height_px);
    let baseline = (top + fonts()[0].as_scaled(scale).ascent()).round();
    let mut x = left;
    for character in text.chars() {
        let glyph = glyph_of(character);
        match &glyph {
            Glyph::Outline(font, id) => {
                for offset in [0.0, style.embolden_px] {
                    let placed = id.with_scale_and_position(scale, point(x + offset, baseline));
                    let Some(outlined) = font.outline_glyph(placed) else { continue };
                    let (left, top) = (outlined.px_bounds().min.x as i64, outlined.px_bounds().min.y as i64);
                    outlined.draw(|dx, dy, coverage| {
                        blend(image, left + i64::from(dx), top + i64::from(dy), style.colour, coverage);
                    });
                }
            }
            Glyph::Bitmap(bitmap) => {
                let top = (baseline - bitmap::ascent_px(style.height_px)).round() as i64;
                bitmap.draw(style.height_px, |dx, dy, coverage| {
                    blend(
                        image,
                        x.round() as i64 + i64::from(dx),
                        top + i64::from(dy),
                        style.colour,
                        coverage,
                    );
                });
            }
            Glyph::Nothing => {}
        }
        x += glyph.advance_px(style.height_px);
    }
}

/// Lays `colour` over one pixel; outside the picture nothing happens.
fn blend(image: &mut RgbImage, x: i64, y: i64, colour: Rgb<u8>, coverage: f32) {
    let inside = (0..i64::from(image.width())).contains(&x) && (0..i64::from(image.height())).contains(&y);
    if !inside || coverage <= 0.0 {
        return;
    }
    let pixel = image.get_pixel_mut(x as u32, y as u32);
    for (under, over) in pixel.0.iter_mut().zip(colour.0) {
        let mixed = f32::from(*under) + (f32::from(over) - f32::from(*under)) * coverage.min(1.0);
        *under = mixed.round() as u8;
    }
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
    fn long_lines_are_wrapped_at_blanks() {
        let title = "Nearest images for 20 queries of the dataset london with the model classic";
        for limit in [120.0, 200.0, 400.0, 4000.0] {
            let lines = wrap(title, 25.0, limit);
            assert_eq!(lines.join(" "), title, "nothing is cut at {limit}");
            assert!(lines.iter().all(|line| width_px(line, 25.0) <= limit));
        }
        assert!(wrap("a-very-long-word-without-blanks", 25.0, 100.0)[0].contains(ELLIPSIS));
        assert!(wrap("", 25.0, 100.0).is_empty());
    }

    #[test]
    fn shortened_lines_fit_and_keep_both_ends() {
        let name = "holiday-pictures/2019/summer/IMG_20190704_183012.jpg";
        for limit in 10..400 {
            let short = shorten_middle(name, 14.0, limit as f32);
            assert!(width_px(&short, 14.0) <= limit as f32, "{short:?} is wider than {limit}");
            let room_for_one = width_px("…", 14.0) <= limit as f32;
            assert!(short == name || short.contains(ELLIPSIS) == room_for_one, "{short:?} at {limit}");
        }
        let short = shorten_middle(name, 14.0, 150.0);
        assert!(short.starts_with("holi") && short.ends_with("3012.jpg"), "{short}");
        assert_eq!(shorten_middle("short.png", 14.0, 150.0), "short.png");
        assert_eq!(shorten_middle(name, 14.0, 1.0), "");
    }

    #[test]
    fn text_over_the_edge_is_cut_without_panic() {
        let mut image = RgbImage::from_pixel(10, 6, Rgb([255; 3]));
        draw(&mut image, "Wide and tall", -5.0, -3.0, STYLE);
        draw(&mut image, "", 0.0, 0.0, STYLE);
        assert!(image.pixels().any(|p| p.0 != [255; 3]));
    }
}
