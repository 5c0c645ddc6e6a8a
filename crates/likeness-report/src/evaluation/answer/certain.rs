//! Is that certain?

use super::Answer;
use super::verdict::Verdict;
use crate::evaluation::data::{Estimate, Measure};
use crate::evaluation::document::Prose;
use crate::evaluation::number;
use crate::evaluation::view::{Paired, View};
use crate::evaluation::words::{self, listed};

const QUESTION: &str = "Is that certain?";
/// With fewer identities, an interval says little.
const FEW: usize = 30;

/// Whether the difference between the first two models is significant, and in which measures.
pub(super) fn certain(view: &View, verdict: &Verdict) -> Answer {
    let Some((best, next)) = verdict.pair() else { return one_model(view, verdict) };
    let tested: Vec<(&Measure, Paired)> = view
        .columns()
        .into_iter()
        .filter_map(|measure| Some((measure, view.paired(best, next, measure)?)))
        .filter(|(_, paired)| paired.significant.is_some())
        .collect();
    if tested.is_empty() {
        return untested(view, verdict);
    }
    let significant = |measure: &Measure| {
        tested.iter().any(|(tested, paired)| *tested == measure && paired.significant == Some(true))
    };
    let headline = match (significant(&Measure::Top(1)), significant(&Measure::MeanAveragePrecision)) {
        (true, true) if tested.iter().all(|(_, paired)| paired.significant == Some(true)) => {
            "Yes, by every measure"
        }
        (true, true) => "Yes for top-1 and mAP",
        (true, false) => "Yes for top-1",
        (false, true) => "For mAP, not for top-1",
        (false, false) => return no(view, best, next, &tested),
    };
    let text = intervals(&tested)
        .sentence(none(&tested, "No significant difference"))
        .sentence(opposite(view, next, &tested));
    Answer::new(QUESTION, headline, text)
}

/// "95 % intervals +0.6 to +2.3 and +1.3 to +3.5 points."
fn intervals(tested: &[(&Measure, Paired)]) -> Prose {
    let main = tested.iter().filter(|(measure, paired)| {
        paired.significant == Some(true) && matches!(measure, Measure::Top(1) | Measure::MeanAveragePrecision)
    });
    let intervals: Vec<Prose> =
        main.filter_map(|(_, paired)| number::points_interval(&paired.difference)).map(Prose::from).collect();
    let word = match intervals.len() {
        0 => return Prose::default(),
        1 => "interval",
        _ => "intervals",
    };
    Prose::from(format!("95{}% {word} ", number::SPACE)).and(listed(intervals)).text(" points.")
}

/// "**No significant difference** in top-5, top-10 and EER."
fn none(tested: &[(&Measure, Paired)], words: &str) -> Prose {
    let without = tested.iter().filter(|(_, paired)| paired.significant == Some(false));
    let names: Vec<Prose> = without.map(|(measure, _)| words::measure(measure).into()).collect();
    match names.is_empty() {
        true => Prose::default(),
        false => Prose::default().strong(words).text(" in ").and(listed(names)).text("."),
    }
}

/// The measures by which the second model is significantly better.
fn opposite(view: &View, next: usize, tested: &[(&Measure, Paired)]) -> Prose {
    let worse =
        |paired: &Paired, measure: &Measure| (paired.difference.value > 0.0) != measure.higher_is_better();
    let against =
        tested.iter().filter(|(measure, paired)| paired.significant == Some(true) && worse(paired, measure));
    let names: Vec<Prose> = against.map(|(measure, _)| words::measure(measure).into()).collect();
    match names.is_empty() {
        true => Prose::default(),
        false => view.named(next).text(" is better by ").and(listed(names)).text("."),
    }
}

/// The answer without a significant difference in top-1 and mAP.
fn no(view: &View, best: usize, next: usize, tested: &[(&Measure, Paired)]) -> Answer {
    let top1 = tested.iter().find(|(measure, _)| **measure == Measure::Top(1));
    let identities = view.report.summary.identities;
    if let Some(span) = top1.and_then(|(_, paired)| span(&paired.difference))
        && identities < FEW
    {
        return few(view, "the difference", span);
    }
    let interval = top1.and_then(|(_, paired)| number::points_interval(&paired.difference));
    let text = interval.map_or_else(Prose::default, |interval| {
        Prose::from(format!("95{}% interval of the difference in top-1: {interval} points.", number::SPACE))
    });
    let significant = tested.iter().filter(|(_, paired)| paired.significant == Some(true));
    let better = significant.filter(|(m, paired)| (paired.difference.value > 0.0) == m.higher_is_better());
    let names: Vec<Prose> = better.map(|(measure, _)| words::measure(measure).into()).collect();
    let better = match names.is_empty() {
        true => Prose::default(),
        false => view.named(best).text(" is better by ").and(listed(names)).text("."),
    };
    let text = text.sentence(better).sentence(opposite(view, next, tested));
    Answer::new(QUESTION, "No", text.sentence(none(tested, "No significant difference")))
}

/// The answer with too few identities.
fn few(view: &View, of: &str, span: f64) -> Answer {
    let (people, many) = (view.words.counted(view.report.summary.identities), view.words.many());
    let points = number::decimal(span * 100.0, 0);
    let text = format!(
        "{people}; the interval of {of} spans {points} points. More {many} narrow it; more photos of the same {many} hardly do."
    );
    Answer::new(QUESTION, format!("No: too few {many}"), text)
}

/// The answer where no difference was tested.
fn untested(view: &View, verdict: &Verdict) -> Answer {
    let text = match verdict {
        Verdict::Winner(..) | Verdict::Tied(..) => {
            "By the paired test of top-1; its intervals are not in this report."
        }
        _ => "Neither intervals nor p values were computed.",
    };
    match verdict {
        Verdict::Winner(..) => Answer::new(QUESTION, "Yes for top-1", text),
        Verdict::Tied(..) => Answer::new(QUESTION, "No", text),
        _ if view.models() > 0 => Answer::new(QUESTION, "Not tested", text),
        _ => Answer::new(QUESTION, "Nothing to test", "There is no result."),
    }
}

/// The interval of the only model.
fn one_model(view: &View, verdict: &Verdict) -> Answer {
    let Verdict::One(model) = verdict else { return untested(view, verdict) };
    let Some((top1, interval)) = view.top1(*model).and_then(|top1| Some((top1, number::interval(top1)?)))
    else {
        return Answer::new(QUESTION, "Not tested", "No interval of top-1 was computed.");
    };
    if let Some(span) = span(top1)
        && view.report.summary.identities < FEW
    {
        return few(view, "top-1", span);
    }
    let people = view.words.counted(view.report.summary.identities);
    let text = format!("95{}% interval of top-1, from {people}.", number::SPACE);
    Answer::new(QUESTION, format!("Within {interval}{}%", number::SPACE), text)
}

/// Width of an interval.
fn span(estimate: &Estimate) -> Option<f64> {
    estimate.interval().map(|(low, high)| high - low)
}
