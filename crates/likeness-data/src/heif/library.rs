//! The functions of libheif, loaded at run time. All unsafe code of this crate is here.
//!
//! Declarations follow `libheif/heif.h` of version 1.3, the first with all of them. The interface is stable in the library's
//! major version 1, which the file name `libheif.so.1` stands for.
#![allow(unsafe_code)]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::{NonNull, null, null_mut};

use image::DynamicImage;
use libloading::Library as Dynamic;

use super::{HeifError, HeifFormat, picture};

/// `heif_context`, `heif_image_handle` and `heif_image` are opaque.
type Opaque = c_void;

/// `heif_error`.
#[repr(C)]
struct RawError {
    code: c_int,
    subcode: c_int,
    message: *const c_char,
}

/// `heif_error_Ok`.
const OK: c_int = 0;
/// `heif_error_Memory_allocation_error`.
const NO_MEMORY: c_int = 6;
/// `heif_suberror_Security_limit_exceeded`.
const LIMIT_EXCEEDED: c_int = 1000;
/// `heif_suberror_Unsupported_codec`.
const UNSUPPORTED_CODEC: c_int = 3000;
/// `heif_compression_HEVC` and `heif_compression_AV1`.
const HEVC: c_int = 1;
const AV1: c_int = 4;
/// `heif_colorspace_RGB`.
const RGB: c_int = 1;
/// `heif_chroma_interleaved_RGB` and `heif_chroma_interleaved_RGBA`: 8 bits per channel.
const INTERLEAVED_RGB: c_int = 10;
const INTERLEAVED_RGBA: c_int = 11;
/// `heif_channel_interleaved`.
const INTERLEAVED: c_int = 10;

/// The loaded functions. They may be called as long as `_library` is loaded.
pub(super) struct Library {
    context_alloc: unsafe extern "C" fn() -> *mut Opaque,
    context_free: unsafe extern "C" fn(*mut Opaque),
    set_size_limit: unsafe extern "C" fn(*mut Opaque, c_int),
    /// Since version 1.13.
    set_threads: Option<unsafe extern "C" fn(*mut Opaque, c_int)>,
    read: unsafe extern "C" fn(*mut Opaque, *const c_void, usize, *const c_void) -> RawError,
    primary_handle: unsafe extern "C" fn(*mut Opaque, *mut *mut Opaque) -> RawError,
    handle_width: unsafe extern "C" fn(*const Opaque) -> c_int,
    handle_height: unsafe extern "C" fn(*const Opaque) -> c_int,
    handle_has_alpha: unsafe extern "C" fn(*const Opaque) -> c_int,
    handle_release: unsafe extern "C" fn(*const Opaque),
    decode: unsafe extern "C" fn(*const Opaque, *mut *mut Opaque, c_int, c_int, *const c_void) -> RawError,
    image_width: unsafe extern "C" fn(*const Opaque, c_int) -> c_int,
    image_height: unsafe extern "C" fn(*const Opaque, c_int) -> c_int,
    image_plane: unsafe extern "C" fn(*const Opaque, c_int, *mut c_int) -> *const u8,
    image_release: unsafe extern "C" fn(*const Opaque),
    have_decoder: unsafe extern "C" fn(c_int) -> c_int,
    _library: Dynamic,
}

