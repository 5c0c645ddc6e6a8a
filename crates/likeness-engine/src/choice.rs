//! Which engine runs a graph: what a user asks for enters, what was taken and why leaves.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use super::external::OpenExternalBackend;
use crate::EngineError;

/// The engine that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// The first that can run the graph: our own, ONNX Runtime where its library is found, `rten`.
    #[default]
    Auto,
    /// Our own, for feed-forward convolutional networks.
    Direct,
    /// `rten`, which is always there.
    Rten,
    /// ONNX Runtime, whose library is looked for when it is needed.
    OnnxRuntime,
    /// Burn, for networks that training wrote, where the program brings it.
    Burn,
}

impl EngineChoice {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Direct, Self::Rten, Self::OnnxRuntime, Self::Burn];

    /// Its name, as flags have it.
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

/// Which engine is to run a graph, and where engines from outside are.
#[derive(Debug, Clone, Default)]
pub struct EngineConfig {
    /// The engine.
    pub choice: EngineChoice,
    /// ONNX Runtime's library; `None` looks in the usual places.
    pub library: Option<PathBuf>,
    /// What opens networks on Burn, where the program brings it.
    pub burn: Option<Arc<dyn OpenExternalBackend>>,
}

/// What computes a graph, and why this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Never [`EngineChoice::Auto`].
    pub kind: EngineChoice,
    /// ONNX Runtime's library and its version, or Burn's device, where that is what computes.
    pub library: Option<String>,
    /// Why it was taken, to follow its name.
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
