//! The faces of a dataset, split into training and validation.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use likeness_artifact::sha256_hex;
use likeness_data::align::Template;
use likeness_data::dataset::Dataset;
use likeness_data::manifest::Face;
use likeness_data::sample::Split;
use rand::seq::SliceRandom;

use crate::loader::FaceFile;
use crate::{Result, TrainError};
use likeness_data::seed::{TrainingPurpose, training_stream};
use likeness_model::Alignment;
use likeness_model::trained_on::TrainedOn;

/// The faces of a run.
#[derive(Debug, Clone, Default)]
pub struct TrainingFaces {
    /// Names of the training identities, in the order of their labels.
    pub identities: Vec<String>,
    /// Training faces; a label is an index into `identities`.
    pub train: Vec<FaceFile>,
    /// Validation faces, with labels of their own; may be empty.
    pub validation: Vec<FaceFile>,
    /// Number of faces without an identity, which were left out.
    pub unlabelled: usize,
    /// The template that every face was aligned to.
    pub alignment: Alignment,
    /// Faces of a target domain.
    pub target: Vec<FaceFile>,
    /// Identities of the target faces, which [`AdaptationMethod::Labels`](crate::adapt::AdaptationMethod::Labels) alone uses.
    pub target_identities: Vec<Option<u32>>,
    /// The teacher's embeddings of the training faces, row-major.
    teacher: Option<(usize, Vec<f32>)>,
    /// The photos and identities of the datasets; empty for faces that come from no dataset.
    trained_on: TrainedOn,
    /// SHA-256 over the photos, labels and splits of the dataset and of the target's dataset.
    contents: [Option<String>; 2],
}

/// The overlap between the target domain and the training faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DomainOverlap {
    /// Number of target faces from photos that are trained on.
    pub photos: usize,
    /// Number of identities that occur in both domains.
    pub identities: usize,
}

impl TrainingFaces {
    /// The faces of `dataset`. Its validation split is used for validation; without one, a share of the training identities is
    /// held out.
    ///
    /// # Errors        no training faces, fewer than two identities, no identity with two images →
    /// [`TrainError::BadArgument`]
    pub fn new(dataset: &Dataset, validation_share: f32, seed: u64) -> Result<Self> {
        // Faces with landmarks are cropped by them, see `likeness_data::cut`.
        let is_aligned = dataset.faces.iter().all(|face| face.landmarks.is_some());
        let settings = &dataset.settings;
        let template = settings.detection.as_ref().map_or(settings.template, |found| found.cut.template);
        let alignment = match template {
            _ if !is_aligned => Alignment::None,
            Template::Arcface => Alignment::Arcface,
            Template::Dlib => Alignment::Dlib,
        };
        let mut faces = Self { alignment, ..Self::default() };
        let mut parts: [Vec<(PathBuf, &str)>; 2] = [Vec::new(), Vec::new()];
        for face in dataset.faces.iter().filter(|face| face.split != Split::Test) {
            match &face.identity {
                Some(identity) => {
                    let part = usize::from(face.split == Split::Validation);
                    parts[part].push((dataset.folder.join(&face.path), identity));
                }
                None => faces.unlabelled += 1,
            }
        }
        let [mut train, mut validation] = parts;
        if validation.is_empty() {
            let held_out = held_out(&train, validation_share, seed);
            (validation, train) = train.into_iter().partition(|(_, identity)| held_out.contains(identity));
        }
        (faces.train, faces.identities) = labelled(train);
        (faces.validation, _) = labelled(validation);
        faces.check()?;
        let trained: HashSet<&Path> = faces.train.iter().map(|face| face.path.as_path()).collect();
        for face in dataset.faces.iter().filter(|face| trained.contains(dataset.path_of(face).as_path())) {
            faces.trained_on.add_photo(&face.sha256);
        }
        faces.identities.iter().for_each(|name| faces.trained_on.add_identity(name));
        faces.contents[0] = Some(content_of(dataset));
        Ok(faces)
    }

    /// Faces that are split already.
    pub fn of(identities: Vec<String>, train: Vec<FaceFile>, validation: Vec<FaceFile>) -> Self {
        Self { identities, train, validation, ..Self::default() }
    }

