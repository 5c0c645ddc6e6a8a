//! Post-training quantisation of a graph: `range` chooses the ranges of activations, `equalize` scales channels to similar
//! ranges, `place` inserts QuantizeLinear and DequantizeLinear, `half` stores weights in f16.

mod equalize;
mod half;
mod place;
mod range;

pub use equalize::{Magnitudes, equalize};
pub use half::halve_weights;
pub use place::{Ranges, Sites, quantize, raise_opset};
pub use range::{Clipping, Histogram};
