//! Protocol Buffers messages, field by field: what `onnx.proto` asks for, and no more.
//!
//! Encoding: <https://protobuf.dev/programming-guides/encoding/>. Every repeated number has a tag of its own, as ONNX's
//! own writer has it.

/// The bytes of a message that grows field by field.
#[derive(Debug, Clone, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// A whole number.
    pub(super) fn int(mut self, field: u32, value: i64) -> Self {
        self.number(u64::from(field) << 3);
        self.number(value as u64);
        self
    }

    /// A list of whole numbers.
    pub(super) fn ints(self, field: u32, values: &[i64]) -> Self {
        values.iter().fold(self, |message, value| message.int(field, *value))
    }

    /// A text.
    pub(super) fn text(self, field: u32, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    /// A message within.
    pub(super) fn message(self, field: u32, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    /// Bytes.
    pub(super) fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        self.begin(field, bytes.len());
        self.0.extend_from_slice(bytes);
        self
    }

    /// A single-precision number.
    pub(super) fn float(mut self, field: u32, value: f32) -> Self {
        self.number(u64::from(field) << 3 | 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Single-precision numbers as bytes, the lowest first.
    pub(super) fn floats(mut self, field: u32, values: &[f32]) -> Self {
        self.begin(field, 4 * values.len());
        self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self
    }

    /// Fields that were made elsewhere.
    pub(super) fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn begin(&mut self, field: u32, length: usize) {
        self.number(u64::from(field) << 3 | 2);
        self.number(length as u64);
    }

    /// Seven bits a byte, the lowest first.
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_encoded_as_the_guide_has_them() {
        // The guide's own examples: 150 in field 1, "testing" in field 2, the first message within field 3.
        let first = Message::default().int(1, 150);
        assert_eq!(first.clone().into_bytes(), [0x08, 0x96, 0x01]);
        let text = Message::default().text(2, "testing").into_bytes();
        assert_eq!(text, [0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]);
        let nested = Message::default().message(3, &first).into_bytes();
        assert_eq!(nested, [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let negative = Message::default().int(1, -2).into_bytes();
        assert_eq!(negative, [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
        assert_eq!(Message::default().floats(9, &[1.0]).into_bytes(), [0x4a, 4, 0, 0, 0x80, 0x3f]);
        let mut both = Message::default().ints(8, &[1, 2]);
        both.append(&first);
        assert_eq!(both.into_bytes(), [0x40, 1, 0x40, 2, 0x08, 0x96, 0x01]);
    }
}
