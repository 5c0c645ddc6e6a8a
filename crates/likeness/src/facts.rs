//! Facts about the photo of each row of a table: size, sharpness, brightness and pose of the face.
//!
//! Evaluations are reported for slices of these columns. A dataset's manifest has the box, the landmarks, the score and the
//! number of faces; the file of the face is only decoded for brightness and sharpness. In other photos, faces are detected.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use image::RgbImage;
use likeness_data::align::{Border, Template, crop_with_margin};
use likeness_data::cut::{CutConfig, CutFace, FaceCutter, GivenFace, KeepFaces, NoFace};
use likeness_data::dataset::Dataset;
use likeness_data::decode::PhotoReader;
use likeness_data::detect::{Detection, FaceChoice};
use likeness_data::geometry::{Landmarks, Rect};
use likeness_data::inspect::{Tone, laplacian_variance, pose};
use likeness_data::manifest::Face;
use likeness_data::ordered::OrderedPool;
use likeness_data::photos::{Skipped, display_name};
use likeness_data::scale::{Filter, scale};
use likeness_embed::EmbedError;
use likeness_search::{EmbeddingTable, Row};

use crate::context::Context;
use crate::detector::{self, LoadedDetector};
use crate::options::PhotoOptions;
use crate::{LikenessError, Result};

/// Side of the crop whose brightness and sharpness are measured, in pixels. One size makes them comparable.
const CROP_PX: u32 = 112;
/// Smallest overlap (intersection over union) of a detected face with the box of a row.
const SAME_FACE: f32 = 0.3;
/// Photos of each worker thread that are begun and not received.
const UNDER_WAY: usize = 4;

/// The columns of [`Facts`].
pub const COLUMNS: [&str; 7] =
    ["face_size", "sharpness", "brightness", "yaw", "roll", "detector_score", "faces"];

/// What is known about a face and its photo. A value that is not known is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Facts {
    /// Longer side of the face's box, in pixels of the photo.
    pub face_size: Option<f32>,
    /// Variance of the Laplacian of the face, scaled to 112 × 112 pixels; small for a blurred face.
    pub sharpness: Option<f32>,
    /// Mean luma of the face, from 0 to 255.
    pub brightness: Option<f32>,
    /// Turn to the side in degrees, from the landmarks; see [`pose`].
    pub yaw_degrees: Option<f32>,
    /// Tilt in degrees, from the landmarks; see [`pose`].
    pub roll_degrees: Option<f32>,
    /// Score of the detector, on its own scale.
    pub detector_score: Option<f32>,
    /// Number of faces that the detector found in the photo.
    pub faces: Option<usize>,
}

impl Facts {
    /// The value of one of [`COLUMNS`]; `None` if it is not known, or there is no such column.
    ///
    /// # Examples
    /// ```
    /// use likeness::facts::Facts;
    /// let facts = Facts { faces: Some(2), ..Facts::default() };
    /// assert_eq!((facts.value("faces"), facts.value("yaw"), facts.value("age")), (Some(2.0), None, None));
    /// ```
    pub fn value(&self, column: &str) -> Option<f64> {
        match column {
            "face_size" => self.face_size.map(f64::from),
            "sharpness" => self.sharpness.map(f64::from),
            "brightness" => self.brightness.map(f64::from),
            "yaw" => self.yaw_degrees.map(f64::from),
            "roll" => self.roll_degrees.map(f64::from),
            "detector_score" => self.detector_score.map(f64::from),
            "faces" => self.faces.map(|count| count as f64),
            _ => None,
        }
    }

    /// The facts that follow from the place of a face.
    fn placed(face_box: Option<&Rect>, landmarks: Option<&Landmarks>) -> Self {
        let pose = landmarks.and_then(pose);
        Self {
            face_size: face_box.map(|b| b.width.max(b.height)),
            yaw_degrees: pose.map(|pose| pose.yaw_degrees),
            roll_degrees: pose.map(|pose| pose.roll_degrees),
            ..Self::default()
        }
    }

    /// These facts with brightness and sharpness of `crop`, which has [`CROP_PX`] pixels on each side.
    fn seen(self, crop: &RgbImage) -> Self {
        Self {
            brightness: Some(Tone::of(crop).brightness),
            sharpness: Some(laplacian_variance(crop)),
            ..self
        }
    }
}

