//! All charts with usual, little, missing and hostile data.

use super::*;

/// The texts of a drawing with their attributes.
fn texts(svg: &str) -> impl Iterator<Item = (&str, &str)> {
    svg.split("<text").skip(1).map(|text| text.split("</text>").next().unwrap().split_once('>').unwrap())
}

fn unescaped(text: &str) -> String {
    let signs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    signs.iter().fold(text.to_owned(), |text, (escaped, sign)| text.replace(escaped, sign))
}

fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    attributes.split_once(&format!(" {name}=\"")).map(|(_, rest)| rest.split('"').next().unwrap())
}

/// Checks what holds for every chart, and returns the number of its texts.
fn check(svg: &str) -> usize {
    assert!(svg.starts_with("<svg class=\"fig\"") && svg.ends_with("</svg>"), "{svg}");
    assert!(svg.contains("role=\"img\"") && svg.contains("aria-label=\"the result\""), "{svg}");
    for wrong in ["NaN", "inf", "<script", "href", "url(", "<pattern", "<style", " id="] {
        assert!(!svg.contains(wrong), "{wrong}: {svg}");
    }
    assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
    let view = svg.split("viewBox=\"0 0 ").nth(1).unwrap().split('"').next().unwrap();
    let (width, height) = view.split_once(' ').unwrap();
    let (width, height): (f64, f64) = (width.parse().unwrap(), height.parse().unwrap());
    for (attributes, words) in texts(svg).filter(|(attributes, _)| !attributes.contains("transform")) {
        let class = attribute(attributes, "class").unwrap_or_default();
        let size = if class.contains("f-name") || class.contains("f-y") || class.contains("f-x") {
            13.0
        } else {
            12.0
        };
        let length = measure::width(&unescaped(words), size);
        let x: f64 = attribute(attributes, "x").unwrap().parse().unwrap();
        let y: f64 = attribute(attributes, "y").unwrap().parse().unwrap();
        let left = match class {
            class if class.contains("f-end") => x - length,
            class if class.contains("f-mid") => x - length / 2.0,
            _ => x,
        };
        // The estimate of a width has a margin.
        assert!(left >= -2.0 && left + length <= width + 2.0, "{words} at {left}, {length} wide");
        assert!((10.0..=height).contains(&y), "{words} at {y}");
    }
    texts(svg).count()
}

fn points(values: &[(f64, f64)]) -> Vec<Point> {
    values.iter().map(|&(x, y)| Point { x, y, band: Some((y * 0.8, y * 1.2)) }).collect()
}

fn curve(name: &str, values: &[(f64, f64)]) -> Curve {
    Curve {
        model: 1,
        name: name.to_owned(),
        points: points(values),
        marks: values.iter().take(2).copied().collect(),
    }
}

fn rules() -> Vec<Rule> {
    [(1e-4, "0.01 %"), (1e-3, "0.1 %"), (1e-2, "1 %")]
        .map(|(x, label)| Rule { x, label: label.to_owned() })
        .into()
}

/// CMC, DET, ROC and FNIR of the same curves.
fn all(curves: &[Curve], supported_from: f64) -> Vec<String> {
    let label = "the result";
    vec![
        cmc(curves, label),
        det(curves, &rules(), supported_from, label),
        roc(curves, &rules(), supported_from, label),
        fnir(curves, &rules(), supported_from, label),
    ]
}

const USUAL: [(f64, f64); 5] = [(1e-5, 0.4), (1e-4, 0.3), (1e-3, 0.2), (1e-2, 0.1), (0.1, 0.05)];

#[test]
fn curves_have_line_band_marks_and_name() {
    for svg in all(&[curve("dlib", &USUAL)], 1e-6).into_iter().skip(1) {
        check(&svg);
        for class in ["f-line", "f-band", "f-mark", "f-name", "f-rule", "f-axis"] {
            assert!(svg.contains(class), "{class}: {svg}");
        }
        assert!(svg.contains("<g class=\"m2\">") && svg.contains(">dlib</text>"));
    }
}

