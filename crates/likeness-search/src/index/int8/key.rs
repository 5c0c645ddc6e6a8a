//! The header of a file of codes: which gallery, model and distance the codes belong to.
//!
//! ```text
//! offset  size  content                                   (integers are little-endian)
//!      0    16  "likeness codes\n\0"
//!     16     4  format version
//!     20     4  length of the header, a multiple of 64
//!     24     4  CRC-32 of the header, with this field as zero
//!     28     4  distance, as an index into `Distance::ALL`
//!     32     4  dimension
//!     36     4  length of the fingerprint
//!     40     4  length of the gallery's id
//!     44        fingerprint, gallery's id, zeros up to the length of the header
//! ```

use super::layout::{LINE, padded};
use crate::{CodesFault, Distance};

const SIGNATURE: &[u8; 16] = b"likeness codes\n\0";
/// The version that this program writes.
const VERSION: u32 = 1;
const TEXT_START: usize = 44;
/// Number of bytes that are needed to find the length of the header.
pub(super) const FIXED: usize = 28;
/// The longest header that is read; fingerprints and ids are shorter than 100 bytes.
const MAX_HEADER: usize = 1 << 16;

/// What a file of codes belongs to. An index opens only for an equal key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodesKey {
    /// The fingerprint of the model that computed the vectors.
    pub fingerprint: String,
    /// The number of values in a vector.
    pub dimension: usize,
    /// The distance that orders the rankings.
    pub distance: Distance,
    /// The unique id of the gallery.
    pub gallery: String,
}

impl CodesKey {
    /// The header of a file with this key.
    pub(super) fn encode(&self) -> Vec<u8> {
        let text = self.fingerprint.len() + self.gallery.len();
        let length = padded(TEXT_START + text);
        let distance = Distance::ALL.iter().position(|d| *d == self.distance);
        let numbers = [
            VERSION,
            length as u32,
            0,
            distance.expect("ALL has every distance") as u32,
            self.dimension as u32,
            self.fingerprint.len() as u32,
            self.gallery.len() as u32,
        ];
        let mut header = SIGNATURE.to_vec();
        numbers.iter().for_each(|number| header.extend(number.to_le_bytes()));
        header.extend(self.fingerprint.as_bytes());
        header.extend(self.gallery.as_bytes());
        header.resize(length, 0);
        let checksum = crc32fast::hash(&header);
        header[24..28].copy_from_slice(&checksum.to_le_bytes());
        header
    }

    /// The length of the header that begins with `start`.
    pub(super) fn header_length(start: &[u8; FIXED]) -> Result<usize, CodesFault> {
        if &start[..16] != SIGNATURE {
            return Err(CodesFault::NotCodes);
        }
        let length = number(start, 20) as usize;
        if !(TEXT_START..=MAX_HEADER).contains(&length) || !length.is_multiple_of(LINE) {
            return Err(CodesFault::Damaged { at: 20, reason: "the length of the header is invalid" });
        }
        Ok(length)
    }

    /// The key in a whole header.
    ///
    /// The checksum is verified before the version, so a damaged version is not taken for a newer one.
    pub(super) fn decode(header: &[u8]) -> Result<Self, CodesFault> {
        let damaged = |reason| CodesFault::Damaged { at: 0, reason };
        let mut zeroed = header.to_vec();
        zeroed[24..28].fill(0);
        if crc32fast::hash(&zeroed) != number(header, 24) {
            return Err(damaged("the checksum of the header does not match"));
        }
        let found = number(header, 16);
        if found > VERSION {
            return Err(CodesFault::NewerVersion { supported: VERSION, found });
        }
        let distance = Distance::ALL.get(number(header, 28) as usize).copied();
        let lengths = [number(header, 36) as usize, number(header, 40) as usize];
        let text = |start: usize, length: usize| {
            let bytes = header.get(start..start.checked_add(length)?)?;
            String::from_utf8(bytes.to_vec()).ok()
        };
        let texts = text(TEXT_START, lengths[0]).zip(text(TEXT_START + lengths[0], lengths[1]));
        let (distance, (fingerprint, gallery)) =
            distance.zip(texts).ok_or(damaged("the header is invalid"))?;
        Ok(Self { fingerprint, dimension: number(header, 32) as usize, distance, gallery })
    }

    /// Compares the key of a file with that of the gallery.
    pub(super) fn check(&self, expected: &Self) -> Result<(), CodesFault> {
        let fields = [
            ("gallery", expected.gallery.clone(), self.gallery.clone()),
            ("fingerprint", expected.fingerprint.clone(), self.fingerprint.clone()),
            ("dimension", expected.dimension.to_string(), self.dimension.to_string()),
            ("distance", expected.distance.to_string(), self.distance.to_string()),
        ];
        match fields.into_iter().find(|(_, expected, found)| expected != found) {
            Some((field, expected, found)) => Err(CodesFault::OtherKey { field, expected, found }),
            None => Ok(()),
        }
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> CodesKey {
        CodesKey {
            fingerprint: "f00d".into(),
            dimension: 512,
            distance: Distance::Jaccard,
            gallery: "a".into(),
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let header = key().encode();
        let start = header[..FIXED].try_into().unwrap();
        assert_eq!(CodesKey::header_length(&start).unwrap(), header.len());
        assert_eq!(CodesKey::decode(&header).unwrap(), key());
    }

    #[test]
    fn every_changed_byte_is_found() {
        let header = key().encode();
        for at in 0..header.len() {
            let mut changed = header.clone();
            changed[at] ^= 1;
            let start = changed[..FIXED].try_into().unwrap();
            let found = CodesKey::header_length(&start).and_then(|length| {
                let part = changed.get(..length).unwrap_or(&changed);
                CodesKey::decode(part)
            });
            assert!(matches!(found, Err(CodesFault::NotCodes | CodesFault::Damaged { .. })), "byte {at}");
        }
    }

    #[test]
    fn a_newer_version_and_other_keys_are_named() {
        let mut header = key().encode();
        header[16] = 9;
        header[24..28].fill(0);
        let checksum = crc32fast::hash(&header);
        header[24..28].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(CodesKey::decode(&header), Err(CodesFault::NewerVersion { supported: 1, found: 9 }));
        let other = CodesKey { dimension: 128, ..key() };
        let fault = other.check(&key()).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "the codes belong to another gallery: expected the dimension 512, found 128"
        );
        assert!(key().check(&key()).is_ok());
    }
}
