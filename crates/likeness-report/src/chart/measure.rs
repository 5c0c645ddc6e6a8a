//! Measures the text of a chart. The layout is the same for every output format.
//!
//! The fonts of the PNG are known; a browser may show the SVG with another font. Each character therefore counts with
//! the larger of its width in the PNG and its width in a usual sans-serif font.

use crate::text;

/// Pixels of the PNG for each pixel of the SVG, in each direction.
pub(super) const SCALE: f64 = 2.0;

/// The height of text of this font size in the PNG, in pixels of the PNG.
pub(super) fn text_height(size: f64) -> f32 {
    text::height_of_font_size((size * SCALE) as f32)
}

/// The space that `text` needs, in pixels of the SVG.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| char_width(c, size)).sum()
}

/// The space that a character needs, in pixels of the SVG.
pub(super) fn char_width(c: char, size: f64) -> f64 {
    let built_in = f64::from(text::advance_px(c, text_height(size))) / SCALE;
    built_in.max(size * usual_width(c))
}

/// The width of a character in a usual sans-serif font, relative to the font size; rather too large than too small.
fn usual_width(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '\'' | '!' | ' ' | '(' | ')' => 0.32,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '—' => 0.92,
        // Chinese, Japanese, Korean and emoji are as wide as they are high.
        '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}' => 1.05,
        '\u{FE30}'..='\u{FE6F}' | '\u{FF00}'..='\u{FFE6}' | '\u{1F000}'..='\u{3FFFF}' => 1.3,
        c if c.is_ascii_uppercase() => 0.7,
        _ => 0.58,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_the_png_is_wider_than_measured() {
        for text in
            ["Top-1 accuracy", "Wim Müller", "山田 太郎", "김민준", "ضيف", "नाम", "🙂🎉", "Ελένη", "−0.25"]
        {
            for size in [12.0, 13.0, 16.0] {
                let drawn = f64::from(text::width_px(text, text_height(size))) / SCALE;
                assert!(width(text, size) >= drawn - 1e-3, "{text} of size {size}: {drawn}");
            }
        }
    }

    #[test]
    fn the_font_size_is_that_of_the_font() {
        // Ubuntu Light: 932 units above and 189 below the baseline, of 1000 units per em.
        assert!((text::height_of_font_size(1000.0) - 1121.0).abs() < 1.0);
    }
}
