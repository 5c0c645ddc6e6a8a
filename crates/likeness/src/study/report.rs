//! Fills an evaluation report.

use std::collections::{BTreeMap, HashMap, HashSet};

use likeness_report::evaluation::{
    Cmc, CurvePoint, DataChecks, EmbeddingMap, Estimate, Intervals, Leak, LeftOut, Licence, Licensing,
    MapPoint, NamedPlace, Queries, Report, Section, SettingRow, Settings, Subject, Summary, Terms, Timing,
    TimingRow,
};
use likeness_report::map;
use likeness_search::{Protocol, RankConfig, rank_photos};

use super::explanations::{EXPLAINED, explanations};
use super::provenance::Origin;
use super::queries::{HITS, Searches};
use super::slices::{self, SliceOptions};
use super::thumbnail::Thumbnails;
use super::{ModelStudy, Study, checks, identification, training, verification};
use crate::Result;
use crate::context::Context;
use crate::options::{ModelChoice, PhotoOptions};

/// The most models with charts of their own, such as maps.
const CHARTED: usize = 6;
/// Identities that a map names.
const NAMED: usize = 3;

/// Whether a report contains pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pictures {
    /// Pictures of the data, with their credits.
    Shown,
    /// Names and distances only, for this reason.
    Withheld(String),
}

/// Options of [`Study::report`].
#[derive(Debug, Clone)]
pub struct ReportOptions {
    /// Headline.
    pub title: String,
    /// Date of the evaluation, as text.
    pub date: String,
    /// Version of the program, as text.
    pub version: String,
    /// The command that makes this report again.
    pub command: String,
    /// Whether pictures are shown.
    pub pictures: Pictures,
    /// Licence of the data; `None` if it is not stated.
    pub data_licence: Option<String>,
    /// Terms of that licence.
    pub data_terms: Terms,
    /// Columns to slice by.
    pub slices: SliceOptions,
}

impl Study {
    /// Makes the report. Photos are read again for pictures, checks and computed columns; `choice` has the settings of the models.
    ///
    /// # Errors        columns or photos that cannot be read, embeddings that cannot be searched
    pub fn report(
        &self,
        options: &ReportOptions,
        choice: &ModelChoice,
        photos: &PhotoOptions,
        context: Context<'_>,
    ) -> Result<Report> {
        let origins: Vec<Origin> = self.models.iter().map(|model| Origin::of(&model.contestant)).collect();
        let stage = context.stage("report");
        let mut report = Report {
            title: options.title.clone(),
            subject: self.subject(),
            summary: self.summary(options),
            models: self.models.iter().zip(&origins).map(|(m, origin)| origin.model(&m.contestant)).collect(),
            reference: self.reference,
            intervals: Intervals {
                resamples: self.resamples as usize,
                error_rate_resamples: None,
                comparisons: 0,
            },
            result: self.results(),
            differences: self.differences()?,
            ranking: self.models.iter().enumerate().map(|(at, model)| cmc(at, model)).collect(),
            mcnemar: self.mcnemar()?,
            verification: verification::verification(self),
            identification: identification::identification(self)?,
            slices: slices::slices(self, &options.slices, photos, context)?,
            data: self.checks(checks::checks(self, photos, context)?),
            training: self.curves(),
            timing: self.timing(&origins),
            settings: self.settings(options),
            licences: self.licences(options, &origins),
            ..Report::default()
        };
        self.add_searches(&mut report, options, (choice, photos), context)?;
        self.add_maps(&mut report);
        report.absent = absent(&report);
        stage.end(self.models.len(), "models");
        Ok(report)
    }

    /// Whether the identities are people: whether the reference takes aligned faces, or the photos have boxes of faces.
    fn subject(&self) -> Subject {
        match self.table().rows().iter().any(|row| row.face_box.is_some()) || self.takes_faces() {
            true => Subject::Person,
            false => Subject::Object,
        }
    }

    fn takes_faces(&self) -> bool {
        self.models.iter().any(|model| Origin::of(&model.contestant).takes_faces())
    }

