//! The blocks of a file of codes: written once, never changed.
//!
//! After the header (`key`) follow blocks. A block is a header of 64 bytes and a payload, padded to a multiple of 64:
//!
//! ```text
//! offset  size  content of a block's header               (integers are little-endian)
//!      0     4  kind: 1 = rows, 2 = removals
//!      4     4  CRC-32 of the file's header, so that blocks of other files are not accepted
//!      8     8  revision of the gallery after this block
//!     16     8  number of rows in the blocks before
//!     24     8  number n of rows, or of removals
//!     32     8  length of the payload
//!     40     4  CRC-32 of the payload
//!     44    16  zeros
//!     60     4  CRC-32 of the 60 bytes before
//!
//! payload of rows: codes of ⌊n/16⌋ groups (`layout`) · codes of the remaining rows, row by row, padded · n ids of 8 bytes,
//!                  padded · n terms of 16 bytes (factor, offset, residual, length as f32), padded
//! payload of removals: n row numbers of 4 bytes, counted from 0 over the whole file, padded
//! ```
//!
//! A process that is killed while it appends leaves an incomplete block at the end. It is ignored, and cut off by the next
//! writer. Everything else that does not match a checksum is damage.

use std::io::{Read, Result as IoResult, Seek, SeekFrom};

use rayon::prelude::*;

use super::layout::{LINE, Line, ROWS, lines, padded, set_row};
use super::terms::RowTerms;
use crate::CodesFault;

/// Bytes of a payload that one thread verifies at a time.
const PIECE: usize = 1 << 22;
/// Bytes of the terms of a row.
const TERMS: usize = 16;

/// What a block does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Adds rows.
    Rows,
    /// Removes rows.
    Removals,
}

/// The header of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) revision: u64,
    pub(super) first_row: u64,
    pub(super) count: u64,
    pub(super) payload_bytes: u64,
    payload_checksum: u32,
}

/// A complete block of a file.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) header: Header,
    /// Offset of the payload in lines.
    pub(super) at: usize,
}

impl Block {
    /// The payload in the content of the file.
    pub(super) fn payload<'a>(&self, content: &'a [Line]) -> &'a [Line] {
        &content[self.at..self.at + self.header.payload_bytes as usize / LINE]
    }
}

impl Header {
    fn encode(&self, file: u32) -> Line {
        let mut line = Line::ZERO;
        let kind = match self.kind {
            Kind::Rows => 1u32,
            Kind::Removals => 2,
        };
        line.0[..4].copy_from_slice(&kind.to_le_bytes());
        line.0[4..8].copy_from_slice(&file.to_le_bytes());
        for (at, number) in
            [(8, self.revision), (16, self.first_row), (24, self.count), (32, self.payload_bytes)]
        {
            line.0[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        line.0[40..44].copy_from_slice(&self.payload_checksum.to_le_bytes());
        let checksum = crc32fast::hash(&line.0[..60]);
        line.0[60..].copy_from_slice(&checksum.to_le_bytes());
        line
    }

    fn decode(line: &Line, file: u32) -> Option<Self> {
        let long = |at: usize| u64::from_le_bytes(line.0[at..at + 8].try_into().expect("eight bytes"));
        let short = |at: usize| long(at) as u32;
        let checksum = u32::from_le_bytes(line.0[60..].try_into().expect("four bytes"));
        let kind = match short(0) {
            1 => Kind::Rows,
            2 => Kind::Removals,
            _ => return None,
        };
        (crc32fast::hash(&line.0[..60]) == checksum && short(4) == file).then(|| Self {
            kind,
            revision: long(8),
            first_row: long(16),
            count: long(24),
            payload_bytes: long(32),
            payload_checksum: short(40),
        })
    }

    /// Whether the length of the payload follows from the number of rows.
    fn is_consistent(&self, dimension: usize, rows_before: u64) -> bool {
        let count = usize::try_from(self.count).ok().filter(|count| *count <= u32::MAX as usize);
        let expected = count.and_then(|count| match self.kind {
            Kind::Rows => RowsLayout::new(count, dimension).map(|layout| layout.end),
            Kind::Removals => Some(padded(count * 4) / LINE),
        });
        let bytes = expected.and_then(|lines| (lines as u64).checked_mul(LINE as u64));
        self.first_row == rows_before && bytes == Some(self.payload_bytes)
    }
}

/// Where the parts of a payload of rows begin, in lines.
#[derive(Debug, Clone, Copy)]
struct RowsLayout {
    rest: usize,
    ids: usize,
    terms: usize,
    end: usize,
}

impl RowsLayout {
    fn new(count: usize, dimension: usize) -> Option<Self> {
        let rest = (count / ROWS).checked_mul(lines(dimension))?;
        let ids = rest.checked_add(lines(dimension).checked_mul(count % ROWS)?.div_ceil(ROWS))?;
        let terms = ids.checked_add(padded(count.checked_mul(8)?) / LINE)?;
        let end = terms.checked_add(padded(count.checked_mul(TERMS)?) / LINE)?;
        Some(Self { rest, ids, terms, end })
    }
}

/// Rows before they are appended.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) ids: Vec<u64>,
    /// # Shapes        \[rows, lines · 4\]
    pub(super) codes: Vec<u8>,
    pub(super) terms: Vec<RowTerms>,
}

/// The payload of a block of rows.
pub(super) struct RowsPayload<'a> {
    /// Codes of whole groups.
    pub(super) groups: &'a [Line],
    /// Codes of the remaining rows, row by row.
    pub(super) rest: &'a [u8],
    ids: &'a [u8],
    terms: &'a [u8],
}

