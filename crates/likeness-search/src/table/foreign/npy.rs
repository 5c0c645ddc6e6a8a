//! Reads arrays in NumPy's format: a header in the syntax of a Python dictionary, then the values.
//!
//! ```text
//! 6 bytes   \x93NUMPY
//! 2 bytes   version: 1.0, 2.0 or 3.0
//! length    of the header: u16 in version 1.0, otherwise u32; little-endian
//! header    {'descr': '<f4', 'fortran_order': False, 'shape': (3, 128), } and spaces
//! values    row-major, or column-major if fortran_order is True
//! ```
//!
//! Memory is taken as values arrive, so a header that declares too many of them costs nothing. Arrays of Python objects are
//! rejected, because unpickling them would run code of the file.
//!
//! Reference: NumPy documentation, `numpy.lib.format`.

use std::io::Read;

use half::f16;

use super::Fault;
use super::npy_header::{self, Element, Header};

/// Number of bytes that are converted at a time; a multiple of every width.
const CHUNK_BYTES: usize = 1 << 16;
/// Maximum number of bytes of one name or label.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// The first bytes of every array.
pub(super) const SIGNATURE: &[u8; 6] = b"\x93NUMPY";

/// A matrix of embeddings, row-major.
#[derive(Debug)]
pub(super) struct Matrix {
    pub(super) dimension: usize,
    pub(super) values: Vec<f32>,
}

