//! The regions that made wrong pairs match, for the worst queries of a model.

use image::imageops::FilterType;
use image::{RgbImage, imageops};
use likeness_report::evaluation::{Explanation, ExplanationSide};
use likeness_search::Row;

use super::queries::WrongHit;
use super::thumbnail::jpeg;
use crate::context::{Context, Silent};
use crate::explain::{Pictured, explain};
use crate::loader::Loader;
use crate::options::{ModelChoice, PhotoOptions};

/// Explained pairs of a report.
pub(super) const EXPLAINED: usize = 3;
/// Edge of an overlay, in pixels.
const EDGE_PX: u32 = 176;

/// Explains each wrong pair of the model at `model`. A pair that cannot be explained, because its photos are gone or its model has no
/// file, is left out.
pub(super) fn explanations(
    model: usize,
    source: &str,
    wrong: &[WrongHit<'_>],
    choice: &ModelChoice,
    photos: &PhotoOptions,
    context: Context<'_>,
) -> Vec<Explanation> {
    let choice = ModelChoice { model: Some(source.to_owned()), is_default: false, ..choice.clone() };
    // The model was opened before and reported then.
    let loader = Loader::new(&choice, photos, Context { observer: &Silent, ..context });
    wrong.iter().filter_map(|pair| one(model, pair, &loader)).collect()
}

fn one(model: usize, pair: &WrongHit<'_>, loader: &Loader<'_>) -> Option<Explanation> {
    let [query, hit] = [pair.query, pair.hit].map(|row| Pictured::of_row(row).ok());
    let explained = explain(loader, &query?, &hit?).ok()?;
    let [of_query, of_hit] = explained.overlays();
    let side = |row: &Row, overlay: &RgbImage| ExplanationSide {
        file: row.name.clone(),
        identity: row.identity.clone().unwrap_or_default(),
        picture: jpeg(&imageops::resize(overlay, EDGE_PX, EDGE_PX, FilterType::Triangle)),
    };
    Some(Explanation {
        model,
        query: side(pair.query, &of_query),
        hit: side(pair.hit, &of_hit),
        right: false,
        distance: pair.distance,
        nearest_true: pair.nearest_true,
        margin: pair.nearest_true.map(|nearest| pair.distance - nearest),
    })
}
