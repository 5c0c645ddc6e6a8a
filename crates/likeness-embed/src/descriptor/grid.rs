//! The grid of regions that histograms are counted over.

/// Where the `parts` equal regions along `extent` pixels begin and end: region i is `bounds[i]..bounds[i + 1]`.
///
/// Where `parts` does not divide `extent`, regions differ by one pixel: bound i is ⌊i · extent / parts⌋.
pub(super) fn bounds(extent: u32, parts: u32) -> Vec<usize> {
    (0..=parts).map(|i| (i * extent / parts) as usize).collect()
}
