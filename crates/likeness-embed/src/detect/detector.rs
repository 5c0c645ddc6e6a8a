//! The loop that all network detectors share: photos enter, their faces leave.

use std::collections::BTreeMap;

use image::RgbImage;
use likeness_data::detect::{Detection, FaceDetector, suppress};
use likeness_data::geometry::Landmarks;
use likeness_data::{DataError, Result};

use super::config::DetectorConfig;
use super::graph::Graph;
use super::input::{Layout, Size};
use super::refine::refine;
use super::{Decoder, recognise};

/// A batch holds at most so many pixels, to stay small in memory.
const BATCH_PIXELS: usize = 1 << 20;

/// A graph with the decoder of its family.
pub(super) struct CnnDetector {
    graph: Graph,
    decoder: Box<dyn Decoder>,
    config: DetectorConfig,
}

impl CnnDetector {
    pub(super) fn new(graph: Graph, decoder: Box<dyn Decoder>, config: DetectorConfig) -> Self {
        Self { graph, decoder, config }
    }

    /// The faces of photos that share one input size.
    fn detect_batch(
        &self,
        batch: &[(&RgbImage, Layout)],
        size: Size,
        config: &DetectorConfig,
    ) -> Result<Vec<Vec<Detection>>> {
        let format = self.decoder.input();
        let mut pixels = vec![0.0; batch.len() * size.values()];
        for ((photo, layout), planes) in batch.iter().zip(pixels.chunks_exact_mut(size.values())) {
            layout.fill(photo, &format, planes)?;
        }
        let outputs = self.graph.run(batch.len(), size, pixels).map_err(|reason| self.broken(reason))?;
        // Recognised anew: a strange graph may answer otherwise at another size.
        let Some(decoder) = recognise(&outputs, size).filter(|d| d.name() == self.decoder.name()) else {
            return Err(self.broken("gives outputs of other shapes than for a blank picture".into()));
        };
        let threshold = config.score_threshold.unwrap_or(decoder.default_score_threshold());
        let faces = |(item, (_, layout)): (usize, &(&RgbImage, Layout))| {
            let candidates = decoder.decode(&outputs, item, size, threshold);
            let kept = suppress(candidates, config.nms_iou, config.max_faces);
            kept.into_iter().map(|d| layout.to_photo(d)).filter(is_sound).collect()
        };
        Ok(batch.iter().enumerate().map(faces).collect())
    }

    /// The faces of every photo by the settings of one look.
    fn look(&self, images: &[&RgbImage], config: &DetectorConfig) -> Result<Vec<Vec<Detection>>> {
        let placement = self.decoder.input().placement;
        let mut by_size: BTreeMap<Size, Vec<(usize, Layout)>> = BTreeMap::new();
        for (i, image) in images.iter().enumerate().filter(|(_, image)| !image.is_empty()) {
            let photo = Size { width: image.width(), height: image.height() };
            let layout = Layout::new(photo, self.graph.fixed_size(), placement, config);
            by_size.entry(layout.input).or_default().push((i, layout));
        }
        let mut found = vec![Vec::new(); images.len()];
        for (size, members) in by_size {
            let most = if self.graph.takes_batches() { (3 * BATCH_PIXELS / size.values()).max(1) } else { 1 };
            for chunk in members.chunks(most) {
                let batch: Vec<_> = chunk.iter().map(|(i, layout)| (images[*i], *layout)).collect();
                for ((i, _), faces) in chunk.iter().zip(self.detect_batch(&batch, size, config)?) {
                    found[*i] = faces;
                }
            }
        }
        Ok(found)
    }

    fn broken(&self, reason: String) -> DataError {
        DataError::BadModel { path: self.graph.path().to_path_buf(), reason }
    }
}

impl FaceDetector for CnnDetector {
    fn name(&self) -> &str {
        self.decoder.name()
    }

    fn refine(&self, image: &RgbImage, detection: &Detection) -> Option<Landmarks> {
        // Only networks that find landmarks in inputs of any size gain from a closer look.
        let is_possible =
            self.config.refine && self.graph.fixed_size().is_none() && detection.landmarks.is_some();
        if is_possible { refine(&self.graph, self.decoder.as_ref(), image, detection) } else { None }
    }

    fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<Detection>>> {
        let mut found = self.look(images, &self.config)?;
        if let Some(closer) = self.config.for_second_look() {
            let missing: Vec<usize> = (0..images.len()).filter(|i| found[*i].is_empty()).collect();
            let again: Vec<&RgbImage> = missing.iter().map(|i| images[*i]).collect();
            for (i, faces) in missing.into_iter().zip(self.look(&again, &closer)?) {
                found[i] = faces;
            }
        }
        Ok(found)
    }
}

/// Whether a face's numbers can be used: a finite box with an area, finite landmarks.
fn is_sound(detection: &Detection) -> bool {
    let finite = |points: &[likeness_data::geometry::Point; 5]| {
        points.iter().all(|p| p.x.is_finite() && p.y.is_finite())
    };
    detection.face_box.is_valid() && detection.landmarks.as_ref().is_none_or(finite)
}
