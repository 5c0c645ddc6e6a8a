//! Calibration: thresholds for asked error rates, measured on labelled images.
//!
//! 1. [`calibrate`] finds the largest threshold with at most the asked false match rate (FMR), or with the FMR that leads to an asked
//!    false positive identification rate (FPIR) in a gallery of a given size ([`required_fmr`]).
//! 2. [`check`] measures existing thresholds on other images. A [`Reading`] states whether a measured rate agrees with the asked one.
//! 3. [`influence`] measures how thresholds move without given rows, such as rows with suspected labels.

mod check;
mod influence;
mod target;
mod thresholds;

pub use check::{Checked, Reading, check};
pub use influence::{Influence, ThresholdMove, influence};
pub use target::{Target, required_fmr};
pub use thresholds::{
    CalibrateConfig, Calibrated, CalibratedThreshold, Calibration, Growth, calibrate, calibrate_pairs,
};
