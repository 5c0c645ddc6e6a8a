//! Tests decoding: every format, every orientation, and files that only pretend to be pictures.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use common::picture;
use image::codecs::pnm::{PnmEncoder, PnmSubtype, SampleEncoding};
use image::{
    DynamicImage, GrayImage, ImageBuffer, ImageEncoder, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba,
};
use likeness_data::DataError;
use likeness_data::decode::PhotoReader;
use likeness_data::limits::Limits;

/// A temporary folder that files are read from.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs_err::write(&path, bytes).unwrap();
        path
    }

    fn read(&self, bytes: &[u8]) -> Result<RgbImage, DataError> {
        read(&PhotoReader::default(), &self.put("photo", bytes))
    }
}

fn read(reader: &PhotoReader, path: &Path) -> Result<RgbImage, DataError> {
    reader.read(path).map(|photo| photo.image)
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn pnm(image: &DynamicImage, subtype: PnmSubtype) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = PnmEncoder::new(&mut bytes).with_subtype(subtype);
    encoder.write_image(image.as_bytes(), image.width(), image.height(), image.color().into()).unwrap();
    bytes
}

/// A grey picture of 40 × 32 pixels, as grey and as RGB.
fn grey() -> (DynamicImage, RgbImage) {
    let grey = GrayImage::from_fn(40, 32, |x, y| Luma([(x * 6 + y) as u8]));
    let rgb = DynamicImage::ImageLuma8(grey.clone()).into_rgb8();
    (grey.into(), rgb)
}

/// Each lossless format: its name, a file, and the expected pixels.
fn lossless() -> Vec<(&'static str, Vec<u8>, RgbImage)> {
    let rgb = picture(1, 40, 32);
    let (grey, grey_rgb) = grey();
    let dynamic = DynamicImage::from(rgb.clone());
    // GIF has 256 colours, so the picture has few.
    let few = RgbImage::from_fn(40, 32, |x, y| Rgb([(x / 10 * 60) as u8, (y / 8 * 60) as u8, 90]));
    vec![
        ("png", encode(&dynamic, ImageFormat::Png), rgb.clone()),
        ("webp", encode(&dynamic, ImageFormat::WebP), rgb.clone()),
        ("bmp", encode(&dynamic, ImageFormat::Bmp), rgb.clone()),
        ("tiff", encode(&dynamic, ImageFormat::Tiff), rgb.clone()),
        ("gif", encode(&DynamicImage::from(few.clone()).into_rgba8().into(), ImageFormat::Gif), few),
        ("ppm", pnm(&dynamic, PnmSubtype::Pixmap(SampleEncoding::Binary)), rgb.clone()),
        ("ppm-ascii", pnm(&dynamic, PnmSubtype::Pixmap(SampleEncoding::Ascii)), rgb),
        ("pgm", pnm(&grey, PnmSubtype::Graymap(SampleEncoding::Binary)), grey_rgb.clone()),
        ("pgm-ascii", pnm(&grey, PnmSubtype::Graymap(SampleEncoding::Ascii)), grey_rgb.clone()),
        ("png-grey", encode(&grey, ImageFormat::Png), grey_rgb),
    ]
}

fn jpeg(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(image).unwrap();
    bytes
}

fn every_format() -> Vec<(&'static str, Vec<u8>)> {
    let mut files: Vec<_> = lossless().into_iter().map(|(name, bytes, _)| (name, bytes)).collect();
    files.push(("jpeg", jpeg(&picture(1, 40, 32))));
    files.push(("jpeg-progressive", include_bytes!("golden/decode/progressive.jpg").to_vec()));
    files.push(("jpeg-cmyk", include_bytes!("golden/decode/cmyk.jpg").to_vec()));
    files
}

fn near(found: Rgb<u8>, expected: [u8; 3], tolerance: u8) {
    let far = found.0.iter().zip(expected).any(|(a, b)| a.abs_diff(b) > tolerance);
    assert!(!far, "expected {expected:?} within {tolerance}, found {:?}", found.0);
}

