//! Range checks of settings, with one error message for all.

use std::fmt::Display;
use std::ops::{Bound, RangeBounds};

use crate::{Result, TrainError};

/// Checks that `value` is in `range`. NaN is in no range.
///
/// # Errors        the setting, its value and the range → [`TrainError::BadArgument`]
pub(crate) fn within<T: PartialOrd + Display>(
    setting: &str,
    value: T,
    range: impl RangeBounds<T>,
) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let least = match range.start_bound() {
        Bound::Included(least) => format!("at least {least}"),
        Bound::Excluded(least) => format!("more than {least}"),
        Bound::Unbounded => String::new(),
    };
    let most = match range.end_bound() {
        Bound::Included(most) => format!(" and at most {most}"),
        Bound::Excluded(most) => format!(" and less than {most}"),
        Bound::Unbounded => String::new(),
    };
    Err(TrainError::argument(format!("{setting} {value}: expected {least}{most}")))
}

/// The range above 0 up to and including `most`.
pub(crate) fn positive<T: Default>(most: T) -> (Bound<T>, Bound<T>) {
    (Bound::Excluded(T::default()), Bound::Included(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_and_nan_are_refused_with_the_range() {
        within("x", 0.0, 0.0..1.0).unwrap();
        for (value, told) in
            [(1.0, "x 1: expected at least 0 and less than 1"), (f32::NAN, "x NaN: expected")]
        {
            assert!(within("x", value, 0.0..1.0).unwrap_err().to_string().starts_with(told));
        }
        let told = within("y", 0.0, positive(2.0)).unwrap_err().to_string();
        assert_eq!(told, "y 0: expected more than 0 and at most 2");
    }
}
