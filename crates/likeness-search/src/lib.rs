//! Embeddings in, rankings and metrics out.

mod distance;
mod error;

pub use distance::Distance;
pub use error::{Result, SearchError};
