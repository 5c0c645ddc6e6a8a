//! Values in the format of dlib's C++ streams (`dlib/serialize.h`).
//!
//! ```text
//! integer   a control byte, then N bytes with the lowest first; N is in the low 4 bits, 0x80 means negative
//! bool      the character 0 or 1
//! float     two integers, mantissa m and exponent e: m · 2^e
//! text      its length as an integer, then its bytes
//! tensor    the integer 2, four integers (samples, channels, rows, columns), then f32 values, little-endian
//! shape     the integer 1, then four integers as above
//! ```
//!
//! No memory is taken for a length that exceeds the rest of the file.

use super::DlibFault;

type Result<T> = std::result::Result<T, DlibFault>;

/// Version of a tensor in the file.
const TENSOR: i64 = 2;
/// Version of a tensor that is a part of another, of which only the shape is stored.
const SHAPE: i64 = 1;
/// Largest length of a text.
const MAX_TEXT: i64 = 100;

/// Reads one value after the other.
pub(super) struct Stream<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The part of the network that is read, for messages.
    pub(super) part: String,
}

impl<'a> Stream<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, part: "the header".to_owned() }
    }

    /// Number of bytes that were not read.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let taken = self.bytes[self.at..].get(..count);
        let truncated = || DlibFault::Truncated { length: self.bytes.len(), part: self.part.clone() };
        let taken = taken.ok_or_else(truncated)?;
        self.at += count;
        Ok(taken)
    }

    fn bad<T>(&self, at: usize, expected: &'static str) -> Result<T> {
        Err(DlibFault::BadValue { at, part: self.part.clone(), expected })
    }

    /// An integer.
    pub(super) fn integer(&mut self) -> Result<i64> {
        let at = self.at;
        let control = self.take(1)?[0];
        let count = usize::from(control & 0x0F);
        if control & 0x70 != 0 || !(1..=8).contains(&count) {
            return self.bad(at, "an integer");
        }
        let mut low_first = [0; 8];
        low_first[..count].copy_from_slice(self.take(count)?);
        match i64::try_from(u64::from_le_bytes(low_first)) {
            Ok(value) => Ok(if control & 0x80 == 0 { value } else { -value }),
            Err(_) => self.bad(at, "an integer of 63 bits"),
        }
    }

    /// Several integers.
    pub(super) fn integers<const N: usize>(&mut self) -> Result<[i64; N]> {
        let mut values = [0; N];
        for value in &mut values {
            *value = self.integer()?;
        }
        Ok(values)
    }

    /// The next integer, without reading it.
    pub(super) fn peek(&mut self) -> Result<i64> {
        let at = self.at;
        let value = self.integer();
        self.at = at;
        value
    }

    /// A float.
    pub(super) fn real(&mut self) -> Result<f64> {
        let at = self.at;
        let [mantissa, exponent] = self.integers()?;
        match i32::try_from(exponent).map(|exponent| mantissa as f64 * 2_f64.powi(exponent)) {
            Ok(value) if value.is_finite() => Ok(value),
            _ => self.bad(at, "a finite number"),
        }
    }

    /// A text.
    pub(super) fn text(&mut self) -> Result<&'a str> {
        let at = self.at;
        let length = self.integer()?;
        if !(0..=MAX_TEXT).contains(&length) {
            return self.bad(at, "the name of a layer");
        }
        let bytes = self.take(length as usize)?;
        let is_name = |bytes: &[u8]| bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        match std::str::from_utf8(bytes) {
            Ok(text) if is_name(bytes) => Ok(text),
            _ => self.bad(at, "the name of a layer"),
        }
    }

    /// Skips a bool.
    fn skip_bool(&mut self) -> Result<()> {
        let at = self.at;
        match self.take(1)? {
            b"0" | b"1" => Ok(()),
            _ => self.bad(at, "0 or 1"),
        }
    }

    /// Four numbers that are not negative: samples, channels, rows, columns.
    fn sides(&mut self) -> Result<[usize; 4]> {
        let at = self.at;
        let sides = self.integers::<4>()?;
        let mut shape = [0; 4];
        for (side, value) in shape.iter_mut().zip(sides) {
            *side = match usize::try_from(value) {
                Ok(value) => value,
                Err(_) => return self.bad(at, "a shape of a tensor"),
            };
        }
        Ok(shape)
    }

    /// A tensor of 32-bit floats.
    pub(super) fn tensor(&mut self) -> Result<Vec<f32>> {
        let at = self.at;
        if self.integer()? != TENSOR {
            return self.bad(at, "a tensor");
        }
        let shape = self.sides()?;
        let bytes = shape.iter().try_fold(size_of::<f32>(), |bytes, &side| bytes.checked_mul(side));
        let (values, _) = self.take(bytes.unwrap_or(usize::MAX))?.as_chunks();
        let values: Vec<f32> = values.iter().map(|&value| f32::from_le_bytes(value)).collect();
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false => self.bad(at, "finite weights"),
        }
    }

    /// The shape of a part of a tensor.
    pub(super) fn shape(&mut self) -> Result<[usize; 4]> {
        let at = self.at;
        match self.integer()? {
            SHAPE => self.sides(),
            _ => self.bad(at, "a shape"),
        }
    }

    /// The end of every layer: three bools, and three tensors that training left.
    pub(super) fn end_of_layer(&mut self) -> Result<()> {
        (0..3).try_for_each(|_| self.skip_bool())?;
        (0..3).try_for_each(|_| self.tensor().map(|_| ()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_dlib_writes_them() {
        // dlib::serialize of 13, -10, 200, "fc_2", and 0.04 as a float: 10737418 · 2^-28.
        let mut stream = Stream::new(b"\x01\x0d\x81\x0a\x01\xc8\x01\x04fc_2\x03\x0a\xd7\xa3\x81\x1c");
        assert_eq!(stream.integers::<3>().unwrap(), [13, -10, 200]);
        assert_eq!(stream.text().unwrap(), "fc_2");
        assert_eq!(stream.peek().unwrap(), 10_737_418);
        assert_eq!(stream.real().unwrap() as f32, 0.04);
        assert_eq!(stream.left(), 0);
        let tensor = b"\x01\x02\x01\x01\x01\x01\x01\x01\x01\x02\x00\x00\x80\x3f\x00\x00\x00\xc0";
        assert_eq!(Stream::new(tensor).tensor().unwrap(), [1.0, -2.0]);
    }

    #[test]
    fn other_bytes_are_errors() {
        let truncated =
            |bytes: &[u8]| matches!(Stream::new(bytes).integer(), Err(DlibFault::Truncated { .. }));
        assert!(truncated(b"") && truncated(b"\x02\x01"));
        for control in [b"\x00\x00", b"\x09\x00", b"\x11\x00", b"\x41\x00"] {
            assert!(matches!(Stream::new(control).integer(), Err(DlibFault::BadValue { at: 0, .. })));
        }
        assert!(Stream::new(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff").integer().is_err());
        assert!(Stream::new(b"\x01\x01\x02\xff\x7f").real().is_err(), "infinite");
        assert!(Stream::new(b"\x04\xff\xff\xff\x7f").text().is_err());
        assert!(Stream::new(b"\x01\x01\xe9").text().is_err());
        // A tensor of 2^62 values.
        let huge = b"\x01\x02\x04\x00\x00\x00\x40\x04\x00\x00\x00\x40\x01\x04\x01\x01";
        assert!(matches!(Stream::new(huge).tensor(), Err(DlibFault::Truncated { .. })));
        let negative = b"\x01\x02\x81\x01\x81\x01\x01\x01\x01\x01";
        assert!(matches!(Stream::new(negative).tensor(), Err(DlibFault::BadValue { .. })));
        let nan = b"\x01\x02\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\xc0\x7f";
        assert!(matches!(Stream::new(nan).tensor(), Err(DlibFault::BadValue { .. })));
    }
}
