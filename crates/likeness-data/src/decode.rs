//! Reads photo files: decodes a file to an upright RGB picture and computes the file's hash.
//!
//! The format is recognised from the content, not from the file name. Width, height and memory are checked from the header,
//! before pixels are allocated. Colour profiles and text chunks are ignored. EXIF orientation is applied. Transparent pixels
//! are blended with white. 16-bit, grey and CMYK pictures are converted to 8-bit RGB. Only the first frame of an animation
//! is read. HEIC and AVIF need the system's libheif, see `LIKENESS_LIBHEIF` in the reference.

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Rgb, RgbImage};
use likeness_artifact::sha256_hex;

use crate::error::{MAX_HEIGHT, MAX_MEMORY, MAX_WIDTH};
use crate::heif::{self, HeifError, HeifFormat, MissingDecoder};
use crate::jpeg::JpegStructure;
use crate::limits::{Limits, MemoryBudget, MemoryCharge};
use crate::{DataError, Result, exif, kind, png_chunks};

/// A decoded photo.
#[derive(Debug)]
pub struct Photo<'a> {
    /// The pixels: upright, RGB, 8 bits per channel.
    pub image: RgbImage,
    /// SHA-256 of the file in hexadecimal.
    pub sha256: String,
    _charge: MemoryCharge<'a>,
}

/// The contents of a photo file, not decoded yet.
#[derive(Debug)]
pub struct PhotoFile<'a> {
    /// SHA-256 of the file in hexadecimal.
    pub sha256: String,
    bytes: Vec<u8>,
    charge: MemoryCharge<'a>,
}

/// Reads photos within [`Limits`]. One reader serves all threads, which share its memory budget.
#[derive(Debug)]
pub struct PhotoReader {
    limits: Limits,
    budget: MemoryBudget,
}

impl Default for PhotoReader {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl PhotoFile<'_> {
    /// Size of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// When the photo was taken, from its EXIF data: `YYYY-MM-DDThh:mm:ss` of the camera's clock; `None` if it is not stated.
    pub fn taken(&self) -> Option<String> {
        exif::taken(&self.bytes)
    }
}

impl PhotoReader {
    /// Creates a reader with its own memory budget.
    pub fn new(limits: Limits) -> Self {
        Self { limits, budget: MemoryBudget::new(limits.max_memory_bytes) }
    }