/// Reads the header of an array.
pub(super) fn read_header(source: &mut dyn Read) -> Result<Header, Fault> {
    let mut start = [0; 8];
    if fill(source, &mut start)? < start.len() || start[..6] != *SIGNATURE {
        return Err(Fault::NotNpy);
    }
    let (major, minor) = (start[6], start[7]);
    let mut length = [0; 4];
    let digits = match (major, minor) {
        (1, 0) => 2,
        (2 | 3, 0) => 4,
        _ => return Err(Fault::UnknownVersion { major, minor }),
    };
    let bad = |reason: &str| Fault::BadHeader { reason: reason.to_owned() };
    if fill(source, &mut length[..digits])? < digits {
        return Err(bad("the file ends before it"));
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > npy_header::MAX_BYTES {
        return Err(bad("it is too long"));
    }
    let mut text = vec![0; length];
    if fill(source, &mut text)? < length {
        return Err(bad("the file ends within it"));
    }
    let text = std::str::from_utf8(&text).map_err(|_| bad("it is not UTF-8 text"))?;
    Header::parse(text, (8 + digits + length) as u64)
}

/// Reads the values of a float array of the shape [n, d] or [d].
pub(super) fn read_matrix(header: &Header, source: &mut dyn Read) -> Result<Matrix, Fault> {
    let Element::Float(width) = header.element()? else {
        return Err(header.bad_type("a float array (float16, float32 or float64)"));
    };
    let (rows, dimension) = header.matrix_shape()?;
    let mut values: Vec<f32> = Vec::new();
    let place = |flat: usize| match header.fortran_order {
        false => (flat / dimension, flat % dimension),
        true => (flat % rows, flat / rows),
    };
    each_chunk(source, header.data_bytes()?, |chunk| {
        reserve(&mut values, chunk.len() / width, header)?;
        for bytes in chunk.chunks_exact(width) {
            let (value, exact) = float(bytes, header.big_endian);
            if !value.is_finite() {
                let (row, column) = place(values.len());
                return Err(Fault::NotFinite { row: row + 1, column: column + 1, found: exact.to_string() });
            }
            values.push(value);
        }
        Ok(())
    })?;
    if header.fortran_order && rows > 1 && dimension > 1 {
        let mut by_rows = Vec::new();
        reserve(&mut by_rows, values.len(), header)?;
        by_rows.extend((0..rows).flat_map(|row| values[row..].iter().step_by(rows)));
        values = by_rows;
    }
    Ok(Matrix { dimension, values })
}

/// Reads an array of `expected` texts or integers as texts.
pub(super) fn read_texts(
    header: &Header,
    source: &mut dyn Read,
    expected: usize,
) -> Result<Vec<String>, Fault> {
    let element = header.element().map_err(|fault| match fault {
        Fault::Objects { .. } => Fault::Objects { is_matrix: false },
        fault => fault,
    })?;
    if matches!(element, Element::Float(_)) {
        return Err(header.bad_type("texts or whole numbers"));
    }
    let (count, length) = (header.list_length()?, header.data_bytes()?);
    if count != expected {
        return Err(Fault::BadCount { expected, found: count });
    }
    if element.bytes() > MAX_TEXT_BYTES {
        return Err(Fault::TooLarge { shape: header.shape.clone() });
    }
    let mut texts = Vec::new();
    let mut item = vec![0; element.bytes()];
    let mut found = 0;
    for entry in 1..=count {
        let filled = fill(source, &mut item)?;
        found += filled as u64;
        if filled < item.len() {
            return Err(Fault::BadLength { expected: length, found });
        }
        texts.push(text(element, &item, header.big_endian).ok_or(Fault::BadText { entry })?);
    }
    check_end(source, length)?;
    Ok(texts)
}

/// One text or integer as text; `None` if it is not valid text.
fn text(element: Element, bytes: &[u8], big_endian: bool) -> Option<String> {
    match element {
        Element::Signed(_) | Element::Unsigned(_) => {
            let mut low_first = bytes.to_vec();
            if big_endian {
                low_first.reverse();
            }
            let is_negative = matches!(element, Element::Signed(_)) && low_first.last()? >= &0x80;
            let mut whole = [if is_negative { 0xFF } else { 0 }; 16];
            whole[..low_first.len()].copy_from_slice(&low_first);
            Some(i128::from_le_bytes(whole).to_string())
        }
        Element::Unicode(_) => {
            let (units, _) = bytes.as_chunks();
            let of_unit = |&unit: &[u8; 4]| {
                if big_endian { u32::from_be_bytes(unit) } else { u32::from_le_bytes(unit) }
            };
            let text: String =
                units.iter().map(|unit| char::from_u32(of_unit(unit))).collect::<Option<_>>()?;
            Some(text.trim_end_matches('\0').to_owned())
        }
        Element::Bytes(_) => Some(std::str::from_utf8(bytes).ok()?.trim_end_matches('\0').to_owned()),
        Element::Float(_) => None,
    }
}

/// One float: as stored in a table, and in full precision for messages.
fn float(bytes: &[u8], big_endian: bool) -> (f32, f64) {
    fn ordered<const N: usize>(bytes: &[u8], big_endian: bool) -> [u8; N] {
        let mut ordered = [0; N];
        ordered.copy_from_slice(bytes);
        if big_endian {
            ordered.reverse();
        }
        ordered
    }
    let exact = match bytes.len() {
        2 => f16::from_le_bytes(ordered(bytes, big_endian)).to_f64(),
        4 => f64::from(f32::from_le_bytes(ordered(bytes, big_endian))),
        _ => f64::from_le_bytes(ordered(bytes, big_endian)),
    };
    (exact as f32, exact)
}

/// Calls `convert` with the next `length` bytes in chunks, and checks that the source ends after them.
fn each_chunk(
    source: &mut dyn Read,
    length: u64,
    mut convert: impl FnMut(&[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut found = 0;
    while found < length {
        let wanted = CHUNK_BYTES.min(usize::try_from(length - found).unwrap_or(CHUNK_BYTES));
        let filled = fill(source, &mut chunk[..wanted])?;
        found += filled as u64;
        if filled < wanted {
            return Err(Fault::BadLength { expected: length, found });
        }
        convert(&chunk[..wanted])?;
    }
    check_end(source, length)
}

/// Fails if the source has more bytes.
fn check_end(source: &mut dyn Read, expected: u64) -> Result<(), Fault> {
    let more = std::io::copy(source, &mut std::io::sink()).map_err(unreadable)?;
    if more == 0 { Ok(()) } else { Err(Fault::BadLength { expected, found: expected + more }) }
}

/// Skips `length` bytes, those of the header.
pub(super) fn skip(source: &mut dyn Read, length: u64) -> Result<(), Fault> {
    std::io::copy(&mut source.take(length), &mut std::io::sink()).map(|_| ()).map_err(unreadable)
}

/// Reads until `buffer` is full or the source ends; returns the number of bytes read.
fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, Fault> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
    Ok(filled)
}

fn unreadable(error: std::io::Error) -> Fault {
    Fault::BadArchive { reason: error.to_string() }
}

/// Takes memory for `more` values, and fails instead of ending the process if there is none.
fn reserve(values: &mut Vec<f32>, more: usize, header: &Header) -> Result<(), Fault> {
    values.try_reserve(more).map_err(|_| Fault::TooLarge { shape: header.shape.clone() })
}
