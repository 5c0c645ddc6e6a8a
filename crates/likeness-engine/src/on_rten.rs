//! The engine `rten`: a checked graph enters, a network that computes batches leaves.

use rten::{DataType, Dimension, Model, NodeId, ValueType};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensorView, Tensor};

use super::direct::Output;
use super::file::{Checked, Weights};
use super::graph::Declared;
use super::threads::SingleThreads;
use crate::{EngineError, Result};

/// Its name in errors.
const NAME: &str = "rten";

/// A graph on `rten`.
pub(super) struct OnRten {
    model: Model,
    threads: SingleThreads,
    declared: Declared,
}

impl OnRten {
    /// The network in `checked`.
    ///
    /// # Errors        a graph that `rten` refuses → [`EngineError::BadGraph`]; a panic of it → [`EngineError::Internal`]
    pub(super) fn load(checked: &Checked, weights: Weights) -> Result<Self> {
        let model = checked.on_rten(weights)?;
        let declared = declared(&model);
        Ok(Self { model, threads: SingleThreads::default(), declared })
    }

    /// The number of inputs of the graph.
    pub(super) fn inputs(&self) -> usize {
        self.model.input_ids().len()
    }

    /// The form of the first input as the graph declares it.
    pub(super) fn declared(&self) -> &Declared {
        &self.declared
    }

    /// The outputs for one input: those at the indices `wanted`, or all.
    ///
    /// # Errors        an input that the graph does not take, another failure of rten → [`EngineError::RunFailed`]
    pub(super) fn run(
        &self,
        shape: [usize; 4],
        values: &[f32],
        wanted: Option<&[usize]>,
    ) -> Result<Vec<Output>> {
        let failed = |reason: String| EngineError::RunFailed { engine: NAME, reason };
        let model = &self.model;
        let all = model.output_ids();
        let ids: Vec<NodeId> = match wanted {
            None => all.to_vec(),
            Some(wanted) => wanted.iter().filter_map(|&i| all.get(i).copied()).collect(),
        };
        let tensor = NdTensorView::try_from_data(shape, values).map_err(|e| failed(e.to_string()))?;
        let input = *model.input_ids().first().ok_or_else(|| EngineError::graph("takes no input"))?;
        let results = self.threads.run(|options| {
            model.run(vec![(input, tensor.into())], &ids, Some(options)).map_err(|e| failed(e.to_string()))
        })?;
        let output = |(id, value): (&NodeId, rten::Value)| {
            let name = model.node_info(*id).and_then(|n| n.name().map(String::from)).unwrap_or_default();
            let tensor = Tensor::<f32>::try_from(value)
                .map_err(|e| EngineError::graph(format!("output {name}: {e}")))?;
            Ok(Output { name, shape: tensor.shape().to_vec(), data: tensor.to_vec() })
        };
        ids.iter().zip(results).map(output).collect()
    }
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
