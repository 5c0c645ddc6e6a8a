//! Embedders that run an ONNX graph on any engine.
//!
//! A call works on one thread: throughput comes from as many callers as there are cores, each with its own batch,
//! which keeps decoding and inference busy side by side without queues between them.

use std::path::Path;

use image::RgbImage;
use likeness_search::{Distance, Thresholds};
use sha2::{Digest, Sha256};

use crate::input::{write_pixels, write_planes};
use crate::{Cost, EmbedError, Embedder, EmbedderSpec, Result};
use likeness_engine::graph::Declared;
use likeness_engine::{Checked, Engine, EngineChoice, EngineConfig, EngineError, Output, Session, Weights};
use likeness_model::folder::preprocess_of;
use likeness_model::preprocess::{Preprocess, PreprocessOverrides};

/// Input size if neither the graph nor the settings state one: ArcFace's.
const DEFAULT_SIZE: u32 = 112;

/// Widest and tallest input of a graph, in pixels; a larger one is an accident or an attack.
const MAX_SIDE: usize = 4096;
/// Largest fixed batch of a graph.
const MAX_BATCH: usize = 256;
/// Most values in the smallest input of a graph: 1 GiB.
const MAX_VALUES: usize = 1 << 28;

/// Memory of the feature maps of one run on our own engine. Larger feature maps do not stay in the caches from one layer to
/// the next, which costs more than sharing the weights between more faces saves. ResNet50 is fastest with 1 face of 224
/// pixels or 4 of 112, MobileFaceNet with 4; this value is near the fastest for all of them.
const RUN_BYTES: usize = 40 << 20;

/// Embeddings of the same weights on two engines differ by less than this cosine distance, those of other weights by more.
const AGREEMENT: f64 = 1e-3;

/// An ONNX network that gives one vector for each picture.
pub struct OnnxEmbedder {
    spec: EmbedderSpec,
    preprocess: Preprocess,
    session: Session,
    /// A hasher that has been fed with the graph and the files of its weights.
    graph_hash: Sha256,
    /// The graph's file name, or the name it was given.
    file_name: String,
    /// Index of the output that is the embedding.
    output: usize,
    form: InputForm,
    cost: Cost,
}

/// Order of the input tensor's dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputLayout {
    /// batch, channel, height, width
    Nchw,
    /// batch, height, width, channel
    Nhwc,
}

impl OnnxEmbedder {
    /// Opens the ONNX file at `path` with the settings beside it, changed by `overrides`.
    ///
    /// # Errors        no or an unsupported ONNX graph, more than one input, an input that is no RGB picture, no output
    /// of one vector a picture → [`EmbedError::BadModel`]
    pub fn load(path: &Path, overrides: &PreprocessOverrides, engine: &EngineConfig) -> Result<Self> {
        let preprocess = preprocess_of(path, overrides)?;
        Self::open(&Checked::read(path)?, preprocess, engine)
    }

    /// Opens the bytes of an ONNX file with the given settings; errors call it `name`.
    ///
    /// # Errors        as those of [`load`](Self::load); weights in other files → [`EmbedError::BadModel`]
    pub fn from_bytes(
        name: &Path,
        bytes: Vec<u8>,
        preprocess: Preprocess,
        engine: &EngineConfig,
    ) -> Result<Self> {
        Self::open(&Checked::from_bytes(name, bytes)?, preprocess, engine)
    }

    /// Opens a graph with the given settings.
    ///
    /// # Errors        as those of [`load`](Self::load)
    pub(crate) fn open(checked: &Checked, preprocess: Preprocess, engine: &EngineConfig) -> Result<Self> {
        let (session, graph_hash) = std::thread::scope(|scope| {
            // Hashing a large file takes as long as packing its weights.
            let hash = scope.spawn(|| checked.hash());
            let session = Session::open(checked, Weights::Prepacked, engine)?;
            Ok::<_, EngineError>((session, hash.join().unwrap_or_else(|_| checked.hash())))
        })?;
        let embedder = Self::of_session(checked.path(), session, graph_hash, preprocess)?;
        // An external backend reads weights of its own, which must be those of the graph.
        if embedder.computed_by().kind == EngineChoice::Burn {
            let graph = Self::open(checked, embedder.preprocess(), &EngineConfig::default())?;
            if !embedder.agrees_with(&graph)? {
                return Err(EmbedError::BadModel {
                    path: checked.path().to_owned(),
                    reason: "the weights beside it give other embeddings than the graph".to_owned(),
                    hint: Some("copy the whole folder again, or take --engine auto".to_owned()),
                });
            }
        }
        Ok(embedder)
    }