    fn summary(&self, options: &ReportOptions) -> Summary {
        let evaluation = &self.models[self.reference].evaluation;
        let identities: HashSet<&str> =
            self.table().rows().iter().filter_map(|row| row.identity.as_deref()).collect();
        let protocol = match self.protocol {
            Protocol::LeaveOneOut => "each photo searched among all others",
            Protocol::QueryGallery => "queries searched in the gallery",
        };
        Summary {
            photos: self.table().len(),
            queries: evaluation.queries,
            identities: identities.len(),
            protocol: protocol.to_owned(),
            date: options.date.clone(),
            version: options.version.clone(),
            seed: self.options.seed,
            unmated_queries: evaluation.unmated,
        }
    }

    /// Adds what only this evaluation knows to the issues of the data.
    fn checks(&self, mut checks: DataChecks) -> DataChecks {
        let identities = self.models[self.reference].evaluation.identities;
        for (model, study) in self.models.iter().enumerate() {
            if let Some(overlap) = study.trained_on.filter(|overlap| overlap.identities > 0) {
                checks.leaks.push(Leak { model, identities: overlap.identities, of: identities });
            }
        }
        let mut skipped: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for skip in &self.models[self.reference].contestant.skipped {
            skipped.entry(&skip.reason).or_default().push(skip.name.clone());
        }
        for (reason, names) in skipped {
            checks.left_out.push(LeftOut {
                reason: reason.to_owned(),
                photos: names.len(),
                model: None,
                names,
            });
        }
        let listed: HashSet<String> =
            checks.left_out.iter().flat_map(|left_out| left_out.names.clone()).collect();
        for (model, names) in self.left_out.iter().enumerate() {
            let names: Vec<String> = names.iter().filter(|name| !listed.contains(*name)).cloned().collect();
            if !names.is_empty() {
                checks.left_out.push(LeftOut {
                    reason: "not every model has them".to_owned(),
                    photos: names.len(),
                    model: Some(model),
                    names,
                });
            }
        }
        if checks.photos == 0 {
            checks.photos = self.table().len();
        }
        checks
    }

    fn curves(&self) -> Vec<likeness_report::evaluation::TrainingRun> {
        let models = self.models.iter().enumerate();
        models.filter_map(|(at, model)| training::curves(at, &model.contestant.source)).collect()
    }

    fn timing(&self, origins: &[Origin]) -> Timing {
        let rows = self.models.iter().zip(origins).enumerate().map(|(model, (study, origin))| {
            let cost = study.contestant.cost;
            let per_photo = |seconds: f64, photos: usize| seconds / photos.max(1) as f64;
            TimingRow {
                model,
                cpu_ms: cost.map(|cost| 1000.0 * per_photo(cost.cpu.as_secs_f64(), cost.photos)),
                photos_per_second: cost.map(|cost| cost.photos as f64 / cost.wall.as_secs_f64().max(1e-9)),
                peak_memory_bytes: cost.and_then(|cost| cost.peak_memory),
                file_bytes: origin.bytes(),
                evaluation_s: Some(study.seconds.as_secs_f64()),
            }
        });
        let rows: Vec<TimingRow> = rows.collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let note = match rows.iter().any(|row| row.cpu_ms.is_some()) {
            true => format!(
                "Photo to embedding: decoding, detection, alignment and network, on {cores} cores. Other work on the machine \
                 changes photos a second more than CPU time."
            ),
            false => "The embeddings were read from files, so their cost is not known.".to_owned(),
        };
        Timing { rows, note }
    }

