//! Weights files: reads PyTorch's `.pth` and safetensors, writes safetensors, under torchvision's keys. Also takes the weights
//! of an imported graph by the order of its layers.
//!
//! A `.pth` file is a pickle, a program that can call any Python function. Nothing of it is executed here: a scan of its
//! instructions rejects all names but those that describe tensors, and the sizes of the tensors are checked against the file.

mod efficientnet_pytorch;
mod file;
mod layers;
mod load;
mod pickle;
mod prune;
mod recognize;
mod save;
mod timm;

pub use file::WeightsFile;
pub use layers::{backbone_of_layers, network_of_layers};
pub use load::{LoadOptions, LoadReport, load_from, load_weights};
pub use prune::prune;
pub use recognize::{config_of, network_of};
pub use save::{save_safetensors, tensor_values};
pub(crate) use save::{write_safetensors, write_tensors};
