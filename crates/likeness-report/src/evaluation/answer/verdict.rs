//! Which model leads by top-1, and whether that is certain.

use crate::evaluation::data::Measure;
use crate::evaluation::view::View;

/// The comparison of models by top-1.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// No model has a top-1.
    NoResult,
    /// One model.
    One(usize),
    /// The first is significantly better than all others; the second is next.
    Winner(usize, usize),
    /// The first has the highest top-1; the others are not significantly different from it.
    Tied(usize, Vec<usize>),
    /// The first has the highest top-1, the second the next; the difference was not tested.
    Untested(usize, usize),
}

impl Verdict {
    /// Compares the models. Ranking by a difference that is not significant is not a verdict.
    pub(super) fn of(view: &View) -> Self {
        let order: Vec<usize> =
            view.by_top1().into_iter().filter(|&model| view.top1(model).is_some()).collect();
        let (best, next) = match order[..] {
            [] => return Self::NoResult,
            [only] => return Self::One(only),
            [best, next, ..] => (best, next),
        };
        let flagged =
            |model: usize| view.measure(model, &Measure::Top(1)).is_some_and(|value| value.best_or_tied);
        let tested = view.paired(best, next, &Measure::Top(1)).and_then(|paired| paired.significant);
        let equal = |model: usize| flagged(model) || (model == next && tested == Some(false));
        let tied: Vec<usize> = order.iter().copied().skip(1).filter(|&model| equal(model)).collect();
        match tied.is_empty() {
            false => Self::Tied(best, tied),
            true if tested.is_some() || flagged(best) => Self::Winner(best, next),
            true => Self::Untested(best, next),
        }
    }

    /// The pair of models that the answers compare.
    pub(super) fn pair(&self) -> Option<(usize, usize)> {
        match self {
            Self::Winner(best, next) | Self::Untested(best, next) => Some((*best, *next)),
            Self::Tied(best, tied) => Some((*best, *tied.first()?)),
            Self::NoResult | Self::One(_) => None,
        }
    }

    /// The model that the remaining answers are about: the winner, else the reference.
    pub(super) fn leader(&self, view: &View) -> usize {
        match self {
            Self::Winner(best, _) | Self::Untested(best, _) | Self::One(best) => *best,
            Self::Tied(..) | Self::NoResult => view.report.reference,
        }
    }
}
