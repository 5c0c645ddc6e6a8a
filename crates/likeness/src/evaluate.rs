//! Measures how well a model finds images of the same identity.

use std::path::PathBuf;

use likeness_data::photos::Skipped;
use likeness_model::trained_on::Overlap;
use likeness_report::map::EmbeddingMap;
use likeness_search::{
    Distance, EmbeddingTable, EvaluateConfig, Evaluation, EvaluationBy, Protocol, evaluate, evaluate_between,
    evaluate_by,
};

use crate::Result;
use crate::context::Context;
use crate::groups;
use crate::loader::Loader;
use crate::search::has_roles;
use crate::trained;

/// What is measured, and how.
#[derive(Debug, Clone, Default)]
pub struct EvaluateOptions {
    /// A dataset, an embeddings file, or labelled photos.
    pub input: PathBuf,
    /// Another gallery; the input is then the queries.
    pub gallery: Option<PathBuf>,
    /// Only this split of the input.
    pub split: Option<String>,
    /// Who searches for what; `None` takes the roles of the input where it has some, else each image among the others.
    pub protocol: Option<Protocol>,
    /// The distance; `None` takes the model's own.
    pub distance: Option<Distance>,
    /// Whether a query may find its own file.
    pub allow_self: bool,
    /// Also report metrics per group of this column: `domain`, `split`, `role`, or a column of a dataset's manifest.
    pub by: Option<String>,
    /// Also place the embeddings on a plane.
    pub map: bool,
    /// Seed of the confidence intervals and of the map.
    pub seed: u64,
}

/// The result of an evaluation.
pub struct Evaluated {
    /// The embeddings that were measured.
    pub table: EmbeddingTable,
    /// The metrics.
    pub evaluation: Evaluation,
    /// The column of the groups: [`EvaluateOptions::by`], or `domain`.
    pub column: String,
    /// Metrics per group, where they were asked for.
    pub by: Option<EvaluationBy>,
    /// The value of the column for each row of the table.
    pub values: Vec<Option<String>>,
    /// The embeddings on a plane, where they were asked for.
    pub map: Option<EmbeddingMap>,
    /// How many of the photos the model was trained on; `None` where that is not known.
    pub trained_on: Option<Overlap>,
    /// Queries without an embedding.
    pub skipped_queries: Vec<Skipped>,
    /// Gallery photos without an embedding, of a gallery of its own.
    pub skipped_gallery: Option<Vec<Skipped>>,
}

/// Embeds the input with `loader` and measures retrieval.
///
/// # Errors        an input that cannot be read, no labelled photo with a match, a column that is not known
pub fn evaluate_input(
    loader: &Loader<'_>,
    model: Option<&str>,
    options: &EvaluateOptions,
    context: Context<'_>,
) -> Result<Evaluated> {
    let loaded = loader.load(std::slice::from_ref(&options.input), options.split.as_deref())?;
    let gallery = match &options.gallery {
        Some(gallery) => Some(loader.load(std::slice::from_ref(gallery), None)?),
        None => None,
    };
    let table = loaded.table;
    let trained_on = trained::overlap(model, table.rows(), context)?;
    let config = EvaluateConfig {
        distance: options.distance.unwrap_or(table.model().distance),
        allow_self: options.allow_self,
        seed: options.seed,
        ..EvaluateConfig::default()
    };
    let by_role = if has_roles(&table) { Protocol::QueryGallery } else { Protocol::LeaveOneOut };
    let protocol = options.protocol.unwrap_or(by_role);
    let stage = context.stage("evaluate");
    let evaluation = match &gallery {
        Some(gallery) => evaluate_between(&table, &gallery.table, &config)?,
        None => evaluate(&table, protocol, &config)?,
    };
    let column = options.by.clone().unwrap_or_else(|| "domain".to_owned());
    let values = groups::values(&table, &column, &options.input)?;
    let by = match options.by {
        Some(_) => Some(evaluate_by(&table, &values, protocol, &config)?),
        None => None,
    };
    stage.end(evaluation.queries, "queries");
    let map = match options.map {
        true => Some(EmbeddingMap::new(&table, config.distance, options.seed)?),
        false => None,
    };
    Ok(Evaluated {
        evaluation,
        column,
        by,
        values,
        map,
        trained_on,
        skipped_queries: loaded.skipped,
        skipped_gallery: gallery.map(|gallery| gallery.skipped),
        table,
    })
}
