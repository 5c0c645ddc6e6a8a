//! Checks the photos and labels of a folder, a dataset, an embeddings file or a gallery.
//!
//! 1. Every picture is decoded once on a pool of workers and measured ([`likeness_data::inspect`]); only the measured values are
//!    kept. A picture that cannot be read is an issue, never an error.
//! 2. Where there are identities, the photos are embedded, and [`likeness_search::label`] compares labels with embeddings.
//! 3. The [`Inspection`] lists every issue that was checked, with its photos. It is written as CSV, JSON and contact sheets.
//!
//! `prepare` leaves out the photos that [`exclusions`] reads from the CSV.

mod gallery;
mod labels;
mod pictures;
mod source;
mod write;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use likeness_data::inspect::Issue;
use serde::Serialize;

use crate::context::Context;
use crate::loader::check_exists;
use crate::options::{ModelChoice, PhotoOptions};
use crate::{Loader, Result};

pub use write::{Written, exclusions};

/// The judgement of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No photo has the issue.
    Clean,
    /// Photos have it, as in many good collections.
    Note,
    /// Photos have it, and somebody should look at them.
    Review,
    /// Photos have it, and `prepare --exclude` leaves them out by default.
    Excluded,
}

impl State {
    /// The state's name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Note => "note",
            Self::Review => "review",
            Self::Excluded => "excluded",
        }
    }
}

/// A photo, or a face of one, with an issue.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Finding {
    /// The photo's name in its collection.
    pub photo: String,
    /// The photo's path; for a dataset, that of the face.
    pub path: String,
    /// Number of the face in its photo, from 0.
    pub face: u32,
    /// The identity of its label.
    pub identity: Option<String>,
    /// Its split.
    pub split: Option<String>,
    /// Whether the photo is left out if its issue is chosen. The first of several equal photos is not, nor is a doubtful suspect.
    pub exclude: bool,
    /// The measured value, or how sure the finding is.
    pub score: Option<f32>,
    /// The identity that the photo looks like.
    pub looks_like: Option<String>,
    /// The photo that it is compared with: the nearest of that identity, or the first of several equal ones.
    pub other_photo: Option<String>,
    /// The path of that photo.
    pub other_path: Option<String>,
    /// The distance from that photo.
    pub distance: Option<f32>,
    /// Rank of the nearest photo of its own identity, from 1.
    pub own_rank: Option<usize>,
    /// What is wrong, in words.
    pub detail: String,
}

/// The photos with one issue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IssueReport {
    /// The issue.
    pub issue: Issue,
    /// Its judgement.
    pub state: State,
    /// Number of photos with the issue.
    pub photos: usize,
    /// Their share of all photos.
    pub share: f64,
    /// The photos, the surest first, or group by group.
    pub findings: Vec<Finding>,
}

/// The result of [`inspect`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// What was inspected.
    pub input: String,
    /// Number of photos, those that cannot be read included.
    pub photos: usize,
    /// Number of identities.
    pub identities: usize,
    /// Name of the model that labels were checked with.
    pub model: Option<String>,
    /// Every issue that was checked, in the order of [`Issue::ALL`].
    pub issues: Vec<IssueReport>,
    /// Issues that were not checked, with the reasons.
    pub not_checked: BTreeMap<&'static str, String>,
}

/// Options of [`inspect`].
#[derive(Debug, Clone, Default)]
pub struct InspectOptions {
    /// Whether only the pictures are checked, without embedding them.
    pub skip_labels: bool,
    /// Paths of the only pictures that are checked, as text; `None` means all.
    pub only: Option<HashSet<String>>,
}

