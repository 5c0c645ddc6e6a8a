//! A graph on an engine: the requested one, else the first that can run it of our own, ONNX Runtime if its library is found,
//! and `rten`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use super::bounds::{Bounds, Strictness};
use super::choice::{Engine, EngineChoice, EngineConfig};
use super::direct::{DirectNetwork, Output};
use super::external::ExternalBackend;
use super::file::{Checked, Weights, bad};
use super::graph::Declared;
use super::graph::Graph;
use super::on_rten::OnRten;
use super::onnxruntime::{OnnxRuntime, library};
use crate::{EngineError, Result};

/// A graph that is ready to run on its engine. Each call works on one thread.
pub struct Session {
    engine: Engine,
    network: Network,
    /// Limits on a run; `None` for external backends, which do not run the graph.
    bounds: Option<Bounds>,
}

enum Network {
    Direct(Box<DirectNetwork>),
    Rten(Box<OnRten>),
    OnnxRuntime(Box<OnnxRuntime>),
    /// With the input that the graph beside its weights declares.
    Burn(Declared, Box<dyn ExternalBackend>),
}

impl Session {
    /// Opens the ONNX file at `path`.
    ///
    /// # Errors        as those of [`Checked::read`] and [`open`](Self::open)
    pub fn load(path: &Path, weights: Weights, config: &EngineConfig) -> Result<Self> {
        Self::open(&Checked::read(path)?, weights, config)
    }

    /// Opens the bytes of an ONNX file that hold all its weights; errors call it `name`.
    ///
    /// # Errors        as those of [`Checked::from_bytes`] and [`open`](Self::open)
    pub fn from_bytes(name: &Path, bytes: Vec<u8>, weights: Weights, config: &EngineConfig) -> Result<Self> {
        Self::open(&Checked::from_bytes(name, bytes)?, weights, config)
    }

    /// Opens a graph.
    ///
    /// # Errors        a graph that exceeds a limit → [`EngineError::BadModel`]; a requested engine that is missing →
    /// [`EngineError::Library`], or that cannot run the graph → [`EngineError::CannotRun`]
    pub fn open(checked: &Checked, weights: Weights, config: &EngineConfig) -> Result<Self> {
        let (path, choice) = (checked.path(), config.choice);
        if choice == EngineChoice::Burn {
            return Self::on_burn(checked, config);
        }
        let bounds = guarded(|| Bounds::of(checked)).map_err(|error| refused(path, error))?;
        if choice == EngineChoice::Auto {
            return Self::first_that_can(checked, weights, config, bounds)
                .map_err(|reason| bad(path, reason));
        }
        if choice == EngineChoice::OnnxRuntime {
            // A missing library is no fault of the graph.
            library(config.library.as_deref())?;
        }
        let network =
            Network::load(checked, choice, weights, config).map_err(|cause| EngineError::CannotRun {
                path: path.to_owned(),
                engine: choice.name(),
                cause: Box::new(cause),
                hint: way_out(checked, choice, config),
            })?;
        Ok(Self { engine: network.engine("as asked for".into()), network, bounds: Some(bounds) })
    }

    fn on_burn(checked: &Checked, config: &EngineConfig) -> Result<Self> {
        let path = checked.path();
        let open = config.burn.as_ref().ok_or_else(|| EngineError::BadArgument {
            reason: "--engine burn: there is none in this program".into(),
            hint: Some("leave --engine out".into()),
        })?;
        let unfit = |cause: EngineError| EngineError::CannotRun {
            path: path.to_owned(),
            engine: EngineChoice::Burn.name(),
            cause: Box::new(cause),
            hint: "take --engine auto".into(),
        };
        let backend = open.open(path).map_err(|e| unfit(EngineError::graph(e.to_string())))?;
        let graph = guarded(|| Graph::read(checked.bytes(), checked.external())).map_err(unfit)?;
        let network = Network::Burn(graph.declared, backend);
        Ok(Self { engine: network.engine("as asked for".into()), network, bounds: None })
    }

