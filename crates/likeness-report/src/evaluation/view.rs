//! A report as its writers see it: names, colours, values by model, and pairs of models.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::data::{Difference, Estimate, Jpeg, McNemar, Measure, MeasureValue, Rate, Report, Section};
use super::document::{Markup, Prose, tag};
use super::words::{SIGNIFICANT, Words};
use crate::figure;

/// Number of models in charts.
pub(super) const CHARTED: usize = 6;
/// Number of pictures on a page.
const THUMBNAILS: usize = 320;
/// The longest name in a chart.
const LONGEST_NAME: usize = 24;

/// A report with what is derived from it once.
pub(super) struct View<'a> {
    /// The data.
    pub report: &'a Report,
    /// The words for its kind of identities.
    pub words: Words,
    colours: Vec<Option<usize>>,
    pictures: std::cell::Cell<usize>,
}

/// A difference between two models, the first minus the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Paired {
    /// Difference of fractions.
    pub difference: Estimate,
    /// Whether it is significant; `None` where it was not tested.
    pub significant: Option<bool>,
}

impl<'a> View<'a> {
    /// Looks at a report.
    pub(super) fn new(report: &'a Report) -> Self {
        let mut view = Self {
            report,
            words: Words::new(report.subject),
            colours: vec![None; report.models.len()],
            pictures: std::cell::Cell::new(0),
        };
        let mut order = view.by_top1();
        order.truncate(CHARTED);
        order.sort_unstable();
        for (colour, model) in order.into_iter().enumerate() {
            view.colours[model] = Some(colour);
        }
        view
    }

    /// Number of models.
    pub(super) fn models(&self) -> usize {
        self.report.models.len()
    }

    /// Models from the highest top-1 to the lowest; models without top-1 last.
    pub(super) fn by_top1(&self) -> Vec<usize> {
        let value = |model: usize| self.top1(model).map_or(f64::NEG_INFINITY, |top1| top1.value);
        let mut models: Vec<usize> = (0..self.models()).collect();
        models.sort_by(|&a, &b| value(b).total_cmp(&value(a)));
        models
    }

    /// Colour, dash and mark of a model; `None` for models that are in no chart.
    pub(super) fn colour(&self, model: usize) -> Option<usize> {
        self.colours.get(model).copied().flatten()
    }

    /// The line sample of a model, or nothing.
    pub(super) fn key(&self, model: usize) -> Markup {
        self.colour(model).map_or_else(Markup::default, |colour| Markup::trusted(figure::key(colour)))
    }

    /// A picture as an element, of which a page holds at most 320; `None` without a picture.
    pub(super) fn thumbnail(&self, picture: Option<&Jpeg>, alt: &str) -> Option<Markup> {
        let picture = picture.filter(|picture| !picture.0.is_empty() && self.pictures.get() < THUMBNAILS)?;
        self.pictures.set(self.pictures.get() + 1);
        let source = format!("data:image/jpeg;base64,{}", STANDARD.encode(&picture.0));
        Some(tag("img", &[("src", &source), ("alt", alt)], Markup::default()))
    }

    /// Number of pictures so far.
    pub(super) fn pictures(&self) -> usize {
        self.pictures.get()
    }

