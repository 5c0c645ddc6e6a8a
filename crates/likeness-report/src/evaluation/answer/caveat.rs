//! What the report cannot say, one sentence each.

use crate::evaluation::data::Measure;
use crate::evaluation::document::Prose;
use crate::evaluation::number;
use crate::evaluation::view::{CHARTED, View};
use crate::evaluation::words::{counted, listed, measure};

/// The caveats, in the order of their weight.
pub(in crate::evaluation) fn caveats(view: &View) -> Vec<Prose> {
    let mut caveats = leaks(view);
    caveats.extend(rates(view));
    caveats.extend(lowest_fmr(view));
    caveats.extend(calibration(view));
    caveats.extend(left_out(view));
    caveats.extend(others(view));
    caveats.extend(view.report.notes.iter().map(|note| Prose::default().name(note)));
    caveats
}

fn leaks(view: &View) -> Vec<Prose> {
    let leaks = view.report.data.leaks.iter().filter(|leak| leak.identities > 0);
    leaks
        .map(|leak| {
            let (leaked, of) = (number::count(leak.identities as u64), number::count(leak.of as u64));
            let many = view.words.many();
            view.named(leak.model).text(format!(
                " was trained on {leaked} of the {of} {many}: its measures are too high by an unknown amount."
            ))
        })
        .collect()
}

/// "FNIR at FPIR 0.3 %: insufficient data; 1,245 unmated searches support rates from 0.80 %."
fn rates(view: &View) -> Vec<Prose> {
    let insufficient = view.measures().into_iter().filter_map(|rate| Some((rate, view.insufficient(rate)?)));
    insufficient
        .map(|(rate, lowest)| {
            let (events, known) = match rate {
                Measure::Fnir(_) => {
                    let searches = view.report.identification.unmated_searches;
                    (
                        format!("{} unmated searches", number::count(searches)),
                        view.report.identification.lowest_fpir,
                    )
                }
                _ => {
                    let pairs = view.report.verification.non_mated_pairs;
                    (format!("{} non-mated pairs", number::count(pairs)), view.report.verification.lowest_fmr)
                }
            };
            let name = measure(rate);
            match lowest.or(known) {
                Some(lowest) => format!(
                    "{name}: insufficient data; {events} support rates from {}.",
                    number::percent_sign(lowest)
                )
                .into(),
                None => format!("{name}: insufficient data; {events} support no rate.").into(),
            }
        })
        .collect()
}

/// "FMR under 0.0013 %: insufficient data; 759,316 non-mated pairs."
fn lowest_fmr(view: &View) -> Option<Prose> {
    let lowest = number::percent_sign(view.report.verification.lowest_fmr?);
    let pairs = number::count(view.report.verification.non_mated_pairs);
    Some(format!("FMR under {lowest}: insufficient data; {pairs} non-mated pairs.").into())
}

fn calibration(view: &View) -> Option<Prose> {
    let trained: Vec<Prose> =
        view.trained_on_calibration().into_iter().map(|model| view.named(model)).collect();
    if trained.is_empty() {
        return None;
    }
    let (were, their) = if trained.len() == 1 { ("was", "its") } else { ("were", "their") };
    let many = view.words.many();
    Some(listed(trained).text(format!(
        " {were} trained on the calibration {many}, so {their} thresholds are the least certain."
    )))
}

/// "7 photos are in no measure: 4 no face found, 3 missing in ResNet50. Rows are matched by name."
fn left_out(view: &View) -> Option<Prose> {
    let rows: Vec<_> = view.report.data.left_out.iter().filter(|row| row.photos > 0).collect();
    let photos: usize = rows.iter().map(|row| row.photos).sum();
    if photos == 0 {
        return None;
    }
    let reasons: Vec<Prose> = rows
        .iter()
        .map(|row| Prose::from(format!("{} ", number::count(row.photos as u64))).name(&row.reason))
        .collect();
    let are = if photos == 1 { "is" } else { "are" };
    let counted = counted(photos, "photo", "photos");
    Some(
        Prose::from(format!("{counted} {are} in no measure ("))
            .and(listed(reasons))
            .text("); rows are matched by name."),
    )
}

fn others(view: &View) -> Vec<Prose> {
    let report = view.report;
    let many = view.words.many();
    let mut caveats = Vec::new();
    if report.summary.unmated_queries > 0 {
        let queries = counted(report.summary.unmated_queries, "query has", "queries have");
        caveats.push(
            format!("{queries} no image of the same {} and count in no ranking measure.", view.words.one())
                .into(),
        );
    }
    if report.intervals.resamples > 0 {
        caveats.push(
            format!(
                "Intervals resample the {}, not the photos.",
                view.words.counted(report.summary.identities)
            )
            .into(),
        );
    }
    if report.identification.growth.iter().any(|growth| !growth.projected.is_empty()) {
        caveats.push(
            format!(
                "Larger galleries are projected, for {many} like these; a projection is not a measurement."
            )
            .into(),
        );
    }
    if view.models() > CHARTED {
        let left = view.models() - CHARTED;
        caveats.push(
            format!(
                "Charts show the {} models with the highest top-1; {} in tables only.",
                number::count_word(CHARTED),
                counted(left, "model is", "models are")
            )
            .into(),
        );
    }
    caveats
}
