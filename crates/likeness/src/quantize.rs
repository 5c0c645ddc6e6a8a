//! Makes a smaller network with int8 or half-precision weights, and measures what that costs.

use std::path::{Path, PathBuf};

use likeness_embed::load_embedder;
use likeness_embed::quantize::{CalibrationFeed, Calibrator, Clipping, Quantized, halve};
use likeness_model::ModelDescription;
use likeness_model::folder::{GRAPH, check_vacant, graph_at};
use likeness_search::{Distance, EmbeddingTable, EvaluateConfig, Evaluation, Protocol, evaluate};

use crate::context::Context;
use crate::loader::Loader;
use crate::options::{ModelChoice, PhotoOptions};
use crate::{Result, invalid, trained};

/// What the weights become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightType {
    /// Signed bytes; activations become unsigned bytes.
    Int8,
    /// Half precision in the file; single precision while the network runs.
    F16,
}

/// How a network is quantised.
#[derive(Debug, Clone)]
pub struct QuantizeOptions {
    /// The network: an ONNX file, a model folder, or a run.
    pub model: String,
    /// The new model folder.
    pub output: PathBuf,
    /// What the weights become.
    pub weights: WeightType,
    /// Photos that the ranges of activations are learned from; int8 needs some.
    pub calibrate: Option<PathBuf>,
    /// Only this split of them.
    pub calibrate_split: Option<String>,
    /// Photos that are calibrated on at most, evenly spread.
    pub photos: usize,
    /// How ranges are clipped; `None` tries all ways.
    pub clipping: Option<Clipping>,
    /// Labelled photos that the cost is measured on; `None` takes those of `calibrate`.
    pub measure: Option<PathBuf>,
    /// Only this split of them.
    pub measure_split: Option<String>,
    /// How photos are found and read.
    pub reading: PhotoOptions,
}

/// Retrieval before and after, on the same photos.
#[derive(Debug, Clone)]
pub struct Cost {
    /// Metrics of the original network.
    pub before: Evaluation,
    /// Metrics of the quantised network.
    pub after: Evaluation,
    /// Mean cosine similarity of each photo's embeddings by both networks.
    pub similarity: f64,
}

/// A network that was quantised.
#[derive(Debug, Clone)]
pub struct QuantizedModel {
    /// The description of the new network.
    pub description: ModelDescription,
    /// What was done, as a sentence.
    pub summary: String,
    /// Bytes of the original graph.
    pub bytes_before: u64,
    /// Bytes of the new graph.
    pub bytes_after: u64,
    /// What it costs, or why that is not known.
    pub cost: Result<Cost, String>,
}

/// Embedded photos with labels, or why there are none.
type Measurable = Result<EmbeddingTable, String>;

/// Quantises a network and writes it as a new model folder.
///
/// # Errors        no ONNX network, an output that holds files, int8 without photos, photos that cannot be read
pub fn quantize(options: &QuantizeOptions, context: Context<'_>) -> Result<QuantizedModel> {
    let original = graph_at(Path::new(&options.model))?;
    let place = fs_err::canonicalize(options.output.join(GRAPH)).ok();
    if place.is_some() && place == fs_err::canonicalize(&original).ok() {
        return Err(invalid(
            format!("{}: the quantised network would replace its original", options.output.display()),
            "name another folder with -o",
        ));
    }
    check_vacant(&options.output)?;
    if options.weights == WeightType::Int8 && options.calibrate.is_none() {
        return Err(invalid(
            "int8 needs photos to calibrate the ranges of the activations on",
            "name some with --calibrate; a few hundred are enough, and they need no labels",
        ));
    }
    // First, because it shows whether the photos can be measured with.
    let before = embedded(options, &options.model, context)?;
    let quantized = match (options.weights, &options.calibrate) {
        (WeightType::Int8, Some(photos)) => calibrated(options, photos, context)?,
        _ => halve(&options.model, &Default::default())?,
    };
    context.note(&quantized.summary);
    let description = quantized.write(&options.output)?;
    trained::copy_list(Path::new(&options.model), &options.output)?;
    Ok(QuantizedModel {
        description,
        bytes_before: fs_err::metadata(&original)?.len(),
        bytes_after: quantized.bytes() as u64,
        cost: measured(options, before, context)?,
        summary: quantized.summary,
    })
}

fn calibrated(options: &QuantizeOptions, photos: &Path, context: Context<'_>) -> Result<Quantized> {
    let model = ModelChoice::named(&options.model);
    let observe = |calibrator: &Calibrator| {
        let loader = Loader::new(&model, &options.reading, context)
            .using(Box::new(CalibrationFeed::new(calibrator)), Some(options.photos));
        loader.load(&[photos.to_owned()], options.calibrate_split.as_deref()).map(drop)
    };
    let calibrator = Calibrator::open(&options.model, &Default::default())?;
    observe(&calibrator)?;
    let equalized = calibrator.equalized()?;
    if let Some(equalized) = &equalized {
        observe(equalized)?;
    }
    Ok(calibrator.closest(equalized.as_ref(), options.clipping)?)
}

/// The embeddings of the labelled photos by `model`; or why they cannot be measured with.
fn embedded(options: &QuantizeOptions, model: &str, context: Context<'_>) -> Result<Measurable> {
    let Some(photos) = options.measure.as_ref().or(options.calibrate.as_ref()) else {
        return Ok(Err("there are no photos: neither --measure nor --calibrate".to_owned()));
    };
    let choice = ModelChoice::named(model);
    let loader = Loader::new(&choice, &options.reading, context)
        .using(load_embedder(model, &Default::default())?, None);
    let table = loader.load(std::slice::from_ref(photos), options.measure_split.as_deref())?.table;
    let is_labelled = table.rows().iter().any(|row| row.identity.is_some());
    Ok(if is_labelled {
        Ok(table)
    } else {
        Err(format!("the photos of {} have no labels", photos.display()))
    })
}

/// What quantisation costs; or why that is not known.
fn measured(
    options: &QuantizeOptions,
    before: Measurable,
    context: Context<'_>,
) -> Result<Result<Cost, String>> {
    let before = match before {
        Ok(before) => before,
        Err(why_not) => return Ok(Err(why_not)),
    };
    let after = match embedded(options, &options.output.to_string_lossy(), context)? {
        Ok(after) => after,
        Err(why_not) => return Ok(Err(why_not)),
    };
    let stage = context.stage("evaluate");
    let metrics = |table: &EmbeddingTable| {
        let config = EvaluateConfig { distance: table.model().distance, ..EvaluateConfig::default() };
        evaluate(table, Protocol::LeaveOneOut, &config)
    };
    let (before_metrics, after_metrics) = match (metrics(&before), metrics(&after)) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), _) | (_, Err(error)) => return Ok(Err(error.to_string())),
    };
    stage.end(before_metrics.queries, "queries");
    let similarity = similarity(&before, &after);
    Ok(Ok(Cost { before: before_metrics, after: after_metrics, similarity }))
}

/// Mean cosine similarity of the embeddings of the same photos.
fn similarity(a: &EmbeddingTable, b: &EmbeddingTable) -> f64 {
    let rows = a.len().min(b.len());
    let distance = |i| Distance::Cosine.between(a.embedding(i), b.embedding(i));
    1.0 - (0..rows).map(distance).sum::<f64>() / rows.max(1) as f64
}
