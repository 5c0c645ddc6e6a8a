//! Runs the cascade over the windows of a tile, sixteen neighbours at a time.
//!
//! The first stage turns away most windows, so it is evaluated for all; those that pass are taken in blocks of
//! neighbours through the other stages until none is left. The arithmetic is OpenCV's, operation by operation: integer
//! rectangle sums, features in single, stage sums in double precision. Written as loops over sixteen lanes, which the
//! compiler turns into the widest instructions that the processor running it has (`pulp` chooses between them).

use super::integral::{Integral, LANES, SPAN};
use super::plan::{Outcome, Plan, PlannedStage, Test};

type Lanes<T> = [T; LANES];

/// The windows of a tile; the integral images must hold all their pixels.
#[derive(Debug)]
pub(crate) struct TileScan<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) integral: &'a Integral,
    /// Windows across.
    pub(crate) columns: usize,
    /// For each row of windows whether the first one is passed over; on return, whether the first one of a tile to
    /// the right is.
    pub(crate) skip_first: &'a mut [bool],
    pub(crate) row: &'a mut RowScan,
    /// Where the windows that pass are appended: column, row.
    pub(crate) hits: &'a mut Vec<(usize, usize)>,
}

/// What is known about the windows of one row after the first stage.
#[derive(Debug, Default)]
pub(crate) struct RowScan {
    norms: Vec<f32>,
    states: Vec<State>,
    alive: Vec<usize>,
}

/// A window after the first stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum State {
    /// Too little contrast for any stage.
    Flat,
    /// Turned away; its neighbour to the right is then not looked at.
    Failed,
    /// Goes on.
    Passed,
}

impl pulp::WithSimd for TileScan<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { plan, integral, columns, skip_first, row: scratch, hits } = self;
        let layout = integral.layout();
        for (row, skip) in skip_first.iter_mut().enumerate() {
            let start = row * layout.step * layout.stride();
            first_stage(plan, integral, start, columns, scratch);
            *skip = walk(&scratch.states[..columns], usize::from(*skip), &mut scratch.alive);
            let hit = |column| hits.push((column, row));
            other_stages(plan, integral, start, scratch, hit);
        }
    }
}

/// The integral images from a block's first window on.
#[derive(Clone, Copy)]
struct Planes<'a> {
    upright: &'a [i32; SPAN],
    tilted: &'a [i32; SPAN],
}

#[inline(always)]
fn planes(integral: &Integral, start: usize) -> Planes<'_> {
    Planes { upright: integral.sum_at(start), tilted: integral.tilted_at(start) }
}

#[inline(always)]
fn first_stage(plan: &Plan, integral: &Integral, start: usize, columns: usize, row: &mut RowScan) {
    row.norms.clear();
    row.states.clear();
    for first in (0..columns).step_by(LANES) {
        let (norms, usable) = window_norms(plan, integral, start + first);
        let sums = stage_sums(&plan.stages[0], planes(integral, start + first), &norms);
        let mut states = [State::Flat; LANES];
        for l in 0..LANES {
            let passed = if sums[l] < plan.stages[0].threshold { State::Failed } else { State::Passed };
            states[l] = if usable[l] { passed } else { State::Flat };
        }
        row.norms.extend_from_slice(&norms);
        row.states.extend_from_slice(&states);
    }
    // A block of the other stages may begin at the last window.
    row.norms.resize(row.norms.len() + LANES, 0.0);
}

