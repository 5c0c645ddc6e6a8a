//! Errors of this crate, by what the caller can do about them.

use std::path::PathBuf;

/// The result of every fallible function of this crate.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

/// An error of this crate.
///
/// [`BadModel`](Self::BadModel), [`CannotRun`](Self::CannotRun) and [`Io`](Self::Io) name the file. The other variants are
/// about a graph in memory, and the caller knows which file it came from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A file is not an ONNX graph, or its graph exceeds a limit.
    #[error("{}: {reason}", path.display())]
    BadModel {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, expected and found.
        reason: String,
        /// The remedy.
        hint: Option<String>,
    },
    /// The requested engine cannot run the graph of a file.
    #[error("{}: cannot be run by the engine {engine}: {cause}", path.display())]
    CannotRun {
        /// The file.
        path: PathBuf,
        /// Name of the engine.
        engine: &'static str,
        /// Why it cannot.
        cause: Box<EngineError>,
        /// The remedy.
        hint: String,
    },
    /// A setting is invalid, alone or in combination with others.
    #[error("{reason}")]
    BadArgument {
        /// What is wrong and what would be right.
        reason: String,
        /// The remedy.
        hint: Option<String>,
    },
    /// The shared library of an engine is missing or unusable.
    #[error("--engine {engine}: {reason}")]
    Library {
        /// Name of the engine.
        engine: &'static str,
        /// What was found.
        reason: String,
        /// The remedy.
        hint: String,
    },
    /// An operator, or the way a graph uses it, is not supported.
    #[error("operator {op}: {reason}")]
    UnsupportedOperator {
        /// The operator's ONNX name.
        op: String,
        /// What is not supported about it.
        reason: String,
    },
    /// A graph is malformed, or computes something that the caller does not expect.
    #[error("{reason}")]
    BadGraph {
        /// What is wrong with it.
        reason: String,
    },
    /// The input tensor does not have the expected shape or type.
    #[error("expected {expected}, found {found}")]
    BadInput {
        /// What the graph takes.
        expected: String,
        /// What it was given.
        found: String,
    },
    /// A run would take more memory than is allowed, or than there is.
    #[error("{reason}")]
    OutOfMemory {
        /// What needs the memory, and the limit.
        reason: String,
    },
    /// An engine that is not ours failed while it computed.
    ///
    /// A shortage of memory may be the cause: these engines do not report it in a form of its own.
    #[error("{reason}")]
    RunFailed {
        /// Name of the engine.
        engine: &'static str,
        /// The engine's message.
        reason: String,
    },
    /// A broken invariant of an engine.
    #[error("{reason}")]
    Internal {
        /// Which engine failed, and how.
        reason: String,
    },
    /// The file system refused; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl EngineError {
    /// The remedy in one sentence, if there is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::BadModel { hint, .. } | Self::BadArgument { hint, .. } => hint.as_deref(),
            Self::CannotRun { hint, .. } | Self::Library { hint, .. } => Some(hint),
            _ => None,
        }
    }

    /// Whether the same call with fewer items in its batch may succeed.
    pub fn may_fit_a_smaller_batch(&self) -> bool {
        matches!(self, Self::OutOfMemory { .. } | Self::RunFailed { .. })
    }

    pub(crate) fn graph(reason: impl Into<String>) -> Self {
        Self::BadGraph { reason: reason.into() }
    }

    pub(crate) fn operator(op: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::UnsupportedOperator { op: op.into(), reason: reason.into() }
    }
}
