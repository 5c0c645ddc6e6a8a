//! Verification: DET, ROC, operating thresholds and distances.

use super::curves::{complement, curve, rules};
use super::models_of;
use super::numbers::{Numbers, bracketed, chosen};
use crate::evaluation::data::{Curve, DistanceHistogram, Measure, Rate, Section, ThresholdRow};
use crate::evaluation::document::{Block, Cell, Column, Figure, Markup, Prose, Row, Table};
use crate::evaluation::number;
use crate::evaluation::view::View;
use crate::evaluation::words::{self, listed};
use crate::figure::{self, Histogram};

/// False match rates with a rule in the charts.
const RULES: [f64; 3] = [1e-4, 1e-3, 1e-2];
/// False match rates of the numbers.
const RATES: [f64; 6] = [0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];
/// The most bins of a histogram on the page.
const MOST_BINS: usize = 75;

/// All of the section.
pub(super) fn blocks(view: &View) -> Vec<Block> {
    let data = &view.report.verification;
    let mut blocks = Vec::new();
    if data.mated_pairs + data.non_mated_pairs > 0 {
        let (mated, non_mated) = (number::count(data.mated_pairs), number::count(data.non_mated_pairs));
        let one = view.words.one();
        let text = format!("Two photos, same {one} or not? {mated} mated and {non_mated} non-mated pairs.");
        blocks.push(Block::Lead(text.into()));
    }
    let figures: Vec<Figure> = [det(view), roc(view)].into_iter().flatten().collect();
    if !figures.is_empty() {
        blocks.push(Block::Figures(figures));
        blocks.extend(crossing(view).map(Block::Note));
    }
    if !data.thresholds.is_empty() {
        blocks.push(Block::Heading("Operating thresholds".into(), Prose::default()));
        blocks.push(Block::Note(calibration(view)));
        blocks.push(Block::Table(thresholds(view)));
        blocks.push(Block::Note(
            "The curves set thresholds on these pairs; this table takes calibrated ones.".into(),
        ));
    }
    let figures: Vec<Figure> =
        data.distances.iter().filter_map(|histogram| distances(view, histogram)).collect();
    if !figures.is_empty() {
        blocks.push(Block::Heading("Distances".into(), Prose::default()));
        blocks.push(Block::Figures(figures));
    }
    if blocks.is_empty() {
        let reason = "No pair of photos was compared.";
        return vec![Block::Lead(view.absent(Section::Verification, reason))];
    }
    blocks
}

fn supported_from(view: &View) -> f64 {
    view.report.verification.lowest_fmr.unwrap_or(0.0)
}

/// The parts of a curve that the pairs support.
fn supported(view: &View, curve: &Curve) -> Curve {
    curve.iter().filter(|point| point.x >= supported_from(view)).copied().collect()
}

fn det(view: &View) -> Option<Figure> {
    let data = &view.report.verification;
    let of: Vec<(usize, Curve)> =
        data.det.iter().map(|det| (det.model, supported(view, &det.points))).collect();
    let curves: Vec<figure::Curve> =
        of.iter().filter_map(|(model, points)| curve(view, *model, points, &RULES)).collect();
    if curves.is_empty() {
        return None;
    }
    let eer = data.det.iter().filter_map(|det| Some((det.model, det.eer?.value)));
    let best = eer.min_by(|a, b| a.1.total_cmp(&b.1)).map_or_else(String::new, |(model, eer)| {
        format!(" Lowest equal error rate: {}, {}.", view.short(model), number::percent_sign(eer))
    });
    let label = format!("False non-match rate against false match rate.{best}");
    let numbers = numbers(view, "FNMR", of.iter().map(|(model, curve)| (*model, curve)).collect());
    Some(Figure {
        title: "DET: misses against false matches".into(),
        reading: "Lower left is better. Both axes logarithmic, so equal steps are equal ratios.".into(),
        drawing: Markup::trusted(figure::det(
            &curves,
            &rules(&RULES, supported_from(view)),
            supported_from(view),
            &label,
        )),
        numbers: numbers.table(view),
    })
}

fn roc(view: &View) -> Option<Figure> {
    let data = &view.report.verification;
    let of: Vec<(usize, Curve)> =
        data.det.iter().map(|det| (det.model, complement(&supported(view, &det.points)))).collect();
    let curves: Vec<figure::Curve> =
        of.iter().filter_map(|(model, points)| curve(view, *model, points, &RULES)).collect();
    if curves.is_empty() {
        return None;
    }
    let best = curves.iter().filter_map(|c| Some((c, c.marks.iter().find(|mark| mark.0 == 1e-3)?.1)));
    let best = best.max_by(|a, b| a.1.total_cmp(&b.1)).map_or_else(String::new, |(curve, tar)| {
        format!(
            " At FMR {}, {} accepts most: {}.",
            number::asked(1e-3),
            curve.name,
            number::percent_sign(tar)
        )
    });
    let label = format!("True accept rate against false match rate.{best}");
    let mut numbers =
        numbers(view, "TAR", of.iter().map(|(model, curve)| (*model, curve)).collect()).table(view);
    if let Some(table) = numbers.as_mut().filter(|_| data.det.iter().any(|det| det.auc.is_some())) {
        let auc = data
            .det
            .iter()
            .map(|det| det.auc.map_or_else(|| Cell::new("–"), |auc| super::numbers::estimate(&auc)));
        table.row(std::iter::once(Cell::new("Area under the curve")).chain(auc).collect());
    }
    Some(Figure {
        title: "ROC: accepted pairs against false matches".into(),
        reading: "Higher left is better. The same numbers as in the DET, for reading TAR.".into(),
        drawing: Markup::trusted(figure::roc(
            &curves,
            &rules(&RULES, supported_from(view)),
            supported_from(view),
            &label,
        )),
        numbers,
    })
}

