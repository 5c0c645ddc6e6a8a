//! The weighted sum of a phase's losses, with the parameters they bring along.

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
use crate::layer::{Initializer, Linear};
use crate::loss::{
    ArcFace, ClassificationConfig, CosFace, TripletConfig, TripletMargin, TripletStatistics, correct,
    normalize,
};
use crate::miner::{LabelledDistances, Miner};
use crate::network::Embeddings;
use crate::{Result, TrainError};
use likeness_data::seed::{TrainingPurpose, training_stream};

/// Parameters of losses: class weights, the way to a teacher's embedding.
#[derive(Module, Debug)]
pub struct LossParameters {
    classifiers: Vec<Linear>,
    arcfaces: Vec<ArcFace>,
    cosfaces: Vec<CosFace>,
    to_teacher: Vec<Linear>,
    domain: Option<DomainClassifier>,
}

/// What a phase makes small.
#[derive(Debug)]
pub struct Objective {
    /// The parameters, which the optimiser moves like the network's.
    pub parameters: LossParameters,
    losses: Vec<(f32, Loss)>,
    adaptation: Option<Adaptation>,
}

/// How domains are made alike.
#[derive(Debug, Clone)]
struct Adaptation {
    config: AdaptationConfig,
    /// CDAN's map of embeddings and probabilities; `None` for other methods.
    map: Option<MultilinearMap>,
}

#[derive(Debug, Clone)]
enum Loss {
    Classification(ClassificationConfig),
    ArcFace,
    CosFace,
    Triplet(Miner, TripletConfig),
    /// Teacher loss for equal dimensions, without a projection.
    Teacher,
    /// Teacher loss after a linear layer that is learned, for other dimensions.
    MappedTeacher,
}

/// A batch's loss, and what it says about the network.
#[derive(Debug)]
pub struct BatchLoss {
    /// The sum, `[1]`.
    pub loss: Tensor<1>,
    /// Faces whose identity the classifier tells; none without a classifier.
    pub correct: Option<usize>,
    /// About the triplets; none without a triplet loss.
    pub triplets: Option<TripletStatistics>,
}

/// What a batch should become.
#[derive(Debug)]
pub struct Targets<'a> {
    /// Identities.
    pub labels: &'a [u32],
    /// The teacher's embeddings, row by row; empty without a teacher.
    pub teacher: Vec<f32>,
}

impl Objective {
    /// The objective of a phase for these faces, its parameters drawn from `seed`.
    ///
    /// # Errors        losses that make no sense; a teacher's loss without a teacher → [`TrainError::BadArgument`]
    pub fn new(
        phase: &PhaseConfig,
        faces: &TrainingFaces,
        dim: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let mut init = Initializer::new(device, seed);
        let mut parameters = LossParameters {
            classifiers: Vec::new(),
            arcfaces: Vec::new(),
            cosfaces: Vec::new(),
            to_teacher: Vec::new(),
            domain: None,
        };
        let classes = faces.identities.len();
        let mut losses = Vec::new();
        for weighted in &phase.losses {
            let loss = match &weighted.loss {
                LossConfig::Classification(config) => {
                    parameters.classifiers.push(Linear::new([dim, classes], true, &mut init));
                    Loss::Classification(*config)
                }
                LossConfig::ArcFace(config) => {
                    parameters.arcfaces.push(config.init(classes, dim, seed, device)?);
                    Loss::ArcFace
                }
                LossConfig::CosFace(config) => {
                    parameters.cosfaces.push(config.init(classes, dim, seed, device)?);
                    Loss::CosFace
                }
                LossConfig::Triplet { miner, triplet } => Loss::Triplet(*miner, *triplet),
                LossConfig::Teacher => {
                    let teacher = faces.teacher_dim().ok_or_else(|| {
                        TrainError::argument("a loss asks for a teacher, and no teacher was given")
                    })?;
                    if dim == teacher {
                        Loss::Teacher
                    } else {
                        parameters.to_teacher.push(Linear::new([dim, teacher], false, &mut init));
                        Loss::MappedTeacher
                    }
                }
            };
            losses.push((weighted.weight, loss));
        }
        Ok(Self { parameters, losses, adaptation: None })
    }