#[test]
fn unsupported_rates_are_hatched_and_hold_no_curve() {
    let svg = det(&[curve("dlib", &USUAL)], &rules(), 1e-3, "the result");
    check(&svg);
    assert!(svg.contains("f-hatch") && svg.contains("insufficient data") && svg.contains("below 0.10 %"));
    let hatched_until = 30.0 + (400.0 - 40.0) * 0.5;
    let line = svg.split("class=\"f-line\" d=\"M").nth(1).unwrap();
    let start: f64 = line.split(' ').next().unwrap().parse().unwrap();
    assert!(start > hatched_until, "{start}");
    for unsupported in [f64::NAN, f64::INFINITY, 0.5] {
        let nothing = det(&[curve("dlib", &USUAL)], &rules(), unsupported, "the result");
        check(&nothing);
        assert!(!nothing.contains("f-line") && nothing.contains("no data") && nothing.contains("f-hatch"));
    }
}

#[test]
fn empty_charts_say_so() {
    let empty = Map::default();
    let run = Training {
        model: 0,
        quantity: "loss".to_owned(),
        percent: false,
        curves: Vec::new(),
        changes: Vec::new(),
        broken: true,
        kept: Some(3.0),
    };
    let mut charts = all(&[], 0.0);
    charts.extend(all(&[curve("nothing", &[])], f64::INFINITY));
    charts.push(growth(&[], 100.0, "the result"));
    charts.push(growth(&[], f64::NAN, "the result"));
    charts.push(distances(&histogram(0), "the result"));
    charts.push(map(&empty, "the result"));
    charts.push(training(&run, "the result"));
    for svg in charts {
        check(&svg);
        assert!(svg.contains(">no data</text>"), "{svg}");
    }
}

#[test]
fn values_that_are_not_finite_break_the_line() {
    let broken =
        [(1e-4, 0.3), (1e-3, f64::NAN), (1e-2, 0.1), (f64::NAN, 0.1), (0.1, f64::INFINITY), (0.0, 0.0)];
    for svg in all(&[curve("dlib", &broken)], 1e-6) {
        check(&svg);
    }
    let single = det(&[curve("one point", &[(1e-3, 0.2)])], &[], 1e-6, "the result");
    check(&single);
    assert!(single.contains("f-mark") && single.contains(">one point</text>"));
}

#[test]
fn a_rate_of_zero_lies_on_the_lower_edge() {
    let svg = det(&[curve("none missed", &[(1e-3, 0.0), (1e-2, 0.0)])], &[], 1e-6, "the result");
    check(&svg);
    let line = svg.split("class=\"f-line\" d=\"M").nth(1).unwrap().split('"').next().unwrap();
    let bottom = "276";
    assert!(line.split([' ', 'L']).skip(1).step_by(2).all(|y| y == bottom), "{line}");
}

#[test]
fn names_are_escaped_and_shortened() {
    let names = [
        "<b>&\"'\n</b>",
        "שלום",
        "😀",
        "a model with a name that is much too long for any chart at all",
        "",
        "六",
    ];
    let curves: Vec<Curve> =
        names.iter().enumerate().map(|(model, name)| Curve { model, ..curve(name, &USUAL) }).collect();
    for svg in all(&curves, 1e-6) {
        check(&svg);
        assert!(!svg.contains("<b>") && svg.contains("&lt;b&gt;&amp;"));
        assert!(svg.contains('…') && !svg.contains(names[3]));
    }
}

#[test]
fn growth_separates_measurements_from_projections() {
    let curve = Growth {
        model: 2,
        name: "ResNet50".to_owned(),
        measured: points(&[(100.0, 0.005), (1_000.0, 0.03)]),
        projected: points(&[(10_000.0, 0.3), (100_000.0, 0.9)]),
    };
    let svg = growth(&[curve], 1_000.0, "the result");
    check(&svg);
    for part in ["f-shade", "f-hollow", "f-dotted", ">measured<", ">projected<", ">10,000<"] {
        assert!(svg.contains(part), "{part}: {svg}");
    }
    assert_eq!(svg.matches("class=\"f-band\"").count(), 2);
}

