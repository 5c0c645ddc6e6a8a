//! The choice of the engine that runs a graph: the requested one, and the chosen one with the reason.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use super::external::OpenExternalBackend;
use crate::EngineError;

/// The requested engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// The first that can run the graph: our own, ONNX Runtime where its library is found, `rten`.
    #[default]
    Auto,
    /// Our own, for feed-forward convolutional networks.
    Direct,
    /// `rten`, which is always available.
    Rten,
    /// ONNX Runtime, whose library is loaded when it is first needed.
    OnnxRuntime,
    /// Burn, for networks that training wrote, if the program provides it as an external backend.
    Burn,
}

impl EngineChoice {
    /// All choices.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Direct, Self::Rten, Self::OnnxRuntime, Self::Burn];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Direct => "direct",
            Self::Rten => "rten",
            Self::OnnxRuntime => "onnxruntime",
            Self::Burn => "burn",
        }
    }
}

impl std::fmt::Display for EngineChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EngineChoice {
    type Err = EngineError;

    fn from_str(name: &str) -> Result<Self, EngineError> {
        Self::ALL.into_iter().find(|choice| choice.name() == name).ok_or_else(|| EngineError::BadArgument {
            reason: format!("{name}: no such engine"),
            hint: Some(format!("known are {}", Self::ALL.map(Self::name).join(", "))),
        })
    }
}

/// The requested engine, and where engines outside this crate are found.
#[derive(Debug, Clone, Default)]
pub struct EngineConfig {
    /// The requested engine.
    pub choice: EngineChoice,
    /// ONNX Runtime's library; `None` searches the usual folders.
    pub library: Option<PathBuf>,
    /// Opens networks on Burn, if the program provides it.
    pub burn: Option<Arc<dyn OpenExternalBackend>>,
}

/// The chosen engine, and the reason for the choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// The engine; never [`EngineChoice::Auto`].
    pub kind: EngineChoice,
    /// ONNX Runtime's version and library, or Burn's device, if one of these is the engine.
    pub library: Option<String>,
    /// The reason, as a clause that follows the engine's name.
    pub reason: String,
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.name())?;
        if let Some(library) = &self.library {
            write!(f, " {library}")?;
        }
        write!(f, ", {}", self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for choice in EngineChoice::ALL {
            assert_eq!(choice.name().parse::<EngineChoice>().unwrap(), choice);
        }
        let error = "torch".parse::<EngineChoice>().unwrap_err();
        assert_eq!(error.to_string(), "torch: no such engine");
        assert!(error.hint().unwrap().contains("auto, direct, rten, onnxruntime, burn"));
    }
}
