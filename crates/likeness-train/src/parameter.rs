//! The parameters of a network, by stage and by their keys in a published weights file.

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
    /// Key of the tensor, such as `layer1.0.conv1.weight`.
    pub key: String,
    /// Identifier of the tensor in gradients and optimisers.
    pub id: ParamId,
    /// Shape of the tensor, outermost dimension first.
    pub shape: Vec<usize>,
    /// Stage of the network that the tensor belongs to.
    pub stage: Stage,
    /// Whether the tensor is a running statistic, which is never trained.
    pub buffer: bool,
    /// Whether the tensor gets a gradient in training.
    pub trained: bool,
}

/// All tensors of a network, in the order of its layers.
pub fn parameters<M: Keyed>(module: &M) -> Vec<ParameterInfo> {
    let mut lister = Lister { path: KeyPath::new(module.backbone_config().architecture), found: Vec::new() };
    module.visit(&mut lister);
    lister.found
}

/// The path from the network to a parameter, without the names that published files do not have.
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

    /// The key of the parameter. The head of InsightFace's networks has InsightFace's keys.
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

/// The stages before the head.
const BACKBONE_STAGES: [Stage; 5] = [Stage::Stem, Stage::Layer1, Stage::Layer2, Stage::Layer3, Stage::Layer4];

/// Sets whether the parameters of `stages` get gradients, and whether their normalisations use batch statistics.
pub(crate) fn set_trained<M: Keyed>(module: M, stages: &[Stage], trained: bool) -> M {
    let config = module.backbone_config();
    let (path, folded) = (KeyPath::new(config.architecture), config.folded_norms);
    let module = module.map(&mut Trainer { path, stages, trained, weights: true });
    // Folded normalisations have no statistics that a batch could replace.
    if folded { freeze_statistics(module, &BACKBONE_STAGES) } else { module }
}

/// Makes the normalisations of `stages` use running statistics in training.
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
