//! Adds a linear head to a network: its graph gets the head's operators, its description a new name and no thresholds.

use std::path::Path;

use image::{Rgb, RgbImage};
use likeness_engine::EngineConfig;
use likeness_engine::graph::{Graph, LinearLayer};
use likeness_model::preprocess::Preprocess;
use likeness_model::{ModelDescription, folder};
use likeness_search::head::LinearHead;

use crate::{EmbedError, Embedder, OnnxEmbedder, OpenedModel, Result};

/// The largest difference between a value of the new graph and of the head, relative to the embedding's largest value.
const TOLERANCE: f32 = 1e-4;

/// A network with a linear head, ready to be written.
#[derive(Debug, Clone)]
pub struct HeadedModel {
    graph: Vec<u8>,
    preprocess: Preprocess,
    /// The description of the network without the head, under its name, without thresholds, with the head's dimension.
    pub description: ModelDescription,
}

impl HeadedModel {
    /// Writes the model folder; returns its description, fingerprint included.
    ///
    /// # Errors        a folder that contains files; the file system
    pub fn write(&self, to: &Path) -> Result<ModelDescription> {
        Ok(folder::write(to, &self.graph, self.description.clone(), &self.preprocess)?)
    }
}

/// Adds `head` to the network of `model`, which `engine` runs, and checks on a picture that the new graph gives the head's embeddings.
///
/// # Errors        embeddings of another dimension; a graph that cannot be read or extended; other results →
/// [`EmbedError::BadModel`]
pub fn with_head(model: &OpenedModel, head: &LinearHead, engine: &EngineConfig) -> Result<HeadedModel> {
    let OpenedModel { graph: checked, description, embedder, spec } = model;
    let refused = |reason: String| EmbedError::BadModel {
        path: checked.path().to_owned(),
        reason: format!("no head can be added: {reason}"),
        hint: Some("use a network whose weights and operators are standard ONNX, version 7 or later".into()),
    };
    if head.inputs != spec.dimension {
        return Err(refused(format!(
            "the head takes {} values, the network gives {}",
            head.inputs, spec.dimension
        )));
    }
    let mut graph =
        Graph::read(checked.bytes(), checked.external()).map_err(|error| refused(error.to_string()))?;
    let picture = picture(spec.input_size);
    let output = embedder.embedding_output();
    let mut shape = embedder.outputs(&picture)?.swap_remove(output).shape;
    // A graph with a fixed batch gives as many embeddings.
    let batch = std::mem::replace(&mut shape[0], 1);
    let preprocess = embedder.preprocess();
    let layer = LinearLayer {
        inputs: head.inputs,
        outputs: head.outputs,
        weights: &head.weights,
        bias: head.bias.as_deref(),
        // Without a bias, the length of what enters changes only the length of what leaves.
        unit_input: head.unit_input && !(head.bias.is_none() && head.unit_output),
    };
    let graph = graph
        .append_linear(output, &shape, &layer)
        .and_then(|()| graph.write(&[vec![batch, head.outputs]]))
        .map_err(|error| refused(error.to_string()))?;
    let headed = OnnxEmbedder::from_bytes(checked.path(), graph.clone(), preprocess.clone(), engine)?;
    let expected = head.apply(&embedder.embed(std::slice::from_ref(&picture))?);
    let found = headed.embed(std::slice::from_ref(&picture))?;
    let largest = expected.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let is_close = |(a, b): (&f32, &f32)| (a - b).abs() <= TOLERANCE * largest;
    if found.len() != expected.len() || !found.iter().zip(&expected).all(is_close) {
        return Err(refused("the new graph gives other embeddings than the head".to_owned()));
    }
    let mut description = description.clone().unwrap_or_default();
    description.name = Some(spec.name.clone());
    description.dimension = Some(head.outputs);
    description.distance = Some(spec.distance);
    description.adapted_from = Some(spec.fingerprint.clone());
    // Thresholds hold for the embeddings that they were measured on.
    description.thresholds.clear();
    description.thresholds_from = None;
    Ok(HeadedModel { graph, preprocess, description })
}

