//! The external backend `burn`: runs the networks of model folders with Burn, on the CPU or a GPU.

use std::path::Path;

use likeness_engine::{BackendError, ExternalBackend, OpenExternalBackend};
use likeness_train::embed::EmbeddingNetwork;

/// File name of the weights beside the graph.
const WEIGHTS: &str = "weights.safetensors";

/// Opens networks of model folders on a device. Reads the weights beside the graph, not the graph.
#[derive(Debug)]
pub struct OpenOnBurn {
    /// The device: cpu, cuda, cuda:N or wgpu.
    pub device: String,
}

impl OpenExternalBackend for OpenOnBurn {
    fn open(&self, graph: &Path) -> Result<Box<dyn ExternalBackend>, BackendError> {
        let weights = graph.with_file_name(WEIGHTS);
        if !weights.is_file() {
            return Err(format!(
                "no {WEIGHTS} beside it; the folders of trained and imported networks have one"
            )
            .into());
        }
        let network = EmbeddingNetwork::open(&weights, &self.device)?;
        Ok(Box::new(OnBurn { network, device: self.device.clone() }))
    }
}

struct OnBurn {
    network: EmbeddingNetwork,
    device: String,
}

impl ExternalBackend for OnBurn {
    fn device(&self) -> &str {
        &self.device
    }

    fn run(&self, shape: [usize; 4], input: Vec<f32>) -> Result<(usize, Vec<f32>), BackendError> {
        Ok(self.network.run(shape, input)?)
    }
}
