//! The names of issues. Those of pictures are the names that cleanvision uses.

use serde::{Deserialize, Serialize};

/// Something that may be wrong with a photo or its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Issue {
    /// The photo cannot be read.
    Unreadable,
    /// Another file has the same content.
    ExactDuplicates,
    /// Another file shows nearly the same picture.
    NearDuplicates,
    /// The picture has no sharp edge.
    Blurry,
    /// Nearly all of the picture is dark.
    Dark,
    /// Nearly all of the picture is bright.
    Light,
    /// The picture has no colour.
    Grayscale,
    /// The picture shows next to nothing.
    LowInformation,
    /// The picture is much larger or smaller than the others.
    OddSize,
    /// The picture is very long.
    OddAspectRatio,
    /// No face was found.
    NoFace,
    /// Several faces were found.
    ManyFaces,
    /// One picture has two identities.
    IdentityConflict,
    /// A picture or an identity is in two splits that should be disjoint.
    IdentityLeak,
    /// The picture looks like another identity.
    LikelyMislabelled,
    /// A reference face of a person in a gallery looks like another person.
    PoisonedReference,
    /// Names of identities differ only in case, Unicode normalisation or blanks.
    SimilarNames,
}

impl Issue {
    /// All issues, in the order of reports.
    pub const ALL: [Self; 17] = [
        Self::LikelyMislabelled,
        Self::PoisonedReference,
        Self::IdentityConflict,
        Self::IdentityLeak,
        Self::SimilarNames,
        Self::ExactDuplicates,
        Self::NearDuplicates,
        Self::Unreadable,
        Self::NoFace,
        Self::ManyFaces,
        Self::Blurry,
        Self::Dark,
        Self::Light,
        Self::LowInformation,
        Self::Grayscale,
        Self::OddSize,
        Self::OddAspectRatio,
    ];

    /// The issue's name in files and on the command line.
    ///
    /// # Examples
    /// ```
    /// use likeness_data::inspect::Issue;
    /// assert_eq!(Issue::OddAspectRatio.name(), "odd_aspect_ratio");
    /// assert!(Issue::ALL.iter().all(|issue| Issue::from_name(issue.name()) == Some(*issue)));
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::ExactDuplicates => "exact_duplicates",
            Self::NearDuplicates => "near_duplicates",
            Self::Blurry => "blurry",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Grayscale => "grayscale",
            Self::LowInformation => "low_information",
            Self::OddSize => "odd_size",
            Self::OddAspectRatio => "odd_aspect_ratio",
            Self::NoFace => "no_face",
            Self::ManyFaces => "many_faces",
            Self::IdentityConflict => "identity_conflict",
            Self::IdentityLeak => "identity_leak",
            Self::LikelyMislabelled => "likely_mislabelled",
            Self::PoisonedReference => "poisoned_reference",
            Self::SimilarNames => "similar_names",
        }
    }

    /// The issue of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|issue| issue.name() == name)
    }

    /// Whether photos with the issue are left out by default when a dataset is made.
    pub fn is_excluded_by_default(self) -> bool {
        matches!(self, Self::LikelyMislabelled | Self::IdentityConflict | Self::ExactDuplicates)
    }

    /// Whether the issue only is a remark: common in good collections.
    pub fn is_note(self) -> bool {
        matches!(
            self,
            Self::ManyFaces | Self::Grayscale | Self::OddSize | Self::OddAspectRatio | Self::NearDuplicates
        ) || self == Self::SimilarNames
    }
}
