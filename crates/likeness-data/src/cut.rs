//! Extracts the faces of a photo: detects, selects, and aligns or crops them. `prepare` and `embed` share this code.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::align::{self, AlignConfig, Border, Template, crop_with_margin};
use crate::crop::{Cropper, square_around};
use crate::detect::{Detection, FaceChoice, FaceDetector};
use crate::geometry::{Landmarks, Rect};
use crate::{DataError, Result};

/// Maximum number of faces extracted from one photo, those with the highest scores. Network detectors have the same limit;
/// it bounds the memory that one picture can use.
const MOST_FACES: usize = 750;

/// Which of a photo's faces to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeepFaces {
    /// The main face: large and near the centre.
    #[default]
    Main,
    /// The largest face.
    Largest,
    /// The face nearest to the centre.
    Center,
    /// All faces, at most the 750 with the highest scores.
    All,
}

/// What to do with a photo without a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoFace {
    /// Skip the photo, count it and list it.
    #[default]
    Skip,
    /// Use the landmarks or the face box that the collection gives, or the photo's centre square.
    Keep,
}

/// Which faces to keep, and how to crop them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CutConfig {
    /// Which face to keep if there are several.
    pub faces: KeepFaces,
    /// What to do with a photo without a face.
    pub no_face: NoFace,
    /// Minimum length of the longer side of a face's box, in pixels of the photo; smaller faces are ignored.
    pub min_face_px: u32,
    /// Minimum score of a face, on the detector's own scale; faces with lower scores are ignored.
    pub min_score: f32,
    /// Margin around a face without landmarks, on each side, as a share of the box's longer side.
    pub margin: f32,
    /// Where the landmarks lie in an aligned face.
    #[serde(skip_serializing_if = "crate::settings::is_arcface")]
    pub template: Template,
}

impl Default for CutConfig {
    /// The main face, skipping photos without one, with a margin of a quarter, which includes the whole head for most detectors.
    fn default() -> Self {
        Self {
            faces: KeepFaces::Main,
            no_face: NoFace::Skip,
            min_face_px: 0,
            min_score: 0.0,
            margin: 0.25,
            template: Template::Arcface,
        }
    }
}

impl CutConfig {
    /// Checks the settings.
    ///
    /// # Errors        a margin outside (−0.5, 5], a minimum score that is not finite → [`DataError::BadArgument`]
    pub fn validate(&self) -> Result<()> {
        if !(self.margin > -0.5 && self.margin <= 5.0) {
            return Err(DataError::BadArgument {
                reason: format!("the margin must lie between -0.5 and 5, found {}", self.margin),
                hint: Some("choose a margin such as --margin 0.25".to_owned()),
            });
        }
        if !self.min_score.is_finite() {
            return Err(DataError::BadArgument {
                reason: format!("the least score must be a finite number, found {}", self.min_score),
                hint: Some("choose a score such as --min-score 0.5".to_owned()),
            });
        }
        Ok(())
    }
}

/// The position of a photo's face that its collection gives, in pixels of the upright photo.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GivenFace {
    /// The face's box; `None` if unknown.
    pub face_box: Option<Rect>,
    /// The face's landmarks; `None` if unknown.
    pub landmarks: Option<Landmarks>,
}

/// A face extracted from a photo.
#[derive(Debug, Clone, PartialEq)]
pub struct CutFace {
    /// The pixels of the face.
    pub image: RgbImage,
    /// The face's box in the photo; `None` if unknown.
    pub face_box: Option<Rect>,
    /// The face's landmarks in the photo; `None` if unknown.
    pub landmarks: Option<Landmarks>,
    /// The detector's score; `None` without a detector.
    pub score: Option<f32>,
    /// Number of faces that the detector found in the photo; `None` without a detector.
    pub found: Option<usize>,
}

/// Extracts faces from photos; use one per thread.
pub struct FaceCutter<'a> {
    detector: Option<&'a dyn FaceDetector>,
    config: &'a CutConfig,
    cropper: Cropper,
}

impl<'a> FaceCutter<'a> {
    /// Creates a cutter that finds faces with `detector`; without one it uses given landmarks, given boxes or
    /// centre squares.
    pub fn new(detector: Option<&'a dyn FaceDetector>, config: &'a CutConfig) -> Self {
        Self { detector, config, cropper: Cropper::default() }
    }

