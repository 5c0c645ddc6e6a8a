//! A bare file enters, a model folder leaves: of a graph as it is, of weights, or of a graph's layers.

use std::collections::BTreeMap;
use std::path::Path;

use likeness_embed::Embedder;
use likeness_embed::OnnxEmbedder;
use likeness_embed::model_folder::{Card, GraphLayer, SplitGraph, make, split_graph};
use likeness_engine::EngineConfig;
use likeness_model::Alignment;
use likeness_model::folder::{GRAPH, check_vacant, claim};
use likeness_model::preprocess::PreprocessOverrides;
use likeness_model::registry::entry::by_checksum;
use likeness_model::registry::sha256_of;
use likeness_train::backbone::{Architecture, Normalization};
use likeness_train::device::device;
use likeness_train::export::{Alignment as OfTraining, ExportOptions, ModelCard, write_model_folder};
use likeness_train::network::Network;
use likeness_train::weights::{Layer, WeightsFile, network_of, network_of_layers};

use super::print_lines;
use crate::args::{AlignmentArg, ImportModelArgs};
use crate::failure::hinted;
use crate::print::say;

impl From<AlignmentArg> for Alignment {
    fn from(alignment: AlignmentArg) -> Self {
        match alignment {
            AlignmentArg::Arcface => Self::Arcface,
            AlignmentArg::None => Self::None,
        }
    }
}

/// `models import FILE -o FOLDER`.
pub(super) fn make_of(args: &ImportModelArgs, folder: &Path) -> anyhow::Result<()> {
    let ending = args.file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match ending.as_str() {
        "onnx" => {}
        "pth" | "pt" | "safetensors" => return make_of_weights(args, folder),
        _ => {
            return Err(hinted(
                format!("{}: neither a graph nor weights by its name", args.file.display()),
                "a model folder is made of a .onnx, .pth, .pt or .safetensors file",
            ));
        }
    }
    if let Some(architecture) = args.backbone {
        return make_of_layers(args, folder, architecture);
    }
    let card = Card {
        name: args.name.clone(),
        alignment: args.alignment.map(Alignment::from),
        licence: args.licence.clone(),
        source: args.source.clone(),
    };
    let made = make(&args.file, folder, &args.input.overrides(), card)?;
    made.notes.iter().for_each(say);
    print_lines(&[folder.display().to_string()])
}

/// Of weights: the network that their keys name, written as training writes its own.
fn make_of_weights(args: &ImportModelArgs, folder: &Path) -> anyhow::Result<()> {
    let other = &args.input;
    if other.normalize.is_some() || other.mean.is_some() || other.std.is_some() || other.channels.is_some() {
        return Err(hinted(
            "weights are of a network that is known here, and so is how pixels enter it",
            "leave --normalize, --mean, --std and --channels out",
        ));
    }
    check_vacant(folder)?;
    let (network, report) = network_of(&WeightsFile::open(&args.file)?, args.backbone, &device("cpu")?)?;
    let architecture = network.config().backbone.architecture;
    say(format!("{architecture}: {report}"));
    if !network.config().projection {
        say(format!("no head: an embedding is the backbone's {} features", architecture.feature_dim()));
    }
    // Weights with a head are those of a network for faces.
    let of_faces = network.config().projection.then(|| ExportOptions::default().input_px);
    let side = of_faces.unwrap_or(architecture.published_side_px());
    let input_px = match square(args)? {
        Some(side) => side,
        None => {
            say(format!("input {side}×{side} is assumed; --input-size names another"));
            side
        }
    };
    let card = card_of(&network, args, input_px)?;
    let _lock = claim(folder)?;
    write_model_folder(&network, folder, &card)?;
    print_lines(&[folder.display().to_string()])
}

/// The side that `--input-size` names.
fn square(args: &ImportModelArgs) -> anyhow::Result<Option<u32>> {
    match args.input.input_size {
        Some([width, height]) if width != height => Err(hinted(
            format!("--input-size {width}x{height}: these networks take squares"),
            "name one side",
        )),
        size => Ok(size.map(|[side, _]| side)),
    }
}

