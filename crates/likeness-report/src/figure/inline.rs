//! Small signs in text: the sample of a model, its mark, a share as a bar, right and wrong.

use super::style;
use super::svg::{inline, number, path};

/// A sample of the model's line with its mark.
pub fn key(model: usize) -> String {
    let line = path("f-line", "M1 7H31");
    let mark = path("f-bars", &style::mark(model, 16.0, 7.0, 4.0));
    grouped(model, 32.0, &(line + &mark))
}

/// The model's mark alone.
pub fn mark(model: usize) -> String {
    grouped(model, 14.0, &path("f-bars", &style::mark(model, 7.0, 7.0, 4.0)))
}

fn grouped(model: usize, width: f64, content: &str) -> String {
    inline(width, 14.0, "", &format!(r#"<g class="{}">{content}</g>"#, style::class(Some(model))))
}

/// A bar of this share of the width of 120 pixels, in the colour of `model` or else grey, on a line of full width.
pub fn bar(model: Option<usize>, share: f64) -> String {
    const WIDTH: f64 = 120.0;
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let length = if share > 0.0 { (share * WIDTH).max(1.0) } else { 0.0 };
    let ground = path("f-grid", &format!("M0 10.5H{WIDTH}"));
    let bar = match length {
        0.0 => String::new(),
        length => path("f-bars", &format!("M0 1h{}v9H0z", number(length))),
    };
    inline(WIDTH, 11.0, "", &format!(r#"{ground}<g class="{}">{bar}</g>"#, style::class(model)))
}

/// A white tick on green, or a white cross on red, for a corner of a hit. The picture's `alt` says the same in words.
pub fn hit_mark(right: bool) -> String {
    let (class, sign) =
        if right { ("f-right", "M4 8.5l3 3l5.5-6.5") } else { ("f-false", "M4.5 4.5l7 7m0-7l-7 7") };
    inline(16.0, 16.0, "", &(path(class, "M0 0h16v16h-16z") + &path("f-sign", sign)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        assert!(bar(None, 0.3).contains("M0 1h36v") && bar(Some(1), 0.3).contains(r#"class="m2""#));
        assert!(bar(None, 7.0).contains("M0 1h120v") && bar(None, 1e-9).contains("M0 1h1v"));
        for nothing in [0.0, -1.0, f64::NAN] {
            assert!(!bar(None, nothing).contains("f-bars"));
        }
    }

    #[test]
    fn right_and_wrong_differ_in_shape() {
        assert_ne!(hit_mark(true).replace("f-right", "f-false"), hit_mark(false));
        assert!(key(2).contains("aria-hidden") && mark(2).contains("aria-hidden"));
    }
}
