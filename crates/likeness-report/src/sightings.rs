//! A contact sheet of a face and the photos in which it appears, with the face marked in photos of several people.

use std::path::Path;

use likeness_data::decode::PhotoReader;
use likeness_data::geometry::Rect;
use likeness_search::Row;

use crate::Result;
use crate::sheet::{Frame, Mark, Sheet, SheetConfig, Tile};

/// Photos side by side.
const COLUMNS: u32 = 8;
/// Maximum number of photos for each face.
const MOST: usize = 200;

/// A photo in which a face appears.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    /// The photo, and the face's box.
    pub row: &'a Row,
    /// Distance from the query; `None` shows none.
    pub distance: Option<f32>,
    /// The verdict in words.
    pub verdict: &'static str,
    /// Whether the photo surely shows the same person.
    pub is_sure: bool,
}

/// Draws each query with its sightings to the PNG `path`.
///
/// # Errors        the disk
pub fn draw<'a>(queries: impl Iterator<Item = (&'a Row, Vec<Sighting<'a>>)>, path: &Path) -> Result<()> {
    let mut sheet = Sheet::new(SheetConfig { columns: COLUMNS, ..SheetConfig::default() })?;
    let reader = PhotoReader::default();
    for (query, sightings) in queries {
        let asked = tile(&reader, query).frame(Frame::Query).caption(&query.name);
        let heading = match sightings.len() {
            0 => "no match".to_owned(),
            found if found > MOST => format!("{found} photos found; the first {MOST}"),
            found => format!("{found} photos found"),
        };
        let found = sightings.iter().take(MOST).map(|sighting| {
            let frame = if sighting.is_sure { Frame::Correct } else { Frame::Plain };
            tile(&reader, sighting.row).frame(frame).caption(&sighting.row.name).caption(
                match sighting.distance {
                    Some(distance) => format!("{} {distance:.3}", sighting.verdict),
                    None => sighting.verdict.to_owned(),
                },
            )
        });
        sheet.add_row(Some(&heading), std::iter::once(asked).chain(found));
    }
    sheet.save(path)?;
    Ok(())
}

/// The photo of a row with the box of its face.
fn tile(reader: &PhotoReader, row: &Row) -> Tile {
    let Some(path) = row.photo_path() else { return Tile::missing("the path is not known") };
    let photo = match reader.read(&path) {
        Ok(photo) => photo.image,
        Err(error) => return Tile::missing(error.reason()),
    };
    let face_box = row.face_box.map(|b| b.map(|value| value as f32));
    match face_box {
        Some([left, top, width, height]) => Tile::new(photo)
            .mark(Mark { face_box: Some(Rect::new(left, top, width, height)), ..Mark::default() }),
        None => Tile::new(photo),
    }
}