    fn settings(&self, options: &ReportOptions) -> Settings {
        let evaluation = &self.models[self.reference].evaluation;
        let distances: HashSet<&str> = self.models.iter().map(|model| model.distance.name()).collect();
        let mut distances: Vec<&str> = distances.into_iter().collect();
        distances.sort_unstable();
        let protocol = match self.protocol {
            Protocol::LeaveOneOut => "leave-one-out",
            Protocol::QueryGallery => "query-gallery, by the roles of the data",
        };
        let own = if self.options.allow_self {
            "a query may find its own file"
        } else {
            "the query's own file is excluded"
        };
        let left_out: usize = self.left_out.iter().map(Vec::len).max().unwrap_or(0);
        let row = |name: &str, value: String| SettingRow { name: name.to_owned(), value, code: false };
        let rows = vec![
            row("Data", self.data.display().to_string()),
            row(
                "Queries",
                format!(
                    "{} mated, {} unmated, {} without an identity; {} images in the gallery",
                    evaluation.queries, evaluation.unmated, evaluation.unlabelled, evaluation.gallery
                ),
            ),
            row("Protocol", format!("{protocol}; {own}; ties rank by gallery order")),
            row(
                "Rows",
                format!(
                    "matched by name: {} in all models; at most {left_out} left out of one",
                    self.table().len()
                ),
            ),
            row("Distance", distances.join(", ")),
            row(
                "Intervals",
                format!(
                    "95 %; bootstrap over identities, {} resamples; error rates: Wilson, adjusted for dependence",
                    self.resamples
                ),
            ),
            row(
                "p values",
                "paired bootstrap over identities, adjusted by Holm; top-1 also by McNemar's exact test"
                    .to_owned(),
            ),
            row("Seed", self.options.seed.to_string()),
            row("Version", options.version.clone()),
            SettingRow { name: "Command".to_owned(), value: options.command.clone(), code: true },
        ];
        Settings { rows }
    }

    fn licences(&self, options: &ReportOptions, origins: &[Origin]) -> Licensing {
        let models = self.models.iter().zip(origins).enumerate();
        let mut rows: Vec<Licence> =
            models.map(|(at, (model, origin))| origin.licence(at, &model.contestant)).collect();
        rows.push(Licence {
            part: "the data".to_owned(),
            model: None,
            licence: options.data_licence.clone().unwrap_or_else(|| "not stated".to_owned()),
            terms: options.data_terms,
            origin: self.data.display().to_string(),
            learned_from: String::new(),
            fingerprint: String::new(),
        });
        Licensing { rows, notes: Vec::new() }
    }

    /// Adds the shown queries and the confusions of each model.
    fn add_searches(
        &self,
        report: &mut Report,
        options: &ReportOptions,
        (choice, photos): (&ModelChoice, &PhotoOptions),
        context: Context<'_>,
    ) -> Result<()> {
        let thumbnails = (options.pictures == Pictures::Shown).then(|| {
            let rows = self.models.iter().flat_map(|model| model.contestant.table.rows());
            Thumbnails::new(photos.limits, rows)
        });
        let mut queries = Queries::default();
        if let Pictures::Withheld(reason) = &options.pictures {
            queries.withheld = Some(reason.clone());
        }
        // Pictures of the reference come first, because a report has a limited number of them.
        let mut order: Vec<usize> = (0..self.models.len()).collect();
        order.sort_by_key(|&at| at != self.reference);
        for at in order.into_iter().take(CHARTED) {
            let model = &self.models[at];
            let table = &model.contestant.table;
            let config = RankConfig { k: Some(HITS), allow_self: self.options.allow_self };
            let found = rank_photos(table, self.protocol, model.distance, &config)?;
            let searches = Searches::new(table, &model.evaluation, &found, model.distance);
            queries.sets.push(searches.shown(at, thumbnails.as_ref()));
            report.confusions.push(searches.confusions(at, thumbnails.as_ref()));
            if thumbnails.is_some() && queries.explanations.is_empty() {
                let (wrong, source) = (searches.wrong(EXPLAINED), &model.contestant.source);
                queries.explanations = explanations(at, source, &wrong, choice, photos, context);
            }
        }
        queries.sets.sort_by_key(|set| set.model);
        report.confusions.sort_by_key(|confusions| confusions.model);
        report.queries = queries;
        Ok(())
    }

    /// Adds a map of each model; tables with too few images have none.
    fn add_maps(&self, report: &mut Report) {
        for (at, model) in self.models.iter().enumerate().take(CHARTED) {
            report.maps.extend(self.map(at, model));
        }
    }

