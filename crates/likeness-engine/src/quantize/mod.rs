//! Post-training quantisation of a graph: `range` finds where activations are clipped, `equalize` scales channels so that
//! they share a grid evenly, `place` inserts QuantizeLinear and DequantizeLinear, `half` shortens weights to 16 bits.

mod equalize;
mod half;
mod place;
mod range;

pub use equalize::{Magnitudes, equalize};
pub use half::halve_weights;
pub use place::{Ranges, Sites, quantize, raise_opset};
pub use range::{Clipping, Histogram};
