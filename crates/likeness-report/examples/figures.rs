//! Writes a page with every chart of an evaluation report, drawn from made-up but realistic numbers.
//!
//! `cargo run --release -p likeness-report --example figures -- charts.html`, then open the page. It shows three models,
//! then states that are hard to draw: six models with awkward names, little data, none at all.

use std::path::Path;

use likeness_report::figure::{
    Change, Curve, Growth, Histogram, Map, Named, Point, Rule, SliceStrip, Squares, Strip, Training, Wrong,
    bar, cmc, css, det, distances, fnir, growth, hit_mark, key, map, mark, roc, slice_axis, slice_strip,
    squares, strip, training,
};

const NAMES: [&str; 3] = ["MobileFaceNet", "dlib ResNet", "ResNet50 here"];

fn main() -> std::io::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "charts.html".to_owned());
    likeness_artifact::write(Path::new(&path), |file| file.write_all(page().as_bytes()))?;
    Ok(())
}

fn page() -> String {
    let sections = [
        figures(&[
            ("CMC: is the right person among the first k?", cmc(&ranks(), "")),
            ("The same queries", counts()),
        ]),
        figures(&[
            ("DET", det(&misses(), &rules(), 1.3e-5, "")),
            ("ROC", roc(&accepted(), &rules(), 1.3e-5, "")),
        ]),
        histograms(),
        figures(&[("FNIR against FPIR", fnir(&searches(), &search_rules(), 0.008, "")), ("Growth", grown())]),
        figures(&[("Map", map(&scatter(1), "")), ("Map", map(&scatter(5), ""))]),
        figures(&[("Validation", training(&validation(), "")), ("Training loss", training(&loss(), ""))]),
        pieces(),
        figures(&[("Six models", det(&six(), &rules(), 1e-6, "")), ("Six models", cmc(&six_ranks(), ""))]),
        figures(&[
            ("Little data", fnir(&searches(), &search_rules(), 0.12, "")),
            ("Best of models", cmc(&perfect(), "")),
        ]),
        figures(&[("No data", roc(&[], &rules(), 1e-4, "")), ("No data", training(&nothing(), ""))]),
    ];
    let style = "body{font:14px Inter,system-ui,sans-serif;background:var(--ground);color:var(--ink);margin:24px auto;\
        max-width:980px;padding:0 16px}.row{display:grid;gap:24px 52px;margin-bottom:28px;\
        grid-template-columns:repeat(auto-fit,minmax(320px,1fr))}.three{gap:24px 36px;\
        grid-template-columns:repeat(auto-fit,minmax(250px,1fr))}h2{font-size:14px;margin:0 0 6px}p{margin:4px 0}";
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Charts</title><style>{}{style}</style><body>{}</body></html>",
        css(),
        sections.concat()
    )
}

fn figures(charts: &[(&str, String)]) -> String {
    let charts: String =
        charts.iter().map(|(title, svg)| format!("<div><h2>{title}</h2>{svg}</div>")).collect();
    format!("<div class=\"row\">{charts}</div>")
}

/// Values between given points: of the logarithm of x, and of `of(y)`.
fn between(points: &[(f64, f64)], count: usize) -> Vec<(f64, f64)> {
    let (first, last) = (points[0].0.ln(), points[points.len() - 1].0.ln());
    (0..count)
        .map(|index| {
            let x = first + (last - first) * index as f64 / (count - 1) as f64;
            let pair = points
                .windows(2)
                .find(|pair| x <= pair[1].0.ln() + 1e-9)
                .unwrap_or(&points[points.len() - 2..]);
            let share = (x - pair[0].0.ln()) / (pair[1].0.ln() - pair[0].0.ln());
            (x.exp(), pair[0].1 + share * (pair[1].1 - pair[0].1))
        })
        .collect()
}

/// A curve through rates, with a band of `spread` times its distance from 0 and 1.
fn curve(model: usize, name: &str, points: &[(f64, f64)], marks: &[f64], spread: f64) -> Curve {
    let rates = between(points, 120);
    let banded = |&(x, y): &(f64, f64)| {
        let half = spread * (y * (1.0 - y)).max(1e-5).sqrt();
        Point { x, y, band: Some(((y - half * 0.9).max(0.0), (y + half).min(1.0))) }
    };
    let at = |x: f64| {
        rates.iter().min_by(|a, b| (a.0 - x).abs().total_cmp(&(b.0 - x).abs())).map(|&(_, y)| (x, y))
    };
    Curve {
        model,
        name: name.to_owned(),
        points: rates.iter().map(banded).collect(),
        marks: marks.iter().filter_map(|&x| at(x)).collect(),
    }
}

