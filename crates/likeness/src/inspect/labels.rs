//! The checks of labels: embeds the photos, and compares labels with embeddings and pictures.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use likeness_data::inspect::Issue;
use likeness_search::label::{
    MislabelConfig, Suspect, conflicts, equal_pictures, leaks, mislabelled, name_variants,
};
use likeness_search::{EmbeddingTable, Row};

use super::pictures::finding;
use super::source::{Item, Kind, Source};
use super::{Finding, InspectOptions, Ledger};
use crate::{LikenessError, Loader, Result};

/// Checks the labels of `input`, of which `source` lists the pictures.
///
/// # Errors        a model that cannot be opened; embeddings that cannot be read; a stop
pub(super) fn check(
    input: &Path,
    source: &Source,
    loader: &Loader<'_>,
    options: &InspectOptions,
    ledger: &mut Ledger,
) -> Result<()> {
    let of_items: Vec<Row> = source.items.iter().flatten().map(row_of).collect();
    let counts = |rows: &[Row]| {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        rows.iter()
            .filter_map(|row| row.identity.as_deref())
            .for_each(|id| *counts.entry(id).or_default() += 1);
        (counts.len(), counts.values().any(|count| *count > 1))
    };
    let table = if source.kind == Kind::Embeddings {
        let table = loader.load(&[input.to_owned()], None)?.table;
        ledger.rows = table.rows().iter().filter(|row| row.face == 0).count();
        ledger.identities = counts(table.rows()).0;
        for issue in [Issue::ExactDuplicates, Issue::NearDuplicates, Issue::Blurry, Issue::NoFace] {
            ledger.leave(issue, "photos of an embeddings file are not opened; inspect their folder");
        }
        similar(&table, ledger);
        Some(table)
    } else if counts(&of_items).0 < 2 || !counts(&of_items).1 {
        let reason = match counts(&of_items).0 {
            0 => "the photos have no identities",
            1 => "all photos have one identity",
            _ => "no identity has two photos",
        };
        ledger.leave(Issue::LikelyMislabelled, reason);
        None
    } else if options.skip_labels {
        ledger.leave(Issue::LikelyMislabelled, "the photos were not embedded");
        None
    } else {
        embedded(input, loader, ledger)?
    };
    let rows = table.as_ref().map_or(&of_items[..], EmbeddingTable::rows);
    of_pictures(rows, &pictures(rows, ledger), ledger);
    let Some(table) = table else { return Ok(()) };
    ledger.model = Some(table.model().name.clone());
    let found = mislabelled(&table, table.model().distance, &MislabelConfig::default())?;
    if found.scale.is_none() {
        ledger.leave(Issue::LikelyMislabelled, "it takes two identities, one of them with two photos");
        return Ok(());
    }
    ledger.add(Issue::LikelyMislabelled, found.suspects.iter().map(|s| suspect(s, table.rows())).collect());
    Ok(())
}

