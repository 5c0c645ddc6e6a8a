//! A network's parameters by the key they have in a published file of weights, and by stage.

use crate::backbone::{Architecture, Backbone, BackboneConfig, Stage};
use crate::network::Network;
use burn::module::{Flag, Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

/// A module whose parameters have keys.
pub trait Keyed: Module {
    /// The settings of the backbone.
    fn backbone_config(&self) -> &BackboneConfig;
}

impl Keyed for Backbone {
    fn backbone_config(&self) -> &BackboneConfig {
        self.config()
    }
}

impl Keyed for Network {
    fn backbone_config(&self) -> &BackboneConfig {
        self.backbone.config()
    }
}

/// One tensor of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterInfo {
    /// Its key, such as `layer1.0.conv1.weight`.
    pub key: String,
    /// Its identity in gradients and optimisers.
    pub id: ParamId,
    /// Its extents, outermost first.
    pub shape: Vec<usize>,
    /// The part of the network it belongs to.
    pub stage: Stage,
    /// Whether it is a running statistic, which never learns.
    pub buffer: bool,
    /// Whether it gets a gradient in training.
    pub trained: bool,
}

/// All tensors of a network, in the order of its layers.
pub fn parameters<M: Keyed>(module: &M) -> Vec<ParameterInfo> {
    let mut lister = Lister { path: KeyPath::new(module.backbone_config().architecture), found: Vec::new() };
    module.visit(&mut lister);
    lister.found
}

/// The way from the root to a parameter, without the names that only the program has.
#[derive(Debug)]
pub(crate) struct KeyPath {
    architecture: Architecture,
    parts: Vec<Option<String>>,
}

impl KeyPath {
    pub(crate) fn new(architecture: Architecture) -> Self {
        Self { architecture, parts: Vec::new() }
    }

    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        let ours = container.starts_with("Enum:")
            || matches!((container, name), ("Struct:Backbone", "layers") | ("Struct:Network", "backbone"));
        self.parts.push((!ours).then(|| name.to_owned()));
    }

    pub(crate) fn exit(&mut self) {
        self.parts.pop();
    }

    /// The key; the head of InsightFace's networks has the keys that it has there.
    pub(crate) fn key(&self) -> String {
        let parts: Vec<&str> = self.parts.iter().flatten().map(String::as_str).collect();
        let key = parts.join(".");
        let [linear, neck] = self.architecture.head_keys();
        match (key.strip_prefix("head.linear."), key.strip_prefix("head.neck.")) {
            (Some(tensor), _) => format!("{linear}.{tensor}"),
            (_, Some(tensor)) => format!("{neck}.{tensor}"),
            _ => key,
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.architecture.stage_of(&self.key())
    }

    fn is_buffer(&self) -> bool {
        matches!(self.parts.last(), Some(Some(name)) if name.starts_with("running_"))
    }
}

struct Lister {
    path: KeyPath,
    found: Vec<ParameterInfo>,
}

impl ModuleVisitor for Lister {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push(ParameterInfo {
            key: self.path.key(),
            id: param.id,
            shape: param.lazy_shape().to_vec(),
            stage: self.path.stage(),
            buffer: self.path.is_buffer(),
            trained: param.is_require_grad(),
        });
    }
}

/// Gives the parameters of some stages gradients or not, and their normalisations batch statistics or not.
pub(crate) fn set_trained<M: Keyed>(module: M, stages: &[Stage], trained: bool) -> M {
    let path = KeyPath::new(module.backbone_config().architecture);
    module.map(&mut Trainer { path, stages, trained, weights: true })
}

/// Takes the batch statistics from the normalisations of some stages.
pub(crate) fn freeze_statistics<M: Keyed>(module: M, stages: &[Stage]) -> M {
    let path = KeyPath::new(module.backbone_config().architecture);
    module.map(&mut Trainer { path, stages, trained: false, weights: false })
}

struct Trainer<'a> {
    path: KeyPath,
    stages: &'a [Stage],
    trained: bool,
    weights: bool,
}

impl ModuleMapper for Trainer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let chosen = self.weights && !self.path.is_buffer() && self.stages.contains(&self.path.stage());
        if chosen { param.set_require_grad(self.trained) } else { param }
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        if self.stages.contains(&self.path.stage()) { flag.with_value(self.trained) } else { flag }
    }
}
