//! Names of identities that differ only in their spelling: case, surrounding blanks or Unicode normalisation.
//!
//! Such names are different identities in every metric, and usually a mistake: each image of the one counts as wrong for the
//! other.

use std::collections::BTreeMap;

use icu_normalizer::ComposingNormalizerBorrowed;
use serde::Serialize;

use crate::Row;

/// Identities whose names differ only in their spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabelVariants {
    /// The spellings, sorted by name; at least two.
    pub spellings: Vec<Spelling>,
}

/// One spelling of an identity's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spelling {
    /// The name as it occurs.
    pub name: String,
    /// The number of rows with this spelling.
    pub rows: usize,
}

/// The identities whose names differ only by case, blanks at the ends, repeated blanks or Unicode normalisation (NFC), sorted by name.
///
/// # Examples
/// The é of the first name is one character, that of the second is an e with a combining accent.
/// ```
/// use likeness_search::{Row, label::label_variants};
/// let row = |identity: &str| Row { identity: Some(identity.into()), ..Row::new("") };
/// let found = label_variants(&[row("Ren\u{e9}"), row("Rene\u{301}"), row("rené "), row("Rene"), row("Rene")]);
/// assert_eq!(found.len(), 1);
/// let names: Vec<&str> = found[0].spellings.iter().map(|spelling| spelling.name.as_str()).collect();
/// assert_eq!(names, ["Rene\u{301}", "Ren\u{e9}", "rené "]);
/// ```
pub fn label_variants(rows: &[Row]) -> Vec<LabelVariants> {
    name_variants(rows.iter().filter_map(|row| row.identity.as_deref()))
}

/// The names that differ only in their spelling, as [`label_variants`] finds them in the identities of rows.
pub fn name_variants<'a>(names: impl Iterator<Item = &'a str>) -> Vec<LabelVariants> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    let mut by_folded: BTreeMap<String, Vec<Spelling>> = BTreeMap::new();
    for (name, rows) in counts {
        by_folded.entry(folded(name)).or_default().push(Spelling { name: name.to_owned(), rows });
    }
    let several = by_folded.into_values().filter(|spellings| spellings.len() > 1);
    several.map(|spellings| LabelVariants { spellings }).collect()
}

/// The name in lower case and Unicode normalisation form C, with single blanks between words.
pub(crate) fn folded(name: &str) -> String {
    let normalizer = ComposingNormalizerBorrowed::new_nfc();
    let lower = normalizer.normalize(name).to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    normalizer.normalize(&words.join(" ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_names_are_no_variants() {
        let row = |identity: &str| Row { identity: Some(identity.into()), ..Row::new("") };
        assert!(label_variants(&[row("ann"), row("anne"), row("ann"), Row::new("x")]).is_empty());
        let found = label_variants(&[row("Ann"), row("ann"), row("ANN"), row("ann")]);
        assert_eq!(name_variants(["a\n b", "A b", "ab"].into_iter()).len(), 1);
        let rows: Vec<usize> = found[0].spellings.iter().map(|spelling| spelling.rows).collect();
        assert_eq!(rows, [1, 1, 2]);
    }
}
