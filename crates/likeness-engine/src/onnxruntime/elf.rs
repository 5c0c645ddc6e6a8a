//! Whether a file is a whole shared library.
//!
//! The system's loader maps a library's segments without asking whether the file reaches so far; one that was cut short
//! ends the program with a bus error. So the segments are held against the file's length first (ELF, the format of Linux
//! and the BSDs; other systems' loaders check for themselves).

use std::io::Read;
use std::path::Path;

/// Bytes that hold the header and, in every library that a linker has made, the table of segments.
const HEAD_BYTES: u64 = 4096;
const HEADER_BYTES: usize = 64;
const SEGMENT_BYTES: usize = 56;
/// The kind of a segment that is mapped.
const LOADED: u32 = 1;

/// Looks at the file at `path`.
///
/// # Errors        why it cannot be loaded, in words
pub(super) fn check(path: &Path) -> Result<(), String> {
    let file = fs_err::File::open(path).map_err(|e| e.to_string())?;
    let length = file.metadata().map_err(|e| e.to_string())?.len();
    let mut head = Vec::new();
    file.take(HEAD_BYTES).read_to_end(&mut head).map_err(|e| e.to_string())?;
    whole(&head, length)
}

/// The same for a file of `length` bytes that begins with `head`.
fn whole(head: &[u8], length: u64) -> Result<(), String> {
    const ELF_64_LITTLE: [u8; 6] = [0x7f, b'E', b'L', b'F', 2, 1];
    if !head.starts_with(&ELF_64_LITTLE) || head.len() < HEADER_BYTES {
        return Err("is no 64-bit shared library".into());
    }
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| head[at + i]));
    let short = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    let (table, size, count) = (number(32), usize::from(short(54)), usize::from(short(56)));
    let first = usize::try_from(table).map_err(|e| e.to_string())?;
    for i in 0..count {
        let at = first.saturating_add(i * size);
        if size < SEGMENT_BYTES || at.saturating_add(SEGMENT_BYTES) > head.len() {
            return Err("its table of segments is not where a library has it".into());
        }
        let kind = u32::from_le_bytes(std::array::from_fn(|i| head[at + i]));
        let end = number(at + 8).saturating_add(number(at + 32));
        if kind == LOADED && end > length {
            return Err(format!("is cut short: {end} bytes expected, {length} found"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A library with one segment that ends at `end`.
    fn library(end: u64) -> Vec<u8> {
        let mut head = vec![0; HEADER_BYTES + SEGMENT_BYTES];
        head[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
        head[32] = HEADER_BYTES as u8;
        head[54] = SEGMENT_BYTES as u8;
        head[56] = 1;
        head[HEADER_BYTES] = LOADED as u8;
        head[HEADER_BYTES + 8..][..8].copy_from_slice(&100u64.to_le_bytes());
        head[HEADER_BYTES + 32..][..8].copy_from_slice(&(end - 100).to_le_bytes());
        head
    }

    #[test]
    fn segments_are_held_against_the_length() {
        assert_eq!(whole(&library(5000), 5000), Ok(()));
        assert!(whole(&library(5000), 4999).unwrap_err().contains("5000 bytes expected, 4999 found"));
        assert!(whole(&library(5000)[..100], 5000).unwrap_err().contains("table of segments"));
        for other in
            [&b""[..], b"GROUP ( /usr/lib/libc.so.6 )", &[0x7f, b'E', b'L', b'F', 1, 1], &library(200)[..60]]
        {
            assert!(whole(other, 5000).unwrap_err().contains("no 64-bit shared library"));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_that_runs_is_whole_and_its_first_half_is_not() {
        let program = std::env::current_exe().unwrap();
        assert_eq!(check(&program), Ok(()));
        let folder = tempfile::tempdir().unwrap();
        let half = folder.path().join("half.so");
        let bytes = fs_err::read(&program).unwrap();
        fs_err::write(&half, &bytes[..bytes.len() / 2]).unwrap();
        assert!(check(&half).unwrap_err().contains("cut short"));
    }
}
