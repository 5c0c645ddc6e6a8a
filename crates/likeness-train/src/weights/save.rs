//! Writes a network's tensors as safetensors: eight bytes for the header's length, the header as JSON, the numbers.
//!
//! Keys and notes are sorted, so that the same network gives the same bytes.

use crate::error::Result;
use crate::files::Unfinished;
use crate::parameter::{KeyPath, Keyed};
use burn::module::{ModuleVisitor, Param};
use burn::tensor::Tensor;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// Writes all tensors of a network under their keys, with notes; the backbone's settings are noted without being asked.
///
/// The file appears whole or not at all.
///
/// # Errors    the disk → [`TrainError::Io`](crate::TrainError::Io)
pub fn save_safetensors<M: Keyed>(
    module: &M,
    path: &Path,
    metadata: &BTreeMap<String, String>,
) -> Result<()> {
    Unfinished::write(path, |file| write_safetensors(module, file, metadata))?.persist()
}

/// Writes what [`save_safetensors`] puts into its file.
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
    if config.hidden_share < 1.0 {
        notes.insert("hidden_share".into(), config.hidden_share.to_string());
    }
    write(writer, &notes, &collect(module))
}

/// The numbers of one tensor of a network, outermost extent first, or nothing where it has no such key.
pub fn tensor_values<M: Keyed>(module: &M, key: &str) -> Option<Vec<f32>> {
    collect(module).remove(key).map(|(_, values)| values)
}

/// Shapes and numbers by key.
pub(super) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

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
    let mut header = serde_json::Map::from_iter([("__metadata__".to_owned(), json!(notes))]);
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
    for (_, values) in tensors.values() {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        writer.write_all(&bytes)?;
    }
    Ok(())
}
