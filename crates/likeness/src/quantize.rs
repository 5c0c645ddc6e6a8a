//! Quantises networks to int8 or half-precision weights, and measures the loss of accuracy.

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

/// Type of the quantised weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightType {
    /// 8-bit integers: signed for weights, unsigned for activations.
    Int8,
    /// Half precision in the file, single precision when the network runs.
    F16,
}

/// Options of [`quantize`].
#[derive(Debug, Clone)]
pub struct QuantizeOptions {
    /// Network to quantise: an ONNX file, a model folder, or a run.
    pub model: String,
    /// New model folder to write.
    pub output: PathBuf,
    /// Type of the quantised weights.
    pub weights: WeightType,
    /// Photos to calibrate the ranges of the activations on; int8 needs them.
    pub calibrate: Option<PathBuf>,
    /// Calibrate on this split of the photos only.
    pub calibrate_split: Option<String>,
    /// Maximum number of calibration photos, sampled evenly.
    pub photos: usize,
    /// Method of choosing the ranges of the activations; `None` tries all methods.
    pub clipping: Option<Clipping>,
    /// Labelled photos to measure the loss of accuracy on; `None` means those of `calibrate`.
    pub measure: Option<PathBuf>,
    /// Measure on this split of the photos only.
    pub measure_split: Option<String>,
    /// Options for finding and reading photos.
    pub reading: PhotoOptions,
}

/// Retrieval metrics before and after quantisation, on the same photos.
#[derive(Debug, Clone)]
pub struct Cost {
    /// Metrics of the original network.
    pub before: Evaluation,
    /// Metrics of the quantised network.
    pub after: Evaluation,
    /// Mean cosine similarity between the embeddings of both networks for the same photo.
    pub similarity: f64,
}

/// The result of [`quantize`].
#[derive(Debug, Clone)]
pub struct QuantizedModel {
    /// Description of the new network.
    pub description: ModelDescription,
    /// One sentence that describes the quantisation.
    pub summary: String,
    /// Size of the original graph in bytes.
    pub bytes_before: u64,
    /// Size of the new graph in bytes.
    pub bytes_after: u64,
    /// Loss of accuracy, or the reason why it was not measured.
    pub cost: Result<Cost, String>,
}

/// Embeddings of labelled photos, or the reason why there are none.
type Measurable = Result<EmbeddingTable, String>;

/// Quantises a network and writes it as a new model folder.
///
/// # Errors        a model that is not an ONNX network, an output folder that is not empty, int8 without photos,
/// photos that cannot be read
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
    // The original network comes first: this shows early whether the photos can be used to measure accuracy.
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

/// Embeds the labelled photos with `model`. The inner error is the reason why accuracy cannot be measured on them.
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

/// Measures the loss of accuracy. The inner error is the reason why it cannot be measured.
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

/// Mean cosine similarity between the embeddings of two tables of the same photos.
fn similarity(a: &EmbeddingTable, b: &EmbeddingTable) -> f64 {
    let rows = a.len().min(b.len());
    let distance = |i| Distance::Cosine.between(a.embedding(i), b.embedding(i));
    1.0 - (0..rows).map(distance).sum::<f64>() / rows.max(1) as f64
}
