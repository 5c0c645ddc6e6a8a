//! The interface of a backend outside this crate, such as a training framework, that computes a graph in place of an engine.

use std::path::Path;

/// The error of an external backend.
pub type BackendError = Box<dyn std::error::Error + Send + Sync>;

/// Computes a network's embeddings.
pub trait ExternalBackend: Send + Sync {
    /// The device it computes on, such as `cpu` or `wgpu`.
    fn device(&self) -> &str;

    /// The embeddings of a batch, before they are scaled to unit length, and their dimension.
    ///
    /// # Shapes        input: `shape`, [batch, 3, height, width], row-major · output: [batch, dimension]
    /// # Errors        an input that the network does not take, a failure of the device
    fn run(&self, shape: [usize; 4], input: Vec<f32>) -> Result<(usize, Vec<f32>), BackendError>;
}

/// Opens the network that belongs to a graph.
pub trait OpenExternalBackend: std::fmt::Debug + Send + Sync {
    /// The network of the graph in the file `graph`.
    ///
    /// # Errors        the network's files are missing or unusable
    fn open(&self, graph: &Path) -> Result<Box<dyn ExternalBackend>, BackendError>;
}
