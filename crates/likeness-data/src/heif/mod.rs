//! Decodes HEIC and AVIF, the photo formats of phones, with the system's libheif.
//!
//! The library is loaded when the first such photo occurs, so the program also runs without it. libheif applies the rotation
//! and mirroring that the file stores (`irot`, `imir`). The EXIF orientation must not be applied in addition (ISO/IEC 23008-12,
//! section A.2.2).
//!
//! The library is written in C++ and runs in this process. It checks the file's structure, and this module checks width,
//! height and memory before pixels are decoded. `LIKENESS_LIBHEIF` names another library file; `LIKENESS_LIBHEIF=off` disables
//! both formats.

mod library;

use std::fmt;
use std::sync::OnceLock;

use image::{DynamicImage, RgbImage, RgbaImage};

pub(crate) use self::library::HeifImage;
use self::library::Library;

/// The environment variable with the path of the library, or `off`.
const VARIABLE: &str = "LIKENESS_LIBHEIF";

/// Names of the library: Linux and BSD, macOS with its two package managers, Windows.
const NAMES: &[&str] = if cfg!(target_os = "macos") {
    &[
        "libheif.1.dylib",
        "/opt/homebrew/lib/libheif.1.dylib",
        "/usr/local/lib/libheif.1.dylib",
        "/opt/local/lib/libheif.1.dylib",
    ]
} else if cfg!(windows) {
    &["heif.dll", "libheif.dll", "libheif-1.dll"]
} else {
    &["libheif.so.1", "libheif.so"]
};

/// A picture format that libheif decodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeifFormat {
    /// HEIC: compressed as HEVC video.
    Heic,
    /// AVIF: compressed as AV1 video.
    Avif,
}

impl fmt::Display for HeifFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Heic => "HEIC",
            Self::Avif => "AVIF",
        })
    }
}

/// The reason why a format cannot be decoded on this computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingDecoder {
    /// libheif is not installed, or a function is missing in it.
    Library,
    /// libheif has no decoder for the format.
    Plugin,
    /// The user disabled the library.
    Disabled,
}

impl MissingDecoder {
    /// The fact, without the photo's path.
    pub(crate) fn fact(self, format: HeifFormat) -> String {
        match self {
            Self::Library => format!("{format} needs libheif, which is not installed"),
            Self::Plugin => format!("libheif has no decoder for {format}"),
            Self::Disabled => format!("{format} is disabled by {VARIABLE}=off"),
        }
    }

    /// The remedy.
    pub(crate) fn remedy(self, format: HeifFormat) -> &'static str {
        match (self, format) {
            (Self::Library, _) => {
                "install libheif (Debian, Ubuntu: apt-get install libheif1; Fedora: dnf install libheif; macOS: brew install \
                 libheif), or convert the photo to JPEG"
            }
            (Self::Plugin, HeifFormat::Heic) => {
                "install the decoder (Debian, Ubuntu: apt-get install libheif-plugin-libde265), or convert the photo to JPEG"
            }
            (Self::Plugin, HeifFormat::Avif) => {
                "install the decoder (Debian, Ubuntu: apt-get install libheif-plugin-dav1d), or convert the photo to JPEG"
            }
            (Self::Disabled, _) => "unset the variable, or convert the photo to JPEG",
        }
    }

    /// The fact and the remedy, for lists of skipped photos.
    pub(crate) fn reason(self, format: HeifFormat) -> String {
        format!("{}; {}", self.fact(format), self.remedy(format))
    }
}

/// An error of libheif about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeifError {
    /// libheif lacks a decoder.
    NoDecoder,
    /// The picture exceeds a limit of libheif.
    Limit(String),
    /// The file is damaged, or uses a feature that libheif lacks.
    File(String),
}

