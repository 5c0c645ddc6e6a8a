//! The content of a file as lines: memory-mapped, or read into memory where the file system cannot map files.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};

use memmap2::{Mmap, MmapOptions};

use super::layout::{LINE, Line};

/// The first part of a file, which does not change any more.
#[derive(Debug)]
pub(super) enum Content {
    /// Mapped: the system loads pages when they are read.
    Mapped(Mmap),
    /// Read into memory.
    Read(Vec<Line>),
}

impl Content {
    /// The first `length` bytes of `file`, a multiple of 64.
    pub(super) fn open(file: &File, length: usize) -> Result<Self> {
        // SAFETY: a mapping is sound as long as nobody changes or cuts off the mapped bytes. Indexes only append behind
        // complete blocks, cut off incomplete ones, and replace the file by renaming; only complete blocks are mapped.
        // Damage that another program does later changes distances or ends the process, but no other memory.
        match unsafe { MmapOptions::new().len(length).map(file) } {
            Ok(map) if bytemuck::try_cast_slice::<u8, Line>(&map).is_ok() => Ok(Self::Mapped(map)),
            _ => Self::read(file, length),
        }
    }

    /// As [`Content::open`], without a mapping.
    pub(super) fn read(mut file: &File, length: usize) -> Result<Self> {
        let mut lines = vec![Line::ZERO; length / LINE];
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(bytemuck::cast_slice_mut(&mut lines))?;
        Ok(Self::Read(lines))
    }

    /// The content.
    pub(super) fn lines(&self) -> &[Line] {
        match self {
            Self::Mapped(map) => bytemuck::cast_slice(map),
            Self::Read(lines) => lines,
        }
    }
}
