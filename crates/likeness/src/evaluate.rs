//! Measures how well a model finds images of the same identity.

use std::path::{Path, PathBuf};

use likeness_data::photos::Skipped;
use likeness_model::trained_on::Overlap;
use likeness_report::map::EmbeddingMap;
use likeness_search::identification::{SearchConfig, SearchStatistics};
use likeness_search::verification::{PairConfig, PairList, PairStatistics, TenFold, ten_fold};
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

/// Options of [`evaluate_input`].
#[derive(Debug, Clone, Default)]
pub struct EvaluateOptions {
    /// Dataset, embeddings file, or labelled photos.
    pub input: PathBuf,
    /// Gallery to search in; the input then holds only queries.
    pub gallery: Option<PathBuf>,
    /// Use only this split of the input.
    pub split: Option<String>,
    /// Evaluation protocol. `None` means query-gallery if the input has roles, else leave-one-out.
    pub protocol: Option<Protocol>,
    /// Distance between embeddings; `None` means the distance of the model.
    pub distance: Option<Distance>,
    /// Whether a query may match its own file.
    pub allow_self: bool,
    /// Also report metrics per group of this column: `domain`, `split`, `role`, or a column of a dataset's manifest.
    pub by: Option<String>,
    /// Also compute a t-SNE map of the embeddings.
    pub map: bool,
    /// List of pairs to verify: LFW's `pairs.txt`, or a CSV table with the columns `path_a`, `path_b`, `same` and maybe `fold`.
    pub pairs: Option<PathBuf>,
    /// Seed of the confidence intervals and of the map.
    pub seed: u64,
}

/// The most images whose pairs are all compared; more take minutes.
const MOST_IMAGES: usize = 20_000;

/// Error rates over all pairs and all searches of the input.
pub struct ErrorRates {
    /// Distances of all pairs.
    pub pairs: PairStatistics,
    /// Open-set searches.
    pub searches: SearchStatistics,
}

/// Accuracy on a list of pairs.
pub struct Verified {
    /// Accuracy with the threshold of the other folds.
    pub ten_fold: TenFold,
    /// Number of pairs that were compared.
    pub pairs: usize,
    /// Number of pairs whose photos the input does not have.
    pub left_out: usize,
    /// Names of photos that the input does not have.
    pub missing: Vec<String>,
}

/// The result of an evaluation.
pub struct Evaluated {
    /// Embeddings of the input.
    pub table: EmbeddingTable,
    /// Retrieval metrics.
    pub evaluation: Evaluation,
    /// Column that defines the groups: [`EvaluateOptions::by`], or `domain`.
    pub column: String,
    /// Metrics per group, if requested.
    pub by: Option<EvaluationBy>,
    /// Value of the column for each row of the table.
    pub values: Vec<Option<String>>,
    /// t-SNE map of the embeddings, if requested.
    pub map: Option<EmbeddingMap>,
    /// Overlap with the training photos of the model; `None` if they are unknown.
    pub trained_on: Option<Overlap>,
    /// Error rates of verification and identification; `None` with a separate gallery, and for more than 20,000 images.
    pub error_rates: Option<ErrorRates>,
    /// Accuracy on the list of pairs, if one was named.
    pub verified: Option<Verified>,
    /// Queries without an embedding.
    pub skipped_queries: Vec<Skipped>,
    /// Gallery photos without an embedding; `None` without a separate gallery.
    pub skipped_gallery: Option<Vec<Skipped>>,
}

/// Embeds the input with `loader` and computes retrieval metrics.
///
/// # Errors        an input that cannot be read, no labelled photo with a match, an unknown column
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
    let error_rates = match gallery.is_none() && table.len() <= MOST_IMAGES {
        true => Some(error_rates(&table, protocol, config.distance)?),
        false => None,
    };
    let verified =
        options.pairs.as_deref().map(|file| verified(&table, file, config.distance)).transpose()?;
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
        error_rates,
        verified,
        skipped_queries: loaded.skipped,
        skipped_gallery: gallery.map(|gallery| gallery.skipped),
        table,
    })
}

fn error_rates(table: &EmbeddingTable, protocol: Protocol, distance: Distance) -> Result<ErrorRates> {
    Ok(ErrorRates {
        pairs: PairStatistics::new(table, &PairConfig { distance, protocol, ..PairConfig::default() })?,
        searches: SearchStatistics::new(table, &SearchConfig { distance, protocol })?,
    })
}

/// Verifies the pairs of the list `file`.
fn verified(table: &EmbeddingTable, file: &Path, distance: Distance) -> Result<Verified> {
    let found = PairList::read(file)?.find_in(table)?;
    Ok(Verified {
        ten_fold: ten_fold(table, &found.pairs, distance)?,
        pairs: found.pairs.len(),
        left_out: found.left_out,
        missing: found.missing,
    })
}