impl Library {
    /// Loads the library in the file `name`; `None` if it does not exist or lacks a function.
    pub(super) fn load(name: &OsStr) -> Option<Self> {
        // SAFETY: loading runs the library's initialisers. libheif's only register its codecs, and the user chose any other file.
        let library = unsafe { Dynamic::new(name) }.ok()?;
        /// Looks up a function.
        ///
        /// SAFETY of callers: `F` is the type of the function `name` in `heif.h`.
        unsafe fn function<F: Copy>(library: &Dynamic, name: &str) -> Option<F> {
            // SAFETY: the caller states the function's type; the copied pointer is kept beside the library in `Library`.
            unsafe { library.get::<F>(name) }.ok().map(|symbol| *symbol)
        }
        // SAFETY: the types of the fields are those of `heif.h`; enums are `int`, and pointers to structs are opaque.
        unsafe {
            Some(Self {
                context_alloc: function(&library, "heif_context_alloc")?,
                context_free: function(&library, "heif_context_free")?,
                set_size_limit: function(&library, "heif_context_set_maximum_image_size_limit")?,
                set_threads: function(&library, "heif_context_set_max_decoding_threads"),
                read: function(&library, "heif_context_read_from_memory_without_copy")?,
                primary_handle: function(&library, "heif_context_get_primary_image_handle")?,
                handle_width: function(&library, "heif_image_handle_get_width")?,
                handle_height: function(&library, "heif_image_handle_get_height")?,
                handle_has_alpha: function(&library, "heif_image_handle_has_alpha_channel")?,
                handle_release: function(&library, "heif_image_handle_release")?,
                decode: function(&library, "heif_decode_image")?,
                image_width: function(&library, "heif_image_get_width")?,
                image_height: function(&library, "heif_image_get_height")?,
                image_plane: function(&library, "heif_image_get_plane_readonly")?,
                image_release: function(&library, "heif_image_release")?,
                have_decoder: function(&library, "heif_have_decoder_for_format")?,
                _library: library,
            })
        }
    }

    /// Whether the library has a decoder for `format`.
    pub(super) fn decodes(&self, format: HeifFormat) -> bool {
        let codec = match format {
            HeifFormat::Heic => HEVC,
            HeifFormat::Avif => AV1,
        };
        // SAFETY: the function reads the list of codecs, which is complete since the library was loaded.
        unsafe { (self.have_decoder)(codec) != 0 }
    }
}

/// Converts an error of the library; the message is copied.
fn checked(error: &RawError) -> Result<(), HeifError> {
    if error.code == OK {
        return Ok(());
    }
    let message = match error.message.is_null() {
        true => "unknown error".to_owned(),
        // SAFETY: `message` is a string that ends with 0 and lives at least until the next call for the same context.
        false => unsafe { CStr::from_ptr(error.message) }.to_string_lossy().into_owned(),
    };
    Err(match (error.code, error.subcode) {
        (_, UNSUPPORTED_CODEC) => HeifError::NoDecoder,
        (NO_MEMORY, _) | (_, LIMIT_EXCEEDED) => HeifError::Limit(message),
        _ => HeifError::File(message),
    })
}

/// The primary picture of a file. The file's bytes are borrowed, because the library reads them when it decodes.
pub(crate) struct HeifImage<'a> {
    library: &'static Library,
    /// Both are owned, used by one thread at a time, and released by `drop`.
    context: NonNull<Opaque>,
    handle: NonNull<Opaque>,
    bytes: PhantomData<&'a [u8]>,
}

impl<'a> HeifImage<'a> {
    /// Parses the file `bytes`; pictures with more than `max_side`² pixels are rejected.
    pub(super) fn open(library: &'static Library, bytes: &'a [u8], max_side: u32) -> Result<Self, HeifError> {
        // SAFETY: the function has no preconditions; a null result is handled.
        let context = NonNull::new(unsafe { (library.context_alloc)() });
        let context = context.ok_or_else(|| HeifError::Limit("out of memory".to_owned()))?;
        let mut handle = null_mut();
        let max_side = c_int::try_from(max_side).unwrap_or(c_int::MAX);
        // SAFETY: `context` is valid and used here only; `bytes` live longer than the context, as the library requires, because
        // the result borrows them; `handle` is a valid place for the result.
        let result = unsafe {
            (library.set_size_limit)(context.as_ptr(), max_side);
            if let Some(set_threads) = library.set_threads {
                // Photos are decoded in parallel; tiles of one photo need no threads in addition.
                set_threads(context.as_ptr(), 0);
            }
            checked(&(library.read)(context.as_ptr(), bytes.as_ptr().cast(), bytes.len(), null()))
                .and_then(|()| checked(&(library.primary_handle)(context.as_ptr(), &raw mut handle)))
        };
        match (result, NonNull::new(handle)) {
            (Ok(()), Some(handle)) => Ok(Self { library, context, handle, bytes: PhantomData }),
            (result, _) => {
                // SAFETY: `context` is valid and not used again.
                unsafe { (library.context_free)(context.as_ptr()) };
                Err(result.err().unwrap_or_else(|| HeifError::File("no primary picture".to_owned())))
            }
        }
    }

