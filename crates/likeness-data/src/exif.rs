//! The time a photo was taken, from its EXIF data.

use std::io::Cursor;

use exif::{Field, In, Reader, Tag, Value};

/// When the photo in `bytes` was taken: `YYYY-MM-DDThh:mm:ss` of the camera's clock.
///
/// `None` if the file states no time, or one that is no time. The date of the file itself says when it was copied, so it is not used.
pub(crate) fn taken(bytes: &[u8]) -> Option<String> {
    let exif = Reader::new().read_from_container(&mut Cursor::new(bytes)).ok()?;
    let tags = [Tag::DateTimeOriginal, Tag::DateTimeDigitized, Tag::DateTime];
    tags.into_iter().find_map(|tag| exif.get_field(tag, In::PRIMARY).and_then(time))
}

fn time(field: &Field) -> Option<String> {
    let Value::Ascii(texts) = &field.value else { return None };
    let time = exif::DateTime::from_ascii(texts.first()?).ok()?;
    let is_time = (1..=12).contains(&time.month)
        && (1..=31).contains(&time.day)
        && time.hour < 24
        && time.minute < 60
        && time.second < 61
        && time.year > 1800;
    is_time.then(|| {
        let (date, clock) = ((time.year, time.month, time.day), (time.hour, time.minute, time.second));
        format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.0, date.1, date.2, clock.0, clock.1, clock.2)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JPEG file whose EXIF data states a time.
    fn with_time(text: &str) -> Vec<u8> {
        let mut tiff = b"II*\0\x08\0\0\0\x01\0".to_vec();
        tiff.extend(0x8769_u16.to_le_bytes());
        tiff.extend([4, 0, 1, 0, 0, 0, 26, 0, 0, 0, 0, 0, 0, 0]);
        // The EXIF directory at 26: one text of 20 bytes at 44.
        tiff.extend([1, 0]);
        tiff.extend(0x9003_u16.to_le_bytes());
        tiff.extend([2, 0, 20, 0, 0, 0, 44, 0, 0, 0, 0, 0, 0, 0]);
        tiff.extend(text.as_bytes());
        tiff.push(0);
        let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe1];
        jpeg.extend(((tiff.len() + 8) as u16).to_be_bytes());
        jpeg.extend(b"Exif\0\0");
        jpeg.extend(tiff);
        jpeg.extend([0xff, 0xd9]);
        jpeg
    }

    #[test]
    fn the_time_is_that_of_the_camera() {
        assert_eq!(taken(&with_time("2019:07:04 16:05:59")).as_deref(), Some("2019-07-04T16:05:59"));
    }

    #[test]
    fn what_is_no_time_is_unknown() {
        for text in
            ["0000:00:00 00:00:00", "    :  :     :  :  ", "2019:13:04 16:05:59", "yesterday, at noon.."]
        {
            assert_eq!(taken(&with_time(text)), None, "{text}");
        }
        assert_eq!(taken(b""), None);
        assert_eq!(taken(&with_time("2019:07:04 16:05:59")[..40]), None);
    }
}
