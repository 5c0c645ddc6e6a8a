//! Detects what a file contains from its first bytes or its name: a readable picture, an unreadable picture, a picture drawn
//! by this program, or something else. Also detects whether a folder is a dataset.

use std::io::Read;
use std::path::Path;

use likeness_artifact::signature::is_marked_png;

use crate::heif::HeifFormat;

/// The file with a dataset's settings and counts; written last.
pub(crate) const CARD: &str = "dataset.toml";
/// The file name of the table of a dataset's faces.
pub(crate) const MANIFEST: &str = "manifest.csv";

/// Whether `folder` is a dataset of this program, complete or not.
pub(crate) fn is_dataset(folder: &Path) -> bool {
    folder.join(CARD).is_file() && folder.join(MANIFEST).is_file()
}

/// Whether the file at `path` is a picture that this program drew, such as a contact sheet.
pub(crate) fn is_drawn(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = fs_err::File::open(path).and_then(|file| file.take(DRAWN_BYTES).read_to_end(&mut start));
    read.is_ok() && is_marked_png(&start)
}

/// Number of bytes at the beginning of a picture that contain the mark of this program.
const DRAWN_BYTES: u64 = 64;

/// Number of bytes that are read to detect the kind of a file.
const LOOKED_AT: u64 = 64;

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A picture that can be read.
    Picture,
    /// A TIFF file: either a readable picture or a camera's raw file.
    Tiff,
    /// A picture that can be read if libheif is installed.
    Heif(HeifFormat),
    /// A picture or video in an unsupported format.
    Unreadable(Format),
    /// Any other file.
    Other,
}

/// A picture or video format that is not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// JPEG XL.
    JpegXl,
    /// JPEG 2000.
    Jpeg2000,
    /// A camera's raw file.
    Raw,
    /// A video.
    Video,
    /// A drawing, a document or a file of an image editor.
    Drawing,
}

impl Format {
    /// The reason for skipping a file of this format, with the remedy.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::JpegXl => "JPEG XL cannot be read; convert it to JPEG or PNG",
            Self::Jpeg2000 => "JPEG 2000 cannot be read; convert it to JPEG or PNG",
            Self::Raw => "raw files of cameras cannot be read; export them as JPEG",
            Self::Video => "videos cannot be read; save single frames as JPEG or PNG",
            Self::Drawing => {
                "drawings and files of image programs cannot be read; export them as JPEG or PNG"
            }
        }
    }
}

/// The format of a file name extension (in lower case) of pictures that need libheif; `None` for other extensions.
pub(crate) fn heif_extension(extension: &str) -> Option<HeifFormat> {
    match extension {
        "heic" | "heif" | "hif" | "heics" => Some(HeifFormat::Heic),
        "avif" | "avifs" => Some(HeifFormat::Avif),
        _ => None,
    }
}

/// The format of a file that begins with `start`, if it needs libheif.
pub(crate) fn heif_format(start: &[u8]) -> Option<HeifFormat> {
    match of_bytes(&start[..start.len().min(LOOKED_AT as usize)]) {
        Kind::Heif(format) => Some(format),
        _ => None,
    }
}

/// The unsupported format of a file name extension (in lower case); `None` for other extensions.
pub(crate) fn unreadable_extension(extension: &str) -> Option<Format> {
    Some(match extension {
        "jxl" => Format::JpegXl,
        "jp2" | "j2k" | "jpf" | "jpx" | "jpm" => Format::Jpeg2000,
        "raw" | "cr2" | "cr3" | "crw" | "nef" | "nrw" | "arw" | "srf" | "sr2" | "dng" | "orf" | "rw2"
        | "raf" | "pef" | "srw" | "x3f" | "3fr" | "iiq" | "rwl" | "erf" | "mrw" => Format::Raw,
        "mov" | "mp4" | "m4v" | "avi" | "mkv" | "webm" | "3gp" | "mts" | "m2ts" | "wmv" | "mpg" | "mpeg" => {
            Format::Video
        }
        "psd" | "xcf" | "svg" | "svgz" | "ico" | "tga" | "exr" | "hdr" | "jxr" => Format::Drawing,
        _ => return None,
    })
}

/// Whether the content must decide, because the extension (in lower case) does not: there is none, it is a number, or it is a
/// variant of a picture's extension (`jfif`, `jpg_large`, `png~`).
pub(crate) fn says_nothing(extension: Option<&str>) -> bool {
    const STARTS: [&str; 8] = ["jpg", "jpeg", "jpe", "jfi", "pjp", "png", "webp", "tif"];
    let Some(extension) = extension else { return true };
    extension.bytes().all(|b| b.is_ascii_digit())
        || extension == "jif"
        || STARTS.iter().any(|start| extension.starts_with(start))
}

/// Detects the kind of the regular file at `path`.
pub(crate) fn of_file(path: &Path) -> std::io::Result<Kind> {
    let mut start = Vec::new();
    fs_err::File::open(path)?.take(LOOKED_AT).read_to_end(&mut start)?;
    Ok(of_bytes(&start))
}

