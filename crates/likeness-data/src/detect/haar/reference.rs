//! Compares the scanner, with all its tiles and lanes, with a reference implementation that applies the definitions.

use crate::seed::{Generator, generator};
use image::RgbImage;
use proptest::prelude::*;
use rand::RngExt;

use super::HaarConfig;
use super::cascade::{Branch, Cascade, Feature, Node, Stage, Tree, WeightedRect};
use super::grey::Grey;
use super::integral::Layout;
use super::pyramid::{Layer, PixelRect, layers};
use super::resize::{RowResizer, taps};
use super::tile::{Scratch, Search};

/// All pixels of a layer.
fn resized(grey: &Grey, layer: &Layer) -> Grey {
    let mut out = Grey { width: layer.width, height: layer.height, pixels: Vec::new() };
    let mut resizer = RowResizer::default();
    resizer.set_columns(grey.width, layer.width, 0..layer.width);
    for y in 0..layer.height {
        let mut row = vec![0; layer.width];
        resizer.row(grey, taps(grey.height, layer.height)(y), &mut row);
        out.pixels.extend(row);
    }
    out
}

/// The sum of a function of the pixels in a rectangle of the window at (left, top).
fn rect_sum(grey: &Grey, left: usize, top: usize, rect: &WeightedRect, of: impl Fn(i64) -> i64) -> i64 {
    let pixel = |x: u32, y: u32| of(i64::from(grey.row(top + y as usize)[left + x as usize]));
    (rect.y..rect.y + rect.height)
        .flat_map(|y| (rect.x..rect.x + rect.width).map(move |x| (x, y)))
        .map(|(x, y)| pixel(x, y))
        .sum()
}

/// The sum over a tilted rectangle, testing each pixel: the upward cone of its lowest corner minus those at its sides.
fn tilted_sum(grey: &Grey, left: usize, top: usize, rect: &WeightedRect) -> i64 {
    let [x0, y0, w, h] = [rect.x, rect.y, rect.width, rect.height].map(i64::from);
    let inside = |x: i64, y: i64| {
        let cone = |ax: i64, ay: i64| i64::from(y < ay && (x - ax + 1).abs() < ay - y);
        cone(x0, y0) - cone(x0 - h, y0 + h) - cone(x0 + w, y0 + w) + cone(x0 + w - h, y0 + w + h)
    };
    let mut sum = 0;
    for y in y0..y0 + w + h {
        for x in x0 - h..x0 + w {
            let pixel = grey.row(top + y as usize)[left + x as usize];
            sum += inside(x, y) * i64::from(pixel);
        }
    }
    sum
}

fn value(cascade: &Cascade, feature: &Feature, grey: &Grey, left: usize, top: usize) -> f32 {
    debug_assert!(cascade.window().0 as usize <= grey.width);
    let sum = |rect: &WeightedRect| match feature.tilted {
        true => tilted_sum(grey, left, top, rect),
        false => rect_sum(grey, left, top, rect, |p| p),
    };
    feature.rects.iter().fold(0.0, |value, rect| value + rect.weight * sum(rect) as f32)
}

/// The number of stages that the window passes; `None` if its contrast is too low.
fn stages_passed(cascade: &Cascade, grey: &Grey, left: usize, top: usize) -> Option<usize> {
    let (width, height) = cascade.window();
    let inner = WeightedRect { x: 1, y: 1, width: width - 2, height: height - 2, weight: 1.0 };
    let area = i64::from(inner.width * inner.height);
    let sum = rect_sum(grey, left, top, &inner, |p| p);
    let spread = area * rect_sum(grey, left, top, &inner, |p| p * p) - sum * sum;
    if spread <= 0 {
        return None;
    }
    let norm = (1.0 / (spread as f64).sqrt()) as f32;
    if area as f64 * f64::from(norm) >= 0.1 {
        return None;
    }
    let leaf = |tree: &Tree| {
        let mut at = 0;
        loop {
            let node = &tree.nodes[at];
            let value = value(cascade, &cascade.features()[node.feature], grey, left, top) * norm;
            match if value < node.threshold { node.below } else { node.above } {
                Branch::Node(next) => at = next,
                Branch::Leaf(leaf) => return f64::from(tree.leaves[leaf]),
            }
        }
    };
    let passes =
        |stage: &&Stage| stage.trees.iter().map(leaf).sum::<f64>() >= f64::from(stage.effective_threshold());
    Some(cascade.stages().iter().take_while(passes).count())
}

fn slow(cascade: &Cascade, image: &RgbImage, layers: &[Layer]) -> Vec<PixelRect> {
    let mut grey = Grey::default();
    grey.fill(image);
    let mut found = Vec::new();
    for layer in layers {
        let pixels = resized(&grey, layer);
        for row in 0..layer.rows {
            let mut column = 0;
            while column < layer.columns {
                let passed = stages_passed(cascade, &pixels, column * layer.step, row * layer.step);
                if passed == Some(cascade.stages().len()) {
                    found.push(layer.window(cascade.window(), column, row));
                }
                column += if passed == Some(0) { 2 } else { 1 };
            }
        }
    }
    found
}

