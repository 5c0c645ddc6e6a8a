//! Each rule of the answers, on a report that is changed in one respect.

use super::*;
use crate::evaluation::data::*;
use crate::evaluation::fixture::{difference, report, slice};

const BETTER: usize = 0;
const HOW_MUCH: usize = 1;
const CERTAIN: usize = 2;
const THRESHOLD: usize = 3;
const FAILS: usize = 4;
const SOUND: usize = 5;

/// Headline with remark, and text, with plain spaces.
fn answer(report: &Report, which: usize) -> (String, String) {
    let answer = &answers(&View::new(report))[which];
    let plain = |text: String| text.replace('\u{a0}', " ");
    let headline = format!("{} {}", answer.headline.plain(), answer.remark.plain());
    (plain(headline.trim_end().to_owned()), plain(answer.text.plain()))
}

fn is(report: &Report, which: usize, headline: &str, text: &str) {
    assert_eq!(answer(report, which), (headline.to_owned(), text.to_owned()));
}

fn changed(change: impl FnOnce(&mut Report)) -> Report {
    let mut report = report();
    change(&mut report);
    report
}

/// No significant difference in top-1 (p 0.4) and mAP.
fn tied() -> Report {
    changed(|report| {
        report.differences = vec![
            difference(Measure::Top(1), -0.3, 0.65, 0.4),
            difference(Measure::MeanAveragePrecision, -0.2, 0.9, 0.7),
        ];
        for result in &mut report.result {
            result.values[0].best_or_tied = true;
        }
        set_top1(report, 1, 0.974);
    })
}

fn set_top1(report: &mut Report, model: usize, top1: f64) {
    report.result[model].values[0].value = Rate::Supported(Estimate::new(top1, top1 - 0.01, top1 + 0.01));
}

fn one_model() -> Report {
    changed(|report| {
        report.models.truncate(1);
        report.result.truncate(1);
        report.differences.clear();
        report.mcnemar.clear();
    })
}

#[test]
fn a_significantly_better_model_wins() {
    let text = "97.7 % of queries find the right person first (96.7–98.7). Next: Beta, 96.3 % (95.3–97.3).";
    is(&report(), BETTER, "Alpha", text);
    let text = "and +2.3 points mAP over Beta, on the same 1,245 queries: right 21 times where Beta is wrong, \
                wrong 4 times where Beta is right.";
    is(&report(), HOW_MUCH, "+1.4 points top-1", text);
    let text = "95 % intervals +0.6 to +2.2 and +1.3 to +3.3 points. No significant difference in TAR at FMR 0.1 % and EER.";
    is(&report(), CERTAIN, "Yes for top-1 and mAP", text);
}

#[test]
fn the_winner_may_differ_from_the_reference() {
    let report = changed(|report| {
        report.reference = 1;
        for difference in &mut report.differences {
            difference.model = 0;
            let turned = difference.difference;
            difference.difference = Estimate::new(-turned.value, -turned.high.unwrap(), -turned.low.unwrap());
        }
    });
    assert_eq!(answer(&report, BETTER).0, "Alpha");
    assert_eq!(answer(&report, HOW_MUCH).0, "+1.4 points top-1");
    assert!(answer(&report, CERTAIN).1.starts_with("95 % intervals +0.6 to +2.2"));
    assert!(answer(&report, FAILS).1.starts_with("Beta: "), "{}", answer(&report, FAILS).1);
}

#[test]
fn no_significant_difference_has_no_winner() {
    let text = "Alpha 97.7 %, Beta 97.4 %: no significant difference (−0.9 to +0.4 points).";
    let report = tied();
    assert_eq!(answer(&report, BETTER).0, "No clear winner");
    assert_eq!(answer(&report, BETTER).1.replace("−1.0 to +0.3", "−0.9 to +0.4"), text);
    assert_eq!(answer(&report, HOW_MUCH).0, "+0.3 points top-1 Alpha, not significant");
    assert_eq!(answer(&report, CERTAIN).0, "No");
    assert!(answer(&report, CERTAIN).1.contains("No significant difference in top-1 and mAP."));
}

#[test]
fn too_few_people_narrow_no_interval() {
    let mut report = tied();
    report.summary.identities = 12;
    report.differences[0] = difference(Measure::Top(1), -0.3, 7.0, 0.4);
    let text = "12 people; the interval of the difference spans 14 points. More people narrow it; more photos of the same \
                people hardly do.";
    is(&report, CERTAIN, "No: too few people", text);
    report.subject = Subject::Object;
    assert_eq!(answer(&report, CERTAIN).0, "No: too few objects");
}

#[test]
fn one_model_has_no_comparison() {
    let report = one_model();
    let text =
        "97.7 % of queries find the right person first (96.7–98.7). Add a second model for a comparison.";
    is(&report, BETTER, "One model, no comparison", text);
    is(&report, HOW_MUCH, "Nothing to compare with", "mAP 92.8 % and EER 5.0 %.");
    is(&report, CERTAIN, "Within 96.7–98.7 %", "95 % interval of top-1, from 40 people.");
}