/// The facts of each row of `table`, in order.
///
/// `input` is what the table was loaded from. Rows of a dataset, and rows of an embeddings file of a dataset, take their facts from
/// its manifest. In other photos, the detector of `options` finds the faces; a row with a box has the face that overlaps it most,
/// a row without one the main face. A photo without a face has only the brightness and the sharpness of its centre square.
///
/// # Conventions   a row whose photo cannot be read has no facts; such photos are reported once
/// # Errors        a dataset or a detector that cannot be opened; a stop
pub fn of(
    table: &EmbeddingTable,
    input: &Path,
    options: &PhotoOptions,
    context: Context<'_>,
) -> Result<Vec<Facts>> {
    let rows = table.rows();
    let known = Manifests::of(rows, input)?;
    let jobs = photos(rows);
    let is_detected = rows.iter().any(|row| !row.path.is_empty() && known.face(row).is_none());
    let detector = if is_detected { detector::load(&options.detection)? } else { None };
    let cut = CutConfig {
        faces: KeepFaces::All,
        no_face: NoFace::Keep,
        template: Template::Dlib,
        ..options.detection.cut.clone()
    };
    let look = Look { rows, known: &known, reader: PhotoReader::new(options.limits), detector, cut };
    let mut facts: Vec<Facts> = rows.iter().map(of_row).collect();
    let mut skipped: Vec<Skipped> = rows
        .iter()
        .filter(|row| row.path.is_empty() && row.face == 0)
        .map(|row| Skipped::new(&row.name, "its path is not known"))
        .collect();
    let stage = context.stage("facts");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if options.threads == 0 { cores } else { options.threads }.min(jobs.len().max(1));
    let pool = OrderedPool { threads, most_under_way: UNDER_WAY * threads, stop: context.stop };
    let done = pool.run(
        jobs.len(),
        || look.cutter(),
        |cutter, at| Ok::<_, LikenessError>(look.at(&jobs[at], cutter)),
        |at, found| {
            match found {
                Ok(found) => jobs[at].iter().zip(found).for_each(|(row, found)| facts[*row] = found),
                Err(reason) => {
                    jobs[at].iter().for_each(|row| facts[*row] = Facts::default());
                    skipped.push(Skipped::new(&rows[jobs[at][0]].name, reason));
                }
            }
            stage.show(at + 1, jobs.len());
            Ok(())
        },
    )?;
    if done < jobs.len() {
        return Err(EmbedError::Interrupted { done, total: jobs.len() }.into());
    }
    stage.end(done, "photos");
    if !skipped.is_empty() {
        context.observer.list(&format!("no facts about {} photos:", skipped.len()), &skipped);
    }
    Ok(facts)
}

/// The numbers of the rows of each photo, in the order of first use. Rows without a path are left out.
fn photos(rows: &[Row]) -> Vec<Vec<usize>> {
    let (mut photos, mut known): (Vec<Vec<usize>>, _) = (Vec::new(), HashMap::<&str, usize>::new());
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| !row.path.is_empty()) {
        let photo = *known.entry(&row.path).or_insert_with(|| {
            photos.push(Vec::new());
            photos.len() - 1
        });
        photos[photo].push(at);
    }
    photos
}

/// The facts that a row itself states.
fn of_row(row: &Row) -> Facts {
    Facts::placed(row.face_box.map(rect).as_ref(), None)
}

fn rect([left, top, width, height]: [i32; 4]) -> Rect {
    Rect::new(left as f32, top as f32, width as f32, height as f32)
}

/// The faces of the datasets that rows come from, by the paths of their files.
struct Manifests {
    faces: HashMap<String, Face>,
}