    /// Reads and decodes the photo at `path`.
    ///
    /// Blocks until the shared memory budget has enough memory left.
    ///
    /// # Errors
    /// the file is not a picture, is damaged or truncated → [`DataError::BadImage`]; the picture is too wide, too tall or needs
    /// too much memory → [`DataError::LimitExceeded`]; no such file → [`DataError::NothingFound`]; unreadable → [`DataError::Io`]
    pub fn read(&self, path: &Path) -> Result<Photo<'_>> {
        self.decoded(path, self.open(path)?)
    }

    /// Reads and hashes the file at `path` without decoding it; [`Self::decoded`] decodes it if the pixels are needed.
    ///
    /// # Errors
    /// larger than the memory limit → [`DataError::LimitExceeded`]; unreadable → [`DataError::Io`]
    pub fn open(&self, path: &Path) -> Result<PhotoFile<'_>> {
        let (bytes, charge) = self.read_file(path)?;
        Ok(PhotoFile { sha256: sha256_hex(&bytes), bytes, charge })
    }

    /// Decodes `file`, which was opened at `path`.
    ///
    /// # Errors
    /// the errors of [`Self::read`]
    pub fn decoded<'a>(&'a self, path: &Path, file: PhotoFile<'a>) -> Result<Photo<'a>> {
        let PhotoFile { sha256, bytes, charge } = file;
        // Codecs are third-party code and process hostile input: a panic must only affect this picture.
        let decoded = catch_unwind(AssertUnwindSafe(|| self.decode(path, bytes, charge)));
        let failed = || Err(bad(path, "damaged: the decoder stopped at an inconsistency in the file"));
        let (image, charge) = decoded.unwrap_or_else(|_| failed())?;
        Ok(Photo { image, sha256, _charge: charge })
    }

    /// SHA-256 of the file at `path`, in hexadecimal.
    ///
    /// # Errors
    /// unreadable → [`DataError::Io`]; larger than the memory limit → [`DataError::LimitExceeded`]
    pub fn hash(&self, path: &Path) -> Result<String> {
        Ok(sha256_hex(&self.read_file(path)?.0))
    }

    fn read_file(&self, path: &Path) -> Result<(Vec<u8>, MemoryCharge<'_>)> {
        let metadata = fs_err::metadata(path).map_err(|e| DataError::unreadable(path, e))?;
        if !metadata.is_file() {
            return Err(bad(path, "not a regular file"));
        }
        let length = metadata.len();
        if length == 0 {
            return Err(bad(path, "the file is empty"));
        }
        let charge = self.budget.charge(length).ok_or_else(|| self.too_much_memory(path, length))?;
        let mut bytes = Vec::with_capacity(length as usize);
        fs_err::File::open(path)?.take(length).read_to_end(&mut bytes)?;
        Ok((bytes, charge))
    }

    fn decode<'a>(
        &'a self,
        path: &Path,
        mut bytes: Vec<u8>,
        charge: MemoryCharge<'a>,
    ) -> Result<(RgbImage, MemoryCharge<'a>)> {
        if let Some(format) = kind::heif_format(&bytes) {
            return self.decode_heif(path, format, &bytes, charge);
        }
        let codec = |e: image::ImageError| self.codec_error(path, e);
        let format = image::guess_format(&bytes).map_err(|_| bad(path, kind::not_a_picture(&bytes)))?;
        let structure = (format == ImageFormat::Jpeg).then(|| JpegStructure::read(&bytes));
        if structure.is_some_and(|s| !s.complete) {
            return Err(bad(path, "truncated: the end of the JPEG is missing"));
        }
        if format == ImageFormat::Png {
            png_chunks::keep_pixels(&mut bytes);
        }
        let mut reader = ImageReader::with_format(Cursor::new(&bytes), format);
        reader.limits(self.codec_limits());
        let mut decoder = reader.into_decoder().map_err(codec)?;
        let (width, height) = decoder.dimensions();
        self.check_size(path, width, height)?;
        // A photo with an invalid orientation tag is still usable.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let need = Need {
            format,
            file_bytes: bytes.len() as u64,
            pixels: u64::from(width) * u64::from(height),
            output_bytes: decoder.total_bytes(),
            color: decoder.color_type(),
            progressive: structure.is_some_and(|s| s.progressive),
            turned: is_turned(orientation),
        }
        .bytes();
        let charge = charge.raise_to(need).ok_or_else(|| self.too_much_memory(path, need))?;
        decoder.set_limits(self.codec_limits()).map_err(codec)?;
        let mut image = DynamicImage::from_decoder(decoder).map_err(codec)?;
        image.apply_orientation(orientation);
        Ok((to_rgb(image), charge))
    }

    /// Decodes HEIC or AVIF. libheif turns the picture upright.
    fn decode_heif<'a>(
        &'a self,
        path: &Path,
        format: HeifFormat,
        bytes: &[u8],
        charge: MemoryCharge<'a>,
    ) -> Result<(RgbImage, MemoryCharge<'a>)> {
        let missing = |missing| DataError::MissingDecoder { path: path.to_owned(), format, missing };
        let failed = |error| match error {
            HeifError::NoDecoder => missing(MissingDecoder::Plugin),
            HeifError::File(reason) => bad(path, format!("damaged or unsupported {format}: {reason}")),
            HeifError::Limit(reason) => {
                DataError::LimitExceeded { path: path.to_owned(), reason, flag: MAX_WIDTH }
            }
        };
        if !heif::is_complete(bytes) {
            return Err(bad(path, format!("truncated: the end of the {format} is missing")));
        }
        let max_side = self.limits.max_width.max(self.limits.max_height);
        let file = heif::open(bytes, max_side).map_err(missing)?.map_err(failed)?;
        let (width, height) = file.dimensions();
        self.check_size(path, width, height)?;
        let pixels = u64::from(width) * u64::from(height);
        let need = bytes.len() as u64 + pixels * heif_bytes_per_pixel(file.has_alpha());
        let charge = charge.raise_to(need).ok_or_else(|| self.too_much_memory(path, need))?;
        let image = file.decode().map_err(failed)?;
        drop(file);
        self.check_size(path, image.width(), image.height())?;
        Ok((to_rgb(image), charge))
    }

    /// Limits for the codecs' own memory. Width and height were checked before, with a message that names the flag.
    fn codec_limits(&self) -> image::Limits {
        let mut limits = image::Limits::no_limits();
        limits.max_alloc = Some(self.limits.max_memory_bytes);
        limits
    }

    fn codec_error(&self, path: &Path, error: image::ImageError) -> DataError {
        match error {
            image::ImageError::Limits(_) => DataError::LimitExceeded {
                path: path.to_owned(),
                reason: format!("decoding it takes more than the limit of {} MiB", self.budget.total() >> 20),
                flag: MAX_MEMORY,
            },
            image::ImageError::Unsupported(_) => bad(path, format!("cannot be read: {error}")),
            _ => bad(path, format!("damaged: {error}")),
        }
    }

    fn check_size(&self, path: &Path, width: u32, height: u32) -> Result<()> {
        if width == 0 || height == 0 {
            return Err(bad(path, format!("{width}×{height} pixels")));
        }
        if width > self.limits.max_width || height > self.limits.max_height {
            return Err(DataError::LimitExceeded {
                path: path.to_owned(),
                reason: format!(
                    "{width}×{height} pixels, the limit is {}×{}",
                    self.limits.max_width, self.limits.max_height
                ),
                flag: if width > self.limits.max_width { MAX_WIDTH } else { MAX_HEIGHT },
            });
        }
        Ok(())
    }

    fn too_much_memory(&self, path: &Path, need: u64) -> DataError {
        DataError::LimitExceeded {
            path: path.to_owned(),
            reason: format!(
                "reading it takes {} MiB, the limit is {} MiB",
                need.div_ceil(1 << 20),
                self.budget.total() >> 20
            ),
            flag: MAX_MEMORY,
        }
    }
}

