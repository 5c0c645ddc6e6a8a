//! Integral images of one tile of a picture: sums, sums of squares and tilted sums, in a layout for the scanner.
//!
//! `sum(x, y)` is the sum of the pixels above and to the left of (x, y). The tilted sum is that of the pixels in the
//! upward cone with its apex at (x, y): `Σ I(x', y')` over `y' < y`, `|x' − x + 1| ≤ y − y' − 1` (Lienhart and Maydt,
//! 2002). All three wrap around. The sum of a single rectangle is below 2³² for every allowed window, so the
//! difference of four corners is exact.
//!
//! Windows that are `step` pixels apart read columns that are `step` apart, so columns with the same remainder are stored
//! together: a row is `step` planes of `half` values, and neighbouring windows read neighbouring memory.

/// Number of windows evaluated at the same time.
pub(crate) const LANES: usize = 16;

/// One more than the maximum offset of a value from the start of its window.
pub(crate) const MAX_OFFSET: usize = 1 << 16;

/// Length of the slice that a block of windows reads: every 16-bit offset, plus the lanes of a block.
pub(crate) const SPAN: usize = MAX_OFFSET + LANES;

/// The memory layout of the rows of an integral image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Pixels between neighbouring windows, 1 or 2.
    pub(crate) step: usize,
    /// Number of columns with the same remainder.
    pub(crate) half: usize,
}

impl Layout {
    /// A layout for `columns` values per row. A row takes an odd number of cache lines, so that rows do not share
    /// cache sets.
    pub(crate) fn new(step: usize, columns: usize) -> Self {
        let granule = 16 / step;
        let lines = columns.div_ceil(step).div_ceil(granule) | 1;
        Self { step, half: lines * granule }
    }

    /// The maximum number of columns for which every corner of a `width` × `height` window is below [`MAX_OFFSET`].
    pub(crate) fn max_columns(step: usize, (width, height): (usize, usize)) -> usize {
        let half = (MAX_OFFSET - 1 - width / step) / (height * step + step - 1);
        let lines = half / (16 / step);
        (lines - (1 - lines % 2)) * 16
    }

    /// Number of values from one row to the next.
    pub(crate) fn stride(&self) -> usize {
        self.half * self.step
    }

    /// Index of the value in column `x`, row `y`.
    pub(crate) fn offset(&self, x: usize, y: usize) -> usize {
        y * self.stride() + x % self.step * self.half + x / self.step
    }
}

/// The integral images of a tile, filled row by row from the top.
#[derive(Debug)]
pub(crate) struct Integral {
    layout: Layout,
    width: usize,
    filled: usize,
    sum: Vec<i32>,
    square: Vec<i32>,
    tilted: Option<Tilted>,
}

impl Integral {
    /// Creates an empty tile; `tilted` decides whether 45° sums are computed.
    pub(crate) fn new(tilted: bool) -> Self {
        let tilted = tilted.then(Tilted::default);
        Self { layout: Layout::new(1, 1), width: 0, filled: 0, sum: Vec::new(), square: Vec::new(), tilted }
    }

    /// Resets to a tile of `width` × `height` pixels.
    pub(crate) fn start(&mut self, layout: Layout, width: usize, height: usize) {
        (self.layout, self.width, self.filled) = (layout, width, 0);
        let cells = (height + 1) * layout.stride() + SPAN;
        let tilted = self.tilted.as_mut().map(|tilted| {
            tilted.start(width);
            &mut tilted.laid_out
        });
        for plane in [&mut self.sum, &mut self.square].into_iter().chain(tilted) {
            if plane.len() < cells {
                plane.resize(cells, 0);
            }
            plane[..layout.stride()].fill(0);
        }
    }

    /// Adds the next row of `width` pixels.
    #[inline(always)]
    pub(crate) fn push_row(&mut self, pixels: &[u8]) {
        let Layout { step, half } = self.layout;
        let pixels = &pixels[..self.width];
        let above = self.filled * self.layout.stride();
        add_row(&mut self.sum[above..], step, half, pixels.iter().map(|&p| i32::from(p)));
        let squares = pixels.iter().map(|&p| i32::from(p) * i32::from(p));
        add_row(&mut self.square[above..], step, half, squares);
        if let Some(tilted) = &mut self.tilted {
            tilted.push_row(self.layout, self.filled + 1, pixels);
        }
        self.filled += 1;
    }

    /// The layout of the three images.
    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// The sums from value `start` on.
    #[inline(always)]
    pub(crate) fn sum_at(&self, start: usize) -> &[i32; SPAN] {
        span(&self.sum, start)
    }

    /// The sums of squares from value `start` on, modulo 2³².
    #[inline(always)]
    pub(crate) fn square_at(&self, start: usize) -> &[i32; SPAN] {
        span(&self.square, start)
    }

    /// The 45° sums from value `start` on; the upright sums if no feature is tilted.
    #[inline(always)]
    pub(crate) fn tilted_at(&self, start: usize) -> &[i32; SPAN] {
        span(self.tilted.as_ref().map_or(&self.sum, |tilted| &tilted.laid_out), start)
    }
}

#[inline(always)]
fn span(plane: &[i32], start: usize) -> &[i32; SPAN] {
    plane[start..].first_chunk().expect("a tile is padded by a whole span")
}

