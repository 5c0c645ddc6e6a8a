//! Characters that the outline fonts lack, from GNU Unifont: 漢字, かな, 한글, العربية, emoji and the rest of Unicode.
//!
//! Unifont is a bitmap font of 16 × 16 or 8 × 16 cells a character. At usual text heights one cell is one pixel, and in
//! charts, which have twice the resolution, 2 × 2 pixels; both are sharp. Other heights are scaled with smooth edges.
//!
//! Reference: GNU Unifont 14.0.01 (SIL Open Font License 1.1, or GPL 2+ with the font embedding exception), as the crate
//! `unifont-bitmap` carries it.

use std::sync::{Mutex, OnceLock, PoisonError};

use unifont_bitmap::Unifont;

/// Height of every character, in cells.
const ROWS: u32 = 16;
/// Height above the baseline, in cells.
const ASCENT: f32 = 14.0;
/// Text heights at which a cell is one pixel, and heights at which it is 2 × 2 pixels.
const SINGLE_PX: std::ops::RangeInclusive<f32> = 13.0..=20.0;
const DOUBLE_PX: std::ops::RangeInclusive<f32> = 26.0..=40.0;
/// Unifont returns the glyph of this character for characters that it lacks.
const REPLACEMENT: char = '\u{FFFD}';
/// A pixel is sampled at this many positions in each direction, to find the share of it that is covered.
const SAMPLES: u32 = 4;

/// A character of the bitmap font.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BitmapGlyph {
    columns: u32,
    /// One bit a cell. The leftmost cell is the highest of `columns` bits.
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

    /// The distance from this character to the next one, in pixels.
    pub(super) fn advance_px(&self, height_px: f32) -> f32 {
        self.columns as f32 * scale(height_px)
    }

    /// Calls `pixel` for each pixel with its column and row, from the glyph's top-left corner, and the covered share.
    pub(super) fn draw(&self, height_px: f32, mut pixel: impl FnMut(u32, u32, f32)) {
        let scale = scale(height_px);
        let extent = |cells: u32| (cells as f32 * scale).ceil() as u32;
        let position =
            |pixel: u32, sample: u32| (pixel as f32 + (sample as f32 + 0.5) / SAMPLES as f32) / scale;
        for y in 0..extent(ROWS) {
            for x in 0..extent(self.columns) {
                let covered = (0..SAMPLES * SAMPLES).filter(|sample| {
                    let at = (position(x, sample % SAMPLES), position(y, sample / SAMPLES));
                    self.is_inked(at, scale > 1.0)
                });
                pixel(x, y, covered.count() as f32 / (SAMPLES * SAMPLES) as f32);
            }
        }
    }

    /// Whether a position, in cells from the top-left corner, has ink.
    ///
    /// With `smooth`, two cells that touch only at a corner are joined by a triangle on either side, which turns the steps of
    /// enlarged diagonals into straight lines.
    fn is_inked(&self, (x, y): (f32, f32), smooth: bool) -> bool {
        let (column, row) = (x as i32, y as i32);
        if self.is_set(column, row) {
            return true;
        }
        // Distances from the cell's centre, and the neighbours on that side.
        let (dx, dy) = (x.fract() - 0.5, y.fract() - 0.5);
        let (beside, above) = (column + dx.signum() as i32, row + dy.signum() as i32);
        smooth
            && dx.abs() + dy.abs() >= 0.5
            && self.is_set(beside, row)
            && self.is_set(column, above)
            && !self.is_set(beside, above)
    }

    fn is_set(&self, column: i32, row: i32) -> bool {
        (0..self.columns as i32).contains(&column)
            && (0..ROWS as i32).contains(&row)
            && self.rows[row as usize] >> (self.columns as i32 - 1 - column) & 1 == 1
    }
}

/// The distance from a glyph's top edge to the baseline, in pixels.
pub(super) fn ascent_px(height_px: f32) -> f32 {
    ASCENT * scale(height_px)
}

/// Width and height of a cell, in pixels.
fn scale(height_px: f32) -> f32 {
    if SINGLE_PX.contains(&height_px) {
        1.0
    } else if DOUBLE_PX.contains(&height_px) {
        2.0
    } else {
        height_px / ROWS as f32
    }
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
        let cells: u32 = glyph.rows.iter().map(|row| row.count_ones()).sum();
        assert_eq!(ink(16.0), cells as f32);
        for height in [25.0, 29.0, 32.0, 36.0] {
            assert!((ink(height) - cells as f32).abs() < cells as f32 * 0.1, "{height}: {}", ink(height));
        }
    }

    #[test]
    fn enlarged_diagonals_are_smooth_and_corners_sharp() {
        let glyph = |rows: [u16; 2]| {
            let mut glyph = BitmapGlyph { columns: 8, rows: [0; ROWS as usize] };
            glyph.rows[..2].copy_from_slice(&rows);
            glyph
        };
        // The 4 × 4 pixels of the first 2 × 2 cells, covered by at least a half.
        let pixels = |glyph: &BitmapGlyph| {
            let mut shares = [[0.0; 4]; 4];
            glyph.draw(32.0, |x, y, covered| {
                if x < 4 && y < 4 {
                    shares[y as usize][x as usize] = covered;
                }
            });
            shares.map(|row| row.map(|share| share > 0.3).map(u8::from))
        };
        let diagonal = [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]];
        assert_eq!(pixels(&glyph([0b1000_0000, 0b0100_0000])), diagonal);
        let corner = [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]];
        assert_eq!(pixels(&glyph([0b1100_0000, 0b1000_0000])), corner);
    }
}
