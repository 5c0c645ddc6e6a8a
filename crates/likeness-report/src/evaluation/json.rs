//! The report as JSON: every number as a fraction, a key for each section, full lists.

use serde::Serialize;

use super::answer::{answers, caveats};
use super::data::{FORMAT, Report};
use super::view::View;

/// The document: version of the form, the answers in words, then the data.
#[derive(Serialize)]
struct Document<'a> {
    /// The kind of document; its key marks files that this program wrote.
    likeness: &'static str,
    format: u32,
    answers: Vec<Answer>,
    cannot_say: Vec<String>,
    #[serde(flatten)]
    report: &'a Report,
}

#[derive(Serialize)]
struct Answer {
    question: &'static str,
    answer: String,
    remark: String,
    text: String,
}

/// Writes the JSON form, with pictures left out. Numbers that are not finite are `null`.
pub fn json(report: &Report) -> String {
    let view = View::new(report);
    let answers = answers(&view).into_iter().map(|answer| Answer {
        question: answer.question,
        answer: answer.headline.plain(),
        remark: answer.remark.plain(),
        text: answer.text.plain(),
    });
    let cannot_say = caveats(&view).iter().map(super::document::Prose::plain).collect();
    let document =
        Document { likeness: "report", format: FORMAT, answers: answers.collect(), cannot_say, report };
    let mut text =
        serde_json::to_string_pretty(&document).expect("a report holds strings, numbers and lists only");
    text.push('\n');
    text
}
