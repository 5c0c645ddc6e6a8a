//! A cascade made ready for one layout of the integral images: every corner is an offset, every tree a list of
//! tests in the order they can be met.

use super::cascade::{Branch, Cascade, Feature, Tree, WeightedRect};
use super::integral::Layout;

/// A feature's comparison inside a tree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Test {
    /// Offsets of the corners of each rectangle, signs `+ − − +`.
    pub(crate) corners: [[u16; 4]; 3],
    /// What the rectangles' sums count; the third may be zero and is then left out.
    pub(crate) weights: [f32; 3],
    /// Which integral image the corners are in.
    pub(crate) tilted: bool,
    /// Compared with the normalised feature.
    pub(crate) threshold: f32,
    /// Below the threshold.
    pub(crate) below: Outcome,
    /// At the threshold or above.
    pub(crate) above: Outcome,
}

/// What follows from a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outcome {
    /// The test of this tree to go on with, 0 at a leaf; a real number because that is what lanes compare.
    pub(crate) next: f32,
    /// The leaf's value; 0 where the tree goes on.
    pub(crate) value: f32,
}

/// A stage: the tests of its trees one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlannedStage {
    /// A window passes with a sum of at least this.
    pub(crate) threshold: f64,
    /// All tests.
    pub(crate) tests: Vec<Test>,
    /// How many of them each tree has; empty when each has one.
    pub(crate) tree_sizes: Vec<usize>,
}

/// The cascade for one layout.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// The layout it is for.
    pub(crate) layout: Layout,
    /// The corners of the rectangle whose contrast normalises the features: the window without its outermost pixels.
    pub(crate) inner: [u16; 4],
    /// That rectangle's area.
    pub(crate) inner_area: f64,
    /// The stages; at least one.
    pub(crate) stages: Vec<PlannedStage>,
}

impl Plan {
    /// Works out every offset of `cascade`; its window must fit the layout ([`Layout::max_columns`]).
    pub(crate) fn new(cascade: &Cascade, layout: Layout) -> Self {
        let (width, height) = cascade.window();
        let inner = WeightedRect { x: 1, y: 1, width: width - 2, height: height - 2, weight: 1.0 };
        let stages = cascade.stages().iter().map(|stage| PlannedStage {
            threshold: f64::from(stage.effective_threshold()),
            tests: stage.trees.iter().flat_map(|tree| tests(tree, cascade.features(), layout)).collect(),
            tree_sizes: match stage.trees.iter().all(|tree| tree.nodes.len() == 1) {
                true => Vec::new(),
                false => stage.trees.iter().map(|tree| order(tree).len()).collect(),
            },
        });
        Self {
            layout,
            inner: corners(&inner, false, layout),
            inner_area: f64::from(inner.width * inner.height),
            stages: stages.collect(),
        }
    }
}

/// The nodes that can be met, each after the one that leads to it.
fn order(tree: &Tree) -> Vec<usize> {
    let mut order = Vec::with_capacity(tree.nodes.len());
    let mut open = vec![0];
    while let Some(index) = open.pop() {
        order.push(index);
        for branch in [tree.nodes[index].above, tree.nodes[index].below] {
            if let Branch::Node(next) = branch {
                open.push(next);
            }
        }
    }
    order
}

fn tests<'a>(tree: &'a Tree, features: &'a [Feature], layout: Layout) -> impl Iterator<Item = Test> + 'a {
    let order = order(tree);
    let mut place = vec![0.0; tree.nodes.len()];
    order.iter().enumerate().for_each(|(at, &index)| place[index] = at as f32);
    order.into_iter().map(move |index| {
        let node = &tree.nodes[index];
        let feature = &features[node.feature];
        let outcome = |branch| match branch {
            Branch::Node(next) => Outcome { next: place[next], value: 0.0 },
            Branch::Leaf(leaf) => Outcome { next: 0.0, value: tree.leaves[leaf] },
        };
        let mut test = Test {
            corners: [[0; 4]; 3],
            weights: [0.0; 3],
            tilted: feature.tilted,
            threshold: node.threshold,
            below: outcome(node.below),
            above: outcome(node.above),
        };
        for (i, rect) in feature.rects.iter().enumerate() {
            test.corners[i] = corners(rect, feature.tilted, layout);
            test.weights[i] = rect.weight;
        }
        test
    })
}

fn corners(rect: &WeightedRect, tilted: bool, layout: Layout) -> [u16; 4] {
    let [x, y, w, h] = [rect.x, rect.y, rect.width, rect.height].map(|v| v as usize);
    let points = match tilted {
        false => [(x, y), (x + w, y), (x, y + h), (x + w, y + h)],
        true => [(x, y), (x - h, y + h), (x + w, y + w), (x + w - h, y + w + h)],
    };
    points.map(|(x, y)| {
        u16::try_from(layout.offset(x, y)).expect("the layout was made for windows of this size")
    })
}
