//! Files of weights: PyTorch's `.pth` and safetensors in, safetensors out, under torchvision's keys; weights of a graph's layers,
//! told by their order.
//!
//! A `.pth` file is a pickle, a small program that can ask Python for anything. Nothing of it is ever executed here: a scan
//! of its instructions refuses any but those that describe tensors, and the tensors' sizes are checked against the file.

mod file;
mod layers;
mod load;
mod pickle;
mod prune;
mod recognize;
mod save;
mod timm;

pub use file::WeightsFile;
pub use layers::network_of_layers;
pub use load::{LoadOptions, LoadReport, load_from, load_weights};
pub use prune::prune;
pub use recognize::{config_of, network_of};
pub use save::{save_safetensors, tensor_values};
pub(crate) use save::{write_safetensors, write_tensors};
