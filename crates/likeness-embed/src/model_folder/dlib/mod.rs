//! Makes a model folder of dlib's face recognition network (`dlib_face_recognition_resnet_model_v1.dat`).
//!
//! 1. [`stream`] reads the values of dlib's stream format.
//! 2. [`identify`] names the model in a file, so that other models of dlib are rejected by name.
//! 3. [`network`] reads the layers, and folds each affine layer into the convolution before it.
//! 4. [`graph`] writes them as an ONNX graph.
//!
//! The input is a face of 150×150 pixels that was cropped by dlib's landmarks; embeddings are compared with the Euclidean
//! distance and have no unit length.
//!
//! Reference: Davis E. King (2017), "High Quality Face Recognition with Deep Metric Learning", dlib.net.

mod fault;
mod graph;
mod identify;
mod network;
mod stream;

use std::path::Path;

use likeness_artifact::sha256_hex;
use likeness_model::folder::{check_vacant, write};
use likeness_model::preprocess::{ChannelOrder, Preprocess};
use likeness_model::{Alignment, ModelDescription};
use likeness_search::Distance;

use super::{Card, Made};
use crate::{EmbedError, Result};
pub use fault::DlibFault;
use network::Network;

/// SHA-256 of the published file.
const PUBLISHED: &str = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30";
const NAME: &str = "dlib-face";
const ARCHITECTURE: &str = "dlib-resnet";
const SOURCE: &str =
    "dlib_face_recognition_resnet_model_v1.dat by Davis King, github.com/davisking/dlib-models";
const LICENCE: &str = "CC0-1.0";
/// Divides pixels after the subtraction of the mean (`input_rgb_image_sized` in dlib).
const STD: f32 = 256.0;
/// The size of files that are read. The network has 22,466,066 bytes, and the largest other model of dlib has 100 MB.
const MAX_BYTES: u64 = 1 << 28;

/// Makes a model folder of the dlib file at `path`.
///
/// # Errors        another model of dlib, a truncated or damaged file, a folder that holds files →
/// [`EmbedError::BadModel`]; the file system
pub fn make_from_dlib(path: &Path, folder: &Path, card: Card) -> Result<Made> {
    check_vacant(folder)?;
    let bytes = read(path)?;
    let (graph, preprocess) = graph_of_dlib(path, &bytes)?;
    let mut notes = Vec::new();
    let is_published = sha256_hex(&bytes) == PUBLISHED;
    if !is_published {
        notes.push("the weights are not those of the file that dlib publishes".to_owned());
    }
    let licence = card.licence.or_else(|| is_published.then(|| LICENCE.to_owned())).unwrap_or_else(|| {
        notes.push("no licence is known for this file".to_owned());
        "not stated".to_owned()
    });
    let description = ModelDescription {
        name: Some(card.name.unwrap_or_else(|| NAME.to_owned())),
        architecture: Some(ARCHITECTURE.to_owned()),
        dimension: Some(network::DIMENSION),
        distance: Some(Distance::Euclidean),
        alignment: Some(card.alignment.unwrap_or(Alignment::Dlib)),
        licence: Some(licence),
        source: card.source.or_else(|| is_published.then(|| SOURCE.to_owned())),
        ..ModelDescription::default()
    };
    let description = write(folder, &graph, description, &preprocess)?;
    Ok(Made { description, notes })
}

/// The ONNX graph and the preprocessing of the network in `bytes`, the content of the dlib file at `path`.
///
/// # Errors        another model of dlib, a truncated or damaged file → [`EmbedError::BadModel`], naming `path`
pub fn graph_of_dlib(path: &Path, bytes: &[u8]) -> Result<(Vec<u8>, Preprocess)> {
    let network = Network::read(bytes).map_err(|fault| bad(path, &fault))?;
    Ok((graph::write(&network)?, preprocess(&network)))
}

fn preprocess(network: &Network) -> Preprocess {
    Preprocess {
        input_size: Some([network::SIDE_PX; 2]),
        channels: ChannelOrder::Rgb,
        mean: network.mean,
        std: [STD; 3],
        unit_length: false,
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let found = fs_err::metadata(path)?.len();
    if found > MAX_BYTES {
        return Err(bad(path, &DlibFault::TooLong { found, expected: MAX_BYTES }));
    }
    Ok(fs_err::read(path)?)
}

fn bad(path: &Path, fault: &DlibFault) -> EmbedError {
    EmbedError::BadModel {
        path: path.to_owned(),
        reason: fault.to_string(),
        hint: Some(fault.hint().to_owned()),
    }
}
