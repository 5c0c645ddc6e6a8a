//! The training objective of a phase: the weighted sum of its losses, and the domain loss of a run that adapts.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use rand::Rng;

use super::config::{LossConfig, PhaseConfig};
use super::faces::TrainingFaces;
use super::validate::no_classifier;
use crate::adapt::conditional::{MAP_DIM, MultilinearMap};
use crate::adapt::coral::coral;
use crate::adapt::domain_classifier::DomainClassifier;
use crate::adapt::reversal::reverse_gradient;
use crate::adapt::{AdaptationConfig, AdaptationMethod, AdaptationPlace};
use crate::layer::Initializer;
use crate::loss::{
    ArcFace, Classification, ClassifierOutput, CosFace, TeacherLoss, TripletConfig, TripletMargin,
    TripletStatistics, correct,
};
use crate::miner::{LabelledDistances, Miner};
use crate::network::Embeddings;
use crate::{Result, TrainError};
use likeness_data::seed::{TrainingPurpose, training_stream};

/// The training objective of a phase. Its parameters are trained with those of the network.
#[derive(Module, Debug)]
pub struct Objective {
    losses: Vec<WeightedLoss>,
    adaptation: Option<DomainLoss>,
}

/// A loss with its weight in the sum.
#[derive(Module, Debug)]
struct WeightedLoss {
    weight: f32,
    loss: Loss,
}

/// A loss with its parameters.
#[derive(Module, Debug)]
enum Loss {
    Classification(Classification),
    ArcFace(ArcFace),
    CosFace(CosFace),
    Triplet(Triplet),
    Teacher(TeacherLoss),
}

/// A triplet loss with its miner.
#[derive(Module, Debug)]
struct Triplet {
    #[module(skip)]
    miner: Miner,
    #[module(skip)]
    config: TripletConfig,
}

/// The loss between the source domain and the target domain.
#[derive(Module, Debug)]
struct DomainLoss {
    /// Predicts domains, for the adversarial methods.
    classifier: Option<DomainClassifier>,
    #[module(skip)]
    config: AdaptationConfig,
    /// CDAN's map of embeddings and probabilities; `None` for other methods.
    #[module(skip)]
    map: Option<MultilinearMap>,
}

/// The loss of a batch, with statistics.
#[derive(Debug)]
pub struct BatchLoss {
    /// The weighted sum of the losses, `[1]`.
    pub loss: Tensor<1>,
    /// Number of faces that the classifier assigns to their identity; `None` without a classifier.
    pub correct: Option<usize>,
    /// Statistics of the triplets; `None` without a triplet loss.
    pub triplets: Option<TripletStatistics>,
}

/// The desired outputs for a batch.
#[derive(Debug)]
pub struct Targets<'a> {
    /// Identities of the faces.
    pub labels: &'a [u32],
    /// The teacher's embeddings, row-major; empty without a teacher.
    pub teacher: Vec<f32>,
}

impl Loss {
    /// The loss of these settings, its parameters drawn from `seed` and `init`.
    fn new(
        config: &LossConfig,
        faces: &TrainingFaces,
        dim: usize,
        seed: u64,
        init: &mut Initializer,
    ) -> Result<Self> {
        let classes = faces.identities.len();
        let device = init.device.clone();
        Ok(match config {
            LossConfig::Classification(config) => {
                Self::Classification(Classification::new(*config, classes, dim, init))
            }
            LossConfig::ArcFace(config) => Self::ArcFace(config.init(classes, dim, seed, &device)?),
            LossConfig::CosFace(config) => Self::CosFace(config.init(classes, dim, seed, &device)?),
            LossConfig::Triplet { miner, triplet } => {
                Self::Triplet(Triplet { miner: *miner, config: *triplet })
            }
            LossConfig::Teacher => {
                let teacher = faces.teacher_dim().ok_or_else(|| {
                    TrainError::argument("a loss asks for a teacher, and no teacher was given")
                })?;
                Self::Teacher(TeacherLoss::new(dim, teacher, init))
            }
        })
    }

