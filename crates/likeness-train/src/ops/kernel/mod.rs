//! CPU kernels on plain slices.
//!
//! [`shape`] holds the sizes of a convolution, [`gather`] writes rows of its patch matrix (im2col), [`tile`] multiplies them
//! in registers, and [`bf16`] does so in bfloat16. [`correlate`] and [`weight_gradient`] combine them; [`depthwise`] uses none
//! of them. [`normalise`] is batch normalisation with residual and activation, [`rectify`] is PReLU. Work is divided into jobs
//! by sizes alone, so that results do not depend on the number of threads.

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