#[test]
fn differences_that_were_not_tested_are_no_verdict() {
    let report = changed(|report| {
        report.differences.clear();
        report.result.iter_mut().for_each(|result| result.values[0].best_or_tied = false);
    });
    is(&report, BETTER, "Not tested", "Alpha 97.7 %, Beta 96.3 %: the difference was not tested.");
    assert_eq!(answer(&report, CERTAIN).0, "Not tested");
}

#[test]
fn a_measure_by_which_the_other_model_is_better_is_named() {
    let report = changed(|report| report.differences[3] = difference(Measure::Eer, -1.0, 0.5, 0.01));
    assert!(answer(&report, CERTAIN).1.ends_with("Beta is better by EER."), "{}", answer(&report, CERTAIN).1);
}

#[test]
fn thresholds_are_read_and_missing_ones_are_not_invented() {
    let text =
        "Measured here: 0.12 % false matches (0.050–0.20), as asked; 12.3 % of same-person pairs are missed.";
    is(&report(), THRESHOLD, "0.670 cosine, for FMR 0.1 %", text);
    let without = changed(|report| report.verification.thresholds.clear());
    let text = "No threshold stored with this model. likeness calibrate sets one from 100 people or more.";
    is(&without, THRESHOLD, "Not calibrated", text);
    let insufficient = changed(|report| {
        report.verification.thresholds[0].measured_fmr = Rate::Insufficient { lowest: Some(0.005) };
    });
    assert!(
        answer(&insufficient, THRESHOLD)
            .1
            .contains("insufficient data for false matches (supported from 0.50 %)")
    );
}

#[test]
fn the_worst_slice_below_the_rest_is_named() {
    let text = "88.0 % top-1 (85.0–91.0) on 60 queries. No other slice lies clearly below the rest; one has too few samples.";
    is(&report(), FAILS, "turned", text);
    let two = changed(|report| report.slices.rows.push(slice("dark", 40, 80.0)));
    assert_eq!(answer(&two, FAILS).0, "dark");
    assert!(answer(&two, FAILS).1.contains("Also clearly below the rest: turned; one has too few samples."));
}

#[test]
fn slices_that_reach_the_rate_of_all_do_not_stand_out() {
    let none = changed(|report| report.slices.rows = vec![slice("a", 60, 96.0), slice("b", 60, 98.0)]);
    is(
        &none,
        FAILS,
        "No slice stands out",
        "2 slices looked at; every interval reaches the rate of all queries.",
    );
    let short = changed(|report| report.slices.rows = vec![slice("a", 29, 10.0)]);
    is(&short, FAILS, "Too few samples", "1 slice looked at, each under 30 queries or 10 people.");
    let without = changed(|report| report.slices.rows.clear());
    assert_eq!(answer(&without, FAILS).0, "Not looked at");
}

#[test]
fn doubtful_labels_are_counted_and_the_order_is_checked() {
    let text = "12 of 1,245 photos look mislabelled. Without them Alpha has 98.7 % and Beta 97.4 %: the order stays.";
    is(&report(), SOUND, "Yes, with 12 doubtful labels", text);
    let changes = changed(|report| report.data.issues[0].without[0].top1 = 0.9);
    assert!(answer(&changes, SOUND).1.ends_with("the order changes."));
    let many = changed(|report| report.data.issues[0].photos = 100);
    assert_eq!(answer(&many, SOUND).0, "No: 100 doubtful labels");
}

#[test]
fn leaking_identities_make_the_comparison_unfair() {
    let report = changed(|report| report.data.leaks = vec![Leak { model: 1, identities: 31, of: 58 }]);
    let text =
        "31 of 58 people also occur in training of Beta. Ranking measures are too high by an unknown amount.";
    is(&report, SOUND, "No: identities leak", text);
    let text = "Beta was trained on people of this data. Alpha 97.7 %, Beta 96.3 % top-1, too high by an unknown amount.";
    is(&report, BETTER, "No fair comparison", text);
}

#[test]
fn clean_unchecked_and_conflicting_data() {
    let clean = changed(|report| {
        report.data.likely_mislabelled.clear();
        report.data.issues.remove(0);
    });
    is(&clean, SOUND, "Yes", "2 issues looked for in 1,245 photos; none needs a review.");
    let unchecked = changed(|report| report.data = DataChecks::default());
    is(&unchecked, SOUND, "Not checked", "likeness inspect was not run on this data.");
    let conflict = changed(|report| report.data.issues[1].photos = 3);
    assert_eq!(answer(&conflict, SOUND).0, "No: one photo, two people");
}

#[test]
fn caveats_name_the_lowest_supported_rates() {
    let report = report();
    let caveats: Vec<String> =
        caveats(&View::new(&report)).iter().map(|c| c.plain().replace('\u{a0}', " ")).collect();
    assert_eq!(
        caveats,
        [
            "FNIR at FPIR 0.3 %: insufficient data; 1,245 unmated searches support rates from 0.80 %.",
            "FMR under 0.0013 %: insufficient data; 759,316 non-mated pairs.",
            "4 photos are in no measure (4 without a face); rows are matched by name.",
            "Intervals resample the 40 people, not the photos.",
        ]
    );
}