    /// The beginning of the parameters' keys in a checkpoint; a number follows, counted for each kind of loss.
    fn key(&self) -> &'static str {
        match self {
            Self::Classification(_) => "classifiers",
            Self::ArcFace(_) => "arcfaces",
            Self::CosFace(_) => "cosfaces",
            Self::Triplet(_) => "triplets",
            Self::Teacher(_) => "to_teacher",
        }
    }

    /// The logits of the identities without a margin; `None` for a loss without a classifier.
    ///
    /// # Shapes        raw: \[batch, dim\] · output: \[batch, classes\]
    fn logits(&self, raw: Tensor<2>) -> Option<Tensor<2>> {
        match self {
            Self::Classification(loss) => Some(loss.classifier.forward(raw)),
            Self::ArcFace(loss) => Some(loss.classes.cosines(raw).mul_scalar(loss.scale)),
            Self::CosFace(loss) => Some(loss.classes.cosines(raw).mul_scalar(loss.scale)),
            Self::Triplet(_) | Self::Teacher(_) => None,
        }
    }

    /// Number of identities of the classifier; `None` for a loss without a classifier.
    fn classes(&self) -> Option<usize> {
        match self {
            Self::Classification(loss) => Some(loss.classifier.weight.val().dims()[0]),
            Self::ArcFace(loss) => Some(loss.classes.weight.val().dims()[0]),
            Self::CosFace(loss) => Some(loss.classes.weight.val().dims()[0]),
            Self::Triplet(_) | Self::Teacher(_) => None,
        }
    }

    /// Order in which the losses of a phase are asked for the identities' probabilities.
    fn preference(&self) -> usize {
        match self {
            Self::Classification(_) => 0,
            Self::CosFace(_) => 1,
            Self::ArcFace(_) => 2,
            Self::Triplet(_) | Self::Teacher(_) => 3,
        }
    }

    /// Copies the parameters of the same loss of another phase; settings such as scale and margin stay.
    fn inherit(&mut self, before: &Self) {
        match (self, before) {
            (Self::Classification(own), Self::Classification(before)) => {
                own.classifier.clone_from(&before.classifier);
            }
            (Self::ArcFace(own), Self::ArcFace(before)) => own.classes.clone_from(&before.classes),
            (Self::CosFace(own), Self::CosFace(before)) => own.classes.clone_from(&before.classes),
            (Self::Teacher(own), Self::Teacher(before)) => own.projection.clone_from(&before.projection),
            _ => {}
        }
    }

    /// Visits the parameters; keys begin within the loss.
    fn visit_parameters(&self, visitor: &mut impl ModuleVisitor) {
        match self {
            Self::Classification(loss) => loss.classifier.visit(visitor),
            Self::ArcFace(loss) => loss.visit(visitor),
            Self::CosFace(loss) => loss.visit(visitor),
            Self::Triplet(_) => {}
            Self::Teacher(loss) => loss.projection.visit(visitor),
        }
    }
}

impl Triplet {
    fn forward(
        &self,
        embeddings: Tensor<2>,
        labels: &[u32],
        numbers: &mut impl Rng,
    ) -> Result<(Tensor<1>, TripletStatistics)> {
        let distances = self.config.distance.matrix(embeddings);
        let labelled = LabelledDistances::new(distances.values(), labels)?;
        let output = self.config.forward(&distances, &self.miner.mine(&labelled, numbers));
        Ok((output.loss, output.statistics))
    }
}

impl Objective {
    /// The objective of a phase for these faces, its parameters drawn from `seed`.
    ///
    /// # Errors        invalid losses; a teacher loss without a teacher → [`TrainError::BadArgument`]
    pub fn new(
        phase: &PhaseConfig,
        faces: &TrainingFaces,
        dim: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let mut init = Initializer::new(device, seed);
        let mut losses = Vec::new();
        for weighted in &phase.losses {
            let loss = Loss::new(&weighted.loss, faces, dim, seed, &mut init)?;
            losses.push(WeightedLoss { weight: weighted.weight, loss });
        }
        Ok(Self { losses, adaptation: None })
    }

    /// The objective with a loss between domains over rows of `dim` dimensions, which are those that `config.place` names.
    ///
    /// # Errors        CDAN without a loss that classifies identities → [`TrainError::BadArgument`]
    pub fn adapting(self, config: AdaptationConfig, dim: usize, seed: u64, device: &Device) -> Result<Self> {
        let classes = self.losses.iter().find_map(|weighted| weighted.loss.classes());
        let map = match (config.method, classes) {
            (AdaptationMethod::Cdan, Some(classes)) => Some(MultilinearMap::new(dim, classes, seed, device)),
            (AdaptationMethod::Cdan, None) => return Err(no_classifier()),
            _ => None,
        };
        let input_dim = if map.is_some() { MAP_DIM } else { dim };
        let adversarial = matches!(config.method, AdaptationMethod::Dann | AdaptationMethod::Cdan);
        let init = &mut Initializer::new(device, seed);
        let classifier = adversarial.then(|| DomainClassifier::new(input_dim, config.hidden, init));
        let adaptation = config.trains_on_target().then_some(DomainLoss { classifier, config, map });
        Ok(Self { adaptation, ..self })
    }

