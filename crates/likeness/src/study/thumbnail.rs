//! Small JPEG pictures of a report.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{RgbImage, imageops};
use likeness_data::decode::PhotoReader;
use likeness_data::limits::Limits;
use likeness_report::evaluation::Jpeg;
use likeness_search::Row;

/// Edge of a thumbnail, in pixels.
const EDGE_PX: u32 = 88;
/// JPEG quality; a thumbnail takes about 2 kB.
const QUALITY: u8 = 68;
/// The most thumbnails of one report, so that its page stays small.
const MOST: usize = 320;
/// Share of a face's box that is shown around it, on each side.
const MARGIN: f32 = 0.25;

/// The thumbnails of a report, each made once.
pub(super) struct Thumbnails {
    reader: PhotoReader,
    /// The box of each face, by the photo's name and the number of the face: models of whole pictures know none.
    boxes: HashMap<(String, u32), [i32; 4]>,
    made: Mutex<HashMap<(PathBuf, u32), Option<Jpeg>>>,
}

impl Thumbnails {
    /// No thumbnails yet; photos are read within `limits`, and the faces in `rows` are cut out of them.
    pub(super) fn new<'r>(limits: Limits, rows: impl Iterator<Item = &'r Row>) -> Self {
        let boxes = rows.filter_map(|row| Some(((row.name.clone(), row.face), row.face_box?))).collect();
        Self { reader: PhotoReader::new(limits), boxes, made: Mutex::new(HashMap::new()) }
    }

    /// The thumbnail of a row's face or photo; `None` if the photo cannot be read, or the report has enough thumbnails.
    pub(super) fn of(&self, row: &Row) -> Option<Jpeg> {
        let path = row.photo_path()?;
        let face_box = self.boxes.get(&(row.name.clone(), row.face)).copied();
        let key = (path, row.face);
        let mut made = self.made.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = made.get(&key) {
            return known.clone();
        }
        if made.len() >= MOST {
            return None;
        }
        let picture = self.reader.read(&key.0).ok().and_then(|photo| jpeg(&square(&photo.image, face_box)));
        made.insert(key, picture.clone());
        picture
    }
}

/// The square around the box, or the centre square, as large as the picture allows.
fn square(picture: &RgbImage, face_box: Option<[i32; 4]>) -> RgbImage {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let (x, y, side) = match face_box {
        Some([left, top, w, h]) => {
            let (w, h) = (w as f32, h as f32);
            (left as f32 + w / 2.0, top as f32 + h / 2.0, w.max(h) * (1.0 + 2.0 * MARGIN))
        }
        None => (width / 2.0, height / 2.0, width.min(height)),
    };
    let side = side.min(width).min(height).max(1.0);
    let left = (x - side / 2.0).clamp(0.0, width - side) as u32;
    let top = (y - side / 2.0).clamp(0.0, height - side) as u32;
    let cut = imageops::crop_imm(picture, left, top, side as u32, side as u32).to_image();
    imageops::resize(&cut, EDGE_PX, EDGE_PX, FilterType::Triangle)
}

/// The JPEG file of a picture.
pub(super) fn jpeg(picture: &RgbImage) -> Option<Jpeg> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(picture).ok()?;
    Some(Jpeg(bytes))
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn squares_stay_inside_the_picture() {
        let picture = RgbImage::from_fn(60, 40, |x, _| Rgb([x as u8 * 4; 3]));
        for face_box in
            [None, Some([0, 0, 10, 10]), Some([50, 30, 30, 30]), Some([-9, -9, 5, 5]), Some([5; 4])]
        {
            assert_eq!(square(&picture, face_box).dimensions(), (EDGE_PX, EDGE_PX));
        }
        let right = square(&picture, Some([50, 10, 10, 10]));
        assert!(right.get_pixel(44, 44)[0] > 190, "the right edge is bright");
        assert!(jpeg(&right).unwrap().0.len() < 4000);
        assert_eq!(square(&RgbImage::new(1, 1), None).dimensions(), (EDGE_PX, EDGE_PX));
    }
}
