//! CelebA, as its authors and as Kaggle distribute it.
//!
//! | file | contents |
//! |---|---|
//! | `identity_CelebA.txt` | lines `file identity`; Kaggle's copy does not include it |
//! | `list_eval_partition` | the split: 0, 1 or 2 |
//! | `list_attr_celeba` | 40 attributes, 1 or -1, which become [`Attributes`](crate::attributes::Attributes) |
//! | `list_landmarks_align_celeba` | five landmarks in the aligned pictures of 178×218 pixels (`img_align_celeba`) |
//! | `list_landmarks_celeba` | five landmarks in the in-the-wild pictures (`img_celeba`) |
//! | `list_bbox_celeba` | face boxes in the in-the-wild pictures |
//!
//! Each list exists as `.txt` (authors) and as `.csv` (Kaggle). All files lie in the root or at most three folders below, and
//! so does the image folder, which may also lie beside the root. Coordinates are used only with the pictures that they belong
//! to: aligned pictures are recognised by their size, in-the-wild pictures by the name of their folder.
//!
//! Identities are decoded as in [`labels`](crate::labels), so that a dataset's `labels.txt` can be read exactly.
//!
//! Reference: Liu, Luo, Wang, Tang: Deep Learning Face Attributes in the Wild (ICCV 2015), arXiv 1411.7766; the files
//! as in the dataset's release (`Anno/`, `Eval/`, `Img/`).

mod facts;
mod files;
mod list;
mod pictures;

use std::collections::{HashMap, HashSet};
use std::path::Path;

pub(super) use self::files::Files;
use self::list::List;
use self::pictures::Pictures;
use super::{Collection, Layout};
use crate::Result;
use crate::labels;
use crate::photos::{self, Skipped};
use crate::sample::Sample;

const IDENTITIES: &str = "identity_CelebA.txt";
/// Number of folder levels below the root that are searched for CelebA's files.
const DEPTH: usize = 3;

/// Reads the collection at `root` without images below `except`.
///
/// # Errors        no identity file, no image, a list that cannot be parsed
pub(super) fn read(root: &Path, except: Option<&Path>) -> Result<Collection> {
    let files = Files::of(root);
    if files.identities.is_none() {
        return Err(files.no_identities(root));
    }
    Ok(read_files(root, &files, except)?.0)
}

/// Reads the collection at `root`, whose files are `files`; without an identity file, the pictures of a list file have no
/// identities. Also returns the number of photos outside the image folder with names that are not listed.
pub(super) fn read_files(root: &Path, files: &Files, except: Option<&Path>) -> Result<(Collection, usize)> {
    let (rows, mut skipped, mut notes) = rows(root, files)?;
    let folder = files.identities.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
    let root = if root.is_dir() { root } else { folder };
    let listed: HashSet<&str> = rows.iter().map(|(file, _)| file.as_str()).collect();
    let mut pictures = Pictures::find(root, &listed, except)?;
    let folder = pictures.folder.clone();
    notes.push(format!("images from {}", folder.display()));
    let (outside, foreign) = outside(root, &folder, &listed, except)?;
    if outside > 0 {
        let photos = if outside == 1 { "photo is" } else { "photos are" };
        notes.push(format!("{outside} {photos} outside {} and not used", folder.display()));
    }
    let list = if files.identities.is_some() { IDENTITIES } else { "CelebA's lists" };
    let mut samples = Vec::new();
    for (file, identity) in rows {
        match pictures.take(&file) {
            Some(name) => samples.push(Sample::new(folder.join(&name), name, identity)),
            None => skipped.push(Skipped::new(file, format!("listed in {list}, but there is no such image"))),
        }
    }
    let unlisted = pictures.into_rest().into_iter();
    skipped.extend(unlisted.map(|file| Skipped::new(file, format!("has no row in {list}"))));
    facts::add(&mut samples, files, &folder, &mut notes)?;
    Ok((Collection { layout: Layout::Celeba, samples, skipped, notes }, foreign))
}

/// The listed pictures with their identities, with skipped rows and notes.
#[allow(clippy::type_complexity)]
fn rows(root: &Path, files: &Files) -> Result<(Vec<(String, Option<String>)>, Vec<Skipped>, Vec<String>)> {
    match &files.identities {
        Some(path) => {
            let (rows, skipped, notes) = read_identities(path)?;
            Ok((rows.into_iter().map(|(file, identity)| (file, Some(identity))).collect(), skipped, notes))
        }
        None => {
            let rows = files.listed()?.into_iter().map(|file| (file, None)).collect();
            Ok((rows, Vec::new(), vec![files::without_identities(root)]))
        }
    }
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
/// # Errors        a line without two fields → [`DataError::BadTable`](crate::DataError::BadTable) with its line number
#[allow(clippy::type_complexity)]
pub fn read_identities(path: &Path) -> Result<(Vec<(String, String)>, Vec<Skipped>, Vec<String>)> {
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut conflicts: HashMap<usize, String> = HashMap::new();
    let mut repeated = 0;
    List::open(path)?.each(1, |file, values| {
        let identity = labels::unescape(values[0]);
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
