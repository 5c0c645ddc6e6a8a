//! The six answers at the top of a report, computed from its data by rules, and what the data cannot say.

mod better;
mod caveat;
mod certain;
mod fails;
mod sound;
mod threshold;
mod verdict;

use super::document::Prose;
use super::view::View;

pub(super) use caveat::caveats;
pub(super) use fails::{below, short};

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    /// The question.
    pub question: &'static str,
    /// The answer in a few words.
    pub headline: Prose,
    /// A smaller remark beside it, such as a unit.
    pub remark: Prose,
    /// One to three sentences with the numbers.
    pub text: Prose,
}

impl Answer {
    fn new(question: &'static str, headline: impl Into<Prose>, text: impl Into<Prose>) -> Self {
        Self { question, headline: headline.into(), remark: Prose::default(), text: text.into() }
    }
}

/// The six answers in their order.
pub(super) fn answers(view: &View) -> [Answer; 6] {
    let verdict = verdict::Verdict::of(view);
    [
        better::better(view, &verdict),
        better::by_how_much(view, &verdict),
        certain::certain(view, &verdict),
        threshold::threshold(view, &verdict),
        fails::fails(view, &verdict),
        sound::sound(view, &verdict),
    ]
}

#[cfg(test)]
mod tests;
