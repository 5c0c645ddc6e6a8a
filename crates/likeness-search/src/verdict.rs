//! Verdicts: whether two embeddings show the same person, by thresholds at known false match rates.
//!
//! A threshold at the false match rate r is the distance below which a share r of the pairs of different people lie (ISO/IEC
//! 19795-1: FMR). Thresholds are measured on many pairs and stored with the model.

use serde::{Deserialize, Serialize};

/// The false match rate up to which a pair is [`Verdict::Same`].
const SAME_FMR: f64 = 1e-4;
/// The false match rate up to which a pair is [`Verdict::Possible`].
const POSSIBLE_FMR: f64 = 1e-3;

/// The distance at a false match rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The share of pairs of different people that are at most this far apart.
    pub fmr: f64,
    /// The distance, in the model's own distance.
    pub distance: f32,
    /// The number of pairs of different people that it was measured on.
    pub pairs: u64,
}

/// Whether two pictures show the same person or thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// At most one in 10,000 pairs of different people is so close.
    Same,
    /// At most one in 1,000 pairs of different people is so close.
    Possible,
    /// Farther apart.
    Different,
}

impl Verdict {
    /// The name in JSON and CSV.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Possible => "possible",
            Self::Different => "different",
        }
    }
}

/// The thresholds of a model, sorted by false match rate, smallest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Thresholds(Vec<Threshold>);

impl Thresholds {
    /// Checks and sorts thresholds.
    ///
    /// # Errors        a rate outside (0, 1), a distance that is negative or not finite, two thresholds of one rate, a distance
    /// that falls when the rate rises; described as text
    pub fn new(mut thresholds: Vec<Threshold>) -> Result<Self, String> {
        for t in &thresholds {
            if !(t.fmr > 0.0 && t.fmr < 1.0) {
                return Err(format!("a false match rate must lie between 0 and 1, found {}", t.fmr));
            }
            if !(t.distance.is_finite() && t.distance >= 0.0) {
                return Err(format!(
                    "the threshold at FMR {} must be a distance of at least 0, found {}",
                    t.fmr, t.distance
                ));
            }
        }
        thresholds.sort_by(|a, b| a.fmr.total_cmp(&b.fmr));
        for pair in thresholds.windows(2) {
            if pair[0].fmr == pair[1].fmr {
                return Err(format!("there are two thresholds at FMR {}", pair[0].fmr));
            }
            if pair[0].distance > pair[1].distance {
                return Err(format!(
                    "the threshold at FMR {} is larger than that at FMR {}",
                    pair[0].fmr, pair[1].fmr
                ));
            }
        }
        Ok(Self(thresholds))
    }

    /// The thresholds, smallest false match rate first.
    pub fn as_slice(&self) -> &[Threshold] {
        &self.0
    }

    /// Whether there are no thresholds.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The distance at a false match rate; `None` if it was not measured.
    pub fn at(&self, fmr: f64) -> Option<f32> {
        self.0.iter().find(|t| (t.fmr / fmr - 1.0).abs() < 1e-6).map(|t| t.distance)
    }

    /// The largest distance of [`Verdict::Same`] and of [`Verdict::Possible`]; `None` without thresholds.
    ///
    /// Where a rate was not measured, the next smaller one is used.
    pub fn limits(&self) -> Option<(f32, f32)> {
        let upto = |fmr: f64| self.0.iter().rev().find(|t| t.fmr <= fmr * 1.000_001).map(|t| t.distance);
        let possible = upto(POSSIBLE_FMR)?;
        Some((upto(SAME_FMR).unwrap_or(possible), possible))
    }

    /// The verdict on a pair at this distance; `None` without thresholds.
    pub fn verdict(&self, distance: f32) -> Option<Verdict> {
        let (same, possible) = self.limits()?;
        Some(match distance {
            d if d <= same => Verdict::Same,
            d if d <= possible => Verdict::Possible,
            _ => Verdict::Different,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(fmr: f64, distance: f32) -> Threshold {
        Threshold { fmr, distance, pairs: 1000 }
    }

    #[test]
    fn a_pair_is_judged_by_the_rates_of_one_in_ten_thousand_and_one_in_a_thousand() {
        let thresholds = Thresholds::new(vec![at(1e-2, 0.7), at(1e-4, 0.5), at(1e-3, 0.6)]).unwrap();
        assert_eq!(thresholds.limits(), Some((0.5, 0.6)));
        let verdicts = [0.0, 0.5, 0.51, 0.6, 0.61, f32::NAN].map(|d| thresholds.verdict(d).unwrap());
        use Verdict::{Different, Possible, Same};
        assert_eq!(verdicts, [Same, Same, Possible, Possible, Different, Different]);
        assert_eq!(thresholds.at(1e-2), Some(0.7));
        assert_eq!(thresholds.at(1e-5), None);
        assert_eq!(Thresholds::default().verdict(0.0), None);
    }

    #[test]
    fn missing_rates_fall_back_to_stricter_ones() {
        let one = |fmr| Thresholds::new(vec![at(fmr, 0.4)]).unwrap().limits();
        assert_eq!(one(1e-5), Some((0.4, 0.4)));
        assert_eq!(one(1e-3), Some((0.4, 0.4)));
        assert_eq!(one(1e-2), None);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for bad in [
            vec![at(0.0, 0.5)],
            vec![at(1.0, 0.5)],
            vec![at(f64::NAN, 0.5)],
            vec![at(1e-3, f32::NAN)],
            vec![at(1e-3, -0.1)],
            vec![at(1e-3, f32::INFINITY)],
            vec![at(1e-3, 0.5), at(1e-3, 0.6)],
            vec![at(1e-3, 0.5), at(1e-2, 0.4)],
        ] {
            assert!(Thresholds::new(bad.clone()).is_err(), "{bad:?}");
        }
    }
}
