//! A network that the program brings with it, beside a graph that says what it is.

use std::path::Path;

/// Computes a network's embeddings.
pub trait ExternalBackend: Send + Sync {
    /// Where it computes, as `cpu` or `wgpu`.
    fn device(&self) -> &str;

    /// The embeddings of a batch, before they are scaled to unit length, and how many numbers one has.
    ///
    /// # Shapes        input: `shape`, [batch, 3, height, width], row-major · output: [batch, dimension]
    /// # Errors        an input that the network does not take, in words
    fn run(&self, shape: [usize; 4], input: Vec<f32>) -> Result<(usize, Vec<f32>), String>;
}

/// Opens the network that belongs to a graph.
pub trait OpenExternalBackend: std::fmt::Debug + Send + Sync {
    /// The network of the graph at `graph`.
    ///
    /// # Errors        there is none, or not here, in words
    fn open(&self, graph: &Path) -> Result<Box<dyn ExternalBackend>, String>;
}
