//! A contact sheet of photos with the boxes and landmarks that were found in them.

use std::path::Path;

use crate::Result;
use crate::sheet::{Frame, Mark, Sheet, SheetConfig, Tile};
use likeness_data::decode::PhotoReader;
use likeness_data::detect::Detection;
use likeness_data::prepare::Example;

/// Photos side by side.
const COLUMNS: u32 = 8;

/// Draws examples of a dataset to the PNG `path`.
///
/// # Errors        the disk
pub fn of_dataset(examples: &[Example], path: &Path) -> Result<()> {
    let reader = PhotoReader::default();
    let title = format!("{} photos and the faces found in them", examples.len());
    let tiles = examples.iter().map(|example| {
        let marks = example.faces.iter().map(|f| Mark {
            face_box: f.face_box,
            score: f.score,
            points: f.landmarks.map(Vec::from).unwrap_or_default(),
        });
        tile(&reader, &example.photo, &example.name, marks)
    });
    draw(&title, tiles, path)
}

/// Draws photos of `found` (path, name, faces), spread evenly, to the PNG `path`.
///
/// # Errors        the disk
pub fn of_detections(found: &[(&Path, &str, &[Detection])], path: &Path) -> Result<()> {
    let reader = PhotoReader::default();
    let count = found.len().min(likeness_data::prepare::EXAMPLES);
    let title = format!("{count} of {} photos and the faces found in them", found.len());
    let tiles = (0..count).map(|nth| {
        let (photo, name, detections) = found[nth * found.len() / count];
        let marks = detections.iter().map(|d| Mark {
            face_box: Some(d.face_box),
            score: Some(d.score),
            points: d.landmarks.map(Vec::from).unwrap_or_default(),
        });
        tile(&reader, photo, name, marks)
    });
    draw(&title, tiles, path)
}

fn draw(title: &str, tiles: impl Iterator<Item = Tile>, path: &Path) -> Result<()> {
    let config = SheetConfig { title: Some(title.to_owned()), columns: COLUMNS, ..SheetConfig::default() };
    let mut sheet = Sheet::new(config)?;
    sheet.add_row(None, tiles);
    sheet.save(path)?;
    Ok(())
}

fn tile(reader: &PhotoReader, photo: &Path, name: &str, marks: impl ExactSizeIterator<Item = Mark>) -> Tile {
    let found = marks.len();
    let tile = match reader.read(photo) {
        Ok(photo) => Tile::new(photo.image),
        Err(error) => Tile::missing(error.reason()),
    };
    let frame = if found == 0 { Frame::Wrong } else { Frame::Plain };
    marks.fold(tile.frame(frame).caption(name), Tile::mark)
}
