//! Queries as rows of pictures, explanations and confusions.

use serde::{Deserialize, Serialize};

/// A small JPEG picture. The JSON form leaves it out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Jpeg(pub Vec<u8>);

impl std::fmt::Debug for Jpeg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Jpeg({} bytes)", self.0.len())
    }
}

/// Queries of one or several models.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Queries {
    /// Why pictures are not shown, one or two sentences. Names and distances are then printed as a table.
    pub withheld: Option<String>,
    /// Queries, one set per model.
    pub sets: Vec<QuerySet>,
    /// Pairs with the regions that made them match.
    pub explanations: Vec<Explanation>,
    /// Credits of the pictures, one sentence each.
    pub credits: Vec<String>,
}

/// Worst, typical and best queries of one model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct QuerySet {
    /// The model.
    pub model: usize,
    /// Lowest average precision, one per identity.
    pub worst: Vec<QueryRow>,
    /// Average precision nearest to the median.
    pub typical: Vec<QueryRow>,
    /// Average precision 1, widest margin to the first wrong image.
    pub best: Vec<QueryRow>,
    /// Median of the average precision.
    pub median_average_precision: Option<f64>,
}

/// A query with its first ten hits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueryRow {
    /// Name of the photo.
    pub file: String,
    /// Its identity.
    pub identity: String,
    /// Average precision.
    pub average_precision: f64,
    /// Images of the same identity in the gallery.
    pub true_images: usize,
    /// The first ten hits.
    pub hits: Vec<QueryHit>,
    /// The first image of the same identity, where its rank is above ten.
    pub first_true: Option<QueryHit>,
    /// Thumbnail.
    #[serde(skip)]
    pub picture: Option<Jpeg>,
}

/// A hit of a query.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueryHit {
    /// Rank from 1.
    pub rank: usize,
    /// Name of the photo.
    pub file: String,
    /// Its identity.
    pub identity: String,
    /// Distance from the query.
    pub distance: f64,
    /// Whether it has the identity of the query.
    pub right: bool,
    /// Thumbnail.
    #[serde(skip)]
    pub picture: Option<Jpeg>,
}

/// A pair with the regions that made it match.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Explanation {
    /// The model.
    pub model: usize,
    /// The query.
    pub query: ExplanationSide,
    /// The hit.
    pub hit: ExplanationSide,
    /// Whether both have one identity.
    pub right: bool,
    /// Their distance.
    pub distance: f64,
    /// Distance of the nearest image of the query's identity.
    pub nearest_true: Option<f64>,
    /// Distance of the nearest image of another identity minus that of the nearest true image; negative where wrong.
    pub margin: Option<f64>,
}

/// One side of an explained pair.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExplanationSide {
    /// Name of the photo.
    pub file: String,
    /// Its identity.
    pub identity: String,
    /// Overlay: pale grey, evidence in colour inside a contour.
    #[serde(skip)]
    pub picture: Option<Jpeg>,
}

/// Confused identities of one model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Confusions {
    /// The model.
    pub model: usize,
    /// Number of all confused pairs of identities; at least the number of rows.
    pub pairs: usize,
    /// Pairs, most frequent first.
    pub rows: Vec<Confusion>,
}

/// An identity that is taken for another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Confusion {
    /// Identity of the queries.
    pub query: String,
    /// Identity of their first hit.
    pub hit: String,
    /// Queries of the first identity whose first hit is of the second.
    pub queries: usize,
    /// All queries of the first identity.
    pub of: usize,
    /// Queries of the second identity whose first hit is of the first.
    pub other_direction: usize,
    /// All queries of the second identity.
    pub other_of: usize,
    /// Smallest distance between a query and its wrong hit.
    pub distance: f64,
    /// Names of the closest example: query and hit.
    pub example: Option<[String; 2]>,
    /// Thumbnails of the closest example.
    #[serde(skip)]
    pub pictures: Option<[Jpeg; 2]>,
}
