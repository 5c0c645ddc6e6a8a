//! Our own CPU engine for feed-forward convolutional ONNX graphs.
//!
//! 1. `graph` reads the file, `quantized` and `simplify` fold operators, `layers` packs the weights;
//! 2. `lower` makes a `plan` for each input shape: steps over buffers that are reused;
//! 3. `execute` runs the plan with the loops in `kernel`.
//!
//! Feature maps are stored in blocks of sixteen channels (`kernel::image`), so that one register holds one pixel of sixteen
//! feature maps. A call works on one thread. `lower` lists the supported operators; a graph with another one is refused
//! with the operator's name.

mod execute;
mod kernel;
mod layers;
mod lower;
mod plan;
mod quantized;
#[cfg(test)]
mod quantized_tests;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use layers::Layers;
use plan::{Plan, Workspace};

use crate::graph::{Declared, Graph, simplify};
use crate::{EngineError, Result};

/// Most plans that are kept, one for each input shape.
const MAX_PLANS: usize = 8;

/// One output of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Its name in the graph.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub data: Vec<f32>,
}

/// A graph that is ready to run.
#[derive(Debug)]
pub struct DirectNetwork {
    graph: Graph,
    layers: Layers,
    plans: Mutex<Vec<Planned>>,
}

/// Workspaces of finished calls, to be reused.
type Shelf = Arc<Mutex<Vec<Workspace>>>;

/// A plan with its workspaces.
#[derive(Debug)]
struct Planned {
    shape: Vec<usize>,
    plan: Arc<Plan>,
    idle: Shelf,
}

impl DirectNetwork {
    /// Reads the bytes of an ONNX file.
    ///
    /// Bytes from an untrusted source must pass [`Checked`](crate::Checked) first.
    ///
    /// # Errors        a malformed graph → [`EngineError::BadGraph`]; an operator that this engine lacks →
    /// [`EngineError::UnsupportedOperator`]
    pub fn load(bytes: &[u8]) -> Result<Self> {
        Self::load_with(bytes, &[])
    }

    /// As [`DirectNetwork::load`], for a graph with files of external data, by name.
    ///
    /// # Errors        as [`DirectNetwork::load`]'s
    pub(crate) fn load_with(bytes: &[u8], external: &[(String, Arc<[u8]>)]) -> Result<Self> {
        let (mut graph, left) = Graph::read_to_pack(bytes, external)?;
        quantized::join(&mut graph)?;
        simplify::simplify(&mut graph);
        let layers = Layers::pack(&mut graph, &left)?;
        Ok(Self { graph, layers, plans: Mutex::default() })
    }

    /// The input that the graph declares.
    pub(crate) fn declared(&self) -> &Declared {
        &self.graph.declared
    }

    /// Checks that the graph can be run on inputs of `shape`.
    ///
    /// # Errors        as [`DirectNetwork::run`]'s
    pub(crate) fn check(&self, shape: &[usize]) -> Result<()> {
        self.plan(shape).map(drop)
    }

    /// The shapes of the outputs for an input of `shape`.
    ///
    /// # Errors        as [`DirectNetwork::run`]'s
    pub(crate) fn output_shapes(&self, shape: &[usize]) -> Result<Vec<Vec<usize>>> {
        let (plan, _) = self.plan(shape)?;
        Ok(plan.outputs.iter().map(|output| output.shape().to_vec()).collect())
    }

    /// The bytes that a run on an input of `shape` takes beside the weights.
    ///
    /// # Errors        as [`DirectNetwork::run`]'s
    pub(crate) fn run_bytes(&self, shape: &[usize]) -> Result<usize> {
        self.plan(shape).map(|(plan, _)| plan.workspace_bytes())
    }

    /// The outputs for `input`: those at the indices `wanted`, or all.
    ///
    /// # Shapes        input: as said, row-major
    /// # Errors        values that do not fill the shape → [`EngineError::BadInput`]; a shape that the graph does not take →
    /// [`EngineError::UnsupportedOperator`]; more memory than a run may take → [`EngineError::OutOfMemory`]
    pub fn run(&self, shape: &[usize], input: &[f32], wanted: Option<&[usize]>) -> Result<Vec<Output>> {
        let expected = lower::count(shape).map_err(EngineError::graph)?;
        if expected != input.len() {
            return Err(EngineError::BadInput {
                expected: format!("{expected} values for an input of {shape:?}"),
                found: input.len().to_string(),
            });
        }
        self.run_filled(shape, |values| values.copy_from_slice(input), wanted)
    }

    /// As [`DirectNetwork::run`], for an input that `fill` writes into the buffer of the run.
    ///
    /// # Errors        as [`DirectNetwork::run`]'s
    pub(crate) fn run_filled(
        &self,
        shape: &[usize],
        fill: impl FnOnce(&mut [f32]),
        wanted: Option<&[usize]>,
    ) -> Result<Vec<Output>> {
        let (plan, idle) = self.plan(shape)?;
        let shelf = || idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = shelf().pop();
        let mut memory = kept.unwrap_or_else(|| plan.workspace());
        fill(&mut memory.plains[plan.plains[plan.input].1]);
        plan.execute(&mut memory);
        let output = |i: usize| {
            let (name, _) = self.graph.outputs.get(i)?;
            let operand = &plan.outputs[i];
            let data = plan.numbers(&memory, operand).to_vec();
            Some(Output { name: name.clone(), shape: operand.shape().to_vec(), data })
        };
        let all: Vec<usize> = (0..self.graph.outputs.len()).collect();
        let outputs = wanted.unwrap_or(&all).iter().map(|&i| output(i)).collect::<Option<_>>();
        shelf().push(memory);
        outputs.ok_or_else(|| EngineError::graph("has no such output"))
    }

    fn plan(&self, shape: &[usize]) -> Result<(Arc<Plan>, Shelf)> {
        let plans = || self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = plans().iter().find(|p| p.shape == shape) {
            return Ok((Arc::clone(&known.plan), Arc::clone(&known.idle)));
        }
        let plan = Arc::new(lower::plan(&self.graph, &self.layers, shape)?);
        let planned = Planned { shape: shape.to_vec(), plan: Arc::clone(&plan), idle: Arc::default() };
        let idle = Arc::clone(&planned.idle);
        let mut plans = plans();
        if plans.len() == MAX_PLANS {
            plans.remove(0);
        }
        plans.push(planned);
        Ok((plan, idle))
    }
}
