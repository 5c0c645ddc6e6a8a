//! Inference engines: an ONNX graph and a tensor enter, tensors leave.
//!
//! [`Session`] opens a graph: [`Checked`] reads the file and checks its bytes, `bounds` limits the memory and the work of a
//! run, then our own engine ([`DirectNetwork`]), ONNX Runtime or `rten` runs it, as [`EngineConfig`] requests. An
//! [`ExternalBackend`] is a network that the calling program computes. [`graph`] is the graph in memory, and [`quantize`]
//! rewrites it with int8 weights and uint8 activations.
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
