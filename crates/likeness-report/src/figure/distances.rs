//! Histograms of the distances of mated and non-mated pairs, mirrored at the axis.

use std::fmt::Write as _;

use super::clip::Rect;
use super::measure::{shorten, width};
use super::plot::{NORMAL, SMALL};
use super::scale::{even_ticks, plain};
use super::style;
use super::svg::{chart, number, path, text};

/// The distances of one model's pairs. All shares are fractions.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Index of the model.
    pub model: usize,
    /// Edges of the bins in ascending order: one more than bins.
    pub edges: Vec<f64>,
    /// Share of the mated pairs in each bin.
    pub mated: Vec<f64>,
    /// Share of the non-mated pairs in each bin.
    pub non_mated: Vec<f64>,
    /// The threshold and its label, such as "threshold 0.670".
    pub threshold: Option<(f64, String)>,
    /// Words for the mated pairs beyond the threshold, such as "12.3 % beyond".
    pub mated_beyond: Option<String>,
    /// Words for the non-mated pairs within the threshold, such as "0.073 % within".
    pub non_mated_within: Option<String>,
    /// Name of the distance below the axis, such as "cosine distance".
    pub distance: String,
}

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 280.0;
/// Space below the lowest bars for the words about them.
const WORDS: f64 = 30.0;
/// More bins are joined.
const MAX_BINS: usize = 75;
/// Either side of the axis gets at least this share of the plot's height.
const LEAST_SIDE: f64 = 0.28;

/// A bar: the share of pairs between two distances.
#[derive(Debug, Clone, Copy)]
struct Bar {
    from: f64,
    to: f64,
    share: f64,
}

/// Mated pairs upwards, non-mated pairs downwards; pairs on the wrong side of the threshold are pale and outlined.
///
/// A bin that holds the threshold is divided there into two bars of equal height. Histograms of more than 75 bins are
/// drawn with wider ones.
pub fn distances(histogram: &Histogram, label: &str) -> String {
    let (mated, non_mated) = (bars(histogram, &histogram.mated), bars(histogram, &histogram.non_mated));
    let highest = |bars: &[Bar]| bars.iter().map(|bar| bar.share).fold(0.0, f64::max);
    let (up, down) = (highest(&mated), highest(&non_mated));
    let ends = mated.first().zip(mated.last()).map(|(first, last)| (first.from, last.to));
    let Some((low, high)) = ends.filter(|_| up > 0.0 || down > 0.0) else {
        return chart(WIDTH, HEIGHT, label, &text("f-mid", (WIDTH / 2.0, HEIGHT / 2.0), "no data"));
    };
    let drawing = Drawing::new((low, high), (up, down));
    let threshold = histogram.threshold.as_ref().filter(|(at, _)| (low..=high).contains(at));
    let mut content = drawing.axes(&histogram.distance);
    drawing.sides(&mut content, histogram, threshold.map(|(at, _)| *at), (&mated, &non_mated));
    drawing.words(&mut content, histogram, threshold, (&mated, &non_mated));
    chart(WIDTH, HEIGHT, label, &content)
}

/// The bars of one kind of pair, at most [`MAX_BINS`].
fn bars(histogram: &Histogram, shares: &[f64]) -> Vec<Bar> {
    let joined = shares.len().div_ceil(MAX_BINS).max(1);
    let bins: Vec<Bar> = histogram
        .edges
        .windows(2)
        .zip(shares)
        .map(|(edges, &share)| Bar { from: edges[0], to: edges[1], share })
        .filter(|bar| bar.from.is_finite() && bar.to > bar.from && bar.to.is_finite())
        .collect();
    bins.chunks(joined)
        .map(|chunk| Bar {
            from: chunk[0].from,
            to: chunk[chunk.len() - 1].to,
            share: chunk.iter().map(|bar| bar.share).filter(|share| share.is_finite() && *share > 0.0).sum(),
        })
        .collect()
}

