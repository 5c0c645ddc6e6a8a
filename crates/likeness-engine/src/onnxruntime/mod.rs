//! The engine ONNX Runtime: the bytes of a graph enter, a network that computes batches leaves.
//!
//! Its library is not part of the program: `places` lists where it may be, `elf` checks that a file is a whole library,
//! `library` loads the first that can be used. ONNX Runtime says that a session may be run from several threads, the
//! `ort` crate that this has gone wrong; so each caller at a time has a session of its own, made when it is first needed.

mod elf;
mod library;
mod places;

use std::sync::{Arc, Mutex, PoisonError};

use ort::error::ErrorCode;
use ort::session::{OutputSelector, RunOptions, Session};
use ort::value::{TensorElementType, TensorRef, ValueType};

use super::direct::Output;
use super::graph::Declared;
use super::threads::caught;
use crate::{EngineError, Result};
pub(super) use library::{Library, library};

/// A graph on ONNX Runtime.
pub(super) struct OnnxRuntime {
    library: Arc<Library>,
    graph: Arc<Vec<u8>>,
    /// Files of weights beside it, by name.
    external: Vec<(String, Arc<[u8]>)>,
    idle: Mutex<Vec<Session>>,
    outputs: Vec<String>,
    inputs: usize,
    declared: Declared,
}

impl OnnxRuntime {
    /// The network whose file has these bytes.
    ///
    /// # Errors        a graph that the library refuses → [`EngineError::BadGraph`]
    pub(super) fn load(
        library: Arc<Library>,
        graph: Arc<Vec<u8>>,
        external: Vec<(String, Arc<[u8]>)>,
    ) -> Result<Self> {
        let first = caught(|| session(&library, &graph, &external))?;
        let declared = declared(&first);
        let outputs = first.outputs().iter().map(|o| o.name().to_owned()).collect();
        let inputs = first.inputs().len();
        Ok(Self { library, graph, external, idle: Mutex::new(vec![first]), outputs, inputs, declared })
    }

    /// The library and its version.
    pub(super) fn library(&self) -> &Library {
        &self.library
    }

    /// The number of inputs of the graph.
    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    /// The form of the first input as the graph declares it.
    pub(super) fn declared(&self) -> &Declared {
        &self.declared
    }

    /// The outputs for one input: those at the indices `wanted`, or all.
    ///
    /// # Errors        an input that the graph does not take → [`EngineError::BadGraph`]; another failure of the library, a
    /// shortage of memory among them → [`EngineError::RunFailed`]
    pub(super) fn run(
        &self,
        shape: [usize; 4],
        values: &[f32],
        wanted: Option<&[usize]>,
    ) -> Result<Vec<Output>> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let mut session = match kept {
            Some(session) => session,
            None => caught(|| session(&self.library, &self.graph, &self.external))?,
        };
        let names: Vec<&str> = match wanted {
            None => self.outputs.iter().map(String::as_str).collect(),
            Some(wanted) => wanted.iter().filter_map(|&i| Some(self.outputs.get(i)?.as_str())).collect(),
        };
        let result = run(&mut session, shape, values, &names).map_err(|e| run_error(&e));
        idle().push(session);
        result
    }
}

/// A session that works on the caller's thread alone.
fn session(library: &Library, graph: &[u8], external: &[(String, Arc<[u8]>)]) -> Result<Session> {
    let built = || -> ort::Result<Session> {
        let mut builder =
            Session::builder(library.environment())?.with_intra_threads(1)?.with_inter_threads(1)?;
        for (name, content) in external {
            builder = builder.with_external_initializer_file_in_memory(name, Arc::clone(content))?;
        }
        builder.commit_from_memory(graph)
    };
    built().map_err(|e| EngineError::graph(one_line(&e)))
}

fn run(session: &mut Session, shape: [usize; 4], values: &[f32], names: &[&str]) -> ort::Result<Vec<Output>> {
    let selector = names.iter().fold(OutputSelector::no_default(), |s, name| s.with(*name));
    let options = RunOptions::new()?.with_outputs(selector);
    let input = TensorRef::from_array_view((shape, values))?;
    let found = session.run_with_options(ort::inputs![input], &options)?;
    let output = |name: &&str| {
        let value = found.get(name).ok_or_else(|| ort::Error::new(format!("has no output {name}")))?;
        let (shape, data) = value.try_extract_tensor::<f32>()?;
        let shape = shape.iter().map(|&n| usize::try_from(n).unwrap_or(0)).collect();
        Ok(Output { name: (*name).to_owned(), shape, data: data.to_vec() })
    };
    names.iter().map(output).collect()
}

fn declared(session: &Session) -> Declared {
    match session.inputs().first().map(|input| input.dtype()) {
        Some(ValueType::Tensor { ty, shape, .. }) => Declared {
            is_float: *ty == TensorElementType::Float32,
            shape: (!shape.is_empty())
                .then(|| shape.iter().map(|&n| usize::try_from(n).ok().filter(|&n| n > 0)).collect()),
        },
        _ => Declared { is_float: false, shape: None },
    }
}

/// The error of a run. The library reports a shortage of memory under the codes of other failures, so only the codes that
/// blame the caller are told apart.
fn run_error(error: &ort::Error) -> EngineError {
    let reason = one_line(error);
    match error.code() {
        ErrorCode::InvalidArgument | ErrorCode::InvalidGraph | ErrorCode::NotImplemented => {
            EngineError::graph(reason)
        }
        _ => EngineError::RunFailed { engine: "onnxruntime", reason },
    }
}

/// The library's message on one line.
fn one_line<R>(error: &ort::Error<R>) -> String {
    error.message().split_whitespace().collect::<Vec<_>>().join(" ")
}
