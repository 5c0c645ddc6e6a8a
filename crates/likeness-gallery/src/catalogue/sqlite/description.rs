//! The description of a model, as JSON.

use likeness_search::{Distance, Licence, ModelTag, Threshold, Thresholds};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Description {
    name: String,
    fingerprint: String,
    dimension: usize,
    distance: Distance,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    licence: Option<Licence>,
    #[serde(default)]
    thresholds: Vec<Threshold>,
}

/// The description of a model as text.
pub(super) fn write(tag: &ModelTag) -> serde_json::Result<String> {
    let ModelTag { name, fingerprint, dimension, distance, licence, thresholds } = tag.clone();
    let thresholds = thresholds.as_slice().to_vec();
    serde_json::to_string(&Description { name, fingerprint, dimension, distance, licence, thresholds })
}

/// The model that a text describes.
///
/// # Errors        text that is no description; thresholds or a dimension out of range; described as text
pub(super) fn read(text: &str) -> Result<ModelTag, String> {
    let Description { name, fingerprint, dimension, distance, licence, thresholds } =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    if dimension == 0 {
        return Err("embeddings of dimension 0".to_owned());
    }
    let thresholds = Thresholds::new(thresholds)?;
    Ok(ModelTag { name, fingerprint, dimension, distance, licence, thresholds })
}
