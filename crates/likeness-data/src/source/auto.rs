//! `--layout auto`: which layout a collection has, and the evidence, said aloud.

use std::collections::HashSet;
use std::path::Path;

use super::{Layout, celeba, csv, prefix};
use crate::Result;
use crate::photos;

/// The layout of the collection at `root` and a sentence saying why.
///
/// In this order: CelebA's identity file; a table with a path and a label column; names that start with an identity,
/// when nine in ten do and there are clearly more identities than folders; folders; otherwise no labels.
pub(super) fn recognise(root: &Path, except: Option<&Path>) -> Result<(Layout, Option<String>)> {
    let said = |layout: Layout, evidence: String| {
        Ok((layout, Some(format!("layout {}: {evidence}", layout.name()))))
    };
    if let Some(file) = celeba::identity_file(root) {
        return said(Layout::Celeba, format!("found {}", file.display()));
    }
    if let Some(table) = csv::table_of(root)? {
        return said(Layout::Csv, format!("found {}", table.display()));
    }
    let (found, _) = photos::find_some(&[root.to_owned()], except)?;
    let folders: HashSet<&str> = found.iter().filter_map(|p| Some(p.name.rsplit_once('/')?.0)).collect();
    let prefixes: Vec<&str> = found.iter().filter_map(|p| prefix::identity_of(&p.name)).collect();
    let named = prefixes.len();
    let identities = prefixes.iter().collect::<HashSet<_>>().len();
    if named * 10 >= found.len() * 9 && identities > 2 * folders.len() && identities < named {
        return said(Layout::Prefix, format!("{named} of {} photos are named IDENTITY_N", found.len()));
    }
    match folders.len() {
        0 => said(Layout::Unlabelled, format!("{} photos in one folder, without identities", found.len())),
        count => said(Layout::Folders, format!("{} photos in {count} folders", found.len())),
    }
}