impl<'a> RowsPayload<'a> {
    /// # Panics        the payload is not that of `count` rows, which [`walk`] checks
    pub(super) fn new(payload: &'a [Line], count: usize, dimension: usize) -> Self {
        let layout = RowsLayout::new(count, dimension).expect("the block was walked");
        let bytes = |start: usize, end: usize| bytemuck::cast_slice(&payload[start..end]);
        Self {
            groups: &payload[..layout.rest],
            rest: bytes(layout.rest, layout.ids),
            ids: &bytes(layout.ids, layout.terms)[..count * 8],
            terms: &bytes(layout.terms, layout.end)[..count * TERMS],
        }
    }

    /// Ids and terms of all rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u64, RowTerms)> {
        let ids = self.ids.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
        ids.zip(self.terms.as_chunks::<TERMS>().0.iter().map(|bytes| {
            let of = |i: usize| f32::from_le_bytes(bytes.as_chunks::<4>().0[i]);
            RowTerms { factor: of(0), offset: of(1), residual: of(2), length: of(3) }
        }))
    }
}

/// A block that appends the rows of `batch`.
///
/// # Shapes        output: \[1 + payload\] lines
pub(super) fn rows_block(
    batch: &Batch,
    dimension: usize,
    revision: u64,
    first_row: u64,
    file: u32,
) -> Vec<Line> {
    let (count, width) = (batch.ids.len(), lines(dimension) * 4);
    let layout = RowsLayout::new(count, dimension).expect("a batch fits in memory");
    let mut block = vec![Line::ZERO; 1 + layout.end];
    let payload = &mut block[1..];
    let (whole, rest) = batch.codes.split_at(count / ROWS * ROWS * width);
    let groups = payload[..layout.rest].par_chunks_exact_mut(lines(dimension));
    groups.zip(whole.par_chunks_exact(ROWS * width)).for_each(|(group, rows)| {
        rows.chunks_exact(width).enumerate().for_each(|(row, codes)| set_row(group, row, codes));
    });
    bytemuck::cast_slice_mut(&mut payload[layout.rest..layout.ids])[..rest.len()].copy_from_slice(rest);
    let ids: &mut [u8] = bytemuck::cast_slice_mut(&mut payload[layout.ids..layout.terms]);
    ids.as_chunks_mut::<8>().0.iter_mut().zip(&batch.ids).for_each(|(to, id)| *to = id.to_le_bytes());
    let terms: &mut [u8] = bytemuck::cast_slice_mut(&mut payload[layout.terms..]);
    for (to, terms) in terms.as_chunks_mut::<TERMS>().0.iter_mut().zip(&batch.terms) {
        let values = [terms.factor, terms.offset, terms.residual, terms.length];
        to.as_chunks_mut::<4>().0.iter_mut().zip(values).for_each(|(to, value)| *to = value.to_le_bytes());
    }
    finished(block, Kind::Rows, count as u64, revision, first_row, file)
}

