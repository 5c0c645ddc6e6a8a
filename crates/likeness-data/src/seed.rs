//! Seeded chance: a seed and a purpose enter, reproducible numbers leave.
//!
//! Every purpose has a stream of its own, so that asking one more number for the background does not change a nose.
//! PCG: O'Neill (2014), "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number
//! Generation". Numbers are made from integers without transcendental functions, so they agree on every machine.

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// What a stream of numbers is for.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// What makes a face somebody's.
    Identity = 1,
    /// What differs between two pictures of one face.
    Shot = 2,
    /// Strands, freckles and other texture that belongs to the face.
    FaceTexture = 3,
    /// Background, clothes and things in front of the face.
    Scene = 4,
    /// Noise, paper grain and other changes to the finished picture.
    Finish = 5,
    /// Seeds of a dataset's identities.
    Dataset = 6,
    /// What is done to a picture while training.
    Augmentation = 7,
}

/// A stream of chance for one purpose.
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

    /// Any 64 bits.
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

    /// Bell-shaped in (−reach, reach), most often near 0.
    pub fn bell(&mut self, reach: f32) -> f32 {
        (self.unit() + self.unit() + self.unit() - 1.5) / 1.5 * reach
    }

    /// Bell-shaped in (low, high), most often in the middle.
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

    /// One of `items`, each as likely; `items` is never empty.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        let index = (self.unit() * items.len() as f32) as usize;
        items[index.min(items.len() - 1)]
    }

    /// One of `items` by weight.
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

/// Spreads every bit of `value` over all the others (the finaliser of SplitMix64).
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
