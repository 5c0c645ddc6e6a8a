//! Names of people. Any text with a visible character is a name.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::{GalleryError, Result};

/// A name as it is stored: without white space around it, in Unicode's composed form (NFC).
///
/// # Errors        a name without a visible character → `BadArgument`
///
/// # Examples
///
/// ```
/// use likeness_gallery::people::clean_name;
///
/// assert_eq!(clean_name(" Zoe\u{308} ")?, "Zoë");
/// assert!(clean_name(" \n").is_err());
/// # Ok::<(), likeness_gallery::GalleryError>(())
/// ```
pub fn clean_name(name: &str) -> Result<String> {
    if name.chars().all(is_invisible) {
        return Err(GalleryError::BadArgument {
            reason: format!("name {name:?}: expected a name, found no visible character"),
            hint: "enter a name with at least one letter".into(),
        });
    }
    Ok(composed(name).into_owned())
}

/// Whether two names are equal, apart from white space around them and Unicode's composition.
pub fn same_name(a: &str, b: &str) -> bool {
    composed(a) == composed(b)
}

fn composed(name: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(name.trim())
}

/// White space, control characters and characters of zero width, such as marks of the direction of writing.
fn is_invisible(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || is_format(letter)
}

/// Characters of zero width that only affect how their neighbours are shown (Unicode category Cf).
pub(super) fn is_format(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_script_are_kept() {
        for name in
            ["Anna", "O'Brien \"Bob\"", "line\nbreak", "\u{5d0}\u{5e0}\u{5d4}", "محمد", "👩‍🚀", "<b>&amp;", "-"]
        {
            assert_eq!(clean_name(name).unwrap(), name);
        }
    }

    #[test]
    fn names_without_a_visible_character_are_refused() {
        for name in ["", " ", "\t\r\n", "\u{a0}\u{3000}", "\u{200b}", "\u{202e}\u{2066}", "\0", "\u{feff}"] {
            let error = clean_name(name).unwrap_err();
            assert!(matches!(error, GalleryError::BadArgument { .. }), "{name:?}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }

    #[test]
    fn composed_and_decomposed_names_are_equal() {
        assert!(same_name("Zo\u{eb}", " Zoe\u{308}\n"));
        assert!(!same_name("Anna", "anna"), "case counts");
        assert!(!same_name("Zoe", "Zo\u{eb}"));
    }
}
