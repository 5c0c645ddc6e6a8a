//! The evaluation report: its data, and the page, Markdown and JSON that are written of it.
//!
//! A [`Report`] holds numbers only. The six answers at its top, readings and caveats are computed from them by rules, so
//! that [`html`], [`markdown`] and [`json`] always say the same.

mod answer;
mod data;
mod document;
mod json;
mod markdown;
mod number;
mod page;
mod section;
pub mod text;
mod view;
mod words;

pub use data::*;
pub use json::json;
pub use markdown::markdown;
pub use page::html;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
