//! Reads the header of a JPEG file: size, EXIF orientation, and the embedded XMP packet (ISO/IEC 10918-1, annex B; EXIF 3.0, section
//! 4.5; ISO 16684-3).

use std::io::{BufRead, BufReader, Read, Result};
use std::path::Path;

use super::{Orientation, PhotoFrame, Size};

/// The largest number of bytes before the pixels that are searched. Phones store previews and depth maps of some MiB there.
const MAX_HEADER_BYTES: u64 = 64 << 20;
const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// EXIF tag of the orientation.
const ORIENTATION: u16 = 0x0112;

/// What the header of a JPEG file says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JpegFacts {
    /// The size of the stored image; `None` if the file ends before it.
    pub size: Option<Size>,
    /// The EXIF orientation; upright if none is stored.
    pub orientation: Orientation,
    /// The XMP packet. Extended XMP, the part beyond 64 KiB, is not read.
    pub xmp: Option<Vec<u8>>,
}

impl JpegFacts {
    /// The frame of the photo, if its size is known.
    pub fn frame(&self) -> Option<PhotoFrame> {
        Some(PhotoFrame { stored: self.size?, orientation: self.orientation })
    }
}

/// Reads the header of the JPEG file at `path`; `None` if it is not a JPEG file.
///
/// # Conventions   a damaged header gives what was read before the damage
/// # Errors        the file cannot be read
pub fn jpeg_facts(path: &Path) -> Result<Option<JpegFacts>> {
    let file = BufReader::new(fs_err::File::open(path)?.take(MAX_HEADER_BYTES));
    read(file)
}

fn read(mut file: impl BufRead) -> Result<Option<JpegFacts>> {
    if file.fill_buf()?.first_chunk() != Some(&[0xff, 0xd8]) {
        return Ok(None);
    }
    file.consume(2);
    let mut facts = JpegFacts::default();
    while let Some((marker, segment)) = segment(&mut file)? {
        match marker {
            0xe1 if segment.starts_with(EXIF) => {
                facts.orientation = orientation(&segment[EXIF.len()..]).unwrap_or_default();
            }
            0xe1 if segment.starts_with(XMP) => facts.xmp = Some(segment[XMP.len()..].to_vec()),
            // Frames, except tables of Huffman codes (C4), extensions (C8) and arithmetic codes (CC).
            0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&marker) => facts.size = size(&segment),
            _ => {}
        }
    }
    Ok(Some(facts))
}

/// The next segment with its marker; `None` at the pixels, at the end, or where the file is damaged.
fn segment(file: &mut impl BufRead) -> Result<Option<(u8, Vec<u8>)>> {
    let mut byte = [0];
    let mut next =
        |file: &mut dyn BufRead| Ok::<_, std::io::Error>((file.read(&mut byte)? == 1).then_some(byte[0]));
    if next(file)? != Some(0xff) {
        return Ok(None);
    }
    let mut marker = next(file)?;
    while marker == Some(0xff) {
        marker = next(file)?;
    }
    let (Some(marker), Some(high), Some(low)) = (marker, next(file)?, next(file)?) else { return Ok(None) };
    let is_pixels = marker == 0xda || marker == 0xd9;
    let length = u64::from(u16::from_be_bytes([high, low]));
    if is_pixels || length < 2 {
        return Ok(None);
    }
    let mut segment = Vec::new();
    file.take(length - 2).read_to_end(&mut segment)?;
    Ok((segment.len() as u64 == length - 2).then_some((marker, segment)))
}

fn size(frame: &[u8]) -> Option<Size> {
    let [_, y1, y0, x1, x0] = *frame.first_chunk()?;
    let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
    let (width, height) = (side(x1, x0), side(y1, y0));
    (width > 0 && height > 0).then_some(Size { width, height })
}

/// The orientation in the first directory of EXIF data, which is a TIFF file.
fn orientation(tiff: &[u8]) -> Option<Orientation> {
    let is_little = match tiff.first_chunk()? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk()?;
        Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let directory = long(4)? as usize;
    let count = usize::from(short(directory)?);
    let entry =
        (0..count).map(|index| directory + 2 + 12 * index).find(|&at| short(at) == Some(ORIENTATION))?;
    Orientation::of_exif(short(entry + 8)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
        [&[0xff, marker][..], &length, content].concat()
    }

    /// EXIF data with one entry, the orientation.
    fn exif(is_little: bool, value: u16) -> Vec<u8> {
        let short = |value: u16| if is_little { value.to_le_bytes() } else { value.to_be_bytes() };
        let long = |value: u32| if is_little { value.to_le_bytes() } else { value.to_be_bytes() };
        let start: &[u8] = if is_little { b"II" } else { b"MM" };
        let parts = [
            EXIF,
            start,
            &short(42),
            &long(8),
            &short(1),
            &short(ORIENTATION),
            &short(3),
            &long(1),
            &short(value),
            &short(0),
            &long(0),
        ];
        parts.concat()
    }

    fn photo(is_little: bool, value: u16) -> Vec<u8> {
        let frame = segment(0xc2, &[8, 0x0b, 0xb8, 0x0f, 0xa0, 3]);
        let parts = [
            vec![0xff, 0xd8],
            segment(0xe0, b"JFIF\0"),
            segment(0xe1, &exif(is_little, value)),
            vec![0xff],
            segment(0xe1, &[XMP, b"<packet/>"].concat()),
            segment(0xc4, &[1, 2, 3, 4, 5, 6]),
            frame,
            segment(0xda, b"pixels"),
            segment(0xe1, &[XMP, b"behind the pixels"].concat()),
        ];
        parts.concat()
    }

    #[test]
    fn the_header_is_read() {
        for is_little in [true, false] {
            for orientation in Orientation::ALL {
                let facts = read(&photo(is_little, orientation.to_exif())[..]).unwrap().unwrap();
                assert_eq!(facts.orientation, orientation);
                assert_eq!(facts.size, Some(Size { width: 4000, height: 3000 }));
                assert_eq!(facts.xmp.as_deref(), Some(&b"<packet/>"[..]));
            }
        }
        assert_eq!(read(&photo(true, 9)[..]).unwrap().unwrap().orientation, Orientation::Upright);
    }

    #[test]
    fn damaged_headers_give_what_they_have() {
        let whole = photo(true, 6);
        for cut in 0..whole.len() {
            let facts = read(&whole[..cut]).unwrap();
            assert_eq!(facts.is_some(), cut >= 2, "{cut}");
        }
        for byte in 0..whole.len() {
            let mut changed = whole.clone();
            changed[byte] ^= 0xff;
            read(&changed[..]).unwrap();
        }
        assert_eq!(read(&b"\x89PNG"[..]).unwrap(), None);
    }
}