    /// The objective with a loss over the domains of faces, of which `config.place` gives `dim` numbers each.
    ///
    /// # Errors        CDAN without a loss that gives identities their probabilities → [`TrainError::BadArgument`]
    pub fn adapting(
        mut self,
        config: AdaptationConfig,
        dim: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let mut init = Initializer::new(device, seed);
        let map = match (config.method, self.classes()) {
            (AdaptationMethod::Cdan, Some(classes)) => Some(MultilinearMap::new(dim, classes, seed, device)),
            (AdaptationMethod::Cdan, None) => return Err(no_classifier()),
            _ => None,
        };
        let seen = if map.is_some() { MAP_DIM } else { dim };
        if matches!(config.method, AdaptationMethod::Dann | AdaptationMethod::Cdan) {
            self.parameters.domain = Some(DomainClassifier::new(seen, config.hidden, &mut init));
        }
        self.adaptation = config.trains_on_target().then_some(Adaptation { config, map });
        Ok(self)
    }

    /// Identities that a classifier of the phase tells apart.
    fn classes(&self) -> Option<usize> {
        let p = &self.parameters;
        let directions = p.arcfaces.iter().map(|a| &a.classes).chain(p.cosfaces.iter().map(|c| &c.classes));
        let linear = p.classifiers.first().map(|c| c.weight.val().dims()[0]);
        linear.or_else(|| directions.map(|c| c.weight.val().dims()[0]).next())
    }

    /// The identities' probabilities, without gradient.
    ///
    /// # Shapes        raw: [batch, dim] · output: [batch, classes]
    fn probabilities(&self, raw: Tensor<2>) -> Option<Tensor<2>> {
        let p = &self.parameters;
        let logits = if let Some(classifier) = p.classifiers.first() {
            classifier.forward(raw)
        } else if let Some(head) = p.cosfaces.first() {
            head.classes.cosines(raw).mul_scalar(head.scale)
        } else {
            let head = p.arcfaces.first()?;
            head.classes.cosines(raw).mul_scalar(head.scale)
        };
        Some(activation::softmax(logits, 1).detach())
    }

    /// The domain loss of a batch whose first `sources` faces are of the source domain, all others of the target domain,
    /// where they are of these `groups`; none where nothing adapts. The second number is the share of faces whose domain
    /// was told.
    pub fn between_domains(
        &self,
        output: &Embeddings,
        sources: usize,
        groups: &[u32],
        reversal_strength: f32,
    ) -> Result<Option<(Tensor<1>, Option<f64>)>> {
        let Some(Adaptation { config, map }) = &self.adaptation else { return Ok(None) };
        if config.learns_from_groups() {
            let loss = between_groups(output.embedding.clone().narrow(0, sources, groups.len()), groups)?;
            return Ok(Some((loss.mul_scalar(config.weight), None)));
        }
        let rows = match config.place {
            AdaptationPlace::Features => output.features.clone(),
            AdaptationPlace::Embedding => output.raw.clone(),
        };
        let (loss, accuracy) = match &self.parameters.domain {
            Some(classifier) => {
                let rows = reverse_gradient(rows, reversal_strength);
                let rows = match (map, self.probabilities(output.raw.clone())) {
                    (Some(map), Some(probabilities)) => map.forward(rows, probabilities),
                    _ => rows,
                };
                let told = classifier.forward(rows, sources);
                (told.loss, Some(told.accuracy))
            }
            None => (coral(rows, sources), None),
        };
        Ok(Some((loss.mul_scalar(config.weight), accuracy)))
    }

    /// Takes over what the losses of the phase `before` have learned, where this phase has the same ones.
    pub fn inherit(&mut self, before: &Self) {
        let (mine, theirs) = (&mut self.parameters, &before.parameters);
        let linear = |(mine, theirs): (&mut Linear, &Linear)| mine.clone_from(theirs);
        mine.classifiers.iter_mut().zip(&theirs.classifiers).for_each(linear);
        mine.to_teacher.iter_mut().zip(&theirs.to_teacher).for_each(linear);
        if let (Some(mine), Some(theirs)) = (&mut mine.domain, &theirs.domain) {
            mine.clone_from(theirs);
        }
        // Scale and margin are the phase's own.
        mine.arcfaces.iter_mut().zip(&theirs.arcfaces).for_each(|(m, t)| m.classes.clone_from(&t.classes));
        mine.cosfaces.iter_mut().zip(&theirs.cosfaces).for_each(|(m, t)| m.classes.clone_from(&t.classes));
    }

