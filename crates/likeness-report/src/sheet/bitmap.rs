//! Characters that the outline fonts lack, from GNU Unifont: 漢字, かな, 한글, العربية, emoji and the rest of Unicode.
//!
//! Unifont draws each character on 16 × 16 or 8 × 16 squares. At usual heights one square is one pixel, which is crisp;
//! larger text is scaled with smooth edges.
//!
//! Reference: GNU Unifont 14.0.01 (SIL Open Font License 1.1, or GPL 2+ with the font embedding exception), as the crate
//! `unifont-bitmap` carries it.

use std::sync::{Mutex, OnceLock, PoisonError};

use unifont_bitmap::Unifont;

/// Squares of a character from top to bottom.
const ROWS: u32 = 16;
/// Squares above the baseline.
const ASCENT: f32 = 14.0;
/// Text of these heights is drawn with one pixel a square.
const CRISP_PX: std::ops::RangeInclusive<f32> = 13.0..=20.0;
/// Stands in Unifont for a character that it lacks.
const REPLACEMENT: char = '\u{FFFD}';
/// Positions a pixel edge is divided into to find how much of the pixel is covered.
const FINE: u32 = 4;

/// A character as squares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BitmapGlyph {
    columns: u32,
    /// The leftmost square is the highest of `columns` bits.
    rows: [u16; ROWS as usize],
}

impl BitmapGlyph {
    /// The glyph of `character`, if Unifont has one.
    pub(super) fn of(character: char) -> Option<Self> {
        static FONT: OnceLock<Mutex<Unifont>> = OnceLock::new();
        let mut font =
            FONT.get_or_init(|| Mutex::new(Unifont::open())).lock().unwrap_or_else(PoisonError::into_inner);
        let missing = Self::load(&mut font, REPLACEMENT);
        let glyph = Self::load(&mut font, character);
        (glyph != missing || character == REPLACEMENT).then_some(glyph)
    }

    fn load(font: &mut Unifont, character: char) -> Self {
        let bitmap = font.load_bitmap(character.into());
        let bytes = bitmap.get_bytes();
        let width = bytes.len() / ROWS as usize;
        let mut rows = [0; ROWS as usize];
        for (row, bytes) in rows.iter_mut().zip(bytes.chunks_exact(width)) {
            *row = bytes.iter().fold(0, |row, &byte| row << 8 | u16::from(byte));
        }
        Self { columns: width as u32 * 8, rows }
    }

    /// Pixels from this character to the next in text of this height.
    pub(super) fn advance_px(&self, height_px: f32) -> f32 {
        self.columns as f32 * scale(height_px)
    }

    /// Calls `pixel` with column and row from the glyph's top left corner and the share that is covered, for each pixel.
    pub(super) fn draw(&self, height_px: f32, mut pixel: impl FnMut(u32, u32, f32)) {
        let scale = scale(height_px);
        let extent = |squares: u32| (squares as f32 * scale).ceil() as u32;
        for y in 0..extent(ROWS) {
            for x in 0..extent(self.columns) {
                let covered = (0..FINE * FINE).filter(|at| {
                    let fine =
                        |v: u32, at: u32| ((v as f32 + (at as f32 + 0.5) / FINE as f32) / scale) as u32;
                    self.is_set(fine(x, at % FINE), fine(y, at / FINE))
                });
                pixel(x, y, covered.count() as f32 / (FINE * FINE) as f32);
            }
        }
    }

    fn is_set(&self, column: u32, row: u32) -> bool {
        column < self.columns && row < ROWS && self.rows[row as usize] >> (self.columns - 1 - column) & 1 == 1
    }
}

/// Pixels from the glyph's top to the baseline.
pub(super) fn ascent_px(height_px: f32) -> f32 {
    ASCENT * scale(height_px)
}

/// Pixels a square.
fn scale(height_px: f32) -> f32 {
    if CRISP_PX.contains(&height_px) { 1.0 } else { height_px / ROWS as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_the_world_and_emoji_are_there() {
        for character in "漢字かなカナ한글العربيةעבריתहिन्दीไทย😀❤🎉€".chars()
        {
            assert!(BitmapGlyph::of(character).is_some(), "{character}");
        }
        assert_eq!(BitmapGlyph::of('漢').unwrap().columns, 16);
        assert_eq!(BitmapGlyph::of('a').unwrap().columns, 8);
        assert_eq!(BitmapGlyph::of('\u{50000}'), None, "of an unassigned plane");
    }

    #[test]
    fn scaling_keeps_the_inked_share() {
        let glyph = BitmapGlyph::of('漢').unwrap();
        let ink = |height: f32| {
            let mut ink = 0.0;
            glyph.draw(height, |_, _, covered| ink += covered);
            ink / (scale(height) * scale(height))
        };
        let squares: u32 = glyph.rows.iter().map(|row| row.count_ones()).sum();
        assert_eq!(ink(16.0), squares as f32);
        assert_eq!(ink(32.0), squares as f32);
        assert!((ink(25.0) - squares as f32).abs() < squares as f32 * 0.1);
    }
}
