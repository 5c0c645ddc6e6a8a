//! Scans each size of the picture in tiles that fit the cache and the scanner's offsets.
//!
//! The pixels and sums of a tile are computed independently, so memory does not grow with the picture, and tiles of
//! different strips can be scanned in parallel.

use std::ops::Range;

use image::RgbImage;
use rayon::prelude::*;

use super::cascade::Cascade;
use super::grey::Grey;
use super::integral::{Integral, Layout};
use super::plan::Plan;
use super::pyramid::{Layer, PixelRect};
use super::resize::{RowResizer, taps};
use super::scan::{RowScan, TileScan};

/// Number of values in one integral image of a tile, unless the window needs another size.
const TILE_VALUES: usize = 1 << 17;

/// The same for parallel scans, small enough to give every core a tile.
const PARALLEL_TILE_VALUES: usize = 1 << 15;

/// Buffers that are reused from picture to picture.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    grey: Grey,
    plans: Vec<Plan>,
    worker: Option<Worker>,
}

/// Buffers that are reused from strip to strip.
#[derive(Debug)]
struct Worker {
    integral: Integral,
    resizer: RowResizer,
    pixels: Vec<u8>,
    row: RowScan,
    skip_first: Vec<bool>,
    hits: Vec<(usize, usize)>,
}

impl Worker {
    fn new(cascade: &Cascade) -> Self {
        Self {
            integral: Integral::new(cascade.has_tilted()),
            resizer: RowResizer::default(),
            pixels: Vec::new(),
            row: RowScan::default(),
            skip_first: Vec::new(),
            hits: Vec::new(),
        }
    }
}

/// A search of a picture: the cascade and the options.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search<'a> {
    pub(crate) cascade: &'a Cascade,
    pub(crate) layers: &'a [Layer],
    /// Whether to use all cores.
    pub(crate) parallel: bool,
}

impl Search<'_> {
    /// The windows of all layers that pass the cascade, ordered by layer and row.
    pub(crate) fn scan(&self, image: &RgbImage, scratch: &mut Scratch) -> Vec<PixelRect> {
        let Self { cascade, layers, parallel } = *self;
        if layers.is_empty() {
            return Vec::new();
        }
        scratch.grey.fill(image);
        update_plans(cascade, layers, &mut scratch.plans);
        let (grey, plans) = (&scratch.grey, &scratch.plans);
        let values = if parallel { PARALLEL_TILE_VALUES } else { TILE_VALUES };
        let strips = layers.iter().flat_map(|layer| {
            let plan =
                plans.iter().find(|plan| plan.layout.step == layer.step).expect("a plan for every layer");
            let whole = Strip { window: cascade.window(), grey, plan, layer, rows: 0..layer.rows };
            whole.split(values)
        });
        let strips: Vec<Strip> = strips.collect();
        if parallel {
            let found =
                strips.par_iter().map_init(|| Worker::new(cascade), |worker, strip| strip.scan(worker));
            return found.collect::<Vec<_>>().concat();
        }
        let worker = scratch.worker.get_or_insert_with(|| Worker::new(cascade));
        strips.iter().flat_map(|strip| strip.scan(worker)).collect()
    }
}

/// Updates `plans` to one plan for each distance between windows, wide enough for the widest layer of that distance.
fn update_plans(cascade: &Cascade, layers: &[Layer], plans: &mut Vec<Plan>) {
    let window = cascade.window();
    let wanted = [1, 2].into_iter().filter_map(|step| {
        let widest = layers.iter().filter(|layer| layer.step == step).map(|layer| layer.width).max()?;
        let most = Layout::max_columns(step, (window.0 as usize, window.1 as usize));
        Some(Layout::new(step, (widest + 1).min(most)))
    });
    let wanted: Vec<Layout> = wanted.collect();
    plans.retain(|plan| wanted.contains(&plan.layout));
    for layout in wanted {
        if !plans.iter().any(|plan| plan.layout == layout) {
            plans.push(Plan::new(cascade, layout));
        }
    }
}

/// A range of rows of windows in a layer.
#[derive(Debug)]
struct Strip<'a> {
    window: (u32, u32),
    grey: &'a Grey,
    plan: &'a Plan,
    layer: &'a Layer,
    rows: Range<usize>,
}

impl<'a> Strip<'a> {
    /// Divides the strip into strips of about `values` values per integral image, at least three windows high.
    fn split(self, values: usize) -> impl Iterator<Item = Strip<'a>> {
        let Strip { window, grey, plan, layer, rows } = self;
        let height = window.1 as usize;
        let pixels = (values / plan.layout.stride()).max(4 * height);
        let step = ((pixels - height) / layer.step).max(1);
        let rows = rows.start..if layer.columns > 0 { rows.end } else { rows.start };
        rows.clone().step_by(step).map(move |first| {
            let rows = first..(first + step).min(rows.end);
            Strip { window, grey, plan, layer, rows }
        })
    }

    /// The windows that pass, ordered by row.
    fn scan(&self, worker: &mut Worker) -> Vec<PixelRect> {
        worker.hits.clear();
        worker.skip_first.clear();
        worker.skip_first.resize(self.rows.len(), false);
        let width = self.window.0 as usize;
        let across = (self.plan.layout.stride() - 1 - width) / self.layer.step + 1;
        let mut hits = Vec::new();
        for first in (0..self.layer.columns).step_by(across) {
            let columns = first..(first + across).min(self.layer.columns);
            self.scan_tile(columns, worker);
            hits.extend(worker.hits.drain(..).map(|(column, row)| (row, first + column)));
        }
        hits.sort_unstable(); // merges the rows of horizontally adjacent tiles
        let window = |(row, column)| self.layer.window(self.window, column, self.rows.start + row);
        hits.into_iter().map(window).collect()
    }

    fn scan_tile(&self, columns: Range<usize>, worker: &mut Worker) {
        let count = columns.len();
        pulp::Arch::new().dispatch(Fill { strip: self, columns, worker });
        let scan = TileScan {
            plan: self.plan,
            integral: &worker.integral,
            columns: count,
            skip_first: &mut worker.skip_first,
            row: &mut worker.row,
            hits: &mut worker.hits,
        };
        scan.run();
    }
}

/// Computes the pixels for some columns of a strip's windows, and their integral images.
struct Fill<'a> {
    strip: &'a Strip<'a>,
    columns: Range<usize>,
    worker: &'a mut Worker,
}

impl pulp::WithSimd for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { strip: &Strip { window, grey, plan, layer, ref rows }, columns, worker } = self;
        let reach = |range: &Range<usize>, side: u32| {
            range.start * layer.step..(range.end - 1) * layer.step + side as usize
        };
        let (across, down) = (reach(&columns, window.0), reach(rows, window.1));
        worker.integral.start(plan.layout, across.len(), down.len());
        worker.pixels.resize(across.len(), 0);
        worker.resizer.set_columns(grey.width, layer.width, across);
        let tap = taps(grey.height, layer.height);
        for y in down {
            worker.resizer.row(grey, tap(y), &mut worker.pixels);
            worker.integral.push_row(&worker.pixels);
        }
    }
}
