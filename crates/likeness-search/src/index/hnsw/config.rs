//! The parameters of a graph.

/// How a graph is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HnswConfig {
    /// Links of a node on the upper levels, and half of those on level 0 (M in the paper); 2 to 64.
    pub links: usize,
    /// Candidates for the links of a new node (efConstruction in the paper).
    pub effort: usize,
    /// The seed of the levels.
    pub seed: u64,
}

impl Default for HnswConfig {
    /// More links than most identities have photos: with fewer, all links of a photo stay within its identity, and other
    /// identities are reached seldom.
    fn default() -> Self {
        Self { links: 32, effort: 128, seed: 1 }
    }
}
