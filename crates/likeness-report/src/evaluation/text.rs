//! Words and numbers of a report, for programs that print parts of it as text.

use super::data::{Difference, Measure};
use super::{number, words};

/// The name of a measure, such as "top-1" or "TAR at FMR 0.1 %".
pub fn measure(measure: &Measure) -> String {
    words::measure(measure)
}

/// What a difference means: better, worse, or no significant difference.
pub fn reading(difference: &Difference) -> &'static str {
    words::difference_reading(difference).word
}

/// A p value, such as "0.012" or "< 0.001".
pub fn p_value(p: f64) -> String {
    number::p_value(p)
}
