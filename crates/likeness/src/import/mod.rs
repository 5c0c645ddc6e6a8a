//! Makes model folders from ONNX files, from weights, or from dlib's face recognition network.

#[cfg(feature = "train")]
pub(crate) mod network;

use std::path::PathBuf;

use likeness_embed::model_folder::{Card, Made, make, make_from_dlib};
use likeness_model::Alignment;
use likeness_model::preprocess::PreprocessOverrides;
#[cfg(feature = "train")]
use likeness_train::backbone::Architecture;

use crate::context::Context;
use crate::{Result, invalid};

/// Options of [`import_network`].
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// File to import: `.onnx`, `.pth`, `.pt`, `.safetensors` or dlib's `.dat`.
    pub file: PathBuf,
    /// New model folder to write.
    pub output: PathBuf,
    /// Name of the network; `None` means that of the registry, or else that of the file.
    pub name: Option<String>,
    /// Architecture of the weights, or of the graph. A graph that is imported with it can be fine-tuned.
    #[cfg(feature = "train")]
    pub backbone: Option<Architecture>,
    /// Import only the backbone of a graph, without the layers after it. Needs [`backbone`](Self::backbone).
    #[cfg(feature = "train")]
    pub backbone_only: bool,
    /// Face alignment that the network expects; `None` infers it from the size of the input.
    pub alignment: Option<Alignment>,
    /// Licence of the network; `None` means that of the registry.
    pub licence: Option<String>,
    /// Origin of the network; `None` means that of the registry.
    pub source: Option<String>,
    /// Preprocessing of the network that the file does not specify.
    pub preprocess: PreprocessOverrides,
}

/// Imports a network as a new model folder. Reports inferred properties to the observer.
///
/// # Errors        a file that is neither a graph nor weights, a graph that is not an embedder, an output folder that is not
/// empty
pub fn import_network(options: &ImportOptions, context: Context<'_>) -> Result<()> {
    let ending = options.file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match ending.as_str() {
        "onnx" => {}
        "dat" => return of_dlib(options, context),
        "pth" | "pt" | "safetensors" => return of_weights(options, context),
        _ => {
            return Err(invalid(
                format!("{}: expected a .onnx, .pth, .pt, .safetensors or .dat file", options.file.display()),
                "name an ONNX graph, a file of PyTorch or safetensors weights, or dlib's face recognition network",
            ));
        }
    }
    #[cfg(feature = "train")]
    if let Some(architecture) = options.backbone {
        return match options.backbone_only {
            true => network::of_backbone(options, architecture, context),
            false => network::of_layers(options, architecture, context),
        };
    }
    report(&make(&options.file, &options.output, &options.preprocess, card(options))?, context);
    Ok(())
}

fn card(options: &ImportOptions) -> Card {
    Card {
        name: options.name.clone(),
        alignment: options.alignment,
        licence: options.licence.clone(),
        source: options.source.clone(),
    }
}

fn report(made: &Made, context: Context<'_>) {
    made.notes.iter().for_each(|note| context.note(note));
}

/// Imports dlib's face recognition network.
fn of_dlib(options: &ImportOptions, context: Context<'_>) -> Result<()> {
    if options.preprocess != PreprocessOverrides::default() {
        return Err(invalid(
            "the preprocessing of dlib's network is given by its file",
            "leave --input-size, --normalize, --mean, --std and --channels out",
        ));
    }
    #[cfg(feature = "train")]
    if options.backbone.is_some() {
        return Err(invalid(
            "the architecture of dlib's network is given by its file",
            "leave --backbone out",
        ));
    }
    let made = make_from_dlib(&options.file, &options.output, card(options))?;
    report(&made, context);
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
