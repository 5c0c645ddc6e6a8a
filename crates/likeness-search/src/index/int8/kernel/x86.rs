//! Dot products with AVX-512 VNNI (`vpdpbusd`: four products for each of sixteen sums) and with AVX2 (`vpmaddwd`, on bytes at
//! even and at odd places).
//!
//! Unsafe code is of two kinds here. Functions with these instructions are called only if the processor has them, which
//! is checked in the same place. Vectors are loaded from and stored to arrays of the same size, without alignment.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::super::layout::{Line, ROWS, VALUES};

pub(super) fn has_vnni() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni")
}

pub(super) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

/// # Shapes        words: \[lines, count\]   ·   groups: \[groups\]\[lines\]   ·   sums: \[count, groups\]
/// # Panics        the processor does not have the instructions; the count is not 1, 2, 4, 8 or 12
pub(super) fn dots_vnni(count: usize, words: &[[i8; VALUES]], groups: &[&[Line]], sums: &mut [[i32; ROWS]]) {
    assert!(has_vnni(), "chosen for processors with VNNI");
    // SAFETY: the processor has the instructions.
    unsafe {
        match count {
            1 => vnni_single(words, groups, sums),
            2 => vnni::<2>(words, groups, sums),
            4 => vnni::<4>(words, groups, sums),
            8 => vnni::<8>(words, groups, sums),
            12 => vnni::<12>(words, groups, sums),
            _ => unreachable!("queries are packed in these numbers"),
        }
    }
}

/// # Shapes        as [`dots_vnni`]
/// # Panics        the processor does not have the instructions; the count is not 1, 2 or 4
pub(super) fn dots_avx2(count: usize, words: &[[i8; VALUES]], groups: &[&[Line]], sums: &mut [[i32; ROWS]]) {
    assert!(has_avx2(), "chosen for processors with AVX2");
    // SAFETY: the processor has the instructions.
    unsafe {
        match count {
            1 => avx2::<1>(words, groups, sums),
            2 => avx2::<2>(words, groups, sums),
            4 => avx2::<4>(words, groups, sums),
            _ => unreachable!("queries are packed in these numbers"),
        }
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load512(line: &Line) -> __m512i {
    // SAFETY: a line has 64 bytes.
    unsafe { _mm512_loadu_si512(line.0.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store512(sums: &mut [i32; ROWS], value: __m512i) {
    // SAFETY: sixteen integers have 64 bytes.
    unsafe { _mm512_storeu_si512(sums.as_mut_ptr().cast(), value) }
}

/// One query: four sums for each row hide the latency of the instruction.
#[target_feature(enable = "avx512f,avx512vnni")]
fn vnni_single(words: &[[i8; VALUES]], groups: &[&[Line]], sums: &mut [[i32; ROWS]]) {
    let (quads, rest) = words.as_chunks::<4>();
    for (group, sums) in groups.iter().zip(sums) {
        let (lines, last) = group.as_chunks::<4>();
        let mut sum = [_mm512_setzero_si512(); 4];
        for (lines, words) in lines.iter().zip(quads) {
            for i in 0..4 {
                let word = _mm512_set1_epi32(i32::from_le_bytes(words[i].map(|q| q as u8)));
                sum[i] = _mm512_dpbusd_epi32(sum[i], load512(&lines[i]), word);
            }
        }
        for (line, word) in last.iter().zip(rest) {
            let word = _mm512_set1_epi32(i32::from_le_bytes(word.map(|q| q as u8)));
            sum[0] = _mm512_dpbusd_epi32(sum[0], load512(line), word);
        }
        let halves = [_mm512_add_epi32(sum[0], sum[1]), _mm512_add_epi32(sum[2], sum[3])];
        store512(sums, _mm512_add_epi32(halves[0], halves[1]));
    }
}

/// Several queries: two groups at a time, so that every word is used twice and every line by all queries.
#[target_feature(enable = "avx512f,avx512vnni")]
fn vnni<const QUERIES: usize>(words: &[[i8; VALUES]], groups: &[&[Line]], sums: &mut [[i32; ROWS]]) {
    let (words, _) = words.as_chunks::<QUERIES>();
    for (pair, first) in groups.chunks(2).zip((0..).step_by(2)) {
        let (a, b) = (pair[0], pair[pair.len() - 1]);
        let mut sum = [[_mm512_setzero_si512(); 2]; QUERIES];
        for ((a, b), words) in a.iter().zip(b).zip(words) {
            let (a, b) = (load512(a), load512(b));
            for (sum, word) in sum.iter_mut().zip(words) {
                let word = _mm512_set1_epi32(i32::from_le_bytes(word.map(|q| q as u8)));
                *sum = [_mm512_dpbusd_epi32(sum[0], a, word), _mm512_dpbusd_epi32(sum[1], b, word)];
            }
        }
        for (query, sum) in sum.iter().enumerate() {
            let place = query * groups.len() + first;
            store512(&mut sums[place], sum[0]);
            store512(&mut sums[place + pair.len() - 1], sum[1]);
        }
    }
}

#[target_feature(enable = "avx2")]
fn avx2<const QUERIES: usize>(words: &[[i8; VALUES]], groups: &[&[Line]], sums: &mut [[i32; ROWS]]) {
    let (words, _) = words.as_chunks::<QUERIES>();
    let low = _mm256_set1_epi16(0xff);
    for (number, group) in groups.iter().enumerate() {
        let mut sum = [[_mm256_setzero_si256(); 2]; QUERIES];
        for (line, words) in group.iter().zip(words) {
            let (halves, _) = line.0.as_chunks::<32>();
            for half in 0..2 {
                // SAFETY: half a line has 32 bytes.
                let codes = unsafe { _mm256_loadu_si256(halves[half].as_ptr().cast()) };
                let (even, odd) = (_mm256_and_si256(codes, low), _mm256_srli_epi16::<8>(codes));
                for (sum, word) in sum.iter_mut().zip(words) {
                    let pair = |a: i8, b: i8| _mm256_set1_epi32(i32::from(a) & 0xffff | i32::from(b) << 16);
                    let products = [
                        _mm256_madd_epi16(even, pair(word[0], word[2])),
                        _mm256_madd_epi16(odd, pair(word[1], word[3])),
                    ];
                    sum[half] = _mm256_add_epi32(sum[half], _mm256_add_epi32(products[0], products[1]));
                }
            }
        }
        for (query, sum) in sum.iter().enumerate() {
            let (places, _) = sums[query * groups.len() + number].as_chunks_mut::<8>();
            for (place, sum) in places.iter_mut().zip(sum) {
                // SAFETY: eight integers have 32 bytes.
                unsafe { _mm256_storeu_si256(place.as_mut_ptr().cast(), *sum) }
            }
        }
    }
}
