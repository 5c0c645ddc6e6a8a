//! The connection from the photo pipeline of [`embed`](crate::embed) to a [`Calibrator`].

use image::RgbImage;

use super::Calibrator;
use crate::{Cost, Embedder, EmbedderSpec, Result};

/// An embedder that passes every face it embeds to a [`Calibrator`].
///
/// The photo pipeline reads photos and cuts faces for an [`Embedder`]; with this one, a calibrator observes them. Its
/// embeddings are those of the network that is calibrated.
pub struct CalibrationFeed {
    calibrator: Calibrator,
}

impl CalibrationFeed {
    /// A feed of `calibrator`, which may have several.
    pub fn new(calibrator: &Calibrator) -> Self {
        Self { calibrator: calibrator.clone() }
    }
}

impl Embedder for CalibrationFeed {
    fn spec(&self) -> &EmbedderSpec {
        self.calibrator.embedder().spec()
    }

    fn cost(&self) -> Cost {
        // Every activation is an output, and faces are run one by one.
        Cost { run_faces: None, face_bytes: None }
    }

    fn embed(&self, faces: &[RgbImage]) -> Result<Vec<f32>> {
        let mut values = self.calibrator.observed(faces)?;
        let unit_length = self.calibrator.embedder().preprocess().unit_length;
        crate::embedder::finish(self.spec(), &mut values, unit_length)?;
        Ok(values)
    }
}