impl Manifests {
    /// Reads the manifest of `input`, and of the datasets that contain the files of `rows`.
    ///
    /// # Errors        a dataset that cannot be read
    fn of(rows: &[Row], input: &Path) -> Result<Self> {
        let mut folders = Vec::new();
        if Dataset::is_at(input) {
            folders.push(input.to_owned());
        } else {
            let mut seen = HashSet::new();
            for row in rows {
                // DATASET/faces/FILE
                let folder = Path::new(&row.path).parent().and_then(Path::parent);
                if let Some(folder) = folder.filter(|folder| seen.insert(*folder))
                    && Dataset::is_at(folder)
                {
                    folders.push(folder.to_owned());
                }
            }
        }
        let mut faces = HashMap::new();
        for folder in folders {
            let dataset = Dataset::open(&folder)?;
            faces.extend(dataset.faces.iter().map(|f| (display_name(&dataset.path_of(f)), f.clone())));
        }
        Ok(Self { faces })
    }

    fn face(&self, row: &Row) -> Option<&Face> {
        self.faces.get(&row.path)
    }
}

/// How photos are looked at.
struct Look<'a> {
    rows: &'a [Row],
    known: &'a Manifests,
    reader: PhotoReader,
    detector: Option<LoadedDetector>,
    cut: CutConfig,
}

impl Look<'_> {
    fn cutter(&self) -> FaceCutter<'_> {
        FaceCutter::new(self.detector.as_ref().map(|loaded| loaded.detector.as_ref()), &self.cut)
    }

    /// The facts of the rows of one photo.
    ///
    /// # Errors        the reason why the photo cannot be used
    fn at(&self, rows: &[usize], cutter: &mut FaceCutter<'_>) -> Result<Vec<Facts>, String> {
        let first = &self.rows[rows[0]];
        let path = first.photo_path().unwrap_or_default();
        let photo = self.reader.read(&path).map_err(|error| error.reason())?;
        if let Some(face) = self.known.face(first) {
            let crop = scale(&photo.image, (CROP_PX, CROP_PX), Filter::Bilinear);
            let facts = Facts {
                detector_score: face.score,
                faces: face.faces,
                ..Facts::placed(face.face_box.as_ref(), face.landmarks.as_ref())
            };
            return Ok(vec![facts.seen(&crop); rows.len()]);
        }
        let found = cutter.cut(&photo.image, GivenFace::default(), (CROP_PX, CROP_PX));
        let found = found.map_err(|error| error.reason())?;
        Ok(rows.iter().map(|row| self.matching(&self.rows[*row], &found, &photo.image)).collect())
    }

    /// The facts of `row`, of whose photo the faces are `found`.
    fn matching(&self, row: &Row, found: &[CutFace], photo: &RgbImage) -> Facts {
        let count = found.first().and_then(|face| face.found);
        let face = match row.face_box.map(rect) {
            Some(place) => {
                let overlap = |face: &&CutFace| face.face_box.map_or(0.0, |b| b.iou(&place));
                let best = found.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b)));
                match best.filter(|face| overlap(face) >= SAME_FACE) {
                    Some(face) => face,
                    None => return self.boxed(&place, count, photo),
                }
            }
            None => match main_face(found, photo) {
                Some(face) => face,
                None => return Facts { faces: count, ..Facts::default() },
            },
        };
        let facts = Facts {
            detector_score: face.score,
            faces: face.found,
            ..Facts::placed(face.face_box.as_ref(), face.landmarks.as_ref())
        };
        facts.seen(&face.image)
    }

    /// The facts of a face at `place` that the detector does not find.
    fn boxed(&self, place: &Rect, faces: Option<usize>, photo: &RgbImage) -> Facts {
        let facts = Facts { faces, ..Facts::placed(Some(place), None) };
        match crop_with_margin(photo, place, self.cut.margin, CROP_PX, Border::Replicate) {
            Ok(crop) => facts.seen(&crop),
            Err(_) => facts,
        }
    }
}

