//! Is the data sound?

use super::Answer;
use super::verdict::Verdict;
use crate::evaluation::data::{Issue, IssueState, Leak, Section};
use crate::evaluation::document::Prose;
use crate::evaluation::number;
use crate::evaluation::view::View;
use crate::evaluation::words::{counted, listed};

const QUESTION: &str = "Is the data sound?";
/// A larger share of doubtful labels makes the data unsound.
const MOST_DOUBTFUL: f64 = 0.05;
/// Issues of `likeness inspect` that the answer names.
const MISLABELLED: &str = "likely_mislabelled";
const CONFLICT: &str = "identity_conflict";

/// The leak with the most identities, where there is one.
pub(super) fn worst_leak<'a>(view: &View<'a>) -> Option<&'a Leak> {
    view.report.data.leaks.iter().filter(|leak| leak.identities > 0).max_by_key(|leak| leak.identities)
}

/// Whether labels and identities allow the comparison.
pub(super) fn sound(view: &View, verdict: &Verdict) -> Answer {
    let data = &view.report.data;
    let found = |name: &str| data.issues.iter().find(|issue| issue.name == name && issue.photos > 0);
    let doubtful = found(MISLABELLED).map_or(0, |issue| issue.photos);
    let doubtful = doubtful.max(data.likely_mislabelled_total).max(data.likely_mislabelled.len());
    if let Some(leak) = worst_leak(view) {
        leaks(view, leak)
    } else if let Some(conflict) = found(CONFLICT) {
        conflicts(view, conflict)
    } else if doubtful > 0 {
        doubtful_labels(view, verdict, doubtful, found(MISLABELLED))
    } else if data.issues.is_empty() {
        let reason = Prose::default().code("likeness inspect").text(" was not run on this data.");
        let absent = view.report.absent.contains_key(&Section::Data);
        Answer::new(QUESTION, "Not checked", if absent { view.absent(Section::Data, "") } else { reason })
    } else {
        others(view)
    }
}

fn leaks(view: &View, leak: &Leak) -> Answer {
    let many = view.words.many();
    let (leaked, of) = (number::count(leak.identities as u64), number::count(leak.of as u64));
    let mut text = Prose::from(format!("{leaked} of {of} {many} also occur in training"));
    if view.models() > 1 {
        text = text.text(" of ").and(view.named(leak.model));
    }
    Answer::new(
        QUESTION,
        "No: identities leak",
        text.text(". Ranking measures are too high by an unknown amount."),
    )
}

fn conflicts(view: &View, issue: &Issue) -> Answer {
    let photos = counted(issue.photos, "photo", "photos");
    let of = number::count(photos_checked(view) as u64);
    let one = view.words.one();
    let verb = if issue.photos == 1 { "occurs" } else { "occur" };
    let text = format!("{photos} of {of} {verb} under more than one {one}: a query can then not be right.");
    Answer::new(QUESTION, format!("No: one photo, two {}", view.words.many()), text)
}

fn doubtful_labels(view: &View, verdict: &Verdict, photos: usize, issue: Option<&Issue>) -> Answer {
    let of = photos_checked(view);
    let share = photos as f64 / of.max(1) as f64;
    let labels = counted(photos, "doubtful label", "doubtful labels");
    let headline = match share > MOST_DOUBTFUL {
        true => format!("No: {labels}"),
        false => format!("Yes, with {labels}"),
    };
    let look = if photos == 1 { "looks" } else { "look" };
    let text = format!(
        "{} of {} photos {look} mislabelled.",
        number::count(photos as u64),
        number::count(of as u64)
    );
    Answer::new(QUESTION, headline, Prose::from(text).sentence(without(view, verdict, issue)))
}

/// "Without them MobileFaceNet has 98.7 % and dlib 97.4 %: the order stays."
fn without(view: &View, verdict: &Verdict, issue: Option<&Issue>) -> Prose {
    let value =
        |model: usize| issue?.without.iter().find(|value| value.model == model).map(|value| value.top1);
    let rate = |model: usize, verb: &str| {
        Some(view.named(model).text(format!(" {verb}{}", number::percent_sign(value(model)?))))
    };
    let (first, second) = match verdict.pair() {
        Some((best, next)) => (best, Some(next)),
        None => (verdict.leader(view), None),
    };
    let Some(mut rates) = rate(first, "has ").map(|rate| vec![rate]) else { return Prose::default() };
    rates.extend(second.and_then(|second| rate(second, "")));
    let text = Prose::from("Without them ").and(listed(rates));
    match (value(first), second.and_then(value)) {
        (Some(first), Some(second)) if first >= second => text.text(": the order stays."),
        (Some(_), Some(_)) => text.text(": the order changes."),
        _ => text.text("."),
    }
}

/// The answer for clean data, or with issues that somebody should review.
fn others(view: &View) -> Answer {
    let issues = &view.report.data.issues;
    let of = counted(photos_checked(view), "photo", "photos");
    let review = issues.iter().filter(|issue| issue.state == IssueState::Review && issue.photos > 0);
    let review: Vec<Prose> = review
        .map(|issue| {
            Prose::default().code(&issue.name).text(format!(" {}", number::count(issue.photos as u64)))
        })
        .collect();
    let looked_for = counted(issues.len(), "issue", "issues");
    match review.is_empty() {
        true => {
            Answer::new(QUESTION, "Yes", format!("{looked_for} looked for in {of}; none needs a review."))
        }
        false => {
            let text = Prose::from(format!("{looked_for} looked for in {of}. To review: "))
                .and(listed(review))
                .text(".");
            Answer::new(QUESTION, "Yes, after a review", text)
        }
    }
}

fn photos_checked(view: &View) -> usize {
    match view.report.data.photos {
        0 => view.report.summary.photos,
        photos => photos,
    }
}