#[test]
fn lossless_formats_give_their_pixels_back() {
    let desk = Desk::new();
    for (name, bytes, expected) in lossless() {
        let found = desk.read(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(found == expected, "{name}: other pixels than were written");
    }
}

#[test]
fn jpeg_kinds_give_their_colours() {
    let desk = Desk::new();
    let flat = RgbImage::from_fn(48, 32, |x, _| if x < 16 { Rgb([200, 40, 30]) } else { Rgb([20, 60, 220]) });
    let progressive = include_bytes!("golden/decode/progressive.jpg");
    for bytes in [jpeg(&flat).as_slice(), progressive] {
        let found = desk.read(bytes).unwrap();
        assert_eq!(found.dimensions(), (48, 32));
        near(*found.get_pixel(5, 20), [200, 40, 30], 14);
        near(*found.get_pixel(40, 20), [20, 60, 220], 14);
    }
    let cmyk = desk.read(include_bytes!("golden/decode/cmyk.jpg")).unwrap();
    near(*cmyk.get_pixel(5, 20), [255, 0, 0], 14);
    near(*cmyk.get_pixel(40, 20), [0, 255, 255], 14);
}

#[test]
fn deep_grey_and_transparent_pixels_become_rgb() {
    let desk = Desk::new();
    let png = |image: DynamicImage| desk.read(&encode(&image, ImageFormat::Png)).unwrap().get_pixel(0, 0).0;
    let deep = ImageBuffer::<Rgb<u16>, _>::from_pixel(3, 3, Rgb([65535, 32896, 257]));
    assert_eq!(png(deep.into()), [255, 128, 1]);
    let deep_grey = ImageBuffer::<Luma<u16>, _>::from_pixel(3, 3, Luma([32896]));
    assert_eq!(png(deep_grey.into()), [128; 3]);
    // Blended with white: v·a + 255·(1 − a), rounded.
    let grey_alpha = ImageBuffer::<LumaA<u8>, _>::from_pixel(3, 3, LumaA([0, 64]));
    assert_eq!(png(grey_alpha.into()), [191; 3]);
    let pixel = |rgba| ImageBuffer::<Rgba<u8>, _>::from_pixel(3, 3, Rgba(rgba));
    assert_eq!(png(pixel([255, 0, 100, 128]).into()), [255, 127, 177]);
    assert_eq!(png(pixel([9, 9, 9, 0]).into()), [255; 3]);
    assert_eq!(png(pixel([9, 8, 7, 255]).into()), [9, 8, 7]);
    let deep_alpha = ImageBuffer::<Rgba<u16>, _>::from_pixel(3, 3, Rgba([0, 0, 0, 32896]));
    assert_eq!(png(deep_alpha.into()), [127; 3]);
}

/// Adds an EXIF segment that contains only the orientation to `jpeg`.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xFF, 0xE1]);
    bytes.extend((exif.len() as u16 + 2).to_be_bytes());
    bytes.extend(exif);
    bytes.extend(&jpeg[2..]);
    bytes
}

/// EXIF 2.32, table of tag 274: the position of row 0 and column 0 of the stored picture in the upright picture.
#[test]
fn all_eight_orientations_come_upright() {
    let (width, height) = (48, 32);
    let colour = |x: u32, y: u32| Rgb([(x / 16 * 100) as u8, (y / 16 * 180) as u8, 60]);
    let desk = Desk::new();
    for (orientation, row_0, column_0) in [
        (1, "top", "left"),
        (2, "top", "right"),
        (3, "bottom", "right"),
        (4, "bottom", "left"),
        (5, "left", "top"),
        (6, "right", "top"),
        (7, "right", "bottom"),
        (8, "left", "bottom"),
    ] {
        let place = |side: &str, n: u32| match side {
            "top" | "left" => n,
            "bottom" => height - 1 - n,
            _ => width - 1 - n,
        };
        let turned = orientation > 4;
        let (w, h) = if turned { (height, width) } else { (width, height) };
        let stored = RgbImage::from_fn(w, h, |column, row| {
            let (a, b) = (place(row_0, row), place(column_0, column));
            if turned { colour(a, b) } else { colour(b, a) }
        });
        let found = desk.read(&with_orientation(&jpeg(&stored), orientation)).unwrap();
        assert_eq!(found.dimensions(), (width, height), "orientation {orientation}");
        for (x, y) in [(8, 8), (24, 8), (40, 8), (8, 24), (24, 24), (40, 24)] {
            near(*found.get_pixel(x, y), colour(x, y).0, 14);
        }
    }
    // An invalid orientation does not prevent reading.
    for nonsense in [0, 9, 255] {
        assert_eq!(
            desk.read(&with_orientation(&jpeg(&picture(1, 48, 32)), nonsense)).unwrap().dimensions(),
            (48, 32)
        );
    }
}