/// The main face among `found`; a photo without a face has its centre square instead.
fn main_face<'a>(found: &'a [CutFace], photo: &RgbImage) -> Option<&'a CutFace> {
    let detections: Vec<Detection> = found
        .iter()
        .filter_map(|face| {
            let (face_box, score) = (face.face_box?, face.score.unwrap_or(0.0));
            Some(Detection { face_box, score, landmarks: None })
        })
        .collect();
    let main = FaceChoice::LargeAndCentral.pick(&detections, photo.width(), photo.height());
    let at = main.and_then(|main| found.iter().position(|face| face.face_box == Some(main.face_box)));
    at.map_or(found.first(), |at| found.get(at))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;

    use likeness_search::{Distance, ModelTag};

    use super::*;
    use crate::context::{Observer, Silent, Stage, Unit};
    use crate::options::DetectionOptions;

    /// Keeps the lists that are reported.
    #[derive(Default)]
    struct Lists(Mutex<Vec<(String, Vec<Skipped>)>>);

    impl Observer for Lists {
        fn note(&self, _line: &str) {}

        fn list(&self, heading: &str, photos: &[Skipped]) {
            self.0.lock().unwrap().push((heading.to_owned(), photos.to_vec()));
        }

        fn stage(&self, _name: &'static str, _unit: Unit) -> Box<dyn Stage + '_> {
            Box::new(Silent)
        }
    }

    fn table(rows: Vec<Row>) -> EmbeddingTable {
        let values = vec![0.0; rows.len()];
        EmbeddingTable::new(ModelTag::new("toy", "", 1, Distance::Cosine), rows, values).unwrap()
    }

    fn row(path: &Path) -> Row {
        Row { path: display_name(path), ..Row::new(display_name(path)) }
    }

    #[test]
    fn photos_without_faces_have_tones_and_bad_photos_are_reported_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        RgbImage::from_pixel(40, 30, image::Rgb([80; 3])).save(at("grey.png")).unwrap();
        likeness_artifact::write(&at("bad.png"), |file| file.write_all(b"no picture")).unwrap();
        let face = Row { face: 1, face_box: Some([5, 6, 10, 20]), ..row(&at("bad.png")) };
        let rows = vec![row(&at("grey.png")), row(&at("bad.png")), face, Row::new("somewhere")];
        let detection = DetectionOptions { detector: "none".to_owned(), ..DetectionOptions::default() };
        let options = PhotoOptions { detection, ..PhotoOptions::default() };
        let (lists, stop) = (Lists::default(), AtomicBool::new(false));
        let found = of(&table(rows), folder.path(), &options, Context::new(&lists, &stop)).unwrap();
        assert!((found[0].brightness.unwrap() - 80.0).abs() < 0.01);
        assert_eq!((found[0].sharpness, found[0].faces), (Some(0.0), None));
        assert_eq!(found[1..], [Facts::default(); 3]);
        let lists = lists.0.into_inner().unwrap();
        assert_eq!(lists.len(), 1);
        assert_eq!(lists[0].0, "no facts about 2 photos:");
        assert_eq!(lists[0].1.len(), 2, "{lists:?}");
    }

    #[test]
    fn a_stop_is_an_error() {
        let stop = AtomicBool::new(true);
        let rows = vec![row(Path::new("a.jpg"))];
        let options = PhotoOptions::default();
        assert!(of(&table(rows), Path::new("."), &options, Context::new(&Silent, &stop)).is_err());
    }

    #[test]
    #[ignore = "needs LIKENESS_SHARED"]
    fn frontal_portraits_look_into_the_camera() {
        let shared = std::env::var("LIKENESS_SHARED").unwrap_or_else(|_| "../../../shared".to_owned());
        let folder = Path::new(&shared).join("data/london/neutral_front");
        let (photos, _) = likeness_data::photos::find_some(std::slice::from_ref(&folder), None).unwrap();
        let rows = photos.iter().map(|photo| row(&photo.path)).collect();
        let stop = AtomicBool::new(false);
        let found =
            of(&table(rows), &folder, &PhotoOptions::default(), Context::new(&Silent, &stop)).unwrap();
        let mean = |value: &dyn Fn(&Facts) -> Option<f32>| {
            let values: Vec<f32> = found.iter().filter_map(value).collect();
            assert_eq!(values.len(), 102);
            values.iter().sum::<f32>() / values.len() as f32
        };
        let (yaw, roll) = (mean(&|f| f.yaw_degrees.map(f32::abs)), mean(&|f| f.roll_degrees.map(f32::abs)));
        // Observed: see the module's documentation.
        assert!(yaw < 5.0 && roll < 3.0, "{yaw} {roll}");
        assert!(found.iter().all(|facts| facts.faces == Some(1)));
        assert!(mean(&|f| f.face_size) > 150.0);
    }
}
