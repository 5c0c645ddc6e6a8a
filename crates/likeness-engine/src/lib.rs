//! Inference engines: an ONNX graph and a tensor enter, tensors leave.
//!
//! [`Session`] opens a graph: [`Checked`] reads the file and checks its bytes, `bounds` limits what the graph may do, then
//! it goes to our own engine ([`DirectNetwork`]), to ONNX Runtime or to `rten`, as [`EngineConfig`] asks. An
//! [`ExternalBackend`] computes a network that the program brings along. [`graph`] is the graph in memory, and [`quantize`]
//! rewrites it with integer activations and weights.
//!
//! The crate knows graphs and tensors, not pictures and not faces.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod bounds;
mod choice;
mod direct;
mod error;
mod external;
mod file;
pub mod graph;
mod on_rten;
mod onnxruntime;
mod pages;
pub mod quantize;
mod session;
mod threads;
mod wire;

pub use choice::{Engine, EngineChoice, EngineConfig};
pub use direct::{DirectNetwork, Output};
pub use error::{EngineError, Result};
pub use external::{BackendError, ExternalBackend, OpenExternalBackend};
pub use file::{Checked, Weights};
pub use session::Session;
