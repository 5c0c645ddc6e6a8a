//! The evaluation of several models on the same photos, from which comparisons and reports are made.

mod calibration;
mod checks;
mod data_licence;
mod explanations;
mod identification;
mod measures;
mod provenance;
mod queries;
mod report;
mod slices;
mod thumbnail;
mod training;
mod verification;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use likeness_model::trained_on::Overlap;
use likeness_report::evaluation::{Difference, McNemar, ModelResult};
use likeness_search::compare::{MatchedRows, match_rows, resamples_needed};
use likeness_search::identification::{SearchConfig, SearchStatistics};
use likeness_search::verification::{PairConfig, PairStatistics};
use likeness_search::{Distance, EmbeddingTable, EvaluateConfig, Evaluation, Protocol, evaluate};

use crate::contestants::Contestant;
use crate::context::Context;
use crate::search::has_roles;
use crate::{Result, invalid, trained};

pub use data_licence::terms_of_data;
pub use report::{Pictures, ReportOptions};
pub use slices::SliceOptions;

/// Number of resamples of each interval, unless more are needed.
const RESAMPLES: u32 = 2000;

/// Options of [`Study::new`].
#[derive(Debug, Clone, Default)]
pub struct StudyOptions {
    /// Distance between embeddings; `None` means the distance of each model.
    pub distance: Option<Distance>,
    /// Whether a query may match its own file.
    pub allow_self: bool,
    /// Evaluation protocol. `None` means query-gallery if the data has roles, else leave-one-out.
    pub protocol: Option<Protocol>,
    /// Name, source or number (from 1) of the model that the others are compared with; `None` means the first.
    pub reference: Option<String>,
    /// Number of resamples of each interval; `None` means 2,000, or as many as significant differences of all models need.
    pub resamples: Option<u32>,
    /// Seed of the intervals.
    pub seed: u64,
}

/// Models that were evaluated on the same photos.
pub struct Study {
    /// The photos, for columns and issues: the dataset or folder, else the first embeddings file.
    pub data: PathBuf,
    /// One evaluation for each model.
    pub models: Vec<ModelStudy>,
    /// Position of the model that the others are compared with.
    pub reference: usize,
    /// The protocol of all evaluations.
    pub protocol: Protocol,
    /// For each model, the names of the photos that not every model has.
    pub left_out: Vec<Vec<String>>,
    /// Number of resamples of each interval.
    pub resamples: u32,
    /// The options.
    pub options: StudyOptions,
}

/// The evaluation of one model.
pub struct ModelStudy {
    /// The model, with its embeddings of the photos that every model has.
    pub contestant: Contestant,
    /// The distance that ranked the photos.
    pub distance: Distance,
    /// Ranking metrics.
    pub evaluation: Evaluation,
    /// Distances of all pairs.
    pub pairs: PairStatistics,
    /// Open-set searches.
    pub searches: SearchStatistics,
    /// Overlap with the training photos of the model; `None` if they are unknown.
    pub trained_on: Option<Overlap>,
    /// Time of the evaluation.
    pub seconds: Duration,
    /// The measures of the result table with their resamples.
    columns: Vec<measures::Column>,
}