/// Of a graph: the network known here whose layers it has, which can be trained on; a graph that turns out to compute
/// something else is refused.
fn make_of_layers(args: &ImportModelArgs, folder: &Path, architecture: Architecture) -> anyhow::Result<()> {
    check_vacant(folder)?;
    let mut parts = split_graph(&args.file, &args.input.overrides())?;
    parts.notes.iter().for_each(say);
    rescale(&mut parts, architecture)?;
    let layers: Vec<Layer> = parts.layers.into_iter().map(layer).collect();
    let network = network_of_layers(&args.file, architecture, &layers, &device("cpu")?)?;
    say(format!("{architecture}: {} layers with weights", layers.len()));
    let input_px = square(args)?.unwrap_or(parts.embedder.spec().input_size.0);
    let card = card_of(&network, args, input_px)?;
    let trial = tempfile::tempdir()?;
    write_model_folder(&network, trial.path(), &card)?;
    let (plain, engine) = (PreprocessOverrides::default(), EngineConfig::default());
    if !OnnxEmbedder::load(&trial.path().join(GRAPH), &plain, &engine)?.agrees_with(&parts.embedder)? {
        return Err(hinted(
            format!("{}: has the layers of {architecture} and gives other embeddings", args.file.display()),
            "import it as it is, without --backbone",
        ));
    }
    let _lock = claim(folder)?;
    write_model_folder(&network, folder, &card)?;
    print_lines(&[folder.display().to_string()])
}

/// Has the first layer take pixels that are normalised as the architecture's are.
fn rescale(parts: &mut SplitGraph, architecture: Architecture) -> anyhow::Result<()> {
    let Normalization { mean, deviation } = architecture.normalization();
    let Some(GraphLayer::Affine { shape, weight, .. }) = parts.layers.first_mut() else {
        anyhow::bail!("the graph has no layers with weights");
    };
    let plane = shape[2..].iter().product::<usize>().max(1);
    for channel in 0..3 {
        let (mean, deviation) = (255.0 * mean[channel], 255.0 * deviation[channel]);
        // The black around a picture has to mean the same to both, as the first layer pads with it.
        let black = mean * parts.scale[channel] + parts.shift[channel];
        if black.abs() > 1e-3 {
            return Err(hinted(
                format!("{architecture} subtracts {mean} from pixels, and the graph something else"),
                "name how pixels enter with --normalize, or import the graph as it is, without --backbone",
            ));
        }
        let factor = deviation * parts.scale[channel];
        for filter in weight.chunks_exact_mut(3 * plane) {
            filter[channel * plane..][..plane].iter_mut().for_each(|weight| *weight *= factor);
        }
    }
    Ok(())
}

fn layer(layer: GraphLayer) -> Layer {
    match layer {
        GraphLayer::Affine { shape, weight, bias } => Layer::Product { shape, weight, bias },
        GraphLayer::BatchNorm { scale, shift, mean, variance, epsilon, follows_affine } => {
            Layer::Norm { scale, shift, mean, variance, epsilon, of_product: follows_affine }
        }
        GraphLayer::PRelu(slopes) => Layer::Slopes(slopes),
    }
}

/// What is known of a network that is imported.
fn card_of(network: &Network, args: &ImportModelArgs, input_px: u32) -> anyhow::Result<ModelCard> {
    let architecture = network.config().backbone.architecture;
    let entry = by_checksum(&sha256_of(&args.file)?.0);
    let known = |said: &Option<String>, of_entry: Option<&String>, otherwise: &str| {
        said.clone().or_else(|| of_entry.cloned()).unwrap_or_else(|| otherwise.to_owned())
    };
    let file = args.file.file_stem().unwrap_or_default().to_string_lossy();
    let licence = known(&args.licence, entry.map(|e| &e.licence), "not stated");
    if args.licence.is_none() && entry.is_none() {
        say("no licence is known for this file");
    }
    Ok(ModelCard {
        name: known(&args.name, entry.map(|e| &e.name), &file),
        input_px,
        alignment: match args.alignment {
            Some(AlignmentArg::Arcface) => OfTraining::Arcface,
            Some(AlignmentArg::None) => OfTraining::None,
            None if architecture.is_for_aligned_faces() => OfTraining::Arcface,
            None => OfTraining::None,
        },
        licence,
        source: known(&args.source, entry.map(|e| &e.source), &format!("imported from {file}")),
        notes: BTreeMap::new(),
    })
}