    /// Width and height of the upright picture, from the header; zero if the header has an invalid value.
    pub(crate) fn dimensions(&self) -> (u32, u32) {
        // SAFETY: `handle` is valid.
        let (width, height) = unsafe {
            (
                (self.library.handle_width)(self.handle.as_ptr()),
                (self.library.handle_height)(self.handle.as_ptr()),
            )
        };
        (u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0))
    }

    /// Whether the picture has transparent parts.
    pub(crate) fn has_alpha(&self) -> bool {
        // SAFETY: `handle` is valid.
        unsafe { (self.library.handle_has_alpha)(self.handle.as_ptr()) != 0 }
    }

    /// Decodes the picture, upright, with 8 bits per channel.
    pub(crate) fn decode(&self) -> Result<DynamicImage, HeifError> {
        let has_alpha = self.has_alpha();
        let chroma = if has_alpha { INTERLEAVED_RGBA } else { INTERLEAVED_RGB };
        let mut image = null_mut();
        // SAFETY: `handle` is valid, `image` is a valid place for the result, and null options are the default ones.
        let result = unsafe {
            checked(&(self.library.decode)(self.handle.as_ptr(), &raw mut image, RGB, chroma, null()))
        };
        let image = NonNull::new(image).map(|image| Decoded { library: self.library, image });
        result?;
        let image = image.ok_or_else(|| HeifError::File("no pixels".to_owned()))?;
        image.pixels(if has_alpha { 4 } else { 3 })
    }
}

impl Drop for HeifImage<'_> {
    fn drop(&mut self) {
        // SAFETY: both are valid, owned by this value and not used again.
        unsafe {
            (self.library.handle_release)(self.handle.as_ptr());
            (self.library.context_free)(self.context.as_ptr());
        }
    }
}

/// A decoded `heif_image`, released by `drop`.
struct Decoded {
    library: &'static Library,
    image: NonNull<Opaque>,
}

impl Decoded {
    /// Copies the interleaved pixels of `channels` bytes each.
    fn pixels(&self, channels: usize) -> Result<DynamicImage, HeifError> {
        let odd = || HeifError::File("the decoded picture has an impossible size".to_owned());
        let mut stride: c_int = 0;
        // SAFETY: `image` is valid; `stride` is a valid place for the result.
        let (width, height, plane) = unsafe {
            (
                (self.library.image_width)(self.image.as_ptr(), INTERLEAVED),
                (self.library.image_height)(self.image.as_ptr(), INTERLEAVED),
                (self.library.image_plane)(self.image.as_ptr(), INTERLEAVED, &raw mut stride),
            )
        };
        let size = |side: c_int| u32::try_from(side).ok().filter(|side| *side > 0).ok_or_else(odd);
        let (width, height) = (size(width)?, size(height)?);
        let row_bytes = width as usize * channels;
        let stride = usize::try_from(stride).ok().filter(|stride| *stride >= row_bytes).ok_or_else(odd)?;
        let plane = NonNull::new(plane.cast_mut()).ok_or_else(odd)?;
        let mut pixels = Vec::with_capacity(row_bytes * height as usize);
        for y in 0..height as usize {
            // SAFETY: the plane has `height` rows at distances of `stride` bytes, each with at least `row_bytes` bytes, and it
            // is neither changed nor released while `self` lives.
            let row = unsafe { std::slice::from_raw_parts(plane.as_ptr().add(y * stride), row_bytes) };
            pixels.extend_from_slice(row);
        }
        picture(width, height, channels == 4, pixels).ok_or_else(odd)
    }
}

impl Drop for Decoded {
    fn drop(&mut self) {
        // SAFETY: `image` is valid, owned by this value and not used again.
        unsafe { (self.library.image_release)(self.image.as_ptr()) };
    }
}
