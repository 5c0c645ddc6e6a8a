//! Dot products on any processor; the reference for the others.

use super::super::layout::{Line, ROWS, VALUES};

/// # Shapes        words: \[lines, count\]   ·   groups: \[groups\]\[lines\]   ·   sums: \[count, groups\]
pub(super) fn dots(count: usize, words: &[[i8; VALUES]], groups: &[&[Line]], sums: &mut [[i32; ROWS]]) {
    for query in 0..count {
        for (number, group) in groups.iter().enumerate() {
            let mut sum = [0i32; ROWS];
            for (line, values) in group.iter().zip(words[query..].iter().step_by(count)) {
                for (sum, codes) in sum.iter_mut().zip(line.0.as_chunks::<VALUES>().0) {
                    let terms = codes.iter().zip(values).map(|(c, q)| i32::from(*c) * i32::from(*q));
                    *sum += terms.sum::<i32>();
                }
            }
            sums[query * groups.len() + number] = sum;
        }
    }
}
