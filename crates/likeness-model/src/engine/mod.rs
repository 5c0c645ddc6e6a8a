//! Inference engines: an ONNX graph and a batch of faces enter, embeddings leave.
//!
//! Detectors and embedders open their graphs through `file`, which has `wire` look at the bytes first, and run them on
//! `threads`.

mod direct;
mod file;
mod rten;
mod threads;
mod wire;

pub use self::direct::{DirectNetwork, Output};
pub use self::rten::RtenEmbedder;
pub(crate) use file::{OnnxFile, Weights};
pub(crate) use threads::SingleThreads;