    /// The identities' probabilities, without gradient.
    ///
    /// # Shapes        raw: \[batch, dim\] · output: \[batch, classes\]
    fn probabilities(&self, raw: &Tensor<2>) -> Option<Tensor<2>> {
        let losses = self.losses.iter().map(|weighted| &weighted.loss);
        let classifiers = losses.filter(|loss| loss.classes().is_some());
        let logits = classifiers.min_by_key(|loss| loss.preference())?.logits(raw.clone())?;
        Some(activation::softmax(logits, 1).detach())
    }

    /// The domain loss of a batch, and the share of faces whose domain is predicted correctly; `None` for a phase that does not
    /// adapt.
    ///
    /// The first `sources` faces are of the source domain, all others of the target domain, where they belong to `groups`.
    pub fn between_domains(
        &self,
        output: &Embeddings,
        sources: usize,
        groups: &[u32],
        reversal_strength: f32,
    ) -> Result<Option<(Tensor<1>, Option<f64>)>> {
        let Some(DomainLoss { classifier, config, map }) = &self.adaptation else { return Ok(None) };
        if config.learns_from_groups() {
            let loss = between_groups(output.embedding.clone().narrow(0, sources, groups.len()), groups)?;
            return Ok(Some((loss.mul_scalar(config.weight), None)));
        }
        let rows = match config.place {
            AdaptationPlace::Features => output.features.clone(),
            AdaptationPlace::Embedding => output.raw.clone(),
        };
        let (loss, accuracy) = match classifier {
            Some(classifier) => {
                let rows = reverse_gradient(rows, reversal_strength);
                let rows = match (map, self.probabilities(&output.raw)) {
                    (Some(map), Some(probabilities)) => map.forward(rows, probabilities),
                    _ => rows,
                };
                let predicted = classifier.forward(rows, sources);
                (predicted.loss, Some(predicted.accuracy))
            }
            None => (coral(rows, sources), None),
        };
        Ok(Some((loss.mul_scalar(config.weight), accuracy)))
    }

    /// Copies the parameters of the losses of the phase `before`, where this phase has the same ones.
    pub fn inherit(&mut self, before: &Self) {
        let theirs: BTreeMap<String, &Loss> = before.keyed_losses().into_iter().collect();
        let keys: Vec<String> = self.keyed_losses().into_iter().map(|(key, _)| key).collect();
        for (weighted, key) in self.losses.iter_mut().zip(&keys) {
            if let Some(before) = theirs.get(key) {
                weighted.loss.inherit(before);
            }
        }
        let (own, before) = (&mut self.adaptation, &before.adaptation);
        if let (Some(DomainLoss { classifier: Some(own), .. }), Some(before)) = (own, before) {
            before.classifier.iter().for_each(|before| own.clone_from(before));
        }
    }

    /// The loss of a batch.
    ///
    /// # Shapes        output: the embeddings of the targets' faces, in the same order
    pub fn forward(
        &self,
        output: &Embeddings,
        targets: &Targets<'_>,
        numbers: &mut impl Rng,
    ) -> Result<BatchLoss> {
        let device = output.raw.device();
        let values: Vec<i64> = targets.labels.iter().map(|l| i64::from(*l)).collect();
        let labels = Tensor::<1, Int>::from_data(TensorData::new(values, [targets.labels.len()]), &device);
        let mut sum: Option<Tensor<1>> = None;
        let (mut right, mut triplets) = (None, None);
        let mut classified = |output: ClassifierOutput| {
            right = Some(correct(output.logits, labels.clone()));
            output.loss
        };
        for WeightedLoss { weight, loss } in &self.losses {
            let value = match loss {
                Loss::Classification(loss) => classified(loss.forward(output.raw.clone(), labels.clone())),
                Loss::ArcFace(loss) => classified(loss.forward(output.raw.clone(), labels.clone())),
                Loss::CosFace(loss) => classified(loss.forward(output.raw.clone(), labels.clone())),
                Loss::Triplet(loss) => {
                    let (value, statistics) =
                        loss.forward(output.embedding.clone(), targets.labels, numbers)?;
                    triplets = Some(statistics);
                    value
                }
                Loss::Teacher(loss) => loss.forward(output.embedding.clone(), &targets.teacher),
            };
            let value = value.mul_scalar(*weight);
            sum = Some(match sum {
                Some(sum) => sum + value,
                None => value,
            });
        }
        let loss = sum.ok_or_else(|| TrainError::argument("a phase without a loss"))?;
        Ok(BatchLoss { loss, correct: right, triplets })
    }

