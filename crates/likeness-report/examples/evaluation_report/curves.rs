//! Invented curves, histograms and maps.

use likeness_report::evaluation::{
    Calibration, Cmc, Curve, CurvePoint, Det, DistanceHistogram, EmbeddingMap, Epoch, Estimate, FnirCurve,
    Growth, Identification, MapPoint, NamedPlace, Rate, ThresholdRow, TrainingRun, Verification,
};

fn point(x: f64, y: f64, spread: f64) -> CurvePoint {
    let low = (y - spread).max(0.0);
    CurvePoint { x, y: Estimate::new(y, low, (y + spread).min(1.0)), threshold: None }
}

/// Between the values at given places, linear in the logarithm of x.
fn between(knots: &[(f64, f64)], x: f64) -> f64 {
    let after = knots.iter().position(|knot| knot.0 >= x).unwrap_or(knots.len() - 1).max(1);
    let ((x0, y0), (x1, y1)) = (knots[after - 1], knots[after]);
    let share = (x.ln() - x0.ln()) / (x1.ln() - x0.ln());
    y0 + (y1 - y0) * share.clamp(0.0, 1.0)
}

/// Share of queries found by rank.
pub(crate) fn cmc() -> Vec<Cmc> {
    let knots: [&[(f64, f64)]; 3] = [
        &[(1.0, 0.977), (5.0, 0.985), (10.0, 0.986), (50.0, 0.993)],
        &[(1.0, 0.963), (5.0, 0.984), (10.0, 0.988), (50.0, 0.994)],
        &[(1.0, 0.633), (5.0, 0.841), (10.0, 0.897), (50.0, 0.98)],
    ];
    let curve = |(model, knots): (usize, &&[(f64, f64)])| {
        let at = |rank: usize| {
            let y = between(knots, rank as f64);
            point(rank as f64, y, (1.0 - y) * 0.4)
        };
        Cmc { model, points: (1..=50).map(at).collect() }
    };
    knots.iter().enumerate().map(curve).collect()
}

/// FNMR at FMR 1e-5, 1e-4, 1e-3, 1e-2, 1e-1.
const FNMR: [[f64; 5]; 3] = [
    [0.235, 0.174, 0.114, 0.075, 0.041],
    [0.58, 0.403, 0.233, 0.102, 0.026],
    [0.99, 0.971, 0.907, 0.734, 0.36],
];

fn det(fnmr: &[f64; 5]) -> Curve {
    let knots: Vec<(f64, f64)> =
        fnmr.iter().enumerate().map(|(i, y)| (10f64.powi(i as i32 - 5), *y)).collect();
    let at = |step: u32| {
        let x = 1.3e-5 * (0.1 / 1.3e-5_f64).powf(f64::from(step) / 199.0);
        let y = between(&knots, x);
        point(x, y, y * (1.0 - y) * 0.35)
    };
    (0..200).map(at).collect()
}

/// Curves, calibrated thresholds and distances.
pub(crate) fn verification(calibration: Calibration) -> Verification {
    let eer = [(0.051, 0.034, 0.071), (0.046, 0.032, 0.064), (0.203, 0.179, 0.228)];
    let auc = [0.9846, 0.9871, 0.8795];
    let curves = FNMR.iter().zip(eer).zip(auc).enumerate().map(|(model, ((fnmr, eer), auc))| Det {
        model,
        points: det(fnmr),
        eer: Some(Estimate::new(eer.0, eer.1, eer.2)),
        auc: Some(Estimate::bare(auc)),
    });
    Verification {
        mated_pairs: 15_074,
        non_mated_pairs: 759_316,
        lowest_fmr: Some(1.3e-5),
        det: curves.collect(),
        calibration: Some(calibration),
        thresholds: (0..3).flat_map(thresholds).collect(),
        distances: (0..3).map(distances).collect(),
    }
}

