//! Which model is better, and by how much?

use super::Answer;
use super::sound::worst_leak;
use super::verdict::Verdict;
use crate::evaluation::data::{Estimate, Measure, Section};
use crate::evaluation::document::Prose;
use crate::evaluation::number;
use crate::evaluation::view::View;
use crate::evaluation::words::{counted, listed};

const BETTER: &str = "Which model is better?";
const HOW_MUCH: &str = "By how much?";

/// The model with the highest top-1, where that is significant and no identities leak.
pub(super) fn better(view: &View, verdict: &Verdict) -> Answer {
    if worst_leak(view).is_some() && *verdict != Verdict::NoResult {
        return unfair(view, verdict);
    }
    match verdict {
        Verdict::NoResult => {
            Answer::new(BETTER, "No result", view.absent(Section::Result, "Nothing was measured."))
        }
        Verdict::One(model) => {
            let text = finds(view, *model).text(" Add a second model for a comparison.");
            Answer::new(BETTER, "One model, no comparison", text)
        }
        Verdict::Winner(best, next) => {
            let next = Prose::from(" Next: ").and(with_interval(view, *next)).text(".");
            Answer::new(BETTER, view.named(*best), finds(view, *best).and(next))
        }
        Verdict::Tied(best, tied) => Answer::new(BETTER, "No clear winner", not_different(view, *best, tied)),
        Verdict::Untested(best, next) => {
            let text = rates(view, &[*best, *next]).text(": the difference was not tested.");
            Answer::new(BETTER, "Not tested", text)
        }
    }
}

/// The answer where a model was trained on evaluated identities.
fn unfair(view: &View, verdict: &Verdict) -> Answer {
    let leak = worst_leak(view).map(|leak| leak.model).unwrap_or_default();
    let models: Vec<usize> = match verdict.pair() {
        Some((best, next)) => vec![best, next],
        None => vec![verdict.leader(view)],
    };
    let headline = if view.models() > 1 { "No fair comparison" } else { "No fair result" };
    let many = view.words.many();
    let reason =
        Prose::default().name(view.short(leak)).text(format!(" was trained on {many} of this data. "));
    Answer::new(
        BETTER,
        headline,
        reason.and(rates(view, &models)).text(" top-1, too high by an unknown amount."),
    )
}

/// The difference between the first two models.
pub(super) fn by_how_much(view: &View, verdict: &Verdict) -> Answer {
    let Some((best, next)) = verdict.pair() else { return one_model(view, verdict) };
    let Some(top1) = view.paired(best, next, &Measure::Top(1)) else {
        return Answer::new(HOW_MUCH, "Not measured", "There is no top-1 of both models.");
    };
    let headline = format!("{} points top-1", number::points(top1.difference.value));
    let mut text = Prose::default();
    let queries = counted(view.queries(), "query", "queries");
    text = match view.paired(best, next, &Measure::MeanAveragePrecision) {
        Some(map) => text.text(format!("and {} points mAP ", number::points(map.difference.value))),
        None => text,
    };
    text = text.text("over ").and(view.named(next)).text(format!(", on the same {queries}"));
    if let Some(counts) = view.mcnemar(best, next) {
        let times = |number: usize| counted(number, "time", "times");
        text = text
            .text(format!(": right {} where ", times(counts.only_first)))
            .and(view.named(next))
            .text(format!(" is wrong, wrong {} where ", times(counts.only_second)))
            .and(view.named(next))
            .text(" is right");
    }
    let mut answer = Answer::new(HOW_MUCH, headline, text.text("."));
    if matches!(verdict, Verdict::Tied(..)) {
        answer.remark = Prose::default().name(view.short(best)).text(", not significant");
    }
    answer
}

/// The other measures of the only model.
fn one_model(view: &View, verdict: &Verdict) -> Answer {
    let model = verdict.leader(view);
    let values = [Measure::MeanAveragePrecision, Measure::Eer].into_iter().filter_map(|measure| {
        let value = number::percent_sign(view.estimate(model, &measure)?.value);
        Some(Prose::from(format!("{} {value}", crate::evaluation::words::measure(&measure))))
    });
    let values: Vec<Prose> = values.collect();
    let text = if values.is_empty() { Prose::from("No other measure.") } else { listed(values).text(".") };
    Answer::new(HOW_MUCH, "Nothing to compare with", text)
}

/// "97.7 % of queries find the right person first (96.3–98.8)."
fn finds(view: &View, model: usize) -> Prose {
    let Some(top1) = view.top1(model) else { return Prose::default() };
    let words =
        format!("{} of queries find the right {} first", number::percent_sign(top1.value), view.words.one());
    Prose::from(words).text(bracketed(top1)).text(".")
}

/// "dlib ResNet, 96.3 % (94.5–97.8)"
fn with_interval(view: &View, model: usize) -> Prose {
    let Some(top1) = view.top1(model) else { return view.named(model) };
    view.named(model).text(format!(", {}{}", number::percent_sign(top1.value), bracketed(top1)))
}

/// " (96.3–98.8)", or nothing.
fn bracketed(estimate: &Estimate) -> String {
    number::interval(estimate).map_or_else(String::new, |interval| format!(" ({interval})"))
}

/// "MobileFaceNet 97.7 %, dlib ResNet 97.4 %"
fn rates(view: &View, models: &[usize]) -> Prose {
    let mut list = Prose::default();
    for &model in models {
        let Some(top1) = view.top1(model) else { continue };
        let before = if list.is_empty() { "" } else { ", " };
        list =
            list.text(before).and(view.named(model)).text(format!(" {}", number::percent_sign(top1.value)));
    }
    list
}

/// The rates of models that are not significantly different, and what other measures say.
fn not_different(view: &View, best: usize, tied: &[usize]) -> Prose {
    const MOST: usize = 3;
    let models: Vec<usize> = std::iter::once(best).chain(tied.iter().copied().take(MOST)).collect();
    let mut text = rates(view, &models);
    if tied.len() > MOST {
        text = text.text(format!(" and {} more", tied.len() - MOST));
    }
    text = text.text(": no significant difference");
    let next = tied[0];
    // The interval is printed as in the table: the other model minus the reference.
    let (first, second) = if view.report.reference == best { (next, best) } else { (best, next) };
    let interval = view
        .paired(first, second, &Measure::Top(1))
        .and_then(|paired| number::points_interval(&paired.difference));
    text = match interval.filter(|_| tied.len() == 1) {
        Some(interval) => text.text(format!(" ({interval} points).")),
        None => text.text("."),
    };
    match view.paired(best, next, &Measure::MeanAveragePrecision) {
        Some(map) if map.significant == Some(true) => {
            let better = if map.difference.value > 0.0 { best } else { next };
            text.text(" By mAP, ").and(view.named(better)).text(" is better.")
        }
        _ => text,
    }
}
