//! HTML that is balanced and escaped by construction, and well-formed XML too.

use std::fmt::Write;

/// A fragment of HTML.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::evaluation) struct Markup(String);

impl Markup {
    /// Takes HTML that is already correct, such as a drawing. Characters that XML forbids are replaced.
    pub(in crate::evaluation) fn trusted(html: impl Into<String>) -> Self {
        let html = html.into();
        match html.contains(forbidden) {
            true => Self(html.replace(forbidden, "\u{fffd}")),
            false => Self(html),
        }
    }

    /// Appends a fragment.
    pub(in crate::evaluation) fn push(&mut self, more: Markup) {
        self.0.push_str(&more.0);
    }

    /// This fragment followed by another.
    pub(in crate::evaluation) fn and(mut self, more: Markup) -> Self {
        self.push(more);
        self
    }

    /// Whether there is nothing.
    pub(in crate::evaluation) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The HTML.
    pub(in crate::evaluation) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromIterator<Markup> for Markup {
    fn from_iter<I: IntoIterator<Item = Markup>>(parts: I) -> Self {
        parts.into_iter().fold(Markup::default(), Markup::and)
    }
}

/// An element with attributes. An attribute with an empty value is left out, except `alt`.
pub(in crate::evaluation) fn tag(name: &str, attributes: &[(&str, &str)], inner: Markup) -> Markup {
    let mut html = format!("<{name}");
    for (key, value) in attributes.iter().filter(|(key, value)| !value.is_empty() || *key == "alt") {
        let _ = write!(html, " {key}=\"{}\"", escape(value));
    }
    match name {
        "img" | "meta" | "br" | "link" => html.push_str("/>"),
        _ => {
            let _ = write!(html, ">{}</{name}>", inner.0);
        }
    }
    Markup(html)
}

/// Text, escaped.
pub(in crate::evaluation) fn text(text: &str) -> Markup {
    Markup(escape(text))
}

/// Escapes text for HTML and attributes. Line breaks become spaces; characters that XML forbids are replaced.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' | '\r' | '\t' | '\u{85}' | '\u{2028}' | '\u{2029}' => html.push(' '),
            c if forbidden(c) => html.push('\u{fffd}'),
            c => html.push(c),
        }
    }
    html
}

/// Whether XML forbids or discourages a character. Line breaks and tabs are allowed.
fn forbidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || ('\u{fffe}'..='\u{ffff}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_escaped() {
        let html = tag("td", &[("title", "a\"b'<&>"), ("class", "")], text("<script>\n\u{0}"));
        assert_eq!(html.as_str(), "<td title=\"a&quot;b&#39;&lt;&amp;&gt;\">&lt;script&gt; \u{fffd}</td>");
    }

    #[test]
    fn empty_elements_close_themselves() {
        assert_eq!(tag("img", &[("alt", "")], Markup::default()).as_str(), "<img alt=\"\"/>");
    }
}
