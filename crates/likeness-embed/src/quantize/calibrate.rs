//! Calibration: faces enter, the values of every activation are recorded, and a quantised network leaves.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;
use likeness_search::Distance;
use sha2::{Digest, Sha256};

use super::{Original, Quantized, refused};
use crate::{EmbedError, Embedder, OnnxEmbedder, Result};
use likeness_engine::graph::{Graph, Node, ValueId};
use likeness_engine::quantize::{self, Clipping, Histogram, Ranges, Sites, equalize};
use likeness_engine::{EngineConfig, Output};
use likeness_model::preprocess::PreprocessOverrides;

/// Records the values of a network's activations, to quantise the network. Clones share what was recorded.
#[derive(Clone)]
pub struct Calibrator(Arc<Watched>);

struct Watched {
    original: Original,
    /// Number of feature maps whose channels were equalised.
    scaled: usize,
    sites: Sites,
    /// The network with every quantised value as a further output.
    probe: OnnxEmbedder,
    outputs: usize,
    values: Vec<ValueId>,
    seen: Vec<Mutex<Seen>>,
    faces: AtomicUsize,
    kept: Mutex<Kept>,
}

/// Statistics of one value of the graph.
#[derive(Debug, Default)]
struct Seen {
    histogram: Histogram,
    /// The largest magnitude of each channel.
    channels: Vec<f32>,
}

impl Seen {
    /// Adds the values of an output; false if one is NaN or infinite.
    fn add(&mut self, output: &Output) -> bool {
        let channels = output.shape.get(1).copied().unwrap_or(1);
        let pixels = output.shape.iter().skip(2).product::<usize>().max(1);
        self.channels.resize(channels, 0.0);
        for (at, plane) in output.data.chunks(pixels).enumerate() {
            let most = &mut self.channels[at % channels];
            *most = plane.iter().fold(*most, |most, v| most.max(v.abs()));
        }
        self.histogram.add(&output.data)
    }
}

/// Faces with their embeddings, by the face's checksum, so that the choice does not depend on the order of threads.
type Kept = BTreeMap<[u8; 32], (RgbImage, Vec<f32>)>;

/// Number of faces that are kept to compare quantised networks on.
const KEPT: usize = 64;

/// A variant is clearly closer to the original if its distance is at most this share of the default variant's.
const CLEARLY: f64 = 0.75;

/// The least similarity that is clearly closer to the original than `similarity`.
fn clearly(similarity: f64) -> f64 {
    1.0 - CLEARLY * (1.0 - similarity)
}

/// Clipping methods that are compared, the default first.
const TRIED: [Clipping; 5] = [
    Clipping::SquaredError,
    Clipping::Percentile(1e-5),
    Clipping::Percentile(1e-4),
    Clipping::Percentile(1e-3),
    Clipping::MinMax,
];

impl Calibrator {
    /// Opens the network that `model` names: an ONNX file, a model folder or a run.
    ///
    /// # Errors        no ONNX network that can be read, or no layer to quantise → [`EmbedError::BadModel`]
    pub fn open(model: &str, overrides: &PreprocessOverrides) -> Result<Self> {
        let mut original = Original::open(model, overrides)?;
        let is_rounded = |n: &Node| n.op == "QuantizeLinear" || n.op == "DequantizeLinear";
        if original.graph.nodes.iter().any(is_rounded) {
            return Err(refused(&original.path, "it is quantised already"));
        }
        quantize::raise_opset(&mut original.graph).map_err(|e| refused(&original.path, &e.to_string()))?;
        Self::of(original, 0)
    }

    fn of(original: Original, scaled: usize) -> Result<Self> {
        let sites = Sites::of(&original.graph);
        if sites.layers.is_empty() {
            return Err(refused(
                &original.path,
                "it has no convolutions or linear layers of more than 4 channels",
            ));
        }
        let probe = probe(&original, &sites)?;
        let values: Vec<ValueId> = sites.values.iter().copied().collect();
        let seen = values.iter().map(|_| Mutex::default()).collect();
        let outputs = original.graph.outputs.len();
        let faces = AtomicUsize::new(0);
        Ok(Self(Arc::new(Watched {
            original,
            scaled,
            sites,
            probe,
            outputs,
            values,
            seen,
            faces,
            kept: Mutex::default(),
        })))
    }

    /// Runs the network on `faces` and records the values of its activations.
    ///
    /// # Errors        a face of another size → [`EmbedError::BadArgument`]; activations that are NaN or infinite →
    /// [`EmbedError::BadOutput`]; a failure of the engine
    pub fn observe(&self, faces: &[RgbImage]) -> Result<()> {
        self.observed(faces).map(drop)
    }

    /// As [`observe`](Self::observe); returns the embeddings of the faces before they are scaled to unit length.
    pub(super) fn observed(&self, faces: &[RgbImage]) -> Result<Vec<f32>> {
        let watched = &*self.0;
        let spec = watched.original.embedder.spec();
        let bad =
            |reason: &str| EmbedError::BadOutput { model: spec.name.clone(), reason: reason.to_owned() };
        let mut values = Vec::with_capacity(faces.len() * spec.dimension);
        for face in faces {
            let outputs = watched.probe.outputs(face)?;
            let embedding =
                outputs.get(watched.probe.embedding_output()).ok_or_else(|| bad("gives nothing"))?;
            let embedding = &embedding.data[..spec.dimension];
            values.extend_from_slice(embedding);
            let mut kept = watched.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(Sha256::digest(face.as_raw()).into(), (face.clone(), embedding.to_vec()));
            if kept.len() > KEPT {
                kept.pop_last();
            }
            drop(kept);
            for (seen, output) in watched.seen.iter().zip(&outputs[watched.outputs..]) {
                if !seen.lock().unwrap_or_else(PoisonError::into_inner).add(output) {
                    return Err(bad("gives activations that are no numbers (NaN or infinity)"));
                }
            }
            watched.faces.fetch_add(1, Ordering::Relaxed);
        }
        Ok(values)
    }