/// Detects the kind of a file that begins with `start`.
pub(crate) fn of_bytes(start: &[u8]) -> Kind {
    let is = |magic: &[u8]| start.starts_with(magic);
    let at = |from: usize, magic: &[u8]| start.get(from..from + magic.len()) == Some(magic);
    if is(b"II*\0") || is(b"MM\0*") {
        // Canon's raw files are TIFF files with an additional mark.
        return if at(8, b"CR") { Kind::Unreadable(Format::Raw) } else { Kind::Tiff };
    }
    if at(4, b"ftyp") {
        return iso_media(start);
    }
    let format = if is(b"\xFF\x0A") || is(b"\0\0\0\x0CJXL ") {
        Format::JpegXl
    } else if is(b"\0\0\0\x0CjP  ") {
        Format::Jpeg2000
    } else if is(b"FUJIFILM") || is(b"FOVb") || is(b"IIRO") || is(b"IIU\0") {
        Format::Raw
    } else if (is(b"RIFF") && at(8, b"AVI ")) || is(b"\x1A\x45\xDF\xA3") {
        Format::Video
    } else if is(b"8BPS") || is(b"gimp xcf") || is(b"<svg") || is(b"\x76\x2F\x31\x01") || is(b"%PDF") {
        Format::Drawing
    } else if image::guess_format(start).is_ok_and(is_readable) {
        return Kind::Picture;
    } else {
        return Kind::Other;
    };
    Kind::Unreadable(format)
}

/// Whether this program can decode the format.
fn is_readable(format: image::ImageFormat) -> bool {
    use image::ImageFormat::{Bmp, Gif, Jpeg, Png, Pnm, Tiff, WebP};
    matches!(format, Jpeg | Png | WebP | Pnm | Bmp | Gif | Tiff)
}

/// The kind of an ISO media file by its main brand (ISO/IEC 14496-12, section 4.3).
fn iso_media(start: &[u8]) -> Kind {
    match start.get(8..12).unwrap_or_default() {
        b"avif" | b"avis" => Kind::Heif(HeifFormat::Avif),
        b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"hevm" | b"hevs" | b"mif1" | b"msf1" => {
            // In files with a general main brand, the list of compatible brands is more specific.
            let is_avif = start.windows(4).any(|brand| brand == b"avif");
            Kind::Heif(if is_avif { HeifFormat::Avif } else { HeifFormat::Heic })
        }
        b"crx " => Kind::Unreadable(Format::Raw),
        _ => Kind::Unreadable(Format::Video),
    }
}

/// The reason why a file that begins with `start` is not a picture, with the remedy.
pub(crate) fn not_a_picture(start: &[u8]) -> String {
    let looked_at = &start[..start.len().min(LOOKED_AT as usize)];
    match of_bytes(looked_at) {
        Kind::Unreadable(format) => format.reason().to_owned(),
        _ if std::str::from_utf8(looked_at)
            .is_ok_and(|t| !t.chars().any(|c| c.is_control() && !c.is_whitespace())) =>
        {
            "not a picture: the file holds text".to_owned()
        }
        _ => "not a picture: neither JPEG, PNG, WebP, HEIC, AVIF, PGM/PPM, BMP, GIF nor TIFF".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        for (start, kind) in [
            (&b"\xFF\xD8\xFF\xE0"[..], Kind::Picture),
            (b"\x89PNG\r\n\x1a\n", Kind::Picture),
            (b"P5\n92 112\n", Kind::Picture),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Kind::Picture),
            (b"II*\0\x08\0\0\0", Kind::Tiff),
            (b"II*\0\x10\0\0\0CR\x02\0", Kind::Unreadable(Format::Raw)),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Kind::Heif(HeifFormat::Heic)),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", Kind::Heif(HeifFormat::Avif)),
            (b"\0\0\0\x1CftypavifMA1B", Kind::Heif(HeifFormat::Avif)),
            (b"\0\0\0\x14ftypqt  ", Kind::Unreadable(Format::Video)),
            (b"\xFF\x0A\xFA\x1F", Kind::Unreadable(Format::JpegXl)),
            (b"8BPS\0\x01", Kind::Unreadable(Format::Drawing)),
            (b"hello", Kind::Other),
            (b"", Kind::Other),
        ] {
            assert_eq!(of_bytes(start), kind, "{start:?}");
        }
        assert_eq!(not_a_picture(b"\xFF\x0A\xFA\x1F"), "JPEG XL cannot be read; convert it to JPEG or PNG");
        assert_eq!(not_a_picture("ein Gedicht\n".as_bytes()), "not a picture: the file holds text");
        assert!(not_a_picture(b"\x7FELF\x02\x01").contains("neither JPEG"));
    }

    #[test]
    fn extensions_that_say_nothing_leave_it_to_the_content() {
        for extension in [None, Some("2019"), Some("jfif"), Some("jpg_large"), Some("png~"), Some("pjpeg")] {
            assert!(says_nothing(extension), "{extension:?}");
        }
        for extension in ["txt", "tem", "csv", "heic", "xml", "db"] {
            assert!(!says_nothing(Some(extension)), "{extension}");
        }
    }
}
