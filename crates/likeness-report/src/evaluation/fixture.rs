//! A small report for tests: two models, forty people.

use super::data::*;

/// Measures of one model in percent: top-1, mAP, TAR, EER, each ± 1, and FNIR without enough searches.
fn result(model: usize, top1: f64, map: f64, best: bool) -> ModelResult {
    let value = |measure, value: f64, best_or_tied| MeasureValue {
        measure,
        value: Rate::Supported(Estimate::new(value / 100.0, (value - 1.0) / 100.0, (value + 1.0) / 100.0)),
        best_or_tied,
    };
    let fnir = Rate::Insufficient { lowest: Some(0.008) };
    let values = vec![
        value(Measure::Top(1), top1, best),
        value(Measure::MeanAveragePrecision, map, best),
        value(Measure::Tar(1e-3), 80.0, true),
        MeasureValue { measure: Measure::Fnir(3e-3), value: fnir, best_or_tied: false },
        value(Measure::Eer, 5.0, true),
    ];
    ModelResult { model, values }
}

/// A difference of the second model in percentage points.
pub(super) fn difference(measure: Measure, points: f64, half: f64, p: f64) -> Difference {
    let difference = Estimate::new(points / 100.0, (points - half) / 100.0, (points + half) / 100.0);
    Difference { model: 1, measure, difference, p_holm: Some(p), p: None }
}

/// A slice with top-1 of both models in percent ± 3.
pub(super) fn slice(name: &str, queries: usize, top1: f64) -> Slice {
    let value = |model, value: f64| SliceValue {
        model,
        top1: Estimate::new(value / 100.0, (value - 3.0) / 100.0, (value + 3.0) / 100.0),
    };
    let values = vec![value(0, top1), value(1, top1 - 2.0)];
    Slice { name: name.into(), title: None, column: "yaw".into(), queries, identities: queries / 2, values }
}

fn curve(values: &[(f64, f64)]) -> Curve {
    let point = |&(x, y): &(f64, f64)| CurvePoint {
        x,
        y: Estimate::new(y, y * 0.9, (y * 1.1).min(1.0)),
        threshold: None,
    };
    values.iter().map(point).collect()
}

fn verification() -> Verification {
    let row = |model, threshold, low, high| ThresholdRow {
        model,
        asked_fmr: 1e-3,
        threshold,
        measured_fmr: Rate::Supported(Estimate::new((low + high) / 2.0, low, high)),
        false_matches: 555,
        fnmr: Estimate::new(0.123, 0.08, 0.17),
    };
    Verification {
        mated_pairs: 15_074,
        non_mated_pairs: 759_316,
        lowest_fmr: Some(1.3e-5),
        det: (0..2)
            .map(|model| Det {
                model,
                points: curve(&[
                    (1e-4, 0.2 + 0.1 * model as f64),
                    (1e-2, 0.1),
                    (0.1, 0.05 - 0.02 * model as f64),
                ]),
                eer: Some(Estimate::bare(0.05)),
                auc: Some(Estimate::bare(0.98)),
            })
            .collect(),
        calibration: Some(Calibration {
            data: "241 people".into(),
            non_mated_pairs: 12_638_897,
            ..Calibration::default()
        }),
        thresholds: vec![row(0, 0.67, 5e-4, 2e-3), row(1, 0.068, 2e-3, 3e-3)],
        distances: vec![DistanceHistogram {
            model: 0,
            edges: vec![0.0, 0.5, 1.0],
            mated: vec![0.9, 0.1],
            non_mated: vec![0.001, 0.999],
            threshold: Some(0.5),
            asked_fmr: Some(1e-3),
            mated_beyond: Some(0.1),
            non_mated_within: Some(1e-3),
        }],
    }
}

fn queries() -> Queries {
    let hit = |rank: usize, right| QueryHit {
        rank,
        file: format!("{rank}.jpg"),
        identity: if right { "cannon".into() } else { "anchor".into() },
        distance: 0.3 + 0.01 * rank as f64,
        right,
        picture: Some(Jpeg(vec![0xff, 0xd8, rank as u8])),
    };
    let row = QueryRow {
        file: "q.jpg".into(),
        identity: "cannon".into(),
        average_precision: 0.02,
        true_images: 29,
        hits: (1..=10).map(|rank| hit(rank, rank == 4)).collect(),
        first_true: None,
        picture: Some(Jpeg(vec![0xff, 0xd8])),
    };
    let set = QuerySet { worst: vec![row], ..QuerySet::default() };
    Queries { sets: vec![set], credits: vec!["Pictures: invented.".into()], ..Queries::default() }
}

