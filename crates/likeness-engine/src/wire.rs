//! Checks the bytes of an ONNX file before an engine parses them.
//!
//! ONNX files are Protocol Buffers messages (<https://protobuf.dev/programming-guides/encoding/>). rten 0.27 reads a
//! number of more than ten bytes forever and follows nested graphs to any depth, so a file with either must not reach
//! it; a file cut short is told apart from one that is something else. On the way the names of the files that hold
//! further weights are collected (<https://onnx.ai/onnx/repo-docs/ExternalData.html>).

use std::collections::BTreeSet;

/// Messages may be nested so deep; the deepest in honest files, an attribute's graph within another's, take a dozen.
const DEEPEST: usize = 64;

/// The longest encoding of a 64-bit number.
const LONGEST_NUMBER: usize = 10;

/// The messages of `onnx.proto` whose fields the engine reads.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TensorType,
    Sequence,
    Shape,
    /// A key and its value that say where a tensor's numbers lie.
    Location,
    /// One without messages or packed numbers of its own.
    Plain,
}

/// What a length-delimited field holds.
enum Content {
    Nested(Message),
    Numbers,
    Bytes,
}

impl Message {
    fn content(self, field: u64) -> Content {
        use Content::{Bytes, Nested, Numbers};
        match (self, field) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Nested(Self::Graph),
            (Self::Graph, 1) => Nested(Self::Node),
            (Self::Node, 5) => Nested(Self::Attribute),
            (Self::Graph | Self::Attribute, 5) | (Self::Attribute, 10) => Nested(Self::Tensor),
            (Self::Graph, 11..=13) => Nested(Self::Value),
            (Self::Value, 2) | (Self::Sequence, 1) => Nested(Self::Type),
            (Self::Type, 1) => Nested(Self::TensorType),
            (Self::Type, 4) => Nested(Self::Sequence),
            (Self::TensorType, 2) => Nested(Self::Shape),
            (Self::Tensor, 13) => Nested(Self::Location),
            (Self::Model, 8 | 14) | (Self::Shape, 1) => Nested(Self::Plain),
            (Self::Tensor, 1 | 5 | 7 | 11) | (Self::Attribute, 8) => Numbers,
            _ => Bytes,
        }
    }

    /// Why a file with this field is refused: engines read it, and nothing here checks what it holds.
    fn refused(self, field: u64) -> Option<&'static str> {
        match (self, field) {
            (Self::Model, 25) => Some("functions of its own"),
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Some("sparse tensors"),
            (Self::Attribute, 11) => Some("lists of graphs"),
            (Self::Attribute, 21) => Some("references to attributes of functions"),
            _ => None,
        }
    }

    /// Whether a message has this field at most once. Readers differ in what they make of a second: some take the last,
    /// others both.
    fn is_single(self, field: u64) -> bool {
        matches!(
            (self, field),
            (Self::Model, 7)
                | (Self::Attribute, 1..=6)
                | (Self::Node, 4 | 7)
                | (Self::Tensor, 2 | 8 | 9 | 14)
                | (Self::Value, 1 | 2)
                | (Self::Type, 1 | 4)
                | (Self::TensorType, 1 | 2)
        )
    }
}

/// Checks that `bytes` can be given to the engine; gives the names of the files that its tensors lie in.
///
/// # Errors        the reason why not, in words
pub(super) fn check(bytes: &[u8]) -> Result<BTreeSet<String>, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    let mut files = BTreeSet::new();
    check_message(bytes, Message::Model, 0, &mut files)?;
    Ok(files)
}