#[test]
fn the_content_tells_the_format_not_the_name() {
    let desk = Desk::new();
    for (kind, bytes) in every_format() {
        for name in ["a.jpg", "a.png", "a.txt", "a"] {
            let path = desk.put(name, &bytes);
            assert!(read(&PhotoReader::default(), &path).is_ok(), "{kind} as {name}");
        }
    }
}

#[test]
fn what_is_no_picture_is_said_to_be_none() {
    let desk = Desk::new();
    let reader = PhotoReader::default();
    let reason = |path: &Path| match read(&reader, path).unwrap_err() {
        DataError::BadImage { reason, path: named } => {
            assert_eq!(named, path);
            reason
        }
        other => panic!("{}: expected BadImage, found {other:?}", path.display()),
    };
    let text = reason(&desk.put("note.jpg", b"dear diary, today I was called a picture"));
    assert!(text.contains("not a picture"), "{text}");
    assert!(reason(&desk.put("empty.jpg", b"")).contains("empty"));
    assert!(reason(desk.0.path()).contains("regular file"));
    for (kind, bytes) in every_format() {
        // The right first bytes, followed by noise.
        let mut noise = bytes[..12].to_vec();
        noise.extend((0..4000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8));
        assert!(desk.read(&noise).is_err(), "{kind}: noise was read as a picture");
    }
    let missing = read(&reader, &desk.0.path().join("missing.jpg")).unwrap_err();
    assert!(
        matches!(&missing, DataError::NothingFound { .. })
            && missing.to_string().contains("missing.jpg: no such"),
        "{missing}"
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_never_waited_for() {
    let desk = Desk::new();
    let pipe = desk.0.path().join("pipe.jpg");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let error = read(&PhotoReader::default(), &pipe).unwrap_err();
    assert!(error.to_string().contains("regular file"), "{error}");
}

#[test]
fn a_cut_file_is_an_error_wherever_it_is_cut() {
    let desk = Desk::new();
    for (kind, bytes) in every_format() {
        for tenth in 0..10 {
            let cut = &bytes[..bytes.len() * tenth / 10];
            let found = desk.read(cut);
            assert!(
                matches!(found, Err(DataError::BadImage { .. })),
                "{kind} cut at {tenth}/10: expected BadImage, found {:?}",
                found.map(|image| image.dimensions())
            );
        }
    }
}

#[test]
fn damage_anywhere_never_panics() {
    let desk = Desk::new();
    for (_, bytes) in every_format() {
        for at in (0..bytes.len()).step_by(bytes.len() / 60 + 1) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xFF;
            // Both results are correct: the damage may only affect pixels.
            let _ = desk.read(&damaged);
        }
    }
}

/// For each format, a file with a header that announces 60,000 × 60,000 pixels.
fn promising() -> Vec<(&'static str, Vec<u8>)> {
    let small = DynamicImage::from(picture(1, 40, 32));
    let replace = |mut bytes: Vec<u8>, at: usize, value: &[u8]| {
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    let twice = |value: &[u8]| [value, value].concat();
    let png = replace(encode(&small, ImageFormat::Png), 16, &twice(&60_000u32.to_be_bytes()));
    let check = crc32(&png[12..29]).to_be_bytes();
    let jpeg = jpeg(&small.to_rgb8());
    let frame = jpeg.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    let mut tiff = encode(&small, ImageFormat::Tiff);
    let directory = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
    for entry in 0..usize::from(u16::from_le_bytes(tiff[directory..directory + 2].try_into().unwrap())) {
        let at = directory + 2 + entry * 12;
        if matches!(u16::from_le_bytes([tiff[at], tiff[at + 1]]), 256 | 257 | 278) {
            // Width, height and rows per strip may be short or long: below 65,536, both read the same in little-endian order.
            tiff = replace(tiff, at + 8, &60_000u32.to_le_bytes());
        }
    }
    vec![
        ("png", replace(png, 29, &check)),
        ("bmp", replace(encode(&small, ImageFormat::Bmp), 18, &twice(&60_000u32.to_le_bytes()))),
        ("pgm", b"P5\n60000 60000\n255\nfew".to_vec()),
        ("ppm", b"P6\n60000 60000\n255\nfew".to_vec()),
        (
            "gif",
            replace(encode(&small.to_rgba8().into(), ImageFormat::Gif), 6, &twice(&60_000u16.to_le_bytes())),
        ),
        ("tiff", tiff),
        ("jpeg", replace(jpeg, frame + 5, &twice(&60_000u16.to_be_bytes()))),
    ]
}

/// CRC-32 of PNG, computed bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| if c & 1 == 1 { 0xEDB8_8320 ^ (c >> 1) } else { c >> 1 })
    })
}

