//! A trained network that computes embeddings on a device.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use burn::tensor::{Device, Tensor, TensorData};

use crate::device::device;
use crate::layer::Pass;
use crate::network::Network;
use crate::weights::{WeightsFile, network_of};
use crate::{Result, TrainError};

/// A network for evaluation that several threads can call.
pub struct EmbeddingNetwork {
    /// Clones share the tensors, so that each call can use a clone.
    network: Mutex<Network>,
    device: Device,
}

impl EmbeddingNetwork {
    /// Loads the network whose weights are in the file at `weights`, on the device that [`device`] has for `name`.
    ///
    /// # Errors        as [`WeightsFile::open`], [`network_of`] and [`device`]
    pub fn open(weights: &Path, name: &str) -> Result<Self> {
        let device = device(name)?;
        let (network, _) = network_of(&WeightsFile::open(weights)?, None, &device)?;
        Ok(Self { network: Mutex::new(network), device })
    }

    /// The embeddings of a batch before they are scaled to unit length, and their dimension.
    ///
    /// # Shapes        input: `shape`, [batch, 3, height, width], row-major · output: [batch, dimension]
    /// # Errors        an input whose length differs from `shape` → [`TrainError::BadArgument`]
    pub fn run(&self, shape: [usize; 4], input: Vec<f32>) -> Result<(usize, Vec<f32>)> {
        if input.len() != shape.iter().product::<usize>() || shape[1] != 3 {
            return Err(TrainError::argument(format!("{} numbers for an input of {shape:?}", input.len())));
        }
        let network = self.network.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let images = Tensor::<4>::from_data(TensorData::new(input, shape), &self.device);
        let rows = network.forward(images, &mut Pass::evaluation()).raw; // [batch, dimension]
        let [_, dimension] = rows.dims();
        Ok((dimension, rows.into_data().convert::<f32>().try_into_vec().expect("converted to f32")))
    }
}