    fn check(&self) -> Result<()> {
        let mut images = vec![0usize; self.identities.len()];
        self.train.iter().for_each(|face| images[face.label as usize] += 1);
        let (reason, hint) = if self.train.is_empty() && self.unlabelled > 0 {
            ("no face of the training split has an identity", "prepare the photos with labels")
        } else if self.train.is_empty() {
            ("the dataset has no faces to train with", "prepare it with labels and a training split")
        } else if self.identities.len() < 2 {
            (
                "the training faces are all of one identity",
                "two identities or more are needed to tell them apart",
            )
        } else if images.iter().all(|n| *n < 2) {
            ("every identity has a single training face", "give two photos or more of some identities")
        } else {
            return Ok(());
        };
        Err(TrainError::BadArgument { reason: reason.into(), hint: Some(hint.into()) })
    }

    /// Adds the training split of the target domain `target`. Also returns its overlap with `source`, the training dataset.
    ///
    /// # Errors        a target without faces → [`TrainError::BadArgument`]
    pub fn with_target(mut self, target: &Dataset, source: &Dataset) -> Result<(Self, DomainOverlap)> {
        let of = |dataset: &Dataset| -> Vec<usize> {
            (0..dataset.faces.len()).filter(|&i| dataset.faces[i].split == Split::Train).collect()
        };
        let (theirs, ours) = (of(target), of(source));
        let file = |&i: &usize| FaceFile { path: target.path_of(&target.faces[i]), label: 0 };
        self.target = theirs.iter().map(file).collect();
        if self.target.is_empty() {
            return Err(TrainError::argument_with_hint(
                format!("{}: no faces to adapt to in the training split", target.folder.display()),
                "prepare the target's photos without labels, or with --split identities",
            ));
        }
        theirs.iter().for_each(|&i| self.trained_on.add_photo(&target.faces[i].sha256));
        self.contents[1] = Some(content_of(target));
        let photos: BTreeSet<&str> = ours.iter().map(|&i| source.faces[i].sha256.as_str()).collect();
        let names: BTreeSet<&str> =
            ours.iter().filter_map(|&i| source.faces[i].identity.as_deref()).collect();
        let shared = theirs.iter().filter(|&&i| photos.contains(target.faces[i].sha256.as_str())).count();
        let of_target = || theirs.iter().map(|&i| target.faces[i].identity.as_deref());
        let named: BTreeSet<&str> = of_target().flatten().collect();
        let numbered: BTreeMap<&str, u32> = named.iter().copied().zip(0..).collect();
        self.target_identities = of_target().map(|name| name.map(|name| numbered[name])).collect();
        let identities = named.intersection(&names).count();
        Ok((self, DomainOverlap { photos: shared, identities }))
    }

    /// Adds a teacher's embeddings of the training faces, in the same order.
    ///
    /// # Shapes        embeddings: [train, dim]
    /// # Errors        a count that does not fit, values that are not finite → [`TrainError::BadArgument`]
    pub fn with_teacher(mut self, dim: usize, embeddings: Vec<f32>) -> Result<Self> {
        if dim == 0 || embeddings.len() != dim * self.train.len() {
            let reason =
                format!("{} numbers of a teacher for {} faces of {dim}", embeddings.len(), self.train.len());
            return Err(TrainError::argument(reason));
        }
        if !embeddings.iter().all(|v| v.is_finite()) {
            return Err(TrainError::argument("the teacher's embeddings are not all finite"));
        }
        self.teacher = Some((dim, embeddings));
        Ok(self)
    }

    /// Dimension of the teacher's embeddings; `None` without a teacher.
    pub fn teacher_dim(&self) -> Option<usize> {
        self.teacher.as_ref().map(|(dim, _)| *dim)
    }

    /// The teacher's embeddings of these training faces; empty without a teacher.
    pub fn teacher_of(&self, faces: &[usize]) -> Vec<f32> {
        let Some((dim, values)) = &self.teacher else { return Vec::new() };
        faces.iter().flat_map(|i| &values[i * dim..(i + 1) * dim]).copied().collect()
    }

    /// The labels of the training faces.
    pub fn labels(&self) -> Vec<u32> {
        self.train.iter().map(|face| face.label).collect()
    }

    /// The photos and identities that a network is trained on with these faces, with the photos of the target domain. Empty for
    /// faces that come from no dataset.
    pub fn trained_on(&self) -> &TrainedOn {
        &self.trained_on
    }

