//! Sentences with emphasis, code and names, written as HTML, Markdown or plain text.

use super::{Markup, tag, text};

/// A run of characters of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::evaluation) enum Span {
    /// Plain words of the report.
    Text(String),
    /// Emphasised words.
    Strong(String),
    /// Code.
    Code(String),
    /// A name that a user gave; it may hold any characters, in any direction.
    Name(String),
    /// An emphasised name.
    StrongName(String),
    /// In the colour of what is wrong.
    Wrong(String),
}

/// A sentence or several.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::evaluation) struct Prose(pub Vec<Span>);

impl Prose {
    /// Appends plain words.
    pub(in crate::evaluation) fn text(mut self, words: impl Into<String>) -> Self {
        self.0.push(Span::Text(words.into()));
        self
    }

    /// Appends emphasised words.
    pub(in crate::evaluation) fn strong(mut self, words: impl Into<String>) -> Self {
        self.0.push(Span::Strong(words.into()));
        self
    }

    /// Appends code.
    pub(in crate::evaluation) fn code(mut self, code: impl Into<String>) -> Self {
        self.0.push(Span::Code(code.into()));
        self
    }

    /// Appends a name.
    pub(in crate::evaluation) fn name(mut self, name: impl Into<String>) -> Self {
        self.0.push(Span::Name(name.into()));
        self
    }

    /// Appends characters in the colour of what is wrong.
    pub(in crate::evaluation) fn wrong(mut self, words: impl Into<String>) -> Self {
        self.0.push(Span::Wrong(words.into()));
        self
    }

    /// Appends an emphasised name.
    pub(in crate::evaluation) fn strong_name(mut self, name: impl Into<String>) -> Self {
        self.0.push(Span::StrongName(name.into()));
        self
    }

    /// Appends other prose.
    pub(in crate::evaluation) fn and(mut self, more: Prose) -> Self {
        self.0.extend(more.0);
        self
    }

    /// Appends a sentence, after a space where there is one before it.
    pub(in crate::evaluation) fn sentence(self, more: Prose) -> Self {
        match self.0.is_empty() || more.0.is_empty() {
            true => self.and(more),
            false => self.text(" ").and(more),
        }
    }

    /// Whether there is nothing.
    pub(in crate::evaluation) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As HTML.
    pub(in crate::evaluation) fn html(&self) -> Markup {
        self.0
            .iter()
            .map(|span| match span {
                // An interval is not broken after its dash.
                Span::Text(words) => text(&words.replace('–', "–\u{2060}")),
                Span::Strong(words) => tag("strong", &[], text(words)),
                Span::Code(code) => tag("code", &[], text(code)),
                Span::Name(name) => tag("bdi", &[], text(name)),
                Span::StrongName(name) => tag("strong", &[], tag("bdi", &[], text(name))),
                Span::Wrong(words) => tag("span", &[("class", "alarm")], text(words)),
            })
            .collect()
    }

    /// As Markdown on one line.
    pub(in crate::evaluation) fn markdown(&self) -> String {
        self.0
            .iter()
            .map(|span| match span {
                Span::Text(words) => escaped(words),
                Span::Strong(words) | Span::StrongName(words) => format!("**{}**", escaped(words)),
                Span::Code(code) => inline_code(code),
                Span::Name(name) | Span::Wrong(name) => escaped(name),
            })
            .collect()
    }

    /// Without any emphasis.
    pub(in crate::evaluation) fn plain(&self) -> String {
        self.0
            .iter()
            .map(|span| match span {
                Span::Text(t) | Span::Strong(t) | Span::Code(t) => t.as_str(),
                Span::Name(t) | Span::StrongName(t) | Span::Wrong(t) => t.as_str(),
            })
            .collect()
    }
}

impl From<&str> for Prose {
    fn from(words: &str) -> Self {
        Self::default().text(words)
    }
}

impl From<String> for Prose {
    fn from(words: String) -> Self {
        Self::default().text(words)
    }
}

/// Escapes what Markdown or HTML inside it would take for markup.
fn escaped(text: &str) -> String {
    let mut markdown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => markdown.push_str("&amp;"),
            '<' => markdown.push_str("&lt;"),
            '>' => markdown.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => markdown.extend(['\\', character]),
            c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => markdown.push(' '),
            c => markdown.push(c),
        }
    }
    markdown
}

/// Code between as many backticks as it needs; a bar is escaped for tables.
fn inline_code(code: &str) -> String {
    let code = code.replace(|c: char| c.is_control(), " ").replace('|', "\\|");
    match code.contains('`') {
        true => format!("`` {code} ``"),
        false => format!("`{code}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sentence_in_three_forms() {
        let prose = Prose::from("Run ").code("a|b").text(" for ").name("<x_1>\n").strong("now");
        let html = "Run <code>a|b</code> for <bdi>&lt;x_1&gt; </bdi><strong>now</strong>";
        assert_eq!(prose.html().as_str(), html);
        assert_eq!(prose.markdown(), "Run `a\\|b` for &lt;x\\_1&gt; **now**");
        assert_eq!(prose.plain(), "Run a|b for <x_1>\nnow");
    }

    #[test]
    fn sentences_are_apart() {
        let prose =
            Prose::default().sentence("One.".into()).sentence(Prose::default()).sentence("Two.".into());
        assert_eq!(prose.plain(), "One. Two.");
    }
}