    /// Extracts the faces of `photo`, each `width` × `height`; `given` is the position of the face that the collection gives.
    ///
    /// A face with five landmarks is aligned to the template if the output is square. Otherwise its box is cropped, with
    /// the margin if a detector found it. Without a detector and without a given position, the centre square is cropped, and a
    /// picture that already has the output size is returned unchanged.
    ///
    /// # Conventions   several faces are sorted by score, highest first; landmarks that determine no transform are ignored
    /// # Errors        no face → [`DataError::NoFace`]; a given box outside the photo; an error of the detector
    pub fn cut(
        &mut self,
        photo: &RgbImage,
        given: GivenFace,
        (width, height): (u32, u32),
    ) -> Result<Vec<CutFace>> {
        let Some(detector) = self.detector else {
            return Ok(vec![self.without_detector(photo, given, (width, height))?]);
        };
        let found = detector.detect(&[photo])?.pop().unwrap_or_default();
        let count = found.len();
        let large = |d: &Detection| d.face_box.width.max(d.face_box.height) >= self.config.min_face_px as f32;
        let kept: Vec<Detection> =
            found.into_iter().filter(|d| large(d) && d.score >= self.config.min_score).collect();
        let chosen = self.choose(kept, photo);
        if chosen.is_empty() {
            return match self.config.no_face {
                NoFace::Skip => Err(no_face(count)),
                NoFace::Keep => {
                    let mut face = self.without_detector(photo, given, (width, height))?;
                    face.found = Some(count);
                    Ok(vec![face])
                }
            };
        }
        chosen.into_iter().map(|d| self.one(photo, d, count, (width, height))).collect()
    }

    fn choose(&self, mut found: Vec<Detection>, photo: &RgbImage) -> Vec<Detection> {
        let choice = match self.config.faces {
            KeepFaces::All => {
                found.truncate(MOST_FACES);
                return found;
            }
            KeepFaces::Main => FaceChoice::LargeAndCentral,
            KeepFaces::Largest => FaceChoice::Largest,
            KeepFaces::Center => FaceChoice::MostCentral,
        };
        choice.pick(&found, photo.width(), photo.height()).cloned().into_iter().collect()
    }

    fn one(
        &mut self,
        photo: &RgbImage,
        mut detection: Detection,
        found: usize,
        size: (u32, u32),
    ) -> Result<CutFace> {
        let (width, height) = size;
        let refined = self.detector.and_then(|detector| detector.refine(photo, &detection));
        detection.landmarks = refined.or(detection.landmarks);
        let image = match self.aligned(photo, detection.landmarks, size) {
            Some(face) => face,
            None => {
                let square = crop_with_margin(
                    photo,
                    &detection.face_box,
                    self.config.margin,
                    width.max(height),
                    Border::Replicate,
                )?;
                self.cropper.centre_crop(&square, width, height)?
            }
        };
        Ok(CutFace {
            image,
            face_box: Some(detection.face_box),
            landmarks: detection.landmarks,
            score: Some(detection.score),
            found: Some(found),
        })
    }

    fn without_detector(
        &mut self,
        photo: &RgbImage,
        given: GivenFace,
        (width, height): (u32, u32),
    ) -> Result<CutFace> {
        let GivenFace { face_box, landmarks } = given;
        let image = match (self.aligned(photo, landmarks, (width, height)), face_box) {
            (Some(face), _) => face,
            (None, Some(face_box)) => {
                let area = square_around(face_box, photo.width(), photo.height())?;
                self.cropper.crop(photo, area, width, height)?
            }
            (None, None) => self.cropper.centre_crop(photo, width, height)?,
        };
        Ok(CutFace { image, face_box, landmarks, score: None, found: None })
    }

    /// The face at `landmarks`, aligned to the template; `None` without usable landmarks, or if the output is not square.
    fn aligned(
        &self,
        photo: &RgbImage,
        landmarks: Option<Landmarks>,
        (width, height): (u32, u32),
    ) -> Option<RgbImage> {
        let landmarks = landmarks.filter(|_| width == height)?;
        let config = AlignConfig { size: width, template: self.config.template, ..AlignConfig::default() };
        align::align(photo, &landmarks, &config).ok()
    }
}

