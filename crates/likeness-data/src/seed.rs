//! Seeded random numbers: reproducible streams derived from seeds and a purpose.
//!
//! Every purpose has its own stream, so that drawing one more number for the background does not change the face.
//! PCG: O'Neill (2014), "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number
//! Generation". Numbers are computed from integers without transcendental functions, so they are the same on every machine.

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// The purpose of a stream of random numbers.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// Features that distinguish a drawn identity.
    Identity = 1,
    /// Differences between two pictures of one drawn face.
    Shot = 2,
    /// Hair strands, freckles and other texture of a drawn face.
    FaceTexture = 3,
    /// Background, clothes and objects in front of a drawn face.
    Scene = 4,
    /// Noise, paper grain and other effects on the finished picture.
    Finish = 5,
    /// Seeds of the identities of a drawn dataset.
    Dataset = 6,
    /// Augmentation of pictures during training.
    Augmentation = 7,
}

/// A stream of random numbers for one purpose.
#[derive(Debug, Clone)]
pub struct Dice(Pcg64Mcg);

impl Dice {
    /// The stream of `purpose` for these seeds.
    pub fn new(purpose: Purpose, seeds: &[u64]) -> Self {
        let mut state = purpose as u64;
        for seed in seeds {
            state = mix(state ^ seed.wrapping_mul(0xd6e8_feb8_6659_fd93));
        }
        Self(Pcg64Mcg::seed_from_u64(mix(state)))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// Uniform in [low, high).
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Bell-shaped distribution in (−reach, reach) with its mode at 0.
    pub fn bell(&mut self, reach: f32) -> f32 {
        (self.unit() + self.unit() + self.unit() - 1.5) / 1.5 * reach
    }

    /// Bell-shaped distribution in (low, high) with its mode in the middle.
    pub fn about(&mut self, low: f32, high: f32) -> f32 {
        (low + high) / 2.0 + self.bell((high - low) / 2.0)
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// −1 or 1.
    pub fn sign(&mut self) -> f32 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }

    /// One of `items` with equal probability; `items` must not be empty.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        let index = (self.unit() * items.len() as f32) as usize;
        items[index.min(items.len() - 1)]
    }

    /// One of `items`, with probabilities proportional to the weights.
    pub fn weighted<T: Copy>(&mut self, items: &[(f32, T)]) -> T {
        let mut left = self.unit() * items.iter().map(|(weight, _)| weight).sum::<f32>();
        for (weight, item) in items {
            left -= weight;
            if left < 0.0 {
                return *item;
            }
        }
        items[items.len() - 1].1
    }
}

/// Mixes the bits of `value` so that every bit affects all others (the finaliser of SplitMix64).
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_depend_on_purpose_and_on_the_order_of_seeds() {
        let first = |purpose, seeds: &[u64]| Dice::new(purpose, seeds).bits();
        let all = [
            first(Purpose::Identity, &[1, 2]),
            first(Purpose::Shot, &[1, 2]),
            first(Purpose::Shot, &[2, 1]),
            first(Purpose::Shot, &[0, 0]),
            first(Purpose::Shot, &[0]),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(!all[i + 1..].contains(a), "{all:?}");
        }
        assert_eq!(all[0], first(Purpose::Identity, &[1, 2]));
    }

    #[test]
    fn numbers_stay_in_their_ranges() {
        let mut dice = Dice::new(Purpose::Scene, &[7]);
        for _ in 0..10_000 {
            assert!((2.0..3.0).contains(&dice.range(2.0, 3.0)));
            assert!(dice.bell(0.5).abs() <= 0.5);
            assert!((1..=3).contains(&dice.pick(&[1, 2, 3])));
            assert_eq!(dice.weighted(&[(0.0, 1), (2.0, 5), (0.0, 3)]), 5);
        }
    }
}
