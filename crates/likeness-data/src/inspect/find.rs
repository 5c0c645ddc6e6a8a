//! Judges the pictures of a collection by their measured values.
//!
//! | issue | definition | threshold of cleanvision 0.3 |
//! |---|---|---|
//! | `dark` | 99th percentile of luma below 82 | brightness percentile below 0.32 of 1 |
//! | `light` | 5th percentile of luma above 242 | above 0.95 of 1 |
//! | `low_information` | entropy of luma below 1.5 bits | entropy of all three channels below 3 bits, which is 1.4 for a grey picture |
//! | `grayscale` | 99th percentile of chroma at most 4 | the file stores one channel |
//! | `blurry` | Laplacian variance of the picture at 256 pixels below 25 | edges of the picture at 64 pixels |
//! | `odd_size` | √(width·height) more than 3 interquartile ranges outside the quartiles, and more than 1.5 times off | only the first |
//! | `odd_aspect_ratio` | shorter side below 0.35 of the longer | the same |
//! | `exact_duplicates` | equal SHA-256 of the files | equal pixels |
//! | `near_duplicates` | perceptual hashes differ in at most 3 of 64 bits, and levels by at most 6 on average | equal hashes |
//! | `no_face`, `many_faces` | a detector found none, or at least two | – |
//!
//! A picture with an entropy below 1.5 bits is no near duplicate, since its hash is noise.

use std::collections::{BTreeMap, HashMap};

use super::{Issue, Measured};

const DARK: u8 = 82;
const LIGHT: u8 = 242;
const ENTROPY_BITS: f32 = 1.5;
const CHROMA: u8 = 4;
const SHARPNESS: f32 = 25.0;
const RANGES: f64 = 3.0;
const SIZE_FACTOR: f64 = 1.5;
const ASPECT_RATIO: f64 = 0.35;
/// Largest number of hashes with an equal part that are all compared. Of more, each is compared with its neighbours in order.
const MOST_COMPARED: usize = 512;

/// Which checks of pictures make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Whether sizes are those of the photos, and not of faces of one size.
    pub sizes: bool,
    /// Whether the pictures are files of their own, and not faces of photos.
    pub duplicates: bool,
}

/// A picture with an issue.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Number of the picture.
    pub picture: usize,
    /// The measured value; `None` for duplicates.
    pub value: Option<f32>,
    /// The first picture of the group, for duplicates: the picture itself if it is the first.
    pub first: Option<usize>,
}

/// The pictures with each issue; those without a value are left out.
///
/// # Conventions   duplicates are grouped, the groups in the order of their first pictures
pub fn find(pictures: &[Option<Measured>], check: Check) -> BTreeMap<Issue, Vec<Found>> {
    let mut found: BTreeMap<Issue, Vec<Found>> = BTreeMap::new();
    let all = || pictures.iter().enumerate().filter_map(|(at, picture)| Some((at, picture.as_ref()?)));
    for (at, picture) in all() {
        for (issue, value) in alone(picture, check) {
            found.entry(issue).or_default().push(Found { picture: at, value: Some(value), first: None });
        }
    }
    if check.sizes {
        found.insert(Issue::OddSize, odd_sizes(&all().collect::<Vec<_>>()));
    }
    if check.duplicates {
        let exact = exact_groups(&all().collect::<Vec<_>>());
        let near = near_groups(&all().collect::<Vec<_>>(), &exact);
        found.insert(Issue::ExactDuplicates, exact.iter().flat_map(|group| grouped(group)).collect());
        found.insert(Issue::NearDuplicates, near.iter().flat_map(|group| grouped(group)).collect());
    }
    found
}

