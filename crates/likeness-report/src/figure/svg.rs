//! The text of SVG elements: numbers, escaped text, the outer element of a chart.

use std::fmt::Write as _;

/// `text` for the content or an attribute of an element. Line breaks and tabs become spaces; other control characters and
/// direction marks become □, so that they stay visible and change nothing around them.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(visible(c)),
        }
    }
    escaped
}

/// The character that is drawn for `c`.
pub(super) fn visible(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => '□',
        c if c.is_control() => '□',
        c => c,
    }
}

/// `value` with at most one decimal, as short as possible.
pub(super) fn number(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    let rounded = if rounded == 0.0 { 0.0 } else { rounded };
    format!("{rounded}")
}

/// A line of text; `class` may be empty.
pub(super) fn text(class: &str, (x, y): (f64, f64), text: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(r#" class="{class}""#) };
    format!(r#"<text{class} x="{}" y="{}">{}</text>"#, number(x), number(y), escape(text))
}

/// A path; nothing if it has no data.
pub(super) fn path(class: &str, data: &str) -> String {
    if data.is_empty() { String::new() } else { format!(r#"<path class="{class}" d="{data}"/>"#) }
}

/// A chart of this size, with `content` as its elements.
pub(super) fn chart(width: f64, height: f64, label: &str, content: &str) -> String {
    let (w, h) = (number(width), number(height));
    let mut svg =
        format!(r#"<svg class="fig" viewBox="0 0 {w} {h}" role="img" aria-label="{}">"#, escape(label));
    let _ = write!(svg, "{content}</svg>");
    svg
}

/// A piece of this size that stands in a line of text; hidden from screen readers if `label` is empty.
pub(super) fn inline(width: f64, height: f64, label: &str, content: &str) -> String {
    let (w, h) = (number(width), number(height));
    let role = match label {
        "" => r#"aria-hidden="true""#.to_owned(),
        label => format!(r#"role="img" aria-label="{}""#, escape(label)),
    };
    format!(
        r#"<svg class="fig fig-in" width="{w}" height="{h}" viewBox="0 0 {w} {h}" {role}>{content}</svg>"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape("a<b>&\"c'\n\u{202E}d\0"), "a&lt;b&gt;&amp;&quot;c&#39; □d□");
        assert_eq!(escape("שלום 😀"), "שלום 😀");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([1.0, -0.04, 12.345, 0.5].map(number), ["1", "0", "12.3", "0.5"]);
    }
}