/// The properties that determine how much memory decoding to RGB needs.
#[derive(Debug, Clone, Copy)]
struct Need {
    format: ImageFormat,
    file_bytes: u64,
    pixels: u64,
    /// Bytes of the decoder's output.
    output_bytes: u64,
    color: ColorType,
    /// A progressive JPEG, which keeps all coefficients in memory until the last scan.
    progressive: bool,
    /// The orientation exchanges width and height.
    turned: bool,
}

impl Need {
    /// Peak memory in bytes over all phases: decoding, rotating and converting to RGB.
    fn bytes(self) -> u64 {
        let codec = match self.format {
            // The codec's copy of the file, and three 16-bit coefficients per pixel.
            ImageFormat::Jpeg => self.file_bytes + if self.progressive { self.pixels * 6 } else { 0 },
            ImageFormat::Png => 0,
            ImageFormat::WebP | ImageFormat::Gif => self.pixels * 4,
            _ => self.output_bytes,
        };
        let turning = if self.turned { self.output_bytes } else { 0 };
        let (rgb, rgba) = (self.pixels * 3, self.pixels * 4);
        let converting = match self.color {
            ColorType::Rgb8 => 0,
            ColorType::Rgba8 => rgb,
            color if color.has_alpha() => rgb.max(rgba + rgb.saturating_sub(self.output_bytes)).max(rgba),
            _ => rgb,
        };
        self.file_bytes + self.output_bytes + codec.max(turning).max(converting)
    }
}

/// Peak memory of decoding HEIC or AVIF: planes of up to 16 bits and their rotated copy, or interleaved pixels and our copy.
fn heif_bytes_per_pixel(has_alpha: bool) -> u64 {
    if has_alpha { 16 } else { 12 }
}

/// Whether the orientation exchanges width and height.
fn is_turned(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

/// Converts to 8-bit RGB; transparent pixels are blended with white.
fn to_rgb(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let rgba = image.into_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, a] = rgba.get_pixel(x, y).0.map(u32::from);
        let over_white = |c: u32| ((c * a + 255 * (255 - a) + 127) / 255) as u8;
        Rgb([over_white(r), over_white(g), over_white(b)])
    })
}

fn bad(path: &Path, reason: impl Into<String>) -> DataError {
    DataError::BadImage { path: path.to_owned(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jpeg(megapixels: u64, progressive: bool, turned: bool) -> Need {
        let pixels = megapixels * 1_000_000;
        Need {
            format: ImageFormat::Jpeg,
            file_bytes: pixels / 3,
            pixels,
            output_bytes: pixels * 3,
            color: ColorType::Rgb8,
            progressive,
            turned,
        }
    }

    #[test]
    fn photos_of_phones_and_panoramas_fit_into_the_default_memory() {
        let limit = Limits::default().max_memory_bytes;
        for megapixels in [12, 24, 48, 50, 64, 108, 200] {
            for (progressive, turned) in [(false, false), (false, true), (true, false), (true, true)] {
                let need = jpeg(megapixels, progressive, turned).bytes();
                assert!(need <= limit, "{megapixels} MP, progressive {progressive}, turned {turned}: {need}");
            }
        }
        assert!(jpeg(400, true, true).bytes() > limit);
        assert!(4 * jpeg(48, false, true).bytes() <= limit, "four threads at 48 megapixels do not wait");
    }

    #[test]
    fn conversions_are_charged() {
        let with = |color, output: u64| Need {
            color,
            output_bytes: output,
            format: ImageFormat::Png,
            ..jpeg(1, false, false)
        };
        let bytes = |need: Need| need.bytes() - need.file_bytes;
        assert_eq!(bytes(with(ColorType::Rgb8, 3_000_000)), 3_000_000);
        assert_eq!(bytes(with(ColorType::L8, 1_000_000)), 4_000_000);
        assert_eq!(bytes(with(ColorType::Rgba8, 4_000_000)), 7_000_000);
        assert_eq!(bytes(with(ColorType::Rgba16, 8_000_000)), 12_000_000);
        assert_eq!(bytes(with(ColorType::La8, 2_000_000)), 7_000_000);
    }
}