fn ranks() -> Vec<Curve> {
    let points: [&[(f64, f64)]; 3] = [
        &[
            (1.0, 0.977),
            (2.0, 0.979),
            (3.0, 0.983),
            (5.0, 0.985),
            (10.0, 0.986),
            (20.0, 0.989),
            (30.0, 0.99),
            (50.0, 0.994),
        ],
        &[
            (1.0, 0.963),
            (2.0, 0.974),
            (5.0, 0.984),
            (7.0, 0.985),
            (10.0, 0.988),
            (20.0, 0.99),
            (30.0, 0.992),
            (50.0, 0.9945),
        ],
        &[(1.0, 0.633), (2.0, 0.73), (5.0, 0.841), (10.0, 0.897), (20.0, 0.947), (30.0, 0.968), (50.0, 0.98)],
    ];
    let spread = [0.04, 0.05, 0.11];
    (0..3).map(|model| curve(model, NAMES[model], points[model], &[1.0, 5.0, 10.0], spread[model])).collect()
}

fn counts() -> String {
    squares(
        &Squares {
            first: (0, NAMES[0].to_owned()),
            second: (1, NAMES[1].to_owned()),
            both: 1_195,
            only_first: 21,
            only_second: 4,
            neither: 25,
            reading: "21 against 4 by chance alone: p < 0.001 (exact McNemar test).".to_owned(),
        },
        "Both models find 1,195 of 1,245 queries",
    )
}

fn rules() -> Vec<Rule> {
    [(1e-4, "0.01 %"), (1e-3, "0.1 %"), (1e-2, "1 %")]
        .map(|(x, label)| Rule { x, label: label.to_owned() })
        .into()
}

fn search_rules() -> Vec<Rule> {
    [(0.003, "0.3 %"), (0.01, "1 %")].map(|(x, label)| Rule { x, label: label.to_owned() }).into()
}

const MISSES: [&[(f64, f64)]; 3] = [
    &[
        (1e-6, 0.3),
        (1e-5, 0.235),
        (2e-5, 0.22),
        (1e-4, 0.174),
        (1e-3, 0.114),
        (1e-2, 0.075),
        (0.05, 0.054),
        (0.1, 0.041),
    ],
    &[
        (1e-6, 0.7),
        (1e-5, 0.58),
        (3e-5, 0.5),
        (1e-4, 0.403),
        (1e-3, 0.233),
        (1e-2, 0.102),
        (0.05, 0.042),
        (0.1, 0.026),
    ],
    &[(1e-6, 1.0), (1e-5, 0.99), (1e-4, 0.971), (1e-3, 0.907), (1e-2, 0.734), (0.05, 0.48), (0.1, 0.36)],
];

fn misses() -> Vec<Curve> {
    let spread = [0.17, 0.25, 0.1];
    (0..3)
        .map(|model| curve(model, NAMES[model], MISSES[model], &[1e-4, 1e-3, 1e-2], spread[model]))
        .collect()
}

fn accepted() -> Vec<Curve> {
    let turned = |curve: Curve| Curve {
        points: curve
            .points
            .iter()
            .map(|p| Point { y: 1.0 - p.y, band: p.band.map(|(l, h)| (1.0 - h, 1.0 - l)), ..*p })
            .collect(),
        marks: curve.marks.iter().map(|&(x, y)| (x, 1.0 - y)).collect(),
        ..curve
    };
    misses().into_iter().map(turned).collect()
}

fn searches() -> Vec<Curve> {
    let points: [&[(f64, f64)]; 3] = [
        &[
            (0.001, 0.07),
            (0.008, 0.051),
            (0.01, 0.043),
            (0.014, 0.038),
            (0.03, 0.038),
            (0.08, 0.028),
            (0.15, 0.025),
            (0.3, 0.02),
        ],
        &[
            (0.001, 0.14),
            (0.008, 0.13),
            (0.014, 0.124),
            (0.03, 0.098),
            (0.08, 0.062),
            (0.15, 0.038),
            (0.3, 0.026),
        ],
        &[(0.001, 0.87), (0.01, 0.845), (0.03, 0.75), (0.1, 0.59), (0.3, 0.41)],
    ];
    (0..3).map(|model| curve(model, NAMES[model], points[model], &[0.01], 0.1)).collect()
}

