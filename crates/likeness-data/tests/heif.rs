//! Tests HEIC and AVIF: pictures of the golden files, orientation, limits, and damaged files.
//!
//! Tests that decode need the system's libheif with its decoders, and are ignored without it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};

use image::RgbImage;
use likeness_data::DataError;
use likeness_data::decode::PhotoReader;
use likeness_data::limits::Limits;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/heif").join(name)
}

fn read(path: &Path, limits: Limits) -> Result<RgbImage, DataError> {
    PhotoReader::new(limits).read(path).map(|photo| photo.image)
}

/// Reads `bytes` from a file.
fn read_bytes(bytes: &[u8]) -> Result<RgbImage, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.heic");
    fs_err::write(&path, bytes).unwrap();
    read(&path, Limits::default())
}

#[test]
fn the_content_decides_and_not_the_name() {
    let jpeg = {
        let mut bytes = std::io::Cursor::new(Vec::new());
        RgbImage::from_pixel(20, 10, image::Rgb([9, 90, 200]))
            .write_to(&mut bytes, image::ImageFormat::Jpeg)
            .unwrap();
        bytes.into_inner()
    };
    assert_eq!(read_bytes(&jpeg).unwrap().dimensions(), (20, 10));
    assert!(read_bytes(b"").unwrap_err().reason().contains("the file is empty"));
    assert!(read_bytes(b"dear diary").unwrap_err().reason().contains("the file holds text"));
}

#[test]
fn a_photo_without_a_decoder_names_the_remedy() {
    // With libheif, the pictures decode; without it, the reason says what to install.
    for name in ["plain.heic", "plain.avif"] {
        match read(&golden(name), Limits::default()) {
            Ok(image) => assert_eq!(image.dimensions(), (96, 64)),
            Err(error) => {
                assert!(matches!(error, DataError::MissingDecoder { .. }), "{error:?}");
                assert!(error.hint().unwrap().contains("apt-get install libheif"), "{error}");
                assert!(error.reason().contains("convert the photo to JPEG"), "{}", error.reason());
            }
        }
    }
}

mod with_libheif {
    use super::*;

    const RED: [u8; 3] = [200, 40, 30];
    const GREEN: [u8; 3] = [30, 160, 60];
    const BLUE: [u8; 3] = [20, 60, 220];
    const YELLOW: [u8; 3] = [230, 200, 40];
    const WHITE: [u8; 3] = [255; 3];

    #[test]
    #[ignore = "needs libheif"]
    fn the_golden_pictures_have_their_colours() {
        let upright = [RED, GREEN, BLUE, YELLOW];
        for (name, size, colours) in [
            ("plain.heic", (96, 64), upright),
            ("plain.avif", (96, 64), upright),
            ("ten_bits.heic", (96, 64), upright),
            ("clear.heic", (96, 64), [RED, WHITE, BLUE, WHITE]),
            ("turned.heic", (64, 96), [BLUE, RED, YELLOW, GREEN]),
            ("turned.avif", (64, 96), [GREEN, YELLOW, RED, BLUE]),
            ("exif.heic", (96, 64), upright),
        ] {
            let image = read(&golden(name), Limits::default()).unwrap();
            assert_eq!(image.dimensions(), size, "{name}");
            let (width, height) = size;
            let middles = [(1, 1), (3, 1), (1, 3), (3, 3)].map(|(x, y)| (width * x / 4, height * y / 4));
            for ((x, y), expected) in middles.into_iter().zip(colours) {
                let found = image.get_pixel(x, y).0;
                let differs = found.iter().zip(expected).any(|(a, b)| a.abs_diff(b) > 6);
                assert!(!differs, "{name} at ({x}, {y}): expected {expected:?}, found {found:?}");
            }
        }
    }

    #[test]
    #[ignore = "needs libheif"]
    fn folders_list_them_as_photos() {
        let folder = golden("plain.heic").parent().unwrap().to_owned();
        let (photos, skipped) = likeness_data::photos::find(&[folder], None).unwrap();
        assert_eq!((photos.len(), skipped.len()), (7, 0), "{skipped:?}");
    }

    #[test]
    #[ignore = "needs libheif"]
    fn threads_share_the_library() {
        std::thread::scope(|scope| {
            for name in ["plain.heic", "turned.heic", "plain.avif", "clear.heic"] {
                scope.spawn(move || {
                    let first = read(&golden(name), Limits::default()).unwrap();
                    for _ in 0..20 {
                        assert_eq!(read(&golden(name), Limits::default()).unwrap(), first, "{name}");
                    }
                });
            }
        });
    }

    #[test]
    #[ignore = "needs libheif"]
    fn limits_are_checked_before_pixels_are_decoded() {
        let usual = Limits::default();
        for (limits, flag) in [
            (Limits { max_width: 95, ..usual }, "--max-width"),
            (Limits { max_height: 63, ..usual }, "--max-height"),
            (Limits { max_memory_bytes: 50_000, ..usual }, "--max-memory"),
        ] {
            let error = read(&golden("plain.heic"), limits).unwrap_err();
            assert!(matches!(error, DataError::LimitExceeded { .. }), "{error:?}");
            assert!(error.reason().contains(flag), "{}", error.reason());
        }
        // The turned picture is 64 pixels wide.
        assert!(read(&golden("turned.heic"), Limits { max_width: 64, ..usual }).is_ok());
        for (side, flag) in
            [(60_000_u32, "--max-memory"), (70_000, "--max-width"), (0x7FFF_FFFF, "--max-width")]
        {
            let error = read_bytes(&with_size(side)).unwrap_err();
            assert!(matches!(error, DataError::LimitExceeded { .. }), "{side}: {error:?}");
            assert!(error.reason().contains(flag), "{side}: {}", error.reason());
        }
        for side in [0, u32::MAX] {
            assert!(read_bytes(&with_size(side)).is_err(), "{side}");
        }
    }

    /// `plain.heic` with this width and height in its header (the box `ispe`).
    fn with_size(side: u32) -> Vec<u8> {
        let mut bytes = fs_err::read(golden("plain.heic")).unwrap();
        let at = bytes.windows(4).position(|kind| kind == b"ispe").unwrap() + 8;
        for offset in [at, at + 4] {
            bytes[offset..offset + 4].copy_from_slice(&side.to_be_bytes());
        }
        bytes
    }

    #[test]
    #[ignore = "needs libheif"]
    fn truncated_files_are_refused_at_any_length() {
        for name in ["plain.heic", "plain.avif", "clear.heic"] {
            let bytes = fs_err::read(golden(name)).unwrap();
            for length in 1..bytes.len() {
                let error = read_bytes(&bytes[..length]).unwrap_err();
                assert!(matches!(error, DataError::BadImage { .. }), "{name} {length}: {error:?}");
            }
        }
    }

    #[test]
    #[ignore = "needs libheif"]
    fn flipped_bytes_give_a_picture_or_an_error() {
        let (mut pictures, mut errors) = (0, 0);
        for name in ["plain.heic", "turned.heic", "plain.avif", "clear.heic"] {
            let bytes = fs_err::read(golden(name)).unwrap();
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << (at % 8);
                match read_bytes(&flipped) {
                    Ok(image) => pictures += usize::from(image.width() > 0),
                    Err(error) => errors += usize::from(!error.reason().is_empty()),
                }
            }
        }
        assert!(pictures > 100 && errors > 100, "{pictures} pictures, {errors} errors");
    }
}
