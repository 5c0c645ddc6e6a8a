//! Inference engines: an ONNX graph and a batch of faces enter, embeddings leave.
//!
//! Detectors and embedders open their graphs as a `session`: `file` has `wire` check the bytes first, and `bounds`
//! limits what the graph may do; then the graph goes to our own engine, `direct`, to `onnxruntime` or to `on_rten`, as `choice` asks; `brought` is what the program adds to
//! them.

mod bounds;
mod brought;
mod choice;
mod direct;
mod file;
mod on_rten;
mod onnx;
mod onnxruntime;
mod pages;
mod session;
mod threads;
mod wire;

pub use self::brought::{Computer, OpenComputer};
pub use self::choice::{Engine, EngineChoice, EngineConfig};
pub use self::direct::{DirectNetwork, Output};
pub use self::onnx::OnnxEmbedder;
pub(crate) use direct::{Declared, graph, simplify};
pub(crate) use file::{Checked, Weights};
pub(crate) use session::Session;