fn grown() -> String {
    let measured: [&[f64]; 3] = [
        &[0.0, 0.0, 0.0014, 0.002, 0.0041],
        &[0.0, 0.002, 0.0065, 0.008, 0.018],
        &[0.0055, 0.0095, 0.008, 0.018, 0.034],
    ];
    let sizes = [85.0, 170.0, 300.0, 620.0, 1_245.0];
    let curve = |model: usize| {
        let last = measured[model][4];
        let banded = |x: f64, y: f64| Point { x, y, band: Some((y * 0.3, (y * 1.9).min(1.0))) };
        let larger = (0..=20).map(|step| 10f64.powf(f64::from(step) / 10.0));
        Growth {
            model,
            name: NAMES[model].to_owned(),
            measured: sizes
                .iter()
                .zip(measured[model])
                .filter(|(_, y)| **y > 0.0)
                .map(|(&x, &y)| Point { x, y, band: (x > 1_000.0).then_some((y * 0.3, y * 1.9)) })
                .collect(),
            projected: larger
                .filter(|m| [10.0, 100.0].iter().any(|end: &f64| (m - end).abs() < 1e-6))
                .map(|m| banded(1_245.0 * m, 1.0 - (1.0 - last).powf(m)))
                .collect(),
        }
    };
    growth(&[curve(0), curve(1), curve(2)], 1_245.0, "")
}

fn histograms() -> String {
    let shapes = [
        (0.42, 0.14, 1.0, 0.1, 1.35, 0.670, ("12.3 % beyond", "0.073 % within")),
        (0.055, 0.018, 0.165, 0.04, 0.3, 0.068, ("22.5 % beyond", "0.11 % within")),
        (0.55, 0.2, 1.0, 0.18, 1.5, 0.314, ("91.2 % beyond", "0.086 % within")),
    ];
    let charts: String = shapes
        .iter()
        .enumerate()
        .map(|(model, &(mated, wide, non_mated, far, end, threshold, words))| {
            let bins = if model == 1 { 45 } else { 75 };
            let edges: Vec<f64> = (0..=bins).map(|index| end * f64::from(index) / f64::from(bins)).collect();
            let density = |middle: f64, wide: f64| -> Vec<f64> {
                let raw: Vec<f64> = edges
                    .windows(2)
                    .map(|e| (-((e[0] + e[1]) / 2.0 - middle).powi(2) / (2.0 * wide * wide)).exp())
                    .collect();
                let sum: f64 = raw.iter().sum();
                raw.iter().map(|share| share / sum).collect()
            };
            let histogram = Histogram {
                model,
                mated: density(mated, wide),
                non_mated: density(non_mated, far),
                edges: edges.clone(),
                threshold: Some((threshold, format!("threshold {threshold:.3}"))),
                mated_beyond: Some(words.0.to_owned()),
                non_mated_within: Some(words.1.to_owned()),
                distance: "cosine distance".to_owned(),
            };
            format!("<div><h2>{}</h2>{}</div>", NAMES[model], distances(&histogram, ""))
        })
        .collect();
    format!("<div class=\"row three\">{charts}</div>")
}

/// Numbers between 0 and 1 from a linear congruential generator.
fn random(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1u64 << 31) as f64
    }
}

fn scatter(seed: u64) -> Map {
    let mut next = random(seed);
    let groups: Vec<Vec<(f64, f64)>> = (0..58)
        .map(|_| {
            let (x, y) = (next() * 40.0, next() * 28.0);
            (0..20).map(|_| (x + (next() + next() - 1.0) * 0.8, y + (next() + next() - 1.0) * 0.8)).collect()
        })
        .collect();
    let mut wrong = Vec::new();
    for index in 0..29 {
        let query = groups[index * 2 % 58][1];
        let hit = groups[if index % 6 == 0 { 40 } else { index * 2 % 58 }][3];
        wrong.push(Wrong { query: (query.0 + 1.0, query.1 - 0.7), hit: Some(hit) });
    }
    let named =
        [3, 40, 51].map(|index| Named { name: format!("{}", 7_300 + index), points: groups[index].clone() });
    Map { points: groups.concat(), wrong, named: named.into() }
}

