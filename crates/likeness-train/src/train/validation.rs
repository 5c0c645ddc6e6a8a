//! Measures the accuracy of searches among faces that were not trained on: each face among all others, by cosine distance.

use burn::tensor::Device;
use likeness_search::{Distance, EmbeddingTable, EvaluateConfig, ModelTag, Protocol, Row, evaluate};

use super::optimizer::floats;
use crate::layer::Pass;
use crate::loader::Epoch;
use crate::network::Network;
use crate::{Result, TrainError};

/// The accuracy of the searches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    /// Share of searches whose nearest face has the same identity.
    pub top1: f64,
    /// Mean average precision.
    pub map: f64,
}

/// The embeddings of the faces of an epoch.
#[derive(Debug, Clone, Default)]
pub struct Embedded {
    /// Indices of the faces, `[faces]`; unreadable faces are left out.
    pub faces: Vec<usize>,
    /// Labels of the faces, `[faces]`.
    pub labels: Vec<u32>,
    /// Embeddings of the faces, row-major, `[faces, dim]`.
    pub rows: Vec<f32>,
}

/// Embeds all faces of an epoch.
///
/// `device` has no gradients.
pub fn embed(network: &Network, epoch: Epoch, device: &Device) -> Embedded {
    let mut all = Embedded::default();
    for batch in epoch {
        let output = network.forward(batch.images(device), &mut Pass::evaluation());
        all.rows.extend(floats(output.embedding));
        all.labels.extend(batch.labels);
        all.faces.extend(batch.faces);
    }
    all
}

/// The accuracy of leave-one-out searches among these embeddings; `None` where no identity has two faces.
///
/// # Errors        embeddings that are not finite → [`TrainError::NotANumber`]
pub fn accuracy(labels: &[u32], rows: Vec<f32>, step: u64) -> Result<Option<Accuracy>> {
    let dimension = rows.len() / labels.len().max(1);
    let name =
        |(i, label): (usize, &u32)| Row { identity: Some(label.to_string()), ..Row::new(i.to_string()) };
    let named = labels.iter().enumerate().map(name).collect();
    let tag = ModelTag::new("in training", "", dimension, Distance::Cosine);
    let broken = |_| TrainError::NotANumber { what: "embedding of a validation face", step };
    if labels.len() < 2 {
        return Ok(None);
    }
    let table = EmbeddingTable::new(tag, named, rows).map_err(broken)?;
    let config = EvaluateConfig { resamples: 0, ..EvaluateConfig::default() };
    Ok(evaluate(&table, Protocol::LeaveOneOut, &config)
        .ok()
        .filter(|evaluation| evaluation.queries > 0)
        .map(|evaluation| Accuracy { top1: evaluation.top1, map: evaluation.map }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_face_decides() {
        // In degrees 0 and 10 of identity 0, 90 and 6 of identity 1.
        let rows =
            [0.0f32, 10.0, 90.0, 6.0].iter().flat_map(|d| [d.to_radians().cos(), d.to_radians().sin()]);
        let found = accuracy(&[0, 0, 1, 1], rows.collect(), 0).unwrap().unwrap();
        // The last one is the nearest of all others, and the second is nearest to it.
        assert_eq!(found.top1, 0.0);
        let rows = [0.0f32, 1.0, 90.0, 6.0].iter().flat_map(|d| [d.to_radians().cos(), d.to_radians().sin()]);
        assert_eq!(accuracy(&[0, 0, 1, 1], rows.collect(), 0).unwrap().unwrap().top1, 0.75);
        assert!(accuracy(&[0, 1], vec![1.0, 0.0, 0.0, 1.0], 0).unwrap().is_none());
        assert!(matches!(
            accuracy(&[0, 0], vec![f32::NAN; 2], 3),
            Err(TrainError::NotANumber { step: 3, .. })
        ));
    }
}
