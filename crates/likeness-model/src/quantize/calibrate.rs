//! An embedder that watches: faces enter, embeddings leave, and what values every activation takes is counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;
use likeness_search::Distance;
use sha2::{Digest, Sha256};

use super::place::{self, Ranges, Sites};
use super::range::{Clipping, Histogram};
use super::{Original, Rounded, refused};
use crate::engine::graph::{Graph, Node, ValueId};
use crate::engine::{EngineConfig, OnnxEmbedder};
use crate::preprocess::PreprocessOverrides;
use crate::{Embedder, EmbedderSpec, ModelError, Result};

/// A network under observation; copies observe together.
#[derive(Clone)]
pub struct Calibrator(Arc<Watched>);

struct Watched {
    original: Original,
    sites: Sites,
    /// The network with every site as a further output.
    probe: OnnxEmbedder,
    outputs: usize,
    values: Vec<ValueId>,
    seen: Vec<Mutex<Histogram>>,
    faces: AtomicUsize,
    kept: Mutex<Kept>,
}

/// Some of the faces with their embeddings, by the face's checksum, so that threads do not decide which.
type Kept = BTreeMap<[u8; 32], (RgbImage, Vec<f32>)>;

/// Faces that are kept to compare ways of clipping on.
const KEPT: usize = 64;

/// What another way may leave of the first one's distance from the original: less is clearly closer, more is luck.
const CLEARLY: f64 = 0.75;

/// Ways of clipping that are compared, the usual one first.
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
    /// # Errors        no ONNX network that we can read, or nothing in it to quantise
    pub fn open(model: &str, overrides: &PreprocessOverrides) -> Result<Self> {
        let mut original = Original::open(model, overrides)?;
        let is_rounded = |n: &Node| n.op == "QuantizeLinear" || n.op == "DequantizeLinear";
        if original.graph.nodes.iter().any(is_rounded) {
            return Err(refused(&original.path, "it is quantised already"));
        }
        let sites = Sites::of(&original.graph);
        if sites.layers.is_empty() {
            return Err(refused(
                &original.path,
                "it has no convolutions or linear layers of more than 4 channels",
            ));
        }
        place::raise_opset(&mut original.graph).map_err(|reason| refused(&original.path, &reason))?;
        let probe = probe(&original, &sites)?;
        let values: Vec<ValueId> = sites.values.iter().copied().collect();
        let seen = values.iter().map(|_| Mutex::default()).collect();
        let outputs = original.graph.outputs.len();
        let faces = AtomicUsize::new(0);
        Ok(Self(Arc::new(Watched {
            original,
            sites,
            probe,
            outputs,
            values,
            seen,
            faces,
            kept: Mutex::default(),
        })))
    }

    /// Faces seen.
    pub fn faces(&self) -> usize {
        self.0.faces.load(Ordering::Relaxed)
    }

    /// The network of bytes for what was seen, clipped in the way that keeps embeddings closest to the original's;
    /// by the least squared error where no other is clearly closer.
    ///
    /// Closeness is the mean cosine similarity over the faces seen, at most 64 of them; no labels are needed.
    ///
    /// # Errors        as those of [`quantized`](Self::quantized)
    pub fn closest(&self) -> Result<Rounded> {
        let try_one = |clipping: Clipping| -> Result<(f64, Clipping, Rounded)> {
            let rounded = self.quantized(clipping)?;
            Ok((self.similarity(&rounded)?, clipping, rounded))
        };
        let mut closest = try_one(TRIED[0])?;
        let clear = 1.0 - CLEARLY * (1.0 - closest.0);
        for clipping in &TRIED[1..] {
            let tried = try_one(*clipping)?;
            if tried.0 > closest.0.max(clear) {
                closest = tried;
            }
        }
        let (similarity, clipping, mut rounded) = closest;
        rounded.summary =
            format!("{}; {clipping}, chosen of {} ways ({similarity:.4})", rounded.summary, TRIED.len());
        Ok(rounded)
    }

    /// Mean cosine similarity of embeddings by the original and by `rounded`.
    fn similarity(&self, rounded: &Rounded) -> Result<f64> {
        let folder = tempfile::tempdir()?;
        rounded.write(folder.path())?;
        let quantized = OnnxEmbedder::load_with(
            &folder.path().join("model.onnx"),
            rounded.preprocess.clone(),
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

    /// The network of bytes for what was seen.
    ///
    /// # Errors        no face was seen; a graph beyond the format's limits
    pub fn quantized(&self, clipping: Clipping) -> Result<Rounded> {
        let watched = &*self.0;
        if self.faces() == 0 {
            let reason = "no face was seen, so the ranges of the activations are not known".to_owned();
            return Err(ModelError::BadArgument {
                reason,
                hint: Some("name photos with --calibrate".to_owned()),
            });
        }
        let range =
            |seen: &Mutex<Histogram>| seen.lock().unwrap_or_else(PoisonError::into_inner).range(clipping);
        let ranges: Ranges = watched.values.iter().copied().zip(watched.seen.iter().map(range)).collect();
        let mut graph = watched.original.graph.clone();
        place::quantize(&mut graph, &watched.sites, &ranges)
            .map_err(|reason| refused(&watched.original.path, &reason))?;
        let summary = format!(
            "{} layers in bytes with weights for each channel, {} activations on grids of 256 steps, from {} faces",
            watched.sites.layers.len(),
            watched.values.len(),
            self.faces()
        );
        watched.original.rounded(&graph, "int8", summary)
    }
}

/// The network with its sites as outputs behind its own.
fn probe(original: &Original, sites: &Sites) -> Result<OnnxEmbedder> {
    let mut graph: Graph = original.graph.clone();
    let shapes = vec![vec![1]; graph.outputs.len() + sites.values.len()];
    graph.outputs.extend(sites.values.iter().map(|v| (format!("site_{v}"), *v)));
    let bytes = graph.write(&shapes).map_err(|reason| refused(&original.path, &reason))?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("probe.onnx");
    fs_err::write(&path, bytes)?;
    OnnxEmbedder::load_with(&path, original.embedder.preprocess(), &EngineConfig::default())
}

impl Embedder for Calibrator {
    fn spec(&self) -> &EmbedderSpec {
        self.0.original.embedder.spec()
    }

    fn embed(&self, faces: &[RgbImage]) -> Result<Vec<f32>> {
        let watched = &*self.0;
        let bad = |reason: &str| ModelError::BadOutput {
            model: self.spec().name.clone(),
            reason: reason.to_owned(),
        };
        let mut values = Vec::with_capacity(faces.len() * self.spec().dimension);
        for face in faces {
            let outputs = watched.probe.outputs(face)?;
            let embedding =
                outputs.get(watched.probe.embedding_output()).ok_or_else(|| bad("gives nothing"))?;
            let embedding = &embedding.data[..self.spec().dimension];
            values.extend_from_slice(embedding);
            let mut kept = watched.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(Sha256::digest(face.as_raw()).into(), (face.clone(), embedding.to_vec()));
            if kept.len() > KEPT {
                kept.pop_last();
            }
            drop(kept);
            for (seen, output) in watched.seen.iter().zip(&outputs[watched.outputs..]) {
                if !seen.lock().unwrap_or_else(PoisonError::into_inner).add(&output.data) {
                    return Err(bad("gives activations that are no numbers (NaN or infinity)"));
                }
            }
            watched.faces.fetch_add(1, Ordering::Relaxed);
        }
        crate::embedder::finish(
            self.spec(),
            &mut values,
            watched.original.embedder.preprocess().unit_length,
        )?;
        Ok(values)
    }
}
