//! Groups of unnamed faces, and questions about them.
//!
//! All faces are clustered, with the decisions as constraints. What is unnamed in a cluster is a group. The clusters are stored until
//! photos or decisions change.

use std::collections::{BTreeMap, HashMap, HashSet};

use likeness_gallery::catalogue::{ReadCatalogue, StoredModel, WriteCatalogue};
use likeness_gallery::people::identify::Faces;
use likeness_gallery::people::review::{Review, review};
use likeness_gallery::people::{Constraints, People};
use likeness_gallery::{Gallery, ItemId, PersonId};
use likeness_search::cluster::{self, ClusterCache, ClusterConfig, Neighbours};

use super::list::{self, StoredFaces, identified};
use crate::Result;

/// Number of nearest faces of each face in the graph that is clustered: what was measured.
const NEIGHBOURS: usize = 20;

/// Unnamed faces that probably show the same person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The faces, in the order of their numbers. The first names the group.
    pub items: Vec<ItemId>,
    /// The person that most other faces of the cluster have.
    pub likely: Option<PersonId>,
}

/// Groups of unnamed faces.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grouping {
    /// The groups, the largest first.
    pub(crate) groups: Vec<Group>,
    /// Unnamed faces without a group.
    pub(crate) alone: usize,
}

/// The clusters of all faces of a gallery.
struct Clustered {
    faces: StoredFaces,
    /// The cluster of each face, in the order of `faces`; `None` for items that are left out.
    clusters: Vec<Option<u32>>,
}

/// Groups of faces that have no person.
///
/// # Errors        a gallery that cannot be read
pub(crate) fn groups(gallery: &mut Gallery) -> Result<Grouping> {
    let Some(model) = gallery.model()? else { return Ok(Grouping::default()) };
    let people = gallery.people()?;
    let Clustered { faces, clusters } = clustered(gallery, &model, &people)?;
    let named: HashMap<ItemId, PersonId> = list::labels(gallery)?
        .into_iter()
        .filter_map(|(item, label)| Some((item, list::person_of(&label)?)))
        .collect();
    let mut members: BTreeMap<u32, (Vec<ItemId>, HashMap<PersonId, usize>)> = BTreeMap::new();
    for (face, cluster) in faces.faces.iter().zip(&clusters) {
        let Some(cluster) = cluster else { continue };
        let (open, people) = members.entry(*cluster).or_default();
        match named.get(&face.item) {
            Some(person) => *people.entry(*person).or_default() += 1,
            None => open.push(face.item),
        }
    }
    let mut grouping = Grouping::default();
    for (mut items, people) in members.into_values() {
        if items.len() < 2 {
            grouping.alone += items.len();
            continue;
        }
        items.sort_unstable();
        let likely = people.into_iter().max_by_key(|(person, count)| (*count, std::cmp::Reverse(*person)));
        grouping.groups.push(Group { items, likely: likely.map(|(person, _)| person) });
    }
    grouping.groups.sort_by_key(|group| (std::cmp::Reverse(group.items.len()), group.items[0]));
    Ok(grouping)
}

/// The questions about unnamed faces, those that settle the most faces first.
///
/// # Errors        a gallery that cannot be read
pub fn questions(gallery: &mut Gallery) -> Result<Review> {
    let Some(model) = gallery.model()? else { return Ok(Review::default()) };
    let people = gallery.people()?;
    let Clustered { faces, clusters } = clustered(gallery, &model, &people)?;
    let found = identified(gallery, &model, &people)?;
    let stored = Faces::new(&faces.faces, &faces.vectors, model.tag.dimension, model.tag.distance)?;
    let sizes = clusters.iter().flatten().fold(HashMap::new(), |mut sizes: HashMap<u32, usize>, cluster| {
        *sizes.entry(*cluster).or_default() += 1;
        sizes
    });
    // A cluster of one face is a single face.
    let clusters: Vec<Option<u32>> =
        clusters.into_iter().map(|cluster| cluster.filter(|cluster| sizes[cluster] > 1)).collect();
    Ok(review(&stored, &clusters, &people, &found)?)
}

/// Clusters the faces of the gallery, or reads the stored clusters if nothing changed since.
fn clustered(gallery: &mut Gallery, model: &StoredModel, people: &People) -> Result<Clustered> {
    let faces = StoredFaces::read(gallery, model)?;
    let last = people.decisions().next_back().map_or(0, |decision| decision.id.0);
    let revision = gallery.catalogue().vector_revision(model.id)?;
    let key = format!("{} {revision} {last} {} {}", model.id, faces.faces.len(), env!("CARGO_PKG_VERSION"));
    let stored: HashMap<ItemId, u32> = gallery.catalogue().clusters(&key)?.into_iter().collect();
    if !stored.is_empty() {
        let clusters = faces.faces.iter().map(|face| stored.get(&face.item).copied()).collect();
        return Ok(Clustered { faces, clusters });
    }
    let clusters = compute(&faces, model, people)?;
    let rows: Vec<(ItemId, u32)> = faces
        .faces
        .iter()
        .zip(&clusters)
        .filter_map(|(face, cluster)| Some((face.item, (*cluster)?)))
        .collect();
    // On a read-only disk the clusters are computed each time.
    let _ = gallery.catalogue_mut().put_clusters(&key, &rows);
    Ok(Clustered { faces, clusters })
}

fn compute(faces: &StoredFaces, model: &StoredModel, people: &People) -> Result<Vec<Option<u32>>> {
    let (dimension, distance) = (model.tag.dimension, model.tag.distance);
    let given = Faces::new(&faces.faces, &faces.vectors, dimension, distance)?;
    let constraints = Constraints::new(&given, people);
    let left_out: HashSet<ItemId> = constraints.left_out.iter().copied().collect();
    let kept: Vec<usize> =
        (0..faces.faces.len()).filter(|at| !left_out.contains(&faces.faces[*at].item)).collect();
    let mut vectors = Vec::with_capacity(kept.len() * dimension);
    kept.iter()
        .for_each(|at| vectors.extend_from_slice(&faces.vectors[at * dimension..(at + 1) * dimension]));
    let place: HashMap<ItemId, u32> =
        kept.iter().enumerate().map(|(n, at)| (faces.faces[*at].item, n as u32)).collect();
    let mut photos: HashMap<_, u32> = HashMap::new();
    let photo_of = |at: &usize| {
        let next = photos.len() as u32;
        *photos.entry(faces.faces[*at].photo).or_insert(next)
    };
    let photos: Vec<u32> = kept.iter().map(photo_of).collect();
    let pair = |[a, b]: [ItemId; 2]| Some((*place.get(&a)?, *place.get(&b)?));
    let constraints = cluster::Constraints {
        must_link: constraints.must_link().filter_map(pair).collect(),
        cannot_link: constraints.cannot_link().filter_map(pair).collect(),
        photos,
    };
    let mut clusters = vec![None; faces.faces.len()];
    if kept.is_empty() {
        return Ok(clusters);
    }
    let points = cluster::Faces::new(&vectors, dimension, distance)?;
    let neighbours = Neighbours::new(&points, NEIGHBOURS)?;
    let config = ClusterConfig::fit(&points, &model.tag.thresholds);
    let found = cluster::cluster(&points, &neighbours, &constraints, &config, &mut ClusterCache::default())?;
    for (n, at) in kept.iter().enumerate() {
        clusters[*at] = Some(found.of(n as u32));
    }
    Ok(clusters)
}