    fn of_session(path: &Path, session: Session, graph_hash: Sha256, preprocess: Preprocess) -> Result<Self> {
        let bad = |reason: String, hint: Option<&str>| EmbedError::BadModel {
            path: path.to_owned(),
            reason,
            hint: hint.map(str::to_owned),
        };
        if session.inputs() != 1 {
            return Err(bad(format!("expected one input, found {}", session.inputs()), None));
        }
        let form = InputForm::of(session.declared()).map_err(|reason| bad(reason, None))?;
        let [width, height] = form.size_with(&preprocess);
        if let Some([w, h]) = form.size.filter(|graph| *graph != [width, height]) {
            let reason = format!("the graph takes {w}×{h} pixels, the settings say {width}×{height}");
            return Err(bad(
                reason,
                Some("leave --input-size out, or remove input_size from the settings beside it"),
            ));
        }
        let values = form.batch.unwrap_or(1) * 3 * width as usize * height as usize;
        if values > MAX_VALUES {
            return Err(bad(
                format!("expected an input of at most {MAX_VALUES} numbers, found {values}"),
                None,
            ));
        }
        let spec = EmbedderSpec {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            fingerprint: String::new(),
            dimension: 0,
            input_size: (width, height),
            distance: Distance::Cosine,
            alignment: None,
            licence: None,
            thresholds: Thresholds::default(),
        };
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut embedder =
            Self { spec, preprocess, session, graph_hash, file_name, output: 0, form, cost: Cost::default() };
        embedder.spec.fingerprint = embedder.fingerprint_with(&embedder.preprocess)?;
        (embedder.output, embedder.spec.dimension) = embedder
            .find_output()
            .map_err(|reason| bad(reason, Some("an embedder takes one RGB picture and gives one vector")))?;
        embedder.cost = embedder.engine_cost();
        Ok(embedder)
    }

    /// The fingerprint that the same graph has with other settings.
    pub(crate) fn fingerprint_with(&self, preprocess: &Preprocess) -> Result<String> {
        let size = self.form.size_with(preprocess);
        let sized = Preprocess { input_size: Some(size), ..preprocess.clone() };
        let settings = serde_json::to_vec(&sized).map_err(std::io::Error::from)?;
        Ok(likeness_artifact::hex(self.graph_hash.clone().chain_update(settings).finalize()))
    }

    /// Whether `other` gives the same embeddings, up to rounding.
    ///
    /// # Errors        as [`embed`](Embedder::embed)
    pub fn agrees_with(&self, other: &Self) -> Result<bool> {
        self.is_within(other, AGREEMENT)
    }

