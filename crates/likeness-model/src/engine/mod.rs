//! Inference engines: an ONNX graph and a batch of faces enter, embeddings leave.

mod rten;

pub use self::rten::RtenEmbedder;
