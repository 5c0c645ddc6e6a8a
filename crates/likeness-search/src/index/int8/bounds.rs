//! Turns the sums of a kernel into intervals, and offers the rows of a group to a shortlist.
//!
//! A row whose lower end is NaN is kept, because nothing is known about it; so comparisons are negated ones.
#![allow(clippy::neg_cmp_op_on_partial_ord)]

use super::layout::ROWS;
use super::query::Query;
use super::rows::GroupRef;
use super::shortlist::{Entry, Shortlist};

/// Offers the rows in `mask` of a group, given the dot products of integers.
#[inline(always)]
pub(super) fn offer_dots(
    query: &Query,
    group: &GroupRef,
    mask: u16,
    dots: &[i32; ROWS],
    list: &mut Shortlist,
) {
    let (factors, offsets) = (group.factors(), group.offsets());
    let [residual, length] = group.widest();
    let slack = query.slack_of(residual, length);
    let limit = list.limit();
    let lower: [f32; ROWS] = std::array::from_fn(|row| {
        let key = query.key_of_dot(offsets[row], factors[row], dots[row]);
        key - slack - query.slack_of_offset(offsets[row])
    });
    // Integers, so that all sixteen are compared at once.
    let any = lower.iter().fold(0, |any, lower| any | u32::from(!(*lower > limit)));
    if any != 0 {
        keep_dots(query, group, mask, dots, &lower, list);
    }
}

#[cold]
#[inline(never)]
fn keep_dots(
    query: &Query,
    group: &GroupRef,
    mask: u16,
    dots: &[i32; ROWS],
    lower: &[f32; ROWS],
    list: &mut Shortlist,
) {
    let limit = list.limit();
    for row in (0..ROWS).filter(|row| mask >> row & 1 == 1 && !(lower[*row] > limit)) {
        let terms = group.terms(row);
        let key = query.key_of_dot(terms.offset, terms.factor, dots[row]);
        let slack = query.slack_of(terms.residual, terms.length) + query.slack_of_offset(terms.offset);
        offer(group, row, [key - slack, key + slack], list);
    }
}

/// Offers the rows in `mask` of a group, given the sums of minima.
pub(super) fn offer_commons(
    query: &Query,
    group: &GroupRef,
    mask: u16,
    commons: &[f32; ROWS],
    list: &mut Shortlist,
) {
    for row in (0..ROWS).filter(|row| mask >> row & 1 == 1) {
        let terms = group.terms(row);
        let ends = query.jaccard_interval(terms.offset, commons[row], terms.residual, terms.length);
        offer(group, row, ends, list);
    }
}

#[inline(always)]
fn offer(group: &GroupRef, row: usize, [lower, upper]: [f32; 2], list: &mut Shortlist) {
    if !(lower > list.limit()) {
        list.push(Entry { lower, upper, slot: group.slot(row) });
    }
}
