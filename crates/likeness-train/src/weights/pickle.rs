//! Scans the instructions of a pickle without executing them, and rejects names other than those of tensors.
//!
//! A pickle is a program for a stack machine, whose instructions GLOBAL and STACK_GLOBAL name a Python object to be called.
//! Only the names that describe tensors are allowed, as in PyTorch's `weights_only` loading. The reader executes nothing
//! either; this scan reports unsafe files as such. The instructions are documented in Python's `pickletools`.

use super::file::bad;
use crate::error::{Result, TrainError};
use fs_err::File;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

/// Maximum size of a pickle inside an archive, which holds names and shapes, not values.
const MAX_PICKLE_BYTES: u64 = 64 << 20;
/// Maximum length of the name of a Python object.
const MAX_LINE_BYTES: u64 = 4096;

/// Python objects that describe tensors.
const ALLOWED: [&str; 12] = [
    "collections.OrderedDict",
    "collections.defaultdict",
    "builtins.dict",
    "__builtin__.dict",
    "torch.Size",
    "torch.device",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch.nn.parameter.Parameter",
    "torch.serialization._get_layout",
    "torch.storage.UntypedStorage",
];

/// Number types of PyTorch, as in `torch.FloatStorage` and `torch.float32`.
const STORAGES: [&str; 12] = [
    "FloatStorage",
    "DoubleStorage",
    "HalfStorage",
    "BFloat16Storage",
    "LongStorage",
    "IntStorage",
    "ShortStorage",
    "CharStorage",
    "ByteStorage",
    "BoolStorage",
    "float32",
    "float16",
];

/// Whether a file begins as an archive or a pickle, and not as safetensors (a length of eight bytes, then `{`).
///
/// # Errors    the disk → [`TrainError::Io`]
pub(super) fn looks_like_pytorch(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(9).read_to_end(&mut start)?;
    let pickle = matches!(start[..], [0x80, 0..=5, ..]);
    let safetensors = matches!(start[..], [_, _, _, _, _, 0, 0, 0, b'{']);
    Ok(start.starts_with(b"PK") || pickle && !safetensors)
}

/// Checks the pickle of an archive, or the pickles at the start of an old file.
///
/// # Errors    other objects than tensors → [`TrainError::UnsafePickle`] · damage → [`TrainError::BadWeights`]
pub(super) fn check(path: &Path) -> Result<()> {
    let mut start = [0; 2];
    File::open(path)?.read_exact(&mut start).map_err(|_| bad(path, "the file is too short".into()))?;
    if &start != b"PK" {
        // magic number, protocol, system, tensors, names of the storages
        let mut reader = BufReader::new(File::open(path)?);
        return (0..5).try_for_each(|_| Walker::new(path).walk(&mut reader));
    }
    let damaged = |error: zip::result::ZipError| bad(path, format!("damaged archive: {error}"));
    let mut archive = zip::ZipArchive::new(BufReader::new(File::open(path)?)).map_err(damaged)?;
    let mut found = false;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(damaged)?;
        if !entry.name().map_err(damaged)?.ends_with(".pkl") {
            continue;
        }
        found = true;
        let mut bytes = Vec::new();
        let read = entry.take(MAX_PICKLE_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| bad(path, format!("damaged archive: {error}")))?;
        if bytes.len() as u64 > MAX_PICKLE_BYTES {
            return Err(bad(path, format!("a pickle of more than {MAX_PICKLE_BYTES} bytes")));
        }
        Walker::new(path).walk(&mut Cursor::new(bytes))?;
    }
    if !found {
        return Err(bad(path, "an archive without a pickle, thus not from torch.save".into()));
    }
    Ok(())
}

/// The operand of an instruction.
#[derive(Debug, Clone, Copy)]
enum Argument {
    None,
    /// A fixed number of bytes.
    Bytes(u64),
    /// A length with this number of bytes, followed by as many bytes as it states.
    Counted(usize),
    /// A length with this number of bytes, followed by that much text, which is pushed onto the stack.
    Text(usize),
    /// Text up to the end of the line.
    Line,
}

fn argument(instruction: u8) -> Option<Argument> {
    Some(match instruction {
        b'('
        | b'.'
        | b'0'
        | b'1'
        | b'2'
        | b'N'
        | b'Q'
        | b'R'
        | b'a'
        | b'b'
        | b'd'
        | b'}'
        | b'e'
        | b'l'
        | b']'
        | b'o'
        | b's'
        | b't'
        | b')'
        | b'u'
        | 0x81
        | 0x85..=0x89
        | 0x8f..=0x94 => Argument::None,
        b'K' | b'h' | b'q' | 0x80 => Argument::Bytes(1),
        b'M' => Argument::Bytes(2),
        b'J' | b'j' | b'r' => Argument::Bytes(4),
        b'G' | 0x95 => Argument::Bytes(8),
        b'U' | 0x8c => Argument::Text(1),
        b'X' | b'T' => Argument::Text(4),
        0x8d => Argument::Text(8),
        b'C' | 0x8a => Argument::Counted(1),
        b'B' | 0x8b => Argument::Counted(4),
        0x8e | 0x96 => Argument::Counted(8),
        b'F' | b'I' | b'L' | b'S' | b'V' | b'P' | b'g' | b'p' => Argument::Line,
        _ => return None, // among them the extension registry and buffers outside the file
    })
}

