//! A perceptual hash, for pictures that are nearly equal.
//!
//! The picture is reduced to 32 × 32 levels of luma. The signs of the 8 × 8 lowest frequencies of its discrete cosine transform,
//! relative to their median, are 64 bits (Zauner, Implementation and benchmarking of perceptual image hash functions, 2010,
//! section 3.2.3). Pictures that were scaled or compressed again differ in few bits. So do some different pictures, such as two portraits on
//! a white wall. Therefore the levels themselves, averaged to 16 × 16, are compared as well.

use image::RgbImage;

use super::tone::luma;
use crate::scale::{Filter, scale};

/// Side of the reduced picture.
const SIDE: usize = 32;
/// Frequencies in each direction.
const LOW: usize = 8;
/// Side of the compared levels.
const LEVELS: usize = 16;
/// Most bits in which hashes of nearly equal pictures differ.
const MOST_BITS: u32 = 3;
/// Largest mean difference of the levels of nearly equal pictures, from 0 to 255.
const MOST_DIFFERENCE: u32 = 6;

/// The perceptual hash of a picture, and its levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureHash {
    /// The signs of the lowest frequencies.
    pub bits: u64,
    levels: Box<[u8; LEVELS * LEVELS]>,
}

impl PictureHash {
    /// The hash of `picture`; `None` if it has no pixels.
    ///
    /// # Examples
    /// ```
    /// use image::{Rgb, RgbImage};
    /// use likeness_data::inspect::PictureHash;
    /// let picture = RgbImage::from_fn(90, 60, |x, y| Rgb([(x * 2) as u8, (y * 4) as u8, (x + y) as u8]));
    /// let hash = PictureHash::of(&picture).unwrap();
    /// assert_eq!(hash.bits, PictureHash::of(&picture.clone()).unwrap().bits);
    /// assert!(PictureHash::of(&RgbImage::new(0, 9)).is_none());
    /// ```
    pub fn of(picture: &RgbImage) -> Option<Self> {
        if picture.width() == 0 || picture.height() == 0 {
            return None;
        }
        let small = scale(picture, (SIDE as u32, SIDE as u32), Filter::Bilinear);
        let grey: Vec<f32> = small.pixels().map(luma).collect();
        let mut levels = Box::new([0; LEVELS * LEVELS]);
        for (at, level) in levels.iter_mut().enumerate() {
            let (x, y) = (2 * (at % LEVELS), 2 * (at / LEVELS));
            let sum: f32 = [0, 1, SIDE, SIDE + 1].iter().map(|step| grey[y * SIDE + x + step]).sum();
            *level = (sum / 4.0).round() as u8;
        }
        Some(Self { bits: signs(&frequencies(&grey)), levels })
    }

    /// Whether both pictures are nearly equal.
    pub fn is_near(&self, other: &Self) -> bool {
        let difference: u32 =
            self.levels.iter().zip(other.levels.iter()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        (self.bits ^ other.bits).count_ones() <= MOST_BITS
            && difference <= MOST_DIFFERENCE * (LEVELS * LEVELS) as u32
    }

    /// The four parts of the bits. Hashes that differ in at most three bits have an equal part.
    pub(super) fn parts(&self) -> [(usize, u16); 4] {
        [0, 1, 2, 3].map(|part| (part, (self.bits >> (16 * part)) as u16))
    }
}

/// The lowest frequencies of the discrete cosine transform (type II) of the levels.
fn frequencies(grey: &[f32]) -> [f32; LOW * LOW] {
    let cosine: Vec<f32> = (0..LOW * SIDE)
        .map(|at| {
            let (frequency, place) = ((at / SIDE) as f32, (at % SIDE) as f32);
            (std::f32::consts::PI / SIDE as f32 * (place + 0.5) * frequency).cos()
        })
        .collect();
    let mut rows = [0.0; SIDE * LOW];
    for y in 0..SIDE {
        for u in 0..LOW {
            rows[y * LOW + u] = (0..SIDE).map(|x| grey[y * SIDE + x] * cosine[u * SIDE + x]).sum();
        }
    }
    let mut found = [0.0; LOW * LOW];
    for v in 0..LOW {
        for u in 0..LOW {
            found[v * LOW + u] = (0..SIDE).map(|y| rows[y * LOW + u] * cosine[v * SIDE + y]).sum();
        }
    }
    found
}

/// One bit for each frequency: whether it is above the median. The first, the mean level, is left out of the median.
fn signs(frequencies: &[f32; LOW * LOW]) -> u64 {
    let mut sorted = frequencies[1..].to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let median = sorted[sorted.len() / 2];
    (0..).zip(frequencies).filter(|(_, value)| **value > median).fold(0, |bits, (at, _)| bits | 1 << at)
}
