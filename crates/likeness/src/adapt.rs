//! Adapts a model to the user's own labels: fits a linear head to frozen embeddings, and writes the model with the head.

use std::path::{Path, PathBuf};

use likeness_data::photos::Skipped;
use likeness_embed::model_folder::with_head;
use likeness_embed::{OpenedModel, open_model_in};
use likeness_engine::EngineConfig;
use likeness_gallery::Gallery;
use likeness_gallery::catalogue::is_gallery;
use likeness_model::ModelDescription;
use likeness_model::builtin::{self, EMBEDDERS};
use likeness_model::folder::check_vacant;
use likeness_model::trained_on::TrainedOn;
use likeness_search::head::{HeadConfig, HeadFit, HeadVerdict, fit_head};
use likeness_search::{EmbeddingTable, SearchError};

use crate::context::Context;
use crate::gallery::labelled::labelled;
use crate::licence::Usage;
use crate::loader::Loader;
use crate::options::{ModelChoice, PhotoOptions};
use crate::{LikenessError, Result, check_exists, invalid};

/// Options of [`adapt`].
#[derive(Debug, Clone, Default)]
pub struct AdaptOptions {
    /// A gallery, a dataset, an embeddings file, or labelled photos.
    pub input: PathBuf,
    /// Use only this split of the input.
    pub split: Option<String>,
    /// New model folder to write.
    pub output: PathBuf,
    /// Name of the new model; `None` means that of the model with `-adapted`.
    pub name: Option<String>,
    /// Number of values of the new embeddings; `None` lets held-out identities decide.
    pub dimension: Option<usize>,
    /// Seed of the held-out identities and of the intervals.
    pub seed: u64,
}

/// The result of [`adapt`].
#[derive(Debug)]
pub struct Adapted {
    /// Name of the model without the head.
    pub model: String,
    /// The head and its accuracy on held-out identities.
    pub fit: HeadFit,
    /// Description of the new model; `None` if held-out identities do not improve, so that nothing was written.
    pub description: Option<ModelDescription>,
    /// Number of embeddings without an identity, which are not used.
    pub unlabelled: usize,
    /// Photos without an embedding.
    pub skipped: Vec<Skipped>,
}

/// The embeddings to learn from, and the model that made them.
struct Labelled {
    table: EmbeddingTable,
    skipped: Vec<Skipped>,
    /// The model's name on the command line.
    model: String,
}

/// Fits a head to the labelled embeddings of the input, and writes the model with the head if held-out identities improve.
///
/// # Errors        an output folder that is not empty; an input that cannot be read; a model that is no network, or not the one
/// that made the embeddings; too few labels
pub fn adapt(
    options: &AdaptOptions,
    model: &ModelChoice,
    photos: &PhotoOptions,
    context: Context<'_>,
) -> Result<Adapted> {
    check_exists(&options.input)?;
    check_vacant(&options.output)?;
    let labelled = match is_gallery(&options.input) {
        true => of_gallery(options, model)?,
        false => of_input(options, model, photos, context)?,
    };
    let opened = open(&labelled, model, photos)?;
    let (config, table) = (head_config(options, &opened), &labelled.table);
    let stage = context.stage("adapt");
    let fit = fit_head(table, &config, &|done, total| {
        stage.show(done, total);
        !context.is_stopped()
    });
    let fit = fit.map_err(|error| with_hint(error, &options.input))?;
    stage.end(fit.embeddings, "embeddings");
    let description = match fit.held_out.verdict() {
        HeadVerdict::Better => Some(write(options, &labelled, (&opened, &model.engine), &fit)?),
        HeadVerdict::NoDifference | HeadVerdict::Worse => None,
    };
    Ok(Adapted {
        model: opened.spec.name,
        description,
        unlabelled: table.rows().iter().filter(|row| row.identity.is_none()).count(),
        skipped: labelled.skipped,
        fit,
    })
}

fn head_config(options: &AdaptOptions, opened: &OpenedModel) -> HeadConfig {
    HeadConfig {
        dimension: options.dimension,
        unit_length: opened.unit_length(),
        seed: options.seed,
        ..HeadConfig::default()
    }
}