/// Checks the photos and labels of `input`: a folder or table of photos, a photo, a dataset, an embeddings file, or a gallery.
///
/// # Errors        an input that cannot be read, a model or a detector that cannot be opened, a stop; a photo that cannot be read
/// is a finding
pub fn inspect(
    input: &Path,
    model: &ModelChoice,
    photos: &PhotoOptions,
    options: &InspectOptions,
    context: Context<'_>,
) -> Result<Inspection> {
    check_exists(input)?;
    let mut ledger = Ledger::default();
    if gallery::is_gallery(input) {
        let count = gallery::check(input, photos, options, &mut ledger, context)?;
        return Ok(ledger.finish(input, count));
    }
    let mut source = source::read(input, photos.layout, context)?;
    if let (Some(only), Some(items)) = (&options.only, &mut source.items) {
        items.retain(|item| only.contains(&likeness_data::photos::display_name(&item.path)));
    }
    if let Some(items) = &source.items {
        pictures::check(items, source.kind, photos, &mut ledger, context)?;
        ledger.identities =
            items.iter().filter_map(|item| item.identity.as_deref()).collect::<HashSet<_>>().len();
        labels::names(items.iter().map(|item| (item, item.identity.as_deref())), &mut ledger);
    }
    let loader = Loader::new(model, photos, context);
    labels::check(input, &source, &loader, options, &mut ledger)?;
    let count = source.items.as_ref().map_or(ledger.rows, Vec::len) + source.skipped.len();
    ledger.unreadable(&source.skipped);
    Ok(ledger.finish(input, count))
}

/// Collects findings.
#[derive(Debug, Default)]
struct Ledger {
    findings: BTreeMap<Issue, Vec<Finding>>,
    not_checked: BTreeMap<&'static str, String>,
    identities: usize,
    model: Option<String>,
    /// Photos of an embeddings file.
    rows: usize,
}

impl Ledger {
    /// Records that an issue was checked, and its findings.
    fn add(&mut self, issue: Issue, findings: Vec<Finding>) {
        self.findings.entry(issue).or_default().extend(findings);
    }

    fn leave(&mut self, issue: Issue, reason: impl Into<String>) {
        self.not_checked.insert(issue.name(), reason.into());
    }

    /// Records photos that were skipped before they were opened.
    fn unreadable(&mut self, skipped: &[likeness_data::photos::Skipped]) {
        let finding = |skip: &likeness_data::photos::Skipped| Finding {
            photo: skip.name.clone(),
            exclude: true,
            detail: skip.reason.clone(),
            ..Finding::default()
        };
        if !skipped.is_empty() {
            self.add(Issue::Unreadable, skipped.iter().map(finding).collect());
        }
    }

    fn finish(mut self, input: &Path, photos: usize) -> Inspection {
        let mut issues = Vec::new();
        for issue in Issue::ALL {
            let Some(findings) = self.findings.remove(&issue) else { continue };
            let names: HashSet<&str> = findings.iter().map(|finding| finding.photo.as_str()).collect();
            let count = names.len();
            issues.push(IssueReport {
                issue,
                state: state(issue, &findings),
                photos: count,
                share: count as f64 / photos.max(1) as f64,
                findings,
            });
        }
        Inspection {
            input: likeness_data::photos::display_name(input),
            photos,
            identities: self.identities,
            model: self.model,
            issues,
            not_checked: self.not_checked,
        }
    }
}

fn state(issue: Issue, findings: &[Finding]) -> State {
    match findings {
        [] => State::Clean,
        _ if issue.is_excluded_by_default() && findings.iter().any(|finding| finding.exclude) => {
            State::Excluded
        }
        _ if issue.is_note() => State::Note,
        _ => State::Review,
    }
}

impl Inspection {
    /// The report of an issue; `None` if it was not checked.
    pub fn issue(&self, issue: Issue) -> Option<&IssueReport> {
        self.issues.iter().find(|report| report.issue == issue)
    }

    /// The JSON document: the input, the counts, and for each issue its state and its photos.
    ///
    /// # Errors        a value that JSON cannot hold
    pub fn document(&self) -> Result<serde_json::Value> {
        Ok(serde_json::to_value(self)?)
    }

    /// The files that [`write`](Self::write) writes to `folder`.
    pub fn files(folder: &Path) -> Vec<PathBuf> {
        let tables = ["issues.csv", "issues.json"].map(|name| folder.join(name));
        let sheets = Issue::ALL.map(|issue| folder.join(format!("{}.png", issue.name())));
        tables.into_iter().chain(sheets).collect()
    }
}
