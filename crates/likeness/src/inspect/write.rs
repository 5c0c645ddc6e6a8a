//! The files of an inspection, and the list of photos that `prepare` leaves out.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use likeness_data::decode::PhotoReader;
use likeness_data::inspect::Issue;
use likeness_report::sheet::{Frame, Sheet, SheetConfig, Tile};
use likeness_search::Row;

use super::{Finding, Inspection, IssueReport};
use crate::{Result, invalid};

/// Most findings on a contact sheet.
const MOST_DRAWN: usize = 120;
/// Pictures side by side.
const COLUMNS: u32 = 8;

/// The columns of `issues.csv`.
const HEADER: [&str; 12] = [
    "issue",
    "photo",
    "path",
    "identity",
    "split",
    "exclude",
    "score",
    "looks_like",
    "other_photo",
    "distance",
    "own_rank",
    "detail",
];

/// The files that were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The table of all findings.
    pub table: PathBuf,
    /// The JSON document.
    pub document: PathBuf,
    /// The contact sheets.
    pub sheets: Vec<PathBuf>,
}

impl Inspection {
    /// The table of all findings as CSV, with a row for each.
    ///
    /// # Errors        a row that cannot be written
    pub fn csv(&self) -> Result<Vec<u8>> {
        let failed = |error: csv::Error| std::io::Error::other(error.to_string());
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(HEADER).map_err(failed)?;
        for (issue, finding) in self.issues.iter().flat_map(|r| r.findings.iter().map(|f| (r.issue, f))) {
            let number = |value: Option<f32>| value.map(|value| value.to_string()).unwrap_or_default();
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            writer
                .write_record([
                    issue.name().to_owned(),
                    finding.photo.clone(),
                    finding.path.clone(),
                    text(&finding.identity),
                    text(&finding.split),
                    if finding.exclude { "yes" } else { "no" }.to_owned(),
                    number(finding.score),
                    text(&finding.looks_like),
                    text(&finding.other_photo),
                    number(finding.distance),
                    finding.own_rank.map(|rank| rank.to_string()).unwrap_or_default(),
                    finding.detail.clone(),
                ])
                .map_err(failed)?;
        }
        Ok(writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))?)
    }

    /// Writes `issues.csv`, `issues.json`, and a contact sheet for each issue that photos have, to `folder`, which is created. The
    /// contact sheets of an earlier inspection are removed.
    ///
    /// # Errors        a file that cannot be written
    pub fn write(&self, folder: &Path) -> Result<Written> {
        fs_err::create_dir_all(folder)?;
        let (table, document) = (folder.join("issues.csv"), folder.join("issues.json"));
        let (csv, json) = (self.csv()?, serde_json::to_string_pretty(&self.document()?)? + "\n");
        let mut sheets = Vec::new();
        for issue in Issue::ALL {
            let path = folder.join(format!("{}.png", issue.name()));
            match self.issue(issue).filter(|report| !report.findings.is_empty()) {
                Some(report) => {
                    draw(report, &path)?;
                    sheets.push(path);
                }
                None if path.is_file() => fs_err::remove_file(&path)?,
                None => {}
            }
        }
        likeness_artifact::write(&table, |file| file.write_all(&csv))?;
        likeness_artifact::write(&document, |file| file.write_all(json.as_bytes()))?;
        Ok(Written { table, document, sheets })
    }
}