fn numbers<'a>(view: &View, y: &'a str, curves: Vec<(usize, &'a Curve)>) -> Numbers<'a> {
    Numbers {
        caption: if y == "TAR" {
            "True accept rate by false match rate"
        } else {
            "False non-match rate by false match rate"
        },
        x: "FMR",
        y,
        places: RATES.iter().map(|&rate| (rate, number::asked(rate))).collect(),
        curves,
        supported_from: supported_from(view),
    }
}

/// Where the curves of the two models with the highest top-1 cross, where they do so once.
fn crossing(view: &View) -> Option<Prose> {
    let order = view.by_top1();
    let (&first, &second) = (order.first()?, order.get(1)?);
    let of = |model: usize| view.report.verification.det.iter().find(|det| det.model == model);
    let (first_points, second_points) =
        (supported(view, &of(first)?.points), supported(view, &of(second)?.points));
    let differences: Vec<(f64, f64)> = first_points
        .iter()
        .filter_map(|point| {
            Some((point.x, point.y.value - super::curves::at(&second_points, point.x)?.value))
        })
        .filter(|(_, difference)| *difference != 0.0)
        .collect();
    let mut changes = differences.windows(2).filter(|pair| (pair[0].1 > 0.0) != (pair[1].1 > 0.0));
    let change = changes.next()?;
    if changes.next().is_some() {
        return None;
    }
    let strict = if change[0].1 < 0.0 { first } else { second };
    let names = listed(vec![view.named(first), view.named(second)]);
    let at = number::asked(rounded(change[1].0));
    let text = Prose::from("The curves of ").and(names).text(format!(" cross at an FMR of about {at}: "));
    let eer = |model: usize| view.estimate(model, &Measure::Eer).map(|eer| eer.value);
    let loose = if strict == first { second } else { first };
    let text = match (eer(loose), eer(strict)) {
        (Some(loose_eer), Some(strict_eer)) if loose_eer < strict_eer => {
            text.and(view.named(loose)).text(" has the lower EER, ")
        }
        _ => text,
    };
    Some(text.and(view.named(strict)).text(" misses fewer pairs at every stricter threshold."))
}

/// One significant digit.
fn rounded(rate: f64) -> f64 {
    let unit = 10f64.powf(rate.max(1e-12).log10().floor());
    (rate / unit).round() * unit
}

fn calibration(view: &View) -> Prose {
    let as_asked = Prose::default()
        .strong("As asked")
        .text(": the rate asked for lies within the interval measured here.");
    let Some(calibration) = &view.report.verification.calibration else { return as_asked };
    let pairs = number::count(calibration.non_mated_pairs);
    let mut text = Prose::from("Set on ").name(&calibration.data).text(format!(" ({pairs} non-mated pairs)"));
    if !calibration.measured_on.is_empty() {
        text = text.text(", measured on ").name(&calibration.measured_on);
    }
    let trained: Vec<Prose> = calibration.trained_on.iter().map(|&model| view.named(model)).collect();
    let text = text.text(". ").and(as_asked);
    let many = view.words.many();
    match trained.len() {
        0 => text,
        1 => text.text(" ").and(listed(trained)).text(format!(
            " was trained on the calibration {many}, so its thresholds are the least certain."
        )),
        _ => text.text(" ").and(listed(trained)).text(format!(
            " were trained on the calibration {many}, so their thresholds are the least certain."
        )),
    }
}

fn thresholds(view: &View) -> Table {
    let rows = &view.report.verification.thresholds;
    let models = models_of(rows.iter().map(|row| row.model));
    let first = models.first().map_or("", |&model| view.distance(model));
    let same = !first.is_empty() && models.iter().all(|&model| view.distance(model) == first);
    let columns = vec![
        Column::words("Model"),
        Column::number("FMR asked"),
        Column::number(if same { format!("Threshold, {first}") } else { "Threshold".to_owned() }),
        Column::number("FMR measured here, %"),
        Column::number("False matches"),
        Column::number("FNMR, %"),
        Column::words("Reading"),
    ];
    let mut table = Table::new("Calibrated thresholds, measured on this data", columns);
    for model in models {
        let of_model = rows.iter().filter(|row| row.model == model);
        table.groups.push(of_model.map(|row| Row { cells: threshold(view, row), faint: false }).collect());
    }
    table
}

fn threshold(view: &View, row: &ThresholdRow) -> Vec<Cell> {
    let measured = match &row.measured_fmr {
        Rate::Supported(fmr) => Cell::new(number::percent(fmr.value)).beside(bracketed(fmr)),
        Rate::Insufficient { .. } => Cell::default().beside("not supported").spanning(1),
    };
    vec![
        Cell::new(view.named(row.model)).sign(view.key(row.model)),
        Cell::new(number::asked(row.asked_fmr)),
        Cell::new(number::distance(row.threshold)).strong(true),
        measured,
        Cell::new(number::count(row.false_matches)),
        super::numbers::estimate(&row.fnmr),
        Cell::tag(words::threshold_reading(row)),
    ]
}

fn distances(view: &View, histogram: &DistanceHistogram) -> Option<Figure> {
    let colour = view.colour(histogram.model)?;
    let (edges, mated, non_mated) = bins(histogram)?;
    let asked = histogram.asked_fmr.map(number::asked);
    let reading = match (&histogram.threshold, &asked) {
        (None, _) => "No threshold is calibrated.".to_owned(),
        (Some(_), None) => "Pale, outlined: errors at the threshold.".to_owned(),
        (Some(_), Some(fmr)) => format!("Pale, outlined: errors at the threshold for FMR {fmr}."),
    };
    let beyond = histogram.mated_beyond.map(|share| format!("{} beyond", number::percent_sign(share)));
    let within = histogram.non_mated_within.map(|share| format!("{} within", number::percent_sign(share)));
    let name = view.chart_name(histogram.model);
    let label = match (&beyond, &within) {
        (Some(beyond), Some(within)) => format!(
            "Distances of {name}: {beyond} the threshold for the same identity, {within} it for different identities."
        ),
        _ => format!("Distances of {name}, pairs of the same and of different identities."),
    };
    let drawing = Histogram {
        model: colour,
        edges: edges.clone(),
        mated: mated.clone(),
        non_mated: non_mated.clone(),
        threshold: histogram
            .threshold
            .filter(|t| t.is_finite())
            .map(|t| (t, format!("threshold {}", number::distance(t)))),
        mated_beyond: beyond,
        non_mated_within: within,
        distance: format!("{} distance", view.distance(histogram.model)).trim_start().to_owned(),
    };
    Some(Figure {
        title: Prose::default().name(view.name(histogram.model)),
        reading: reading.into(),
        drawing: Markup::trusted(figure::distances(&drawing, &label)),
        numbers: Some(cumulative(&edges, &mated, &non_mated)),
    })
}

/// The histogram with at most 75 bins: neighbours are added. `None` where the lists do not fit each other.
fn bins(histogram: &DistanceHistogram) -> Option<(Vec<f64>, Vec<f64>, Vec<f64>)> {
    let bins = histogram.mated.len();
    let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
    let fits = bins > 0 && histogram.non_mated.len() == bins && histogram.edges.len() == bins + 1;
    if !fits || !finite(&histogram.edges) || !finite(&histogram.mated) || !finite(&histogram.non_mated) {
        return None;
    }
    let each = bins.div_ceil(MOST_BINS);
    let merged = |values: &[f64]| values.chunks(each).map(|chunk| chunk.iter().sum()).collect();
    let mut edges: Vec<f64> = histogram.edges[..bins].iter().step_by(each).copied().collect();
    edges.push(histogram.edges[bins]);
    Some((edges, merged(&histogram.mated), merged(&histogram.non_mated)))
}

/// Shares of pairs within a distance.
fn cumulative(edges: &[f64], mated: &[f64], non_mated: &[f64]) -> Table {
    let columns = vec![
        Column::words("Distance up to"),
        Column::number("same identity, %"),
        Column::number("different identities, %"),
    ];
    let mut table = Table::new("Cumulative shares of pairs by distance", columns);
    let sum = |values: &[f64], bin: usize| number::percent(values[..=bin].iter().sum::<f64>());
    for bin in chosen(mated.len()) {
        let cells = [number::distance(edges[bin + 1]), sum(mated, bin), sum(non_mated, bin)];
        table.row(cells.into_iter().map(Cell::new).collect());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_bins_are_added_up() {
        let mut histogram = DistanceHistogram {
            edges: (0..=200).map(f64::from).collect(),
            mated: vec![0.005; 200],
            non_mated: vec![0.005; 200],
            ..DistanceHistogram::default()
        };
        let (edges, mated, _) = bins(&histogram).unwrap();
        assert!(mated.len() <= MOST_BINS);
        assert_eq!(edges.len(), mated.len() + 1);
        assert_eq!(edges.last(), Some(&200.0));
        assert!((mated.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        histogram.edges.pop();
        assert!(bins(&histogram).is_none());
    }

    #[test]
    fn rates_are_rounded_to_one_digit() {
        assert!((rounded(0.0312) - 0.03).abs() < 1e-12);
        assert!((rounded(0.000_97) - 0.001).abs() < 1e-12);
    }
}