/// Goes through a row as OpenCV does, passing over the window to the right of one that failed; says whether the first
/// window past the end would be passed over.
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
fn other_stages(plan: &Plan, integral: &Integral, start: usize, row: &RowScan, mut hit: impl FnMut(usize)) {
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
            let sums = stage_sums(stage, planes, norms);
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

/// One over the spread of each window's pixels times its area, and whether there is enough of it: with `A` the inner
/// area, `1 / sqrt(A·Σp² − (Σp)²)`, and `A` times that below a tenth.
#[inline(always)]
fn window_norms(plan: &Plan, integral: &Integral, start: usize) -> (Lanes<f32>, Lanes<bool>) {
    let (sum_plane, square_plane) = (integral.sum_at(start), integral.square_at(start));
    let sums = plan.inner.map(|offset| lanes(sum_plane, offset));
    let squares = plan.inner.map(|offset| lanes(square_plane, offset));
    let (mut norms, mut usable) = ([0.0; LANES], [false; LANES]);
    for l in 0..LANES {
        let sum = f64::from(rect_sum(sums, l));
        let spread = plan.inner_area * f64::from(rect_sum(squares, l) as u32) - sum * sum;
        norms[l] = (1.0 / spread.sqrt()) as f32;
        usable[l] = (spread > 0.0) & (plan.inner_area * f64::from(norms[l]) < 0.1);
    }
    (norms, usable)
}

/// The sum of the leaves that each window reaches.
#[inline(always)]
fn stage_sums(stage: &PlannedStage, planes: Planes, norms: &Lanes<f32>) -> Lanes<f64> {
    let mut sums = [0.0; LANES];
    if stage.tree_sizes.is_empty() {
        for test in &stage.tests {
            let Test { threshold, below: Outcome { value: below, .. }, above: Outcome { value: above, .. }, .. } = *test;
            for_each_value(test, planes, norms, |l, value| {
                sums[l] += f64::from(if value < threshold { below } else { above });
            });
        }
        return sums;
    }
    let mut rest = &stage.tests[..];
    for &size in &stage.tree_sizes {
        let (tree, after) = rest.split_at(size);
        rest = after;
        add_tree(tree, planes, norms, &mut sums);
    }
    sums
}

/// Adds the leaf of one tree that each window reaches; a test counts for the windows that the tests before led to it.
#[inline(always)]
fn add_tree(tree: &[Test], planes: Planes, norms: &Lanes<f32>, sums: &mut Lanes<f64>) {
    let (mut at, mut leaves) = ([0u32; LANES], [0.0; LANES]);
    for (place, test) in (0u32..).zip(tree) {
        let Test { threshold, below, above, .. } = *test;
        for_each_value(test, planes, norms, |l, value| {
            let is_below = value < threshold;
            let next = if is_below { below.next } else { above.next };
            let leaf = if is_below { below.value } else { above.value };
            let here = at[l] == place;
            leaves[l] = if here { leaf } else { leaves[l] };
            at[l] = if here { next } else { at[l] };
        });
    }
    for l in 0..LANES {
        sums[l] += f64::from(leaves[l]);
    }
}

/// Calls `use_value` with each window's lane and its feature over its contrast.
///
/// One loop over the lanes from the corners to the use, so that it becomes vector code as a whole.
#[inline(always)]
fn for_each_value(test: &Test, planes: Planes, norms: &Lanes<f32>, mut use_value: impl FnMut(usize, f32)) {
    let plane = if test.tilted { planes.tilted } else { planes.upright };
    let [w, x, y] = test.weights;
    let [a, b] = [0, 1].map(|i| test.corners[i].map(|offset| lanes(plane, offset)));
    if y == 0.0 {
        for l in 0..LANES {
            use_value(l, (w * rect_sum(a, l) as f32 + x * rect_sum(b, l) as f32) * norms[l]);
        }
        return;
    }
    let c = test.corners[2].map(|offset| lanes(plane, offset));
    for l in 0..LANES {
        let value = w * rect_sum(a, l) as f32 + x * rect_sum(b, l) as f32 + y * rect_sum(c, l) as f32;
        use_value(l, value * norms[l]);
    }
}

/// The sum over the rectangle with these corners of the window in lane `l`.
#[inline(always)]
fn rect_sum(corners: [&Lanes<i32>; 4], l: usize) -> i32 {
    corners[0][l].wrapping_sub(corners[1][l]).wrapping_sub(corners[2][l]).wrapping_add(corners[3][l])
}

#[inline(always)]
fn lanes(plane: &[i32; SPAN], offset: u16) -> &Lanes<i32> {
    let offset = usize::from(offset);
    plane[offset..offset + LANES].as_array().expect("a span holds every offset and a block")
}
