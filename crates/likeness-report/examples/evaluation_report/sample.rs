//! The report: three models on photos of 58 people. All numbers are invented, close to those of real embeddings.

use std::collections::BTreeMap;

use likeness_report::evaluation::{
    Calibration, Difference, Estimate, Intervals, McNemar, Measure, MeasureValue, Model, ModelResult, Rate,
    Report, Subject, Summary,
};

use crate::{curves, tables};

/// The whole report.
pub(crate) fn report() -> Report {
    Report {
        title: "Test identities: three models compared".into(),
        subject: Subject::Person,
        summary: Summary {
            photos: 1245,
            identities: 58,
            protocol: "each photo searched among all others".into(),
            date: "2026-11-30".into(),
            version: "likeness 0.2.0".into(),
            ..Summary::default()
        },
        models: models(),
        reference: 0,
        intervals: Intervals { resamples: 10_000, error_rate_resamples: None, comparisons: 0 },
        result: results(),
        differences: differences(),
        ranking: curves::cmc(),
        mcnemar: vec![McNemar {
            first: 0,
            second: 1,
            both: 1195,
            only_first: 21,
            only_second: 4,
            neither: 25,
            p: 9.1e-4,
        }],
        verification: curves::verification(Calibration {
            data: "241 training identities".into(),
            identities: 241,
            non_mated_pairs: 12_638_897,
            trained_on: vec![2],
            measured_on: "the test identities".into(),
        }),
        identification: curves::identification(),
        slices: tables::slices(),
        maps: curves::maps(),
        queries: tables::queries(),
        confusions: tables::confusions(),
        data: tables::checks(),
        training: vec![curves::training()],
        timing: tables::timing(),
        settings: tables::settings(),
        licences: tables::licences(),
        notes: Vec::new(),
        absent: BTreeMap::new(),
    }
}

fn models() -> Vec<Model> {
    let model = |name: &str, short: &str, facts: [&str; 3]| Model {
        name: name.into(),
        short_name: Some(short.into()),
        facts: facts.map(str::to_owned).to_vec(),
        distance: "cosine".into(),
        dimension: Some(128),
        bytes: None,
    };
    vec![
        model("MobileFaceNet", "MobileFaceNet", ["128 dimensions", "4.1 MB", "research only"]),
        model("dlib ResNet, 8 bits", "dlib ResNet", ["128 dimensions", "5.7 MB", "CC0"]),
        model(
            "ResNet50, trained here",
            "ResNet50 here",
            ["128 dimensions", "95 MB", "trained on 241 training identities"],
        ),
    ]
}

fn measures() -> [Measure; 8] {
    [
        Measure::Top(1),
        Measure::Top(5),
        Measure::Top(10),
        Measure::MeanAveragePrecision,
        Measure::Tar(1e-3),
        Measure::Fnir(3e-3),
        Measure::Fnir(1e-2),
        Measure::Eer,
    ]
}

/// Value, low and high in percent, and whether the model is best or tied. FNIR at 0.3 % has too few searches.
const RESULTS: [[(f64, f64, f64, bool); 7]; 3] = [
    [
        (97.7, 96.3, 98.8, true),
        (98.5, 97.6, 99.2, true),
        (98.6, 97.7, 99.3, true),
        (92.8, 89.6, 95.4, true),
        (88.6, 83.0, 92.6, true),
        (4.3, 2.9, 5.9, true),
        (5.1, 3.4, 7.1, true),
    ],
    [
        (96.3, 94.5, 97.8, false),
        (98.4, 97.5, 99.1, true),
        (98.8, 97.9, 99.4, true),
        (90.5, 86.9, 93.5, false),
        (76.7, 64.9, 84.0, false),
        (12.8, 9.1, 17.2, false),
        (4.6, 3.2, 6.4, true),
    ],
    [
        (63.3, 57.7, 68.5, false),
        (84.1, 80.7, 87.2, false),
        (89.7, 87.1, 92.1, false),
        (32.2, 27.9, 36.6, false),
        (9.3, 7.0, 11.9, false),
        (84.5, 80.4, 88.4, false),
        (20.3, 17.9, 22.8, false),
    ],
];

fn results() -> Vec<ModelResult> {
    let result = |(model, values): (usize, &[(f64, f64, f64, bool); 7])| {
        let mut values = values.iter();
        let values = measures().into_iter().map(|measure| match measure {
            Measure::Fnir(rate) if rate < 0.008 => MeasureValue {
                measure,
                value: Rate::Insufficient { lowest: Some(0.008) },
                best_or_tied: false,
            },
            measure => {
                let &(value, low, high, best_or_tied) =
                    values.next().expect("one value for each supported measure");
                let value = Estimate::new(value / 100.0, low / 100.0, high / 100.0);
                MeasureValue { measure, value: Rate::Supported(value), best_or_tied }
            }
        });
        ModelResult { model, values: values.collect() }
    };
    RESULTS.iter().enumerate().map(result).collect()
}

/// Difference, low, high in points, and p.
const DIFFERENCES: [[(f64, f64, f64, f64); 7]; 2] = [
    [
        (-1.4, -2.3, -0.6, 0.001),
        (-0.1, -0.4, 0.3, 0.84),
        (0.2, -0.2, 0.7, 0.84),
        (-2.3, -3.5, -1.3, 0.001),
        (-11.9, -20.4, -7.2, 0.004),
        (8.5, 5.4, 12.4, 0.001),
        (-0.5, -1.5, 0.4, 0.84),
    ],
    [
        (-34.4, -39.8, -29.4, 0.001),
        (-14.4, -17.6, -11.3, 0.001),
        (-8.8, -11.3, -6.5, 0.001),
        (-60.6, -65.1, -56.0, 0.001),
        (-79.2, -83.5, -74.1, 0.0004),
        (80.2, 75.9, 84.4, 0.001),
        (15.2, 12.4, 17.9, 0.004),
    ],
];

fn differences() -> Vec<Difference> {
    let of_model = |(index, values): (usize, &[(f64, f64, f64, f64); 7])| -> Vec<Difference> {
        let measures = measures().into_iter().filter(|measure| *measure != Measure::Fnir(3e-3));
        let rows = measures.zip(*values).map(|(measure, (value, low, high, p))| Difference {
            model: index + 1,
            measure,
            difference: Estimate::new(value / 100.0, low / 100.0, high / 100.0),
            p_holm: Some(p),
            p: None,
        });
        rows.collect()
    };
    DIFFERENCES.iter().enumerate().flat_map(of_model).collect()
}