/// Draws the photos of an issue: each suspect with the photo that it is compared with, and groups of equal photos together.
fn draw(report: &IssueReport, path: &Path) -> Result<()> {
    let title = format!("{}: {} photos", report.issue.name(), report.photos);
    let config = SheetConfig { title: Some(title), columns: COLUMNS, ..SheetConfig::default() };
    let mut sheet = Sheet::new(config)?;
    let reader = PhotoReader::default();
    let drawn = &report.findings[..report.findings.len().min(MOST_DRAWN)];
    let is_paired = drawn.iter().any(|finding| finding.looks_like.is_some());
    let is_grouped = !is_paired && drawn.iter().any(|finding| finding.other_photo.is_some());
    if is_paired {
        for finding in drawn {
            let other = finding.other_path.as_deref().unwrap_or_default();
            let tiles = [
                tile(&reader, &finding.path)
                    .frame(Frame::Wrong)
                    .caption(&finding.photo)
                    .caption(finding.identity.as_deref().unwrap_or_default()),
                tile(&reader, other)
                    .caption(finding.other_photo.as_deref().unwrap_or_default())
                    .caption(finding.looks_like.as_deref().unwrap_or_default()),
            ];
            sheet.add_row(Some(&finding.detail), tiles);
        }
    } else if is_grouped {
        for group in drawn.chunk_by(|_, next| next.other_photo.is_some()) {
            sheet.add_row(None, group.iter().map(|finding| captioned(&reader, finding)));
        }
    } else {
        sheet.add_row(None, drawn.iter().map(|finding| captioned(&reader, finding)));
    }
    Ok(sheet.save(path)?)
}

fn captioned(reader: &PhotoReader, finding: &Finding) -> Tile {
    let identity = finding.identity.as_deref().unwrap_or_default();
    tile(reader, &finding.path).caption(&finding.photo).caption(identity).caption(&finding.detail)
}

fn tile(reader: &PhotoReader, path: &str) -> Tile {
    let Some(path) = (Row { path: path.to_owned(), ..Row::default() }).photo_path() else {
        return Tile::missing("the path is not known");
    };
    match reader.read(&path) {
        Ok(photo) => Tile::new(photo.image),
        Err(error) => Tile::missing(error.reason()),
    }
}

/// Reads the photos to leave out from `table`: an `issues.csv`, or any CSV file with a column `photo`.
///
/// Of an `issues.csv`, the rows of `issues` count whose column `exclude` is `yes`; without issues, those of
/// [`Issue::is_excluded_by_default`]. Of other tables, all rows count. The result has the reason for each photo.
///
/// # Errors        a file that cannot be read; no column `photo`; issues of a table without them
pub fn exclusions(table: &Path, issues: &[Issue]) -> Result<HashMap<String, String>> {
    let text = fs_err::read(table)?;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let bad = |error: csv::Error| {
        invalid(
            format!("{}: {error}", table.display()),
            "give the issues.csv that `likeness inspect -o` writes",
        )
    };
    let headers = reader.headers().map_err(bad)?.clone();
    let place = |name: &str| headers.iter().position(|header| header.trim() == name);
    let Some(photo) = place("photo") else {
        return Err(invalid(
            format!("{}: no column photo", table.display()),
            "give the issues.csv that `likeness inspect -o` writes, or a CSV file with a column photo",
        ));
    };
    let (issue, exclude) = (place("issue"), place("exclude"));
    if issue.is_none() && !issues.is_empty() {
        return Err(invalid(
            format!("{}: no column issue", table.display()),
            "leave --issues out to exclude all photos of the table",
        ));
    }
    let mut reasons: HashMap<String, BTreeSet<String>> = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(bad)?;
        let field = |at: Option<usize>| at.and_then(|at| record.get(at));
        let found = field(issue).map(Issue::from_name);
        let is_chosen = match found {
            None => true,
            Some(None) => false,
            Some(Some(issue)) if issues.is_empty() => issue.is_excluded_by_default(),
            Some(Some(issue)) => issues.contains(&issue),
        };
        let name = record.get(photo).unwrap_or_default();
        if is_chosen && field(exclude) != Some("no") && !name.is_empty() {
            let reason = field(issue).unwrap_or("listed").to_owned();
            reasons.entry(name.to_owned()).or_default().insert(reason);
        }
    }
    Ok(reasons
        .into_iter()
        .map(|(name, why)| (name, why.into_iter().collect::<Vec<_>>().join(", ")))
        .collect())
}