    /// SHA-256 over the photos, identities, splits and boxes of the dataset and of the target's dataset. Moving a dataset does
    /// not change it; preparing it from other photos with the same names does.
    pub fn contents(&self) -> [Option<&str>; 2] {
        self.contents.each_ref().map(Option::as_deref)
    }

    /// SHA-256 over names and labels. A run can be resumed with the same faces only.
    pub fn fingerprint(&self) -> String {
        let mut text = self.identities.join("\n");
        for face in self.train.iter().chain(&self.validation).chain(&self.target) {
            let name = face.path.file_name().unwrap_or_default().to_string_lossy();
            text += &format!("\n{name} {}", face.label);
        }
        sha256_hex(text.as_bytes())
    }
}

fn content_of(dataset: &Dataset) -> String {
    let mut text = String::new();
    for Face { path, identity, split, sha256, face_box, .. } in &dataset.faces {
        text += &format!("{path:?} {identity:?} {} {sha256} {face_box:?}\n", split.name());
    }
    sha256_hex(text.as_bytes())
}

/// A random share of the identities with two images or more; all others remain for training.
fn held_out<'a>(faces: &[(PathBuf, &'a str)], share: f32, seed: u64) -> BTreeSet<&'a str> {
    let mut images: BTreeMap<&str, usize> = BTreeMap::new();
    faces.iter().for_each(|(_, identity)| *images.entry(identity).or_default() += 1);
    let mut candidates: Vec<&str> =
        images.iter().filter(|(_, n)| **n > 1).map(|(identity, _)| *identity).collect();
    candidates.shuffle(&mut training_stream(seed, TrainingPurpose::Validation, &[]));
    let count = ((images.len() as f32 * share) as usize).min(images.len().saturating_sub(2));
    // With a single identity every search succeeds, which measures nothing.
    if count < 2 { BTreeSet::new() } else { candidates.into_iter().take(count).collect() }
}

fn labelled(faces: Vec<(PathBuf, &str)>) -> (Vec<FaceFile>, Vec<String>) {
    let names: BTreeSet<&str> = faces.iter().map(|(_, identity)| *identity).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let label = |identity| names.binary_search(&identity).expect("every identity is listed") as u32;
    let faces = faces.into_iter().map(|(path, identity)| FaceFile { path, label: label(identity) }).collect();
    (faces, names.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faces(identities: &[(&'static str, usize)]) -> Vec<(PathBuf, &'static str)> {
        let of = |(name, n): &(&'static str, usize)| {
            let name = *name;
            (0..*n).map(move |i| (PathBuf::from(format!("{name}{i}.png")), name)).collect::<Vec<_>>()
        };
        identities.iter().flat_map(of).collect()
    }

    #[test]
    fn held_out_identities_have_company_and_leave_some() {
        let many: Vec<(&'static str, usize)> =
            ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].into_iter().map(|n| (n, 3)).collect();
        let chosen = held_out(&faces(&many), 0.3, 1);
        assert_eq!(chosen.len(), 3);
        assert_eq!(chosen, held_out(&faces(&many), 0.3, 1));
        assert!(held_out(&faces(&many), 0.1, 1).is_empty(), "one identity alone says nothing");
        assert!(held_out(&faces(&[("a", 1), ("b", 1), ("c", 1), ("d", 1)]), 0.9, 1).is_empty());
    }

    #[test]
    fn labels_follow_names() {
        let (labelled, names) = labelled(faces(&[("zoe", 1), ("ann", 2)]));
        assert_eq!(names, ["ann", "zoe"]);
        assert_eq!(labelled.iter().map(|f| f.label).collect::<Vec<_>>(), [1, 0, 0]);
    }

    #[test]
    fn too_little_to_learn_from_is_refused() {
        let refused = |given: &[(&'static str, usize)]| {
            let (train, identities) = labelled(faces(given));
            TrainingFaces { train, identities, ..Default::default() }.check().unwrap_err().to_string()
        };
        assert!(refused(&[]).contains("no faces"));
        assert!(refused(&[("a", 5)]).contains("one identity"));
        assert!(refused(&[("a", 1), ("b", 1)]).contains("single"));
    }
}
