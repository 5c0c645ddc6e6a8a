//! The names of the ranking metrics that are computed for each query.

use serde::{Deserialize, Serialize};

use crate::metric::{
    average_precision, average_precision_at_r, inverse_negative_penalty, r_precision, reciprocal_rank,
};

/// A ranking metric whose value over several queries is the mean of its values for each query; larger is better.
///
/// The name in JSON is that of the field in [`Evaluation`](crate::Evaluation), such as `map_at_r`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RankingMeasure {
    /// Whether the first hit has the right identity.
    Top1,
    /// Whether the right identity is among the first five hits.
    Top5,
    /// Whether the right identity is among the first ten hits.
    Top10,
    /// Average precision; its mean is mAP.
    Map,
    /// Average precision at R; its mean is MAP@R.
    MapAtR,
    /// R-precision.
    RPrecision,
    /// Reciprocal rank; its mean is MRR.
    Mrr,
    /// Inverse negative penalty; its mean is mINP.
    Minp,
}

impl RankingMeasure {
    /// All measures, in the order in which they are reported.
    pub const ALL: [Self; 8] = [
        Self::Top1,
        Self::Top5,
        Self::Top10,
        Self::Map,
        Self::MapAtR,
        Self::RPrecision,
        Self::Mrr,
        Self::Minp,
    ];

    /// The key in JSON, which is the field in [`Evaluation`](crate::Evaluation).
    pub fn key(self) -> &'static str {
        match self {
            Self::Top1 => "top1",
            Self::Top5 => "top5",
            Self::Top10 => "top10",
            Self::Map => "map",
            Self::MapAtR => "map_at_r",
            Self::RPrecision => "r_precision",
            Self::Mrr => "mrr",
            Self::Minp => "minp",
        }
    }

    /// The name as printed in tables and charts.
    ///
    /// # Examples
    /// ```
    /// use likeness_search::RankingMeasure;
    /// let names = RankingMeasure::ALL.map(RankingMeasure::name);
    /// assert_eq!(names, ["top-1", "top-5", "top-10", "mAP", "MAP@R", "R-precision", "MRR", "mINP"]);
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Top1 => "top-1",
            Self::Top5 => "top-5",
            Self::Top10 => "top-10",
            Self::Map => "mAP",
            Self::MapAtR => "MAP@R",
            Self::RPrecision => "R-precision",
            Self::Mrr => "MRR",
            Self::Minp => "mINP",
        }
    }

    /// The value for one query.
    ///
    /// # Shapes        ranks: ranks of all relevant images, ascending, from 1
    /// # Units         share in [0, 1]
    pub fn of(self, ranks: &[u32]) -> f64 {
        let within = |k| f64::from(u8::from(ranks.first().is_some_and(|&rank| rank <= k)));
        match self {
            Self::Top1 => within(1),
            Self::Top5 => within(5),
            Self::Top10 => within(10),
            Self::Map => average_precision(ranks, ranks.len()),
            Self::MapAtR => average_precision_at_r(ranks, ranks.len()),
            Self::RPrecision => r_precision(ranks, ranks.len()),
            Self::Mrr => reciprocal_rank(ranks),
            Self::Minp => inverse_negative_penalty(ranks, ranks.len()),
        }
    }

    /// The position in [`ALL`](Self::ALL).
    pub(super) fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_positions_agree_with_their_definitions() {
        for (i, measure) in RankingMeasure::ALL.into_iter().enumerate() {
            assert_eq!(measure.index(), i);
            assert_eq!(serde_json::to_value(measure).unwrap(), measure.key());
        }
    }
}
