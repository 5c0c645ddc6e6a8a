//! Networks of model folders on a device that training computes on: the external backend `burn`.

use std::path::Path;

use likeness_engine::{BackendError, ExternalBackend, OpenExternalBackend};
use likeness_train::embed::EmbeddingNetwork;

/// As training writes them beside the graph.
const WEIGHTS: &str = "weights.safetensors";

/// Opens the networks of model folders on a device, from the weights beside their graphs.
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
