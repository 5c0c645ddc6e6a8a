//! Photos of nobody in particular: a folder of anything, for searching through or as an unlabelled target domain.

use std::path::Path;

use super::{Collection, Layout, Sample};
use crate::Result;
use crate::photos;

/// Reads the collection at `root`.
pub(super) fn read(root: &Path, except: Option<&Path>) -> Result<Collection> {
    let (found, skipped) = photos::find_some(&[root.to_owned()], except)?;
    let samples = found.into_iter().map(|p| Sample::new(p.path, p.name, None)).collect();
    Ok(Collection { layout: Layout::Unlabelled, samples, skipped, notes: Vec::new() })
}
