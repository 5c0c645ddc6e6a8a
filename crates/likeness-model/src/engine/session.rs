//! A graph on the engine that suits it: our own where every operator is known to it, `rten` for every other graph.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rten::{DataType, Dimension, Model, NodeId, ValueType};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensorView, Tensor};
use sha2::Sha256;

use super::direct::{Declared, DirectNetwork, Output};
use super::file::{Checked, Weights};
use super::threads::SingleThreads;
use crate::Result;

/// What computes a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// Our own.
    Direct,
    /// `rten`, for the reason given: what our own does not support.
    Rten {
        /// Such as "operator LSTM: not supported".
        reason: String,
    },
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Direct => f.write_str("direct"),
            Self::Rten { reason } => write!(f, "rten ({reason})"),
        }
    }
}

/// The engine that the graph in the file at `path` runs on, as an embedder or a detector.
///
/// # Errors        a file that is missing or no ONNX graph
pub fn engine_for(path: &Path) -> Result<Engine> {
    Ok(Session::load(path, Weights::Plain)?.0.engine)
}

/// A loaded graph with its engine; a call works on one thread.
pub(crate) struct Session {
    engine: Engine,
    network: Network,
    inputs: usize,
    declared: Declared,
}

enum Network {
    Direct(Box<DirectNetwork>),
    Rten { model: Box<Model>, threads: SingleThreads },
}

impl Session {
    /// Opens the file at `path`; the hasher has been fed with everything that was read.
    ///
    /// # Errors        as [`Checked::read`] and [`Checked::load`]
    pub(crate) fn load(path: &Path, weights: Weights) -> Result<(Self, Sha256)> {
        let checked = Checked::read(path)?;
        let hasher = checked.hasher.clone();
        let reason = match guarded(|| try_direct(checked.bytes())) {
            Ok(network) => {
                let declared = network.declared().clone();
                let network = Network::Direct(Box::new(network));
                return Ok((Self { engine: Engine::Direct, network, inputs: 1, declared }, hasher));
            }
            Err(reason) => reason,
        };
        let model = checked.load(weights)?;
        let (inputs, declared) = (model.input_ids().len(), declared(&model));
        let network = Network::Rten { model: Box::new(model), threads: SingleThreads::default() };
        Ok((Self { engine: Engine::Rten { reason }, network, inputs, declared }, hasher))
    }

    /// What computes the graph.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How many inputs the graph has.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// What the first of them is said to be.
    pub(crate) fn declared(&self) -> &Declared {
        &self.declared
    }

    /// The outputs for one input, those at `wanted` or all.
    ///
    /// # Errors        an input that the graph does not take, in words
    pub(crate) fn run(
        &self,
        shape: [usize; 4],
        values: &[f32],
        wanted: Option<&[usize]>,
    ) -> Result<Vec<Output>, String> {
        match &self.network {
            Network::Direct(network) => guarded(|| network.run(&shape, values, wanted)),
            Network::Rten { model, threads } => run_rten(model, threads, shape, values, wanted),
        }
    }
}

/// The graph on our own engine, if it supports every operator for an input as the graph declares it.
fn try_direct(bytes: &[u8]) -> Result<DirectNetwork, String> {
    let network = DirectNetwork::load(bytes)?;
    let declared = network.declared();
    if !declared.is_float {
        return Err("its input is not of 32-bit floats".into());
    }
    let shape = declared.shape.clone().unwrap_or(vec![None; 4]);
    if shape.len() != 4 {
        return Err(format!("its input has {} dimensions", shape.len()));
    }
    // Where sides are free, a size that every detector and embedder takes.
    let side = |i: usize, free: usize| shape[i].unwrap_or(free);
    let channels_last = shape[1] != Some(3) && shape[3] == Some(3);
    let probe = match channels_last {
        true => [side(0, 1), side(1, 128), side(2, 160), 3],
        false => [side(0, 1), side(1, 3), side(2, 128), side(3, 160)],
    };
    network.check(&probe)?;
    Ok(network)
}

/// The result of `work`; a broken invariant of our own becomes an error too.
fn guarded<R>(work: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("the direct engine gave up on it".into()))
}

fn declared(model: &Model) -> Declared {
    let info = model.input_ids().first().and_then(|&id| model.node_info(id));
    let size = |d: &Dimension| match d {
        Dimension::Fixed(n) => Some(*n),
        Dimension::Symbolic(_) => None,
    };
    Declared {
        is_float: info
            .as_ref()
            .is_none_or(|i| matches!(i.dtype(), None | Some(ValueType::Tensor(DataType::Float)))),
        shape: info.and_then(|i| i.shape().map(|s| s.iter().map(size).collect())),
    }
}

fn run_rten(
    model: &Model,
    threads: &SingleThreads,
    shape: [usize; 4],
    values: &[f32],
    wanted: Option<&[usize]>,
) -> Result<Vec<Output>, String> {
    let all = model.output_ids();
    let ids: Vec<NodeId> = match wanted {
        None => all.to_vec(),
        Some(wanted) => wanted.iter().filter_map(|&i| all.get(i).copied()).collect(),
    };
    let tensor = NdTensorView::try_from_data(shape, values).map_err(|e| e.to_string())?;
    let input = *model.input_ids().first().ok_or("takes no input")?;
    let results = threads.run(|options| {
        model.run(vec![(input, tensor.into())], &ids, Some(options)).map_err(|e| e.to_string())
    })?;
    let output = |(id, value): (&NodeId, rten::Value)| {
        let name = model.node_info(*id).and_then(|n| n.name().map(String::from)).unwrap_or_default();
        let tensor = Tensor::<f32>::try_from(value).map_err(|e| format!("output {name}: {e}"))?;
        Ok(Output { name, shape: tensor.shape().to_vec(), data: tensor.to_vec() })
    };
    ids.iter().zip(results).map(output).collect()
}
