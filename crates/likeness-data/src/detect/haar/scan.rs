//! Evaluates the cascade in the windows of a tile, sixteen neighbours at a time.
//!
//! The first stage rejects most windows, so it is evaluated for all of them. Windows that pass are evaluated in blocks of
//! neighbours by the other stages until none is left. The arithmetic is the same as OpenCV's, operation by operation:
//! integer rectangle sums, features in single precision, stage sums in double precision. The instruction set is chosen at
//! run time ([`super::lanes`]).

use super::integral::{Integral, LANES, SPAN};
use super::lanes::{Lanes, Portable, Vectors};
use super::plan::{Plan, PlannedStage, Test};

/// The windows of a tile; the integral images must hold all their pixels.
#[derive(Debug)]
pub(crate) struct TileScan<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) integral: &'a Integral,
    /// Number of windows per row.
    pub(crate) columns: usize,
    /// For each row of windows, whether the first window is skipped. After the scan: whether the first window of the next
    /// tile to the right is skipped.
    pub(crate) skip_first: &'a mut [bool],
    pub(crate) row: &'a mut RowScan,
    /// Output: column and row of each window that passes.
    pub(crate) hits: &'a mut Vec<(usize, usize)>,
}

/// The state of one row of windows after the first stage.
#[derive(Debug, Default)]
pub(crate) struct RowScan {
    norms: Vec<f32>,
    states: Vec<State>,
    alive: Vec<usize>,
}

/// The state of a window after the first stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum State {
    /// The contrast is too low for any stage.
    Flat,
    /// Rejected; the neighbour to the right is then skipped.
    Failed,
    /// Accepted by the first stage.
    Passed,
}

impl TileScan<'_> {
    /// Scans with the widest instructions that the processor supports.
    pub(crate) fn run(self) {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(v) = pulp::x86::V4::try_new() {
                return v.vectorize(ScanWith(self, v));
            }
            if let Some(v) = pulp::x86::V3::try_new() {
                return v.vectorize(ScanWith(self, v));
            }
        }
        self.run_with(Portable);
    }

    /// Scans with a given instruction set.
    #[inline(always)]
    fn run_with<V: Vectors>(self, v: V) {
        let Self { plan, integral, columns, skip_first, row: scratch, hits } = self;
        let layout = integral.layout();
        for (row, skip) in skip_first.iter_mut().enumerate() {
            let windows = Windows { plan, integral, start: row * layout.step * layout.stride(), columns };
            first_stage(v, windows, scratch);
            *skip = walk(&scratch.states[..columns], usize::from(*skip), &mut scratch.alive);
            other_stages(v, windows, scratch, |column| hits.push((column, row)));
        }
    }
}

/// A scan with its instruction set, as a closure that is compiled for that set.
#[cfg(target_arch = "x86_64")]
struct ScanWith<'a, V>(TileScan<'a>, V);

#[cfg(target_arch = "x86_64")]
impl<V: Vectors> pulp::NullaryFnOnce for ScanWith<'_, V> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0.run_with(self.1);
    }
}

/// The integral images, starting at a block's first window.
#[derive(Clone, Copy)]
struct Planes<'a> {
    upright: &'a [i32; SPAN],
    tilted: &'a [i32; SPAN],
}

#[inline(always)]
fn planes(integral: &Integral, start: usize) -> Planes<'_> {
    Planes { upright: integral.sum_at(start), tilted: integral.tilted_at(start) }
}

/// One row of windows.
#[derive(Clone, Copy)]
struct Windows<'a> {
    plan: &'a Plan,
    integral: &'a Integral,
    /// Index of the first window's values in the integral images.
    start: usize,
    /// Number of windows.
    columns: usize,
}

#[inline(always)]
fn first_stage<V: Vectors>(v: V, windows: Windows, row: &mut RowScan) {
    let Windows { plan, integral, start, columns } = windows;
    row.norms.clear();
    row.states.clear();
    for first in (0..columns).step_by(LANES) {
        let (norms, usable) = window_norms(plan, integral, start + first);
        let sums = stage_sums(v, &plan.stages[0], planes(integral, start + first), &norms);
        let mut states = [State::Flat; LANES];
        for l in 0..LANES {
            let passed = if sums[l] < plan.stages[0].threshold { State::Failed } else { State::Passed };
            states[l] = if usable[l] { passed } else { State::Flat };
        }
        row.norms.extend_from_slice(&norms);
        row.states.extend_from_slice(&states);
    }
    // A block of the other stages may start at the last window.
    row.norms.resize(row.norms.len() + LANES, 0.0);
}

/// Selects windows as OpenCV does, which skips the window to the right of a rejected one. Returns whether the first window
/// after the end would be skipped.
fn walk(states: &[State], first: usize, alive: &mut Vec<usize>) -> bool {
    alive.clear();
    let mut column = first;
    while let Some(state) = states.get(column) {
        match state {
            State::Failed => column += 1,
            State::Flat => {}
            State::Passed => alive.push(column),
        }
        column += 1;
    }
    column > states.len()
}

