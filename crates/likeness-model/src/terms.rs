//! The terms of well-known licences.

use likeness_search::Terms;

/// Licences without conditions on use, by the start of their names.
const PERMISSIVE: [&str; 9] =
    ["MIT", "Apache-2.0", "BSD-2", "BSD-3", "CC0", "CC-BY-4.0", "ISC", "Unlicense", "Zlib"];
/// Licences that works based on them must have, too, by the start of their names.
const COPYLEFT: [&str; 3] = ["GPL", "AGPL", "LGPL"];

/// The terms of the licence `name`; unstated if it is not known.
pub(crate) fn terms_of(name: &str) -> Terms {
    let starts = |known: &[&str]| known.iter().any(|start| name.starts_with(start));
    if name.to_lowercase().contains("non-commercial") {
        Terms::NonCommercial
    } else if starts(&PERMISSIVE) {
        Terms::Permissive
    } else if starts(&COPYLEFT) {
        Terms::Copyleft
    } else {
        Terms::Unstated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::entries;

    #[test]
    fn well_known_licences_have_the_terms_that_the_registry_states() {
        // Intel's licence is only that of cascades, which are no weights.
        for entry in entries().iter().filter(|entry| !entry.licence.starts_with("Intel")) {
            assert_eq!(terms_of(&entry.licence), entry.terms, "{}", entry.licence);
        }
        assert_eq!(terms_of("MIT OR Apache-2.0"), Terms::Permissive);
        assert_eq!(terms_of("not stated"), Terms::Unstated);
    }
}
