//! Sums over values of sixteen rows at a time: integer dot products, and sums of minima.
//!
//! Every machine computes the same integers. `x86` has the instructions of AVX-512 VNNI and AVX2; the plain loops are the
//! reference, and are used elsewhere.

mod common;
mod plain;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(super) use common::Common;

use super::layout::{Line, ROWS, VALUES};

/// The instructions that compute dot products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    /// AVX-512 VNNI.
    #[cfg(target_arch = "x86_64")]
    Vnni,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Any processor.
    Plain,
}

impl Machine {
    /// The fastest one of this processor.
    pub(super) fn now() -> Self {
        Self::all()[0]
    }

    /// All that this processor has, fastest first.
    pub(super) fn all() -> Vec<Self> {
        let mut all = vec![Self::Plain];
        #[cfg(target_arch = "x86_64")]
        {
            if x86::has_avx2() {
                all.insert(0, Self::Avx2);
            }
            if x86::has_vnni() {
                all.insert(0, Self::Vnni);
            }
        }
        all
    }

    /// Largest number of queries whose sums stay in registers.
    fn most_queries(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => 12,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 4,
            Self::Plain => 1,
        }
    }
}

/// Integers of a block of queries, in the order in which a kernel reads them.
#[derive(Debug)]
pub(super) struct Dots {
    machine: Machine,
    parts: Vec<Part>,
}

/// Queries whose sums a kernel computes together: 12, 8, 4, 2 or 1 of them.
#[derive(Debug)]
struct Part {
    count: usize,
    /// Four values of each query, for each line of a group.
    ///
    /// # Shapes        \[lines, count\]
    words: Vec<[i8; VALUES]>,
}

impl Dots {
    /// # Shapes        queries: \[queries\]\[dim\]
    pub(super) fn pack<'a>(machine: Machine, queries: impl Iterator<Item = &'a [i8]>) -> Self {
        let queries: Vec<&[i8]> = queries.collect();
        let (mut rest, mut parts) = (queries.as_slice(), Vec::new());
        while !rest.is_empty() {
            let most = rest.len().min(machine.most_queries());
            let count = *[12, 8, 4, 2, 1].iter().find(|count| **count <= most).expect("1 is always possible");
            let (now, later) = rest.split_at(count);
            parts.push(Part { count, words: interleaved(now) });
            rest = later;
        }
        Self { machine, parts }
    }

    /// Computes the dot products of all queries with all rows of `groups`.
    ///
    /// Codes are taken as unsigned bytes. Sums fit 32 bits for up to 2¹⁶ values in a row.
    ///
    /// # Shapes        groups: \[groups\]\[lines\]   ·   output: \[queries, groups\]
    pub(super) fn run(&self, groups: &[&[Line]], output: &mut Vec<[i32; ROWS]>) {
        output.clear();
        for part in &self.parts {
            let start = output.len();
            output.resize(start + part.count * groups.len(), [0; ROWS]);
            let sums = &mut output[start..];
            match self.machine {
                #[cfg(target_arch = "x86_64")]
                Machine::Vnni => x86::dots_vnni(part.count, &part.words, groups, sums),
                #[cfg(target_arch = "x86_64")]
                Machine::Avx2 => x86::dots_avx2(part.count, &part.words, groups, sums),
                Machine::Plain => plain::dots(part.count, &part.words, groups, sums),
            }
        }
    }
}

fn interleaved(queries: &[&[i8]]) -> Vec<[i8; VALUES]> {
    let lines = queries[0].len().div_ceil(VALUES);
    let mut words = vec![[0; VALUES]; lines * queries.len()];
    for (number, query) in queries.iter().enumerate() {
        for (line, values) in query.chunks(VALUES).enumerate() {
            words[line * queries.len() + number][..values.len()].copy_from_slice(values);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::layout::{lines, set_row};
    use super::*;

    fn bytes(seed: u32) -> impl FnMut() -> u8 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }
    }

    #[test]
    fn every_machine_computes_the_same_integers() {
        for (queries, groups, dim) in
            [(1, 1, 1), (1, 3, 512), (2, 2, 63), (3, 1, 64), (7, 5, 65), (12, 4, 128), (31, 3, 2047)]
        {
            let mut next = bytes(dim as u32);
            // The ends of the range first.
            let query = |at: usize, next: &mut dyn FnMut() -> u8| -> Vec<i8> {
                (0..dim).map(|_| if at == 0 { -127 } else { next() as i8 }).collect()
            };
            let queries: Vec<Vec<i8>> = (0..queries).map(|at| query(at, &mut next)).collect();
            let mut rows = vec![vec![255u8; dim]];
            rows.extend((1..groups * ROWS).map(|_| (0..dim).map(|_| next()).collect()));
            let mut packed = vec![vec![Line::ZERO; lines(dim)]; groups];
            for (at, row) in rows.iter().enumerate() {
                set_row(&mut packed[at / ROWS], at % ROWS, row);
            }
            let groups: Vec<&[Line]> = packed.iter().map(Vec::as_slice).collect();
            for machine in Machine::all() {
                let mut found = Vec::new();
                Dots::pack(machine, queries.iter().map(Vec::as_slice)).run(&groups, &mut found);
                for (query, sums) in queries.iter().zip(found.as_flattened().chunks(rows.len())) {
                    for (row, sum) in rows.iter().zip(sums) {
                        let terms = query.iter().zip(row).map(|(q, c)| i32::from(*q) * i32::from(*c));
                        assert_eq!(*sum, terms.sum::<i32>(), "{machine:?} {dim}");
                    }
                }
            }
        }
    }
}
