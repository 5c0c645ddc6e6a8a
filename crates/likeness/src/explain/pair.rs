//! Explains a pair of photos: cuts and evidence of both.

use image::RgbImage;
use likeness_embed::explain::{Evidence, ExplainRun, Explanation, Occlusion};
use likeness_report::overlay::{EvidenceMap, overlay};

use super::pictured::{Cuts, Pictured};
use crate::{Loader, Result};

/// A picture of a pair with its evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The face or picture as the model sees it, larger, to be shown.
    pub picture: RgbImage,
    /// What holds it near the other picture. The map covers the picture, at the model's size.
    pub evidence: Evidence,
}

impl Side {
    /// The picture with its evidence drawn into it.
    pub fn overlay(&self) -> RgbImage {
        let Evidence { width, height, values, .. } = &self.evidence;
        overlay(&self.picture, &EvidenceMap { width: *width, height: *height, values })
    }
}

/// What makes two photos match.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The query.
    pub query: Side,
    /// The hit.
    pub hit: Side,
    /// Distance between both, by the model's own distance.
    pub distance: f32,
    /// Number of pictures that were embedded.
    pub embeddings: usize,
}

impl Explained {
    /// Query and hit with the evidence drawn into them.
    pub fn overlays(&self) -> [RgbImage; 2] {
        [self.query.overlay(), self.hit.overlay()]
    }
}

/// Explains why the model of `loader` places `query` and `hit` at their distance.
///
/// # Errors        a photo that is gone, damaged or another one; a face that is not found again; an error of the model; a stop
pub fn explain(loader: &Loader<'_>, query: &Pictured, hit: &Pictured) -> Result<Explained> {
    let (of_query, of_hit): (Cuts, Cuts) = (query.cuts(loader)?, hit.cuts(loader)?);
    let run = ExplainRun {
        occlusion: Occlusion::default(),
        threads: loader.photo_options().threads,
        stop: loader.context().stop,
    };
    let Explanation { query, hit, distance, embeddings } =
        likeness_embed::explain::explain(loader.embedder()?, &of_query.seen, &of_hit.seen, &run)?;
    Ok(Explained {
        query: Side { picture: of_query.shown, evidence: query },
        hit: Side { picture: of_hit.shown, evidence: hit },
        distance,
        embeddings,
    })
}
