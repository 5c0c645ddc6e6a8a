//! Writes structures in Thrift's compact protocol, which Parquet uses for headers and footers.
//!
//! ```text
//! field      one byte: difference to the last field's number << 4 | type; then the value
//! integer    zigzag, then 7 bits a byte, lowest first
//! text       length as an unsigned integer, then the bytes
//! list       one byte: length << 4 | type of the items, with 15 for longer lists and the length after it
//! structure  its fields, then a zero byte
//! ```
//!
//! # References    Apache Thrift, "Thrift compact protocol encoding"

const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// The bytes of one structure. Fields are written in the order of their numbers.
#[derive(Default)]
pub(super) struct Structure {
    bytes: Vec<u8>,
    last: u8,
}

impl Structure {
    /// The bytes, with the end of the structure.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }

    pub(super) fn i32(mut self, field: u8, value: i32) -> Self {
        self.start(field, I32);
        zigzag(&mut self.bytes, i64::from(value));
        self
    }

    pub(super) fn i64(mut self, field: u8, value: i64) -> Self {
        self.start(field, I64);
        zigzag(&mut self.bytes, value);
        self
    }

    pub(super) fn text(mut self, field: u8, text: &str) -> Self {
        self.start(field, BINARY);
        write_text(&mut self.bytes, text);
        self
    }

    pub(super) fn structure(mut self, field: u8, value: Self) -> Self {
        self.start(field, STRUCT);
        self.bytes.extend(value.finish());
        self
    }

    pub(super) fn structures(mut self, field: u8, values: Vec<Self>) -> Self {
        self.start_list(field, STRUCT, values.len());
        self.bytes.extend(values.into_iter().flat_map(Self::finish));
        self
    }

    pub(super) fn texts(mut self, field: u8, values: &[&str]) -> Self {
        self.start_list(field, BINARY, values.len());
        values.iter().for_each(|text| write_text(&mut self.bytes, text));
        self
    }

    pub(super) fn i32s(mut self, field: u8, values: &[i32]) -> Self {
        self.start_list(field, I32, values.len());
        values.iter().for_each(|&value| zigzag(&mut self.bytes, i64::from(value)));
        self
    }

    fn start(&mut self, field: u8, kind: u8) {
        // The fields of Parquet's structures differ by less than 16.
        self.bytes.push((field - self.last) << 4 | kind);
        self.last = field;
    }

    fn start_list(&mut self, field: u8, kind: u8, length: usize) {
        self.start(field, LIST);
        match u8::try_from(length) {
            Ok(length @ 0..15) => self.bytes.push(length << 4 | kind),
            _ => {
                self.bytes.push(0xf0 | kind);
                varint(&mut self.bytes, length as u64);
            }
        }
    }
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    varint(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

fn zigzag(bytes: &mut Vec<u8>, value: i64) {
    varint(bytes, ((value << 1) ^ (value >> 63)) as u64);
}

/// Writes an unsigned integer with 7 bits a byte, lowest first.
pub(super) fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
