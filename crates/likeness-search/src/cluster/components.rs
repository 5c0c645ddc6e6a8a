//! The clusters of averaged embeddings, component by component of the graph of near neighbours.
//!
//! Two clusters are only merged if their mean squared distance is below the limit; then a pair of their faces is that near
//! too. So no cluster reaches beyond a connected component of the graph of neighbours nearer than the limit, and the clusters of a
//! component follow from its own content alone. A cache holds them by a hash of that content, so that a component that did not
//! change is not clustered again, and the result cannot differ from that without a cache.

use std::collections::HashMap;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::constraints::Checked;
use super::faces::squared_distance;
use super::linkage::{Limits, Node, link};
use super::union::Union;
use crate::cluster::{Faces, Neighbours};

/// The clusters of the components of an earlier clustering.
#[derive(Debug, Clone, Default)]
pub struct ClusterCache {
    found: HashMap<[u8; 32], Vec<u32>>,
    reused: usize,
}

impl ClusterCache {
    /// The number of components of two faces or more that the last clustering took from this cache.
    pub fn reused(&self) -> usize {
        self.reused
    }

    /// The number of components of two faces or more in the last clustering.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether the last clustering had no component of two faces, or there was none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// What the clusters of averaged embeddings are computed from.
pub(super) struct Averaged<'a> {
    pub(super) faces: &'a Faces,
    pub(super) neighbours: &'a Neighbours,
    /// The averaged embeddings, \[faces, dim\].
    pub(super) values: &'a [f32],
    pub(super) positions: &'a [u32],
    pub(super) checked: &'a Checked,
    pub(super) limits: Limits,
}

/// A connected component: its faces in canonical order, and its edges between their places in it.
struct Component {
    faces: Vec<u32>,
    edges: Vec<(u32, u32)>,
}

impl Averaged<'_> {
    pub(super) fn row(&self, face: u32) -> &[f32] {
        let dim = self.faces.dimension();
        &self.values[face as usize * dim..][..dim]
    }

    /// For every face a face that names its cluster.
    pub(super) fn clusters(&self, cache: &mut ClusterCache) -> Vec<u32> {
        let components = self.components();
        let solved: Vec<_> = components
            .par_iter()
            .map(|component| {
                let key = self.content(component);
                let known = cache.found.get(&key).cloned();
                (key, known.is_some(), known.unwrap_or_else(|| self.solve(component)))
            })
            .collect();
        let mut names: Vec<u32> = (0..self.faces.len() as u32).collect();
        for (component, (_, _, places)) in components.iter().zip(&solved) {
            for (&face, &place) in component.faces.iter().zip(places) {
                names[face as usize] = component.faces[place as usize];
            }
        }
        cache.reused = solved.iter().filter(|(_, reused, _)| *reused).count();
        cache.found = solved.into_iter().map(|(key, _, places)| (key, places)).collect();
        names
    }

    /// The components of two faces or more.
    fn components(&self) -> Vec<Component> {
        let near = |face: u32| {
            let void = |face: u32| self.faces.is_void(face as usize);
            let others = self.neighbours.of(face as usize).iter().map(|neighbour| neighbour.face);
            let limit = self.limits.averaged;
            let near = move |other: &u32| squared_distance(self.row(face), self.row(*other)) < limit;
            others
                .filter(move |other| !void(face) && !void(*other))
                .filter(near)
                .map(move |other| (face, other))
        };
        let edges: Vec<(u32, u32)> =
            (0..self.faces.len() as u32).into_par_iter().flat_map_iter(near).collect();
        let mut union = Union::new(self.faces.len());
        edges.iter().for_each(|&(a, b)| union.join(a, b));
        (0..).zip(&self.checked.units).for_each(|(face, &unit)| union.join(face, unit));
        let mut order: Vec<u32> = (0..self.faces.len() as u32).collect();
        order.sort_unstable_by_key(|face| self.positions[*face as usize]);
        let (mut number, mut place) = (HashMap::new(), vec![0u32; order.len()]);
        let mut components: Vec<Component> = Vec::new();
        for face in order {
            let at = *number.entry(union.root(face)).or_insert(components.len());
            if at == components.len() {
                components.push(Component { faces: Vec::new(), edges: Vec::new() });
            }
            place[face as usize] = components[at].faces.len() as u32;
            components[at].faces.push(face);
        }
        for (a, b) in edges {
            let (x, y) = (place[a as usize], place[b as usize]);
            components[number[&union.root(a)]].edges.push((x.min(y), x.max(y)));
        }
        components.retain(|component| component.faces.len() > 1);
        components.par_iter_mut().for_each(|component| {
            component.edges.sort_unstable();
            component.edges.dedup();
        });
        components
    }

    /// For every face of a component the place of the face that names its cluster.
    fn solve(&self, component: &Component) -> Vec<u32> {
        let nodes_of = self.nodes_of(component);
        let mut nodes = vec![Node::default(); 1 + nodes_of.iter().max().map_or(0, |last| *last as usize)];
        let mut first = vec![u32::MAX; nodes.len()];
        let place: HashMap<u32, u32> = component.faces.iter().copied().zip(0..).collect();
        for (at, (&face, &node)) in (0u32..).zip(component.faces.iter().zip(&nodes_of)) {
            first[node as usize] = first[node as usize].min(at);
            let (node, enemies) = (&mut nodes[node as usize], &self.checked.enemies[face as usize]);
            node.add(self.row(face), self.faces.row(face as usize));
            node.photos.extend(self.checked.photos[face as usize]);
            node.enemies.extend(enemies.iter().filter_map(|e| place.get(e)).map(|&at| nodes_of[at as usize]));
        }
        let between = |&(a, b): &(u32, u32)| (nodes_of[a as usize], nodes_of[b as usize]);
        let edges: Vec<_> = component.edges.iter().map(between).collect();
        let clusters = link(nodes, &edges, &self.limits);
        nodes_of.iter().map(|&node| first[clusters[node as usize] as usize]).collect()
    }

    /// The node of every face of a component: faces that must-links connect share one.
    fn nodes_of(&self, component: &Component) -> Vec<u32> {
        let mut node_of_unit = HashMap::new();
        let node = |face: &u32| {
            let next = node_of_unit.len() as u32;
            *node_of_unit.entry(self.checked.units[*face as usize]).or_insert(next)
        };
        component.faces.iter().map(node).collect()
    }

    /// A hash of everything that the clusters of a component depend on.
    fn content(&self, component: &Component) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut number = |value: u32| hash.update(value.to_le_bytes());
        for limit in [self.limits.averaged, self.limits.single, self.limits.large] {
            number((limit as f32).to_bits());
        }
        number(component.faces.len() as u32);
        let place: HashMap<u32, u32> = component.faces.iter().copied().zip(0..).collect();
        let mut photo_number = HashMap::new();
        for (&face, node) in component.faces.iter().zip(self.nodes_of(component)) {
            number(node);
            let own = self.faces.row(face as usize);
            self.row(face).iter().chain(own).for_each(|value| number(value.to_bits()));
            let photo = self.checked.photos[face as usize].map(|photo| {
                let next = photo_number.len() as u32;
                *photo_number.entry(photo).or_insert(next)
            });
            number(photo.map_or(0, |photo| photo + 1));
            let mut enemies: Vec<u32> =
                self.checked.enemies[face as usize].iter().filter_map(|e| place.get(e)).copied().collect();
            enemies.sort_unstable();
            number(enemies.len() as u32);
            enemies.into_iter().for_each(&mut number);
        }
        component.edges.iter().for_each(|&(a, b)| {
            number(a);
            number(b);
        });
        hash.finalize().into()
    }
}
