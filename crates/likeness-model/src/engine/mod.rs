//! Inference engines: an ONNX graph and a batch of faces enter, embeddings leave.
//!
//! Detectors and embedders open their graphs as a `session`: `file` has `wire` look at the bytes first, then the graph
//! goes to our own engine, `direct`, or, where that lacks an operator, to `rten` on `threads`.

mod direct;
mod file;
mod onnx;
mod session;
mod threads;
mod wire;

pub use self::direct::{DirectNetwork, Output};
pub use self::onnx::OnnxEmbedder;
pub use self::session::{Engine, engine_for};
pub(crate) use direct::{Declared, graph, simplify};
pub(crate) use file::{Checked, Weights};
pub(crate) use session::Session;
