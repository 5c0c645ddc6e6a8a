//! CelebA: `identity_CelebA.txt` with lines `file identity`, an optional `list_eval_partition.txt` with lines `file 0|1|2`,
//! and an image folder beside or below them.
//!
//! Identities are decoded as in [`labels`](crate::labels), so that a dataset's `labels.txt` can be read exactly.
//!
//! Reference: Liu, Luo, Wang, Tang: Deep Learning Face Attributes in the Wild (ICCV 2015), arXiv 1411.7766; the files
//! as in the dataset's release (`Anno/`, `Eval/`, `Img/`).

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{Collection, Layout};
use crate::labels;
use crate::photos::{self, Skipped, display_name};
use crate::sample::Sample;
use crate::sample::Split;
use crate::{DataError, Result};

const IDENTITIES: &str = "identity_CelebA.txt";
const PARTITION: &str = "list_eval_partition.txt";
/// Number of folder levels below the root that are searched for CelebA's files.
const DEPTH: usize = 3;

/// Finds the identity file: `root` itself, or a file in a folder at most three levels below it.
pub(super) fn identity_file(root: &Path) -> Option<PathBuf> {
    if root.is_file() {
        return (root.file_name()? == IDENTITIES).then(|| root.to_owned());
    }
    find_file(root, IDENTITIES)
}

/// Reads the collection at `root` without images below `except`. Also returns the number of photos outside the image
/// folder with names that the identity file does not list.
pub(super) fn read(root: &Path, except: Option<&Path>) -> Result<(Collection, usize)> {
    let identity_file = identity_file(root).ok_or_else(|| DataError::NothingFound {
        path: root.to_owned(),
        reason: format!("no {IDENTITIES} in it"),
        hint: format!("put {IDENTITIES} beside the image folder, or choose another --layout"),
    })?;
    let base = identity_file.parent().unwrap_or(Path::new(".")).to_owned();
    let root = if root.is_dir() { root.to_owned() } else { base };
    let (identities, mut skipped, mut notes) = read_identities(&identity_file)?;
    let partition = match find_file(&root, PARTITION) {
        Some(path) => read_partition(&path)?,
        None => HashMap::new(),
    };
    let (folder, mut present) = image_folder(&root, &identities, except)?;
    notes.push(format!("images from {}", folder.display()));
    let listed: HashSet<&str> = identities.iter().map(|(file, _)| file.as_str()).collect();
    let (outside, foreign) = outside(&root, &folder, &listed, except)?;
    if outside > 0 {
        let photos = if outside == 1 { "photo is" } else { "photos are" };
        notes.push(format!("{outside} {photos} outside {} and not used", folder.display()));
    }
    let mut samples = Vec::new();
    for (file, identity) in identities {
        if !present.remove(&file) {
            skipped.push(Skipped::new(file, format!("listed in {IDENTITIES}, but there is no such image")));
            continue;
        }
        let mut sample = Sample::new(folder.join(&file), file, Some(identity));
        sample.split = partition.get(&sample.name).copied();
        samples.push(sample);
    }
    let mut unlisted: Vec<_> = present.into_iter().collect();
    unlisted.sort();
    skipped.extend(unlisted.into_iter().map(|f| Skipped::new(f, format!("has no row in {IDENTITIES}"))));
    let unsplit = samples.iter().filter(|s| s.split.is_none()).count();
    if unsplit > 0 && unsplit < samples.len() {
        notes.push(format!("{unsplit} images have no row in {PARTITION}"));
    }
    Ok((Collection { layout: Layout::Celeba, samples, skipped, notes }, foreign))
}

/// Counts the photos below `root` that are not in `folder`: all of them, and those with names that are not `listed`.
fn outside(
    root: &Path,
    folder: &Path,
    listed: &HashSet<&str>,
    except: Option<&Path>,
) -> Result<(usize, usize)> {
    let (found, _) = photos::find(&[root.to_owned()], except)?;
    let outside: Vec<_> = found.iter().filter(|p| p.path.parent() != Some(folder)).collect();
    let name = |p: &photos::PhotoPath| p.name.rsplit('/').next().unwrap_or_default().to_owned();
    let foreign = outside.iter().filter(|p| !listed.contains(&*name(p))).count();
    Ok((outside.len(), foreign))
}

