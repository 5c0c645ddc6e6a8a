//! Loads the tensors of a weights file into a network, and reports which were loaded.

use super::WeightsFile;
use crate::backbone::{BackboneConfig, Stage};
use crate::error::{Result, TrainError};
use crate::parameter::{KeyPath, Keyed, ParameterInfo, parameters};
use burn::module::{ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use std::collections::HashMap;
use std::path::Path;

/// Keys of the classifier of a published network, which an embedding network does not use.
const CLASSIFIERS: [&str; 4] = ["fc", "classifier", "pre_logits", "head.fc"];

/// Which tensors may be missing.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Key prefixes, such as `layer4` or `head.neck`, of tensors that may be missing, have another shape, or be unexpected in the
    /// file. Tensors that are not loaded keep their initial values.
    pub allow_missing: Vec<String>,
    /// Whether a file without a head is rejected; by default the head keeps its initial values.
    pub require_head: bool,
}

/// Which tensors were loaded, by key, in the order of the layers or of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Tensors that were loaded from the file.
    pub loaded: Vec<String>,
    /// Tensors of the network that the file lacks and that were allowed to be missing.
    pub missing: Vec<String>,
    /// Tensors of the file that the network does not have, such as a published classifier.
    pub unexpected: Vec<String>,
    /// Tensors that were allowed to be missing and have another shape in the file.
    pub misshaped: Vec<String>,
}

impl std::fmt::Display for LoadReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tensors loaded", self.loaded.len())?;
        let fresh: Vec<String> = layers(self.missing.iter().chain(&self.misshaped));
        if !fresh.is_empty() {
            write!(f, "; beginning afresh: {}", fresh.join(", "))?;
        }
        let unused = layers(self.unexpected.iter());
        if !unused.is_empty() {
            write!(f, "; not needed: {}", unused.join(", "))?;
        }
        Ok(())
    }
}

/// The first parts of keys, without repetitions.
fn layers<'a>(keys: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut layers: Vec<String> =
        keys.map(|key| key.split(['.', ' ']).next().unwrap_or_default().to_owned()).collect();
    layers.dedup();
    layers
}

/// Loads a weights file into a network or a backbone.
///
/// The file's keys may have a common prefix, such as `state_dict.module.`. On an error the network does not change.
///
/// # Errors    tensors that do not fit → [`TrainError::WeightsMismatch`], which lists them all · other settings than the
/// network's → [`TrainError::WeightsSettings`] · a file that cannot be read → as [`WeightsFile::open`]
pub fn load_weights<M: Keyed>(module: &mut M, path: &Path, options: &LoadOptions) -> Result<LoadReport> {
    load_from(module, &WeightsFile::open(path)?, options)
}

/// Loads an opened weights file as [`load_weights`] does.
///
/// # Errors    as [`load_weights`]
pub fn load_from<M: Keyed>(module: &mut M, file: &WeightsFile, options: &LoadOptions) -> Result<LoadReport> {
    let config = module.backbone_config();
    check_settings(file, config)?;
    let network = config.architecture.to_string();
    let wanted = parameters(module);
    let prefix = common_prefix(file, &wanted);
    let report = compare(file, &wanted, &prefix, options).map_err(|report| TrainError::WeightsMismatch {
        path: file.path().to_owned(),
        network,
        missing: report.missing,
        misshaped: report.misshaped,
        unexpected: report.unexpected,
    })?;
    let mut values = Values::new();
    for key in &report.loaded {
        values.insert(key.clone(), file.read(&format!("{prefix}{key}"))?);
    }
    *module = fill(module.clone(), values);
    Ok(report)
}

/// Values of tensors by key.
pub(super) type Values = HashMap<String, Vec<f32>>;

/// Sets the tensors with the keys of `values`; the lengths must fit the tensors.
pub(super) fn fill<M: Keyed>(module: M, values: Values) -> M {
    let path = KeyPath::new(module.backbone_config().architecture);
    module.map(&mut Filler { path, values })
}