    /// The loss of a batch.
    ///
    /// # Shapes        embeddings of the targets' faces, in their order
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
        let mut batch = BatchLoss { loss: Tensor::zeros([1], &device), correct: None, triplets: None };
        let [mut classifiers, mut arcfaces, mut cosfaces, mut teachers] = [0; 4];
        for (weight, loss) in &self.losses {
            let value = match loss {
                Loss::Classification(config) => {
                    let logits =
                        self.parameters.classifiers[next(&mut classifiers)].forward(output.raw.clone());
                    batch.correct = Some(correct(logits.clone(), labels.clone()));
                    config.forward(logits, labels.clone())
                }
                Loss::ArcFace => {
                    let head = &self.parameters.arcfaces[next(&mut arcfaces)];
                    let margin = head.forward(output.raw.clone(), labels.clone());
                    batch.correct = Some(correct(margin.logits, labels.clone()));
                    margin.loss
                }
                Loss::CosFace => {
                    let head = &self.parameters.cosfaces[next(&mut cosfaces)];
                    let margin = head.forward(output.raw.clone(), labels.clone());
                    batch.correct = Some(correct(margin.logits, labels.clone()));
                    margin.loss
                }
                Loss::Triplet(miner, config) => {
                    let distances = config.distance.matrix(output.embedding.clone());
                    let labelled = LabelledDistances::new(distances.values(), targets.labels)?;
                    let answer = config.forward(&distances, &miner.mine(&labelled, numbers));
                    batch.triplets = Some(answer.statistics);
                    answer.loss
                }
                Loss::Teacher => away_from_teacher(output.embedding.clone(), &targets.teacher),
                Loss::MappedTeacher => {
                    let way = &self.parameters.to_teacher[next(&mut teachers)];
                    away_from_teacher(way.forward(output.embedding.clone()), &targets.teacher)
                }
            };
            let value = value.mul_scalar(*weight);
            sum = Some(match sum {
                Some(sum) => sum + value,
                None => value,
            });
        }
        batch.loss = sum.ok_or_else(|| TrainError::argument("a phase without a loss"))?;
        Ok(batch)
    }

    /// The parameters' keys, each with the factor of the head on the rate.
    pub fn keys(&self, phase: usize, factor: f32) -> BTreeMap<ParamId, (String, f32)> {
        let mut lister =
            Lister { prefix: format!("loss{phase}"), path: Vec::new(), factor, keys: BTreeMap::new() };
        self.parameters.visit(&mut lister);
        lister.keys
    }
}

/// Batch-hard triplets with a soft margin, of faces whose groups stand for identities.
fn between_groups(embeddings: Tensor<2>, groups: &[u32]) -> Result<Tensor<1>> {
    let config = TripletConfig { margin: TripletMargin::Soft, ..TripletConfig::default() };
    let distances = config.distance.matrix(embeddings);
    let labelled = LabelledDistances::new(distances.values(), groups)?;
    // Of this miner nothing is left to chance.
    let triplets = Miner::BatchHard.mine(&labelled, &mut training_stream(0, TrainingPurpose::Mining, &[]));
    Ok(config.forward(&distances, &triplets).loss)
}

/// Mean of 1 − cosine similarity.
fn away_from_teacher(rows: Tensor<2>, teacher: &[f32]) -> Tensor<1> {
    let shape = rows.dims();
    let teacher = Tensor::<2>::from_data(TensorData::new(teacher.to_vec(), shape), &rows.device());
    let cosines = (normalize(rows) * normalize(teacher)).sum_dim(1); // [batch, 1]
    cosines.mean().mul_scalar(-1.0).add_scalar(1.0)
}

fn next(counter: &mut usize) -> usize {
    *counter += 1;
    *counter - 1
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