    /// The key of each parameter of the objective in phase `phase`, with `factor` as the factor on its learning rate.
    pub fn keys(&self, phase: usize, factor: f32) -> BTreeMap<ParamId, (String, f32)> {
        let mut lister = Lister { prefix: String::new(), path: Vec::new(), factor, keys: BTreeMap::new() };
        for (key, loss) in self.keyed_losses() {
            lister.prefix = format!("loss{phase}.{key}");
            loss.visit_parameters(&mut lister);
        }
        if let Some(DomainLoss { classifier: Some(classifier), .. }) = &self.adaptation {
            lister.prefix = format!("loss{phase}.domain");
            classifier.visit(&mut lister);
        }
        lister.keys
    }

    /// The losses, each with the beginning of its parameters' keys, such as `arcfaces.0`.
    fn keyed_losses(&self) -> Vec<(String, &Loss)> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let keyed = |weighted: &'_ WeightedLoss| {
            let count = counts.entry(weighted.loss.key()).or_default();
            *count += 1;
            format!("{}.{}", weighted.loss.key(), *count - 1)
        };
        let keys: Vec<String> = self.losses.iter().map(keyed).collect();
        keys.into_iter().zip(self.losses.iter().map(|weighted| &weighted.loss)).collect()
    }
}

/// Batch-hard triplets with a soft margin, of faces whose groups take the place of identities.
fn between_groups(embeddings: Tensor<2>, groups: &[u32]) -> Result<Tensor<1>> {
    let config = TripletConfig { margin: TripletMargin::Soft, ..TripletConfig::default() };
    let distances = config.distance.matrix(embeddings);
    let labelled = LabelledDistances::new(distances.values(), groups)?;
    // This miner draws nothing at random.
    let triplets = Miner::BatchHard.mine(&labelled, &mut training_stream(0, TrainingPurpose::Mining, &[]));
    Ok(config.forward(&distances, &triplets).loss)
}

struct Lister {
    prefix: String,
    path: Vec<String>,
    factor: f32,
    keys: BTreeMap<ParamId, (String, f32)>,
}

impl ModuleVisitor for Lister {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let key = format!("{}.{}", self.prefix, self.path.join("."));
        self.keys.insert(param.id, (key, self.factor));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader::FaceFile;
    use crate::loss::{ArcFaceConfig, ClassificationConfig, CosFaceConfig};
    use crate::train::{TrainConfig, WeightedLoss as Weighted};

    #[test]
    fn keys_of_parameters_are_those_of_written_checkpoints() {
        let face = |label: u32| FaceFile { path: format!("{label}.png").into(), label };
        let faces = TrainingFaces::of(vec!["a".into(), "b".into()], vec![face(0), face(1)], vec![]);
        let faces = faces.with_teacher(3, vec![1.0; 6]).unwrap();
        let mut phase = TrainConfig::default().phases[0].clone();
        let losses = [
            LossConfig::CosFace(CosFaceConfig::default()),
            LossConfig::Classification(ClassificationConfig::default()),
            LossConfig::Triplet { miner: Miner::BatchHard, triplet: TripletConfig::default() },
            LossConfig::ArcFace(ArcFaceConfig::default()),
            LossConfig::CosFace(CosFaceConfig::default()),
            LossConfig::Teacher,
        ];
        phase.losses = losses.map(|loss| Weighted { weight: 1.0, loss }).into();
        let config = AdaptationConfig { method: AdaptationMethod::Cdan, ..AdaptationConfig::default() };
        let device = Device::flex();
        let objective = Objective::new(&phase, &faces, 4, 0, &device).unwrap();
        let objective = objective.adapting(config, 4, 0, &device).unwrap();
        let mut keys: Vec<String> = objective.keys(1, 1.0).into_values().map(|(key, _)| key).collect();
        keys.sort();
        let expected = [
            "loss1.arcfaces.0.classes.weight",
            "loss1.classifiers.0.bias",
            "loss1.classifiers.0.weight",
            "loss1.cosfaces.0.classes.weight",
            "loss1.cosfaces.1.classes.weight",
            "loss1.domain.first.bias",
            "loss1.domain.first.weight",
            "loss1.domain.last.bias",
            "loss1.domain.last.weight",
            "loss1.domain.second.bias",
            "loss1.domain.second.weight",
            "loss1.to_teacher.0.weight",
        ];
        assert_eq!(keys, expected);
        assert_eq!(
            objective.num_params(),
            4 * 2 * 4
                + 2
                + 3 * 4
                + (MAP_DIM + 2) * config.hidden
                + config.hidden * config.hidden
                + config.hidden
                + 1
        );
    }
}
