//! The checks of a live gallery: its photos, its faces, and the reference faces of its people.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use likeness_data::inspect::Issue;
use likeness_gallery::catalogue::{ItemKind, PhotoState, ReadCatalogue, StoredModel};
use likeness_gallery::{Gallery, ItemId, PhotoId};
use likeness_search::label::{MislabelConfig, mislabelled};
use likeness_search::{EmbeddingTable, Row};

use super::labels::suspect;
use super::source::{Item, Kind};
use super::{Finding, InspectOptions, Ledger, labels, pictures};
use crate::Result;
use crate::context::Context;
use crate::options::PhotoOptions;

/// The first bytes of an SQLite file.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Whether `input` is a gallery: an SQLite file, whatever its name.
pub(super) fn is_gallery(input: &Path) -> bool {
    let mut start = [0; SQLITE.len()];
    input.is_file()
        && fs_err::File::open(input).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && start == SQLITE
}

/// Checks the gallery at `path`. Returns the number of its photos.
///
/// # Errors        a gallery that cannot be read; a stop
pub(super) fn check(
    path: &Path,
    photos: &PhotoOptions,
    options: &InspectOptions,
    ledger: &mut Ledger,
    context: Context<'_>,
) -> Result<usize> {
    let gallery = super::super::gallery::open(path, false)?;
    let catalogue = gallery.catalogue();
    let kind = catalogue.info()?.kind;
    let mut faces: HashMap<PhotoId, usize> = HashMap::new();
    let mut paths: HashMap<PhotoId, String> = HashMap::new();
    for row in catalogue.items(None)? {
        *faces.entry(row.item.photo).or_default() += 1;
        paths.entry(row.item.photo).or_insert(row.path);
    }
    let (mut items, mut unreadable, mut total) = (Vec::new(), Vec::new(), 0);
    for photo in catalogue.photos(None)?.into_iter().filter(|photo| photo.state != PhotoState::Removed) {
        total += 1;
        let path = match paths.remove(&photo.id) {
            Some(path) => path,
            None => file_of(&gallery, photo.id)?,
        };
        if photo.state != PhotoState::Present {
            let reason =
                if photo.state == PhotoState::Missing { "the file is missing" } else { &photo.reason };
            unreadable.push(Finding {
                photo: path.clone(),
                path,
                detail: reason.to_owned(),
                ..Finding::default()
            });
            continue;
        }
        let count = (kind == ItemKind::Faces).then(|| faces.get(&photo.id).copied().unwrap_or(0));
        items.push(Item {
            name: path.clone(),
            path: PathBuf::from(path),
            identity: None,
            split: None,
            photo: Some((photo.sha256, (photo.width, photo.height), count)),
        });
    }
    pictures::check(&items, Kind::Faces, photos, ledger, context)?;
    ledger.add(Issue::Unreadable, unreadable);
    let people = gallery.people()?;
    let names: Vec<Item> = people
        .persons()
        .filter_map(|person| person.name.clone())
        .map(|name| Item {
            name: String::new(),
            path: PathBuf::new(),
            identity: Some(name),
            split: None,
            photo: None,
        })
        .collect();
    ledger.identities = names.len();
    labels::names(names.iter().map(|item| (item, item.identity.as_deref())), ledger);
    match gallery.model()? {
        Some(model) if !options.skip_labels => references(&gallery, &model, ledger)?,
        _ => ledger.leave(Issue::PoisonedReference, "the faces have no embeddings"),
    }
    Ok(total)
}

/// The path of a photo without items; its checksum if no file is there.
fn file_of(gallery: &Gallery, photo: PhotoId) -> Result<String> {
    let files = gallery.catalogue().files_of(&[photo])?;
    let file = files.get(&photo).and_then(|files| files.first());
    let roots = gallery.catalogue().roots()?;
    Ok(file.map_or_else(
        || format!("photo:{photo}"),
        |found| {
            let root = roots.iter().find(|root| root.id == found.file.root);
            let root = root.map(|root| Path::new(&root.path).to_owned()).unwrap_or_default();
            root.join(&found.file.path).display().to_string()
        },
    ))
}

/// Compares the reference faces of people: those that users named or confirmed.
fn references(gallery: &Gallery, model: &StoredModel, ledger: &mut Ledger) -> Result<()> {
    let people = gallery.people()?;
    let with = gallery.catalogue().vector_state(model.id)?.items;
    let mut chosen: Vec<(ItemId, String)> = Vec::new();
    for (item, standing) in people.standings() {
        let person = standing.person().and_then(|person| people.resolve(person));
        if let Some(person) = person
            && with.binary_search(&item).is_ok()
        {
            let name = people.person(person).and_then(|person| person.name.clone());
            chosen.push((item, name.unwrap_or_else(|| format!("person:{person}"))));
        }
    }
    let ids: Vec<ItemId> = chosen.iter().map(|(item, _)| *item).collect();
    let mut vectors = Vec::new();
    gallery.catalogue().vectors(model.id, &ids, &mut vectors)?;
    let stored = gallery.catalogue().items_by_id(&ids)?;
    if stored.len() != ids.len() {
        ledger.leave(Issue::PoisonedReference, "reference faces are not stored");
        return Ok(());
    }
    let row = |(stored, (_, name)): (&likeness_gallery::catalogue::ItemRow, &(ItemId, String))| Row {
        face: stored.item.face,
        path: stored.path.clone(),
        identity: Some(name.clone()),
        face_box: stored.item.face_box,
        ..Row::new(&stored.path)
    };
    let rows = stored.iter().zip(&chosen).map(row).collect();
    let table = EmbeddingTable::new(model.tag.clone(), rows, vectors)?;
    let found = mislabelled(&table, model.tag.distance, &MislabelConfig::default())?;
    ledger.model = Some(model.tag.name.clone());
    if found.scale.is_none() {
        ledger.leave(Issue::PoisonedReference, "it takes two people, one of them with two reference faces");
        return Ok(());
    }
    ledger.add(Issue::PoisonedReference, found.suspects.iter().map(|s| suspect(s, table.rows())).collect());
    Ok(())
}