    /// Full name of a model.
    pub(super) fn name(&self, model: usize) -> &'a str {
        self.report.models.get(model).map_or("?", |model| model.name.as_str())
    }

    /// Name of a model in sentences.
    pub(super) fn short(&self, model: usize) -> &'a str {
        let short = self.report.models.get(model).and_then(|model| model.short_name.as_deref());
        short.unwrap_or_else(|| self.name(model))
    }

    /// Name of a model in charts: at most 24 characters.
    pub(super) fn chart_name(&self, model: usize) -> String {
        let name = self.short(model);
        match name.char_indices().nth(LONGEST_NAME) {
            None => name.to_owned(),
            Some(_) => name.chars().take(LONGEST_NAME - 1).chain(['…']).collect(),
        }
    }

    /// Name of a model as prose.
    pub(super) fn named(&self, model: usize) -> Prose {
        Prose::default().name(self.short(model))
    }

    /// The distance of a model, such as "cosine".
    pub(super) fn distance(&self, model: usize) -> &'a str {
        self.report.models.get(model).map_or("", |model| model.distance.as_str())
    }

    /// A measure of a model.
    pub(super) fn measure(&self, model: usize, measure: &Measure) -> Option<&'a MeasureValue> {
        let results = self.report.result.iter().filter(|result| result.model == model);
        results.flat_map(|result| &result.values).find(|value| value.measure == *measure)
    }

    /// A supported measure of a model.
    pub(super) fn estimate(&self, model: usize, measure: &Measure) -> Option<&'a Estimate> {
        self.measure(model, measure)
            .and_then(|value| value.value.estimate())
            .filter(|estimate| estimate.value.is_finite())
    }

    /// Top-1 of a model.
    pub(super) fn top1(&self, model: usize) -> Option<&'a Estimate> {
        self.estimate(model, &Measure::Top(1))
    }

    /// All measures in the order of their first occurrence.
    pub(super) fn measures(&self) -> Vec<&'a Measure> {
        let mut measures: Vec<&Measure> = Vec::new();
        for value in self.report.result.iter().flat_map(|result| &result.values) {
            if !measures.contains(&&value.measure) {
                measures.push(&value.measure);
            }
        }
        measures
    }

    /// Measures of the result table. Of several FNIR, the lowest rate that all models support, else the highest.
    pub(super) fn columns(&self) -> Vec<&'a Measure> {
        let measures = self.measures();
        let rate = |measure: &Measure| match measure {
            Measure::Fnir(rate) => Some(*rate),
            _ => None,
        };
        let supported =
            |measure: &Measure| (0..self.models()).all(|model| self.estimate(model, measure).is_some());
        let mut fnir: Vec<&Measure> =
            measures.iter().copied().filter(|measure| rate(measure).is_some()).collect();
        fnir.sort_by(|a, b| rate(a).unwrap_or(1.0).total_cmp(&rate(b).unwrap_or(1.0)));
        let shown = fnir.iter().copied().find(|measure| supported(measure)).or(fnir.last().copied());
        measures.into_iter().filter(|measure| rate(measure).is_none() || Some(*measure) == shown).collect()
    }

    /// Number of queries.
    pub(super) fn queries(&self) -> usize {
        match self.report.summary.queries {
            0 => self.report.summary.photos,
            queries => queries,
        }
    }

    /// The difference of `measure` between two models, from the differences to the reference, else from the results.
    pub(super) fn paired(&self, first: usize, second: usize, measure: &Measure) -> Option<Paired> {
        let stated = |model: usize, sign: f64| {
            self.difference(model, measure).map(|found| Paired {
                difference: signed(&found.difference, sign),
                significant: found.p_holm.map(|p| p < SIGNIFICANT),
            })
        };
        let found = match self.report.reference {
            reference if reference == second => stated(first, 1.0),
            reference if reference == first => stated(second, -1.0),
            _ => None,
        };
        found.or_else(|| {
            let difference = self.estimate(first, measure)?.value - self.estimate(second, measure)?.value;
            Some(Paired { difference: Estimate::bare(difference), significant: None })
        })
    }

    /// The stated difference of a model from the reference.
    pub(super) fn difference(&self, model: usize, measure: &Measure) -> Option<&'a Difference> {
        self.report.differences.iter().find(|found| found.model == model && found.measure == *measure)
    }

    /// McNemar's counts of two models, with the first model first.
    pub(super) fn mcnemar(&self, first: usize, second: usize) -> Option<McNemar> {
        self.report.mcnemar.iter().find_map(|counts| match (counts.first, counts.second) {
            pair if pair == (first, second) => Some(counts.clone()),
            pair if pair == (second, first) => Some(McNemar {
                first,
                second,
                only_first: counts.only_second,
                only_second: counts.only_first,
                ..counts.clone()
            }),
            _ => None,
        })
    }

    /// Why a section has no content: the caller's sentence, else this one.
    pub(super) fn absent(&self, section: Section, otherwise: &str) -> Prose {
        match self.report.absent.get(&section) {
            Some(sentence) => Prose::default().name(sentence),
            None => otherwise.into(),
        }
    }

    /// Whether a value is missing for lack of data, and the lowest supported rate.
    pub(super) fn insufficient(&self, measure: &Measure) -> Option<Option<f64>> {
        (0..self.models()).find_map(|model| match self.measure(model, measure)?.value {
            Rate::Insufficient { lowest } => Some(lowest),
            Rate::Supported(_) => None,
        })
    }

    /// Whether the model of `model` was trained on identities of the calibration data.
    pub(super) fn trained_on_calibration(&self) -> Vec<usize> {
        self.report
            .verification
            .calibration
            .as_ref()
            .map_or_else(Vec::new, |calibration| calibration.trained_on.clone())
    }
}

/// The estimate times 1 or −1; a negative sign swaps the ends of the interval.
fn signed(estimate: &Estimate, sign: f64) -> Estimate {
    match sign < 0.0 {
        true => Estimate {
            value: -estimate.value,
            low: estimate.high.map(|h| -h),
            high: estimate.low.map(|l| -l),
        },
        false => *estimate,
    }
}