/// A picture with many colours.
fn picture((width, height): (u32, u32)) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(7 * x + 3 * y) as u8, (x * y) as u8, (5 * y + 90) as u8]))
}

#[cfg(test)]
mod tests {
    use likeness_engine::EngineChoice;
    use likeness_model::folder::GRAPH;
    use likeness_model::preprocess::PreprocessOverrides;

    use super::*;
    use crate::open_model_in;

    /// A head for embeddings of `inputs` values.
    fn head(inputs: usize, outputs: usize, bias: bool, unit_input: bool, unit_output: bool) -> LinearHead {
        let value = |at: usize| ((at * 37 % 101) as f32 / 101.0 - 0.5) / (inputs as f32).sqrt();
        LinearHead {
            inputs,
            outputs,
            weights: (0..inputs * outputs).map(value).collect(),
            bias: bias.then(|| (0..outputs).map(|at| 0.1 * value(at)).collect()),
            unit_input,
            unit_output,
        }
    }

    fn engine(choice: EngineChoice) -> EngineConfig {
        EngineConfig { choice, ..EngineConfig::default() }
    }

    /// Embeddings by the model folder with a head are those of the head, on `choice`.
    fn agrees(model: &str, head: &LinearHead, choice: EngineChoice) {
        let plain = PreprocessOverrides::default();
        let opened = open_model_in(None, model, &plain, &engine(choice)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("m");
        let written = with_head(&opened, head, &engine(choice)).unwrap().write(&to).unwrap();
        assert_eq!(written.adapted_from.as_ref(), Some(&opened.spec.fingerprint));
        assert_eq!((written.dimension, written.distance), (Some(head.outputs), Some(opened.spec.distance)));
        assert!(written.thresholds.is_empty() && written.thresholds_from.is_none());
        assert_eq!(written.licence, opened.description.as_ref().and_then(|d| d.licence.clone()));
        let adapted = OpenedModel::open(&to.join(GRAPH), &plain, &engine(choice)).unwrap();
        let (width, height) = opened.spec.input_size;
        let mut pictures =
            vec![picture((width, height)), RgbImage::from_pixel(width, height, Rgb([90, 20, 5]))];
        pictures.push(image::imageops::rotate180(&pictures[0]));
        let expected = head.apply(&opened.embedder.embed(&pictures).unwrap());
        let found = adapted.embedder.embed(&pictures).unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-5, "{model}, {choice}: {found} {expected}");
        }
    }

    #[test]
    fn a_head_on_a_built_in_model_gives_its_embeddings() {
        for choice in [EngineChoice::Direct, EngineChoice::Rten] {
            agrees("face", &head(128, 128, false, false, false), choice);
            agrees("picture", &head(512, 512, true, true, true), choice);
            agrees("picture", &head(512, 200, false, true, true), choice);
        }
    }

    mod with_onnxruntime {
        use super::*;

        #[test]
        #[ignore = "needs ORT_DYLIB_PATH"]
        fn a_head_on_a_built_in_model_gives_its_embeddings() {
            agrees("face", &head(128, 64, false, false, false), EngineChoice::OnnxRuntime);
            agrees("picture", &head(512, 512, true, true, true), EngineChoice::OnnxRuntime);
        }
    }

    #[test]
    fn what_takes_no_head_is_named() {
        let plain = PreprocessOverrides::default();
        let opened = open_model_in(None, "face", &plain, &EngineConfig::default()).unwrap();
        let error = with_head(&opened, &head(64, 64, false, false, false), &EngineConfig::default())
            .unwrap_err()
            .to_string();
        assert_eq!(error, "face: no head can be added: the head takes 64 values, the network gives 128");
        let error = open_model_in(None, "color", &plain, &EngineConfig::default()).err().unwrap();
        assert_eq!(error.to_string(), "color: a descriptor has no network");
    }
}