/// A block that removes rows by their numbers.
pub(super) fn removals_block(rows: &[u32], revision: u64, first_row: u64, file: u32) -> Vec<Line> {
    let mut block = vec![Line::ZERO; 1 + padded(rows.len() * 4) / LINE];
    let payload: &mut [u8] = bytemuck::cast_slice_mut(&mut block[1..]);
    payload.as_chunks_mut::<4>().0.iter_mut().zip(rows).for_each(|(to, row)| *to = row.to_le_bytes());
    finished(block, Kind::Removals, rows.len() as u64, revision, first_row, file)
}

/// The row numbers in a payload of removals.
pub(super) fn removals(payload: &[Line], count: usize) -> impl Iterator<Item = u32> {
    let bytes: &[u8] = bytemuck::cast_slice(payload);
    bytes.as_chunks::<4>().0[..count].iter().map(|bytes| u32::from_le_bytes(*bytes))
}

fn finished(
    mut block: Vec<Line>,
    kind: Kind,
    count: u64,
    revision: u64,
    first_row: u64,
    file: u32,
) -> Vec<Line> {
    let payload: &[u8] = bytemuck::cast_slice(&block[1..]);
    let header = Header {
        kind,
        revision,
        first_row,
        count,
        payload_bytes: payload.len() as u64,
        payload_checksum: crc32fast::hash(payload),
    };
    block[0] = header.encode(file);
    block
}

/// The complete blocks of a file, and where they end.
#[derive(Debug)]
pub(super) struct Walked {
    pub(super) blocks: Vec<Block>,
    /// Offset behind the last complete block in bytes.
    pub(super) end: u64,
}

/// Finds the blocks from the offset `start` on, before which the file has `rows` rows.
///
/// # Errors        a header that is not valid, unless the file ends before the block does → `Damaged`
pub(super) fn walk(
    source: &mut (impl Read + Seek),
    start: u64,
    mut rows: u64,
    dimension: usize,
    file: u32,
) -> IoResult<Result<Walked, CodesFault>> {
    let file_end = source.seek(SeekFrom::End(0))?;
    let (mut blocks, mut at) = (Vec::new(), start);
    while at + LINE as u64 <= file_end {
        let mut line = Line::ZERO;
        source.seek(SeekFrom::Start(at))?;
        source.read_exact(&mut line.0)?;
        let header = Header::decode(&line, file).filter(|header| header.is_consistent(dimension, rows));
        let Some(header) = header else {
            if line == Line::ZERO && is_zero_from(source, at)? {
                // A file system may make a file longer before it writes the content.
                break;
            }
            let reason = "the header of a block does not match its checksum";
            return Ok(Err(CodesFault::Damaged { at, reason }));
        };
        let payload = at + LINE as u64;
        if header.payload_bytes > file_end - payload {
            break;
        }
        at = payload + header.payload_bytes;
        if header.kind == Kind::Rows {
            rows += header.count;
        }
        blocks.push(Block { header, at: payload as usize / LINE });
    }
    Ok(Ok(Walked { blocks, end: at }))
}

fn is_zero_from(source: &mut (impl Read + Seek), start: u64) -> IoResult<bool> {
    source.seek(SeekFrom::Start(start))?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = source.read(&mut buffer)?;
        if count == 0 {
            return Ok(true);
        }
        if buffer[..count].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
}

/// Compares the payloads of all blocks with their checksums, on all cores.
///
/// # Errors        a payload differs → `Damaged`
pub(super) fn verify(content: &[Line], blocks: &[Block]) -> Result<(), CodesFault> {
    blocks.par_iter().try_for_each(|block| {
        let payload: &[u8] = bytemuck::cast_slice(block.payload(content));
        let hashes = payload.par_chunks(PIECE).map(|piece| {
            let mut hasher = crc32fast::Hasher::new();
            hasher.update(piece);
            hasher
        });
        let joined =
            hashes.collect::<Vec<_>>().into_iter().fold(crc32fast::Hasher::new(), |mut all, next| {
                all.combine(&next);
                all
            });
        if joined.finalize() == block.header.payload_checksum {
            return Ok(());
        }
        let reason = "the content of a block does not match its checksum";
        Err(CodesFault::Damaged { at: (block.at * LINE) as u64, reason })
    })
}