fn no_face(found: usize) -> DataError {
    let reason = match found {
        0 => "no face found".to_owned(),
        1 => "the one face found is too small or its score too low".to_owned(),
        n => format!("all {n} faces found are too small or their scores too low"),
    };
    DataError::NoFace { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A detector that returns fixed detections.
    struct FixedDetector(Vec<Detection>);

    impl FaceDetector for FixedDetector {
        fn name(&self) -> &str {
            "fixed"
        }

        fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<Detection>>> {
            Ok(images.iter().map(|_| self.0.clone()).collect())
        }
    }

    fn at(left: f32, side: f32, score: f32) -> Detection {
        Detection { face_box: Rect::new(left, 30.0, side, side), score, landmarks: None }
    }

    fn cut(found: Vec<Detection>, config: &CutConfig) -> Result<Vec<CutFace>> {
        let photo = RgbImage::from_fn(100, 100, |x, _| image::Rgb([x as u8; 3]));
        FaceCutter::new(Some(&FixedDetector(found)), config).cut(&photo, GivenFace::default(), (32, 32))
    }

    #[test]
    fn several_faces_are_chosen_from() {
        let found = vec![at(0.0, 30.0, 0.9), at(38.0, 25.0, 0.8), at(90.0, 5.0, 0.7)];
        let lefts = |faces| {
            let config = CutConfig { faces, ..CutConfig::default() };
            let cut = cut(found.clone(), &config).unwrap();
            cut.iter().map(|f| f.face_box.unwrap().left).collect::<Vec<_>>()
        };
        assert_eq!(lefts(KeepFaces::Largest), [0.0]);
        assert_eq!(lefts(KeepFaces::Center), [38.0]);
        assert_eq!(lefts(KeepFaces::Main), [38.0]);
        assert_eq!(lefts(KeepFaces::All), [0.0, 38.0, 90.0]);
    }

    #[test]
    fn small_and_unsure_faces_are_none() {
        let config = CutConfig { min_face_px: 28, min_score: 0.85, ..CutConfig::default() };
        assert_eq!(cut(vec![at(0.0, 30.0, 0.9), at(38.0, 25.0, 0.99)], &config).unwrap()[0].score, Some(0.9));
        let error = cut(vec![at(0.0, 30.0, 0.5)], &config).unwrap_err();
        assert!(error.to_string().contains("too small"), "{error}");
        let kept = cut(Vec::new(), &CutConfig { no_face: NoFace::Keep, ..config }).unwrap();
        assert_eq!((kept[0].score, kept[0].found), (None, Some(0)));
    }

    #[test]
    fn a_crowd_is_cut_to_its_surest() {
        let found: Vec<_> = (0..2000).map(|i| at((i % 70) as f32, 8.0, 1.0 - i as f32 / 4000.0)).collect();
        let config = CutConfig { faces: KeepFaces::All, ..CutConfig::default() };
        let cut = cut(found.clone(), &config).unwrap();
        assert_eq!(cut.len(), MOST_FACES);
        assert!(cut.iter().zip(&found).all(|(face, found)| face.score == Some(found.score)));
        assert_eq!(cut[0].found, Some(2000));
    }

    #[test]
    fn given_landmarks_align_as_detected_ones() {
        let photo = RgbImage::from_fn(100, 100, |x, y| image::Rgb([x as u8, y as u8, (x ^ y) as u8]));
        let landmarks =
            Template::Arcface.landmarks(60).map(|p| crate::geometry::Point { x: p.y + 20.0, y: 90.0 - p.x });
        let face_box = Rect::new(10.0, 10.0, 80.0, 80.0);
        let detector = FixedDetector(vec![Detection { face_box, score: 1.0, landmarks: Some(landmarks) }]);
        let config = CutConfig::default();
        let given = GivenFace { face_box: Some(face_box), landmarks: Some(landmarks) };
        let detected =
            FaceCutter::new(Some(&detector), &config).cut(&photo, GivenFace::default(), (32, 32)).unwrap();
        let mut cutter = FaceCutter::new(None, &config);
        let without = cutter.cut(&photo, given, (32, 32)).unwrap();
        assert_eq!(without[0].image, detected[0].image);
        assert_eq!((without[0].landmarks, without[0].face_box), (Some(landmarks), Some(face_box)));
        // Not square, or five equal points: the box is cropped.
        let boxed = GivenFace { landmarks: None, ..given };
        let point = GivenFace { landmarks: Some([landmarks[0]; 5]), ..given };
        for (size, other) in [((32, 24), given), ((32, 32), point)] {
            let (by_box, found) = (cutter.cut(&photo, boxed, size), cutter.cut(&photo, other, size));
            assert_eq!(found.unwrap()[0].image, by_box.unwrap()[0].image);
        }
        // A detector that finds no face keeps the given face.
        let none = FixedDetector(Vec::new());
        let keep = CutConfig { no_face: NoFace::Keep, ..config.clone() };
        let kept = FaceCutter::new(Some(&none), &keep).cut(&photo, given, (32, 32)).unwrap();
        assert_eq!((&kept[0].image, kept[0].found), (&detected[0].image, Some(0)));
    }

    #[test]
    fn landmarks_are_carried_onto_the_template() {
        let landmarks = Template::Arcface.landmarks(100);
        let found =
            Detection { face_box: Rect::new(10.0, 10.0, 80.0, 80.0), score: 1.0, landmarks: Some(landmarks) };
        let face = &cut(vec![found], &CutConfig::default()).unwrap()[0];
        // The photo's grey value increases by 1 per pixel to the right, so that of the aligned face increases by 100/32.
        let rise =
            i32::from(face.image.get_pixel(20, 16).0[0]) - i32::from(face.image.get_pixel(10, 16).0[0]);
        assert!((rise - 31).abs() <= 1, "{rise}");
    }
}
