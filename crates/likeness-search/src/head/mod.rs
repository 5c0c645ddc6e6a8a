//! A linear head on frozen embeddings: labelled embeddings enter, a matrix that brings images of one identity closer leaves.
//!
//! 1. `statistics` sums the scatter of embeddings within and between identities, one sum for each fold of identities;
//! 2. a [`HeadCandidate`] turns these sums into a [`LinearHead`]: within-class covariance normalisation, regularised linear
//!    discriminant analysis, or ridge regression to class means;
//! 3. [`fit_head`] chooses the candidate on identities that no fit has seen, and measures it on others ([`HeldOut`]).
//!
//! The statistics are computed in double precision, with the matrix product of the crate `gemm` and a blocked Cholesky
//! factorisation (`matrix`).

mod candidate;
mod choose;
mod linear;
mod matrix;
mod statistics;

pub use candidate::HeadCandidate;
pub use choose::{
    Accuracy, CandidateScore, Difference, HeadConfig, HeadFit, HeadVerdict, HeldOut, LEAST_IDENTITIES,
    fit_head,
};
pub use linear::LinearHead;