fn histogram(bins: usize) -> Histogram {
    let shares = vec![1.0 / bins.max(1) as f64; bins];
    Histogram {
        model: 0,
        edges: (0..=bins).map(|index| index as f64 * 0.01).collect(),
        mated: shares.clone(),
        non_mated: shares,
        threshold: Some((0.305, "threshold 0.305".to_owned())),
        mated_beyond: Some("12.3 % beyond".to_owned()),
        non_mated_within: Some("0.073 % within".to_owned()),
        distance: "cosine distance".to_owned(),
    }
}

#[test]
fn a_histogram_has_one_path_for_each_set_of_bars() {
    let svg = distances(&histogram(60), "the result");
    check(&svg);
    assert_eq!((svg.matches("f-bars").count(), svg.matches("f-errors").count()), (2, 2));
    let bars =
        |svg: &str| svg.split("<g class").skip(1).map(|set| set.matches('M').count()).collect::<Vec<_>>();
    assert_eq!(bars(&svg)[0], 61, "the bin at the threshold is divided");
    let wide = distances(&histogram(1_000), "the result");
    assert!(bars(&wide)[0] <= 76, "bins are joined");
    let hostile = Histogram { edges: vec![0.0, f64::NAN, 1.0], mated: vec![f64::NAN, 1.0], ..histogram(2) };
    check(&distances(&hostile, "the result"));
}

#[test]
fn a_map_marks_wrong_queries_and_names_identities() {
    let named = |name: &str, x: f64| Named { name: name.to_owned(), points: vec![(x, 1.0), (x, 1.1)] };
    let crowded = Map {
        points: vec![(0.0, 0.0), (10.0, 5.0), (f64::NAN, 1.0)],
        wrong: vec![
            Wrong { query: (1.0, 1.0), hit: Some((2.0, 2.0)) },
            Wrong { query: (3.0, 1.0), hit: None },
            Wrong { query: (f64::INFINITY, 1.0), hit: Some((0.0, 0.0)) },
        ],
        named: vec![
            named("7396", 1.0),
            named("7325", 1.1),
            named("<7439>", 1.2),
            Named { points: vec![], ..named("nobody", 0.0) },
        ],
    };
    let svg = map(&crowded, "the result");
    assert_eq!(check(&svg), 3);
    let wrong = svg.split("class=\"f-wrong\" d=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(wrong.matches('M').count(), 2);
    let single = Map { points: vec![(3.0, 3.0)], ..Map::default() };
    assert!(map(&single, "the result").contains("M200 150h0"));
}

#[test]
fn a_loss_is_broken_where_it_changes() {
    let loss = Training {
        model: 0,
        quantity: "loss".to_owned(),
        percent: false,
        curves: vec![(
            "loss".to_owned(),
            [11.6, 9.2, 5.0, 0.8, 0.7].iter().enumerate().map(|(i, &v)| (i as f64 + 1.0, v)).collect(),
        )],
        changes: vec![Change {
            after_epoch: 3.0,
            before: "CosFace".to_owned(),
            after: "triplets".to_owned(),
        }],
        broken: true,
        kept: Some(4.0),
    };
    let svg = training(&loss, "the result");
    check(&svg);
    assert_eq!(svg.matches("class=\"f-solid\"").count(), 2);
    for words in ["another loss", "CosFace", "triplets", "kept: epoch 4", ">0<"] {
        assert!(svg.contains(words), "{words}: {svg}");
    }
    let whole = training(&Training { broken: false, ..loss.clone() }, "the result");
    assert_eq!(whole.matches("class=\"f-solid\"").count(), 1);
    let constant = Training { curves: vec![("loss".to_owned(), vec![(1.0, 0.0), (2.0, f64::NAN)])], ..loss };
    check(&training(&constant, "the result"));
}
