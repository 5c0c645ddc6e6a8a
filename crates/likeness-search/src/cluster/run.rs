//! The steps of a clustering.

use std::collections::HashMap;

use super::attach::Attach;
use super::components::Averaged;
use super::linkage::{Node, link};
use super::smooth::smoothed;
use crate::cluster::{ClusterCache, ClusterConfig, Clusters, Constraints, Faces, Neighbours};
use crate::{Distance, Result, SearchError};

/// Clusters of this size may have more faces of their person outside than a neighbour list has entries.
const LARGE: usize = 8;
/// The number of large clusters nearest to a large cluster with which it may be merged.
const NEAREST_CLUSTERS: usize = 10;

/// The clusters of a gallery's faces.
///
/// 1. The embedding of every face is averaged with those of its mutual neighbours.
/// 2. Average linkage on the neighbour graph merges faces into clusters.
/// 3. Large clusters with near means are merged, by the same criterion.
/// 4. Single faces move to the cluster with the nearest mean.
///
/// `cache` holds the parts of the last call, so that only the changed ones are computed. It never changes the result.
///
/// # Conventions   faces that must-links connect are in one cluster, faces that may not be in one cluster never are; the
///   clusters do not depend on the order of the faces, but for faces with equal embeddings
/// # Errors        neighbours of another number of faces → `BadArgument`; the errors of [`Constraints::check`]
pub fn cluster(
    faces: &Faces,
    neighbours: &Neighbours,
    constraints: &Constraints,
    config: &ClusterConfig,
    cache: &mut ClusterCache,
) -> Result<Clusters> {
    if neighbours.len() != faces.len() {
        let reason = format!("expected the neighbours of {} faces, found {}", faces.len(), neighbours.len());
        return Err(SearchError::BadArgument { reason });
    }
    let checked = constraints.checked(faces.len())?;
    let positions = faces.canonical_positions();
    let values = smoothed(faces, neighbours, &positions, config.radius);
    let averaged = Averaged {
        faces,
        neighbours,
        values: &values,
        positions: &positions,
        checked: &checked,
        limits: config.limits(),
    };
    let mut names = averaged.clusters(cache);
    while let Some(merged) = merged_by_means(&averaged, &names)? {
        names = merged;
    }
    let attach = Attach { faces, neighbours, positions: &positions, checked: &checked, config, names };
    let names = attach.run();
    Ok(Clusters::new(&names, faces, &positions))
}

/// Merges large clusters; `None` if nothing was merged.
fn merged_by_means(averaged: &Averaged<'_>, names: &[u32]) -> Result<Option<Vec<u32>>> {
    let (nodes_of, nodes) = large_clusters(averaged, names);
    if nodes.len() < 2 {
        return Ok(None);
    }
    let means: Vec<f32> = nodes.iter().flat_map(Node::mean).collect();
    let means = Faces::new(&means, averaged.faces.dimension(), Distance::SquaredEuclidean)?;
    let nearest = Neighbours::new(&means, NEAREST_CLUSTERS)?;
    let edges: Vec<(u32, u32)> =
        (0..nodes.len() as u32).flat_map(|a| nearest.nearest(a).map(move |b| (a, b))).collect();
    let clusters = link(nodes, &edges, &averaged.limits);
    if (0u32..).zip(&clusters).all(|(node, cluster)| node == *cluster) {
        return Ok(None);
    }
    let mut name_of_node = HashMap::new();
    for (name, node) in &nodes_of {
        if clusters[*node as usize] == *node {
            name_of_node.insert(*node, *name);
        }
    }
    let merged =
        |name: &u32| nodes_of.get(name).map_or(*name, |node| name_of_node[&clusters[*node as usize]]);
    Ok(Some(names.iter().map(merged).collect()))
}

/// The large clusters as nodes, in canonical order, with the node of each name.
fn large_clusters(averaged: &Averaged<'_>, names: &[u32]) -> (HashMap<u32, u32>, Vec<Node>) {
    let mut sizes: HashMap<u32, usize> = HashMap::new();
    names.iter().for_each(|name| *sizes.entry(*name).or_default() += 1);
    let mut order: Vec<u32> = (0..names.len() as u32).collect();
    order.retain(|face| sizes[&names[*face as usize]] >= LARGE);
    order.sort_unstable_by_key(|face| averaged.positions[*face as usize]);
    let (mut nodes_of, mut nodes) = (HashMap::new(), Vec::<Node>::new());
    for &face in &order {
        let node = *nodes_of.entry(names[face as usize]).or_insert(nodes.len() as u32);
        if node as usize == nodes.len() {
            nodes.push(Node::default());
        }
        nodes[node as usize].add(averaged.row(face), averaged.faces.row(face as usize));
        nodes[node as usize].photos.extend(averaged.checked.photos[face as usize]);
    }
    for face in order {
        let node = nodes_of[&names[face as usize]];
        let enemies = averaged.checked.enemies[face as usize].iter();
        let enemies = enemies.filter_map(|enemy| nodes_of.get(&names[*enemy as usize]));
        nodes[node as usize].enemies.extend(enemies);
    }
    (nodes_of, nodes)
}
