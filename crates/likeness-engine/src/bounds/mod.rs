//! Limits on what a graph may do: a graph enters, a refusal leaves before an engine allocates or computes anything.
//!
//! An ONNX file is a program. A few bytes can ask for a loop of 2⁶² rounds or a tensor of 43 GB, and an engine obeys: the
//! process hangs or is aborted. So the graph is walked first. The shape of every value is computed for an input of known
//! shape, and what sizes depend on (`Shape`, constants and arithmetic on them) is computed along the way.
//!
//! Refused are:
//! - operators with graphs of their own (`Loop`, `If`, `Scan`), and operators that are not known here;
//! - sizes that depend on the picture's pixels, unless they have a small upper bound;
//! - more than [`MAX_BYTES`] of values that are alive at the same time, or [`MAX_CONSTANT_BYTES`] computed from constants
//!   alone, which engines compute when a graph is opened;
//! - more than [`MAX_WORK`] in a run, and more than [`MAX_NODES`] operators.

mod movement;
mod numbers;
mod rules;
mod value;
mod windowed;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rten_onnx::onnx::{GraphProto, ModelProto, NodeProto, ValueInfoProto};

use crate::file::Checked;
use crate::graph::lift;
use crate::{EngineError, Result};
use rules::Rule;
use value::{Kind, Value, volume};

/// Most bytes of values that are alive at the same time, as for our own engine.
const MAX_BYTES: u128 = 4 << 30;
/// Most bytes of values that depend on no input, all together.
const MAX_CONSTANT_BYTES: u128 = 2 << 30;
/// Most multiply-adds in a run. An element that another operator computes counts as [`ELEMENT_WORK`].
const MAX_WORK: u128 = 1 << 42;
/// What an element costs in multiply-adds where an operator is no matrix product.
const ELEMENT_WORK: u128 = 16;
/// Most operators: engines plan a graph recursively, one stack frame for each operator of a chain.
pub(super) const MAX_NODES: usize = 20_000;
/// Longest side of pictures that a graph may declare as its input, in pixels, as an embedder's.
const MAX_INPUT_SIDE: u64 = 4096;
/// Tensors with at least so many bytes have no values here, only a shape.
const LARGE_BYTES: usize = 4096;
/// Shapes of inputs that are remembered as allowed.
const MAX_ALLOWED: usize = 64;
/// Sizes that stand for free sides while a graph is opened, as for our own engine.
const FREE_SIDES: [u64; 4] = [1, 3, 128, 160];

/// How much has to be known about a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// Everything, as the engine checks nothing.
    Strict,
    /// What can be found out: the engine limits its memory itself, or only constants matter.
    Lenient,
}

/// Why an operator is refused.
#[derive(Debug)]
enum Refusal {
    /// It takes more memory than is allowed.
    Memory(String),
    /// Another limit is exceeded, or the operator is not allowed.
    Limit(String),
    /// A shape cannot be computed: the sizes do not fit each other or depend on the picture.
    Unknown(String),
}

impl Refusal {
    /// The error of a refusal; `place` precedes the reason, and `other` makes the error unless it is memory.
    fn at(self, place: &str, other: impl FnOnce(String) -> EngineError) -> EngineError {
        match self {
            Self::Memory(reason) => EngineError::OutOfMemory { reason: format!("{place}{reason}") },
            Self::Limit(reason) | Self::Unknown(reason) => other(reason),
        }
    }
}

/// A graph, ready to be checked for inputs of any shape.
pub(super) struct Bounds {
    /// Behind a lock, as it cannot be read by two threads at once.
    graph: Mutex<GraphProto>,
    opset: i64,
    /// The graph's constants by name.
    constants: HashMap<String, Value>,
    /// Allowed shapes of the input.
    allowed: Mutex<Vec<([usize; 4], Strictness)>>,
}

impl Bounds {
    /// The graph in `checked`, once it is safe to open.
    ///
    /// # Errors        an input that is too large → [`EngineError::BadInput`]; an operator that is not allowed, or whose
    /// sizes are not known → [`EngineError::UnsupportedOperator`]; too much memory → [`EngineError::OutOfMemory`]; a
    /// malformed graph, too much work → [`EngineError::BadGraph`]
    pub(super) fn of(checked: &Checked) -> Result<Self> {
        Self::read(checked.bytes(), checked.external())
    }