/// Writes the row after the one at the start of `rows`: each value is the one above plus the running sum of `values`.
#[inline(always)]
fn add_row(rows: &mut [i32], step: usize, half: usize, mut values: impl ExactSizeIterator<Item = i32>) {
    let (above, below) = rows[..2 * step * half].split_at_mut(step * half);
    let mut running = 0i32;
    below[0] = 0;
    if step == 1 {
        for ((below, above), value) in below[1..].iter_mut().zip(&above[1..]).zip(values) {
            running = running.wrapping_add(value);
            *below = above.wrapping_add(running);
        }
        return;
    }
    let (above_even, above_odd) = above.split_at(half);
    let (below_even, below_odd) = below.split_at_mut(half);
    let even = below_even[1..].iter_mut().zip(&above_even[1..]);
    let odd = below_odd.iter_mut().zip(above_odd);
    // The running sum with pixel 0 is in column 1, so odd columns come first.
    for ((below_odd, above_odd), (below_even, above_even)) in odd.zip(even) {
        let Some(value) = values.next() else { return };
        running = running.wrapping_add(value);
        *below_odd = above_odd.wrapping_add(running);
        running = running.wrapping_add(values.next().unwrap_or(0));
        *below_even = above_even.wrapping_add(running);
    }
    if let (Some(value), Some(below), Some(above)) = (values.next(), below_odd.last_mut(), above_odd.last()) {
        *below = above.wrapping_add(running.wrapping_add(value));
    }
}

/// The 45° sums, and the two previous rows that the next row is computed from.
#[derive(Debug, Default)]
struct Tilted {
    laid_out: Vec<i32>,
    above: Vec<i32>,
    two_above: Vec<i32>,
    pixels_above: Vec<u8>,
}

impl Tilted {
    fn start(&mut self, width: usize) {
        for row in [&mut self.above, &mut self.two_above] {
            row.clear();
            row.resize(width + 1, 0);
        }
        self.pixels_above.clear();
        self.pixels_above.resize(width, 0);
    }

    /// `T(x, y) = T(x−1, y−1) + T(x+1, y−1) − T(x, y−2) + I(x−1, y−1) + I(x−1, y−2)`. At the sides the cones
    /// extend over the edge, where `T(−1, y−1) = T(0, y−2)`, and likewise on the right.
    fn push_row(&mut self, layout: Layout, y: usize, pixels: &[u8]) {
        let width = pixels.len();
        let (above, row) = (&self.above, &mut self.two_above);
        for x in 0..=width {
            let left = if x > 0 { above[x - 1] } else { row[x] };
            let right = if x < width { above[x + 1] } else { row[x] };
            let column =
                if x > 0 { i32::from(pixels[x - 1]) + i32::from(self.pixels_above[x - 1]) } else { 0 };
            row[x] = left.wrapping_add(right).wrapping_sub(row[x]).wrapping_add(column);
            self.laid_out[layout.offset(x, y)] = row[x];
        }
        std::mem::swap(&mut self.above, &mut self.two_above);
        self.pixels_above.copy_from_slice(pixels);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(step: usize, width: usize, pixels: &[u8]) -> Integral {
        let mut integral = Integral::new(true);
        // Values of an earlier tile must not affect the result.
        for (w, rows) in
            [(37, vec![vec![255; 37]; 9]), (width, pixels.chunks(width).map(<[u8]>::to_vec).collect())]
        {
            integral.start(Layout::new(step, w + 1), w, rows.len());
            rows.iter().for_each(|row| integral.push_row(row));
        }
        integral
    }

    /// The sum over the pixels that `inside` accepts.
    fn slow(width: usize, pixels: &[u8], inside: impl Fn(i64, i64) -> bool) -> i64 {
        let at = |i: usize| inside((i % width) as i64, (i / width) as i64);
        pixels.iter().enumerate().filter(|&(i, _)| at(i)).map(|(_, &p)| i64::from(p)).sum()
    }

    proptest! {
        #[test]
        fn all_three_agree_with_their_definitions(
            step in 1usize..=2,
            (width, pixels) in (1usize..12, 1usize..10)
                .prop_flat_map(|(w, h)| (Just(w), proptest::collection::vec(any::<u8>(), w * h))),
        ) {
            let integral = filled(step, width, &pixels);
            let squares: Vec<i64> = pixels.iter().map(|&p| i64::from(p) * i64::from(p)).collect();
            for y in 0..=pixels.len() / width {
                for x in 0..=width {
                    let (cx, cy) = (x as i64, y as i64);
                    let at = integral.layout().offset(x, y);
                    let above_left = |x: i64, y: i64| x < cx && y < cy;
                    prop_assert_eq!(i64::from(integral.sum[at]), slow(width, &pixels, above_left));
                    let square: i64 = squares.iter().enumerate()
                        .filter(|&(i, _)| i % width < x && i / width < y).map(|(_, &s)| s).sum();
                    prop_assert_eq!(i64::from(integral.square[at]), square);
                    let cone = |x: i64, y: i64| y < cy && (x - cx + 1).abs() < cy - y;
                    prop_assert_eq!(i64::from(integral.tilted_at(at)[0]), slow(width, &pixels, cone));
                }
            }
        }

        #[test]
        fn corners_of_the_largest_window_stay_below_the_limit(
            step in 1usize..=2, width in 3usize..=128, height in 3usize..=128,
        ) {
            let columns = Layout::max_columns(step, (width, height));
            let layout = Layout::new(step, columns);
            prop_assert!(columns > 2 * width, "{} columns for a window of {}", columns, width);
            prop_assert!(layout.offset(width, height) < MAX_OFFSET);
            prop_assert!(layout.offset(width - 1, height) < MAX_OFFSET);
            prop_assert!(layout.half * step >= columns);
        }
    }
}
