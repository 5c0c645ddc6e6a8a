//! Domain adaptation: trains on labelled faces of a source domain and unlabelled faces of a target domain, so that embeddings
//! serve both.
//!
//! - [`reversal`] reverses gradients, with a strength that grows over a run;
//! - [`domain_classifier`] predicts the domain of a face, and the network is trained against it (DANN); [`conditional`] adds
//!   the identities' probabilities to its input (CDAN);
//! - [`likeness_search::cluster`] groups the target faces by the network's own embeddings, and the groups serve as identities; true labels
//!   can take the place of the groups, as an upper bound;
//! - [`coral`] minimises the distance between the covariances of the domains;
//! - [`statistics`] replaces the statistics of batch normalisation with those of the target domain (AdaBN).
//!
//! Source and target faces pass through the network separately, each normalised by its own batch statistics, or as one batch,
//! see [`DomainStatistics`].

pub mod conditional;
pub mod coral;
pub mod domain_classifier;
pub mod reversal;
pub mod statistics;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::range::{positive, within};

/// Method of domain adaptation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdaptationMethod {
    /// A domain classifier behind a gradient reversal: Ganin et al. (2016), "Domain-Adversarial Training of Neural
    /// Networks", arXiv 1505.07818.
    Dann,
    /// A domain classifier of embeddings together with identities: Long et al. (2018), "Conditional Adversarial Domain
    /// Adaptation", arXiv 1705.10667.
    Cdan,
    /// Alignment of covariances: Sun and Saenko (2016), "Deep CORAL", arXiv 1607.01719.
    Coral,
    /// Pseudo-labels: target faces are clustered before every epoch, and the clusters serve as identities: Song et al. (2018),
    /// "Unsupervised Domain Adaptive Re-Identification: Theory and Practice", arXiv 1807.11334.
    Clusters,
    /// The target's true identities in place of the groups of [`AdaptationMethod::Clusters`]: for a target with labels, and as an
    /// upper bound for clustering.
    Labels,
    /// The target's batch statistics alone: Li et al. (2016), "Revisiting Batch Normalization For Practical Domain Adaptation",
    /// arXiv 1603.04779.
    AdaBn,
}

/// The output of the network that is aligned between the domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdaptationPlace {
    /// The output of the backbone.
    Features,
    /// The output of the head before it is scaled to unit length.
    #[default]
    Embedding,
}

/// The batch statistics that normalise the faces of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DomainStatistics {
    /// Statistics of the domain itself; the run writes a network for each domain: Chang et al. (2019), "Domain-Specific Batch
    /// Normalization for Unsupervised Domain Adaptation", arXiv 1906.00950, with the same scales and shifts for both.
    #[default]
    Separate,
    /// Statistics of both domains together; the run writes one network.
    Shared,
}

/// Settings of domain adaptation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptationConfig {
    /// Method of the adaptation.
    pub method: AdaptationMethod,
    /// Weight of the domain loss in the sum.
    pub weight: f32,
    /// The output that is aligned.
    pub place: AdaptationPlace,
    /// Maximum strength of the gradient reversal, λ.
    pub reversal_strength: f32,
    /// Rate at which the strength grows over the run, γ.
    pub steepness: f32,
    /// Dimension of both hidden layers of the domain classifier.
    pub hidden: usize,
    /// Number of neighbours for clustering: about the number of other photos of a person in the target.
    pub neighbours: usize,
    /// The batch statistics that normalise each domain.
    pub statistics: DomainStatistics,
}

impl Default for AdaptationConfig {
    /// Clusters, which gave the highest accuracy in our measurements (`docs/results/domains.md`); for DANN the schedule of Ganin et
    /// al., section 5.2.2: γ = 10, λ up to 1.
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
    /// Checks the settings.
    ///
    /// # Errors        the setting and its range → [`TrainError::BadArgument`](crate::TrainError::BadArgument)
    pub fn validate(&self) -> Result<()> {
        within("adaptation weight", self.weight, positive(1000.0))?;
        within("reversal_strength", self.reversal_strength, 0.0..=1000.0)?;
        within("steepness", self.steepness, positive(1000.0))?;
        within("hidden", self.hidden, 1..=16384)?;
        within("neighbours", self.neighbours, 1..=256)
    }

    /// Whether the network is trained on target faces.
    pub fn trains_on_target(&self) -> bool {
        self.method != AdaptationMethod::AdaBn
    }

    /// Whether target batches consist of groups with several photos each.
    pub fn learns_from_groups(&self) -> bool {
        matches!(self.method, AdaptationMethod::Clusters | AdaptationMethod::Labels)
    }

    /// Whether the run writes a network with the target's statistics beside the source's.
    pub fn keeps_two(&self) -> bool {
        self.statistics == DomainStatistics::Separate || self.method == AdaptationMethod::AdaBn
    }
}
