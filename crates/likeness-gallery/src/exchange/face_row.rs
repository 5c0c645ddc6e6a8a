//! One face of a photo, with the person that it shows.

use likeness_search::Row;

use super::matching::match_rects;
use super::{DEFAULT_MIN_OVERLAP, Origin, Rect};

/// A face of a photo. Only `photo` is always known.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FaceRow {
    /// The path of the photo, as text.
    pub photo: String,
    /// The index of the face in its photo, counted from 0.
    pub face: Option<u32>,
    /// The face's box in pixels of the upright photo: left, top, width, height.
    pub face_box: Option<[i32; 4]>,
    /// The name of the person.
    pub person: Option<String>,
    /// Who decided that the face shows the person.
    pub origin: Option<Origin>,
    /// The distance of the face to the person's nearest references.
    pub distance: Option<f64>,
    /// The quality score of the face.
    pub quality: Option<f64>,
    /// The day on which the person was born: `YYYY-MM-DD`.
    pub born: Option<String>,
    /// SHA-256 of the photo's content in hexadecimal.
    pub sha256: Option<String>,
}

/// The face of a photo that a row refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// The face with this index.
    Face(usize),
    /// The photo has no face.
    NoFaces,
    /// The row has neither a box nor an index, and the photo has several faces.
    SeveralFaces,
    /// No face has the box or the index of the row.
    NoSuchFace,
}

impl FaceRow {
    /// Finds the face that the row refers to among the boxes of a photo's faces, in pixels of the upright photo.
    ///
    /// # Conventions   a box counts more than an index, because other detectors number the faces differently; a row without
    ///   both refers to the only face of a photo
    /// # Examples
    ///
    /// ```
    /// use likeness_gallery::exchange::{FaceRow, Placement};
    ///
    /// let row = FaceRow { photo: "a.jpg".into(), ..FaceRow::default() };
    /// assert_eq!(row.place(&[[10, 10, 40, 40]]), Placement::Face(0));
    /// assert_eq!(row.place(&[[10, 10, 40, 40], [90, 10, 40, 40]]), Placement::SeveralFaces);
    /// let row = FaceRow { face_box: Some([88, 12, 41, 40]), ..row };
    /// assert_eq!(row.place(&[[10, 10, 40, 40], [90, 10, 40, 40]]), Placement::Face(1));
    /// ```
    pub fn place(&self, faces: &[[i32; 4]]) -> Placement {
        match (self.face_box, self.face) {
            _ if faces.is_empty() => Placement::NoFaces,
            (Some(face_box), _) => {
                let rect = |[left, top, width, height]: [i32; 4]| {
                    let [left, top, width, height] = [left, top, width, height].map(f64::from);
                    Rect { left, top, width, height }
                };
                let rects: Vec<Rect> = faces.iter().copied().map(rect).collect();
                let matches = match_rects(&[rect(face_box)], &rects, DEFAULT_MIN_OVERLAP);
                matches.matched.first().map_or(Placement::NoSuchFace, |pair| Placement::Face(pair.face))
            }
            (None, Some(face)) if (face as usize) < faces.len() => Placement::Face(face as usize),
            (None, Some(_)) => Placement::NoSuchFace,
            (None, None) if faces.len() == 1 => Placement::Face(0),
            (None, None) => Placement::SeveralFaces,
        }
    }
}

impl From<&FaceRow> for Row {
    fn from(face: &FaceRow) -> Self {
        Self {
            name: face.photo.clone(),
            face: face.face.unwrap_or(0),
            path: face.photo.clone(),
            sha256: face.sha256.clone().unwrap_or_default(),
            identity: face.person.clone(),
            face_box: face.face_box,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_placed_by_box_then_index_then_if_there_is_one_face() {
        let faces = [[0, 0, 10, 10], [20, 0, 10, 10]];
        let place = |face, face_box, faces: &[[i32; 4]]| {
            FaceRow { face, face_box, ..FaceRow::default() }.place(faces)
        };
        assert_eq!(place(Some(0), Some([21, 0, 10, 10]), &faces), Placement::Face(1));
        assert_eq!(place(Some(0), Some([50, 0, 10, 10]), &faces), Placement::NoSuchFace);
        assert_eq!(place(Some(1), None, &faces), Placement::Face(1));
        assert_eq!(place(Some(2), None, &faces), Placement::NoSuchFace);
        assert_eq!(place(None, None, &faces), Placement::SeveralFaces);
        assert_eq!(place(None, None, &faces[..1]), Placement::Face(0));
        assert_eq!(place(Some(0), Some([0; 4]), &[]), Placement::NoFaces);
    }
}
