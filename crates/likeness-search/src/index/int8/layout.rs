//! The arrangement of codes in memory and in the file: groups of sixteen rows, interleaved.
//!
//! A group has one line of 64 bytes for every four values: byte 4·row + j of line s is value 4s + j of the row. A kernel
//! multiplies a line with four values of a query and adds to sixteen sums, one for each row, so no sum has to be reduced.

/// Bytes of a line, and the alignment of everything in a file.
pub(super) const LINE: usize = 64;
/// Rows of a group.
pub(super) const ROWS: usize = 16;
/// Values of a row in a line.
pub(super) const VALUES: usize = 4;

/// Four values of each of sixteen rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [u8; LINE]);

impl Line {
    pub(super) const ZERO: Self = Self([0; LINE]);
}

/// The number of bytes of `length` bytes with padding.
pub(super) const fn padded(length: usize) -> usize {
    length.next_multiple_of(LINE)
}

/// The number of lines of a group, with `dimension` values in a row.
pub(super) const fn lines(dimension: usize) -> usize {
    dimension.div_ceil(VALUES)
}

/// Writes the codes of one row into its group.
///
/// # Shapes        group: \[lines\]   ·   codes: \[dim\]
pub(super) fn set_row(group: &mut [Line], row: usize, codes: &[u8]) {
    for (line, values) in group.iter_mut().zip(codes.chunks(VALUES)) {
        line.0[row * VALUES..][..values.len()].copy_from_slice(values);
    }
}

/// The codes of one row of a group, padded to whole lines.
///
/// # Shapes        output: \[lines · 4\]
pub(super) fn row_of(group: &[Line], row: usize) -> impl Iterator<Item = u8> {
    group.iter().flat_map(move |line| line.0[row * VALUES..][..VALUES].iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let mut group = vec![Line::ZERO; lines(7)];
        assert_eq!(group.len(), 2);
        for row in 0..ROWS {
            let codes: Vec<u8> = (0..7).map(|i| (row * 7 + i) as u8).collect();
            set_row(&mut group, row, &codes);
        }
        assert_eq!(row_of(&group, 2).collect::<Vec<_>>(), [14, 15, 16, 17, 18, 19, 20, 0]);
        assert_eq!(group[1].0[9], 19, "value 5 of row 2");
    }
}