    fn read(bytes: &[u8], external: &[(String, Arc<[u8]>)]) -> Result<Self> {
        let bad = |reason: String| EngineError::graph(reason);
        let (few, _) = lift::lift(bytes, LARGE_BYTES).map_err(bad)?;
        let model = ModelProto::parse_buf(&few).map_err(|e| bad(e.to_string()))?;
        let standard = |d: &Option<String>| d.as_deref().is_none_or(|d| d.is_empty() || d == "ai.onnx");
        let opset = model.opset_import.iter().find(|o| standard(&o.domain)).and_then(|o| o.version);
        let mut graph = model.graph.ok_or_else(|| bad("it holds no graph".into()))?;
        if graph.node.len() > MAX_NODES {
            let found = graph.node.len();
            return Err(bad(format!("it has {found} operators, expected at most {MAX_NODES}")));
        }
        let mut constants = HashMap::new();
        for tensor in std::mem::take(&mut graph.initializer) {
            let value = value::constant(&tensor, external).map_err(bad)?;
            constants.insert(tensor.name.unwrap_or_default(), value);
        }
        for input in &graph.input {
            if !constants.contains_key(input.name.as_deref().unwrap_or_default()) {
                check_input(&declared(input))?;
            }
        }
        for node in &mut graph.node {
            rules::allowed(node)?;
            node.attribute.iter_mut().filter_map(|a| a.t.as_mut()).for_each(value::leave_out_large);
        }
        let (graph, opset) = (Mutex::new(graph), opset.unwrap_or(1));
        let bounds = Self { graph, opset, constants, allowed: Mutex::default() };
        bounds.check(None, Strictness::Lenient)?;
        Ok(bounds)
    }

    /// Whether the graph may be run on an input of `shape`.
    ///
    /// # Errors        too much memory → [`EngineError::OutOfMemory`]; another limit that is exceeded, or a size that cannot
    /// be known before the run → [`EngineError::UnsupportedOperator`]
    pub(super) fn allow(&self, shape: [usize; 4], strictness: Strictness) -> Result<()> {
        let allowed = || self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        if allowed().contains(&(shape, strictness)) {
            return Ok(());
        }
        self.check(Some(shape), strictness)?;
        let mut allowed = allowed();
        if allowed.len() == MAX_ALLOWED {
            allowed.remove(0);
        }
        allowed.push((shape, strictness));
        Ok(())
    }

    fn check(&self, shape: Option<[usize; 4]>, strictness: Strictness) -> Result<()> {
        let graph = self.graph.lock().unwrap_or_else(PoisonError::into_inner);
        let mut walk = Walk::new(self, &graph, strictness);
        for input in &graph.input {
            let name = input.name.as_deref().unwrap_or_default();
            if !self.constants.contains_key(name) {
                let sides = match shape {
                    Some(shape) => shape.map(|side| side as u64).to_vec(),
                    None => declared(input),
                };
                walk.hold(name, Value::new(Kind::Float, sides)).map_err(|refusal| {
                    let place = format!("input {name}: ");
                    refusal.at(&place, |reason| EngineError::graph(format!("{place}{reason}")))
                })?;
            }
        }
        graph.node.iter().enumerate().try_for_each(|(at, node)| walk.node(at, node))
    }
}

/// Refuses an input of pictures that no photo is enlarged to.
fn check_input(sides: &[u64]) -> Result<()> {
    let &[_, first, second, third] = sides else { return Ok(()) };
    let is_nhwc = first != 3 && third == 3;
    let (height, width) = if is_nhwc { (first, second) } else { (second, third) };
    match [("width", width), ("height", height)].into_iter().find(|(_, side)| *side > MAX_INPUT_SIDE) {
        None => Ok(()),
        Some((what, found)) => Err(EngineError::BadInput {
            expected: format!("an input {what} of at most {MAX_INPUT_SIDE}"),
            found: found.to_string(),
        }),
    }
}

/// The sides that an input declares, with a stand-in for those that are free.
fn declared(input: &ValueInfoProto) -> Vec<u64> {
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let Some(shape) = tensor.and_then(|t| t.shape.as_ref()) else { return FREE_SIDES.to_vec() };
    let free = |at: usize| FREE_SIDES.get(at).copied().unwrap_or(1);
    let side = |(at, d): (usize, &rten_onnx::onnx::Dimension)| {
        d.dim_value.and_then(|n| u64::try_from(n).ok()).filter(|&n| n > 0).unwrap_or(free(at))
    };
    shape.dim.iter().enumerate().map(side).collect()
}

/// A walk through the operators in their order.
struct Walk<'b> {
    bounds: &'b Bounds,
    strictness: Strictness,
    /// Values by name; `None` where the shape is not known.
    held: HashMap<&'b str, Option<Value>>,
    /// The operator that reads a value last.
    last: HashMap<&'b str, usize>,
    alive: u128,
    of_constants: u128,
    work: u128,
}

