//! Where does it fail?

use super::Answer;
use super::verdict::Verdict;
use crate::evaluation::data::{Estimate, Section, Slice};
use crate::evaluation::document::Prose;
use crate::evaluation::number;
use crate::evaluation::view::View;
use crate::evaluation::words::{SLICE_IDENTITIES, SLICE_QUERIES, counted, listed};

const QUESTION: &str = "Where does it fail?";

/// Whether a slice has too few queries or identities to be read.
pub(in crate::evaluation) fn short(slice: &Slice) -> bool {
    slice.queries < SLICE_QUERIES || slice.identities < SLICE_IDENTITIES || slice.values.is_empty()
}

/// Whether the whole interval of a slice lies below the rate of all queries.
pub(in crate::evaluation) fn below(slice: &Estimate, overall: Option<&Estimate>) -> bool {
    slice.high.zip(overall).is_some_and(|(high, overall)| high < overall.value)
}

/// Top-1 of a model in a slice.
fn of(slice: &Slice, model: usize) -> Option<&Estimate> {
    slice.values.iter().find(|value| value.model == model).map(|value| &value.top1)
}

/// The worst slice of the reference that lies clearly below the rest.
pub(super) fn fails(view: &View, verdict: &Verdict) -> Answer {
    let reference = view.report.reference;
    let slices = &view.report.slices.rows;
    if slices.is_empty() {
        return Answer::new(
            QUESTION,
            "Not looked at",
            view.absent(Section::Slices, "There are no columns to slice by."),
        );
    }
    let too_few = slices.iter().filter(|slice| short(slice)).count();
    let overall = view.top1(reference);
    let values =
        slices.iter().filter(|slice| !short(slice)).filter_map(|slice| Some((slice, of(slice, reference)?)));
    let mut worst: Vec<(&Slice, &Estimate)> = values.filter(|(_, top1)| below(top1, overall)).collect();
    worst.sort_by(|a, b| a.1.value.total_cmp(&b.1.value));
    let Some(&(slice, top1)) = worst.first() else { return nowhere(view, slices.len(), too_few) };
    let title = slice.title.as_deref().unwrap_or(&slice.name);
    let queries = counted(slice.queries, "query", "queries");
    let interval = number::interval(top1).map_or_else(String::new, |interval| format!(" ({interval})"));
    let mut text =
        Prose::from(format!("{} top-1{interval} on {queries}. ", number::percent_sign(top1.value)));
    if verdict.leader(view) != reference {
        text = view.named(reference).text(": ").and(text);
    }
    let text = text.and(others(&worst[1..], too_few));
    Answer::new(QUESTION, Prose::default().name(title), text)
}

/// The answer where no slice lies below the rest.
fn nowhere(view: &View, slices: usize, too_few: usize) -> Answer {
    let looked_at = counted(slices, "slice", "slices");
    if too_few == slices {
        let many = view.words.many();
        let text = format!(
            "{looked_at} looked at, each under {SLICE_QUERIES} queries or {SLICE_IDENTITIES} {many}."
        );
        return Answer::new(QUESTION, "Too few samples", text);
    }
    let every = match too_few {
        0 => "every interval reaches the rate of all queries.".to_owned(),
        _ => format!("every interval reaches the rate of all queries; {}.", have_too_few(too_few)),
    };
    Answer::new(QUESTION, "No slice stands out", format!("{looked_at} looked at; {every}"))
}

/// "No other slice lies clearly below the rest; two have too few samples."
fn others(worse: &[(&Slice, &Estimate)], too_few: usize) -> Prose {
    const NAMED: usize = 2;
    let mut names: Vec<Prose> =
        worse.iter().take(NAMED).map(|(slice, _)| Prose::default().name(&slice.name)).collect();
    if worse.len() > NAMED {
        names.push(format!("{} more", worse.len() - NAMED).into());
    }
    let text = match names.is_empty() {
        true => Prose::from("No other slice lies clearly below the rest"),
        false => Prose::from("Also clearly below the rest: ").and(listed(names)),
    };
    match too_few {
        0 => text.text("."),
        _ => text.text(format!("; {}.", have_too_few(too_few))),
    }
}

/// "two have too few samples"
fn have_too_few(slices: usize) -> String {
    let have = if slices == 1 { "has" } else { "have" };
    format!("{} {have} too few samples", number::count_word(slices))
}
