//! Adaptation to a domain without labels: labelled faces of one domain and unlabelled ones of another in, embeddings that
//! do not tell the domains apart out.
//!
//! - [`reversal`] lets gradients through turned around, with a strength that grows over a run;
//! - [`domain_classifier`] tells domains apart: what it learns from, the network unlearns (DANN); with the identities'
//!   probabilities beside the embeddings it is [`conditional`] (CDAN);
//! - [`clusters`] groups the faces without labels by the network's own embeddings, and the groups are learned from; with
//!   labels, which is what such groups are measured by, the identities take their place;
//! - [`coral`] draws the covariances of the domains together instead, without a classifier;
//! - [`statistics`] replaces the statistics of batch normalisation by the target domain's (AdaBN).
//!
//! Source and target faces go through the network one after the other, each normalised by statistics of its own, or as one
//! batch: [`DomainStatistics`].

pub mod clusters;
pub mod conditional;
pub mod coral;
pub mod domain_classifier;
pub mod reversal;
pub mod statistics;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::range::{positive, within};

/// How a network adapts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdaptationMethod {
    /// A domain classifier behind a gradient reversal: Ganin et al. (2016), "Domain-Adversarial Training of Neural
    /// Networks", arXiv 1505.07818.
    Dann,
    /// The same on embeddings and identities together: Long et al. (2018), "Conditional Adversarial Domain Adaptation",
    /// arXiv 1705.10667.
    Cdan,
    /// Covariances drawn together: Sun and Saenko (2016), "Deep CORAL", arXiv 1607.01719.
    Coral,
    /// Groups of target faces that are found anew before every epoch, as if they were identities: Song et al. (2018),
    /// "Unsupervised Domain Adaptive Re-Identification: Theory and Practice", arXiv 1807.11334.
    Clusters,
    /// The target's identities, learned from as [`AdaptationMethod::Clusters`] learns from groups: for a target with
    /// labels, and as the bound of what groups can bring.
    Labels,
    /// Nothing but the target's statistics: Li et al. (2016), "Revisiting Batch Normalization For Practical Domain
    /// Adaptation", arXiv 1603.04779.
    AdaBn,
}

/// What of the network is made alike in both domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdaptationPlace {
    /// The backbone's output.
    Features,
    /// The head's, before it is scaled to unit length: what is searched with.
    #[default]
    Embedding,
}

/// Whose statistics normalise the faces of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DomainStatistics {
    /// Its own, and a network for each domain is kept: Chang et al. (2019), "Domain-Specific Batch Normalization for
    /// Unsupervised Domain Adaptation", arXiv 1906.00950, with one set of scales and shifts for both.
    #[default]
    Separate,
    /// Those of both together, and one network is kept.
    Shared,
}

/// Adaptation to a target domain.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptationConfig {
    /// How.
    pub method: AdaptationMethod,
    /// Factor of the domain loss in the sum.
    pub weight: f32,
    /// What is made alike.
    pub place: AdaptationPlace,
    /// The gradient reversal's greatest strength, λ.
    pub reversal_strength: f32,
    /// How fast it grows over the run, γ.
    pub steepness: f32,
    /// Numbers in each of the domain classifier's two hidden layers.
    pub hidden: usize,
    /// About how many other photos there are of a person in the target, where it is clustered.
    pub neighbours: usize,
    /// Whose statistics normalise.
    pub statistics: DomainStatistics,
}

impl Default for AdaptationConfig {
    /// Groups, which bring the most where it was measured (`docs/results/domains.md`); for DANN the schedule of Ganin et al.,
    /// section 5.2.2: γ = 10, λ up to 1.
    fn default() -> Self {
        Self {
            method: AdaptationMethod::Clusters,
            weight: 1.0,
            place: AdaptationPlace::default(),
            reversal_strength: 1.0,
            steepness: 10.0,
            hidden: 256,
            neighbours: 6,
            statistics: DomainStatistics::default(),
        }
    }
}

impl AdaptationConfig {
    /// Refuses settings outside their range.
    ///
    /// # Errors        the setting and its range → [`TrainError::BadArgument`](crate::TrainError::BadArgument)
    pub fn validate(&self) -> Result<()> {
        within("adaptation weight", self.weight, positive(1000.0))?;
        within("reversal_strength", self.reversal_strength, 0.0..=1000.0)?;
        within("steepness", self.steepness, positive(1000.0))?;
        within("hidden", self.hidden, 1..=16384)?;
        within("neighbours", self.neighbours, 1..=256)
    }

    /// Whether batches hold target faces.
    pub fn trains_on_target(&self) -> bool {
        self.method != AdaptationMethod::AdaBn
    }

    /// Whether batches of target faces hold some photos of some groups.
    pub fn learns_from_groups(&self) -> bool {
        matches!(self.method, AdaptationMethod::Clusters | AdaptationMethod::Labels)
    }

    /// Whether a network with the target's statistics is kept beside the source's.
    pub fn keeps_two(&self) -> bool {
        self.statistics == DomainStatistics::Separate || self.method == AdaptationMethod::AdaBn
    }
}
