//! The cascade as stored in its file: stages of small decision trees over Haar-like features.
//!
//! A [`Cascade`] can only be created by [`Cascade::new`], which checks every index and rectangle, so that
//! the scanner needs no checks. Viola and Jones, "Rapid Object Detection using a Boosted Cascade of
//! Simple Features" (2001), doi 10.1109/CVPR.2001.990517; tilted features after Lienhart and Maydt, "An Extended
//! Set of Haar-like Features for Rapid Object Detection" (2002), doi 10.1109/ICIP.2002.1038171.

/// The maximum side of the window in pixels; up to this size the scanner's sums and offsets are exact.
pub const MAX_WINDOW_PX: u32 = 128;

/// The maximum number of rectangles in a feature.
pub const MAX_RECTS: usize = 3;

/// The value subtracted from the file's stage thresholds before comparing, as OpenCV does.
const THRESHOLD_SLACK: f32 = 1e-5;

/// One rectangle of a feature, in window pixels.
///
/// An upright rectangle covers the pixels `x..x + width`, `y..y + height`. A rectangle tilted by 45° has its top corner
/// at (x, y); `width` is its extent to the lower right and `height` its extent to the lower left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeightedRect {
    /// Left edge, or the column of the top corner.
    pub x: u32,
    /// Top edge, or the row of the top corner.
    pub y: u32,
    /// Extent to the right, or to the lower right.
    pub width: u32,
    /// Extent down, or to the lower left.
    pub height: u32,
    /// The factor of the sum of its pixels.
    pub weight: f32,
}

/// A weighted sum over one to three rectangles.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// The rectangles, in the order of summation.
    pub rects: Vec<WeightedRect>,
    /// Whether the rectangles are tilted by 45°.
    pub tilted: bool,
}

/// The next step after a test in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    /// Another node of the same tree, by index.
    Node(usize),
    /// A leaf, by index; the tree's evaluation ends.
    Leaf(usize),
}

/// One test of a tree: whether the normalised feature is below the threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Index into [`Cascade::features`].
    pub feature: usize,
    /// The threshold of the feature's value divided by the window's contrast.
    pub threshold: f32,
    /// The next step if the value is below the threshold.
    pub below: Branch,
    /// The next step otherwise.
    pub above: Branch,
}

/// A weak classifier: a decision tree with node 0 as its root. A tree with one node is a stump.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// The tests.
    pub nodes: Vec<Node>,
    /// The values that the tree adds to its stage's sum.
    pub leaves: Vec<f32>,
}

/// A stage: a sum of tree leaves. A window with a sum below the threshold is rejected.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// The threshold as stored in the file.
    pub threshold: f32,
    /// The weak classifiers.
    pub trees: Vec<Tree>,
}

impl Stage {
    /// The threshold that sums are compared with, after OpenCV's correction.
    pub fn effective_threshold(&self) -> f32 {
        self.threshold - THRESHOLD_SLACK
    }
}

/// A checked cascade.
#[derive(Debug, Clone, PartialEq)]
pub struct Cascade {
    window_width: u32,
    window_height: u32,
    stages: Vec<Stage>,
    features: Vec<Feature>,
}

impl Cascade {
    /// Checks the parts of a cascade and creates it.
    ///
    /// # Errors
    /// A sentence that describes the problem: a window outside 3 to [`MAX_WINDOW_PX`] pixels, a rectangle outside the
    /// window, an index out of range, a tree that reaches a node twice, a value that is not finite, no stages or trees.
    pub fn new(
        window: (u32, u32),
        stages: Vec<Stage>,
        features: Vec<Feature>,
    ) -> std::result::Result<Self, String> {
        let (window_width, window_height) = window;
        if ![window_width, window_height].iter().all(|side| (3..=MAX_WINDOW_PX).contains(side)) {
            return Err(format!(
                "the window is {window_width}×{window_height} pixels, expected 3 to {MAX_WINDOW_PX} each way"
            ));
        }
        if stages.is_empty() {
            return Err("the cascade has no stages".into());
        }
        for (index, feature) in features.iter().enumerate() {
            check_feature(feature, window).map_err(|reason| format!("feature {index}: {reason}"))?;
        }
        for (index, stage) in stages.iter().enumerate() {
            check_stage(stage, features.len()).map_err(|reason| format!("stage {index}: {reason}"))?;
        }
        Ok(Self { window_width, window_height, stages, features })
    }

    /// Width and height in pixels of the window, the size of the faces that are found at scale 1.
    pub fn window(&self) -> (u32, u32) {
        (self.window_width, self.window_height)
    }

    /// The stages, in the order in which a window is tested.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The features that the trees' nodes refer to.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Whether any feature is tilted by 45°.
    pub fn has_tilted(&self) -> bool {
        self.features.iter().any(|feature| feature.tilted)
    }
}

fn check_feature(feature: &Feature, (width, height): (u32, u32)) -> std::result::Result<(), String> {
    if !(1..=MAX_RECTS).contains(&feature.rects.len()) {
        return Err(format!("{} rectangles, expected 1 to {MAX_RECTS}", feature.rects.len()));
    }
    for rect in &feature.rects {
        let WeightedRect { x, y, width: w, height: h, weight } = *rect;
        let [x, y, w, h] = [x, y, w, h].map(u64::from);
        let (left, right, bottom) =
            if feature.tilted { (x >= h, x + w, y + w + h) } else { (true, x + w, y + h) };
        if w == 0 || h == 0 || !left || right > u64::from(width) || bottom > u64::from(height) {
            let kind = if feature.tilted { "tilted rectangle" } else { "rectangle" };
            return Err(format!("{kind} {x} {y} {w} {h} is outside the {width}×{height} window"));
        }
        if !weight.is_finite() {
            return Err(format!("the weight {weight} is not a finite number"));
        }
    }
    Ok(())
}