/// Names the input in an error about its labels.
fn with_hint(error: SearchError, input: &Path) -> LikenessError {
    match error {
        SearchError::BadArgument { reason } => invalid(
            format!("{}: {reason}", input.display()),
            "label more photos; in a gallery, name or confirm faces of more people",
        ),
        error => error.into(),
    }
}

/// The embeddings of a dataset, an embeddings file or photos.
fn of_input(
    options: &AdaptOptions,
    model: &ModelChoice,
    photos: &PhotoOptions,
    context: Context<'_>,
) -> Result<Labelled> {
    let loader = Loader::new(model, photos, context);
    let loaded = loader.load(std::slice::from_ref(&options.input), options.split.as_deref())?;
    let made_by = loaded.table.model();
    let built_in =
        || EMBEDDERS.iter().find(|built_in| built_in.name == made_by.name).map(|b| b.name.to_owned());
    let named = model.name().filter(|_| !model.is_default).map(str::to_owned);
    let model = named.or_else(built_in).ok_or_else(|| {
        invalid(
            format!(
                "{}: the model of its embeddings ({}) is not named",
                options.input.display(),
                made_by.name
            ),
            "name the network that made them with --model",
        )
    })?;
    Ok(Labelled { table: loaded.table, skipped: loaded.skipped, model })
}

/// The faces of a gallery whose person somebody named or confirmed.
fn of_gallery(options: &AdaptOptions, model: &ModelChoice) -> Result<Labelled> {
    if options.split.is_some() {
        return Err(invalid(
            format!("{}: a gallery has no splits", options.input.display()),
            "leave --split out",
        ));
    }
    let gallery = Gallery::open_read_only(&options.input)?;
    let (table, stored) = labelled(&gallery)?;
    let named = model.name().filter(|_| !model.is_default).map(str::to_owned);
    Ok(Labelled { table, skipped: Vec::new(), model: named.unwrap_or(stored.source) })
}

/// Opens the network that made the embeddings.
fn open(labelled: &Labelled, model: &ModelChoice, photos: &PhotoOptions) -> Result<OpenedModel> {
    let name = &labelled.model;
    let models = photos.detection.models.as_deref();
    let opened = open_model_in(models, name, &model.preprocess, &model.engine)?;
    Usage::of(model.commercial).check(name, opened.spec.licence.as_ref())?;
    let made_by = labelled.table.model();
    if opened.spec.fingerprint == made_by.fingerprint {
        return Ok(opened);
    }
    let short = |fingerprint: &str| fingerprint.get(..12).unwrap_or(fingerprint).to_owned();
    Err(invalid(
        format!(
            "the embeddings come from {} ({}), but {name} is {} ({})",
            made_by.name,
            short(&made_by.fingerprint),
            opened.spec.name,
            short(&opened.spec.fingerprint)
        ),
        "name the network that made the embeddings with --model, and leave --flips out",
    ))
}

/// Writes the model folder.
fn write(
    options: &AdaptOptions,
    labelled: &Labelled,
    (opened, engine): (&OpenedModel, &EngineConfig),
    fit: &HeadFit,
) -> Result<ModelDescription> {
    let mut headed = with_head(opened, &fit.head, engine)?;
    let old = &opened.spec.name;
    let data = format!(
        "{} embeddings of {} identities of {}",
        fit.embeddings,
        fit.identities,
        options.input.file_name().unwrap_or(options.input.as_os_str()).to_string_lossy()
    );
    let joined = |before: Option<String>, more: String| {
        Some(before.map_or_else(|| more.clone(), |before| format!("{before}; {more}")))
    };
    let description = &mut headed.description;
    description.name = Some(options.name.clone().unwrap_or_else(|| format!("{old}-adapted")));
    description.source = joined(
        description.source.take().or_else(|| Some(old.clone())),
        format!("adapted from {old} by {}", fit.candidate),
    );
    description.training_data = joined(description.training_data.take(), format!("the linear head: {data}"));
    let written = headed.write(&options.output)?;
    let mut trained_on = match builtin::embedder(&labelled.model) {
        Some(_) => TrainedOn::default(),
        None => TrainedOn::beside(opened.graph.path())?.unwrap_or_default(),
    };
    for row in labelled.table.rows() {
        if let Some(identity) = &row.identity {
            trained_on.add_identity(identity);
            trained_on.add_photo(&row.sha256);
        }
    }
    trained_on.write(&options.output)?;
    Ok(written)
}
