//! Seeded random numbers: reproducible streams derived from seeds and a purpose. This is the only source of random numbers of
//! the crates that build on this one; nothing is drawn without a seed.
//!
//! - [`RandomStream`] draws pictures: faces and augmentation. Its numbers are made from integers without transcendental
//!   functions, so they are the same on every machine.
//! - [`training_stream`] draws what a training run decides: sampling, mining, dropout.
//! - [`generator`] is a bare generator for something that has a seed of its own: initial weights, a split, a sample of rows.
//!
//! Every purpose has a stream of its own, so that one more draw for the background does not change a nose. The generator is
//! PCG: O'Neill (2014), "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number
//! Generation". Published splits, drawn faces and trained networks depend on these exact sequences.

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// The random number generator.
pub type Generator = Pcg64Mcg;

/// The generator that starts from `seed`.
pub fn generator(seed: u64) -> Generator {
    Generator::seed_from_u64(seed)
}

/// The purpose of a random stream of a training run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainingPurpose {
    /// Initial values of parameters.
    Parameters = 1,
    /// The order of an epoch's images.
    Sampling = 2,
    /// Random choices of triplets.
    Mining = 3,
    /// Dropout and stochastic depth.
    Dropout = 4,
    /// The choice of identities for validation.
    Validation = 5,
    /// The order of the target domain's faces, and random projections of domain adaptation.
    Adaptation = 6,
}

/// The stream of `purpose` at `place` (the epoch, the batch) in the training run with `seed`.
///
/// A stream depends on its purpose and place alone, never on earlier draws, so that a resumed run draws the same numbers.
pub fn training_stream(seed: u64, purpose: TrainingPurpose, place: &[u64]) -> Generator {
    let start = mix(seed ^ mix(purpose as u64));
    generator(place.iter().fold(start, |state, p| mix(state ^ p.wrapping_mul(0xd6e8_feb8_6659_fd93))))
}

/// The purpose of a random stream for pictures.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// The features of an identity.
    Identity = 1,
    /// The differences between two pictures of one face.
    Shot = 2,
    /// Hair strands, freckles and other texture of a face.
    FaceTexture = 3,
    /// Background, clothes and objects in front of a drawn face.
    Scene = 4,
    /// Noise, paper grain and other effects on the finished picture.
    Finish = 5,
    /// Seeds of the identities of a drawn dataset.
    Dataset = 6,
    /// The augmentation of a picture in training.
    Augmentation = 7,
}

/// A stream of random numbers for one purpose.
#[derive(Debug, Clone)]
pub struct RandomStream(Generator);

impl RandomStream {
    /// The stream of `purpose` for `seeds`, whose order matters.
    pub fn new(purpose: Purpose, seeds: &[u64]) -> Self {
        let mut state = purpose as u64;
        for seed in seeds {
            state = mix(state ^ seed.wrapping_mul(0xd6e8_feb8_6659_fd93));
        }
        Self(generator(mix(state)))
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

    /// One of `items` with equal probability.
    ///
    /// # Panics        no items
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        let index = (self.unit() * items.len() as f32) as usize;
        items[index.min(items.len() - 1)]
    }

    /// One of `items` with probability in proportion to its weight.
    ///
    /// # Panics        no items
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

/// Mixes every bit of `value` into all others (the finaliser of SplitMix64).
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
        let first = |purpose, seeds: &[u64]| RandomStream::new(purpose, seeds).bits();
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
        let mut random = RandomStream::new(Purpose::Scene, &[7]);
        for _ in 0..10_000 {
            assert!((2.0..3.0).contains(&random.range(2.0, 3.0)));
            assert!(random.bell(0.5).abs() <= 0.5);
            assert!((1..=3).contains(&random.pick(&[1, 2, 3])));
            assert_eq!(random.weighted(&[(0.0, 1), (2.0, 5), (0.0, 3)]), 5);
        }
    }

    #[test]
    fn training_streams_depend_on_seed_purpose_and_place() {
        let first = |seed, purpose, place: &[u64]| training_stream(seed, purpose, place).next_u64();
        let all = [
            first(0, TrainingPurpose::Parameters, &[]),
            first(0, TrainingPurpose::Sampling, &[]),
            first(1, TrainingPurpose::Sampling, &[]),
            first(0, TrainingPurpose::Sampling, &[0]),
            first(0, TrainingPurpose::Sampling, &[1, 2]),
            first(0, TrainingPurpose::Sampling, &[2, 1]),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(!all[i + 1..].contains(a), "{all:?}");
        }
        assert_eq!(all[4], first(0, TrainingPurpose::Sampling, &[1, 2]));
    }

    #[test]
    fn sequences_stay() {
        let first = [
            generator(7).next_u64(),
            training_stream(7, TrainingPurpose::Mining, &[3, 5]).next_u64(),
            RandomStream::new(Purpose::Identity, &[3, 5]).bits(),
        ];
        assert_eq!(first, [12726360963827698830, 2957920305343354393, 9998253391095340732]);
    }
}