    /// The embedder of the network that is calibrated.
    pub(super) fn embedder(&self) -> &OnnxEmbedder {
        &self.0.original.embedder
    }

    /// The number of faces that were observed.
    pub fn faces(&self) -> usize {
        self.0.faces.load(Ordering::Relaxed)
    }

    /// A calibrator of the same network with equalised channels, which has to observe the same faces; `None` if no channel
    /// can be scaled.
    ///
    /// # Errors        a graph beyond the format's limits → [`EmbedError::BadModel`]
    pub fn equalized(&self) -> Result<Option<Self>> {
        let watched = &*self.0;
        let channels =
            |seen: &Mutex<Seen>| seen.lock().unwrap_or_else(PoisonError::into_inner).channels.clone();
        let magnitudes = watched.values.iter().copied().zip(watched.seen.iter().map(channels)).collect();
        let mut original = watched.original.clone();
        match equalize(&mut original.graph, &magnitudes) {
            0 => Ok(None),
            scaled => Self::of(original, scaled).map(Some),
        }
    }

    /// The int8 network whose embeddings are closest to the original's.
    ///
    /// Candidates are this network and `equalized`, which must have observed the same faces, with the given clipping or,
    /// without one, with every clipping method. The default is this network with the least squared error; another
    /// candidate replaces it only if it is clearly closer. Closeness is the mean cosine similarity over at most 64 of the
    /// observed faces; no labels are needed.
    ///
    /// # Errors        as those of [`quantized`](Self::quantized)
    pub fn closest(&self, equalized: Option<&Self>, clipping: Option<Clipping>) -> Result<Quantized> {
        let try_one = |network: &Self, clipping: Clipping| -> Result<(f64, Clipping, Quantized)> {
            let quantized = network.quantized(clipping)?;
            Ok((self.similarity(&quantized)?, clipping, quantized))
        };
        let usual = clipping.unwrap_or(TRIED[0]);
        let (mut network, mut closest) = (self, try_one(self, usual)?);
        let mut ways = 1;
        if let Some(even) = equalized {
            let tried = try_one(even, usual)?;
            ways += 1;
            if tried.0 > clearly(closest.0) {
                (network, closest) = (even, tried);
            }
        }
        let clear = clearly(closest.0);
        for clipping in TRIED.iter().filter(|_| clipping.is_none()).filter(|tried| **tried != usual) {
            let tried = try_one(network, *clipping)?;
            ways += 1;
            if tried.0 > closest.0.max(clear) {
                closest = tried;
            }
        }
        let (similarity, clipping, mut quantized) = closest;
        quantized.summary =
            format!("{}; {clipping}, chosen of {ways} ways ({similarity:.4})", quantized.summary);
        Ok(quantized)
    }

    /// Mean cosine similarity between the embeddings of the original and of `quantized`.
    fn similarity(&self, quantized: &Quantized) -> Result<f64> {
        let quantized = OnnxEmbedder::from_bytes(
            &self.0.original.path,
            quantized.graph.clone(),
            quantized.preprocess.clone(),
            &EngineConfig::default(),
        )?;
        let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sum = 0.0;
        for (face, expected) in kept.values() {
            // A face that loses its direction altogether counts as lost.
            let found = quantized.embed(std::slice::from_ref(face)).unwrap_or_default();
            sum += if found.is_empty() { 0.0 } else { 1.0 - Distance::Cosine.between(&found, expected) };
        }
        Ok(sum / kept.len().max(1) as f64)
    }

    /// The int8 network for the recorded ranges.
    ///
    /// # Errors        no face was observed → [`EmbedError::BadArgument`]; a graph beyond the format's limits →
    /// [`EmbedError::BadModel`]
    pub fn quantized(&self, clipping: Clipping) -> Result<Quantized> {
        let watched = &*self.0;
        if self.faces() == 0 {
            let reason = "no face was seen, so the ranges of the activations are not known".to_owned();
            return Err(EmbedError::BadArgument {
                reason,
                hint: Some("name photos with --calibrate".to_owned()),
            });
        }
        let range = |seen: &Mutex<Seen>| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).histogram.range(clipping)
        };
        let ranges: Ranges = watched.values.iter().copied().zip(watched.seen.iter().map(range)).collect();
        let mut graph = watched.original.graph.clone();
        quantize::quantize(&mut graph, &watched.sites, &ranges)
            .map_err(|e| refused(&watched.original.path, &e.to_string()))?;
        let even = match watched.scaled {
            0 => String::new(),
            maps => format!(", channels equalised in {maps} feature maps"),
        };
        let summary = format!(
            "{} int8 layers with a scale for each channel, {} uint8 activations{even}, ranges from {} faces",
            watched.sites.layers.len(),
            watched.values.len(),
            self.faces()
        );
        watched.original.quantized(&graph, "int8", summary)
    }
}

/// The network with its quantised values as outputs after its own.
fn probe(original: &Original, sites: &Sites) -> Result<OnnxEmbedder> {
    let mut graph: Graph = original.graph.clone();
    let shapes = vec![vec![1]; graph.outputs.len() + sites.values.len()];
    graph.outputs.extend(sites.values.iter().map(|v| (format!("site_{v}"), *v)));
    let bytes = graph.write(&shapes).map_err(|e| refused(&original.path, &e.to_string()))?;
    let preprocess = original.embedder.preprocess();
    OnnxEmbedder::from_bytes(&original.path, bytes, preprocess, &EngineConfig::default())
}
