//! Scale and zero point of a quantised tensor.

/// Scale and zero point of a uint8 tensor: q represents the value scale · (q − zero).
///
/// Reference: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
/// Inference", 2018, arXiv:1712.05877, section 2.1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// The distance between two steps.
    pub scale: f32,
    pub(crate) inverse: f32,
    /// The byte that stands for 0.
    pub zero: u8,
}

impl Grid {
    /// A grid whose neighbours lie `scale` apart, a positive number.
    pub fn new(scale: f32, zero: u8) -> Self {
        Self { scale, inverse: 1.0 / scale, zero }
    }
}