    fn map(&self, at: usize, model: &ModelStudy) -> Option<EmbeddingMap> {
        let table = &model.contestant.table;
        let drawn = map::EmbeddingMap::new(table, model.distance, self.options.seed).ok()?;
        let config = RankConfig { k: Some(1), allow_self: self.options.allow_self };
        let found = rank_photos(table, self.protocol, model.distance, &config).ok()?;
        let place_of: HashMap<usize, usize> = drawn.rows.iter().copied().zip(0..).collect();
        let gallery_rows = self.gallery_rows();
        let first_hits: HashMap<&str, usize> = found
            .queries
            .rows()
            .iter()
            .zip(found.rankings.iter())
            .filter_map(|(row, ranking)| {
                let hit = ranking.hits().first()?;
                Some((row.name.as_str(), *gallery_rows.get(hit.gallery_id.index())?))
            })
            .collect();
        let measures = &model.evaluation.measures;
        let wrong: Vec<usize> = (0..measures.len())
            .filter(|&query| measures.first_ranks()[query] != 1)
            .map(|query| measures.rows()[query])
            .collect();
        let mut errors: BTreeMap<&str, usize> = BTreeMap::new();
        for &row in &wrong {
            if let Some(identity) = table.rows()[row].identity.as_deref() {
                *errors.entry(identity).or_default() += 1;
            }
        }
        let mut named: Vec<(&str, usize)> = errors.into_iter().collect();
        named.sort_by_key(|(_, errors)| std::cmp::Reverse(*errors));
        named.truncate(NAMED);
        let wrong: HashSet<usize> = wrong.into_iter().collect();
        let points = drawn.rows.iter().zip(&drawn.places).map(|(&row, place)| {
            let identity = table.rows()[row].identity.as_deref();
            let hit = wrong.contains(&row).then(|| first_hits.get(table.rows()[row].name.as_str())).flatten();
            MapPoint {
                x: f64::from(place[0]),
                y: f64::from(place[1]),
                wrong_hit: hit.and_then(|hit| place_of.get(hit).copied()),
                named: named.iter().position(|(name, _)| Some(*name) == identity),
            }
        });
        Some(EmbeddingMap {
            model: at,
            method: format!("t-SNE, perplexity {}, seed {}", map::PERPLEXITY, self.options.seed),
            points: points.collect(),
            named: named
                .iter()
                .map(|(identity, errors)| NamedPlace { identity: (*identity).to_owned(), errors: *errors })
                .collect(),
        })
    }

    /// The row of the table of each gallery image.
    fn gallery_rows(&self) -> Vec<usize> {
        let rows = self.table().rows().iter().enumerate();
        let of_gallery =
            |role: likeness_search::Role| self.protocol == Protocol::LeaveOneOut || role.is_gallery();
        rows.filter(|(_, row)| of_gallery(row.role)).map(|(at, _)| at).collect()
    }
}

fn cmc(model: usize, study: &ModelStudy) -> Cmc {
    let intervals = study.evaluation.intervals.as_ref();
    let points = study.evaluation.cmc.iter().enumerate().map(|(at, &value)| {
        let interval = intervals.and_then(|intervals| intervals.cmc.get(at));
        let y = interval.map_or(Estimate::bare(value), |i| Estimate::new(value, i.low, i.high));
        CurvePoint { x: (at + 1) as f64, y, threshold: None }
    });
    Cmc { model, points: points.collect() }
}

/// Why sections have no content.
fn absent(report: &Report) -> BTreeMap<Section, String> {
    let mut absent = BTreeMap::new();
    let mut say = |section: Section, is_empty: bool, why: &str| {
        if is_empty {
            absent.insert(section, why.to_owned());
        }
    };
    say(
        Section::Training,
        report.training.is_empty(),
        "No model here is a run of this program, so there are no curves.",
    );
    say(Section::Map, report.maps.is_empty(), "A map needs at least eight images.");
    say(Section::Slices, report.slices.rows.is_empty(), "The data has no columns to slice by.");
    say(Section::Data, report.data.issues.is_empty(), "The data was not checked.");
    absent
}
