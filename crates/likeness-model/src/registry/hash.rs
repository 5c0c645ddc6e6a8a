//! Computes SHA-256 of files of any size, block by block.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::Result;

/// Number of bytes read at once.
pub(super) const BLOCK_BYTES: usize = 1 << 16;

/// The SHA-256 of a file in lower-case hexadecimal digits, and its length in bytes.
///
/// # Errors        the file cannot be read → [`ModelError::Io`](crate::ModelError::Io), naming it
pub fn sha256_of(path: &Path) -> Result<(String, u64)> {
    let (mut file, mut hasher) = (fs_err::File::open(path)?, Sha256::new());
    let bytes = feed(&mut hasher, &mut file)?;
    Ok((hex(hasher), bytes))
}

/// Hashes all of `reader`, and returns the number of bytes.
pub(super) fn feed(hasher: &mut Sha256, reader: &mut impl Read) -> std::io::Result<u64> {
    let (mut block, mut bytes) = (vec![0; BLOCK_BYTES], 0);
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok(bytes),
            Ok(n) => {
                hasher.update(&block[..n]);
                bytes += n as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The digest in lower-case hexadecimal digits.
pub(super) fn hex(hasher: Sha256) -> String {
    likeness_artifact::hex(hasher.finalize())
}