    fn first_that_can(
        checked: &Checked,
        weights: Weights,
        config: &EngineConfig,
        bounds: Bounds,
    ) -> Result<Self, String> {
        let mut reasons = Vec::new();
        for choice in [EngineChoice::Direct, EngineChoice::OnnxRuntime, EngineChoice::Rten] {
            match Network::load(checked, choice, weights, config) {
                Ok(network) => {
                    let reason = match reasons.is_empty() {
                        true => "which knows every operator of the graph".to_owned(),
                        false => format!("as {}", reasons.join("; ")),
                    };
                    return Ok(Self { engine: network.engine(reason), network, bounds: Some(bounds) });
                }
                Err(EngineError::Library { reason, .. }) => {
                    reasons.push(format!("{choice} cannot run it: {reason}"));
                }
                Err(error) => reasons.push(format!("{choice} cannot run it: {error}")),
            }
        }
        Err(reasons.join("; "))
    }

    /// The engine that runs the graph.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The number of inputs of the graph.
    pub fn inputs(&self) -> usize {
        match &self.network {
            Network::Direct(_) | Network::Burn(..) => 1,
            Network::Rten(network) => network.inputs(),
            Network::OnnxRuntime(network) => network.inputs(),
        }
    }

    /// The form of the first input as the graph declares it.
    pub fn declared(&self) -> &Declared {
        match &self.network {
            Network::Direct(network) => network.declared(),
            Network::Rten(network) => network.declared(),
            Network::OnnxRuntime(network) => network.declared(),
            Network::Burn(declared, _) => declared,
        }
    }

    /// The shapes of the outputs for an input of `shape`; `None` if the engine does not know them without a run.
    ///
    /// # Errors        as those of [`run`](Self::run)
    pub fn output_shapes(&self, shape: [usize; 4]) -> Option<Result<Vec<Vec<usize>>>> {
        match &self.network {
            Network::Direct(network) => Some(guarded(|| network.output_shapes(&shape))),
            Network::Rten(_) | Network::OnnxRuntime(_) | Network::Burn(..) => None,
        }
    }

    /// The bytes of memory that a run on an input of `shape` takes beside the weights; `None` if the engine does not plan its
    /// memory.
    pub fn run_bytes(&self, shape: [usize; 4]) -> Option<usize> {
        match &self.network {
            // What cannot be planned takes too much.
            Network::Direct(network) => Some(network.run_bytes(&shape).unwrap_or(usize::MAX)),
            Network::Rten(_) | Network::OnnxRuntime(_) | Network::Burn(..) => None,
        }
    }

    /// Checks that the limits allow a run on an input of `shape`.
    ///
    /// # Errors        as those of [`Bounds::allow`]
    fn allow(&self, shape: [usize; 4]) -> Result<()> {
        let strictness = match self.network {
            // Its plan limits memory, and refuses what it does not know.
            Network::Direct(_) => Strictness::Lenient,
            _ => Strictness::Strict,
        };
        self.bounds.as_ref().map_or(Ok(()), |bounds| guarded(|| bounds.allow(shape, strictness)))
    }

    /// Runs the graph on one input tensor; returns the outputs at the indices `wanted`, or all.
    ///
    /// `fill` writes the input values into the buffer that the engine reads, row-major.
    ///
    /// # Errors        a shape that the graph does not take → [`EngineError::UnsupportedOperator`] or
    /// [`EngineError::BadGraph`]; too much memory → [`EngineError::OutOfMemory`]; a failure of another engine than ours →
    /// [`EngineError::RunFailed`]; a broken invariant → [`EngineError::Internal`]
    pub fn run(
        &self,
        shape: [usize; 4],
        fill: impl FnOnce(&mut [f32]),
        wanted: Option<&[usize]>,
    ) -> Result<Vec<Output>> {
        self.allow(shape)?;
        let filled = |fill: &mut dyn FnMut(&mut [f32])| {
            let mut values = vec![0.0; shape.iter().product()];
            fill(&mut values);
            values
        };
        let mut fill = Some(fill);
        let mut once = |values: &mut [f32]| {
            if let Some(fill) = fill.take() {
                fill(values);
            }
        };
        match &self.network {
            Network::Direct(network) => guarded(|| network.run_filled(&shape, once, wanted)),
            Network::Rten(network) => network.run(shape, &filled(&mut once), wanted),
            Network::OnnxRuntime(network) => network.run(shape, &filled(&mut once), wanted),
            Network::Burn(_, backend) => {
                let (dimension, data) = backend.run(shape, filled(&mut once)).map_err(|e| {
                    EngineError::RunFailed { engine: EngineChoice::Burn.name(), reason: e.to_string() }
                })?;
                Ok(vec![Output { name: "embedding".into(), shape: vec![shape[0], dimension], data }])
            }
        }
    }
}