/// Threshold, FMR in percent with its interval, false matches, FNMR in percent with its interval.
type Row = (f64, f64, f64, f64, u64, f64, f64, f64);
const THRESHOLDS: [[Row; 4]; 3] = [
    [
        (0.761, 0.90, 0.61, 1.3, 6818, 7.6, 4.7, 11.3),
        (0.670, 0.073, 0.033, 0.14, 555, 12.3, 8.2, 17.1),
        (0.513, 0.0004, 0.0, 0.0017, 3, 28.5, 22.0, 35.6),
        (0.240, 0.0, 0.0, 0.0, 1, 88.6, 84.5, 92.0),
    ],
    [
        (0.086, 1.2, 0.60, 2.2, 9393, 9.3, 6.2, 13.1),
        (0.068, 0.11, 0.039, 0.22, 848, 22.5, 16.9, 28.7),
        (0.050, 0.0018, 0.0, 0.0053, 14, 52.4, 44.7, 59.8),
        (0.027, 0.0, 0.0, 0.0, 1, 94.1, 91.2, 96.3),
    ],
    [
        (0.459, 1.1, 0.80, 1.5, 8469, 72.2, 66.7, 77.0),
        (0.314, 0.186, 0.148, 0.25, 1412, 91.2, 88.4, 93.6),
        (0.208, 0.0047, 0.00051, 0.016, 36, 98.1, 97.3, 98.8),
        (0.125, 0.0, 0.0, 0.0, 0, 99.6, 99.3, 99.7),
    ],
];

fn thresholds(model: usize) -> Vec<ThresholdRow> {
    let estimate = |value: f64, low: f64, high: f64| Estimate::new(value / 100.0, low / 100.0, high / 100.0);
    let row = |(place, row): (i32, Row)| ThresholdRow {
        model,
        asked_fmr: 10f64.powi(-2 - place),
        threshold: row.0,
        measured_fmr: match place {
            3 => Rate::Insufficient { lowest: Some(1.3e-5) },
            _ => Rate::Supported(estimate(row.1, row.2, row.3)),
        },
        false_matches: row.4,
        fnmr: estimate(row.5, row.6, row.7),
    };
    (0..).zip(THRESHOLDS[model]).map(row).collect()
}

fn distances(model: usize) -> DistanceHistogram {
    let (end, mated, non_mated, threshold) = [
        (1.4, (0.38, 0.16), (0.99, 0.13), 0.670),
        (0.3, (0.05, 0.02), (0.17, 0.045), 0.068),
        (1.6, (0.62, 0.27), (0.95, 0.25), 0.314),
    ][model];
    let bins = 70;
    let bell = |(mean, deviation): (f64, f64)| -> Vec<f64> {
        let height = |bin: usize| {
            let x = end * (bin as f64 + 0.5) / bins as f64;
            (-((x - mean) / deviation).powi(2) / 2.0).exp()
        };
        let heights: Vec<f64> = (0..bins).map(height).collect();
        let sum: f64 = heights.iter().sum();
        heights.into_iter().map(|height| height / sum).collect()
    };
    DistanceHistogram {
        model,
        edges: (0..=bins).map(|bin| end * bin as f64 / bins as f64).collect(),
        mated: bell(mated),
        non_mated: bell(non_mated),
        threshold: Some(threshold),
        asked_fmr: Some(1e-3),
        mated_beyond: Some([0.123, 0.225, 0.912][model]),
        non_mated_within: Some([7.3e-4, 1.1e-3, 1.86e-3][model]),
    }
}