fn check_stage(stage: &Stage, features: usize) -> std::result::Result<(), String> {
    if !stage.threshold.is_finite() {
        return Err(format!("the threshold {} is not a finite number", stage.threshold));
    }
    if stage.trees.is_empty() {
        return Err("no weak classifiers".into());
    }
    for (index, tree) in stage.trees.iter().enumerate() {
        check_tree(tree, features).map_err(|reason| format!("tree {index}: {reason}"))?;
    }
    Ok(())
}

fn check_tree(tree: &Tree, features: usize) -> std::result::Result<(), String> {
    if let Some(leaf) = tree.leaves.iter().find(|leaf| !leaf.is_finite()) {
        return Err(format!("the leaf value {leaf} is not a finite number"));
    }
    let mut reached = vec![false; tree.nodes.len()];
    let mut open = vec![0];
    while let Some(index) = open.pop() {
        let node = tree.nodes.get(index).ok_or_else(|| format!("node {index} does not exist"))?;
        if std::mem::replace(&mut reached[index], true) {
            return Err(format!("node {index} is reached twice"));
        }
        if node.feature >= features {
            return Err(format!("node {index} uses feature {} of {features}", node.feature));
        }
        if !node.threshold.is_finite() {
            return Err(format!("the threshold {} is not a finite number", node.threshold));
        }
        for branch in [node.above, node.below] {
            match branch {
                Branch::Node(next) => open.push(next),
                Branch::Leaf(leaf) if leaf < tree.leaves.len() => {}
                Branch::Leaf(leaf) => return Err(format!("leaf {leaf} does not exist")),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: u32, y: u32, width: u32, height: u32) -> WeightedRect {
        WeightedRect { x, y, width, height, weight: 1.0 }
    }

    fn stump() -> Tree {
        let node = Node { feature: 0, threshold: 0.0, below: Branch::Leaf(0), above: Branch::Leaf(1) };
        Tree { nodes: vec![node], leaves: vec![-1.0, 1.0] }
    }

    fn build(tree: Tree, feature: Feature) -> std::result::Result<Cascade, String> {
        Cascade::new((20, 20), vec![Stage { threshold: 0.5, trees: vec![tree] }], vec![feature])
    }

    fn upright(r: WeightedRect) -> Feature {
        Feature { rects: vec![r], tilted: false }
    }

    #[test]
    fn rectangles_must_stay_in_the_window() {
        assert!(build(stump(), upright(rect(0, 0, 20, 20))).is_ok());
        for r in [rect(1, 0, 20, 20), rect(0, 1, 20, 20), rect(0, 0, 0, 5), rect(u32::MAX, 0, u32::MAX, 5)] {
            assert!(build(stump(), upright(r)).unwrap_err().contains("is outside the 20×20 window"), "{r:?}");
        }
        let tilted = |r| Feature { rects: vec![r], tilted: true };
        assert!(build(stump(), tilted(rect(10, 0, 10, 10))).is_ok());
        for r in [rect(9, 0, 10, 10), rect(10, 1, 10, 10), rect(11, 0, 10, 9)] {
            assert!(build(stump(), tilted(r)).unwrap_err().contains("tilted rectangle"), "{r:?}");
        }
    }

    #[test]
    fn trees_must_be_trees() {
        let feature = || upright(rect(0, 0, 5, 5));
        let with = |below, above| {
            let mut tree = stump();
            tree.nodes[0].below = below;
            tree.nodes[0].above = above;
            build(tree, feature()).unwrap_err()
        };
        assert!(with(Branch::Node(0), Branch::Leaf(0)).contains("reached twice"));
        assert!(with(Branch::Node(1), Branch::Leaf(0)).contains("node 1 does not exist"));
        assert!(with(Branch::Leaf(2), Branch::Leaf(0)).contains("leaf 2 does not exist"));
        let mut tree = stump();
        tree.nodes[0].feature = 1;
        assert!(build(tree, feature()).unwrap_err().contains("feature 1 of 1"));
    }

    #[test]
    fn numbers_must_be_finite() {
        let feature = || upright(rect(0, 0, 5, 5));
        let mut tree = stump();
        tree.leaves[1] = f32::NAN;
        assert!(build(tree, feature()).unwrap_err().contains("NaN"));
        let mut tree = stump();
        tree.nodes[0].threshold = f32::INFINITY;
        assert!(build(tree, feature()).unwrap_err().contains("inf"));
        let weight = WeightedRect { weight: f32::NAN, ..rect(0, 0, 5, 5) };
        assert!(build(stump(), upright(weight)).unwrap_err().contains("weight"));
    }

    #[test]
    fn windows_have_bounds() {
        for window in [(2, 20), (20, 2), (129, 20), (0, 0), (u32::MAX, u32::MAX)] {
            assert!(Cascade::new(window, vec![], vec![]).unwrap_err().contains("window"));
        }
        assert!(Cascade::new((20, 20), vec![], vec![]).unwrap_err().contains("no stages"));
    }
}