fn validation() -> Training {
    let curve = |values: [f64; 6]| (1..=6).map(f64::from).zip(values).collect();
    Training {
        model: 2,
        quantity: "% of validation queries".to_owned(),
        percent: true,
        curves: vec![
            ("top-1".to_owned(), curve([0.44, 0.56, 0.685, 0.72, 0.724, 0.72])),
            ("mAP".to_owned(), curve([0.255, 0.32, 0.41, 0.43, 0.452, 0.449])),
        ],
        changes: vec![Change {
            after_epoch: 4.0,
            before: "CosFace".to_owned(),
            after: "triplets".to_owned(),
        }],
        broken: false,
        kept: Some(5.0),
    }
}

fn loss() -> Training {
    let curve = (1..=6).map(f64::from).zip([11.6, 9.2, 6.8, 5.0, 0.8, 0.75]).collect();
    Training {
        quantity: "loss, mean of the epoch".to_owned(),
        percent: false,
        curves: vec![("loss".to_owned(), curve)],
        broken: true,
        kept: None,
        ..validation()
    }
}

fn nothing() -> Training {
    Training { curves: Vec::new(), ..loss() }
}

fn pieces() -> String {
    let strips: String = [
        (-0.014, (-0.023, -0.006)),
        (0.002, (-0.002, 0.007)),
        (-0.119, (-0.204, -0.072)),
        (-0.4, (-0.5, -0.3)),
    ]
    .map(|(difference, interval)| {
        let values = Strip { model: 1, difference, interval, higher_is_better: true, range: 0.25 };
        format!("<p>{:+.1} {}</p>", difference * 100.0, strip(&values, ""))
    })
    .concat();
    let slices: String = [(0.884, (0.775, 0.974)), (0.977, (0.964, 0.987)), (0.72, (0.6, 0.83))]
        .map(|(estimate, interval)| {
            let values = SliceStrip { model: 0, estimate, interval, overall: 0.977, range: (0.7, 1.0) };
            format!("<p>{} {:.1}</p>", slice_strip(&values, ""), estimate * 100.0)
        })
        .concat();
    let keys: String =
        (0..6).map(|model| format!("<p>{} Model {} {}</p>", key(model), model + 1, mark(model))).collect();
    let bars = [(None, 0.3), (None, 0.1), (Some(0), 0.5), (Some(1), 1.0)]
        .map(|(model, share)| format!("<p>{}</p>", bar(model, share)));
    format!(
        "<div class=\"row three\"><div>{strips}</div><div>{}{slices}</div><div>{keys}</div><div>{} {} {}</div></div>",
        slice_axis((0.7, 1.0)),
        hit_mark(true),
        hit_mark(false),
        bars.concat()
    )
}

const AWKWARD: [&str; 6] = [
    "a <b> & \"c\"",
    "שלום עולם",
    "📷 emoji 👩‍👩‍👧",
    "celeba-mobilefacenet-distilled-from-resnet50-epoch-12",
    "山田モデル",
    "six",
];

fn six() -> Vec<Curve> {
    (0..6)
        .map(|model| {
            let factor = 0.9 - 0.11 * model as f64;
            let points: Vec<(f64, f64)> =
                MISSES[1].iter().map(|&(x, y)| (x, (y * factor).max(0.004))).collect();
            curve(model, AWKWARD[model], &points, &[1e-4, 1e-3, 1e-2], 0.05)
        })
        .collect()
}

fn six_ranks() -> Vec<Curve> {
    (0..6)
        .map(|model| {
            let points: Vec<(f64, f64)> = [1.0, 5.0, 50.0]
                .iter()
                .enumerate()
                .map(|(i, &k)| (k, 0.25 + 0.1 * model as f64 + 0.11 * i as f64))
                .collect();
            curve(model, AWKWARD[model], &points, &[1.0, 5.0, 10.0], 0.03)
        })
        .collect()
}

fn perfect() -> Vec<Curve> {
    vec![
        curve(
            0,
            "all found from rank 5",
            &[(1.0, 0.9985), (3.0, 0.9995), (5.0, 1.0), (50.0, 1.0)],
            &[1.0, 5.0, 10.0],
            0.02,
        ),
        curve(1, "dlib ResNet", &[(1.0, 0.97), (5.0, 0.98), (50.0, 0.999)], &[1.0, 5.0, 10.0], 0.02),
    ]
}
