//! Nodes, links and levels.

use std::collections::HashMap;

/// A row that was reached, with its distance; ordered by distance, then by number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reached {
    pub(super) distance: f32,
    pub(super) node: u32,
}

impl Eq for Reached {}

impl Ord for Reached {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.distance.total_cmp(&other.distance).then(self.node.cmp(&other.node))
    }
}

impl PartialOrd for Reached {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The graph: nodes are counted from 0, without gaps.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Graph {
    /// Largest number of links of a node on level 0.
    pub(super) most_links: usize,
    /// Links on level 0, `most_links` places for each node.
    links: Vec<u32>,
    counts: Vec<u8>,
    /// Links on the levels from 1 on, of the nodes that have any.
    upper: HashMap<u32, Vec<Vec<u32>>>,
    /// A node on the highest level.
    pub(super) entry: Option<u32>,
}

impl Graph {
    pub(super) fn new(most_links: usize) -> Self {
        Self { most_links, ..Self::default() }
    }

    pub(super) fn len(&self) -> u32 {
        self.counts.len() as u32
    }

    /// The highest level of a node.
    pub(super) fn level(&self, node: u32) -> usize {
        self.upper.get(&node).map_or(0, Vec::len)
    }

    pub(super) fn links(&self, node: u32, level: usize) -> &[u32] {
        if level > 0 {
            return &self.upper[&node][level - 1];
        }
        let start = node as usize * self.most_links;
        &self.links[start..start + usize::from(self.counts[node as usize])]
    }

    pub(super) fn set_links(&mut self, node: u32, level: usize, links: &[u32]) {
        if level > 0 {
            let place = self.upper.get_mut(&node).expect("the node has this level");
            place[level - 1] = links.to_vec();
            return;
        }
        let start = node as usize * self.most_links;
        self.links[start..start + links.len()].copy_from_slice(links);
        self.counts[node as usize] = links.len() as u8;
    }

    /// Adds a node without links.
    pub(super) fn push(&mut self, level: usize) -> u32 {
        let node = self.len();
        self.counts.push(0);
        self.links.resize(self.links.len() + self.most_links, 0);
        if level > 0 {
            self.upper.insert(node, vec![Vec::new(); level]);
        }
        node
    }

    /// The number of links that a node may have on a level.
    pub(super) fn room(&self, level: usize) -> usize {
        if level == 0 { self.most_links } else { self.most_links / 2 }
    }
}
