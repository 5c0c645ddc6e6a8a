//! Disjoint sets of numbers (union-find), named by their smallest member.

pub(super) struct Union(Vec<u32>);

impl Union {
    pub(super) fn new(len: usize) -> Self {
        Self((0..len as u32).collect())
    }

    /// The smallest member of the set of `at`.
    pub(super) fn root(&mut self, mut at: u32) -> u32 {
        while self.0[at as usize] != at {
            // Halve the path.
            self.0[at as usize] = self.0[self.0[at as usize] as usize];
            at = self.0[at as usize];
        }
        at
    }

    pub(super) fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
    }
}