/// The embeddings of `input`; `None` if no photo can be embedded.
fn embedded(input: &Path, loader: &Loader<'_>, ledger: &mut Ledger) -> Result<Option<EmbeddingTable>> {
    match loader.load(&[input.to_owned()], None) {
        Ok(loaded) => Ok(Some(loaded.table)),
        Err(LikenessError::Embed(likeness_embed::EmbedError::NothingEmbedded { .. })) => {
            ledger.leave(Issue::LikelyMislabelled, "no photo could be embedded");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn row_of(item: &Item) -> Row {
    let sha256 = item.photo.as_ref().map(|(sha256, ..)| sha256.clone()).unwrap_or_default();
    Row {
        path: likeness_data::photos::display_name(&item.path),
        identity: item.identity.clone(),
        split: item.split.clone(),
        sha256,
        ..Row::new(&item.name)
    }
}

/// Groups of rows with one picture: equal files, and files that were found to be duplicates.
fn pictures(rows: &[Row], ledger: &Ledger) -> Vec<Vec<usize>> {
    let of_name: HashMap<&str, usize> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.face == 0)
        .map(|(at, row)| (row.name.as_str(), at))
        .collect();
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut join = |first: usize, at: usize| {
        let group = groups.entry(first).or_insert_with(|| vec![first]);
        if !group.contains(&at) {
            group.push(at);
        }
    };
    for issue in [Issue::ExactDuplicates, Issue::NearDuplicates] {
        for finding in ledger.findings.get(&issue).into_iter().flatten() {
            let first = finding.other_photo.as_ref().and_then(|name| of_name.get(name.as_str()));
            if let (Some(first), Some(at)) = (first, of_name.get(finding.photo.as_str())) {
                join(*first, *at);
            }
        }
    }
    if groups.is_empty() {
        return equal_pictures(rows);
    }
    groups.into_values().collect()
}

/// Records conflicts and leaks.
fn of_pictures(rows: &[Row], pictures: &[Vec<usize>], ledger: &mut Ledger) {
    if rows.iter().any(|row| row.identity.is_some()) {
        let findings = conflicts(rows, pictures).into_iter().flat_map(|conflict| {
            let detail = format!("one picture with the identities {}", conflict.identities.join(", "));
            let first = conflict.rows[0];
            conflict.rows.into_iter().map(move |at| Finding {
                exclude: true,
                other_photo: (at != first).then(|| rows[first].name.clone()),
                other_path: (at != first).then(|| rows[first].path.clone()),
                detail: detail.clone(),
                ..of_row(&rows[at])
            })
        });
        let findings = findings.collect();
        ledger.add(Issue::IdentityConflict, findings);
    } else {
        ledger.leave(Issue::IdentityConflict, "the photos have no identities");
    }
    if rows.iter().all(|row| row.split.is_none()) {
        ledger.leave(Issue::IdentityLeak, "the photos have no splits");
        return;
    }
    let found = leaks(rows, pictures);
    let splits = |group: &[usize]| {
        let names: std::collections::BTreeSet<&str> =
            group.iter().filter_map(|at| rows[*at].split.as_deref()).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    let of = |at: &usize, detail: String| Finding { exclude: true, detail, ..of_row(&rows[*at]) };
    let mut findings = Vec::new();
    for group in &found.pictures {
        let detail = format!("one picture in the splits {}", splits(group));
        findings.extend(group.iter().map(|at| of(at, detail.clone())));
    }
    for leak in &found.identities {
        let detail = format!("identity {} in the splits {}", leak.identity, leak.splits.join(", "));
        findings.extend(leak.rows.iter().map(|at| of(at, detail.clone())));
    }
    ledger.add(Issue::IdentityLeak, findings);
}

/// A finding about a row, without details.
pub(super) fn of_row(row: &Row) -> Finding {
    Finding {
        photo: row.name.clone(),
        path: row.path.clone(),
        face: row.face,
        identity: row.identity.clone(),
        split: row.split.clone(),
        ..Finding::default()
    }
}

/// A finding about a suspect.
pub(super) fn suspect(suspect: &Suspect, rows: &[Row]) -> Finding {
    let nearest = &rows[suspect.nearest];
    let doubt =
        if suspect.is_doubtful { "; doubtful, since bad pictures of many people look like it" } else { "" };
    Finding {
        exclude: !suspect.is_doubtful,
        score: Some(suspect.score),
        looks_like: Some(suspect.looks_like.clone()),
        other_photo: Some(nearest.name.clone()),
        other_path: Some(nearest.path.clone()),
        distance: Some(suspect.distance),
        own_rank: Some(suspect.own_rank),
        detail: format!(
            "looks like {} ({:.3} from {}); the nearest photo of its own identity is at rank {} ({:.3}){doubt}",
            suspect.looks_like, suspect.distance, nearest.name, suspect.own_rank, suspect.own_distance
        ),
        ..of_row(&rows[suspect.row])
    }
}

/// Records identities whose names differ only in spelling.
pub(super) fn names<'a>(items: impl Iterator<Item = (&'a Item, Option<&'a str>)>, ledger: &mut Ledger) {
    let mut first: BTreeMap<&str, &Item> = BTreeMap::new();
    for (item, identity) in items {
        if let Some(identity) = identity {
            first.entry(identity).or_insert(item);
        }
    }
    ledger.add(Issue::SimilarNames, variants(first.keys().copied(), |name| finding(first[name])));
}

/// One finding for each name that has other spellings; `of` makes that of a name.
fn variants<'a>(names: impl Iterator<Item = &'a str>, of: impl Fn(&str) -> Finding) -> Vec<Finding> {
    let mut findings = Vec::new();
    for variants in name_variants(names) {
        let names: Vec<&str> = variants.spellings.iter().map(|spelling| spelling.name.as_str()).collect();
        let detail = format!("identities whose names differ only in spelling: {}", names.join(", "));
        findings.extend(names.iter().map(|name| Finding { detail: detail.clone(), ..of(name) }));
    }
    findings
}

/// The same for the rows of a table.
fn similar(table: &EmbeddingTable, ledger: &mut Ledger) {
    let mut first: BTreeMap<&str, &Row> = BTreeMap::new();
    for row in table.rows() {
        if let Some(identity) = &row.identity {
            first.entry(identity).or_insert(row);
        }
    }
    ledger.add(Issue::SimilarNames, variants(first.keys().copied(), |name| of_row(first[name])));
}
