//! Chooses the model of a run if none is named: the model of embeddings that are compared with the photos, else the face model
//! where there are faces, else the model for any pictures.

use std::path::{Path, PathBuf};

use likeness_model::ModelDescription;
use likeness_model::builtin::{Builtin, EMBEDDERS, FACE, PICTURE};
use likeness_search::ModelTag;

use super::Loader;
use super::sources::{Content, Source};
use crate::{Result, auto, detector, invalid};

impl Loader<'_> {
    /// Chooses and opens the model for the photos of `sources`, and reports it.
    ///
    /// # Errors        embeddings of a model that is not built in; a model that cannot be opened
    pub(super) fn choose(&self, sources: &[Source]) -> Result<()> {
        if let Some((file, tag)) = self.adopted.get() {
            let model = builtin_of(tag, self.model.flips).ok_or_else(|| {
                if tag.is_external() {
                    return invalid(
                        format!("{}: does not state the model of its embeddings", file.display()),
                        "name the model with --model; encodings of face_recognition and dlib are those of --model face",
                    );
                }
                invalid(
                    format!(
                        "{}: its embeddings come from the model {}, with which the photos must be embedded too",
                        file.display(),
                        tag.name
                    ),
                    "name its file or folder with --model",
                )
            })?;
            self.context.note(format!("model {} (built in), as in {}", model.name, file.display()));
            self.open(model.name)?;
            return Ok(());
        }
        let (model, reason) = self.by_faces(sources)?;
        self.context.note(format!("model {} (built in): {reason}", model.name));
        self.open(model.name)?;
        Ok(())
    }

    /// The model for the photos, with the reason.
    fn by_faces(&self, sources: &[Source]) -> Result<(&'static Builtin, String)> {
        if sources.iter().any(|source| source.is_prepared() && source.template.is_some()) {
            return Ok((&FACE, "the dataset was prepared with face detection".to_owned()));
        }
        // Queries come first, and the model must fit them.
        let first = sources.iter().find(|source| !matches!(source.content, Content::Table(_)));
        let photos: Vec<PathBuf> = first
            .map(|source| source.items().into_iter().map(|item| item.path).collect())
            .unwrap_or_default();
        let options = &self.photos.detection;
        if detector::is_off(options) {
            return Ok((&PICTURE, "face detection is off".to_owned()));
        }
        let loaded = detector::load(options)?;
        let Some(loaded) = loaded else { return Ok((&PICTURE, "face detection is off".to_owned())) };
        let found = auto::sample(&photos, &loaded, (self.photos.limits, self.photos.threads), self.context)?;
        let reason = match (found.readable, found.with_face) {
            (0, _) => "no photo could be read".to_owned(),
            (1, 0) => "no face in the photo".to_owned(),
            (1, _) => "a face in the photo".to_owned(),
            (readable, 0) if readable == photos.len() => "no face in the photos".to_owned(),
            (readable, with_face) => format!("faces in {with_face} of {readable} photos looked at"),
        };
        Ok((if found.is_of_faces() { &FACE } else { &PICTURE }, reason))
    }
}

/// The built-in model that made the embeddings of `tag`.
fn builtin_of(tag: &ModelTag, flips: bool) -> Option<&'static Builtin> {
    let made_by = |model: &Builtin| {
        let description = ModelDescription::parse(Path::new(model.name), model.description).ok()?;
        description.fingerprint.map(|fingerprint| match flips {
            true => likeness_embed::flipped_fingerprint(&fingerprint),
            false => fingerprint,
        })
    };
    EMBEDDERS.into_iter().find(|model| made_by(model).as_ref() == Some(&tag.fingerprint))
}
