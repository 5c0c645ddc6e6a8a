//! Kernels of the processor: plain slices in, plain slices out.
//!
//! [`shape`] holds the sizes of a convolution, [`gather`] writes rows of its matrix of patches, [`tile`] multiplies them
//! in registers, [`bf16`] the same in half the bits; [`correlate`] and [`weight_gradient`] put these together, [`depthwise`] needs none of them.
//! [`normalise`] is batch normalisation with residual and activation, [`rectify`] the rectifier with slopes. Work is cut into jobs by the sizes alone, so that
//! results do not depend on the number of threads.

pub(crate) mod bf16;
pub(crate) mod correlate;
pub(crate) mod depthwise;
pub(crate) mod gather;
pub(crate) mod normalise;
pub(crate) mod rectify;
pub(crate) mod scratch;
pub(crate) mod shape;
pub(crate) mod tile;
pub(crate) mod weight_gradient;
