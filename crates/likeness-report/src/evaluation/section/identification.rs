//! Open-set identification: FNIR against FPIR, and FPIR as the gallery grows.

use super::curves::{curve, points, rules};
use super::numbers::{Numbers, bracketed, chosen};
use crate::evaluation::data::{Curve, CurvePoint, Section};
use crate::evaluation::document::{Block, Cell, Column, Figure, Markup, Prose, Table};
use crate::evaluation::number;
use crate::evaluation::view::View;
use crate::figure::{self, Growth};

/// False positive identification rates with a rule in the chart.
const RULES: [f64; 2] = [3e-3, 1e-2];
/// Rates of the numbers.
const RATES: [f64; 7] = [0.3, 0.1, 0.03, 1e-2, 3e-3, 1e-3, 1e-4];

/// All of the section.
pub(super) fn blocks(view: &View) -> Vec<Block> {
    let figures: Vec<Figure> = [fnir(view), growth(view)].into_iter().flatten().collect();
    if figures.is_empty() {
        let reason = "No search was made for an identity outside of the gallery.";
        return vec![Block::Lead(view.absent(Section::Identification, reason))];
    }
    let one = view.words.one();
    let mut blocks = vec![
        Block::Lead(format!("Open set: the {one} may not be in the gallery.").into()),
        Block::Figures(figures),
    ];
    if view.report.identification.growth.iter().any(|growth| !growth.projected.is_empty()) {
        let many = view.words.many();
        let text = format!(
            "Projection: 1 − (1 − FPIR)ᵐ for a gallery m times as large, of {many} like these. It is not a measurement."
        );
        blocks.push(Block::Note(text.into()));
    }
    blocks
}

fn fnir(view: &View) -> Option<Figure> {
    let data = &view.report.identification;
    let from = data.lowest_fpir.unwrap_or(0.0);
    let supported =
        |curve: &Curve| -> Curve { curve.iter().filter(|point| point.x >= from).copied().collect() };
    let of: Vec<(usize, Curve)> =
        data.fnir.iter().map(|found| (found.model, supported(&found.points))).collect();
    let curves: Vec<figure::Curve> =
        of.iter().filter_map(|(model, points)| curve(view, *model, points, &RULES)).collect();
    if curves.is_empty() {
        return None;
    }
    let best = curves.iter().filter_map(|c| Some((c, c.marks.first()?)));
    let best =
        best.min_by(|a, b| a.1.1.total_cmp(&b.1.1)).map_or_else(String::new, |(curve, (fpir, fnir))| {
            format!(
                " At FPIR {}, {} misses fewest: {}.",
                number::asked(*fpir),
                curve.name,
                number::percent_sign(*fnir)
            )
        });
    let numbers = Numbers {
        caption: "False negative identification rate by false positive identification rate",
        x: "FPIR",
        y: "FNIR",
        places: RATES.iter().map(|&rate| (rate, number::asked(rate))).collect(),
        curves: of.iter().map(|(model, curve)| (*model, curve)).collect(),
        supported_from: from,
    };
    let label = format!("False negative against false positive identification rate.{best}");
    let one = view.words.one();
    let gallery = number::count(data.gallery_images as u64);
    Some(Figure {
        title: "FNIR against FPIR".into(),
        reading: format!(
            "Lower left is better. Gallery of {gallery} images; the searched {one} is enrolled, or removed."
        )
        .into(),
        drawing: Markup::trusted(figure::fnir(&curves, &rules(&RULES, 0.0), from, &label)),
        numbers: numbers.table(view),
    })
}

fn growth(view: &View) -> Option<Figure> {
    let all = &view.report.identification.growth;
    let curves: Vec<Growth> = all
        .iter()
        .filter_map(|growth| {
            let (measured, projected) = (points(&growth.measured), points(&growth.projected));
            let colour = view.colour(growth.model).filter(|_| !measured.is_empty())?;
            Some(Growth { model: colour, name: view.chart_name(growth.model), measured, projected })
        })
        .collect();
    let last =
        curves.iter().filter_map(|curve| curve.measured.last()).map(|point| point.x).reduce(f64::max)?;
    let best = curves.iter().filter_map(|curve| Some((curve, curve.measured.last()?.y)));
    let best = best.min_by(|a, b| a.1.total_cmp(&b.1)).map_or_else(String::new, |(curve, fpir)| {
        format!(" In the largest measured gallery, {} is lowest: {}.", curve.name, number::percent_sign(fpir))
    });
    let asked = all.iter().find_map(|growth| growth.asked_fmr);
    let threshold = asked.map_or_else(
        || "Fixed threshold.".to_owned(),
        |fmr| format!("Fixed threshold (FMR {} of calibration).", number::asked(fmr)),
    );
    let label = format!("False positive identification rate by the size of the gallery.{best}");
    let projected = all.iter().any(|growth| !growth.projected.is_empty());
    let hollow = if projected { " Hollow marks: projected to larger galleries." } else { "" };
    Some(Figure {
        title: "FPIR grows with the gallery".into(),
        reading: format!("{threshold}{hollow}").into(),
        drawing: Markup::trusted(figure::growth(&curves, last, &label)),
        numbers: Some(growth_numbers(view)),
    })
}

fn growth_numbers(view: &View) -> Table {
    let columns = vec![
        Column::words("Model"),
        Column::number("Images in the gallery"),
        Column::number("FPIR, %"),
        Column::words("Where from"),
    ];
    let mut table = Table::new("False positive identification rate by the size of the gallery", columns);
    let all: Vec<(usize, &CurvePoint, &str)> = view
        .report
        .identification
        .growth
        .iter()
        .flat_map(|growth| {
            let measured = growth.measured.iter().map(|point| (growth.model, point, "measured"));
            measured.chain(growth.projected.iter().map(|point| (growth.model, point, "projected")))
        })
        .collect();
    for row in chosen(all.len()) {
        let (model, point, origin) = all[row];
        table.row(vec![
            Cell::new(view.named(model)),
            Cell::new(number::count(point.x.max(0.0) as u64)),
            Cell::new(number::percent(point.y.value)).beside(bracketed(&point.y)),
            Cell::new(Prose::from(origin)),
        ]);
    }
    table
}