impl Study {
    /// Evaluates `contestants` on the photos that all of them have, matched by name.
    ///
    /// # Errors        no photo that all have, labels that differ between models, no query with another photo of its identity, an
    /// unknown reference
    pub fn new(
        data: PathBuf,
        contestants: Vec<Contestant>,
        options: StudyOptions,
        context: Context<'_>,
    ) -> Result<Self> {
        let reference = reference(&contestants, options.reference.as_deref())?;
        let tables: Vec<&EmbeddingTable> = contestants.iter().map(|c| &c.table).collect();
        let MatchedRows { tables, left_out, variants } = match_rows(&tables)?;
        for variant in &variants {
            let names: Vec<&str> = variant.spellings.iter().map(|spelling| spelling.name.as_str()).collect();
            context.note(format!("note: identities that differ only in spelling: {}", names.join(", ")));
        }
        for (contestant, names) in contestants.iter().zip(&left_out) {
            if !names.is_empty() {
                context.note(format!(
                    "{}: {} of {} photos are left out, because not every model has them",
                    contestant.name,
                    names.len(),
                    contestant.table.len()
                ));
            }
        }
        let by_role = match tables.first().is_some_and(has_roles) {
            true => Protocol::QueryGallery,
            false => Protocol::LeaveOneOut,
        };
        let protocol = options.protocol.unwrap_or(by_role);
        let comparisons = measures::COUNT * tables.len().saturating_sub(1);
        let resamples = options.resamples.unwrap_or_else(|| RESAMPLES.max(resamples_needed(comparisons)));
        let stage = context.stage("evaluate");
        let mut models = Vec::new();
        for (contestant, table) in contestants.into_iter().zip(tables) {
            let contestant = Contestant { table, ..contestant };
            models.push(ModelStudy::new(contestant, protocol, (&options, resamples), context)?);
            stage.show(models.len(), left_out.len());
        }
        stage.end(models.len(), "models");
        Ok(Self { data, models, reference, protocol, left_out, resamples, options })
    }

    /// The rows of all models, which are the same.
    pub fn table(&self) -> &EmbeddingTable {
        &self.models[self.reference].contestant.table
    }

    /// The measures of each model with their intervals.
    pub fn results(&self) -> Vec<ModelResult> {
        measures::results(self)
    }

    /// The paired differences of each other model from the reference, adjusted by Holm's method.
    ///
    /// # Errors        models of different queries
    pub fn differences(&self) -> Result<Vec<Difference>> {
        measures::differences(self)
    }

    /// Which of two models finds each query first: the reference and each other model.
    ///
    /// # Errors        models of different queries
    pub fn mcnemar(&self) -> Result<Vec<McNemar>> {
        measures::mcnemar(self)
    }
}

impl ModelStudy {
    fn new(
        contestant: Contestant,
        protocol: Protocol,
        (options, resamples): (&StudyOptions, u32),
        context: Context<'_>,
    ) -> Result<Self> {
        let started = Instant::now();
        let table = &contestant.table;
        let distance = options.distance.unwrap_or(table.model().distance);
        let config =
            EvaluateConfig { distance, allow_self: options.allow_self, resamples, seed: options.seed };
        let evaluation = evaluate(table, protocol, &config)?;
        let pairs = PairStatistics::new(table, &PairConfig { distance, protocol, ..PairConfig::default() })?;
        let searches = SearchStatistics::new(table, &SearchConfig { distance, protocol })?;
        let model = std::path::Path::new(&contestant.source);
        let model = model.exists().then_some(contestant.source.as_str());
        let trained_on = trained::overlap(model, table.rows(), context)?;
        let mut model = Self {
            contestant,
            distance,
            evaluation,
            pairs,
            searches,
            trained_on,
            seconds: Duration::ZERO,
            columns: Vec::new(),
        };
        model.columns = measures::columns(&model, resamples, options.seed);
        model.seconds = started.elapsed();
        Ok(model)
    }
}

/// The position of the reference: a name, a source, or a number from 1.
fn reference(contestants: &[Contestant], wanted: Option<&str>) -> Result<usize> {
    let Some(wanted) = wanted else { return Ok(0) };
    let by_text = contestants.iter().position(|c| c.name == wanted || c.source == wanted);
    let by_number = || wanted.parse::<usize>().ok()?.checked_sub(1).filter(|&at| at < contestants.len());
    by_text.or_else(by_number).ok_or_else(|| {
        let names: Vec<&str> = contestants.iter().map(|c| c.name.as_str()).collect();
        invalid(
            format!("--reference {wanted}: no such model"),
            format!("the models are {}", names.join(", ")),
        )
    })
}