#[test]
fn promises_of_endless_pixels_are_refused_before_memory_is_taken() {
    let desk = Desk::new();
    let sides = PhotoReader::new(Limits { max_width: 20_000, max_height: 20_000, ..Limits::default() });
    let memory = PhotoReader::new(Limits { max_width: 100_000, max_height: 100_000, ..Limits::default() });
    for (kind, bytes) in promising() {
        let path = desk.put("photo", &bytes);
        for (reader, expected) in [(&sides, "60000×60000"), (&memory, "the limit is 2048 MiB")] {
            match read(reader, &path) {
                Err(DataError::LimitExceeded { reason, .. }) => {
                    assert!(reason.contains(expected), "{kind}: {reason}");
                }
                other => panic!("{kind}: expected LimitExceeded, found {other:?}"),
            }
        }
    }
}

#[test]
fn limits_hold_to_the_pixel_and_the_byte() {
    let desk = Desk::new();
    let path = desk.put("photo.png", &encode(&picture(1, 40, 32).into(), ImageFormat::Png));
    let with = |max_width, max_height, max_memory_bytes| {
        let limits = Limits { max_width, max_height, max_memory_bytes };
        read(&PhotoReader::new(limits), &path).map(|i| i.dimensions()).map_err(|e| e.to_string())
    };
    assert_eq!(with(40, 32, 1 << 20), Ok((40, 32)));
    assert!(with(39, 32, 1 << 20).unwrap_err().contains("the limit is 39×32"));
    assert!(with(40, 31, 1 << 20).is_err());
    // 40·32·3 bytes of pixels, plus the file.
    let need = 40 * 32 * 3 + fs_err::metadata(&path).unwrap().len();
    assert!(with(40, 32, need).is_ok());
    assert!(with(40, 32, need - 1).unwrap_err().contains("MiB"));
}

/// A zlib stream of `megabytes` zeros: blocks of the longest matches, each 258 bytes from 13 bits (RFC 1950 and 1951).
fn zeros(megabytes: usize) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let (mut bits, mut count) = (0u32, 0);
    let mut put = |stream: &mut Vec<u8>, value: u32, length: u32| {
        bits |= value << count;
        count += length;
        while count >= 8 {
            stream.push(bits as u8);
            bits >>= 8;
            count -= 8;
        }
    };
    // The last block, with fixed codes: the literal 0, length 258 (code 285) at distance 1, and the end.
    put(&mut stream, 0b011, 3);
    put(&mut stream, 0b0000_1100, 8);
    for _ in 0..megabytes * 1_000_000 / 258 {
        put(&mut stream, 0b1010_0011, 8);
        put(&mut stream, 0, 5);
    }
    put(&mut stream, 0, 7 + 8);
    let length = 1 + megabytes as u64 * 1_000_000 / 258 * 258;
    // Adler-32 of zeros: the first sum stays 1, the second counts the bytes.
    stream.extend(((length % 65_521) as u16).to_be_bytes());
    stream.extend([0, 1]);
    stream
}

