//! Removes the values of large tensors from an ONNX file before it is parsed, and returns their positions.
//!
//! The parser of Protocol Buffers copies its input, and nearly all of a network's file is weights. Without them, parsing is
//! fast, and the weights are later read from the file's bytes.

use std::collections::HashMap;
use std::ops::Range;

use crate::wire::{number, take};

/// Fields of `onnx.proto`: a model's graph, a graph's initialisers, a tensor's numbers.
const GRAPH: u64 = 7;
const INITIALIZER: u64 = 5;
const RAW_DATA: u64 = 9;
/// The kind of a field that has a length.
const BYTES: u64 = 2;

/// Where the numbers of initialisers lie, by the initialiser's place among them.
pub(crate) type Places = HashMap<usize, Range<usize>>;

/// Takes out the numbers of tensors that have at least `least` bytes of them; their places, by the tensor's place among the
/// graph's initialisers.
///
/// # Errors        a file that has not passed `wire`
pub(crate) fn lift(file: &[u8], least: usize) -> Result<(Vec<u8>, Places), String> {
    let mut places = HashMap::new();
    let mut graphs = 0;
    let mut count = 0;
    let rest = rewrite(file, 0..file.len(), GRAPH, &mut |graph| {
        graphs += 1;
        rewrite(file, graph, INITIALIZER, &mut |tensor| {
            let mut lifted = Vec::new();
            let rest = rewrite(file, tensor.clone(), RAW_DATA, &mut |numbers| {
                lifted.push(numbers);
                Ok(None)
            })?;
            count += 1;
            match lifted.as_slice() {
                [numbers] if numbers.len() >= least => {
                    places.insert(count - 1, numbers.clone());
                    Ok(rest)
                }
                // None, few, or a repetition of which the last would count.
                _ => Ok(Some(file[tensor].to_vec())),
            }
        })
    })?;
    match graphs {
        1 => Ok((rest.unwrap_or_default(), places)),
        _ => Ok((file.to_vec(), HashMap::new())),
    }
}

/// The message at `place` with the content of each field `wanted` as `change` gives it, without it where that is nothing.
fn rewrite(
    file: &[u8],
    place: Range<usize>,
    wanted: u64,
    change: &mut dyn FnMut(Range<usize>) -> Result<Option<Vec<u8>>, String>,
) -> Result<Option<Vec<u8>>, String> {
    let mut out = Vec::new();
    let mut rest = &file[place.clone()];
    while !rest.is_empty() {
        let start = place.end - rest.len();
        let tag = number(&mut rest)?;
        let length = match tag & 7 {
            0 => {
                number(&mut rest)?;
                0
            }
            1 => 8,
            BYTES => number(&mut rest)?,
            5 => 4,
            _ => return Err("it holds a field of no known kind".into()),
        };
        let inner = place.end - rest.len();
        take(&mut rest, length)?;
        let end = place.end - rest.len();
        if tag != wanted << 3 | BYTES {
            out.extend_from_slice(&file[start..end]);
        } else if let Some(content) = change(inner..end)? {
            put(&mut out, tag);
            put(&mut out, content.len() as u64);
            out.extend_from_slice(&content);
        }
    }
    Ok(Some(out))
}

/// Writes a number, seven bits a byte, the lowest first.
fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use rten_onnx::onnx::ModelProto;

    use super::*;

    #[test]
    fn what_is_taken_out_lies_where_it_is_said_to() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-embed/tests/golden/onnx/good.onnx");
        let file = fs_err::read(path).unwrap();
        let whole = ModelProto::parse_buf(&file).unwrap().graph.unwrap();
        let (few, places) = lift(&file, 100).unwrap();
        let rest = ModelProto::parse_buf(&few).unwrap().graph.unwrap();
        assert_eq!((rest.node.len(), rest.initializer.len()), (whole.node.len(), whole.initializer.len()));
        assert!(!places.is_empty() && few.len() < file.len());
        for (i, (tensor, found)) in whole.initializer.iter().zip(&rest.initializer).enumerate() {
            let raw = tensor.raw_data.as_ref().unwrap().borrow();
            assert_eq!((&tensor.name, &tensor.dims), (&found.name, &found.dims));
            match places.get(&i) {
                Some(place) => assert!(found.raw_data.is_none() && file[place.clone()] == **raw),
                None => assert!(raw.len() < 100 && **found.raw_data.as_ref().unwrap().borrow() == **raw),
            }
        }
        let (all, places) = lift(&file, usize::MAX).unwrap();
        assert!(
            places.is_empty()
                && ModelProto::parse_buf(&all).unwrap().graph.unwrap().node.len() == whole.node.len()
        );
        // A second graph: which of them counts is the reader's business.
        let twice = [file.clone(), file.clone()].concat();
        assert_eq!(lift(&twice, 0).unwrap(), (twice, HashMap::new()));
    }

    #[test]
    fn cut_files_are_told() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-embed/tests/golden/onnx/good.onnx");
        let file = fs_err::read(path).unwrap();
        assert!(lift(&file[..file.len() - 1], 0).is_err());
    }
}
