//! Estimates how wide a browser draws a text, and shortens names that are too wide.
//!
//! The page uses the reader's own sans-serif font. Widths are those of Inter Semibold, with a margin, because most system
//! fonts are narrower. Characters outside ASCII are measured with the fonts of this crate, and count as at least as wide.

use crate::text;

/// Advance widths of Inter Semibold from the space to the tilde, in hundredths of the font size.
const ASCII: [u8; 95] = [
    25, 31, 40, 64, 65, 84, 66, 21, 39, 39, 54, 67, 30, 47, 29, 38, 67, 48, 62, 65, 67, 63, 65, 59, 65, 65,
    29, 30, 67, 67, 67, 54, 100, 72, 66, 74, 72, 61, 59, 75, 74, 27, 56, 68, 57, 91, 74, 77, 64, 78, 65, 65,
    66, 73, 72, 101, 69, 70, 65, 39, 38, 39, 48, 47, 50, 57, 63, 58, 63, 59, 38, 63, 61, 26, 26, 57, 26, 90,
    61, 61, 62, 62, 40, 55, 38, 61, 58, 84, 56, 58, 56, 39, 36, 39, 67,
];

/// The share by which a text may be wider than in Inter Semibold.
const MARGIN: f64 = 1.05;

/// Between the parts of a shortened name.
const ELLIPSIS: char = '…';

/// The width of `text` at this font size.
pub(super) fn width(text: &str, font_size: f64) -> f64 {
    text.chars().map(|c| character_width(c, font_size)).sum::<f64>() * MARGIN
}

fn character_width(c: char, font_size: f64) -> f64 {
    if let Some(&hundredths) = (c as usize).checked_sub(32).and_then(|index| ASCII.get(index)) {
        return f64::from(hundredths) / 100.0 * font_size;
    }
    if modifies_its_neighbour(c) {
        return 0.0;
    }
    let built_in = text::advance_px(c, text::height_of_font_size(font_size as f32));
    let least = match c {
        ELLIPSIS => 0.9,
        '\u{1F000}'..='\u{1FAFF}' => 1.3,
        '\u{1100}'..='\u{115F}'
        | '\u{2E80}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FF00}'..='\u{FFE6}' => 1.0,
        _ => 0.55,
    };
    f64::from(built_in).max(least * font_size)
}

/// Whether a name must not be cut before this character: combining marks, joiners, selectors, skin tones.
fn modifies_its_neighbour(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{200C}' | '\u{200D}' | '\u{20D0}'..='\u{20FF}' | '\u{FE00}'..='\u{FE0F}')
        || matches!(c, '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0020}'..='\u{E007F}')
}

/// `name` on one line of at most `max_width`. A longer name keeps its beginning and its end, around an ellipsis.
pub(super) fn shorten(name: &str, font_size: f64, max_width: f64) -> String {
    let characters: Vec<char> = name.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
    let whole: String = characters.iter().collect();
    if width(&whole, font_size) <= max_width {
        return whole;
    }
    let starts: Vec<usize> = (0..characters.len()).filter(|&i| begins_a_cluster(&characters, i)).collect();
    (1..starts.len())
        .rev()
        .map(|kept| cut(&characters, &starts, kept))
        .find(|short| width(short, font_size) <= max_width)
        .unwrap_or_else(|| ELLIPSIS.to_string())
}

fn begins_a_cluster(characters: &[char], index: usize) -> bool {
    index == 0 || !(modifies_its_neighbour(characters[index]) || characters[index - 1] == '\u{200D}')
}

/// The first and last clusters of a name, `kept` of them in all.
fn cut(characters: &[char], starts: &[usize], kept: usize) -> String {
    let (head, tail) = (kept.div_ceil(2), kept / 2);
    let end_of_head = starts[head];
    let start_of_tail = if tail == 0 { characters.len() } else { starts[starts.len() - tail] };
    let text = |part: &[char]| part.iter().collect::<String>();
    format!(
        "{}{ELLIPSIS}{}",
        text(&characters[..end_of_head]).trim_end(),
        text(&characters[start_of_tail..]).trim_start()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_both_ends() {
        let name = "celeba-mobilefacenet-distilled-from-resnet50-epoch-12";
        let short = shorten(name, 13.0, 150.0);
        assert!(
            short.starts_with("celeba-") && short.ends_with("epoch-12") && short.contains(ELLIPSIS),
            "{short}"
        );
        assert!(width(&short, 13.0) <= 150.0);
        assert_eq!(shorten("ResNet50\nhere", 13.0, 150.0), "ResNet50 here");
        assert_eq!(shorten(name, 13.0, 1.0), "…");
        assert_eq!(shorten("", 13.0, 10.0), "");
    }

    #[test]
    fn emoji_sequences_stay_whole() {
        let family = "👩\u{200D}👩\u{200D}👧";
        let short = shorten(&family.repeat(8), 13.0, 120.0);
        assert!(short.contains(ELLIPSIS));
        for part in short.split(ELLIPSIS) {
            assert_eq!(part.replace(family, ""), "", "{short}");
        }
    }

    #[test]
    fn widths_are_at_least_those_of_the_font() {
        // Measured in a browser with Inter Semibold at 13 px: 88.6 and 46.1.
        assert!(width("MobileFaceNet", 13.0) >= 88.0 && width("MobileFaceNet", 13.0) < 100.0);
        for text in ["山田太郎", "🙂", "שלום", "Ελένη"] {
            assert!(width(text, 13.0) > 13.0, "{text}");
        }
    }
}