fn check_message(
    mut bytes: &[u8],
    message: Message,
    depth: usize,
    files: &mut BTreeSet<String>,
) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("its graphs are nested more than {DEEPEST} deep"));
    }
    let (mut is_location, mut seen) = (false, 0u32);
    while !bytes.is_empty() {
        let tag = number(&mut bytes)?;
        if let Some(what) = message.refused(tag >> 3) {
            return Err(format!("it holds {what}"));
        }
        if message.is_single(tag >> 3) {
            let bit = 1 << (tag >> 3);
            if seen & bit != 0 {
                return Err(format!("field {} of a message stands there twice", tag >> 3));
            }
            seen |= bit;
        }
        match tag & 7 {
            0 => drop(number(&mut bytes)?),
            1 => drop(take(&mut bytes, 8)?),
            2 => {
                let length = number(&mut bytes)?;
                let inner = take(&mut bytes, length)?;
                match message.content(tag >> 3) {
                    Content::Nested(child) => check_message(inner, child, depth + 1, files)?,
                    Content::Numbers => check_numbers(inner)?,
                    Content::Bytes => {}
                }
                if let Message::Location = message {
                    match tag >> 3 {
                        1 => is_location = inner == b"location",
                        2 if is_location => drop(files.insert(String::from_utf8_lossy(inner).into_owned())),
                        _ => {}
                    }
                }
            }
            5 => drop(take(&mut bytes, 4)?),
            _ => return Err("it holds a field of no known kind".into()),
        }
    }
    Ok(())
}

fn check_numbers(mut packed: &[u8]) -> Result<(), String> {
    while !packed.is_empty() {
        number(&mut packed)?;
    }
    Ok(())
}

/// The number at the front, seven bits a byte, the lowest first.
pub(super) fn number(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for (i, byte) in bytes.iter().take(LONGEST_NUMBER).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if *byte < 0x80 {
            *bytes = &bytes[i + 1..];
            return Ok(value);
        }
    }
    match bytes.len() < LONGEST_NUMBER {
        true => Err("it ends in the middle of a number".into()),
        false => Err("it holds a number of more than 64 bits".into()),
    }
}

/// The first `length` bytes.
pub(super) fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8], String> {
    let split = usize::try_from(length).ok().and_then(|n| bytes.split_at_checked(n));
    let Some((front, rest)) = split else {
        return Err(format!(
            "it ends in the middle of a field: {length} bytes expected, {} found",
            bytes.len()
        ));
    };
    *bytes = rest;
    Ok(front)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn broken_encodings_are_told() {
        let reason = |bytes: &[u8]| check(bytes).unwrap_err();
        assert!(reason(b"").contains("empty"));
        assert!(reason(&[0xff; 300]).contains("more than 64 bits"));
        assert!(reason(&[0x08]).contains("middle of a number"));
        assert!(reason(&[0x3a, 9, 1]).contains("9 bytes expected, 1 found"));
        assert!(reason(&[0x0b]).contains("no known kind"));
        // Graph → initialiser → dimensions: a packed number that never ends.
        let endless = [&[0x3a, 15, 0x2a, 13, 0x0a, 11][..], &[0x80; 11]].concat();
        assert!(reason(&endless).contains("more than 64 bits"));
        assert!(check(&[0x08, 7]).unwrap().is_empty());
    }

    #[test]
    fn files_of_weights_are_named() {
        // Graph → initialiser → external data → key and value.
        let entry = |key: &[u8], value: &[u8]| {
            let fields = [&[0x0a, key.len() as u8][..], key, &[0x12, value.len() as u8][..], value].concat();
            [&[0x6a, fields.len() as u8][..], &fields].concat()
        };
        let tensor = [entry(b"location", b"net.data"), entry(b"length", b"12")].concat();
        let graph = [&[0x2a, tensor.len() as u8][..], &tensor].concat();
        let model = [&[0x3a, graph.len() as u8][..], &graph].concat();
        assert_eq!(check(&model).unwrap().into_iter().collect::<Vec<_>>(), ["net.data"]);
    }

    #[test]
    fn nesting_ends_somewhere() {
        // Attribute → graph → node → attribute …, from the inside out.
        let mut bytes = Vec::new();
        for i in 0..300 {
            let tag = [0x32, 0x2a, 0x0a][i % 3];
            let mut length = bytes.len();
            let mut head = vec![tag];
            while length >= 0x80 {
                head.push(length as u8 | 0x80);
                length >>= 7;
            }
            head.push(length as u8);
            bytes = [head, bytes].concat();
        }
        assert!(
            check_message(&bytes, Message::Graph, 0, &mut BTreeSet::new()).unwrap_err().contains("nested")
        );
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_verdict(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = check(&bytes);
        }
    }
}