/// Inserts a chunk after the header of `png`.
fn with_chunk(png: &[u8], kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let typed = [kind.as_slice(), content].concat();
    let (header, rest) = png.split_at(33);
    let length = (content.len() as u32).to_be_bytes();
    [header, &length, &typed, &crc32(&typed).to_be_bytes(), rest].concat()
}

/// Peak resident memory of this process, in MB.
#[cfg(target_os = "linux")]
fn peak_megabytes() -> usize {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1000
}

#[cfg(target_os = "linux")]
#[test]
fn compressed_profiles_and_texts_take_no_memory() {
    const VARIABLE: &str = "LIKENESS_TEST_BOMB";
    if let Ok(path) = std::env::var(VARIABLE) {
        let image = read(&PhotoReader::default(), Path::new(&path)).unwrap();
        assert_eq!(image, picture(1, 40, 32));
        assert!(peak_megabytes() < 150, "{} MB", peak_megabytes());
        if path.ends_with("iCCP.png") {
            // Checks the test itself: a decoder without limits reads the whole profile.
            let mut reader = image::ImageReader::open(&path).unwrap();
            reader.no_limits();
            reader.decode().unwrap();
            assert!(peak_megabytes() > 350, "{} MB", peak_megabytes());
        }
        return;
    }
    let desk = Desk::new();
    let png = encode(&picture(1, 40, 32).into(), ImageFormat::Png);
    let bomb = zeros(400);
    assert!(bomb.len() < 3_000_000);
    for (kind, head) in
        [(b"iCCP", &b"profile\0\0"[..]), (b"zTXt", b"Comment\0\0"), (b"iTXt", b"Comment\0\x01\0\0\0")]
    {
        let name = format!("{}.png", String::from_utf8_lossy(kind));
        let path = desk.put(&name, &with_chunk(&png, kind, &[head, &bomb].concat()));
        // A separate process, so that its peak memory belongs to this picture alone.
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "compressed_profiles_and_texts_take_no_memory"])
            .env(VARIABLE, &path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout).into_owned();
        assert!(child.status.success(), "{}: {said}", String::from_utf8_lossy(kind));
        assert!(said.contains("1 passed"), "{said}");
    }
}

#[test]
fn photos_of_48_megapixels_and_panoramas_are_read_by_default() {
    let desk = Desk::new();
    for (width, height) in [(8064, 6048), (30_000, 4000)] {
        let grey = GrayImage::from_pixel(width, height, Luma([90]));
        let mut bytes = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 50).encode_image(&grey).unwrap();
        assert_eq!(desk.read(&bytes).unwrap().dimensions(), (width, height));
    }
}

#[test]
fn limits_name_the_flag_that_raises_them() {
    let desk = Desk::new();
    let path = desk.put("photo.png", &encode(&picture(1, 40, 32).into(), ImageFormat::Png));
    let usual = Limits::default();
    for (limits, flag) in [
        (Limits { max_width: 39, ..usual }, "--max-width"),
        (Limits { max_height: 31, ..usual }, "--max-height"),
        (Limits { max_memory_bytes: 5000, ..usual }, "--max-memory"),
    ] {
        let error = read(&PhotoReader::new(limits), &path).unwrap_err();
        assert!(error.hint().unwrap().contains(flag) && error.reason().contains(flag), "{error}");
    }
}

#[test]
fn what_is_no_picture_is_told_with_a_remedy() {
    let desk = Desk::new();
    for (bytes, expected) in [
        (&b"\xFF\x0A\xFA\x1F"[..], "JPEG XL cannot be read; convert it to JPEG or PNG"),
        (b"dear diary", "not a picture: the file holds text"),
        (b"\x7FELF\x02\x01\x01\0", "not a picture: neither JPEG"),
    ] {
        let error = desk.read(bytes).unwrap_err();
        assert!(error.reason().contains(expected) && error.hint().is_some(), "{error}");
    }
    let missing = read(&PhotoReader::default(), Path::new("no/such.jpg")).unwrap_err();
    assert_eq!(missing.to_string(), "no/such.jpg: no such file or folder");
}
