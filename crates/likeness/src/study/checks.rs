//! The issues of the evaluated data, and the measures without the photos that have them.

use std::collections::{BTreeMap, HashSet};

use likeness_data::inspect::Issue;
use likeness_report::evaluation::{self as page, DataChecks, IssueState, Mislabelled, WithoutIssue};
use likeness_search::label::{MislabelConfig, mislabelled};
use likeness_search::{EvaluateConfig, evaluate};

use super::Study;
use crate::Result;
use crate::context::Context;
use crate::inspect::{Finding, InspectOptions, State, inspect};
use crate::options::{ModelChoice, PhotoOptions};

/// The most photos for which measures are computed again without each issue.
const MOST_PHOTOS: usize = 20_000;
/// The most photos that are listed as likely mislabelled.
const LISTED: usize = 30;

/// The issues of the photos and labels of `study`. Labels are checked with the embeddings of the reference.
///
/// # Errors        photos that cannot be listed, a detector that cannot be opened, a stop
pub(super) fn checks(study: &Study, photos: &PhotoOptions, context: Context<'_>) -> Result<DataChecks> {
    let table = study.table();
    let mut found: BTreeMap<Issue, (IssueState, HashSet<String>)> = BTreeMap::new();
    let paths: HashSet<String> =
        table.rows().iter().map(|row| row.path.clone()).filter(|path| !path.is_empty()).collect();
    if !paths.is_empty() {
        let options = InspectOptions { skip_labels: true, only: Some(paths) };
        for report in inspect(&study.data, &ModelChoice::default(), photos, &options, context)?.issues {
            let names = report.findings.iter().map(|finding: &Finding| finding.photo.clone()).collect();
            found.insert(report.issue, (state(report.state), names));
        }
    }
    let suspects = mislabelled(table, table.model().distance, &MislabelConfig::default())?;
    let mut listed: Vec<Mislabelled> = Vec::new();
    let mut names = HashSet::new();
    for suspect in suspects.suspects.iter().filter(|suspect| !suspect.is_doubtful) {
        let row = &table.rows()[suspect.row];
        names.insert(row.name.clone());
        listed.push(Mislabelled {
            photo: row.name.clone(),
            label: row.identity.clone().unwrap_or_default(),
            looks_like: suspect.looks_like.clone(),
            nearest_photo: table.rows()[suspect.nearest].name.clone(),
            distance: f64::from(suspect.distance),
            own_first_rank: Some(suspect.own_rank),
        });
    }
    listed.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    let total = listed.len();
    listed.truncate(LISTED);
    if suspects.scale.is_some() {
        let state = if names.is_empty() { IssueState::Clean } else { IssueState::Review };
        found.insert(Issue::LikelyMislabelled, (state, names));
    }
    let issues = Issue::ALL.into_iter().filter_map(|issue| {
        let (state, names) = found.get(&issue)?;
        Some(page::Issue {
            name: issue.name().to_owned(),
            detail: detail(issue).to_owned(),
            photos: names.len(),
            without: without(study, names),
            state: *state,
        })
    });
    Ok(DataChecks {
        photos: table.len(),
        issues: issues.collect(),
        likely_mislabelled: listed,
        likely_mislabelled_total: total,
        ..DataChecks::default()
    })
}

/// The state as the report prints it. Photos are not left out of an evaluation because of an issue.
fn state(state: State) -> IssueState {
    match state {
        State::Clean => IssueState::Clean,
        State::Note => IssueState::Note,
        State::Review | State::Excluded => IssueState::Review,
    }
}

/// Top-1 of each model without the photos of `names`, as queries and in the gallery.
fn without(study: &Study, names: &HashSet<String>) -> Vec<WithoutIssue> {
    if names.is_empty() || study.table().len() > MOST_PHOTOS {
        return Vec::new();
    }
    let of = |(model, of): (usize, &super::ModelStudy)| {
        let table = of.contestant.table.select(|row| !names.contains(&row.name));
        if table.len() == of.contestant.table.len() {
            return None;
        }
        let config = EvaluateConfig {
            distance: of.distance,
            allow_self: study.options.allow_self,
            resamples: 0,
            seed: study.options.seed,
        };
        let top1 = evaluate(&table, study.protocol, &config).ok()?.top1;
        Some(WithoutIssue { model, top1, change: top1 - of.evaluation.top1 })
    };
    study.models.iter().enumerate().filter_map(of).collect()
}

/// What an issue means, in one line.
fn detail(issue: Issue) -> &'static str {
    match issue {
        Issue::Unreadable => "Not a picture, or damaged",
        Issue::ExactDuplicates => "Same bytes as another photo",
        Issue::NearDuplicates => "Same picture, recompressed, scaled or slightly cropped",
        Issue::Blurry => "Little fine structure",
        Issue::Dark => "Mean brightness is low",
        Issue::Light => "Mean brightness is high",
        Issue::Grayscale => "No colours",
        Issue::LowInformation => "Few different values",
        Issue::OddSize => "Much larger or smaller than most",
        Issue::OddAspectRatio => "Much wider or taller than most",
        Issue::NoFace => "No face found; left out of queries and gallery",
        Issue::ManyFaces => "A second face in the photo",
        Issue::IdentityConflict => "One picture under two identities",
        Issue::IdentityLeak => "An identity, or a picture, in two splits",
        Issue::LikelyMislabelled => "Far from the photos of its own identity, and near those of another",
        Issue::PoisonedReference => "A named face that is far from its person and near another",
        Issue::SimilarNames => "Identities whose names differ only in spelling",
    }
}
