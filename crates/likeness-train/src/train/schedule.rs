//! The learning rate of each step of a phase.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::range::within;

/// How the learning rate falls after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// Constant learning rate.
    Constant,
    /// Cosine decay: Loshchilov and Hutter (2017), arXiv 1608.03983, without restarts.
    Cosine,
    /// Step decay: a factor of 0.1 at half and at three quarters of the phase.
    Step,
}

/// Schedule of the learning rate in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleConfig {
    /// Share of the phase in which the learning rate rises from 0: Goyal et al. (2017), arXiv 1706.02677.
    pub warm_up: f32,
    /// How the learning rate falls after the warm-up.
    pub decay: Decay,
    /// Final value of a cosine decay, as a share of the highest learning rate.
    pub end: f32,
}

impl Default for ScheduleConfig {
    /// Warm-up for 5 % of the phase, then cosine decay to 1 % of the highest learning rate.
    fn default() -> Self {
        Self { warm_up: 0.05, decay: Decay::Cosine, end: 0.01 }
    }
}

impl ScheduleConfig {
    /// Checks the settings.
    ///
    /// # Errors        a share that is not from 0 to below 1 → [`TrainError::BadArgument`](crate::TrainError::BadArgument)
    pub fn validate(&self) -> Result<()> {
        [("warm_up", self.warm_up), ("end", self.end)]
            .into_iter()
            .try_for_each(|(name, share)| within(name, share, 0.0..1.0))
    }

    /// The learning rate of step `step`, counted from 0, of `steps` steps, as a share of the highest.
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