impl<'b> Walk<'b> {
    fn new(bounds: &'b Bounds, graph: &'b GraphProto, strictness: Strictness) -> Self {
        let mut last = HashMap::new();
        for (at, node) in graph.node.iter().enumerate() {
            last.extend(node.input.iter().map(|name| (name.as_str(), at)));
        }
        for output in &graph.output {
            last.insert(output.name.as_deref().unwrap_or_default(), usize::MAX);
        }
        Self { bounds, strictness, held: HashMap::new(), last, alive: 0, of_constants: 0, work: 0 }
    }

    /// Keeps a value that is computed, and counts its memory.
    fn hold(&mut self, name: &'b str, value: Value) -> Result<(), Refusal> {
        let bytes = value.bytes();
        if value.is_constant {
            self.of_constants = self.of_constants.saturating_add(bytes);
        }
        self.alive = self.alive.saturating_add(bytes);
        for (found, most, what) in [
            (self.alive, MAX_BYTES, "values that are alive at the same time"),
            (self.of_constants, MAX_CONSTANT_BYTES, "values computed from constants"),
        ] {
            if found > most {
                return Err(Refusal::Memory(format!(
                    "gives {} values of shape {:?}: with these more than {} MiB of {what}",
                    volume(&value.shape),
                    value.shape,
                    most >> 20
                )));
            }
        }
        self.held.insert(name, Some(value));
        Ok(())
    }

    /// The value called `name`: one that was computed, or a constant of the graph.
    fn value(&self, name: &str) -> Result<Option<&Value>, Refusal> {
        match self.held.get(name) {
            Some(held) => Ok(held.as_ref()),
            None => {
                let constant = self.bounds.constants.get(name);
                constant
                    .map(Some)
                    .ok_or_else(|| Refusal::Limit(format!("reads {name:?}, which is not computed before it")))
            }
        }
    }

    fn node(&mut self, at: usize, node: &'b NodeProto) -> Result<()> {
        let op = node.op_type.as_deref().unwrap_or_default();
        self.step(at, node).map_err(|refusal| {
            refusal.at(&format!("operator {op}: "), |reason| EngineError::operator(op, reason))
        })
    }

    fn step(&mut self, at: usize, node: &'b NodeProto) -> Result<(), Refusal> {
        let mut inputs = Vec::with_capacity(node.input.len());
        let mut is_known = true;
        for name in &node.input {
            let value = if name.is_empty() { None } else { self.value(name)? };
            is_known &= name.is_empty() || value.is_some();
            inputs.push(value);
        }
        let rule = Rule { node, inputs, opset: self.bounds.opset };
        let computed = match is_known {
            true => rule.apply(),
            false => Err(Refusal::Unknown("reads a value of unknown shape".into())),
        };
        let names: Vec<&str> = node.output.iter().map(String::as_str).filter(|n| !n.is_empty()).collect();
        if let Some(name) = names.iter().find(|n| self.held.contains_key(*n) || self.is_constant(n)) {
            return Err(Refusal::Limit(format!("computes {name:?} a second time")));
        }
        match computed {
            Ok(done) => {
                let scratch = self.alive.saturating_add(done.scratch);
                if scratch > MAX_BYTES {
                    return Err(Refusal::Memory(format!(
                        "takes more than {} MiB while it runs",
                        MAX_BYTES >> 20
                    )));
                }
                for (name, value) in node.output.iter().zip(done.values).filter(|(n, _)| !n.is_empty()) {
                    self.hold(name, value)?;
                }
                self.work = self.work.saturating_add(done.work);
                if self.work > MAX_WORK {
                    return Err(Refusal::Limit(format!("a run takes more than {MAX_WORK} multiply-adds")));
                }
                // Outputs that no rule describes are of unknown shape.
                for name in names {
                    self.held.entry(name).or_insert(None);
                }
            }
            Err(Refusal::Unknown(_)) if self.strictness == Strictness::Lenient => {
                names.into_iter().for_each(|name| drop(self.held.insert(name, None)));
            }
            Err(refusal) => return Err(refusal),
        }
        self.release(at, node);
        Ok(())
    }

    fn is_constant(&self, name: &str) -> bool {
        self.bounds.constants.contains_key(name)
    }

    /// Counts the memory of values that no later operator reads as free.
    fn release(&mut self, at: usize, node: &'b NodeProto) {
        for name in node.input.iter().chain(&node.output) {
            let is_last = self.last.get(name.as_str()).is_none_or(|&last| last <= at);
            if let Some(Some(value)) = self.held.get_mut(name.as_str()).filter(|_| is_last)
                && !value.is_released
            {
                value.is_released = true;
                self.alive = self.alive.saturating_sub(value.bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests;
