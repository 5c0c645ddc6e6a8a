//! What follows from decisions and embeddings: the persons of faces, and groups of unnamed faces.

use std::collections::HashMap;

use likeness_gallery::catalogue::{Assignment, Label, Origin, ReadCatalogue, StoredModel, WriteCatalogue};
use likeness_gallery::people::identify::{
    self, Face, Faces, Identification, IdentifyConfig, Limits, identify,
};
use likeness_gallery::people::{People, Standing};
use likeness_gallery::{Gallery, ItemId, PersonId};
use likeness_search::Verdict;

use crate::Result;

/// Computes the persons of all faces from the log and the embeddings, and stores what changed. Returns how many faces changed.
///
/// # Errors        a gallery that cannot be read or written to
pub fn reassign(gallery: &mut Gallery) -> Result<usize> {
    let people = gallery.people()?;
    let last = people.decisions().next_back().map(|decision| decision.id);
    let mut assignments = by_hand(&people);
    if people.persons().next().is_some()
        && let Some(model) = gallery.model()?
    {
        let found = identified(gallery, &model, &people)?;
        assignments.extend(found.assignments.iter().map(automatic));
    }
    Ok(gallery.catalogue_mut().put_assignments(last, &assignments)?)
}

/// The faces of a gallery with their embeddings by a model.
pub(crate) struct StoredFaces {
    pub(crate) faces: Vec<Face>,
    pub(crate) vectors: Vec<f32>,
}

impl StoredFaces {
    /// The faces of present photos with an embedding by `model`.
    pub(crate) fn read(gallery: &Gallery, model: &StoredModel) -> Result<Self> {
        let with: Vec<ItemId> = gallery.catalogue().vector_state(model.id)?.items;
        let rows = gallery.catalogue().items(None)?;
        let faces: Vec<Face> = rows
            .into_iter()
            .filter(|row| with.binary_search(&row.item.id).is_ok())
            .map(|row| Face {
                item: row.item.id,
                photo: row.item.photo,
                quality: row.item.quality,
                taken: row.taken,
            })
            .collect();
        let items: Vec<ItemId> = faces.iter().map(|face| face.item).collect();
        let mut vectors = Vec::with_capacity(items.len() * model.tag.dimension);
        gallery.catalogue().vectors(model.id, &items, &mut vectors)?;
        Ok(Self { faces, vectors })
    }
}

/// The persons of faces that nobody named, by the embeddings of `model`. Nobody is found by a model without thresholds.
pub(crate) fn identified(gallery: &Gallery, model: &StoredModel, people: &People) -> Result<Identification> {
    let Ok(limits) = Limits::of(&model.tag.thresholds) else { return Ok(Identification::default()) };
    let StoredFaces { faces, vectors } = StoredFaces::read(gallery, model)?;
    let faces = Faces::new(&faces, &vectors, model.tag.dimension, model.tag.distance)?;
    Ok(identify(&faces, people, limits, &IdentifyConfig::default())?)
}

fn automatic(found: &identify::Assignment) -> Assignment {
    let (person, distance) = (found.person, found.distance);
    let label = match found.verdict {
        Verdict::Same => Label::Person { person, origin: Origin::Automatic, distance: Some(distance) },
        verdict => Label::Suggested { person, distance, verdict },
    };
    Assignment { item: found.item, label }
}

/// What users decided about faces.
fn by_hand(people: &People) -> Vec<Assignment> {
    let label = |standing| match standing {
        Standing::Named(person) => Label::Person { person, origin: Origin::Manual, distance: None },
        Standing::Confirmed(person) => Label::Person { person, origin: Origin::Confirmed, distance: None },
        Standing::NotAFace => Label::NotAFace,
        Standing::Ignored => Label::Ignored,
    };
    people.standings().map(|(item, standing)| Assignment { item, label: label(standing) }).collect()
}

/// The labels of all faces by number.
pub(crate) fn labels(gallery: &Gallery) -> Result<HashMap<ItemId, Label>> {
    Ok(gallery.catalogue().assignments()?.into_iter().map(|a| (a.item, a.label)).collect())
}

/// The person that a face is assigned to.
pub(crate) fn person_of(label: &Label) -> Option<PersonId> {
    match label {
        Label::Person { person, .. } => Some(*person),
        Label::Suggested { .. } | Label::NotAFace | Label::Ignored => None,
    }
}