    /// Whether both embedders give embeddings of the same dimension, whose cosine distance for a test picture is below
    /// `tolerance`.
    ///
    /// # Errors        an engine that fails
    pub fn is_within(&self, other: &Self, tolerance: f64) -> Result<bool> {
        let (width, height) = self.spec.input_size;
        let face = RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([(7 * x + 3 * y) as u8, (x * y) as u8, (5 * y + 90) as u8])
        });
        let [ours, others] = [self, other].map(|embedder| embedder.embed(std::slice::from_ref(&face)));
        let (ours, others) = (ours?, others?);
        Ok(ours.len() == others.len() && Distance::Cosine.between(&ours, &others) < tolerance)
    }

    /// Index and dimension of the first output that is one vector for each picture. Runs a grey picture if the engine does
    /// not know the shapes of its outputs without a run.
    fn find_output(&self) -> Result<(usize, usize), String> {
        let batch = self.form.batch.unwrap_or(1);
        let shapes = match self.session.output_shapes(self.shape(batch)) {
            Some(shapes) => shapes.map_err(|e| e.to_string())?,
            None => {
                let (width, height) = self.spec.input_size;
                let faces = vec![RgbImage::from_pixel(width, height, image::Rgb([127; 3])); batch];
                let outputs = self.run(&faces, None).map_err(|e| e.to_string())?;
                outputs.into_iter().map(|output| output.shape).collect()
            }
        };
        let mut found = Vec::new();
        for (id, shape) in shapes.into_iter().enumerate() {
            if shape.first() == Some(&batch)
                && shape.len() >= 2
                && shape[2..].iter().all(|&n| n == 1)
                && shape[1] > 1
            {
                return Ok((id, shape[1]));
            }
            found.push(format!("{shape:?}"));
        }
        Err(format!("expected an output of shape [{batch}, dimension], found {}", found.join(", ")))
    }

    /// What a run costs: as many faces as are near the fastest on the engine, and their memory if the engine plans it.
    fn engine_cost(&self) -> Cost {
        let fixed = self.form.batch;
        let bytes = self.session.run_bytes(self.shape(fixed.unwrap_or(1)));
        let face_bytes = bytes.map(|bytes| bytes / fixed.unwrap_or(1));
        let run_faces = match (fixed, self.computed_by().kind) {
            (Some(fixed), _) => Some(fixed),
            (None, EngineChoice::Burn) => None,
            (None, EngineChoice::OnnxRuntime) => Some(8),
            (None, EngineChoice::Rten) => Some(4),
            (None, EngineChoice::Direct | EngineChoice::Auto) => {
                Some((RUN_BYTES / face_bytes.unwrap_or(0).max(1)).clamp(1, MAX_BATCH))
            }
        };
        Cost { run_faces, face_bytes }
    }

    fn run(&self, faces: &[RgbImage], wanted: Option<&[usize]>) -> Result<Vec<Output>, EngineError> {
        let (width, height) = self.spec.input_size;
        let pixels = width as usize * height as usize;
        let fill = |values: &mut [f32]| {
            for (face, values) in faces.iter().zip(values.chunks_exact_mut(3 * pixels)) {
                match self.form.layout {
                    InputLayout::Nchw => write_planes(&self.preprocess, face, values),
                    InputLayout::Nhwc => write_pixels(&self.preprocess, face, values),
                }
            }
        };
        self.session.run(self.shape(faces.len()), fill, wanted)
    }

    /// The input's shape for a batch.
    fn shape(&self, batch: usize) -> [usize; 4] {
        let (width, height) = (self.spec.input_size.0 as usize, self.spec.input_size.1 as usize);
        match self.form.layout {
            InputLayout::Nchw => [batch, 3, height, width],
            InputLayout::Nhwc => [batch, height, width, 3],
        }
    }

    /// How a face becomes the input tensor, its size included.
    pub(crate) fn preprocess(&self) -> Preprocess {
        let (width, height) = self.spec.input_size;
        Preprocess { input_size: Some([width, height]), ..self.preprocess.clone() }
    }

    /// The graph's file name, or the name it was given.
    pub(crate) fn file_name(&self) -> &str {
        &self.file_name
    }

    /// The engine that runs the graph.
    pub(crate) fn computed_by(&self) -> &Engine {
        self.session.engine()
    }

    /// All outputs for one face.
    ///
    /// # Errors        a face of another size, an engine's failure
    pub(crate) fn outputs(&self, face: &RgbImage) -> Result<Vec<Output>> {
        crate::embedder::check_sizes(&self.spec, std::slice::from_ref(face))?;
        let faces = vec![face.clone(); self.form.batch.unwrap_or(1)];
        self.run(&faces, None).map_err(|e| self.run_error(e))
    }

    fn run_error(&self, cause: EngineError) -> EmbedError {
        EmbedError::of_run(&self.spec.name, cause)
    }

    /// Which of the outputs is the embedding.
    pub(crate) fn embedding_output(&self) -> usize {
        self.output
    }

    /// The embeddings of the faces of one run.
    fn embed_batch(&self, faces: &[RgbImage]) -> Result<Vec<f32>> {
        let outputs = self.run(faces, Some(&[self.output])).map_err(|e| self.run_error(e))?;
        let values = outputs.into_iter().next().map(|o| o.data).unwrap_or_default();
        let expected = faces.len() * self.spec.dimension;
        if values.len() != expected {
            let reason =
                format!("expected {expected} values for {} pictures, found {}", faces.len(), values.len());
            return Err(EmbedError::BadOutput { model: self.spec.name.clone(), reason });
        }
        Ok(values)
    }
}

impl Embedder for OnnxEmbedder {
    fn spec(&self) -> &EmbedderSpec {
        &self.spec
    }

    fn engine(&self) -> Option<&Engine> {
        Some(self.computed_by())
    }

    fn cost(&self) -> Cost {
        self.cost
    }

    fn embed(&self, faces: &[RgbImage]) -> Result<Vec<f32>> {
        crate::embedder::check_sizes(&self.spec, faces)?;
        let mut values = Vec::with_capacity(faces.len() * self.spec.dimension);
        // Runs of about the same length.
        let most = self.cost.run_faces.unwrap_or(usize::MAX);
        let even = faces.len().div_ceil(faces.len().div_ceil(most).max(1));
        for batch in faces.chunks(self.form.batch.unwrap_or(even).max(1)) {
            let mut padded = Vec::new();
            let full = match self.form.batch {
                Some(size) if batch.len() < size => {
                    padded.extend_from_slice(batch);
                    padded.resize(size, batch[0].clone());
                    padded.as_slice()
                }
                _ => batch,
            };
            let mut embedded = self.embed_batch(full)?;
            embedded.truncate(batch.len() * self.spec.dimension);
            values.append(&mut embedded);
        }
        crate::embedder::finish(&self.spec, &mut values, self.preprocess.unit_length)?;
        Ok(values)
    }
}

/// The form of a graph's input tensor.
struct InputForm {
    layout: InputLayout,
    /// Pictures in a run; `None` is any number.
    batch: Option<usize>,
    /// Width and height; `None` is any size.
    size: Option<[u32; 2]>,
}

