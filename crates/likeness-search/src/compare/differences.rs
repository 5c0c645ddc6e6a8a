//! Differences of two models' measures on the same queries.
//!
//! A paired bootstrap: both models are measured on the same resamples of identities, and their values are subtracted resample
//! by resample. What makes some identities easy for both models cancels out, so that the interval of a difference is narrower
//! than those of the two values suggest.

use serde::Serialize;

use super::{Measured, bootstrap_p};
use crate::{Interval, Result, SearchError};

/// The difference of one measure between a model and the reference model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The name of the measure.
    pub measure: String,
    /// Whether a larger value is better.
    pub higher_is_better: bool,
    /// The model's value minus the reference's; NaN (null in JSON) if one of them is not defined.
    pub difference: f64,
    /// The 95 % interval of the difference; `None` if no resample has a value.
    pub interval: Option<Interval>,
    /// The two-sided p-value of the paired bootstrap, not adjusted; see [`bootstrap_p`].
    pub p: f64,
    /// The number of resamples in which both values are defined.
    pub resamples: usize,
}

/// The differences of all measures that both models have, in the order of `reference`.
///
/// # Errors        a measure of the two models differs in the number of resamples → `BadArgument`
/// # Examples
/// ```
/// use likeness_search::compare::{Measured, differences};
///
/// let measured = |estimate, resampled: [f64; 3]| Measured {
///     name: "top-1".into(), higher_is_better: true, estimate, resampled: resampled.to_vec(),
/// };
/// let found = differences(&[measured(0.5, [0.4, 0.5, 0.6])], &[measured(0.75, [0.65, 0.75, 0.85])])?;
/// assert_eq!(found[0].difference, 0.25);
/// let interval = found[0].interval.unwrap();
/// assert!((interval.low - 0.25).abs() < 1e-12 && (interval.high - 0.25).abs() < 1e-12);
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn differences(reference: &[Measured], model: &[Measured]) -> Result<Vec<Difference>> {
    let pairs = reference.iter().filter_map(|of_reference| {
        model
            .iter()
            .find(|of_model| of_model.name == of_reference.name)
            .map(|of_model| (of_reference, of_model))
    });
    pairs.map(|(reference, model)| difference(reference, model)).collect()
}

fn difference(reference: &Measured, model: &Measured) -> Result<Difference> {
    let (expected, found) = (reference.resampled.len(), model.resampled.len());
    if expected != found {
        let reason = format!(
            "{}: expected {expected} resamples of both models, found {found}; use the same resamples",
            model.name
        );
        return Err(SearchError::BadArgument { reason });
    }
    let values: Vec<f64> = model.resampled.iter().zip(&reference.resampled).map(|(a, b)| a - b).collect();
    Ok(Difference {
        measure: model.name.clone(),
        higher_is_better: model.higher_is_better,
        difference: model.estimate - reference.estimate,
        p: bootstrap_p(&values),
        resamples: values.iter().filter(|value| !value.is_nan()).count(),
        interval: Interval::percentile(values),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(name: &str, estimate: f64, resampled: Vec<f64>) -> Measured {
        Measured { name: name.into(), higher_is_better: true, estimate, resampled }
    }

    #[test]
    fn resamples_without_a_value_are_left_out() {
        let reference = measured("TAR", 0.5, vec![0.5, f64::NAN, 0.4, 0.6]);
        let model = measured("TAR", 0.7, vec![0.7, 0.7, f64::NAN, 0.8]);
        let found = &differences(&[reference], &[model]).unwrap()[0];
        assert_eq!(found.resamples, 2);
        assert!(found.interval.unwrap().low > 0.19 && found.interval.unwrap().high < 0.21);
        assert_eq!(found.p, 2.0 / 3.0);
        let nothing = [measured("TAR", f64::NAN, vec![f64::NAN; 4])];
        let found = &differences(&nothing, &nothing).unwrap()[0];
        assert!(found.difference.is_nan());
        assert_eq!((found.interval, found.p, found.resamples), (None, 1.0, 0));
        assert!(serde_json::to_value(found).unwrap()["difference"].is_null());
    }

    #[test]
    fn only_measures_of_both_models_are_compared_and_by_name() {
        let reference = [measured("a", 0.1, vec![0.1]), measured("b", 0.2, vec![0.2])];
        let model = [measured("b", 0.5, vec![0.5]), measured("c", 0.9, vec![0.9])];
        let found = differences(&reference, &model).unwrap();
        assert_eq!(found.iter().map(|d| d.measure.as_str()).collect::<Vec<_>>(), ["b"]);
        let short = [measured("b", 0.5, vec![])];
        let error = differences(&reference, &short).unwrap_err().to_string();
        assert_eq!(error, "b: expected 1 resamples of both models, found 0; use the same resamples");
    }

    #[test]
    fn equal_models_do_not_differ() {
        let values = [measured("a", 0.5, vec![0.4, 0.5, 0.6])];
        let found = &differences(&values, &values).unwrap()[0];
        assert_eq!((found.difference, found.p), (0.0, 1.0));
        assert_eq!(found.interval, Some(Interval { low: 0.0, high: 0.0 }));
    }
}
