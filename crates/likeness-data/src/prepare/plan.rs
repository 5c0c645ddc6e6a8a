//! The plan of a run: the photos in order, each with the name of its face's file.

use std::collections::HashSet;

use super::journal::WrittenFace;
use crate::manifest::Face;
use crate::sample::Sample;
use crate::sample::Split;
use crate::settings::PrepareConfig;

/// Name of the folder of faces in a dataset.
pub(crate) const FACES: &str = "faces";

/// A photo to be processed.
#[derive(Debug, Clone)]
pub(super) struct PlannedPhoto {
    /// The photo and its facts.
    pub(super) sample: Sample,
    /// The face's file without extension, relative to the dataset's folder.
    pub(super) stem: String,
}

impl PlannedPhoto {
    /// The manifest's row for a face that was written.
    pub(super) fn face(&self, written: &WrittenFace) -> Face {
        let sample = &self.sample;
        Face {
            path: written.file.clone(),
            source: sample.name.clone(),
            identity: sample.identity.clone(),
            domain: sample.domain.clone(),
            split: sample.split.unwrap_or(Split::Train),
            role: sample.role.unwrap_or_default(),
            sha256: written.sha256.clone(),
            width: written.width,
            height: written.height,
            face_box: written.face_box,
            landmarks: written.landmarks,
            detector: written.detector.clone(),
            score: written.score,
            faces: written.faces,
            face_sha256: Some(written.face_sha256.clone()).filter(|sum| !sum.is_empty()),
            attributes: sample.attributes.clone(),
        }
    }
}

/// Assigns unique file names to the samples, in order.
pub(super) fn plan(samples: Vec<Sample>, config: &PrepareConfig) -> Vec<PlannedPhoto> {
    let mut taken = HashSet::new();
    let one = |mut sample: Sample| {
        sample.domain = sample.domain.or_else(|| config.domain.clone());
        let base = format!("{FACES}/{}", file_stem(&sample.name));
        // Case is ignored, so that a dataset can be copied to a file system that ignores case.
        let stem = std::iter::once(base.clone())
            .chain((2..).map(|n| format!("{base}~{n}")))
            .find(|stem| taken.insert(stem.to_lowercase()))
            .expect("an endless list of names has a free one");
        PlannedPhoto { sample, stem }
    };
    samples.into_iter().map(one).collect()
}

/// Converts a photo's name to a path below `faces/`: no extension, no blanks (label files use them as separators), no `..`.
fn file_stem(name: &str) -> String {
    let parts: Vec<&str> = name.split('/').filter(|p| !matches!(*p, "" | "." | "..")).collect();
    let joined = parts.join("/");
    let file_start = joined.rfind('/').map_or(0, |at| at + 1);
    let stem = match joined[file_start..].rfind('.') {
        Some(dot) if dot > 0 => &joined[..file_start + dot],
        _ => &joined,
    };
    let safe =
        |c: char| if c.is_whitespace() || c.is_control() || "\\:*?\"<>|".contains(c) { '_' } else { c };
    let stem: String = stem.chars().map(safe).collect();
    if stem.is_empty() { "photo".to_owned() } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_distinct() {
        let sample = |name: &str| Sample::new(name.into(), name.to_owned(), None);
        let names = ["s1/1.pgm", "s1/1.png", "S1/1.gif", "../../etc/pass wd.jpg", ".jpg", "a.b.jpg", ""];
        let photos = plan(names.map(sample).to_vec(), &PrepareConfig::default());
        let stems: Vec<_> = photos.iter().map(|p| p.stem.as_str()).collect();
        assert_eq!(
            stems,
            [
                "faces/s1/1",
                "faces/s1/1~2",
                "faces/S1/1~3",
                "faces/etc/pass_wd",
                "faces/.jpg",
                "faces/a.b",
                "faces/photo"
            ]
        );
    }
}
