//! A contact sheet of explained pairs: query, hit and the nearest other identity side by side, one pair in each row.

use std::path::Path;

use image::RgbImage;

use crate::Result;
use crate::sheet::{Sheet, SheetConfig, Tile};

/// Edge of a picture, in pixels.
const CELL_PX: u32 = 300;
/// The title of the sheet.
const TITLE: &str = "In colour: what moves the two pictures apart most when it is hidden";

/// A picture of a pair, with its name.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Name of the picture, or of the person in it.
    pub name: String,
    /// The picture, with its evidence if it has any (see [`overlay`](super::overlay)); or why it cannot be shown.
    pub picture: Result<RgbImage, String>,
}

/// A query and a hit with what makes them match, and the nearest other identity.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The query.
    pub query: Shown,
    /// The hit.
    pub hit: Shown,
    /// Distance between query and hit.
    pub distance: f32,
    /// The verdict on the pair in words; `None` without thresholds.
    pub verdict: Option<&'static str>,
    /// The nearest picture of another identity, and its distance from the query; `None` if there is none.
    pub other: Option<(Shown, f32)>,
}

/// Draws `pairs` to the PNG `path`.
///
/// # Errors        the disk
pub fn draw(pairs: impl IntoIterator<Item = Pair>, path: &Path) -> Result<()> {
    sheet(pairs)?.save(path)
}

/// The sheet of `pairs`.
fn sheet(pairs: impl IntoIterator<Item = Pair>) -> Result<Sheet> {
    let config =
        SheetConfig { title: Some(TITLE.to_owned()), cell_px: CELL_PX, columns: 3, ..SheetConfig::default() };
    let mut sheet = Sheet::new(config)?;
    for Pair { query, hit, distance, verdict, other } in pairs {
        let verdict = verdict.map(|word| format!("{word}, ")).unwrap_or_default();
        let mut tiles =
            vec![tile(query).caption("query"), tile(hit).caption(format!("{verdict}distance {distance:.3}"))];
        tiles.extend(other.map(|(shown, apart)| {
            tile(shown)
                .caption(format!("nearest other identity, distance {apart:.3}"))
                .caption(format!("margin {}", signed(apart - distance)))
        }));
        sheet.add_row(None, tiles);
    }
    Ok(sheet)
}

fn tile(Shown { name, picture }: Shown) -> Tile {
    match picture {
        Ok(picture) => Tile::new(picture),
        Err(reason) => Tile::missing(reason),
    }
    .caption(name)
}

/// A number with three decimals and, if it is negative, a minus sign.
fn signed(value: f32) -> String {
    let sign = if value < 0.0 { "−" } else { "" };
    format!("{sign}{:.3}", value.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn pairs_are_rows_of_two_or_three_pictures() {
        let shown =
            |name: &str| Shown { name: name.into(), picture: Ok(RgbImage::from_pixel(20, 20, Rgb([9; 3]))) };
        let gone = || Shown { name: "gone.jpg".into(), picture: Err("no such file".into()) };
        let pair = |other| Pair {
            query: shown("q.jpg"),
            hit: gone(),
            distance: 0.25,
            verdict: Some("match"),
            other,
        };
        let height = |pairs: Vec<Pair>| sheet(pairs).unwrap().into_image().height();
        let (one, two) = (height(vec![pair(None)]), height(vec![pair(None), pair(Some((gone(), 0.5)))]));
        assert!(two > one + CELL_PX, "{one} {two}");
        assert!(sheet(Vec::new()).is_ok());
        assert_eq!((signed(0.25), signed(-0.125)), ("0.250".into(), "−0.125".into()));
    }
}