/// The geometry of one histogram.
struct Drawing {
    area: Rect,
    /// Vertical position of the axis between the two kinds of pairs.
    zero: f64,
    /// Units of the drawing for each unit of share.
    scale: f64,
    ends: (f64, f64),
    ticks: Vec<(f64, String)>,
}

impl Drawing {
    fn new(ends: (f64, f64), (up, down): (f64, f64)) -> Self {
        let (top, bottom) = (44.0, HEIGHT - 44.0);
        let height = bottom - top - WORDS;
        let share_up = (up / (up + down)).clamp(LEAST_SIDE, 1.0 - LEAST_SIDE);
        let (above, below) = (height * share_up - 4.0, height * (1.0 - share_up));
        let zero = top + height * share_up;
        let fits = |side: f64, highest: f64| if highest > 0.0 { side / highest } else { f64::INFINITY };
        let scale = fits(above, up).min(fits(below, down));
        let ticks = plain(&even_ticks(0.0, up.max(down) * 100.0, 3.0));
        let ticks = ticks.into_iter().map(|(tick, label)| (tick / 100.0, label)).collect();
        let area = Rect { left: 30.0, top, right: WIDTH - 8.0, bottom };
        Self { area, zero, scale, ends, ticks }
    }

    fn x(&self, distance: f64) -> f64 {
        let (low, high) = self.ends;
        self.area.left + (distance - low) / (high - low) * self.area.width()
    }

    /// Grid, ticks and labels.
    fn axes(&self, distance: &str) -> String {
        let Rect { left, right, bottom, top } = self.area;
        let (mut grid, mut texts) = (String::new(), String::new());
        for (side, limit) in [(-1.0, top), (1.0, bottom - WORDS + 6.0)] {
            for (share, label) in &self.ticks {
                let y = self.zero + side * share * self.scale;
                let is_inside = (y - self.zero).abs() <= (limit - self.zero).abs() + 0.5;
                if is_inside && (*share > 0.0 || side < 0.0) {
                    let _ = write!(grid, "M{} {}H{}", number(left), number(y), number(right));
                    texts += &text("f-end", (left - 7.0, y + 4.0), label);
                }
            }
        }
        let mut axis = format!("M{} {}H{}", number(left), number(self.zero), number(right));
        let mut end = f64::NEG_INFINITY;
        for (value, label) in plain(&even_ticks(self.ends.0, self.ends.1, 4.0)) {
            let (x, half) = (self.x(value), width(&label, SMALL) / 2.0);
            let middle = x.min(WIDTH - half);
            if middle - half > end {
                let _ = write!(axis, "M{} {}v4", number(x), number(bottom + 2.0));
                texts += &text("f-mid", (middle, bottom + 18.0), &label);
                end = middle + half + 6.0;
            }
        }
        texts += &text("f-y", (0.0, 13.0), "% of pairs");
        texts += &text("f-x f-end", (WIDTH - 1.0, HEIGHT - 6.0), &shorten(distance, NORMAL, WIDTH - 2.0));
        path("f-grid", &grid) + &texts + &path("f-axis", &axis)
    }

