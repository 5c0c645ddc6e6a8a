//! How thresholds move without some rows, such as rows whose labels are suspected.
//!
//! A wrong label turns a mated pair into a non-mated pair at a small distance. A few of them lower the thresholds of low false match
//! rates, which are then stricter than asked.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{CalibrateConfig, Calibration, Target, calibrate, calibrate_pairs};
use crate::verification::{PairStatistics, false_match_rate};
use crate::{EmbeddingTable, ErrorRate, Result};

/// Calibrations with and without some rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Influence {
    /// The number of rows left out.
    pub left_out: usize,
    /// The calibration on all rows.
    pub with: Calibration,
    /// The calibration without these rows.
    pub without: Calibration,
    /// The thresholds of each target that both calibrations support.
    pub moves: Vec<ThresholdMove>,
}

/// How the threshold of one target moves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ThresholdMove {
    /// What was asked for.
    pub asked: Target,
    /// The threshold on all rows.
    pub with: f32,
    /// The threshold without the rows.
    pub without: f32,
    /// The false match rate of the threshold on all rows, measured without the rows.
    pub rate_without: Option<ErrorRate>,
}

/// Calibrates with and without the given rows.
///
/// # Shapes        without: row indices of `table`, in any order
/// # Errors        as [`calibrate`]
pub fn influence(table: &EmbeddingTable, without: &[usize], config: &CalibrateConfig) -> Result<Influence> {
    let with = calibrate(table, config)?;
    let left_out: HashSet<usize> = without.iter().copied().filter(|&row| row < table.len()).collect();
    let rows: Vec<usize> = (0..table.len()).filter(|row| !left_out.contains(row)).collect();
    let pairs = PairStatistics::new(&table.part(&rows), &config.pairs)?;
    let cleaned = calibrate_pairs(&pairs, &config.targets)?;
    let moves = with.thresholds.iter().zip(&cleaned.thresholds).filter_map(|(with, without)| {
        let before = with.outcome.value()?.threshold?;
        Some(ThresholdMove {
            asked: with.asked,
            with: before,
            without: without.outcome.value()?.threshold?,
            rate_without: false_match_rate(&pairs, before),
        })
    });
    Ok(Influence { left_out: left_out.len(), moves: moves.collect(), with, without: cleaned })
}
