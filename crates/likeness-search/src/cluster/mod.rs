//! Groups of faces that probably show the same person.
//!
//! [`cluster`] clusters the faces of a gallery, in this order:
//!
//! 1. [`Faces`] holds the embeddings in a space in which their squared Euclidean distance is meaningful.
//! 2. [`Neighbours`] lists the nearest faces of every face. It is extended when faces are added.
//! 3. [`ClusterConfig`] holds the distances that decide. They follow from the model's thresholds and the gallery.
//! 4. [`Constraints`] are the users' decisions: faces of one person, and faces of different people.
//! 5. [`Clusters`] holds the cluster of every face.
//!
//! [`groups`] computes the pseudo-labels on which a network is trained.
//!
//! ```
//! use likeness_search::cluster::{ClusterCache, ClusterConfig, Constraints, Faces, Neighbours, cluster};
//! use likeness_search::Distance;
//!
//! let mut embeddings = Vec::new();
//! for person in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] {
//!     for photo in 0..4 {
//!         embeddings.extend(person.map(|value| value + 0.01 * photo as f32));
//!     }
//! }
//! let faces = Faces::new(&embeddings, 3, Distance::Cosine)?;
//! let neighbours = Neighbours::new(&faces, 20)?;
//! let config = ClusterConfig { radius: 0.5, single: 0.1, limit: 0.1, attach: 0.2, core_size: 4 };
//! let found = cluster(&faces, &neighbours, &Constraints::default(), &config, &mut ClusterCache::default())?;
//! assert_eq!(found.len(), 3);
//! assert_eq!(found.members(0), [0, 1, 2, 3]);
//! # Ok::<(), likeness_search::SearchError>(())
//! ```

mod attach;
mod clusters;
mod components;
mod config;
mod constraints;
mod faces;
mod linkage;
mod neighbours;
mod pseudo_labels;
mod run;
mod smooth;
mod union;

pub use clusters::Clusters;
pub use components::ClusterCache;
pub use config::ClusterConfig;
pub use constraints::Constraints;
pub use faces::Faces;
pub use neighbours::Neighbours;
pub use pseudo_labels::groups;
pub use run::cluster;
