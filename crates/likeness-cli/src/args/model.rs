//! The flags that say what makes embeddings.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as Group;
use likeness::ModelChoice;
use likeness_engine::{EngineConfig, OpenExternalBackend};
use likeness_model::preprocess::{ChannelOrder, Normalization, PreprocessOverrides};

use super::{ChannelsArg, EngineArg, NormalizeArg};

/// What makes the embeddings.
#[derive(Debug, Group)]
pub(crate) struct ModelArgs {
    /// `color`, `edge`, `texture`, `classic`, an ONNX file, or a model folder.
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// What computes a network.
    #[arg(long, value_enum, default_value_t = EngineArg::Auto)]
    pub(crate) engine: EngineArg,
    /// ONNX Runtime's library [default: ORT_DYLIB_PATH, else the active Python environment's or the system's].
    #[arg(long, value_name = "FILE")]
    pub(crate) engine_library: Option<PathBuf>,
    /// Where the engine burn computes: cpu, cuda, cuda:N or wgpu.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub(crate) engine_device: String,
    /// Faces that a network takes at once [default: what the engine computes in one run, else 8].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) batch: Option<u32>,
    /// Embed each face's mirror image as well and take the mean: better, at twice the price.
    #[arg(long)]
    pub(crate) flips: bool,
    /// Keep embeddings in this folder, and embed only what is not there yet.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) cache: Option<PathBuf>,
}

/// How a face becomes a network's input.
#[derive(Debug, Default, Group)]
pub(crate) struct InputArgs {
    /// Width and height of an ONNX network's input, as 112 or 160x224 [default: the graph's].
    #[arg(long, value_name = "PX", value_parser = parse_size)]
    pub(crate) input_size: Option<[u32; 2]>,
    /// Usual normalisations of an ONNX network's input.
    #[arg(long, value_enum)]
    pub(crate) normalize: Option<NormalizeArg>,
    /// Mean of each channel, 0 to 255, as 127.5 or 123.7,116.3,103.5.
    #[arg(long, value_name = "M", value_parser = parse_channels, conflicts_with = "normalize")]
    pub(crate) mean: Option<[f32; 3]>,
    /// Standard deviation of each channel, as --mean.
    #[arg(long, value_name = "S", value_parser = parse_channels, conflicts_with = "normalize")]
    pub(crate) std: Option<[f32; 3]>,
    /// Order of an ONNX network's channels.
    #[arg(long, value_enum)]
    pub(crate) channels: Option<ChannelsArg>,
}

impl ModelArgs {
    /// The model that the flags name.
    pub(crate) fn choice(&self) -> ModelChoice {
        ModelChoice {
            model: self.model.clone(),
            preprocess: self.input.overrides(),
            engine: EngineConfig {
                choice: self.engine.into(),
                library: self.engine_library.clone(),
                burn: external_backend(&self.engine_device),
            },
            flips: self.flips,
            batch: self.batch.map(|faces| faces as usize),
            cache: self.cache.clone(),
        }
    }
}

/// What `--engine burn` computes with.
#[cfg(feature = "train")]
fn external_backend(device: &str) -> Option<Arc<dyn OpenExternalBackend>> {
    Some(Arc::new(likeness::burn_engine::OpenOnBurn { device: device.to_owned() }))
}

/// A program without training has no such engine.
#[cfg(not(feature = "train"))]
fn external_backend(_device: &str) -> Option<Arc<dyn OpenExternalBackend>> {
    None
}

impl InputArgs {
    /// What the flags say about the network's input.
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