/// Reads the rows of an identity file as (image file, identity), with skipped rows and notes.
///
/// A repeated row counts once. A file with two identities is skipped. A `%` with two hexadecimal digits in an identity
/// encodes a byte.
///
/// # Errors        a line without two fields → [`DataError::BadTable`] with its line number
#[allow(clippy::type_complexity)]
pub fn read_identities(path: &Path) -> Result<(Vec<(String, String)>, Vec<Skipped>, Vec<String>)> {
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut conflicts: HashMap<usize, String> = HashMap::new();
    let mut repeated = 0;
    for_each_row(path, |file, identity| {
        let identity = labels::unescape(identity);
        match seen.get(file) {
            None => {
                seen.insert(file.to_owned(), rows.len());
                rows.push((file.to_owned(), identity));
            }
            Some(&at) if rows[at].1 == identity => repeated += 1,
            Some(&at) => {
                conflicts.insert(at, identity);
            }
        }
        Ok(())
    })?;
    let notes = (repeated > 0).then(|| format!("{repeated} duplicate rows in {IDENTITIES} are counted once"));
    let (mut kept, mut skipped) = (Vec::new(), Vec::new());
    for (at, (file, identity)) in rows.into_iter().enumerate() {
        match conflicts.get(&at) {
            Some(other) => {
                skipped
                    .push(Skipped::new(file, format!("listed with two identities, {identity} and {other}")));
            }
            None => kept.push((file, identity)),
        }
    }
    Ok((kept, skipped, notes.into_iter().collect()))
}

fn read_partition(path: &Path) -> Result<HashMap<String, Split>> {
    let mut partition = HashMap::new();
    for_each_row(path, |file, part| {
        let split = match part {
            "0" => Split::Train,
            "1" => Split::Validation,
            "2" => Split::Test,
            other => return Err(format!("expected 0, 1 or 2, found {other}")),
        };
        partition.insert(file.to_owned(), split);
        Ok(())
    })?;
    Ok(partition)
}

/// Calls `row` with the two fields of each line that is not blank.
fn for_each_row(path: &Path, mut row: impl FnMut(&str, &str) -> Result<(), String>) -> Result<()> {
    let bad = |line: usize, reason: String| DataError::BadTable {
        path: path.to_owned(),
        line: Some(line as u64 + 1),
        reason,
    };
    let bytes = fs_err::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields[..] {
            [] => {}
            [file, value] => row(file, value).map_err(|reason| bad(number, reason))?,
            _ => {
                let found = fields.len();
                return Err(bad(number, format!("expected two fields (`file value`), found {found}")));
            }
        }
    }
    Ok(())
}

fn find_file(root: &Path, name: &str) -> Option<PathBuf> {
    let walk = WalkDir::new(root).max_depth(DEPTH).sort_by_file_name().into_iter().flatten();
    walk.filter(|e| e.file_type().is_file() && e.file_name() == name).map(|e| e.into_path()).next()
}

/// The folder below or beside `root` that contains the most listed files, with the names of all files in it.
fn image_folder(
    root: &Path,
    rows: &[(String, String)],
    except: Option<&Path>,
) -> Result<(PathBuf, HashSet<String>)> {
    let except = except.and_then(|p| fs_err::canonicalize(p).ok());
    let excepted = |folder: &Path| {
        except.as_ref().is_some_and(|e| fs_err::canonicalize(folder).is_ok_and(|f| f.starts_with(e)))
    };
    let listed: HashSet<&str> = rows.iter().map(|(file, _)| file.as_str()).collect();
    let mut best = (0, PathBuf::new(), HashSet::new());
    let beside = root.parent().filter(|p| !p.as_os_str().is_empty());
    let folders = |root: &Path, depth: usize| {
        let walk = WalkDir::new(root).follow_links(true).max_depth(depth).sort_by_file_name();
        walk.into_iter().flatten().filter(|e| e.file_type().is_dir()).map(|e| e.into_path())
    };
    for folder in folders(root, DEPTH).chain(beside.into_iter().flat_map(|b| folders(b, 1).skip(1))) {
        if best.0 > 0 && !folder.starts_with(root) {
            break;
        }
        if excepted(&folder) {
            continue;
        }
        let Ok(entries) = fs_err::read_dir(&folder) else { continue };
        let names: HashSet<String> = entries
            .flatten()
            .filter(|e| e.file_type().is_ok_and(|t| !t.is_dir()))
            .map(|e| display_name(Path::new(&e.file_name())))
            .filter(|name| listed.contains(name.as_str()) || photos::has_photo_extension(Path::new(name)))
            .collect();
        let found = names.iter().filter(|n| listed.contains(n.as_str())).count();
        if found > best.0 {
            best = (found, folder, names);
        }
    }
    if best.0 == 0 {
        return Err(DataError::NothingFound {
            path: root.to_owned(),
            reason: format!("none of the {} images listed in {IDENTITIES} exists", rows.len()),
            hint: format!("put the image folder beside or below {IDENTITIES}"),
        });
    }
    Ok((best.1, best.2))
}