/// Tracks the texts on the stack of a pickle, which name objects.
struct Walker<'a> {
    path: &'a Path,
    pushed: [Option<String>; 2],
    memo: HashMap<u32, String>,
    memoized: u32,
}

impl<'a> Walker<'a> {
    fn new(path: &'a Path) -> Self {
        Self { path, pushed: [None, None], memo: HashMap::new(), memoized: 0 }
    }

    /// Scans one pickle to its end.
    fn walk(&mut self, reader: &mut impl BufRead) -> Result<()> {
        loop {
            let instruction = self.bytes(reader, 1)?[0];
            match instruction {
                b'.' => return Ok(()),
                b'c' => {
                    let (module, name) = (self.line(reader)?, self.line(reader)?);
                    self.name(&module, &name)?;
                }
                b'i' => {
                    let (module, name) = (self.line(reader)?, self.line(reader)?);
                    return Err(self.refused(format!("{module}.{name}")));
                }
                0x93 => match self.pushed.clone() {
                    [Some(module), Some(name)] => self.name(&module, &name)?,
                    _ => return Err(self.refused("an object whose name is computed".into())),
                },
                _ => self.step(instruction, reader)?,
            }
        }
    }

    fn step(&mut self, instruction: u8, reader: &mut impl BufRead) -> Result<()> {
        let Some(argument) = argument(instruction) else {
            return Err(bad(
                self.path,
                format!("the pickle has an instruction 0x{instruction:02x} that is not read"),
            ));
        };
        let value = match argument {
            Argument::None => Vec::new(),
            Argument::Bytes(count) => self.bytes(reader, count)?,
            Argument::Line => self.line(reader)?.into_bytes(),
            Argument::Counted(width) | Argument::Text(width) => {
                let mut length = [0; 8];
                length[..width].copy_from_slice(&self.bytes(reader, width as u64)?);
                self.bytes(reader, u64::from_le_bytes(length))?
            }
        };
        let number = || value.iter().rev().fold(0u32, |sum, byte| (sum << 8) | u32::from(*byte));
        let line = || String::from_utf8_lossy(&value).trim().parse::<u32>().unwrap_or(u32::MAX);
        match instruction {
            b'h' | b'j' => self.push(self.memo.get(&number()).cloned()),
            b'g' => self.push(self.memo.get(&line()).cloned()),
            b'q' | b'r' => self.remember(number()),
            b'p' => self.remember(line()),
            0x94 => self.remember(self.memoized),
            0x80 | 0x95 => {}
            b'V' => self.push(Some(String::from_utf8_lossy(&value).into_owned())),
            _ if matches!(argument, Argument::Text(_)) => {
                self.push(Some(String::from_utf8_lossy(&value).into_owned()));
            }
            _ => self.push(None),
        }
        Ok(())
    }

    fn push(&mut self, text: Option<String>) {
        self.pushed.swap(0, 1);
        self.pushed[1] = text;
    }

    fn remember(&mut self, index: u32) {
        self.memoized = self.memoized.saturating_add(1);
        match &self.pushed[1] {
            Some(text) => self.memo.insert(index, text.clone()),
            None => self.memo.remove(&index),
        };
    }

    fn name(&mut self, module: &str, name: &str) -> Result<()> {
        let full = format!("{module}.{name}");
        let storage = matches!(module, "torch" | "torch.storage" | "torch.cuda") && STORAGES.contains(&name);
        if !storage && !ALLOWED.contains(&full.as_str()) {
            return Err(self.refused(full));
        }
        self.push(None);
        Ok(())
    }

    fn refused(&self, object: String) -> TrainError {
        TrainError::UnsafePickle { path: self.path.to_owned(), object }
    }

    fn line(&self, reader: &mut impl BufRead) -> Result<String> {
        let mut line = Vec::new();
        let limited = reader.take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        limited.map_err(|error| bad(self.path, error.to_string()))?;
        if line.pop() != Some(b'\n') {
            return Err(bad(self.path, "the pickle ends within a name, or the name is too long".into()));
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// Reads `length` bytes. A length beyond the end of the file allocates no memory.
    fn bytes(&self, reader: &mut impl BufRead, count: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let found = reader.take(count).read_to_end(&mut bytes);
        match found.map_err(|error| bad(self.path, error.to_string()))? as u64 {
            found if found == count => Ok(bytes),
            found => {
                Err(bad(self.path, format!("the pickle ends early: {count} bytes expected, {found} found")))
            }
        }
    }
}
