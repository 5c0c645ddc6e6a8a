//! The faces of a gallery that somebody named, as labelled embeddings.

use likeness_gallery::catalogue::{ItemRow, Origin, ReadCatalogue, StoredModel};
use likeness_gallery::people::People;
use likeness_gallery::{Gallery, ItemId};
use likeness_search::{EmbeddingTable, Row};

use crate::Result;

/// The embeddings of the faces whose person was named or confirmed by hand, with the names as identities, and the model that made
/// them. A person without a name has its number.
///
/// # Errors        a gallery that cannot be read or has no model
pub fn labelled(gallery: &Gallery) -> Result<(EmbeddingTable, StoredModel)> {
    let model = gallery.active_model()?;
    let people = gallery.people()?;
    let is_decided = |row: &ItemRow| {
        matches!(row.origin, Some(Origin::Manual | Origin::Confirmed)) && row.person.is_some()
    };
    let items: Vec<ItemRow> = gallery.catalogue().items(None)?.into_iter().filter(is_decided).collect();
    let ids: Vec<ItemId> = items.iter().map(|row| row.item.id).collect();
    let mut vectors = Vec::new();
    gallery.catalogue().vectors(model.id, &ids, &mut vectors)?;
    let rows = items.into_iter().map(|row| face_of(row, &people)).collect();
    Ok((EmbeddingTable::new(model.tag.clone(), rows, vectors)?, model))
}

fn face_of(row: ItemRow, people: &People) -> Row {
    let identity = row.person.map(|person| {
        let name = people.person(person).and_then(|person| person.name.clone());
        name.unwrap_or_else(|| format!("person {}", person.0))
    });
    Row { face: row.item.face, path: row.path.clone(), sha256: row.sha256, identity, ..Row::new(row.path) }
}
