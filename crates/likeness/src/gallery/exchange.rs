//! Exchanges people and embeddings with other programs.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use likeness_data::photos::Skipped;
use likeness_gallery::catalogue::{Filter, Item, ItemRow, Photo, ReadCatalogue};
use likeness_gallery::decision::Change;
use likeness_gallery::exchange::{
    self, DEFAULT_MIN_OVERLAP, ExchangeError, ExportFormat, FaceRow, MergeOptions, Orientation, PhotoFrame,
    Placement, Rect, Region, Size, jpeg_facts, match_regions, photo_regions, read_faces, update_sidecar,
    write_faces,
};
use likeness_gallery::people::{People, clean_name};
use likeness_gallery::{Gallery, GalleryError, ItemId, Origin, PersonId, PhotoId};

use super::{list, selector};
use crate::{LikenessError, Result};

/// Rows that are read from the gallery at a time.
const BATCH: usize = 1024;

/// What an import did.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// Faces that got a name.
    pub named: usize,
    /// People that are new.
    pub people: usize,
    /// Faces that had the name already.
    pub known: usize,
    /// Rows, or regions, that fit no face of the gallery, with the reasons.
    pub skipped: Vec<Skipped>,
    /// Faces that got a name by these, or lost or changed it.
    pub changed: usize,
}

/// What an export to XMP files did.
#[derive(Debug, Clone, Default)]
pub struct Exported {
    /// XMP files that were written.
    pub files: usize,
    /// Regions with a name in them.
    pub faces: usize,
    /// Faces for which another program has another name, which is kept: the photo, with both names.
    pub conflicts: Vec<Skipped>,
    /// Photos whose XMP file could not be read or written, with the reasons.
    pub skipped: Vec<Skipped>,
}

/// Writes the items of `gallery` with their embeddings to `path`. Returns their number.
///
/// # Errors        a gallery without photos; a file that cannot be written
pub fn export(gallery: &Gallery, path: &Path, format: ExportFormat, filter: Option<&Filter>) -> Result<u64> {
    let model = gallery.active_model()?;
    let people = gallery.people()?;
    let rows = gallery.catalogue().items(filter)?;
    let dimension = model.tag.dimension;
    let faces = rows.chunks(BATCH).flat_map(|batch| {
        let items: Vec<ItemId> = batch.iter().map(|row| row.item.id).collect();
        let mut vectors = Vec::with_capacity(items.len() * dimension);
        match gallery.catalogue().vectors(model.id, &items, &mut vectors) {
            Ok(()) => batch
                .iter()
                .zip(vectors.chunks_exact(dimension))
                .map(|(row, vector)| Ok((face_row(row, &people), vector.to_vec())))
                .collect::<Vec<Result<_, GalleryError>>>(),
            Err(error) => vec![Err(error)],
        }
    });
    Ok(exchange::export(path, format, &model.tag, faces)?)
}

/// Writes people and faces to the CSV table `path`. Returns the number of rows.
///
/// # Errors        a gallery that cannot be read; a file that cannot be written
pub fn export_people(gallery: &Gallery, path: &Path) -> Result<usize> {
    let people = gallery.people()?;
    let rows = gallery.catalogue().items(None)?;
    let rows: Vec<FaceRow> =
        rows.iter().filter(|row| row.person.is_some()).map(|row| face_row(row, &people)).collect();
    write_faces(path, &rows).map_err(GalleryError::from)?;
    Ok(rows.len())
}

fn face_row(row: &ItemRow, people: &People) -> FaceRow {
    let person = row.person.and_then(|person| people.person(person));
    FaceRow {
        photo: row.path.clone(),
        face: Some(row.item.face),
        face_box: row.item.face_box,
        person: person.and_then(|person| person.name.clone()),
        origin: row.origin,
        distance: row.distance.map(f64::from),
        quality: Some(f64::from(row.item.quality)),
        born: person.and_then(|person| person.born.clone()),
        sha256: Some(row.sha256.clone()),
    }
}

/// Names that other programs gave, by item.
#[derive(Default)]
struct Names {
    by_name: BTreeMap<String, Vec<ItemId>>,
    born: BTreeMap<String, String>,
}

