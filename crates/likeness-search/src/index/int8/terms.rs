//! The numbers that are stored with the codes of a row.

/// What a search needs of a row beside its codes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RowTerms {
    /// The factor f of the codes.
    pub(super) factor: f32,
    /// Euclidean: |x|²; Jaccard: Σx; cosine: 0.
    pub(super) offset: f32,
    /// |r|, rounded up; Jaccard: the sum of its positive values. Infinite if nothing is known about the row.
    pub(super) residual: f32,
    /// |f·c|, rounded up; Jaccard: the sum of the negative values of r, as a positive number.
    pub(super) length: f32,
}