    /// The four sets of bars: right and wrong pairs of either kind.
    fn sides(
        &self,
        content: &mut String,
        histogram: &Histogram,
        threshold: Option<f64>,
        sides: (&[Bar], &[Bar]),
    ) {
        for (model, bars, direction) in [(Some(histogram.model), sides.0, -1.0), (None, sides.1, 1.0)] {
            let (mut right, mut wrong) = (String::new(), String::new());
            for bar in bars.iter().flat_map(|bar| divided(*bar, threshold)).filter(|bar| bar.share > 0.0) {
                let is_within = threshold.is_none_or(|threshold| bar.to <= threshold);
                let is_right = threshold.is_none() || is_within == (direction < 0.0);
                self.bar(if is_right { &mut right } else { &mut wrong }, bar, direction);
            }
            let _ = write!(content, r#"<g class="{}">"#, style::class(model));
            for (class, data) in [("f-bars", right), ("f-errors", wrong)] {
                *content += &path(class, &data);
            }
            content.push_str("</g>");
        }
    }

    fn bar(&self, data: &mut String, bar: Bar, direction: f64) {
        let (left, right) = (self.x(bar.from), self.x(bar.to));
        let gap = if right - left > 2.5 { 0.8 } else { 0.0 };
        let height = (bar.share * self.scale).max(0.3) * direction;
        let (left, width) = (number(left), number(right - left - gap));
        let _ = write!(data, "M{left} {}h{width}v{}h-{width}z", number(self.zero + height), number(-height));
    }

    /// The threshold, and what the two kinds of pairs are called, where fewer bars are.
    fn words(
        &self,
        content: &mut String,
        histogram: &Histogram,
        threshold: Option<&(f64, String)>,
        sides: (&[Bar], &[Bar]),
    ) {
        let Rect { top, bottom, .. } = self.area;
        let at = threshold.map(|(at, _)| self.x(*at));
        let mated = Title { name: "same identity", errors: histogram.mated_beyond.as_deref() };
        let non_mated = Title { name: "different identities", errors: histogram.non_mated_within.as_deref() };
        let first_baseline = bottom - 4.0 - if non_mated.errors.is_some() { LINE } else { 0.0 };
        let (mated_left, non_mated_left) =
            (self.is_left(&mated, at, sides.0), self.is_left(&non_mated, None, sides.1));
        if let (Some((_, label)), Some(x)) = (threshold, at) {
            let half = width(label, SMALL) / 2.0;
            let is_crossed = non_mated_left == (x < self.area.centre().0);
            let end = if is_crossed { first_baseline - 15.0 } else { bottom - 2.0 };
            *content += &path("f-cut", &format!("M{} {}V{}", number(x), number(top - 10.0), number(end)));
            *content += &text("f-mid", (x.clamp(half, WIDTH - half), top - 14.0), label);
        }
        *content += &self.title(&mated, mated_left, top + 10.0);
        *content += &self.title(&non_mated, non_mated_left, first_baseline);
    }

    /// Whether words belong to the left edge, where lower bars are and no threshold.
    fn is_left(&self, title: &Title, threshold: Option<f64>, bars: &[Bar]) -> bool {
        let length = title.width();
        let cost = |start: f64| {
            let covers = |x: f64| (start - 4.0..start + length + 4.0).contains(&x);
            let covered = bars.iter().filter(|bar| covers(self.x((bar.from + bar.to) / 2.0)));
            let highest = covered.map(|bar| bar.share * self.scale).fold(0.0, f64::max);
            highest + if threshold.is_some_and(covers) { 40.0 } else { 0.0 }
        };
        cost(self.area.left + 4.0) < cost(self.area.right - length)
    }

    fn title(&self, title: &Title, is_left: bool, baseline: f64) -> String {
        let (class, x) = if is_left { ("", self.area.left + 4.0) } else { (" f-end", self.area.right) };
        let errors = title.errors.map(|errors| text(&format!("f-halo{class}"), (x, baseline + LINE), errors));
        text(&format!("f-name f-halo{class}"), (x, baseline), title.name) + &errors.unwrap_or_default()
    }
}

/// Distance between baselines.
const LINE: f64 = 15.0;

/// The name of a kind of pairs, and words for those on the wrong side.
struct Title<'a> {
    name: &'a str,
    errors: Option<&'a str>,
}

impl Title<'_> {
    fn width(&self) -> f64 {
        width(self.name, NORMAL).max(self.errors.map_or(0.0, |errors| width(errors, SMALL)))
    }
}

/// A bar, or its two parts at the threshold.
fn divided(bar: Bar, threshold: Option<f64>) -> Vec<Bar> {
    match threshold {
        Some(at) if bar.from < at && at < bar.to => vec![Bar { to: at, ..bar }, Bar { from: at, ..bar }],
        _ => vec![bar],
    }
}
