//! Text of a chart: how wide it is about, where it breaks, and how it is written in XML.

/// Characters in a row before a word is broken.
const MAX_LINES: usize = 4;

/// About how wide `text` is, in units of the font size; rather too wide than too narrow.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '\'' | '!' | ' ' | '(' | ')' => 0.32,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '—' => 0.92,
        // Hangul, Chinese, Japanese and emoji are as wide as they are high.
        '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}' => 1.05,
        '\u{FE30}'..='\u{FE6F}' | '\u{FF00}'..='\u{FFE6}' | '\u{1F000}'..='\u{3FFFF}' => 1.3,
        c if c.is_ascii_uppercase() => 0.7,
        _ => 0.58,
    }
}

/// `text` in lines of at most `most` units, broken between words where possible; what exceeds a few lines ends in "…".
pub(super) fn wrap(text: &str, most: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_inclusive([' ', '/', '_', '-']) {
            if !line.is_empty() && width(&line) + width(word.trim_end()) > most {
                lines.push(std::mem::take(&mut line));
            }
            for c in word.chars() {
                if !line.is_empty() && c != ' ' && width(&line) + char_width(c) > most {
                    lines.push(std::mem::take(&mut line));
                }
                line.push(c);
            }
        }
        lines.push(line);
    }
    if lines.len() > MAX_LINES {
        lines.truncate(MAX_LINES);
        lines[MAX_LINES - 1] = format!("{}…", lines[MAX_LINES - 1].trim_end());
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// `text` for XML. Characters that XML forbids become the replacement character.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => escaped.push('\u{FFFD}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_break_between_words_and_lose_nothing() {
        let name = "training, by the classifier of all identities";
        let lines = wrap(name, 14.0);
        assert!(lines.len() > 1 && lines.iter().all(|line| width(line) <= 14.0), "{lines:?}");
        assert_eq!(lines.join(" "), name);
        assert_eq!(wrap("short", 14.0), ["short"]);
        assert_eq!(wrap("two\nlines", 14.0), ["two", "lines"]);
        assert!(wrap("", 14.0).is_empty());
    }

    #[test]
    fn a_long_word_breaks_within_and_an_endless_one_ends() {
        let lines = wrap(&"x".repeat(40), 10.0);
        assert_eq!(lines.concat(), "x".repeat(40));
        let lines = wrap(&"名".repeat(1000), 10.0);
        assert_eq!(lines.len(), MAX_LINES);
        assert!(lines[MAX_LINES - 1].ends_with('…'));
    }

    #[test]
    fn any_text_is_valid_in_xml() {
        assert_eq!(escape("a<b> & \"c\"\u{1b}[0m\0"), "a&lt;b&gt; &amp; &quot;c&quot;\u{FFFD}[0m\u{FFFD}");
    }
}