impl Network {
    fn load(
        checked: &Checked,
        choice: EngineChoice,
        weights: Weights,
        config: &EngineConfig,
    ) -> Result<Self> {
        match choice {
            EngineChoice::Direct => guarded(|| try_direct(checked)).map(|n| Self::Direct(Box::new(n))),
            EngineChoice::OnnxRuntime => {
                let library = library(config.library.as_deref())?;
                let network =
                    OnnxRuntime::load(library, Arc::clone(checked.bytes()), checked.external().to_vec())?;
                Ok(Self::OnnxRuntime(Box::new(network)))
            }
            EngineChoice::Burn => Err(EngineError::graph("it is opened beside the graph")),
            EngineChoice::Rten | EngineChoice::Auto => {
                OnRten::load(checked, weights).map(|n| Self::Rten(Box::new(n)))
            }
        }
    }

    fn engine(&self, reason: String) -> Engine {
        let (kind, library) = match self {
            Self::Direct(_) => (EngineChoice::Direct, None),
            Self::Rten(_) => (EngineChoice::Rten, None),
            Self::OnnxRuntime(network) => (EngineChoice::OnnxRuntime, Some(network.library().describe())),
            Self::Burn(_, backend) => (EngineChoice::Burn, Some(format!("on {}", backend.device()))),
        };
        Engine { kind, library, reason }
    }
}

/// The error of a graph that no engine may run.
fn refused(path: &Path, error: EngineError) -> EngineError {
    let (reason, hint) = match error {
        EngineError::BadInput { .. } => (error.to_string(), "export it again for smaller pictures"),
        _ => (
            format!("is not run, as it might take too much memory or time: {error}"),
            "export it again for pictures of a fixed size and without control flow",
        ),
    };
    EngineError::BadModel { path: path.to_owned(), reason, hint: Some(hint.into()) }
}

/// The remedy for a graph that the engine `refused` cannot run: the engines that can.
fn way_out(checked: &Checked, refused: EngineChoice, config: &EngineConfig) -> String {
    let others = [EngineChoice::Direct, EngineChoice::Rten, EngineChoice::OnnxRuntime];
    let can = |choice: &EngineChoice| {
        *choice != refused && Network::load(checked, *choice, Weights::Plain, config).is_ok()
    };
    let can: Vec<_> =
        others.iter().filter(|choice| can(choice)).map(|choice| format!("--engine {choice}")).collect();
    match can.is_empty() {
        true => {
            "no other engine that is here can run it either: export it again, with standard operators".into()
        }
        false => format!("it runs with {}", can.join(" and ")),
    }
}

/// The graph on our own engine, if it supports every operator for an input as the graph declares it.
fn try_direct(checked: &Checked) -> Result<DirectNetwork> {
    let network = DirectNetwork::load_with(checked.bytes(), checked.external())?;
    let declared = network.declared();
    if !declared.is_float {
        return Err(EngineError::graph("its input is not of 32-bit floats"));
    }
    let shape = declared.shape.clone().unwrap_or(vec![None; 4]);
    if shape.len() != 4 {
        return Err(EngineError::graph(format!("its input has {} dimensions", shape.len())));
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

/// The result of `work`; a panic becomes [`EngineError::Internal`].
fn guarded<R>(work: impl FnOnce() -> Result<R>) -> Result<R> {
    let panicked = || EngineError::Internal { reason: "the direct engine panicked".into() };
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked()))
}
