//! The report as one HTML page: no network, no script, printable, light and dark, wide and narrow.

mod table;

use likeness_artifact::signature::TEXT_MARK;

use super::answer::{Answer, answers, caveats};
use super::data::Report;
use super::document::{Block, Figure, Markup, Part, Prose, tag, text};
use super::number;
use super::section::sections;
use super::view::View;
use super::words::counted;
use crate::figure;

const STYLE: &str = include_str!("style.css");

/// Writes the page. The same report always gives the same bytes.
pub fn html(report: &Report) -> String {
    let view = View::new(report);
    let parts = sections(&view);
    let main = header(&view).and(result_line(&view)).and(parts.iter().map(section).collect());
    let body = tag("a", &[("class", "skip"), ("href", "#result")], text("Skip to the result"))
        .and(contents(&parts))
        .and(tag("main", &[], main.and(footer(&view))));
    let html = tag("html", &[("lang", "en")], head(report).and(tag("body", &[], body)));
    format!("<!DOCTYPE html>\n{TEXT_MARK}\n{}\n", html.as_str())
}

fn head(report: &Report) -> Markup {
    let none = Markup::default;
    let title = if report.title.is_empty() { "Likeness evaluation report" } else { &report.title };
    let style = Markup::trusted(format!("{}\n{STYLE}", figure::css()));
    let parts = [
        tag("meta", &[("charset", "utf-8")], none()),
        tag("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")], none()),
        tag("meta", &[("name", "color-scheme"), ("content", "light dark")], none()),
        tag("title", &[], text(title)),
        tag("style", &[], style),
    ];
    tag("head", &[], parts.into_iter().collect())
}

/// The list of sections.
fn contents(parts: &[Part]) -> Markup {
    let link =
        |part: &Part| tag("li", &[], tag("a", &[("href", &format!("#{}", part.id))], text(part.short)));
    let list = tag("ul", &[], parts.iter().map(link).collect());
    tag("nav", &[("aria-label", "Sections")], list)
}

/// Title, summary and the key of the models.
fn header(view: &View) -> Markup {
    let report = view.report;
    let title = if report.title.is_empty() { "Evaluation" } else { &report.title };
    let mut html = tag("p", &[("class", "kind")], text("Likeness evaluation report"));
    html.push(tag("h1", &[], tag("bdi", &[], text(title))));
    html.push(tag("p", &[("class", "summary")], summary(view).html()));
    if view.models() > 0 {
        html.push(tag(
            "ul",
            &[("class", "models")],
            (0..view.models()).map(|model| model_key(view, model)).collect(),
        ));
    }
    tag("header", &[], html)
}

/// "1,245 photos of 58 people · each photo searched among all others · 2026-11-30 · likeness 0.2.0 · seed 0"
pub(super) fn summary(view: &View) -> Prose {
    let summary = &view.report.summary;
    let photos = counted(summary.photos, "photo", "photos");
    let people = view.words.counted(summary.identities);
    let line = Prose::from(format!("{photos} of {people}"));
    let parts =
        [&summary.protocol, &summary.date, &summary.version].into_iter().filter(|part| !part.is_empty());
    parts.fold(line, |line, part| line.text(" · ").name(part)).text(format!(
        " · seed{}{}",
        number::SPACE,
        summary.seed
    ))
}

fn model_key(view: &View, model: usize) -> Markup {
    let name = tag("strong", &[], tag("bdi", &[], text(view.name(model))));
    let facts = view.report.models[model].facts.iter().filter(|fact| !fact.is_empty());
    let facts: Vec<&str> = facts.map(String::as_str).collect();
    let facts = tag("span", &[("class", "sub")], tag("bdi", &[], text(&facts.join(" · "))));
    tag("li", &[], tag("span", &[("class", "key")], view.key(model)).and(tag("span", &[], name.and(facts))))
}

/// The six answers and what the report cannot say.
fn result_line(view: &View) -> Markup {
    let boxes = tag("div", &[("class", "answers")], answers(view).iter().map(answer).collect());
    let caveats = caveats(view).into_iter().fold(Prose::default(), Prose::sentence);
    if caveats.is_empty() {
        return boxes;
    }
    let head = tag("strong", &[], text("What this cannot say.")).and(text(" "));
    boxes.and(tag("p", &[("class", "cannot")], head.and(caveats.html())))
}

fn answer(answer: &Answer) -> Markup {
    let question = tag("h2", &[], text(answer.question));
    let mut headline = answer.headline.html();
    if !answer.remark.is_empty() {
        headline.push(text(" ").and(tag("small", &[], answer.remark.html())));
    }
    let inner =
        question.and(tag("p", &[("class", "headline")], headline)).and(tag("p", &[], answer.text.html()));
    tag("section", &[], inner)
}

fn section(part: &Part) -> Markup {
    let heading = tag("h2", &[("id", &format!("{}-title", part.id))], text(part.title));
    let blocks = part.blocks.iter().map(block).collect();
    let label = format!("{}-title", part.id);
    tag("section", &[("id", part.id), ("class", "part"), ("aria-labelledby", &label)], heading.and(blocks))
}

fn block(block: &Block) -> Markup {
    match block {
        Block::Lead(prose) => tag("p", &[("class", "lead")], prose.html()),
        Block::Note(prose) | Block::Legend(prose) => tag("p", &[("class", "note")], prose.html()),
        Block::Callout(prose) => tag("p", &[("class", "callout")], prose.html()),
        Block::Heading(title, remark) => {
            let mut heading = tag("bdi", &[], text(title));
            if !remark.is_empty() {
                heading.push(text(" ").and(tag("small", &[], remark.html())));
            }
            tag("h3", &[], heading)
        }
        Block::Table(table) => table::table(table),
        Block::Figures(figures) => figures_row(figures),
        Block::Pictures(markup, _) => markup.clone(),
    }
}

/// Width of a chart that stands beside two others, as its drawing states it.
const NARROW: &str = "viewBox=\"0 0 300 ";

/// Figures beside each other: three if they are narrow, two otherwise.
fn figures_row(figures: &[Figure]) -> Markup {
    let is_narrow = figures.iter().all(|figure| figure.drawing.as_str().contains(NARROW));
    let class = if is_narrow { "figures three" } else { "figures" };
    tag("div", &[("class", class)], figures.iter().map(one_figure).collect())
}

fn one_figure(figure: &Figure) -> Markup {
    let caption =
        tag("b", &[], figure.title.html()).and(tag("span", &[("class", "sub")], figure.reading.html()));
    let mut inner = tag("figcaption", &[], caption).and(figure.drawing.clone());
    if let Some(numbers) = &figure.numbers {
        let summary = tag("summary", &[], text("Numbers"));
        inner.push(tag("details", &[], summary.and(table::table(numbers))));
    }
    tag("figure", &[], inner)
}

fn footer(view: &View) -> Markup {
    let pictures = match view.pictures() {
        0 => "no pictures".to_owned(),
        pictures => counted(pictures, "picture", "pictures"),
    };
    let line = Prose::from("Numbers: ").code("report.json").text(" · text: ").code("report.md");
    tag("footer", &[], line.text(format!(" · this page: {pictures}, no network, no script.")).html())
}
