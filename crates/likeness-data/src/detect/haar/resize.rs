//! Bilinear resizing of a grey picture in 8-bit fixed point, row by row, as OpenCV's `INTER_LINEAR_EXACT`.
//!
//! The position of an output pixel `d` in the input is `(d + 0.5)·input/output − 0.5`. Outside the centres of the first and
//! last pixels the edge is repeated. All weights are multiples of 1/256, so a pixel is an exact integer sum that is
//! rounded once.

use super::grey::Grey;

/// The input pixels of one output pixel along an axis: `(256 − fraction)·input[index] + fraction·input[index + 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tap {
    /// The first input pixel.
    pub(crate) index: u32,
    /// The weight of the next pixel in 256ths; zero if there is no next pixel.
    pub(crate) fraction: u16,
}

/// The taps for resizing an axis from `input` to `output` pixels.
pub(crate) fn taps(input: usize, output: usize) -> impl Fn(usize) -> Tap {
    let scale = 1.0 / (output as f64 / input as f64);
    let last = input.saturating_sub(1);
    move |d| {
        let position = scale * (d as f64 + 0.5) - 0.5;
        let index = position.floor();
        if index < 0.0 {
            Tap { index: 0, fraction: 0 }
        } else if index >= last as f64 {
            Tap { index: last as u32, fraction: 0 }
        } else {
            Tap { index: index as u32, fraction: ((position - index) * 256.0).round_ties_even() as u16 }
        }
    }
}

/// Resizes rows of a picture to a range of columns.
#[derive(Debug, Default)]
pub(crate) struct RowResizer {
    columns: Vec<Tap>,
    first: usize,
    blended: Vec<u16>,
}

impl RowResizer {
    /// Sets the output columns: `columns` of a picture with width `input` resized to width `output`.
    pub(crate) fn set_columns(&mut self, input: usize, output: usize, columns: std::ops::Range<usize>) {
        let tap = taps(input, output);
        self.columns.clear();
        self.columns.extend(columns.map(&tap));
        let (Some(first), Some(last)) = (self.columns.first(), self.columns.last()) else { return };
        self.first = first.index as usize;
        let read = last.index as usize + 1 + usize::from(last.fraction > 0) - self.first;
        self.columns.iter_mut().for_each(|tap| tap.index -= self.first as u32);
        self.blended.clear();
        self.blended.resize(read + 1, 0); // the additional value is read with fraction 0
    }

    /// Computes the columns of one output row; `rows` is the row's tap along the vertical axis.
    #[inline(always)]
    pub(crate) fn row(&mut self, source: &Grey, rows: Tap, out: &mut [u8]) {
        let read = self.blended.len() - 1;
        let y = rows.index as usize;
        let upper = &source.row(y)[self.first..][..read];
        let lower = &source.row((y + 1).min(source.height - 1))[self.first..][..read];
        let (keep, fraction) = (256 - rows.fraction, rows.fraction);
        for ((v, &a), &b) in self.blended.iter_mut().zip(upper).zip(lower) {
            *v = keep * u16::from(a) + fraction * u16::from(b);
        }
        for (pixel, tap) in out.iter_mut().zip(&self.columns) {
            let pair = self.blended[tap.index as usize..].first_chunk::<2>();
            let [a, b] = pair.copied().unwrap_or_default().map(u32::from);
            let fraction = u32::from(tap.fraction);
            *pixel = (((256 - fraction) * a + fraction * b + (1 << 15)) >> 16) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, for one pixel, horizontally first.
    fn slow(source: &Grey, width: usize, height: usize, x: usize, y: usize) -> u8 {
        let (h, v) = (taps(source.width, width)(x), taps(source.height, height)(y));
        let along = |y: usize| {
            let row = source.row(y);
            let next = row[(h.index as usize + 1).min(source.width - 1)];
            (256 - u32::from(h.fraction)) * u32::from(row[h.index as usize])
                + u32::from(h.fraction) * u32::from(next)
        };
        let (upper, lower) = (along(v.index as usize), along((v.index as usize + 1).min(source.height - 1)));
        let sum = (256 - u32::from(v.fraction)) * upper + u32::from(v.fraction) * lower;
        ((sum + (1 << 15)) >> 16) as u8
    }

    #[test]
    fn halving_averages_four_pixels() {
        let source = Grey { width: 4, height: 2, pixels: vec![0, 10, 100, 200, 20, 30, 100, 200] };
        let mut resizer = RowResizer::default();
        resizer.set_columns(4, 2, 0..2);
        let mut out = [0; 2];
        resizer.row(&source, taps(2, 1)(0), &mut out);
        assert_eq!(out, [15, 150]);
    }

    proptest! {
        #[test]
        fn any_range_of_columns_agrees_with_the_definition(
            size in (1usize..40, 1usize..40),
            output in (1usize..50, 1usize..50),
            cut in (0.0f64..1.0, 0.0f64..1.0),
            seed: u64,
        ) {
            let pixels = (0..size.0 * size.1).map(|i| {
                (seed.wrapping_add(i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
            });
            let source = Grey { width: size.0, height: size.1, pixels: pixels.collect() };
            let first = (cut.0 * output.0 as f64) as usize;
            let count = 1 + (cut.1 * (output.0 - first - 1) as f64) as usize;
            let mut resizer = RowResizer::default();
            resizer.set_columns(size.0, output.0, first..first + count);
            let mut out = vec![0; count];
            for y in 0..output.1 {
                resizer.row(&source, taps(size.1, output.1)(y), &mut out);
                for (x, &pixel) in out.iter().enumerate() {
                    prop_assert_eq!(pixel, slow(&source, output.0, output.1, first + x, y));
                }
            }
        }
    }
}
