//! Flags that select and configure the embedding model.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as Group;
use likeness::ModelChoice;
use likeness_embed::descriptor::Descriptor;
use likeness_engine::{EngineChoice, EngineConfig, OpenExternalBackend};
use likeness_model::preprocess::{ChannelOrder, Normalization, PreprocessOverrides};

use super::{ChannelsArg, EngineArg, NormalizeArg};

/// Flags that select and configure the embedding model.
#[derive(Debug, Group)]
pub(crate) struct ModelArgs {
    /// Embedding model: auto, face, picture, a descriptor (color, edge, texture, classic), an installed model (`likeness models
    /// list`), an ONNX file, a model folder, or a run. auto is the built-in model face where there are faces, and picture otherwise.
    #[arg(long, value_name = "MODEL", default_value = "auto", help_heading = "Model")]
    pub(crate) model: String,
    /// Whether the model is a default, not one of the command line.
    #[arg(skip)]
    pub(crate) is_default: bool,
    #[command(flatten)]
    pub(crate) settings: ModelSettings,
}

/// Flags that configure the embedding model, whichever it is.
#[derive(Debug, Group)]
pub(crate) struct ModelSettings {
    /// Whether the engine is a default, not one of the command line.
    #[arg(skip)]
    pub(crate) engine_is_default: bool,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Inference engine that runs the network.
    #[arg(long, value_enum, default_value_t = EngineArg::Auto, help_heading = "Engine")]
    pub(crate) engine: EngineArg,
    /// Shared library of ONNX Runtime [default: ORT_DYLIB_PATH, else that of the active Python environment or the system].
    #[arg(long, value_name = "FILE", help_heading = "Engine")]
    pub(crate) engine_library: Option<PathBuf>,
    /// Device of --engine burn: cpu, cuda, cuda:N or wgpu.
    #[arg(long, value_name = "DEVICE", default_value = "cpu", help_heading = "Engine")]
    pub(crate) engine_device: String,
    /// Batch size: faces per run of the network [default: chosen by the engine, else 8].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), help_heading = "Engine")]
    pub(crate) batch: Option<u32>,
    /// Average the embeddings of each face and its mirror image: more accurate, at twice the time.
    #[arg(long, help_heading = "Model")]
    pub(crate) flips: bool,
    /// Cache embeddings in this folder, and embed only photos that are not in it yet.
    #[arg(long, value_name = "FOLDER", help_heading = "Model")]
    pub(crate) cache: Option<PathBuf>,
}

/// Flags that override the preprocessing of an ONNX network.
#[derive(Debug, Default, Group)]
#[command(next_help_heading = "Preprocessing")]
pub(crate) struct InputArgs {
    /// Input size of an ONNX network in pixels, such as 112 or 160x224 (width x height) [default: that of the graph].
    #[arg(long, value_name = "PX", value_parser = parse_size)]
    pub(crate) input_size: Option<[u32; 2]>,
    /// Normalisation of the input of an ONNX network.
    #[arg(long, value_enum)]
    pub(crate) normalize: Option<NormalizeArg>,
    /// Mean to subtract from each channel, from 0 to 255, such as 127.5 or 123.7,116.3,103.5.
    #[arg(long, value_name = "M", value_parser = parse_channels, conflicts_with = "normalize")]
    pub(crate) mean: Option<[f32; 3]>,
    /// Standard deviation to divide each channel by, in the format of --mean.
    #[arg(long, value_name = "S", value_parser = parse_channels, conflicts_with = "normalize")]
    pub(crate) std: Option<[f32; 3]>,
    /// Channel order of the input of an ONNX network.
    #[arg(long, value_enum)]
    pub(crate) channels: Option<ChannelsArg>,
}

impl ModelArgs {
    /// The model that the flags name.
    ///
    /// `commercial` rejects models whose licence does not allow commercial use.
    pub(crate) fn choice(&self, commercial: bool) -> ModelChoice {
        let choice = self.settings.choice(commercial);
        let is_descriptor = self.model.parse::<Descriptor>().is_ok();
        // A default engine has no effect on a descriptor, which runs on none.
        let engine = match self.settings.engine_is_default && is_descriptor {
            true => EngineConfig { choice: EngineChoice::Auto, ..choice.engine },
            false => choice.engine,
        };
        ModelChoice { model: Some(self.model.clone()), is_default: self.is_default, engine, ..choice }
    }
}

impl ModelSettings {
    /// The settings of a model without its name.
    pub(crate) fn choice(&self, commercial: bool) -> ModelChoice {
        ModelChoice {
            model: None,
            is_default: false,
            preprocess: self.input.overrides(),
            engine: EngineConfig {
                choice: self.engine.into(),
                library: self.engine_library.clone(),
                burn: external_backend(&self.engine_device),
            },
            flips: self.flips,
            batch: self.batch.map(|faces| faces as usize),
            cache: self.cache.clone(),
            commercial,
        }
    }
}

/// The backend of `--engine burn`.
#[cfg(feature = "train")]
fn external_backend(device: &str) -> Option<Arc<dyn OpenExternalBackend>> {
    Some(Arc::new(likeness::burn_engine::OpenOnBurn { device: device.to_owned() }))
}

/// Without the feature `train` there is no such engine.
#[cfg(not(feature = "train"))]
fn external_backend(_device: &str) -> Option<Arc<dyn OpenExternalBackend>> {
    None
}

impl InputArgs {
    /// The preprocessing overrides that the flags set.
    pub(crate) fn overrides(&self) -> PreprocessOverrides {
        let channels = self.channels.map(ChannelOrder::from);
        let named = self.normalize.map(|n| {
            let Normalization { mut mean, mut std } = Normalization::from(n);
            if channels == Some(ChannelOrder::Bgr) {
                mean.reverse();
                std.reverse();
            }
            (mean, std)
        });
        PreprocessOverrides {
            input_size: self.input_size,
            channels,
            mean: self.mean.or(named.map(|(mean, _)| mean)),
            std: self.std.or(named.map(|(_, std)| std)),
        }
    }
}

fn parse_size(text: &str) -> Result<[u32; 2], String> {
    let (width, height) = text.split_once('x').unwrap_or((text, text));
    match (width.parse(), height.parse()) {
        (Ok(width), Ok(height)) => Ok([width, height]),
        _ => Err("expected a number of pixels, as 112 or 160x224 (width x height)".to_owned()),
    }
}

fn parse_channels(text: &str) -> Result<[f32; 3], String> {
    let numbers: Option<Vec<f32>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[all]) => Ok([all; 3]),
        Some(&[a, b, c]) => Ok([a, b, c]),
        _ => Err("expected one number, or three separated by commas".to_owned()),
    }
}
