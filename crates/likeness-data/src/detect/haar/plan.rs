//! A cascade compiled for one layout of the integral images: corners become offsets, and trees become lists of
//! tests in evaluation order.

use super::cascade::{Branch, Cascade, Feature, Tree, WeightedRect};
use super::integral::Layout;

/// A comparison of a feature in a tree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Test {
    /// Offsets of the corners of each rectangle, signs `+ − − +`.
    pub(crate) corners: [[u16; 4]; 3],
    /// The weights of the rectangles' sums; the third may be zero and is then skipped.
    pub(crate) weights: [f32; 3],
    /// Whether the corners are in the tilted integral image.
    pub(crate) tilted: bool,
    /// The threshold of the normalised feature.
    pub(crate) threshold: f32,
    /// The outcome below the threshold.
    pub(crate) below: Outcome,
    /// The outcome at the threshold or above.
    pub(crate) above: Outcome,
}

/// The outcome of a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outcome {
    /// The index of the tree's next test, 0 at a leaf; a float because lanes compare floats.
    pub(crate) next: f32,
    /// The leaf's value; 0 if another test follows.
    pub(crate) value: f32,
}

/// A stage: the tests of all its trees in sequence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlannedStage {
    /// A window passes if its sum is at least this.
    pub(crate) threshold: f64,
    /// The tests of all trees.
    pub(crate) tests: Vec<Test>,
    /// The number of tests of each tree; empty if every tree has one.
    pub(crate) tree_sizes: Vec<usize>,
}

/// A cascade compiled for one layout.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// The layout of the integral images.
    pub(crate) layout: Layout,
    /// The corners of the window without its outermost pixels; the contrast in it normalises the features.
    pub(crate) inner: [u16; 4],
    /// The area of that rectangle.
    pub(crate) inner_area: f64,
    /// The stages; at least one.
    pub(crate) stages: Vec<PlannedStage>,
}

impl Plan {
    /// Computes the offsets of `cascade`; its window must fit the layout ([`Layout::max_columns`]).
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

/// The reachable nodes, each after the node that leads to it.
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
