//! Two models on the same queries, as unit squares.

use std::fmt::Write as _;

use super::measure::{shorten, width};
use super::plot::{NORMAL, SMALL};
use super::scale::thousands;
use super::style;
use super::svg::{chart, number, path, text};

/// Counts of a McNemar test.
#[derive(Debug, Clone, PartialEq)]
pub struct Squares {
    /// Index and name of the first model.
    pub first: (usize, String),
    /// Index and name of the second model.
    pub second: (usize, String),
    /// Queries that both find.
    pub both: usize,
    /// Queries that only the first model finds.
    pub only_first: usize,
    /// Queries that only the second model finds.
    pub only_second: usize,
    /// Queries that neither finds.
    pub neither: usize,
    /// The result of the test, such as "21 against 4 by chance alone: p < 0.001 (exact McNemar test)."
    pub reading: String,
}

const WIDTH: f64 = 400.0;
const LEFT: f64 = 8.0;
const SIDE: f64 = 10.0;
const PITCH: f64 = 13.0;
const PER_ROW: usize = 29;
/// Larger groups have squares that stand for several queries each.
const MOST_SQUARES: usize = 300;

/// One square for each query on which the models are not both right; of many, one square for several.
pub fn squares(squares: &Squares, label: &str) -> String {
    let groups = [
        (Some(squares.first.0), squares.only_first, only(&squares.first.1)),
        (Some(squares.second.0), squares.only_second, only(&squares.second.1)),
        (None, squares.neither, "neither is right".to_owned()),
    ];
    let others: usize = groups.iter().map(|(_, count, _)| count).sum();
    let unit = unit(groups.iter().map(|(_, count, _)| *count).max().unwrap_or(0));
    let mut content = headline(squares.both, squares.both + others);
    content += &text("", (LEFT, 42.0), &explanation(others, unit));
    let mut top = 66.0;
    for (model, count, words) in groups {
        content += &text("f-name", (LEFT, top), &format!("{} {words}", thousands(count)));
        let (data, height) = rows(count, unit, top + 8.0);
        let _ = write!(content, r#"<g class="{}">{}</g>"#, style::class(model), path("f-bars", &data));
        top += height + 26.0;
    }
    for line in wrapped(&squares.reading) {
        content += &text("", (LEFT, top + 4.0), &line);
        top += 16.0;
    }
    chart(WIDTH, top, label, &content)
}

/// The number of queries that both models find, in large type, and the rest of the sentence.
fn headline(both: usize, all: usize) -> String {
    const BIG: f64 = 17.0;
    let count = thousands(both);
    // The large type is bold, and wider than the measured one.
    let x = LEFT + 1.06 * width(&count, BIG) + 7.0;
    let words = format!("of {} queries: both are right at rank 1.", thousands(all));
    text("f-big", (LEFT, 20.0), &count) + &text("f-name", (x, 20.0), &words)
}

/// `words` on lines that fit the width.
fn wrapped(words: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), SMALL) <= WIDTH - 2.0 * LEFT => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn only(name: &str) -> String {
    format!("only {} is right", shorten(name, NORMAL, 220.0))
}

fn explanation(others: usize, unit: usize) -> String {
    match (others, unit) {
        (0, _) => "There are no others.".to_owned(),
        (1, _) => "The other one is a square:".to_owned(),
        (others, 1) => format!("The other {}, one square each:", thousands(others)),
        (others, unit) => {
            format!("The other {}; one square is {} queries:", thousands(others), thousands(unit))
        }
    }
}

/// The number of queries of a square: 1, or the least of 2, 5, 10, 20, … that leaves few enough squares.
fn unit(largest_group: usize) -> usize {
    let steps = (0..18).flat_map(|exponent| [1, 2, 5].map(|step| step * 10usize.pow(exponent)));
    steps.into_iter().find(|unit| largest_group.div_ceil(*unit) <= MOST_SQUARES).unwrap_or(usize::MAX)
}

/// The squares of a group from `top` down, and their height. The last square may be narrower: a part of its queries.
fn rows(count: usize, unit: usize, top: f64) -> (String, f64) {
    let (squares, mut data) = (count.div_ceil(unit), String::new());
    for index in 0..squares {
        let (column, row) = (index % PER_ROW, index / PER_ROW);
        let (x, y) = (LEFT + column as f64 * PITCH, top + row as f64 * PITCH);
        let queries = unit.min(count - index * unit);
        let side = (SIDE * queries as f64 / unit as f64).max(1.0);
        let _ = write!(data, "M{} {}h{side}v{SIDE}h-{side}z", number(x), number(y), side = number(side));
    }
    (data, squares.div_ceil(PER_ROW).max(1) as f64 * PITCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Squares {
        Squares {
            first: (0, "MobileFaceNet".to_owned()),
            second: (1, "dlib ResNet".to_owned()),
            both: 1_195,
            only_first: 21,
            only_second: 4,
            neither: 25,
            reading: "21 against 4".to_owned(),
        }
    }

    #[test]
    fn each_query_has_a_square() {
        let svg = squares(&example(), "");
        assert_eq!(svg.matches('M').count() - "MobileFaceNet".matches('M').count(), 21 + 4 + 25);
        assert!(svg.contains("of 1,245 queries") && svg.contains("The other 50, one square each:"));
    }

    #[test]
    fn a_long_reading_is_wrapped() {
        let reading = "1,021 against 1,004 by chance alone: p = 0.72 (exact McNemar test), not significant";
        let lines = wrapped(reading);
        assert!(lines.len() == 2 && lines.join(" ") == reading, "{lines:?}");
        assert!(squares(&Squares { reading: String::new(), ..example() }, "").ends_with("</svg>"));
    }

    #[test]
    fn many_queries_share_squares() {
        assert_eq!([0, 1, 300, 301, 700, 1_000_000].map(unit), [1, 1, 1, 2, 5, 5_000]);
        let svg = squares(&Squares { neither: 1_234, ..example() }, "");
        assert!(svg.contains("one square is 5 queries"));
        let (data, _) = rows(12, 5, 0.0);
        assert!(data.ends_with("h4v10h-4z") && data.matches('M').count() == 3, "{data}");
        let huge = squares(&Squares { neither: usize::MAX / 4, ..example() }, "");
        assert!(huge.len() < 20_000);
    }
}
