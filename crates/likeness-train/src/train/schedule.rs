//! The learning rate from step to step of a phase.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::range::within;

/// How the rate moves from its highest to its end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// It does not.
    Constant,
    /// Half a cosine: Loshchilov and Hutter (2017), arXiv 1608.03983, without restarts.
    Cosine,
    /// Times 0.1 at half and at three quarters of the phase.
    Step,
}

/// How the learning rate moves through a phase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleConfig {
    /// Share of the phase in which the rate rises from 0: Goyal et al. (2017), arXiv 1706.02677.
    pub warm_up: f32,
    /// How it moves then.
    pub decay: Decay,
    /// Where a cosine ends, as a share of the highest rate.
    pub end: f32,
}

impl Default for ScheduleConfig {
    /// A twentieth of warm-up, then a cosine to a hundredth.
    fn default() -> Self {
        Self { warm_up: 0.05, decay: Decay::Cosine, end: 0.01 }
    }
}

impl ScheduleConfig {
    /// Refuses shares outside their range.
    ///
    /// # Errors        a share that is not from 0 to below 1 → [`TrainError::BadArgument`](crate::TrainError::BadArgument)
    pub fn validate(&self) -> Result<()> {
        [("warm_up", self.warm_up), ("end", self.end)]
            .into_iter()
            .try_for_each(|(name, share)| within(name, share, 0.0..1.0))
    }

    /// The rate of `step`, counted from 0, of `steps`, as a share of the highest.
    ///
    /// # Examples
    /// ```
    /// use likeness_train::train::schedule::{Decay, ScheduleConfig};
    ///
    /// let schedule = ScheduleConfig { warm_up: 0.5, decay: Decay::Cosine, end: 0.0 };
    /// assert_eq!([schedule.share(0, 4), schedule.share(1, 4), schedule.share(2, 4)], [0.5, 1.0, 1.0]);
    /// ```
    pub fn share(&self, step: u64, steps: u64) -> f32 {
        let warm_up = (self.warm_up * steps as f32).ceil() as u64;
        if step < warm_up {
            return (step + 1) as f32 / warm_up as f32;
        }
        let passed = (step - warm_up) as f32 / (steps.max(warm_up + 1) - warm_up) as f32;
        match self.decay {
            Decay::Constant => 1.0,
            Decay::Cosine => {
                self.end + (1.0 - self.end) * 0.5 * (1.0 + (std::f32::consts::PI * passed).cos())
            }
            Decay::Step if passed < 0.5 => 1.0,
            Decay::Step if passed < 0.75 => 0.1,
            Decay::Step => 0.01,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_and_then_fall() {
        for decay in [Decay::Constant, Decay::Cosine, Decay::Step] {
            let schedule = ScheduleConfig { decay, ..Default::default() };
            let rates: Vec<f32> = (0..200).map(|step| schedule.share(step, 200)).collect();
            assert!(rates[..10].windows(2).all(|w| w[0] < w[1]), "{decay:?}");
            assert!(rates[10..].windows(2).all(|w| w[0] >= w[1]), "{decay:?}");
            assert!(rates.iter().all(|rate| *rate > 0.0 && *rate <= 1.0), "{decay:?}");
        }
        assert!(ScheduleConfig::default().share(199, 200) < 0.011);
        assert!(ScheduleConfig { end: 1.0, ..Default::default() }.validate().is_err());
    }
}
