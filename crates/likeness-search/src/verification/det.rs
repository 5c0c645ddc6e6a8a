//! Detection error trade-off (DET): the false non-match rate over the false match rate, both on logarithmic or normal axes.
//!
//! The points are those of the ROC curve whose false match rate the number of non-mated pairs supports. (Martin et al., The DET
//! curve in assessment of detection task performance, Eurospeech 1997.)

use super::{CurvePoint, PairStatistics, roc_curve};
use crate::Measured;

/// The part of the ROC curve with supported false match rates below 1, for the axes of a DET chart.
///
/// # Conventions   empty if no rate is supported: there are fewer than ten false matches at every threshold below FMR 1
/// # Examples
/// ```
/// use likeness_search::verification::{PairConfig, PairStatistics, det_curve};
/// use likeness_search::{EmbeddingTable, ModelTag, Distance, Row};
///
/// let rows = (0..30).map(|at| Row { identity: Some((at / 3).to_string()), ..Row::new(at.to_string()) });
/// let values = (0..30).map(|at| (at / 3) as f32 + (at % 3) as f32 * 0.7);
/// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// let table = EmbeddingTable::new(model, rows.collect(), values.collect())?;
/// let config = PairConfig { distance: Distance::Euclidean, ..PairConfig::default() };
/// let curve = det_curve(&PairStatistics::new(&table, &config)?);
/// assert!(curve[0].false_match_rate >= 10.0 / 405.0); // 405 non-mated pairs
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn det_curve(pairs: &PairStatistics) -> Vec<CurvePoint> {
    let supported = |point: &CurvePoint| {
        let rate = point.false_match_rate;
        rate < 1.0 && Measured::at(rate, pairs.non_mated().len(), || ()).value().is_some()
    };
    let mut points = roc_curve(pairs);
    points.retain(supported);
    points
}
