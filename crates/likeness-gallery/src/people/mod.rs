//! People: the state that follows from the log of decisions, and what follows from it for further faces.
//!
//! 1. [`People`] is a function of the log. [`People::replay`] computes it from the whole log; [`People::apply`] adds one
//!    decision. Both have the same result. [`People::validate`] checks what a user asks for, before it becomes a decision.
//! 2. [`identify`](identify::identify) names further faces by those that people named.
//! 3. [`Constraints`] are what a clustering of the faces must respect.
//! 4. [`review`](review::review) asks about the faces that are left, the most rewarding question first.

mod constraints;
mod history;
pub mod identify;
mod journal;
mod name;
pub mod review;
mod state;
mod validate;

pub use constraints::Constraints;
pub use history::HistoryLine;
pub use journal::People;
pub use name::{clean_name, same_name};
pub use state::{Person, Standing};
