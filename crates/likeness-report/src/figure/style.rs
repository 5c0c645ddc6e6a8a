//! Colours, dashes and marks of the models, and the style sheet of charts.

use super::svg::number;

/// The number of models with an appearance of their own.
const MODELS: usize = 6;

/// The style sheet of all charts, with the variables of the page's palette: `--ground`, `--ink`, `--muted`, `--grid`,
/// `--line`, `--right`, `--wrong`, `--shade` (ground of maps and projections), and `--m1` to `--m6` for the models.
/// Paper always gets the light palette.
///
/// On `<html>`, the class `light` keeps the light palette.
pub fn css() -> &'static str {
    CSS
}

const CSS: &str = include_str!("style.css");

/// The class that sets the colour and dash of a model, or grey without a model.
pub(super) fn class(model: Option<usize>) -> String {
    match model {
        Some(model) => format!("m{}", model % MODELS + 1),
        None => "m0".to_owned(),
    }
}

/// The path of a model's mark around (`x`, `y`); `radius` is about half its height.
pub(super) fn mark(model: usize, x: f64, y: f64, radius: f64) -> String {
    let polygon = |corners: &[(f64, f64)]| {
        let corners: Vec<String> = corners
            .iter()
            .map(|(dx, dy)| format!("{} {}", number(x + dx * radius), number(y + dy * radius)))
            .collect();
        format!("M{}z", corners.join("L"))
    };
    match model % MODELS {
        0 => {
            let (r, d) = (number(radius), number(2.0 * radius));
            format!("M{} {}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0z", number(x - radius), number(y))
        }
        1 => polygon(&[(-0.95, -0.95), (0.95, -0.95), (0.95, 0.95), (-0.95, 0.95)]),
        2 => polygon(&[(0.0, -1.2), (1.15, 0.9), (-1.15, 0.9)]),
        3 => polygon(&[(0.0, -1.35), (1.35, 0.0), (0.0, 1.35), (-1.35, 0.0)]),
        4 => polygon(&[(0.0, 1.2), (1.15, -0.9), (-1.15, -0.9)]),
        _ => cross(x, y, radius),
    }
}

/// A diagonal cross with thick arms, as an area.
fn cross(x: f64, y: f64, radius: f64) -> String {
    let (outer, inner) = (radius * 1.1, radius * 0.45);
    let tip = outer - inner;
    let corners = [
        (0.0, -inner),
        (tip, -outer),
        (outer, -tip),
        (inner, 0.0),
        (outer, tip),
        (tip, outer),
        (0.0, inner),
        (-tip, outer),
        (-outer, tip),
        (-inner, 0.0),
        (-outer, -tip),
        (-tip, -outer),
    ];
    let corners: Vec<String> =
        corners.iter().map(|(dx, dy)| format!("{} {}", number(x + dx), number(y + dy))).collect();
    format!("M{}z", corners.join("L"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_differ_in_mark_and_class() {
        for first in 0..MODELS {
            for second in first + 1..MODELS {
                assert_ne!(mark(first, 9.0, 9.0, 4.0), mark(second, 9.0, 9.0, 4.0));
                assert_ne!(class(Some(first)), class(Some(second)));
            }
        }
        assert_eq!(class(Some(MODELS)), class(Some(0)));
    }

    #[test]
    fn the_style_sheet_has_every_class() {
        for model in (0..MODELS).map(Some).chain([None]) {
            assert!(css().contains(&format!(".{}{{", class(model))), "{model:?}");
        }
        assert_eq!(css().matches('{').count(), css().matches('}').count());
        assert!(!css().contains("url(") && !css().contains("@import"));
    }
}