impl InputForm {
    /// The form that a graph declares.
    ///
    /// # Errors        the reason why the input is no batch of RGB pictures
    fn of(declared: &Declared) -> Result<Self, String> {
        if !declared.is_float {
            return Err("expected an input of 32-bit floats".to_owned());
        }
        let Some(shape) = &declared.shape else {
            return Ok(Self { layout: InputLayout::Nchw, batch: None, size: None });
        };
        let fixed = |at: usize| shape.get(at).copied().flatten();
        if shape.len() != 4 {
            return Err(format!(
                "expected an input of 4 dimensions (a batch of pictures), found {}",
                shape.len()
            ));
        }
        let (layout, height, width) = match (fixed(1), fixed(3)) {
            (Some(3), _) | (None, None) => (InputLayout::Nchw, fixed(2), fixed(3)),
            (_, Some(3)) => (InputLayout::Nhwc, fixed(1), fixed(2)),
            (channels, _) => {
                let found = channels.map_or("an unknown number".to_owned(), |n| n.to_string());
                return Err(format!("expected an input of 3 channels, found {found}"));
            }
        };
        for (what, found, most) in
            [("batch", fixed(0), MAX_BATCH), ("width", width, MAX_SIDE), ("height", height, MAX_SIDE)]
        {
            if found.is_some_and(|n| n > most) {
                let found = found.unwrap_or_default();
                return Err(format!("expected an input {what} of at most {most}, found {found}"));
            }
        }
        let size = width.zip(height).map(|(w, h)| [w as u32, h as u32]);
        Ok(Self { layout, batch: fixed(0).filter(|&n| n > 0), size })
    }

    /// Width and height of the input: those of the settings, else of the graph, else the default.
    fn size_with(&self, preprocess: &Preprocess) -> [u32; 2] {
        preprocess.input_size.or(self.size).unwrap_or([DEFAULT_SIZE; 2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_longer_than_a_run_are_several() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/onnx/good.onnx");
        let load = |choice| {
            let config = EngineConfig { choice, ..EngineConfig::default() };
            OnnxEmbedder::load(&path, &PreprocessOverrides::default(), &config).unwrap()
        };
        for (choice, expected) in [(EngineChoice::Direct, MAX_BATCH), (EngineChoice::Rten, 4)] {
            let mut embedder = load(choice);
            assert_eq!(embedder.cost().run_faces, Some(expected), "{choice}");
            assert_eq!(embedder.cost().face_bytes.is_some(), choice == EngineChoice::Direct);
            let (width, height) = embedder.spec().input_size;
            let face = |v: u8| RgbImage::from_fn(width, height, |x, y| image::Rgb([v, x as u8, y as u8]));
            let faces: Vec<_> = (0..9).map(|v| face(28 * v)).collect();
            let one_by_one: Vec<f32> =
                faces.iter().flat_map(|f| embedder.embed(std::slice::from_ref(f)).unwrap()).collect();
            for most in [1, 2, 4, 7, 9, usize::MAX] {
                embedder.cost.run_faces = Some(most);
                for (a, b) in embedder.embed(&faces).unwrap().iter().zip(&one_by_one) {
                    assert!((a - b).abs() < 1e-5, "{choice}, {most}: {a} {b}");
                }
                assert!(embedder.embed(&[]).unwrap().is_empty());
            }
        }
    }

    #[test]
    fn a_graph_in_memory_gives_what_its_file_gives() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/onnx");
        let (plain, engine) = (PreprocessOverrides::default(), EngineConfig::default());
        let file = OnnxEmbedder::load(&golden.join("good.onnx"), &plain, &engine).unwrap();
        let open =
            |name: &str, bytes| OnnxEmbedder::from_bytes(Path::new(name), bytes, file.preprocess(), &engine);
        let bytes = fs_err::read(golden.join("good.onnx")).unwrap();
        let memory = open("in memory", bytes).unwrap();
        assert_eq!(memory.spec().fingerprint, file.spec().fingerprint);
        assert_eq!(memory.spec().name, "in memory");
        let (width, height) = file.spec().input_size;
        let face = [RgbImage::from_pixel(width, height, image::Rgb([90, 120, 150]))];
        assert_eq!(memory.embed(&face).unwrap(), file.embed(&face).unwrap());
        let other = Preprocess { unit_length: !file.preprocess().unit_length, ..file.preprocess() };
        assert_ne!(file.fingerprint_with(&other).unwrap(), file.spec().fingerprint);
        let error = open("broken", vec![7; 40]).err().unwrap();
        assert!(error.to_string().starts_with("broken: is no ONNX graph"), "{error}");
        let error = open("far", fs_err::read(golden.join("external.onnx")).unwrap()).err().unwrap();
        assert!(error.to_string().contains("expected all of them in the graph"), "{error}");
    }
}
