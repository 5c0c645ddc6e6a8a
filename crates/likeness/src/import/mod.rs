//! Makes a model folder of an ONNX file or of a file of weights.

#[cfg(feature = "train")]
mod network;

use std::path::PathBuf;

use likeness_embed::model_folder::{Card, make};
use likeness_model::Alignment;
use likeness_model::preprocess::PreprocessOverrides;
#[cfg(feature = "train")]
use likeness_train::backbone::Architecture;

use crate::context::Context;
use crate::{Result, invalid};

/// What a model folder is made of.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// A `.onnx`, `.pth`, `.pt` or `.safetensors` file.
    pub file: PathBuf,
    /// The new model folder.
    pub output: PathBuf,
    /// The network's name; `None` takes the registry's or the file's.
    pub name: Option<String>,
    /// The architecture of weights, or the architecture whose layers a graph has; such a network can be trained further.
    #[cfg(feature = "train")]
    pub backbone: Option<Architecture>,
    /// What the network's faces are aligned to; `None` infers it from the input's size.
    pub alignment: Option<Alignment>,
    /// Its licence; `None` takes the registry's.
    pub licence: Option<String>,
    /// Where it comes from; `None` takes the registry's.
    pub source: Option<String>,
    /// How pixels enter the network, where the file does not say.
    pub preprocess: PreprocessOverrides,
}

/// Makes the model folder; what was inferred is reported.
///
/// # Errors        a file that is neither a graph nor weights, a graph that is no embedder, an output that holds files
pub fn import_network(options: &ImportOptions, context: Context<'_>) -> Result<()> {
    let ending = options.file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match ending.as_str() {
        "onnx" => {}
        "pth" | "pt" | "safetensors" => return of_weights(options, context),
        _ => {
            return Err(invalid(
                format!("{}: expected a .onnx, .pth, .pt or .safetensors file", options.file.display()),
                "name an ONNX graph or a file of PyTorch or safetensors weights",
            ));
        }
    }
    #[cfg(feature = "train")]
    if let Some(architecture) = options.backbone {
        return network::of_layers(options, architecture, context);
    }
    let card = Card {
        name: options.name.clone(),
        alignment: options.alignment,
        licence: options.licence.clone(),
        source: options.source.clone(),
    };
    let made = make(&options.file, &options.output, &options.preprocess, card)?;
    made.notes.iter().for_each(|note| context.note(note));
    Ok(())
}

#[cfg(feature = "train")]
fn of_weights(options: &ImportOptions, context: Context<'_>) -> Result<()> {
    network::of_weights(options, context)
}

#[cfg(not(feature = "train"))]
fn of_weights(options: &ImportOptions, _context: Context<'_>) -> Result<()> {
    Err(invalid(
        format!("{}: this program was built without training, which reads weights", options.file.display()),
        "import an ONNX file, or build with the feature train",
    ))
}
