//! Fits text into a width: breaks it into lines, or shortens it.

use super::{advance_px, width_px};

/// Replaces the text that is left out.
const ELLIPSIS: char = '…';
/// The most lines that [`break_anywhere`] returns.
const MAX_LINES: usize = 4;

/// Breaks `text` at spaces into lines of at most `limit_px`. A wider word is shortened in the middle.
pub(crate) fn wrap(text: &str, height_px: f32, limit_px: f32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let longer = format!("{} {word}", lines.last().map_or("", String::as_str)).trim().to_owned();
        if width_px(&longer, height_px) <= limit_px {
            lines.pop();
            lines.push(longer);
        } else {
            lines.push(shorten_middle(word, height_px, limit_px));
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// Shortens `text` to `limit_px` with an … in its middle.
///
/// # Conventions
/// The end keeps at least as many characters as the beginning, because file names differ at their end. The result is
/// empty if not even the … fits.
pub(crate) fn shorten_middle(text: &str, height_px: f32, limit_px: f32) -> String {
    if width_px(text, height_px) <= limit_px {
        return text.to_owned();
    }
    let widths: Vec<(char, f32)> = text.chars().map(|c| (c, advance_px(c, height_px))).collect();
    let mut left_px = limit_px - advance_px(ELLIPSIS, height_px);
    if left_px < 0.0 {
        return String::new();
    }
    let (mut head, mut tail) = (0, widths.len());
    while head < tail {
        let from_end = widths.len() - tail <= head;
        let next = if from_end { widths[tail - 1].1 } else { widths[head].1 };
        if next > left_px {
            break;
        }
        left_px -= next;
        if from_end { tail -= 1 } else { head += 1 }
    }
    let part = |range: &[(char, f32)]| range.iter().map(|(c, _)| *c).collect::<String>();
    format!("{}{ELLIPSIS}{}", part(&widths[..head]).trim_end(), part(&widths[tail..]).trim_start())
}

/// Breaks `text` into lines of at most `limit`, measured by `width` character by character.
///
/// Lines break after a space, `/`, `_` or `-` where possible, and else within a word. The last of a few lines ends in
/// "…" if there is more text.
pub(crate) fn break_anywhere(text: &str, limit: f64, width: impl Fn(char) -> f64) -> Vec<String> {
    let line_width = |line: &str| line.chars().map(&width).sum::<f64>();
    let mut lines: Vec<String> = Vec::new();
    'text: for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_inclusive([' ', '/', '_', '-']) {
            if !line.is_empty() && line_width(&line) + line_width(word.trim_end()) > limit {
                lines.push(std::mem::take(&mut line));
            }
            for c in word.chars() {
                if !line.is_empty() && c != ' ' && line_width(&line) + width(c) > limit {
                    lines.push(std::mem::take(&mut line));
                }
                // The rest is not shown.
                if lines.len() > MAX_LINES {
                    break 'text;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_wrapped_at_blanks() {
        let title = "Nearest images for 20 queries of the dataset london with the model classic";
        for limit in [120.0, 200.0, 400.0, 4000.0] {
            let lines = wrap(title, 25.0, limit);
            assert_eq!(lines.join(" "), title, "nothing is cut at {limit}");
            assert!(lines.iter().all(|line| width_px(line, 25.0) <= limit));
        }
        assert!(wrap("a-very-long-word-without-blanks", 25.0, 100.0)[0].contains(ELLIPSIS));
        assert!(wrap("", 25.0, 100.0).is_empty());
    }

    #[test]
    fn shortened_lines_fit_and_keep_both_ends() {
        let name = "holiday-pictures/2019/summer/IMG_20190704_183012.jpg";
        for limit in 10..400 {
            let short = shorten_middle(name, 14.0, limit as f32);
            assert!(width_px(&short, 14.0) <= limit as f32, "{short:?} is wider than {limit}");
            let room_for_one = width_px("…", 14.0) <= limit as f32;
            assert!(short == name || short.contains(ELLIPSIS) == room_for_one, "{short:?} at {limit}");
        }
        let short = shorten_middle(name, 14.0, 150.0);
        assert!(short.starts_with("holi") && short.ends_with("3012.jpg"), "{short}");
        assert_eq!(shorten_middle("short.png", 14.0, 150.0), "short.png");
        assert_eq!(shorten_middle(name, 14.0, 1.0), "");
    }

    /// Every character is one unit wide.
    fn break_after(text: &str, limit: f64) -> Vec<String> {
        break_anywhere(text, limit, |_| 1.0)
    }

    #[test]
    fn long_names_break_between_words_and_lose_nothing() {
        let name = "training, by the classifier of all identities";
        let lines = break_after(name, 20.0);
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= 20), "{lines:?}");
        assert_eq!(lines.join(" "), name);
        assert_eq!(break_after("short", 14.0), ["short"]);
        assert_eq!(break_after("two\nlines", 14.0), ["two", "lines"]);
        assert!(break_after("", 14.0).is_empty());
    }

    #[test]
    fn a_long_word_breaks_within_and_an_endless_one_ends() {
        let lines = break_after(&"x".repeat(40), 10.0);
        assert_eq!(lines, vec!["x".repeat(10); 4]);
        let lines = break_after(&"名".repeat(1000), 10.0);
        assert_eq!(lines.len(), MAX_LINES);
        assert!(lines[MAX_LINES - 1].ends_with('…'));
    }
}
