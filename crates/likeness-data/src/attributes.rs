//! Attributes of a photo: named values that a collection gives, such as CelebA's `Male` = `1`. They become columns of a
//! dataset's manifest.

use std::sync::Arc;

/// Separates the values in memory (ASCII "unit separator").
const SEPARATOR: char = '\u{1f}';

/// Named values of a photo, in the order of the collection's columns. Clones share memory, because there may be hundreds of
/// thousands of photos with dozens of attributes each.
///
/// # Examples
/// ```
/// use likeness_data::attributes::Attributes;
/// let names = std::sync::Arc::from(["Male".to_owned(), "Young".to_owned()]);
/// let attributes = Attributes::new(&names, ["1", "-1"]);
/// assert_eq!(attributes.get("Young"), Some("-1"));
/// assert_eq!(attributes.get("Smiling"), None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    names: Option<Arc<[String]>>,
    values: Arc<str>,
}

impl Attributes {
    /// Creates the attributes with these names and values; a missing value is empty. Without any value, the result equals the
    /// default.
    pub fn new<'a>(names: &Arc<[String]>, values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut joined = String::new();
        let mut values = values.into_iter();
        for at in 0..names.len() {
            if at > 0 {
                joined.push(SEPARATOR);
            }
            joined.extend(values.next().unwrap_or_default().chars().filter(|c| *c != SEPARATOR));
        }
        if joined.chars().all(|c| c == SEPARATOR) {
            return Self::default();
        }
        Self { names: Some(Arc::clone(names)), values: joined.into() }
    }

    /// The names of all attributes, also of those without a value.
    pub fn names(&self) -> &[String] {
        self.names.as_deref().unwrap_or_default()
    }

    /// Names and values, in order. A value may be empty.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names().iter().map(String::as_str).zip(self.values.split(SEPARATOR))
    }

    /// The value of the attribute `name`; `None` if there is none or it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
    }

    /// Whether there are no attributes.
    pub fn is_empty(&self) -> bool {
        self.names.is_none()
    }

    /// Whether both have the same names in the same order.
    pub(crate) fn same_names(&self, other: &Self) -> bool {
        match (&self.names, &other.names) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            (a, b) => a.is_none() == b.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_places() {
        let names: Arc<[String]> = ["a", "b", "c"].map(str::to_owned).into();
        let attributes = Attributes::new(&names, ["", "x\u{1f}y"]);
        assert_eq!(attributes.iter().collect::<Vec<_>>(), [("a", ""), ("b", "xy"), ("c", "")]);
        assert_eq!((attributes.get("a"), attributes.get("b")), (None, Some("xy")));
        assert_eq!(Attributes::new(&names, ["", "", ""]), Attributes::default());
        assert_eq!(Attributes::new(&Arc::from([]), []), Attributes::default());
        assert!(attributes.same_names(&Attributes::new(&names, ["1"])));
        assert!(!attributes.same_names(&Attributes::default()));
    }
}