/// FNIR against FPIR, and growth.
pub(crate) fn identification() -> Identification {
    let fnir: [&[(f64, f64)]; 3] = [
        &[(0.008, 0.05), (0.01, 0.043), (0.05, 0.036), (0.1, 0.028), (0.5, 0.02)],
        &[(0.008, 0.135), (0.01, 0.128), (0.05, 0.098), (0.1, 0.066), (0.5, 0.022)],
        &[(0.008, 0.86), (0.01, 0.845), (0.05, 0.76), (0.1, 0.66), (0.5, 0.36)],
    ];
    let curve = |(model, knots): (usize, &&[(f64, f64)])| {
        let at = |step: u32| {
            let x = 0.008 * (0.5_f64 / 0.008).powf(f64::from(step) / 79.0);
            let y = between(knots, x);
            point(x, y, y * (1.0 - y) * 0.35)
        };
        FnirCurve { model, points: (0..80).map(at).collect() }
    };
    Identification {
        gallery_images: 1224,
        unmated_searches: 1245,
        lowest_fpir: Some(0.008),
        fnir: fnir.iter().enumerate().map(curve).collect(),
        growth: (0..3).map(growth).collect(),
    }
}

fn growth(model: usize) -> Growth {
    let rate = [0.004, 0.018, 0.035][model];
    let grown = |images: f64| 1.0 - (1.0_f64 - rate).powf(images / 1224.0);
    let spread = |y: f64| y * (1.0 - y) * 0.6 + 1e-4;
    let at = |images: f64| point(images, grown(images), spread(grown(images)));
    Growth {
        model,
        threshold: [0.513, 0.05, 0.208][model],
        asked_fmr: Some(1e-4),
        measured: [306.0, 612.0, 1224.0].map(at).to_vec(),
        projected: [12_240.0, 122_400.0].map(at).to_vec(),
    }
}

/// Clouds of images, some queries wrong.
pub(crate) fn maps() -> Vec<EmbeddingMap> {
    [29, 46].into_iter().enumerate().map(|(model, wrong)| map(model, wrong)).collect()
}

fn map(model: usize, wrong: usize) -> EmbeddingMap {
    let mut points = Vec::new();
    for identity in 0..58_u32 {
        let turn = f64::from(identity) * 2.4;
        let radius = f64::from(identity).sqrt() * 9.0;
        for image in 0..21_u32 {
            let (angle, away) = (f64::from(image) * 2.4, f64::from(image).sqrt() * 0.5);
            let (x, y) = (turn.cos() * radius + angle.cos() * away, turn.sin() * radius + angle.sin() * away);
            points.push(MapPoint {
                x,
                y,
                wrong_hit: None,
                named: (identity < 3).then_some(identity as usize),
            });
        }
    }
    for error in 0..wrong {
        let (query, hit) = (error * 37 % 1218, (error * 131 + 400) % 1218);
        points[query].wrong_hit = Some(hit);
        points[query].x = 0.6 * points[query].x + 0.4 * points[hit].x;
        points[query].y = 0.6 * points[query].y + 0.4 * points[hit].y;
    }
    let named = [("7396", 7), ("7245", 5), ("7325", 4)];
    EmbeddingMap {
        model,
        method: "t-SNE, perplexity 25, seed 2".into(),
        points,
        named: named.map(|(identity, errors)| NamedPlace { identity: identity.into(), errors }).to_vec(),
    }
}

/// Six epochs with two objectives.
pub(crate) fn training() -> TrainingRun {
    let epochs = [
        ("CosFace", 11.6, 44.2, 25.6),
        ("CosFace", 9.3, 56.1, 32.4),
        ("CosFace", 6.9, 68.4, 40.9),
        ("CosFace", 5.1, 72.0, 43.0),
        ("triplets", 0.8, 72.3, 45.3),
        ("triplets", 0.75, 71.8, 45.0),
    ];
    let epoch = |(number, (objective, loss, top1, map)): (usize, (&str, f64, f64, f64))| Epoch {
        epoch: number,
        objective: objective.into(),
        loss: Some(loss),
        top1: Some(top1 / 100.0),
        map: Some(map / 100.0),
    };
    TrainingRun {
        model: 2,
        validation: "503 photos of 24 people held out of the training identities".into(),
        epochs: (1..).zip(epochs).map(epoch).collect(),
        kept_epoch: Some(5),
    }
}
