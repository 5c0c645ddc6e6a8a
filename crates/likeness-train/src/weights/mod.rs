//! Files of weights: PyTorch's `.pth` and safetensors in, safetensors out, under torchvision's keys.
//!
//! A `.pth` file is a pickle, a small program that can ask Python for anything. Nothing of it is ever executed here: a scan
//! of its instructions refuses any but those that describe tensors, and the tensors' sizes are checked against the file.

mod file;
mod load;
mod pickle;
mod recognize;
mod save;
mod timm;

pub use file::WeightsFile;
pub use load::{LoadOptions, LoadReport, load_from, load_weights};
pub use recognize::network_of;
pub(crate) use save::write_safetensors;
pub use save::{save_safetensors, tensor_values};
