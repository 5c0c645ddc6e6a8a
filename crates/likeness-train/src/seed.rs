//! One seed of a run becomes independent streams of numbers, one for each purpose and place.
//!
//! A stream depends on its purpose and its place (the epoch, the batch) alone, never on what was drawn before, so that a
//! run taken up in the middle goes on with the same numbers. PCG: O'Neill (2014), "PCG: A Family of Simple Fast
//! Space-Efficient Statistically Good Algorithms for Random Number Generation".

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

/// What a stream of numbers is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// First values of parameters.
    Parameters = 1,
    /// The order of an epoch's images.
    Sampling = 2,
    /// Triplets chosen by chance.
    Mining = 3,
    /// What is dropped within a network.
    Dropout = 4,
    /// Identities held out for validation.
    Validation = 5,
    /// The order of a target domain's faces, and what adaptation draws.
    Adaptation = 6,
}

/// The stream of `purpose` at `place` in the run that began with `seed`.
pub fn stream(seed: u64, purpose: Purpose, place: &[u64]) -> Pcg64Mcg {
    let start = mix(seed ^ mix(purpose as u64));
    let state = place.iter().fold(start, |state, p| mix(state ^ p.wrapping_mul(0xd6e8_feb8_6659_fd93)));
    Pcg64Mcg::seed_from_u64(state)
}

/// Spreads every bit of `value` over all the others (the finaliser of SplitMix64).
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn streams_differ_by_seed_purpose_and_place_and_repeat() {
        let first = |seed, purpose, place: &[u64]| stream(seed, purpose, place).next_u64();
        let all = [
            first(0, Purpose::Parameters, &[]),
            first(0, Purpose::Sampling, &[]),
            first(1, Purpose::Sampling, &[]),
            first(0, Purpose::Sampling, &[0]),
            first(0, Purpose::Sampling, &[1, 2]),
            first(0, Purpose::Sampling, &[2, 1]),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(!all[i + 1..].contains(a), "{all:?}");
        }
        assert_eq!(all[4], first(0, Purpose::Sampling, &[1, 2]));
    }
}