/// Two or three rectangles with weights whose sum over an even area is zero.
fn random_feature(random: &mut Generator, (width, height): (u32, u32)) -> Feature {
    let tilted = random.random_bool(0.3);
    let count = random.random_range(2..=3);
    let mut rects: Vec<WeightedRect> = Vec::new();
    while rects.len() < count {
        let (x, y) = (random.random_range(0..width), random.random_range(0..height));
        let (w, h) = (random.random_range(1..=width), random.random_range(1..=height));
        let fits = match tilted {
            true => x >= h && x + w <= width && y + w + h <= height,
            false => x + w <= width && y + h <= height,
        };
        if fits {
            let weight = if rects.is_empty() { -1.0 } else { 0.4 };
            rects.push(WeightedRect { x, y, width: w, height: h, weight });
        }
    }
    let (last, others) = rects.split_last_mut().unwrap();
    let sum: f32 = others.iter().map(|r| r.weight * (r.width * r.height) as f32).sum();
    last.weight = -sum / (last.width * last.height) as f32;
    Feature { rects, tilted }
}

/// A tree of `size` nodes in random order.
fn random_tree(random: &mut Generator, size: usize, features: usize) -> Tree {
    let mut free: Vec<usize> = (1..size).collect();
    let mut links = vec![[None; 2]; size];
    let mut open = vec![(0, 0), (0, 1)];
    while let Some(child) = (!free.is_empty()).then(|| free.swap_remove(random.random_range(0..free.len()))) {
        let (parent, side) = open.swap_remove(random.random_range(0..open.len()));
        links[parent][side] = Some(child);
        open.extend([(child, 0), (child, 1)]);
    }
    let mut leaves = Vec::new();
    let mut branch = |link: Option<usize>, random: &mut Generator| match link {
        Some(node) => Branch::Node(node),
        None => {
            leaves.push(random.random_range(-1.0f32..1.0));
            Branch::Leaf(leaves.len() - 1)
        }
    };
    let mut nodes = Vec::new();
    for [below, above] in links {
        let threshold = random.random_range(-0.05f32..0.05);
        let feature = random.random_range(0..features);
        nodes.push(Node { feature, threshold, below: branch(below, random), above: branch(above, random) });
    }
    Tree { nodes, leaves }
}

fn random_cascade(random: &mut Generator, window: (u32, u32), nodes: usize) -> Cascade {
    let features: Vec<_> = (0..12).map(|_| random_feature(random, window)).collect();
    let mut stage = || {
        let trees = (0..random.random_range(1..6)).map(|_| {
            let size = random.random_range(1..=nodes);
            random_tree(random, size, features.len())
        });
        Stage { trees: trees.collect(), threshold: -0.3 }
    };
    let stages = (0..3).map(|_| stage()).collect();
    Cascade::new(window, stages, features).unwrap()
}

/// Noise with flat areas.
fn random_image(random: &mut Generator, width: u32, height: u32) -> RgbImage {
    let flat = random.random_range(0..width.max(2));
    RgbImage::from_fn(width, height, |x, _| {
        let colour = [random.random(), random.random(), random.random()];
        image::Rgb(if x < flat / 2 { [77, 78, 79] } else { colour })
    })
}

fn assert_agrees(cascade: &Cascade, image: &RgbImage, scratch: &mut Scratch) -> usize {
    let layers = layers(
        cascade.window(),
        image.dimensions(),
        &HaarConfig { scale_factor: 1.3, ..HaarConfig::default() },
    );
    let expected = slow(cascade, image, &layers);
    for parallel in [false, true] {
        let search = Search { cascade, layers: &layers, parallel };
        assert_eq!(search.scan(image, scratch), expected);
    }
    expected.len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn scanning_agrees_with_the_definitions(
        seed: u64, window in (3u32..=14, 3u32..=14), size in (3u32..70, 3u32..50), nodes in 1usize..5,
    ) {
        let random = &mut generator(seed);
        let cascade = random_cascade(random, window, nodes);
        let scratch = &mut Scratch::default();
        for _ in 0..2 {
            let image = random_image(random, size.0, size.1);
            assert_agrees(&cascade, &image, scratch);
        }
    }
}

/// Compares random cascades until some of them have accepted windows.
fn assert_agrees_often(window: (u32, u32), size: (u32, u32)) {
    let random = &mut generator(3);
    let mut found = 0;
    for _ in 0..6 {
        let cascade = random_cascade(random, window, 2);
        let image = random_image(random, size.0, size.1);
        found += assert_agrees(&cascade, &image, &mut Scratch::default());
    }
    assert!(found > 100, "{found}");
}

/// The largest window allows few columns per tile, so this picture needs several tiles side by side.
#[test]
fn tiles_side_by_side_agree_with_the_definitions() {
    assert!(Layout::max_columns(2, (128, 126)) < 500);
    assert_agrees_often((128, 126), (1100, 131));
}

/// Small windows in a tall picture need many strips, one below the other.
#[test]
fn strips_one_below_the_other_agree_with_the_definitions() {
    assert_agrees_often((9, 8), (90, 4000));
}
