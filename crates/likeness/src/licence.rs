//! Rejects models whose licences do not allow the intended use.

use likeness_search::Licence;

use crate::{Result, invalid};

/// The intended use of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    /// Research or private use, which every known licence allows.
    Any,
    /// Commercial use, which needs a permissive licence.
    Commercial,
}

impl Usage {
    /// The use that the flag `commercial` requests.
    pub(crate) fn of(commercial: bool) -> Self {
        if commercial { Self::Commercial } else { Self::Any }
    }

    /// Checks that the licence of `what` allows this use.
    ///
    /// # Errors        a licence that is unknown or has conditions, and commercial use
    pub(crate) fn check(self, what: &str, licence: Option<&Licence>) -> Result<()> {
        if self == Self::Any {
            return Ok(());
        }
        match licence {
            Some(licence) if licence.terms.allow_commercial_use() => Ok(()),
            Some(licence) => Err(invalid(
                format!(
                    "{what}: its licence does not allow commercial use: {} ({})",
                    licence.name,
                    licence.terms.name()
                ),
                "use the built-in models face and picture, or leave --commercial out for research and private use",
            )),
            None => Err(invalid(
                format!("{what}: its licence is not known, so commercial use is rejected"),
                "use the built-in models face and picture; state the licence of your own model in its model.toml",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use likeness_search::Terms;

    use super::*;

    #[test]
    fn only_permissive_licences_allow_commercial_use() {
        let licence = |terms| Licence { name: "L".to_owned(), terms };
        for terms in [Terms::Permissive, Terms::NonCommercial, Terms::Copyleft, Terms::Unstated] {
            assert!(Usage::of(false).check("m", Some(&licence(terms))).is_ok());
            let checked = Usage::of(true).check("m", Some(&licence(terms)));
            assert_eq!(checked.is_ok(), terms == Terms::Permissive, "{terms:?}");
        }
        let error = Usage::of(true).check("m.onnx", None).unwrap_err();
        assert!(error.to_string().contains("m.onnx: its licence is not known"), "{error}");
        assert!(Usage::of(false).check("m", None).is_ok());
    }
}
