//! Writes a network's tensors as safetensors: eight bytes for the length of the header, the header as JSON, the values.
//!
//! Keys and metadata are sorted, so that the same network gives the same bytes. The metadata contain a checksum over the other
//! metadata and the tensors, see [`checksum`].

use crate::error::Result;
use crate::parameter::{KeyPath, Keyed};
use burn::module::{ModuleVisitor, Param};
use burn::tensor::Tensor;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// Writes all tensors of a network under their keys, with metadata and the settings of the backbone.
///
/// The file appears complete or not at all.
///
/// # Errors    the disk → [`TrainError::Io`](crate::TrainError::Io)
pub fn save_safetensors<M: Keyed>(
    module: &M,
    path: &Path,
    metadata: &BTreeMap<String, String>,
) -> Result<()> {
    Ok(likeness_artifact::write(path, |file| write_safetensors(module, file, metadata))?)
}

/// Writes the content of the file of [`save_safetensors`].
pub(crate) fn write_safetensors<M: Keyed>(
    module: &M,
    writer: &mut dyn Write,
    metadata: &BTreeMap<String, String>,
) -> std::io::Result<()> {
    let config = module.backbone_config();
    let mut notes = metadata.clone();
    notes.insert("architecture".into(), config.architecture.to_string());
    notes.insert("bn_eps".into(), format!("{:e}", config.batch_norm_epsilon));
    notes.insert("downsampling".into(), config.downsampling.name().into());
    if config.folded_norms {
        notes.insert("folded_norms".into(), "true".into());
    }
    if config.hidden_share < 1.0 {
        notes.insert("hidden_share".into(), config.hidden_share.to_string());
    }
    write(writer, &notes, &collect(module))
}

/// The values of a tensor of a network, row-major; `None` for an unknown key.
pub fn tensor_values<M: Keyed>(module: &M, key: &str) -> Option<Vec<f32>> {
    collect(module).remove(key).map(|(_, values)| values)
}

/// Shapes and values by key.
pub(crate) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// All tensors of a network.
pub(super) fn collect<M: Keyed>(module: &M) -> Tensors {
    let path = KeyPath::new(module.backbone_config().architecture);
    let mut collector = Collector { path, tensors: BTreeMap::new() };
    module.visit(&mut collector);
    collector.tensors
}

struct Collector {
    path: KeyPath,
    tensors: Tensors,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        let values = tensor.into_data().convert::<f32>().try_to_vec().expect("converted to f32");
        self.tensors.insert(self.path.key(), (shape, values));
    }
}

fn write(writer: &mut dyn Write, notes: &BTreeMap<String, String>, tensors: &Tensors) -> std::io::Result<()> {
    let mut notes = notes.clone();
    let shapes = tensors.iter().map(|(key, (shape, _))| (key, shape));
    let data = tensors.values().map(|(_, values)| bytes_of(values));
    notes.insert(CHECKSUM.to_owned(), checksum(&notes, shapes, data));
    write_tensors(writer, &notes, tensors)
}

/// Writes tensors with metadata.
pub(crate) fn write_tensors(
    writer: &mut dyn Write,
    notes: &BTreeMap<String, String>,
    tensors: &Tensors,
) -> std::io::Result<()> {
    let mut header = serde_json::Map::new();
    if !notes.is_empty() {
        header.insert("__metadata__".to_owned(), json!(notes));
    }
    let mut end = 0;
    for (key, (shape, values)) in tensors {
        let start = end;
        end += values.len() * 4;
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [start, end]});
        header.insert(key.clone(), entry);
    }
    let mut header = serde_json::Value::Object(header).to_string();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    writer.write_all(&(header.len() as u64).to_le_bytes())?;
    writer.write_all(header.as_bytes())?;
    tensors.values().try_for_each(|(_, values)| writer.write_all(&bytes_of(values)))
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Metadata key of the checksum.
pub(super) const CHECKSUM: &str = "likeness_sha256";

/// SHA-256 over the metadata without [`CHECKSUM`], the keys and shapes of the tensors, and their values: the pieces of `data`.
///
/// Each text is preceded by its length, so that different files give different input.
pub(super) fn checksum<'a, D: AsRef<[u8]>>(
    notes: &BTreeMap<String, String>,
    shapes: impl IntoIterator<Item = (&'a String, &'a Vec<usize>)>,
    data: impl IntoIterator<Item = D>,
) -> String {
    let mut hash = Sha256::new();
    let mut text = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    for (name, note) in notes.iter().filter(|(name, _)| *name != CHECKSUM) {
        text(name);
        text(note);
    }
    for (key, shape) in shapes {
        text(key);
        text(&format!("{shape:?}"));
    }
    data.into_iter().for_each(|piece| hash.update(piece.as_ref()));
    likeness_artifact::hex(hash.finalize())
}