/// The reason why `format` cannot be decoded on this computer; `None` if it can. The first call loads libheif.
pub fn missing_decoder(format: HeifFormat) -> Option<MissingDecoder> {
    match library() {
        Ok(library) if library.decodes(format) => None,
        Ok(_) => Some(MissingDecoder::Plugin),
        Err(missing) => Some(missing),
    }
}

/// The picture in `bytes`, not decoded yet.
///
/// # Errors        no library → the outer error; an unreadable file → the inner error
pub(crate) fn open(bytes: &[u8], max_side: u32) -> Result<Result<HeifImage<'_>, HeifError>, MissingDecoder> {
    Ok(HeifImage::open(library()?, bytes, max_side))
}

/// Whether the file's boxes end with the file (ISO/IEC 14496-12, section 4.2). libheif decodes some truncated files.
pub(crate) fn is_complete(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let number = |from: usize, length: usize| {
            let digits = rest.get(from..from + length)?;
            Some(digits.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte)))
        };
        let size = match number(0, 4) {
            // The last box extends to the end of the file.
            Some(0) => return true,
            Some(1) => number(8, 8),
            size => size,
        };
        let next = size.filter(|size| *size >= 8).and_then(|size| rest.get(usize::try_from(size).ok()?..));
        let Some(next) = next else { return false };
        rest = next;
    }
    true
}

/// The library, loaded once.
fn library() -> Result<&'static Library, MissingDecoder> {
    static LIBRARY: OnceLock<Result<Library, MissingDecoder>> = OnceLock::new();
    LIBRARY
        .get_or_init(|| load(std::env::var_os(VARIABLE).as_deref(), NAMES))
        .as_ref()
        .map_err(|missing| *missing)
}

/// Loads the library that the user named, or the first of `names` that exists.
fn load(named: Option<&std::ffi::OsStr>, names: &[&str]) -> Result<Library, MissingDecoder> {
    match named {
        Some(off) if off == "off" => Err(MissingDecoder::Disabled),
        Some(path) if !path.is_empty() => Library::load(path).ok_or(MissingDecoder::Library),
        _ => names.iter().find_map(|name| Library::load(name.as_ref())).ok_or(MissingDecoder::Library),
    }
}

/// Interleaved pixels to a picture; `None` if their number is wrong.
fn picture(width: u32, height: u32, has_alpha: bool, pixels: Vec<u8>) -> Option<DynamicImage> {
    match has_alpha {
        true => RgbaImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8),
        false => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_that_end_beyond_the_file_are_noticed() {
        let whole = b"\0\0\0\x0Cftypheic\0\0\0\x01mdat\0\0\0\0\0\0\0\x12xy\0\0\0\0freeabc";
        assert!(is_complete(whole));
        assert!(is_complete(&whole[..30]) && is_complete(&whole[..12]));
        for length in (1..12).chain(13..30).chain(31..34) {
            assert!(!is_complete(&whole[..length]), "{length}");
        }
        assert!(!is_complete(b"\0\0\0\x07mdat"));
        assert!(!is_complete(b"\0\0\0\x01mdat\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"));
    }

    #[test]
    fn a_missing_library_is_told_with_its_remedy() {
        for name in ["no-such-library.so.1", "Cargo.toml"] {
            assert_eq!(load(Some(name.as_ref()), NAMES).err(), Some(MissingDecoder::Library));
            assert_eq!(load(None, &[name]).err(), Some(MissingDecoder::Library));
        }
        assert_eq!(load(Some("off".as_ref()), NAMES).err(), Some(MissingDecoder::Disabled));
        let reason = MissingDecoder::Library.reason(HeifFormat::Heic);
        assert!(
            reason.starts_with("HEIC needs libheif, which is not installed; install libheif (Debian"),
            "{reason}"
        );
        let reason = MissingDecoder::Plugin.reason(HeifFormat::Avif);
        assert!(
            reason.contains("no decoder for AVIF; ") && reason.contains("libheif-plugin-dav1d"),
            "{reason}"
        );
    }
}