#[inline(always)]
fn other_stages<V: Vectors>(v: V, windows: Windows, row: &RowScan, mut hit: impl FnMut(usize)) {
    let Windows { plan, integral, start, .. } = windows;
    let mut rest = &row.alive[..];
    while let Some(&first) = rest.first() {
        let count = rest.iter().take_while(|&&column| column < first + LANES).count();
        let (block, after) = rest.split_at(count);
        rest = after;
        let mut alive = [false; LANES];
        block.iter().for_each(|column| alive[column - first] = true);
        let norms: &Lanes<f32> = row.norms[first..].first_chunk().expect("norms are padded by a block");
        let planes = planes(integral, start + first);
        for stage in &plan.stages[1..] {
            let sums = stage_sums(v, stage, planes, norms);
            let mut any = false;
            for l in 0..LANES {
                alive[l] &= sums[l] >= stage.threshold;
                any |= alive[l];
            }
            if !any {
                break;
            }
        }
        block.iter().copied().filter(|column| alive[column - first]).for_each(&mut hit);
    }
}

/// For each window the reciprocal of its pixels' standard deviation times its area, and whether the contrast suffices. With
/// `A` the inner area: `1 / sqrt(A·Σp² − (Σp)²)`, and whether `A` times that is below a tenth.
#[inline(always)]
fn window_norms(plan: &Plan, integral: &Integral, start: usize) -> (Lanes<f32>, Lanes<bool>) {
    let sums = corner_lanes(integral.sum_at(start), &plan.inner);
    let squares = corner_lanes(integral.square_at(start), &plan.inner);
    let (mut norms, mut usable) = ([0.0; LANES], [false; LANES]);
    for l in 0..LANES {
        let sum = f64::from(rect_sum(sums, l));
        let spread = plan.inner_area * f64::from(rect_sum(squares, l) as u32) - sum * sum;
        norms[l] = (1.0 / spread.sqrt()) as f32;
        usable[l] = (spread > 0.0) & (plan.inner_area * f64::from(norms[l]) < 0.1);
    }
    (norms, usable)
}

/// For each window, the sum of the leaves that it reaches.
#[inline(always)]
fn stage_sums<V: Vectors>(v: V, stage: &PlannedStage, planes: Planes, norms: &Lanes<f32>) -> Lanes<f64> {
    let (norms, mut sums) = (v.real(norms), v.zero());
    if stage.tree_sizes.is_empty() {
        for test in &stage.tests {
            let below = v.less(feature_values(v, test, planes, norms), v.splat(test.threshold));
            sums = v.accumulate(sums, v.select(below, v.splat(test.below.value), v.splat(test.above.value)));
        }
        return v.sums(sums);
    }
    let mut rest = &stage.tests[..];
    for &size in &stage.tree_sizes {
        let (tree, after) = rest.split_at(size);
        rest = after;
        sums = v.accumulate(sums, tree_leaves(v, tree, planes, norms));
    }
    v.sums(sums)
}

/// For each window, the leaf that it reaches in one tree. A test counts only for windows that earlier tests led to it.
#[inline(always)]
fn tree_leaves<V: Vectors>(v: V, tree: &[Test], planes: Planes, norms: V::Real) -> V::Real {
    let (mut at, mut leaves) = (v.splat(0.0), v.splat(0.0));
    for (place, test) in tree.iter().enumerate() {
        let below = v.less(feature_values(v, test, planes, norms), v.splat(test.threshold));
        let next = v.select(below, v.splat(test.below.next), v.splat(test.above.next));
        let leaf = v.select(below, v.splat(test.below.value), v.splat(test.above.value));
        let here = v.equal(at, v.splat(place as f32));
        leaves = v.select(here, leaf, leaves);
        at = v.select(here, next, at);
    }
    leaves
}

/// The feature's value in each window, divided by the window's contrast.
#[inline(always)]
fn feature_values<V: Vectors>(v: V, test: &Test, planes: Planes, norms: V::Real) -> V::Real {
    let plane = if test.tilted { planes.tilted } else { planes.upright };
    let weighted = |i: usize| v.mul(v.splat(test.weights[i]), v.rect(corner_lanes(plane, &test.corners[i])));
    let mut values = v.add(weighted(0), weighted(1));
    if test.weights[2] != 0.0 {
        values = v.add(values, weighted(2));
    }
    v.mul(values, norms)
}

/// The sum over the rectangle with these corners, for the window in lane `l`.
#[inline(always)]
fn rect_sum(corners: [&Lanes<i32>; 4], l: usize) -> i32 {
    corners[0][l].wrapping_sub(corners[1][l]).wrapping_sub(corners[2][l]).wrapping_add(corners[3][l])
}

/// The values of the integral image at the corners of a rectangle. Unrolled because `array::map` is not inlined here.
#[inline(always)]
fn corner_lanes<'a>(plane: &'a [i32; SPAN], corners: &[u16; 4]) -> [&'a Lanes<i32>; 4] {
    let [a, b, c, d] = *corners;
    [lanes(plane, a), lanes(plane, b), lanes(plane, c), lanes(plane, d)]
}

#[inline(always)]
fn lanes(plane: &[i32; SPAN], offset: u16) -> &Lanes<i32> {
    let offset = usize::from(offset);
    plane[offset..offset + LANES].as_array().expect("a span holds every offset and a block")
}
