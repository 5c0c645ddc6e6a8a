//! The error rate that a threshold is calibrated for.

use serde::{Deserialize, Serialize};

use crate::{Result, SearchError};

/// An error rate that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A false match rate: the share of non-mated pairs that match.
    Fmr(f64),
    /// A false positive identification rate: the share of searches without a mate that return a candidate.
    Fpir {
        /// The rate.
        rate: f64,
        /// The number of images in the gallery.
        gallery: u64,
    },
}

impl Target {
    /// The false match rate that the target needs.
    pub fn fmr(self) -> f64 {
        match self {
            Self::Fmr(rate) => rate,
            Self::Fpir { rate, gallery } => required_fmr(rate, gallery),
        }
    }

    /// Checks the rate.
    ///
    /// # Errors        a rate outside (0, 1), an empty gallery → `BadArgument`
    pub fn validate(self) -> Result<()> {
        let (name, rate) = match self {
            Self::Fmr(rate) => ("fmr", rate),
            Self::Fpir { rate, .. } => ("fpir", rate),
        };
        let reason = match self {
            Self::Fpir { gallery: 0, .. } => {
                "fpir: expected a gallery of at least one image, found 0".to_owned()
            }
            _ if rate > 0.0 && rate < 1.0 => return Ok(()),
            _ => format!("{name}: expected a rate between 0 and 1, found {rate}"),
        };
        Err(SearchError::BadArgument { reason })
    }
}

/// The false match rate at which a search of a gallery of `gallery` images has the false positive identification rate `fpir`.
///
/// ```text
/// FMR = 1 − (1 − FPIR)^(1/N)
/// ```
///
/// Assumes that the N comparisons of a search are independent. Images of one person are not; the rate is then stricter than needed.
///
/// # Examples
/// ```
/// use likeness_search::calibrate::required_fmr;
/// assert!((required_fmr(0.01, 1000) - 1.005e-5).abs() < 1e-8);
/// assert!((required_fmr(0.5, 1) - 0.5).abs() < 1e-12);
/// ```
pub fn required_fmr(fpir: f64, gallery: u64) -> f64 {
    -((-fpir).ln_1p() / gallery as f64).exp_m1()
}
