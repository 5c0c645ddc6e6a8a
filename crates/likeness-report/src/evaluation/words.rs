//! The fixed words of a report: kinds of identities, names of measures, readings.

use super::data::{Difference, Estimate, IssueState, Measure, Rate, Subject, ThresholdRow};
use super::document::{Prose, Tag, Tone};
use super::number;

/// Holm-corrected p values below this count as a difference.
pub(super) const SIGNIFICANT: f64 = 0.05;
/// A slice needs this many queries.
pub(super) const SLICE_QUERIES: usize = 30;
/// A slice needs this many identities.
pub(super) const SLICE_IDENTITIES: usize = 10;

/// The words for people, or for things.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    subject: Subject,
}

impl Words {
    /// The words for this kind of identities.
    pub(super) fn new(subject: Subject) -> Self {
        Self { subject }
    }

    /// "person" or "object".
    pub(super) fn one(self) -> &'static str {
        match self.subject {
            Subject::Person => "person",
            Subject::Object => "object",
        }
    }

    /// "people" or "objects".
    pub(super) fn many(self) -> &'static str {
        match self.subject {
            Subject::Person => "people",
            Subject::Object => "objects",
        }
    }

    /// "People" or "Objects".
    pub(super) fn many_capital(self) -> &'static str {
        match self.subject {
            Subject::Person => "People",
            Subject::Object => "Objects",
        }
    }

    /// "58 people", "1 person".
    pub(super) fn counted(self, number: usize) -> String {
        counted(number, self.one(), self.many())
    }
}

/// "1 photo", "1,245 photos".
pub(super) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", number::count(number as u64), if number == 1 { one } else { many })
}

/// Names in a row: "a", "a and b", "a, b and c".
pub(super) fn listed(mut parts: Vec<Prose>) -> Prose {
    let Some(last) = parts.pop() else { return Prose::default() };
    let Some(before) = parts.pop() else { return last };
    let first = parts.into_iter().fold(Prose::default(), |list, part| list.and(part).text(", "));
    first.and(before).text(" and ").and(last)
}

/// Name of a measure in sentences and rows: "top-1", "TAR at FMR 0.1 %".
pub(super) fn measure(measure: &Measure) -> String {
    match measure {
        Measure::Top(k) => format!("top-{k}"),
        Measure::MeanAveragePrecision => "mAP".into(),
        Measure::Tar(fmr) => format!("TAR at FMR {}", number::asked(*fmr)),
        Measure::Fnir(fpir) => format!("FNIR at FPIR {}", number::asked(*fpir)),
        Measure::Eer => "EER".into(),
        Measure::Other(name) => name.clone(),
    }
}

/// Name and second line of a measure as heading of a column.
pub(super) fn measure_heading(measure: &Measure) -> (String, String) {
    let percent = |name: &str| format!("{name}, %");
    match measure {
        Measure::Tar(fmr) => (percent("TAR"), format!("at FMR {}", number::asked(*fmr))),
        Measure::Fnir(fpir) => (percent("FNIR"), format!("at FPIR {}, lower", number::asked(*fpir))),
        Measure::Eer => (percent("EER"), "lower is better".into()),
        other => (percent(&self::measure(other)), "higher is better".into()),
    }
}

/// What a difference means.
pub(super) fn difference_reading(difference: &Difference) -> Tag {
    let (word, tone) = match difference.p_holm {
        None => ("not tested", Tone::Quiet),
        Some(p) if p.is_nan() || p >= SIGNIFICANT => ("no significant difference", Tone::Quiet),
        Some(_) if (difference.difference.value > 0.0) == difference.measure.higher_is_better() => {
            ("better", Tone::Plain)
        }
        Some(_) => ("worse", Tone::Plain),
    };
    Tag { word, tone }
}

/// Whether a calibrated threshold keeps its promise here.
pub(super) fn threshold_reading(row: &ThresholdRow) -> Tag {
    let (word, tone) = match row.measured_fmr {
        Rate::Insufficient { .. } => ("insufficient data", Tone::Short),
        Rate::Supported(estimate) => match asked_against(&estimate, row.asked_fmr) {
            std::cmp::Ordering::Equal => ("as asked", Tone::Plain),
            std::cmp::Ordering::Less => ("stricter than asked", Tone::Plain),
            std::cmp::Ordering::Greater => ("looser than asked", Tone::Alarm),
        },
    };
    Tag { word, tone }
}

/// Equal where the asked rate lies inside the interval; without an interval, where the rates agree.
fn asked_against(measured: &Estimate, asked: f64) -> std::cmp::Ordering {
    let (low, high) = measured.interval().unwrap_or((measured.value, measured.value));
    match () {
        () if high < asked => std::cmp::Ordering::Less,
        () if low > asked => std::cmp::Ordering::Greater,
        () => std::cmp::Ordering::Equal,
    }
}

/// The word for the state of an issue.
pub(super) fn issue_state(state: IssueState) -> Tag {
    let (word, tone) = match state {
        IssueState::Clean => ("clean", Tone::Plain),
        IssueState::Note => ("note", Tone::Plain),
        IssueState::Review => ("review", Tone::Alarm),
        IssueState::Excluded => ("excluded", Tone::Plain),
    };
    Tag { word, tone }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(measure: Measure, value: f64, p_holm: Option<f64>) -> &'static str {
        difference_reading(&Difference {
            model: 1,
            measure,
            difference: Estimate::bare(value),
            p_holm,
            p: None,
        })
        .word
    }

    #[test]
    fn differences_are_better_worse_or_not_significant() {
        assert_eq!(difference(Measure::Top(1), 0.02, Some(0.01)), "better");
        assert_eq!(difference(Measure::Top(1), -0.02, Some(0.01)), "worse");
        assert_eq!(difference(Measure::Eer, -0.02, Some(0.01)), "better");
        assert_eq!(difference(Measure::Fnir(0.01), 0.02, Some(0.049)), "worse");
        assert_eq!(difference(Measure::Top(1), 0.2, Some(0.05)), "no significant difference");
        assert_eq!(difference(Measure::Top(1), 0.2, Some(f64::NAN)), "no significant difference");
        assert_eq!(difference(Measure::Top(1), 0.2, None), "not tested");
    }

    fn threshold(measured_fmr: Rate) -> &'static str {
        let fnmr = Estimate::bare(0.1);
        threshold_reading(&ThresholdRow {
            model: 0,
            asked_fmr: 1e-3,
            threshold: 0.6,
            measured_fmr,
            false_matches: 9,
            fnmr,
        })
        .word
    }

    #[test]
    fn thresholds_are_read_against_the_interval() {
        let supported = |low, high| threshold(Rate::Supported(Estimate::new(1e-3, low, high)));
        assert_eq!(supported(5e-4, 2e-3), "as asked");
        assert_eq!(supported(5e-4, 1e-3), "as asked");
        assert_eq!(supported(5e-4, 9e-4), "stricter than asked");
        assert_eq!(supported(1.1e-3, 2e-3), "looser than asked");
        assert_eq!(threshold(Rate::Insufficient { lowest: None }), "insufficient data");
    }

    #[test]
    fn names_are_listed() {
        let list = |names: &[&str]| listed(names.iter().map(|&name| name.into()).collect()).plain();
        assert_eq!(list(&[]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn the_words_follow_the_kind_of_identities() {
        assert_eq!(Words::new(Subject::Person).counted(1), "1 person");
        assert_eq!(Words::new(Subject::Object).counted(1200), "1,200 objects");
    }
}
