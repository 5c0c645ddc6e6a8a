//! Which faces and people a user means.
//!
//! A face is `12` or `face:12`, its number; `PHOTO`, the one face of a photo; or `PHOTO#2`, the second face of a photo from the
//! left. `group:12` stands for all faces of the unnamed group with face 12. A person is a name, or `person:3`.

use std::path::Path;

use likeness_data::photos::display_name;
use likeness_gallery::catalogue::{ItemRow, ReadCatalogue};
use likeness_gallery::people::People;
use likeness_gallery::{Gallery, ItemId, PersonId, PhotoId};

use super::groups::Group;
use crate::{Result, invalid};

/// The faces that `texts` mean, each once, in order.
///
/// # Errors        a text that means no face, or a photo with several
pub fn faces(gallery: &Gallery, texts: &[String], groups: &[Group]) -> Result<Vec<ItemId>> {
    let mut found = Vec::new();
    for text in texts {
        for item in one(gallery, text, groups)? {
            if !found.contains(&item) {
                found.push(item);
            }
        }
    }
    Ok(found)
}

fn one(gallery: &Gallery, text: &str, groups: &[Group]) -> Result<Vec<ItemId>> {
    if let Some(number) = text.strip_prefix("group:") {
        let item = number.parse().map(ItemId).ok();
        let group = item.and_then(|item| groups.iter().find(|group| group.items.contains(&item)));
        return group.map(|group| group.items.clone()).ok_or_else(|| {
            invalid(
                format!("{text}: no unnamed group has this face"),
                "list the groups with `likeness people list`",
            )
        });
    }
    if let Ok(number) = text.strip_prefix("face:").unwrap_or(text).parse::<i64>() {
        let known = gallery.catalogue().items_by_id(&[ItemId(number)])?;
        return match known.first() {
            Some(row) => Ok(vec![row.item.id]),
            None => Err(invalid(
                format!("{text}: the gallery has no such face"),
                "list the faces with `likeness gallery list --faces`",
            )),
        };
    }
    of_photo(gallery, text)
}

/// The absolute paths under which a gallery may know the file at `path`: with links in its folder resolved, with all links
/// resolved, and as it is written.
pub(crate) fn absolute_paths(path: &Path) -> Vec<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let in_folder =
        fs_err::canonicalize(folder).ok().zip(path.file_name()).map(|(folder, name)| folder.join(name));
    let all = [in_folder, fs_err::canonicalize(path).ok(), std::path::absolute(path).ok()];
    let mut paths: Vec<String> = all.into_iter().flatten().map(|path| display_name(&path)).collect();
    paths.dedup();
    paths
}

/// The face that `PHOTO` or `PHOTO#N` means.
fn of_photo(gallery: &Gallery, text: &str) -> Result<Vec<ItemId>> {
    let (place, number) = match text.rsplit_once('#').map(|(place, n)| (place, n.parse::<usize>())) {
        Some((place, Ok(number))) if !Path::new(text).exists() => (place, Some(number)),
        _ => (text, None),
    };
    let absolute = absolute_paths(Path::new(place));
    let all = gallery.catalogue().items(None)?;
    let mut rows: Vec<&ItemRow> = all.iter().filter(|row| absolute.contains(&row.path)).collect();
    if rows.is_empty() {
        // A file may have another place than the one that is listed.
        let photo = file_photo(gallery, &absolute)?;
        rows = all.iter().filter(|row| Some(row.item.photo) == photo).collect();
    }
    let left = |row: &&ItemRow| row.item.face_box.map_or(0, |b| b[0]);
    rows.sort_by_key(left);
    match (rows.as_slice(), number) {
        ([], _) => Err(invalid(
            format!("{place}: the gallery has no face in such a photo"),
            "list the photos with `likeness gallery list`",
        )),
        (rows, Some(number)) if (1..=rows.len()).contains(&number) => Ok(vec![rows[number - 1].item.id]),
        (rows, Some(number)) => Err(invalid(
            format!("{place}: expected a face from 1 to {}, found {number}", rows.len()),
            "faces are counted from the left",
        )),
        ([row], None) => Ok(vec![row.item.id]),
        (rows, None) => Err(invalid(
            format!("{place}: the photo has {} faces", rows.len()),
            format!("name one of them, from the left: {place}#1 to {place}#{}", rows.len()),
        )),
    }
}

/// The photo with a file at one of `paths`.
fn file_photo(gallery: &Gallery, paths: &[String]) -> Result<Option<PhotoId>> {
    for root in gallery.catalogue().roots()? {
        let below = |path: &String| path.strip_prefix(&format!("{}/", root.path)).map(str::to_owned);
        let wanted: Vec<String> = paths.iter().filter_map(below).collect();
        if wanted.is_empty() {
            continue;
        }
        let files = gallery.catalogue().files(root.id)?;
        if let Some(file) = wanted.iter().find_map(|path| files.get(path)) {
            return Ok(Some(file.photo));
        }
    }
    Ok(None)
}

/// The person that `text` means.
///
/// # Errors        nobody, or several people, have this name
pub fn person(people: &People, text: &str) -> Result<PersonId> {
    person_or_none(people, text)?.ok_or_else(|| {
        invalid(
            format!("{text}: the gallery has no such person"),
            "list the people with `likeness people list`",
        )
    })
}

/// The person that `text` means; `None` if nobody has this name.
///
/// # Errors        several people have this name; a number that nobody has
pub fn person_or_none(people: &People, text: &str) -> Result<Option<PersonId>> {
    if let Some(number) = text.strip_prefix("person:").and_then(|number| number.parse().ok()) {
        let known = people.resolve(PersonId(number));
        return known.map(Some).ok_or_else(|| {
            invalid(
                format!("{text}: the gallery has no such person"),
                "list the people with `likeness people list`",
            )
        });
    }
    match people.by_name(text).as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        several => {
            let numbers: Vec<String> = several.iter().map(|id| format!("person:{id}")).collect();
            Err(invalid(
                format!("{text}: {} people have this name", several.len()),
                format!("name one of them: {}", numbers.join(", ")),
            ))
        }
    }
}
