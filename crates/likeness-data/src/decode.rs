//! A photo file enters, an upright RGB picture and the hash of the file leave.
//!
//! The format is told from the content, never from the name. Width, height and memory are checked from the header,
//! before pixels are allocated. EXIF orientation is applied; transparent pixels are laid over white; 16-bit, grey and
//! CMYK pictures become 8-bit RGB. Of an animation the first frame counts.

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Rgb, RgbImage};
use sha2::{Digest, Sha256};

use crate::jpeg::JpegStructure;
use crate::limits::{Limits, MemoryBudget, MemoryCharge};
use crate::{DataError, Result};

/// A photo read from disk.
#[derive(Debug)]
pub struct Photo<'a> {
    /// The pixels, upright, RGB, 8 bits a channel.
    pub image: RgbImage,
    /// SHA-256 of the file's bytes, in hexadecimal.
    pub sha256: String,
    _charge: MemoryCharge<'a>,
}

/// A photo's file read from disk, not decoded yet.
#[derive(Debug)]
pub struct PhotoFile<'a> {
    /// SHA-256 of the file's bytes, in hexadecimal.
    pub sha256: String,
    bytes: Vec<u8>,
    charge: MemoryCharge<'a>,
}

/// Reads photos under [`Limits`]; one reader serves all threads and shares its memory among them.
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

impl PhotoReader {
    /// A reader with its own memory budget.
    pub fn new(limits: Limits) -> Self {
        Self { limits, budget: MemoryBudget::new(limits.max_memory_bytes) }
    }

    /// The photo at `path`.
    ///
    /// Waits while other threads hold the memory that it needs.
    ///
    /// # Errors
    /// no picture, or a broken or truncated one → [`DataError::BadImage`]; too wide, too tall, too large →
    /// [`DataError::LimitExceeded`]; unreadable → [`DataError::Io`]
    pub fn read(&self, path: &Path) -> Result<Photo<'_>> {
        self.decoded(path, self.open(path)?)
    }

    /// The file at `path` and its hash, for a caller that may not need the pixels; [`Self::decoded`] gives these.
    ///
    /// # Errors
    /// larger than the memory limit → [`DataError::LimitExceeded`]; unreadable → [`DataError::Io`]
    pub fn open(&self, path: &Path) -> Result<PhotoFile<'_>> {
        let (bytes, charge) = self.read_file(path)?;
        Ok(PhotoFile { sha256: sha256_hex(&bytes), bytes, charge })
    }

    /// The photo in `file`, which was opened at `path`.
    ///
    /// # Errors
    /// as [`Self::read`]
    pub fn decoded<'a>(&'a self, path: &Path, file: PhotoFile<'a>) -> Result<Photo<'a>> {
        let PhotoFile { sha256, bytes, charge } = file;
        // Codecs are other people's code and meet hostile bytes here: a panic is that picture's fault alone.
        let decoded = catch_unwind(AssertUnwindSafe(|| self.decode(path, &bytes, charge)));
        let (image, charge) = decoded.unwrap_or_else(|_| Err(bad(path, "the decoder failed on it")))?;
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
        let metadata = fs_err::metadata(path)?;
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
        bytes: &[u8],
        charge: MemoryCharge<'a>,
    ) -> Result<(RgbImage, MemoryCharge<'a>)> {
        let codec = |e: image::ImageError| bad(path, e.to_string());
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
        reader.no_limits();
        let format = reader.format().ok_or_else(|| {
            bad(path, "not a picture: neither JPEG, PNG, WebP, PGM/PPM, BMP, GIF nor TIFF".to_owned())
        })?;
        let structure = (format == ImageFormat::Jpeg).then(|| JpegStructure::read(bytes));
        if structure.is_some_and(|s| !s.complete) {
            return Err(bad(path, "truncated: the end of the JPEG is missing"));
        }
        let mut decoder = reader.into_decoder().map_err(codec)?;
        let (width, height) = decoder.dimensions();
        self.check_size(path, width, height)?;
        let need = bytes.len() as u64 + decoding_bytes(&decoder, structure.is_some_and(|s| s.progressive));
        let charge = charge.raise_to(need).ok_or_else(|| self.too_much_memory(path, need))?;
        let mut codec_limits = image::Limits::no_limits();
        codec_limits.max_alloc = Some(self.limits.max_memory_bytes);
        decoder.set_limits(codec_limits).map_err(codec)?;
        // A broken orientation tag is no reason to lose the photo.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut image = DynamicImage::from_decoder(decoder).map_err(codec)?;
        image.apply_orientation(orientation);
        Ok((to_rgb(image), charge))
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
        }
    }
}

/// Bytes for decoding and converting: the codec's output, an RGB copy and, for a progressive JPEG, its 16-bit
/// coefficients.
fn decoding_bytes(decoder: &impl ImageDecoder, progressive: bool) -> u64 {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    decoder.total_bytes() + pixels * 3 + if progressive { pixels * 6 } else { 0 }
}

/// 8-bit RGB, transparent pixels laid over white.
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

/// SHA-256 of `bytes` in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
