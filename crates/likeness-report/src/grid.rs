//! A contact sheet of queries, each beside its nearest gallery images, framed green or red where identities are known.

use std::path::Path;

use crate::Result;
use crate::sheet::{Frame, Sheet, SheetConfig, Tile};
use likeness_data::decode::PhotoReader;
use likeness_search::{Distance, PhotoSearch, Row};

/// Draws `count` queries, spread evenly over all of them, to the PNG `path`.
///
/// # Errors        a sheet that would be too large; the disk
pub fn draw(
    PhotoSearch { queries, gallery, rankings }: &PhotoSearch<'_>,
    distance: Distance,
    count: usize,
    path: &Path,
) -> Result<()> {
    let longest = rankings.iter().map(|r| r.hits().len()).max().unwrap_or(0);
    let count = count.clamp(1, queries.len());
    let title =
        format!("{}, {distance} distance: {count} of {} queries", queries.model().name, queries.len());
    let columns = (longest + 1).min(11) as u32;
    let mut sheet = Sheet::new(SheetConfig { title: Some(title), columns, ..SheetConfig::default() })?;
    let reader = PhotoReader::default();
    for nth in 0..count {
        let at = nth * queries.len() / count;
        let query = &queries.rows()[at];
        let asked = tile(&reader, query).frame(Frame::Query).caption(&query.name).caption("query");
        let found = rankings[at].hits().iter().map(|hit| {
            let row = &gallery.rows()[hit.gallery_id.index()];
            let frame = match (&query.identity, &row.identity) {
                (Some(a), Some(b)) if a == b => Frame::Correct,
                (Some(_), Some(_)) => Frame::Wrong,
                _ => Frame::Plain,
            };
            tile(&reader, row)
                .frame(frame)
                .caption(&row.name)
                .caption(format!("{}. at {:.3}", hit.rank, hit.distance))
        });
        sheet.add_row(None, std::iter::once(asked).chain(found));
    }
    sheet.save(path)?;
    Ok(())
}

fn tile(reader: &PhotoReader, row: &Row) -> Tile {
    let Some(path) = row.photo_path() else { return Tile::missing("its place is not known") };
    match reader.read(&path) {
        Ok(photo) => Tile::new(photo.image),
        Err(error) => Tile::missing(error.reason()),
    }
}
