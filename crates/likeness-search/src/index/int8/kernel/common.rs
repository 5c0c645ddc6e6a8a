//! Sums of minima of a histogram's values with codes: Σ min(q, f·c), in f32.
//!
//! Every row has its own sum, which is added to in the order of the values, so every machine computes the same numbers.

use super::super::layout::{Line, ROWS, VALUES};

/// Queries whose sums stay in registers.
const TOGETHER: usize = 4;

/// Histograms of a block of queries, in the order in which the kernel reads them.
#[derive(Debug)]
pub(crate) struct Common {
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    count: usize,
    /// # Shapes        \[lines · 4, count\]
    values: Vec<f32>,
}

impl Common {
    /// # Shapes        queries: \[queries\]\[dim\]
    pub(crate) fn pack<'a>(queries: impl Iterator<Item = &'a [f32]>, dimension: usize) -> Self {
        let queries: Vec<&[f32]> = queries.collect();
        let of = |queries: &[&[f32]]| {
            let mut values = vec![0.0; dimension.next_multiple_of(VALUES) * queries.len()];
            for (number, query) in queries.iter().enumerate() {
                values[number..].iter_mut().step_by(queries.len()).zip(*query).for_each(|(to, q)| *to = *q);
            }
            Part { count: queries.len(), values }
        };
        let whole = queries.chunks_exact(TOGETHER);
        let rest = whole.remainder().chunks(1);
        Self { parts: whole.chain(rest).map(of).collect() }
    }

    /// Computes the sums of all queries with all rows of `groups`, whose codes have the given factors.
    ///
    /// # Shapes        groups: \[groups\]\[lines\]   ·   output: \[queries, groups\]
    pub(crate) fn run(&self, groups: &[(&[Line], &[f32; ROWS])], output: &mut Vec<[f32; ROWS]>) {
        output.clear();
        for part in &self.parts {
            let start = output.len();
            output.resize(start + part.count * groups.len(), [0.0; ROWS]);
            let sums = &mut output[start..];
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || match part.count {
                    TOGETHER => part.sum::<TOGETHER>(groups, sums),
                    _ => part.sum::<1>(groups, sums),
                },
            );
        }
    }
}

impl Part {
    #[inline(always)]
    fn sum<const QUERIES: usize>(&self, groups: &[(&[Line], &[f32; ROWS])], sums: &mut [[f32; ROWS]]) {
        let (values, _) = self.values.as_chunks::<QUERIES>();
        for (number, (group, factors)) in groups.iter().enumerate() {
            let mut sum = [[0.0f32; ROWS]; QUERIES];
            for (line, values) in group.iter().zip(values.as_chunks::<VALUES>().0) {
                let words: [u32; ROWS] =
                    std::array::from_fn(|row| u32::from_le_bytes(line.0.as_chunks::<VALUES>().0[row]));
                for (place, values) in values.iter().enumerate() {
                    let kept: [f32; ROWS] = std::array::from_fn(|row| {
                        factors[row] * ((words[row] >> (8 * place)) & 0xff) as i32 as f32
                    });
                    for (sum, value) in sum.iter_mut().zip(values) {
                        for row in 0..ROWS {
                            sum[row] += if kept[row] < *value { kept[row] } else { *value };
                        }
                    }
                }
            }
            for (query, sum) in sum.iter().enumerate() {
                sums[query * groups.len() + number] = *sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::layout::{lines, set_row};
    use super::*;

    #[test]
    fn sums_are_those_of_the_plain_loop() {
        for (queries, dim) in [(1, 1), (3, 7), (4, 64), (9, 130)] {
            let query =
                |at: usize| -> Vec<f32> { (0..dim).map(|i| ((i * 7 + at) % 11) as f32 / 3.0).collect() };
            let queries: Vec<Vec<f32>> = (0..queries).map(query).collect();
            let factors: [f32; ROWS] = std::array::from_fn(|row| row as f32 / 100.0);
            let code = |row: usize, i: usize| ((row * 31 + i * 17) % 256) as u8;
            let mut group = vec![Line::ZERO; lines(dim)];
            for row in 0..ROWS {
                set_row(&mut group, row, &(0..dim).map(|i| code(row, i)).collect::<Vec<_>>());
            }
            let mut found = Vec::new();
            let groups: [(&[Line], &[f32; ROWS]); 2] = [(&group, &factors), (&group, &factors)];
            Common::pack(queries.iter().map(Vec::as_slice), dim).run(&groups, &mut found);
            for (at, sums) in found.iter().enumerate() {
                for (row, sum) in sums.iter().enumerate() {
                    let mut plain = 0.0f32;
                    for (i, value) in queries[at / 2].iter().enumerate() {
                        plain += value.min(factors[row] * f32::from(code(row, i)));
                    }
                    assert_eq!(*sum, plain, "query {} row {row}", at / 2);
                }
            }
        }
    }
}