/// Names faces as the CSV table `path` does.
///
/// A row finds its photo by content or path, and its face by box or index; without both, the only face of the photo.
///
/// # Errors        a table that cannot be read; a gallery that cannot be written to
pub fn import_people(gallery: &mut Gallery, path: &Path, actor: &str) -> Result<Imported> {
    let rows = read_faces(path).map_err(GalleryError::from)?;
    let items = gallery.catalogue().items(None)?;
    let mut by_content: HashMap<&str, Vec<&ItemRow>> = HashMap::new();
    let mut by_path: HashMap<&str, Vec<&ItemRow>> = HashMap::new();
    for row in &items {
        by_content.entry(&row.sha256).or_default().push(row);
        by_path.entry(&row.path).or_default().push(row);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let (mut names, mut done) = (Names::default(), Imported::default());
    for row in rows.iter().filter(|row| row.person.is_some()) {
        // What the program itself assigned is not a decision.
        if row.origin == Some(Origin::Automatic) {
            continue;
        }
        let at =
            |place: &Path| selector::absolute_paths(place).iter().find_map(|path| by_path.get(path.as_str()));
        let found = row
            .sha256
            .as_deref()
            .and_then(|sha256| by_content.get(sha256))
            .or_else(|| by_path.get(row.photo.as_str()))
            .or_else(|| at(&folder.join(&row.photo)))
            .or_else(|| at(Path::new(&row.photo)));
        let Some(faces) = found else {
            done.skipped.push(Skipped::new(&row.photo, "the gallery has no face in such a photo"));
            continue;
        };
        let boxes: Vec<[i32; 4]> = faces.iter().map(|face| face.item.face_box.unwrap_or_default()).collect();
        match row.place(&boxes) {
            Placement::Face(at) => names.add(row, faces[at].item.id),
            _ => done.skipped.push(Skipped::new(&row.photo, reason(row, faces.len()))),
        }
    }
    take(gallery, actor, names, &mut done)?;
    Ok(done)
}

/// Why a row names no face of its photo, which has `faces` faces.
fn reason(row: &FaceRow, faces: usize) -> String {
    match (row.face_box.is_some() || row.face.is_some(), faces) {
        (false, faces) => format!("the photo has {faces} faces, and the row states no box and no index"),
        (true, 1) => "its box or index does not fit the face of the photo".to_owned(),
        (true, faces) => format!("its box or index fits none of the {faces} faces of the photo"),
    }
}

impl Names {
    fn add(&mut self, row: &FaceRow, item: ItemId) {
        let Some(Ok(name)) = row.person.as_deref().map(clean_name) else { return };
        if let Some(born) = &row.born {
            self.born.insert(name.clone(), born.clone());
        }
        self.by_name.entry(name).or_default().push(item);
    }
}

/// Appends the decisions that the names are.
fn take(gallery: &mut Gallery, actor: &str, names: Names, done: &mut Imported) -> Result<()> {
    for (name, mut items) in names.by_name {
        items.sort_unstable();
        items.dedup();
        let people = gallery.people()?;
        let person = selector::person_or_none(&people, &name)?;
        let id: PersonId = person.unwrap_or_else(|| people.next_person());
        let before = items.len();
        items.retain(|item| people.standing(*item).and_then(|standing| standing.person()) != Some(id));
        done.known += before - items.len();
        if !items.is_empty() {
            done.named += items.len();
            done.people += usize::from(person.is_none());
            let given = person.is_none().then(|| name.clone());
            gallery.decide(actor, &Change::Name { person: id, name: given, items })?;
        }
        if let Some(date) = names.born.get(&name)
            && gallery.people()?.person(id).is_some_and(|known| known.born.as_ref() != Some(date))
        {
            gallery.decide(actor, &Change::Born { person: id, date: date.clone() })?;
        }
    }
    done.changed = list::reassign(gallery)?;
    Ok(())
}

/// The faces of every present photo, with a path.
fn by_photo(gallery: &Gallery) -> Result<BTreeMap<PhotoId, (String, Vec<ItemRow>)>> {
    let mut photos: BTreeMap<PhotoId, (String, Vec<ItemRow>)> = BTreeMap::new();
    for row in gallery.catalogue().items(None)? {
        let (_, rows) = photos.entry(row.item.photo).or_insert_with(|| (row.path.clone(), Vec::new()));
        rows.push(row);
    }
    Ok(photos)
}

/// Names faces as the XMP files beside the photos do, and the XMP data in JPEG files.
///
/// # Errors        a gallery that cannot be read or written to; a broken XMP file is listed
pub fn import_regions(gallery: &mut Gallery, actor: &str) -> Result<Imported> {
    let sizes = sizes(gallery)?;
    let (mut names, mut done) = (Names::default(), Imported::default());
    for (photo, (path, rows)) in by_photo(gallery)? {
        let Some(size) = sizes.get(&photo) else { continue };
        match named_regions(Path::new(&path), *size) {
            Ok((regions, notes)) => {
                done.skipped.extend(notes.into_iter().map(|note| Skipped::new(&path, note)));
                let boxes: Vec<Rect> = rows.iter().filter_map(|row| rect(&row.item, *size)).collect();
                let matches = match_regions(&regions, &boxes, DEFAULT_MIN_OVERLAP);
                for pair in &matches.matched {
                    let person = regions[pair.region].name.clone();
                    names.add(&FaceRow { person, ..FaceRow::default() }, rows[pair.face].item.id);
                }
                for left in &matches.regions_left {
                    let name = regions[*left].name.clone().unwrap_or_default();
                    done.skipped.push(Skipped::new(&path, format!("the region of {name} fits no face")));
                }
            }
            Err(error) => done.skipped.push(Skipped::new(&path, error.to_string())),
        }
    }
    take(gallery, actor, names, &mut done)?;
    Ok(done)
}

/// The named faces that other programs marked in a photo, and what was left out.
fn named_regions(photo: &Path, size: Size) -> Result<(Vec<Region>, Vec<String>), ExchangeError> {
    let found = photo_regions(photo)?;
    let frame = frame(photo, size)?;
    let notes = found
        .unfitting(frame)
        .map(|path| format!("{}: its regions are of another size of the photo", path.display()));
    let notes: Vec<String> = notes.collect();
    let regions = found.faces(frame).into_iter().filter(|region| region.name.is_some());
    Ok((regions.collect(), notes))
}

/// The frame of a photo whose upright size is `size`.
fn frame(photo: &Path, size: Size) -> Result<PhotoFrame, ExchangeError> {
    let facts = jpeg_facts(photo)?.and_then(|facts| facts.frame());
    Ok(facts.unwrap_or(PhotoFrame { stored: size, orientation: Orientation::of_exif(1).unwrap_or_default() }))
}

fn sizes(gallery: &Gallery) -> Result<HashMap<PhotoId, Size>> {
    let size = |photo: Photo| (photo.id, Size { width: photo.width, height: photo.height });
    Ok(gallery.catalogue().photos(None)?.into_iter().map(size).collect())
}

fn rect(item: &Item, size: Size) -> Option<Rect> {
    item.face_box.and_then(|face_box| Rect::of_pixels(face_box, size.width, size.height))
}

/// Writes the named faces of every photo to the XMP file beside it. Other content of the files is kept.
///
/// # Errors        a gallery that cannot be read; a file that cannot be written is listed
pub fn export_regions(gallery: &Gallery) -> Result<Exported> {
    let (people, sizes) = (gallery.people()?, sizes(gallery)?);
    let mut done = Exported::default();
    for (photo, (path, rows)) in by_photo(gallery)? {
        let Some(size) = sizes.get(&photo) else { continue };
        let faces: Vec<Region> = rows
            .iter()
            .filter_map(|row| {
                let person = people.person(row.person?)?;
                Some(Region::face(person.name.clone()?, rect(&row.item, *size)?))
            })
            .collect();
        let photo = Path::new(&path);
        let changed = frame(photo, *size)
            .and_then(|frame| update_sidecar(photo, &faces, frame, &MergeOptions::default()));
        match changed {
            Ok(change) => {
                done.files += usize::from(change.merged.is_changed());
                done.faces += faces.len();
                let conflict = |c: &exchange::Conflict| {
                    Skipped::new(&path, format!("{} stays, although the gallery says {}", c.theirs, c.ours))
                };
                done.conflicts.extend(change.merged.conflicts.iter().map(conflict));
            }
            Err(error) => done.skipped.push(Skipped::new(&path, error.to_string())),
        }
    }
    Ok(done)
}

impl From<ExchangeError> for LikenessError {
    fn from(error: ExchangeError) -> Self {
        GalleryError::from(error).into()
    }
}
