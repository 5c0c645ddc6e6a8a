//! Identities whose names differ only in writing: case, Unicode normalisation, or blanks.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

/// Identities that are probably one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SimilarNames {
    /// The names as they are written, in order.
    pub names: Vec<String>,
}

/// Finds identities whose names are equal after compatibility normalisation (NFKC, Unicode Standard Annex #15), conversion to
/// lower case, and removal of blanks at the ends and of repeated blanks.
///
/// # Examples
/// ```
/// use likeness_search::label::similar_names;
/// let found = similar_names(["Ann", "ann ", "Zoe\u{308}", "Zo\u{eb}", "Bob"]);
/// assert_eq!(found.len(), 2);
/// assert_eq!(found[0].names, ["Ann", "ann "]);
/// ```
pub fn similar_names<'a>(identities: impl IntoIterator<Item = &'a str>) -> Vec<SimilarNames> {
    let mut groups: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for name in identities {
        groups.entry(folded(name)).or_default().insert(name);
    }
    let several = groups.into_values().filter(|names| names.len() > 1);
    several.map(|names| SimilarNames { names: names.into_iter().map(str::to_owned).collect() }).collect()
}

fn folded(name: &str) -> String {
    let lower: String = name.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_names_stay_apart() {
        assert!(similar_names(["a", "b", "ä", ""]).is_empty());
        assert!(similar_names(["a", "a"]).is_empty());
        assert_eq!(similar_names(["Ａnn", "ann", "ANN", "a\n b", "A b"]).len(), 2);
    }
}
