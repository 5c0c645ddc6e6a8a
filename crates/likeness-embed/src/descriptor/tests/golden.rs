//! OpenCV's and scikit-image's values; see `tests/golden/descriptors/README.md`.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::pictures::{FULL, NAMES, SMALL, picture};
use crate::descriptor::color::{ColorConfig, Division, bin_table};
use crate::descriptor::edge::EdgeConfig;
use crate::descriptor::embedder::Describe;
use crate::descriptor::grey::{grey, luma};
use crate::descriptor::texture::{TextureConfig, patterns};

fn read(name: &str) -> Vec<u8> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/descriptors"));
    fs_err::read(folder.join(name)).unwrap()
}

fn read_u16(name: &str) -> Vec<u32> {
    read(name).chunks_exact(2).map(|b| u32::from(u16::from_le_bytes([b[0], b[1]]))).collect()
}

fn read_f32(name: &str) -> Vec<f32> {
    read(name).chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

fn assert_digest(name: &str, digest: impl AsRef<[u8]>) {
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let text = String::from_utf8(read("sha256.txt")).unwrap();
    assert!(text.lines().any(|line| line == format!("{name} {digest}")), "{name}: {digest} is not expected");
}

#[test]
fn pictures_are_the_references_pictures() {
    for name in NAMES {
        assert_digest(name, Sha256::digest(picture(name, FULL).as_raw()));
    }
}

#[test]
fn hsv_and_grey_of_every_color_equal_opencv() {
    let (mut hsv_digest, mut grey_digest) = (Sha256::new(), Sha256::new());
    let tables = Division::get();
    for r in 0..=255 {
        let (mut hsv_bytes, mut grey_bytes) = (Vec::new(), Vec::new());
        for rgb in (0..=255).flat_map(|g| (0..=255).map(move |b| [r, g, b])) {
            hsv_bytes.extend(tables.hsv(rgb));
            grey_bytes.push(luma(rgb));
        }
        hsv_digest.update(&hsv_bytes);
        grey_digest.update(&grey_bytes);
    }
    assert_digest("hsv", hsv_digest.finalize());
    assert_digest("grey", grey_digest.finalize());
}

#[test]
fn bins_of_every_value_equal_opencv() {
    let mut bins = Vec::new();
    for end in [180, 256] {
        for count in [3, 4, 6, 8, 12, 16] {
            bins.extend(bin_table(count, end, 1)[..end as usize].iter().map(|&bin| bin as u8));
        }
    }
    assert_eq!(bins, read("bins.u8"));
}

#[test]
fn color_counts_equal_opencv() {
    for name in NAMES {
        let counts = ColorConfig::default().counts(&picture(name, FULL));
        assert_eq!(counts, read_u16(&format!("{name}.color.u16")), "{name}");
    }
}

#[test]
fn color_values_are_roots_of_shares() {
    let counts = read_u16("noise.color.u16");
    let descriptor = ColorConfig::default().describe(&picture("noise", FULL));
    assert_eq!(descriptor.len(), counts.len());
    for (value, count) in descriptor.iter().zip(counts) {
        assert!((value * value - count as f32 / (128.0 * 128.0)).abs() < 1e-7);
    }
}

#[test]
fn edges_equal_scikit_image() {
    for name in NAMES {
        for (size, cell_px, file) in [(FULL, 16, "edge"), (SMALL, 8, "edge8")] {
            let found = EdgeConfig { cell_px }.describe_grey(&grey(&picture(name, size)));
            let expected = read_f32(&format!("{name}.{file}.f32"));
            assert_eq!(found.len(), expected.len(), "{name}");
            let worst = found.iter().zip(&expected).map(|(f, e)| (f - e).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{name}.{file}: off by {worst}");
        }
    }
}

#[test]
fn patterns_equal_scikit_image() {
    for name in NAMES {
        for radius_px in [1, 2, 3] {
            let codes = patterns(&grey(&picture(name, SMALL)), radius_px);
            assert_eq!(codes, read(&format!("{name}.codes{radius_px}.u8")), "{name} at radius {radius_px}");
        }
    }
}

#[test]
fn texture_counts_equal_scikit_image() {
    for name in NAMES {
        let config = TextureConfig::default();
        let counts = config.counts(&grey(&picture(name, FULL)));
        assert_eq!(counts, read_u16(&format!("{name}.texture.u16")), "{name}");
        let share = 1.0 / (128.0 * 128.0);
        let descriptor = config.describe(&picture(name, FULL));
        let mass: f32 = descriptor.iter().sum();
        assert!((mass - 1.0).abs() < 1e-4, "{name}: shares sum to {mass}");
        // Regions of 25 or 26 pixels a side weigh the same, so that a pixel's share is only roughly equal.
        for (value, count) in descriptor.iter().zip(counts) {
            assert!((value - count as f32 * share).abs() <= 0.06 * value, "{name}");
        }
    }
}