/// The issues of one picture, with the values.
fn alone(picture: &Measured, check: Check) -> Vec<(Issue, f32)> {
    let tone = picture.tone;
    let mut found = Vec::new();
    let mut add = |is: bool, issue: Issue, value: f32| {
        if is {
            found.push((issue, value));
        }
    };
    add(tone.brightest < DARK, Issue::Dark, f32::from(tone.brightest));
    add(tone.darkest > LIGHT, Issue::Light, f32::from(tone.darkest));
    add(tone.entropy < ENTROPY_BITS, Issue::LowInformation, tone.entropy);
    add(tone.chroma <= CHROMA, Issue::Grayscale, f32::from(tone.chroma));
    add(picture.sharpness < SHARPNESS, Issue::Blurry, picture.sharpness);
    let (shorter, longer) = (picture.size.0.min(picture.size.1), picture.size.0.max(picture.size.1));
    let ratio = f64::from(shorter) / f64::from(longer.max(1));
    add(check.sizes && ratio < ASPECT_RATIO, Issue::OddAspectRatio, ratio as f32);
    if let Some(faces) = picture.faces {
        add(faces == 0, Issue::NoFace, 0.0);
        add(faces > 1, Issue::ManyFaces, faces as f32);
    }
    found
}

/// Pictures whose size is far from those of the others.
fn odd_sizes(pictures: &[(usize, &Measured)]) -> Vec<Found> {
    let side = |picture: &Measured| (f64::from(picture.size.0) * f64::from(picture.size.1)).sqrt();
    let mut sorted: Vec<f64> = pictures.iter().map(|(_, picture)| side(picture)).collect();
    if sorted.is_empty() {
        return Vec::new();
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let (low, high) = (sorted[sorted.len() / 4], sorted[sorted.len() * 3 / 4]);
    let reach = RANGES * (high - low);
    let is_odd = |side: f64| {
        (side < low - reach && side * SIZE_FACTOR < low) || (side > high + reach && side > high * SIZE_FACTOR)
    };
    let odd = pictures.iter().filter(|(_, picture)| is_odd(side(picture)));
    odd.map(|(at, picture)| Found { picture: *at, value: Some(side(picture) as f32), first: None }).collect()
}

fn grouped(group: &[usize]) -> impl Iterator<Item = Found> + '_ {
    group.iter().map(|at| Found { picture: *at, value: None, first: group.first().copied() })
}

/// Groups of files with the same content.
fn exact_groups(pictures: &[(usize, &Measured)]) -> Vec<Vec<usize>> {
    let mut of: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, picture) in pictures {
        of.entry(&picture.sha256).or_default().push(*at);
    }
    let mut groups: Vec<Vec<usize>> = of.into_values().filter(|group| group.len() > 1).collect();
    groups.sort_unstable();
    groups
}