/// Checks that epsilon, position of the stride and share of hidden channels in the file's metadata are those of the network.
fn check_settings(file: &WeightsFile, config: &BackboneConfig) -> Result<()> {
    let mut asked = config.clone();
    asked.adopt(file.metadata()).map_err(|error| super::file::bad(file.path(), error.to_string()))?;
    let differs = |setting, found: String, expected: String| TrainError::WeightsSettings {
        path: file.path().to_owned(),
        setting,
        found,
        expected,
    };
    if asked.batch_norm_epsilon != config.batch_norm_epsilon {
        let (found, expected) = (asked.batch_norm_epsilon, config.batch_norm_epsilon);
        return Err(differs("batch_norm_epsilon", format!("{found:e}"), format!("{expected:e}")));
    }
    if asked.folded_norms != config.folded_norms {
        let (found, expected) = (asked.folded_norms, config.folded_norms);
        return Err(differs("folded_norms", found.to_string(), expected.to_string()));
    }
    if asked.downsampling != config.downsampling {
        let (found, expected) = (asked.downsampling.name(), config.downsampling.name());
        return Err(differs("downsampling", found.into(), expected.into()));
    }
    if asked.hidden_share != config.hidden_share {
        let (found, expected) = (asked.hidden_share, config.hidden_share);
        return Err(differs("hidden_share", found.to_string(), expected.to_string()));
    }
    Ok(())
}

/// The common prefix of the network's keys in the file: the one under which most keys are found.
fn common_prefix(file: &WeightsFile, wanted: &[ParameterInfo]) -> String {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let keys: std::collections::HashSet<&str> = wanted.iter().map(|info| info.key.as_str()).collect();
    for key in file.shapes().keys() {
        let starts = std::iter::once(0).chain(key.match_indices('.').map(|(dot, _)| dot + 1));
        for start in starts.filter(|start| keys.contains(&key[*start..])) {
            *counts.entry(&key[..start]).or_default() += 1;
        }
    }
    let best = counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(a.0)));
    best.map(|(prefix, _)| prefix.to_owned()).unwrap_or_default()
}

fn compare(
    file: &WeightsFile,
    wanted: &[ParameterInfo],
    prefix: &str,
    options: &LoadOptions,
) -> std::result::Result<LoadReport, LoadReport> {
    let has_head = wanted.iter().any(|info| {
        info.stage == Stage::Head && file.shapes().contains_key(&format!("{prefix}{}", info.key))
    });
    let fresh_head = !has_head && !options.require_head;
    let (mut report, mut refused) = (LoadReport::default(), LoadReport::default());
    for info in wanted {
        let allowed = (fresh_head && info.stage == Stage::Head) || begins(&info.key, &options.allow_missing);
        let target = if allowed { &mut report } else { &mut refused };
        match file.shapes().get(&format!("{prefix}{}", info.key)) {
            None => target.missing.push(info.key.clone()),
            Some(shape) if *shape != info.shape => {
                let note = format!("{} {:?} in the file, {:?} in the network", info.key, shape, info.shape);
                target.misshaped.push(note);
            }
            Some(_) => report.loaded.push(info.key.clone()),
        }
    }
    let known: std::collections::HashSet<&str> = wanted.iter().map(|info| info.key.as_str()).collect();
    for key in file.shapes().keys().filter_map(|key| key.strip_prefix(prefix)) {
        if known.contains(key) || key.ends_with("num_batches_tracked") {
            continue;
        }
        let harmless = begins(key, &CLASSIFIERS) || begins(key, &options.allow_missing);
        let target = if harmless { &mut report } else { &mut refused };
        target.unexpected.push(key.to_owned());
    }
    let fits = refused == LoadReport::default() && !report.loaded.is_empty();
    if fits { Ok(report) } else { Err(refused) }
}

/// Whether a key is, or lies below, one of the given layers.
fn begins<S: AsRef<str>>(key: &str, layers: &[S]) -> bool {
    layers.iter().any(|layer| {
        let layer = layer.as_ref().trim_end_matches('.');
        key.strip_prefix(layer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

struct Filler {
    path: KeyPath,
    values: Values,
}

impl ModuleMapper for Filler {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(values) = self.values.remove(&self.path.key()) else { return param };
        param.map(|old| {
            let data = TensorData::new(values, old.dims());
            Tensor::from_data(data, &old.device()).set_require_grad(old.is_require_grad())
        })
    }
}
