//! Identification in an open set: who is this, if anyone in the gallery?
//!
//! Every labelled query is searched twice. The *mated* search finds the nearest image of its identity; the *unmated* search finds the
//! nearest image of any other identity, as if the query's identity were not in the gallery. A search at the threshold t returns
//! the images at a distance of at most t. [`SearchStatistics`] finds both distances for all queries in one pass.
//!
//! [`false_positive_identification_rate`] (FPIR) and [`false_negative_identification_rate`] (FNIR) are the error rates of ISO/IEC
//! 19795-1:2021 and of NIST's evaluations (FRTE 1:N). [`fnir_at_fpir`] is the headline. FPIR grows with the gallery:
//! [`projected_fpir`] predicts it, and [`measured_growth`] measures it in random parts of the gallery.

mod curve;
mod false_negative;
mod false_positive;
mod fnir_at_fpir;
mod growth;
mod resample;
mod searches;

pub use curve::{IdentificationPoint, identification_curve};
pub use false_negative::{FalseNegatives, false_negative_identification_rate};
pub use false_positive::{false_positive_identification_rate, projected_fpir};
pub use fnir_at_fpir::{FnirAtFpir, HEADLINE_FPIR, Projection, REPORTED_FPIRS, fnir_at_fpir};
pub use growth::{GrowthPoint, measured_growth};
pub use searches::{Search, SearchConfig, SearchStatistics};