fn checks() -> DataChecks {
    let without = vec![
        WithoutIssue { model: 0, top1: 0.987, change: 0.01 },
        WithoutIssue { model: 1, top1: 0.974, change: 0.011 },
    ];
    let issue = |name: &str, photos, state, without| Issue {
        name: name.into(),
        detail: "What it means".into(),
        photos,
        without,
        state,
    };
    DataChecks {
        issues: vec![
            issue("likely_mislabelled", 12, IssueState::Review, without),
            issue("identity_conflict", 0, IssueState::Clean, Vec::new()),
            issue("no_face", 4, IssueState::Excluded, Vec::new()),
        ],
        likely_mislabelled: vec![Mislabelled {
            photo: "200207.jpg".into(),
            label: "7396".into(),
            looks_like: "7245".into(),
            nearest_photo: "192689.jpg".into(),
            distance: 0.118,
            own_first_rank: Some(88),
        }],
        left_out: vec![LeftOut {
            reason: "without a face".into(),
            photos: 4,
            model: None,
            names: vec!["a.jpg".into()],
        }],
        ..DataChecks::default()
    }
}

fn licences() -> Licensing {
    let row = |part: &str, model, terms| Licence {
        part: part.into(),
        model,
        licence: "text".into(),
        terms,
        origin: "somewhere".into(),
        learned_from: String::new(),
        fingerprint: "0123456789abcdef".into(),
    };
    Licensing {
        rows: vec![row("", Some(0), Terms::NonCommercial), row("YuNet", None, Terms::Free)],
        notes: Vec::new(),
    }
}

/// The report: the first model is better by top-1 and mAP.
pub(super) fn report() -> Report {
    let model = |name: &str| Model {
        name: name.into(),
        facts: vec!["128 dimensions".into()],
        distance: "cosine".into(),
        ..Model::default()
    };
    Report {
        title: "Two models compared".into(),
        summary: Summary {
            photos: 1245,
            identities: 40,
            protocol: "each photo searched among all others".into(),
            date: "2026-11-30".into(),
            version: "likeness 0.2.0".into(),
            ..Summary::default()
        },
        models: vec![model("Alpha"), model("Beta")],
        intervals: Intervals { resamples: 1000, ..Intervals::default() },
        result: vec![result(0, 97.7, 92.8, true), result(1, 96.3, 90.5, false)],
        differences: vec![
            difference(Measure::Top(1), -1.4, 0.8, 0.001),
            difference(Measure::MeanAveragePrecision, -2.3, 1.0, 0.001),
            difference(Measure::Tar(1e-3), -0.5, 1.0, 0.84),
            difference(Measure::Eer, 0.1, 0.5, 0.9),
        ],
        ranking: (0..2)
            .map(|model| Cmc { model, points: curve(&[(1.0, 0.977), (5.0, 0.985), (10.0, 0.99)]) })
            .collect(),
        mcnemar: vec![McNemar {
            first: 0,
            second: 1,
            both: 1195,
            only_first: 21,
            only_second: 4,
            neither: 25,
            p: 9e-4,
        }],
        verification: verification(),
        identification: Identification {
            gallery_images: 1224,
            unmated_searches: 1245,
            lowest_fpir: Some(0.008),
            ..Identification::default()
        },
        slices: Slices {
            rows: vec![slice("turned", 60, 88.0), slice("frontal", 900, 98.0), slice("tilted", 20, 95.0)],
            notes: Vec::new(),
        },
        queries: queries(),
        confusions: vec![Confusions {
            model: 0,
            pairs: 7,
            rows: vec![Confusion {
                query: "chair".into(),
                hit: "windsor chair".into(),
                queries: 9,
                of: 30,
                other_of: 30,
                distance: 0.27,
                ..Confusion::default()
            }],
        }],
        data: checks(),
        timing: Timing {
            rows: vec![TimingRow {
                model: 0,
                cpu_ms: Some(7.0),
                photos_per_second: Some(143.0),
                peak_memory_bytes: Some(212 << 20),
                file_bytes: Some(4_100_000),
                evaluation_s: None,
            }],
            note: "One core.".into(),
        },
        settings: Settings {
            rows: vec![SettingRow {
                name: "Command".into(),
                value: "likeness report a|b".into(),
                code: true,
            }],
        },
        licences: licences(),
        ..Report::default()
    }
}
