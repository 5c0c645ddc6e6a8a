//! The layers of the networks, with PyTorch's names, shapes and semantics.
//!
//! Every `forward` takes a [`Pass`]: it states whether the network is in training, draws dropout from its own seed, and
//! collects the batch statistics, which [`absorb`] merges into the running statistics after the step.

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
pub(crate) use pool::{average_pool, global_average, max_pool};
pub use prelu::PRelu;

/// A convolution and its normalisation, under the keys `0` and `1`.
pub(crate) type ConvNorm = (Conv2d, BatchNorm);

/// A parameter with this initial value.
pub(crate) fn parameter<const D: usize>(
    tensor: burn::tensor::Tensor<D>,
) -> burn::module::Param<burn::tensor::Tensor<D>> {
    burn::module::Param::from_tensor(tensor)
}
