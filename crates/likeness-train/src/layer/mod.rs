//! The layers that the networks are made of, with PyTorch's names, shapes and semantics.
//!
//! A [`Pass`] goes through every `forward`: it says whether the network trains, draws dropout from its own seed, and
//! collects the batch statistics, which [`absorb`] mixes into the running ones when the step is done.

mod conv;
mod init;
mod linear;
mod list;
mod norm;
mod pass;
mod pool;
mod prelu;

pub use conv::Conv2d;
pub(crate) use conv::{Window, square};
pub use init::Initializer;
pub use linear::Linear;
pub use list::Layer;
pub(crate) use list::{LayerList, ListedLayer, Output};
pub use norm::{BatchNorm, absorb, absorb_share};
pub use pass::{BatchStatistics, Pass};
pub(crate) use pool::{global_average, max_pool};
pub use prelu::PRelu;

/// A convolution and its normalisation, under the keys `0` and `1`.
pub(crate) type ConvNorm = (Conv2d, BatchNorm);

/// A trained tensor under its value.
pub(crate) fn parameter<const D: usize>(
    tensor: burn::tensor::Tensor<D>,
) -> burn::module::Param<burn::tensor::Tensor<D>> {
    burn::module::Param::from_tensor(tensor)
}