/// Groups of nearly equal pictures. Of files with the same content, only the first is compared.
fn near_groups(pictures: &[(usize, &Measured)], exact: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let repeated: std::collections::HashSet<usize> =
        exact.iter().flat_map(|g| g[1..].iter().copied()).collect();
    let candidates: Vec<(usize, &super::PictureHash)> = pictures
        .iter()
        .filter(|(at, picture)| !repeated.contains(at) && picture.tone.entropy >= ENTROPY_BITS)
        .filter_map(|(at, picture)| Some((*at, picture.hash.as_ref()?)))
        .collect();
    let mut buckets: HashMap<(usize, u16), Vec<usize>> = HashMap::new();
    for (place, (_, hash)) in candidates.iter().enumerate() {
        hash.parts().into_iter().for_each(|part| buckets.entry(part).or_default().push(place));
    }
    let mut parents: Vec<usize> = (0..candidates.len()).collect();
    for mut bucket in buckets.into_values() {
        let reach = if bucket.len() > MOST_COMPARED { 8 } else { bucket.len() };
        bucket.sort_by_key(|place| candidates[*place].1.bits);
        for (at, one) in bucket.iter().enumerate() {
            for other in bucket[at + 1..].iter().take(reach) {
                if candidates[*one].1.is_near(candidates[*other].1) {
                    let (a, b) = (root(&mut parents, *one), root(&mut parents, *other));
                    parents[a.max(b)] = a.min(b);
                }
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, (picture, _)) in candidates.iter().enumerate() {
        groups.entry(root(&mut parents, place)).or_default().push(*picture);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// The representative of a group, with the path to it shortened.
fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, imageops};

    use super::*;

    const ALL: Check = Check { sizes: true, duplicates: true };

    fn scene(seed: u32, side: u32) -> RgbImage {
        RgbImage::from_fn(side, side, |x, y| {
            let at = |v: u32, k: u32| {
                ((f64::from(v * k * 64 / side + seed * 37) / 9.0).sin() * 90.0 + 120.0) as u8
            };
            Rgb([at(x, 1 + seed % 5), at(y, 2 + seed % 3), at(x + y, 1 + seed % 4)])
        })
    }

    fn measured(picture: &RgbImage) -> Option<Measured> {
        Some(Measured::of(picture, likeness_artifact::sha256_hex(picture.as_raw())))
    }

    fn pictures(found: &BTreeMap<Issue, Vec<Found>>, issue: Issue) -> Vec<usize> {
        found.get(&issue).into_iter().flatten().map(|found| found.picture).collect()
    }

    #[test]
    fn each_issue_is_found_where_it_is() {
        let grey = RgbImage::from_fn(64, 64, |x, y| Rgb([(x * 3 + y % 7 * 9) as u8; 3]));
        let board = RgbImage::from_fn(64, 64, |x, y| {
            Rgb([if (x / 8 + y / 5) % 2 == 0 { 200 } else { 90 }, 60 + y as u8, 90])
        });
        let all: Vec<Option<Measured>> = vec![
            measured(&scene(1, 64)),
            measured(&scene(2, 64)),
            measured(&RgbImage::from_pixel(64, 64, Rgb([10, 12, 9]))),
            measured(&RgbImage::from_pixel(64, 64, Rgb([250, 252, 249]))),
            measured(&grey),
            measured(&scene(3, 640)),
            measured(&imageops::crop_imm(&scene(4, 64), 0, 0, 64, 20).to_image()),
            measured(&scene(1, 64)),
            None,
            measured(&imageops::blur(&board, 9.0)),
            measured(&board),
        ];
        let found = find(&all, ALL);
        let of = |issue| pictures(&found, issue);
        assert_eq!(of(Issue::Dark), [2]);
        assert_eq!(of(Issue::Light), [3]);
        assert_eq!(of(Issue::LowInformation), [2, 3]);
        assert_eq!(of(Issue::OddSize), [5, 6]);
        assert_eq!(of(Issue::OddAspectRatio), [6]);
        assert_eq!(of(Issue::ExactDuplicates), [0, 7]);
        assert_eq!(of(Issue::NearDuplicates), [0_usize; 0]);
        assert_eq!(of(Issue::Grayscale), [2, 3, 4]);
        assert!(of(Issue::Blurry).contains(&9) && !of(Issue::Blurry).contains(&10));
    }

    #[test]
    fn a_scaled_picture_is_a_near_duplicate_and_constants_are_not() {
        let all: Vec<_> = [scene(1, 64), scene(1, 48), scene(2, 64)].iter().map(measured).collect();
        let found = find(&all, ALL);
        assert_eq!(pictures(&found, Issue::NearDuplicates), [0, 1]);
        assert_eq!(found[&Issue::NearDuplicates][1].first, Some(0));
        let flat: Vec<_> = (0..3).map(|n| measured(&RgbImage::from_pixel(9, 9 + n, Rgb([90; 3])))).collect();
        assert!(pictures(&find(&flat, ALL), Issue::NearDuplicates).is_empty());
    }

    #[test]
    fn equal_pictures_and_none_are_no_trouble() {
        let equal: Vec<_> =
            (0..3000).map(|_| measured(&RgbImage::from_pixel(4, 4, Rgb([7, 90, 200])))).collect();
        let found = find(&equal, ALL);
        assert_eq!(found[&Issue::ExactDuplicates].len(), 3000);
        assert!(pictures(&found, Issue::OddSize).is_empty());
        assert!(find(&[], ALL).values().all(Vec::is_empty));
    }
}
