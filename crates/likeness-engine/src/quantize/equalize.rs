//! Channel equalisation: scales the channels of feature maps to similar magnitudes without changing the outputs.
//!
//! A grid of bytes is one for a whole feature map, so a channel whose numbers are small beside its neighbours' is left
//! with few steps. Where only convolutions, sums and rectifiers touch a map, each of its channels can be made larger by
//! any factor if what writes it is made larger and what reads it smaller: the network computes the same, and its channels
//! share the grid more evenly. The sum of a residual block ties the maps on both sides of it together, as do rectifiers;
//! such maps are scaled as one.
//!
//! Depthwise convolutions pay nothing for it; those that mix channels have weights of their own on a grid, so that the
//! factor is shared out between both.
//!
//! Reference: Nagel et al., "Data-free quantization through weight equalization and bias correction", ICCV 2019,
//! arXiv:1906.04721, section 4.1; there by the weights' ranges on both sides, here by what the activations were seen to be.

use std::collections::{BTreeMap, HashMap};

use crate::graph::{Data, Graph, Node, Tensor, ValueId};

/// The largest magnitude of each channel of the observed values.
pub type Magnitudes = HashMap<ValueId, Vec<f32>>;

/// Largest factor by which a channel is scaled, up or down.
const MOST: f32 = 256.0;

/// Equalises the channels of `graph`; returns the number of scaled sets of feature maps.
pub fn equalize(graph: &mut Graph, magnitudes: &Magnitudes) -> usize {
    let ties = Ties::of(graph);
    let mut scaled = 0;
    for map in ties.maps(graph) {
        let Some(factors) = map.factors(graph, magnitudes) else { continue };
        for &(node, side) in &map.ends {
            scale(graph, node, side, &factors);
        }
        scaled += 1;
    }
    let uses = graph.uses();
    graph.constants.retain(|value, _| uses.contains_key(value));
    scaled
}

/// From which side an operator with weights touches a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Writes,
    Reads,
}

/// What an operator with weights does to channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mixing {
    /// Every output channel reads every input channel; the weights' axes of output and input channels.
    All(usize, usize),
    /// Every output channel reads the input channel of the same place.
    None,
}

/// How the operator mixes channels and how many it reads and writes, if its weights can be scaled.
fn mixing(graph: &Graph, node: &Node) -> Option<(Mixing, usize, usize)> {
    let constant = |i: usize| {
        let value = node.input(i)?;
        graph.constants.get(&value).filter(|t| t.floats().is_some())
    };
    let weights = constant(1)?;
    let outputs_at = |axis: usize, inputs: usize| {
        let outputs = weights.shape[axis];
        let bias_fits = node.input(2).is_none() || constant(2).is_some_and(|b| b.shape == [outputs]);
        bias_fits.then_some((Mixing::All(axis, inputs), weights.shape[inputs], outputs))
    };
    match (node.op.as_str(), weights.shape.len()) {
        ("Conv", 4) if node.whole("group", 1) == 1 => outputs_at(0, 1),
        ("Conv", 4) if weights.shape[1] == 1 && node.whole("group", 1) as usize == weights.shape[0] => {
            let (_, _, outputs) = outputs_at(0, 1)?;
            Some((Mixing::None, outputs, outputs))
        }
        ("Gemm", 2) if node.whole("transA", 0) == 0 => {
            let plain = node.float("alpha", 1.0) == 1.0 && node.float("beta", 1.0) == 1.0;
            let transposed = node.whole("transB", 0) != 0;
            outputs_at(usize::from(!transposed), usize::from(transposed)).filter(|_| plain)
        }
        _ => None,
    }
}

/// Whether f(s·x) = s·f(x) for every s > 0, channel by channel.
fn is_homogeneous(node: &Node) -> bool {
    match node.op.as_str() {
        "Relu" | "LeakyRelu" | "PRelu" | "MaxPool" | "AveragePool" | "GlobalAveragePool" | "Add" => true,
        // Of more than one pixel a channel, the numbers of channels before and after it do not agree.
        "Flatten" => node.whole("axis", 1) == 1,
        _ => false,
    }
}

/// Which values have to be scaled by the same factors, and which cannot be scaled at all.
struct Ties {
    /// Another value of the same set, or itself; sets are told by the value at the end.
    towards: HashMap<ValueId, ValueId>,
    /// Values that something reads or writes that minds their scale.
    fixed: Vec<ValueId>,
}

impl Ties {
    fn of(graph: &Graph) -> Self {
        let mut ties = Self { towards: HashMap::new(), fixed: vec![graph.input] };
        ties.fixed.extend(graph.outputs.iter().map(|(_, value)| *value));
        for node in &graph.nodes {
            let is_map = |value: &ValueId| !graph.constants.contains_key(value);
            let maps: Vec<ValueId> =
                node.inputs.iter().flatten().chain(&node.outputs).copied().filter(is_map).collect();
            let inputs = maps.len() - node.outputs.len();
            let expected = if node.op == "Add" { 2 } else { 1 };
            match mixing(graph, node) {
                Some(_) if inputs == 1 && node.outputs.len() == 1 => (),
                _ if is_homogeneous(node) && inputs == expected && node.outputs.len() == 1 => {
                    maps.windows(2).for_each(|pair| ties.tie(pair[0], pair[1]));
                }
                _ => ties.fixed.extend(maps),
            }
        }
        ties
    }

    fn end(&self, mut value: ValueId) -> ValueId {
        while let Some(next) = self.towards.get(&value) {
            value = *next;
        }
        value
    }

    fn tie(&mut self, a: ValueId, b: ValueId) {
        let (a, b) = (self.end(a), self.end(b));
        if a != b {
            self.towards.insert(a, b);
        }
    }

    /// The maps that can be scaled, each with the values tied together in it.
    fn maps(&self, graph: &Graph) -> Vec<Map> {
        let mut maps: BTreeMap<ValueId, Map> = BTreeMap::new();
        for (i, node) in graph.nodes.iter().enumerate() {
            for value in node.inputs.iter().flatten().chain(&node.outputs) {
                if !graph.constants.contains_key(value) {
                    maps.entry(self.end(*value)).or_default().values.push(*value);
                }
            }
            if let (Some((_, read, written)), Some(input)) = (mixing(graph, node), node.input(0)) {
                for (value, side, channels) in
                    [(input, Side::Reads, read), (node.outputs[0], Side::Writes, written)]
                {
                    maps.entry(self.end(value)).or_default().touch(i, side, channels);
                }
            }
        }
        for value in &self.fixed {
            maps.remove(&self.end(*value));
        }
        // What nobody with weights writes keeps its scale.
        let can = |map: &Map| !map.differs && map.ends.iter().any(|(_, side)| *side == Side::Writes);
        maps.into_values().filter(can).collect()
    }
}

/// Values that are scaled as one.
#[derive(Debug, Default)]
struct Map {
    values: Vec<ValueId>,
    channels: usize,
    /// Whether those that touch it do not agree on its channels.
    differs: bool,
    /// Operators with weights that touch it.
    ends: Vec<(usize, Side)>,
}

impl Map {
    fn touch(&mut self, node: usize, side: Side, channels: usize) {
        self.differs |= !self.ends.is_empty() && channels != self.channels;
        self.channels = channels;
        self.ends.push((node, side));
    }

    /// By how much to make each channel larger; `None` where nothing of it was seen.
    fn factors(&self, graph: &Graph, magnitudes: &Magnitudes) -> Option<Vec<f32>> {
        let mut seen = vec![0.0f32; self.channels];
        for of_value in self.values.iter().filter_map(|value| magnitudes.get(value)) {
            if of_value.len() == self.channels {
                raise(&mut seen, of_value);
            }
        }
        let mut read = vec![0.0f32; self.channels];
        for (node, _) in self.ends.iter().filter(|(_, side)| *side == Side::Reads) {
            if let Some((Mixing::All(outputs, inputs), ..)) = mixing(graph, &graph.nodes[*node]) {
                raise(&mut read, &shares(graph, &graph.nodes[*node], outputs, inputs)?);
            }
        }
        if seen.iter().all(|m| *m == 0.0) {
            return None;
        }
        let is_mixed = read.iter().any(|w| *w > 0.0);
        let factor = |(activation, weight): (&f32, &f32)| match (*activation > 0.0, is_mixed) {
            // A channel that is never anything else than 0.
            (false, _) => 1.0,
            (true, false) => 1.0 / activation,
            (true, true) => (weight.max(1.0 / MOST) / activation).sqrt(),
        };
        let factors: Vec<f32> = seen.iter().zip(&read).map(factor).collect();
        Some(factors.into_iter().map(|f| f.clamp(1.0 / MOST, MOST)).collect())
    }
}

/// Raises each of `most` to its part of `values` in the largest of them.
fn raise(most: &mut [f32], values: &[f32]) {
    let largest = values.iter().fold(0.0f32, |a, b| a.max(*b));
    if largest > 0.0 {
        most.iter_mut().zip(values).for_each(|(most, v)| *most = most.max(v / largest));
    }
}

/// How much of its grid the weights of each input channel take, at most, over the output channels.
fn shares(graph: &Graph, node: &Node, outputs: usize, inputs: usize) -> Option<Vec<f32>> {
    let weights = graph.constants.get(&node.input(1)?)?;
    let numbers = weights.floats()?;
    let mut largest = vec![0.0f32; weights.shape[outputs]];
    for (at, w) in numbers.iter().enumerate() {
        let o = along(&weights.shape, outputs, at);
        largest[o] = largest[o].max(w.abs());
    }
    let mut shares = vec![0.0f32; weights.shape[inputs]];
    for (at, w) in numbers.iter().enumerate().filter(|(_, w)| **w != 0.0) {
        let (o, i) = (along(&weights.shape, outputs, at), along(&weights.shape, inputs, at));
        shares[i] = shares[i].max(w.abs() / largest[o]);
    }
    Some(shares)
}

/// The place along `axis` of number `at` of a row-major tensor.
fn along(shape: &[usize], axis: usize, at: usize) -> usize {
    at / shape[axis + 1..].iter().product::<usize>() % shape[axis]
}

/// Makes what a node writes larger by `factors`, or what it reads smaller in its weights.
fn scale(graph: &mut Graph, node: usize, side: Side, factors: &[f32]) {
    let Some((kind, ..)) = mixing(graph, &graph.nodes[node]) else { return };
    let axis = match (kind, side) {
        (Mixing::All(outputs, _), Side::Writes) => outputs,
        (Mixing::All(_, inputs), Side::Reads) => inputs,
        (Mixing::None, _) => 0,
    };
    let factor = |i: usize| if side == Side::Writes { factors[i] } else { 1.0 / factors[i] };
    rescale(graph, node, 1, |shape, at| factor(along(shape, axis, at)));
    if side == Side::Writes {
        rescale(graph, node, 2, |_, at| factor(at));
    }
}

/// Gives input `i` of a node a copy of its numbers, each multiplied by what `factor` says for its place.
fn rescale(graph: &mut Graph, node: usize, i: usize, factor: impl Fn(&[usize], usize) -> f32) {
    // Others may read the same numbers.
    let next = graph.free_value();
    let tensor = graph.nodes[node].input(i).and_then(|value| graph.constants.get(&value));
    let Some((shape, numbers)) = tensor.and_then(|t| Some((t.shape.clone(), t.floats()?))) else { return };
    let numbers = numbers.iter().enumerate().map(|(at, v)| v * factor(&shape, at)).collect();
    graph.constants.insert(next, Tensor { shape, data: Data::Float(numbers) });
    graph.nodes[node].inputs[i] = Some(next);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::DirectNetwork;
    use crate::graph::Attribute;
    use crate::graph::Declared;

    const SIDE: usize = 5;
    const WIDE: usize = 6;
    const NARROW: usize = 4;

    /// A block of a MobileFaceNet with what leads to and from it, one operator after the other.
    struct Net {
        graph: Graph,
        state: u64,
    }

    impl Net {
        fn number(&mut self) -> f32 {
            self.state =
                self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        }

        fn constant(&mut self, shape: &[usize]) -> ValueId {
            let value = self.graph.free_value();
            let data = (0..shape.iter().product()).map(|_| self.number()).collect();
            self.graph.constants.insert(value, Tensor { shape: shape.to_vec(), data: Data::Float(data) });
            value
        }

        fn node(&mut self, op: &str, inputs: &[ValueId], settings: &[(&str, i64)]) -> ValueId {
            let output = self.graph.free_value();
            let attributes =
                settings.iter().map(|(name, v)| ((*name).to_owned(), Attribute::Whole(*v))).collect();
            let inputs = inputs.iter().copied().map(Some).collect();
            self.graph.nodes.push(Node { op: op.to_owned(), attributes, inputs, outputs: vec![output] });
            output
        }

        fn conv(&mut self, input: ValueId, from: usize, to: usize) -> ValueId {
            let (weights, bias) = (self.constant(&[to, from, 1, 1]), self.constant(&[to]));
            self.node("Conv", &[input, weights, bias], &[])
        }

        fn depthwise(&mut self, input: ValueId, channels: usize) -> ValueId {
            let (weights, bias) = (self.constant(&[channels, 1, 3, 3]), self.constant(&[channels]));
            self.node("Conv", &[input, weights, bias], &[("group", channels as i64)])
        }

        fn prelu(&mut self, input: ValueId, channels: usize) -> ValueId {
            let slopes = self.constant(&[channels, 1, 1]);
            self.node("PRelu", &[input, slopes], &[])
        }

        /// The values: start, expanded, rectified, narrowed, sum, behind the depthwise convolution, embedding.
        fn new(seed: u64) -> (Self, [ValueId; 7]) {
            let declared =
                Declared { is_float: true, shape: Some(vec![None, Some(3), Some(SIDE), Some(SIDE)]) };
            let graph = Graph {
                opset: 13,
                nodes: Vec::new(),
                constants: HashMap::new(),
                grids: HashMap::new(),
                input_name: "x".to_owned(),
                input: 0,
                declared,
                outputs: Vec::new(),
            };
            let mut net = Self { graph, state: seed };
            let start = net.conv(0, 3, NARROW);
            let wide = net.conv(start, NARROW, WIDE);
            let rectified = net.prelu(wide, WIDE);
            let narrowed = net.conv(rectified, WIDE, NARROW);
            let sum = net.node("Add", &[narrowed, start], &[]);
            let last = net.depthwise(sum, NARROW);
            let mean = net.node("GlobalAveragePool", &[last], &[]);
            let flat = net.node("Flatten", &[mean], &[]);
            let (weights, bias) = (net.constant(&[NARROW, 7]), net.constant(&[7]));
            let embedding = net.node("Gemm", &[flat, weights, bias], &[]);
            net.graph.outputs = vec![("embedding".to_owned(), embedding)];
            (net, [start, wide, rectified, narrowed, sum, last, embedding])
        }

        /// The value `of` for a picture.
        fn run(&self, of: ValueId, shape: &[usize], picture: &[f32]) -> Vec<f32> {
            let mut graph = self.graph.clone();
            graph.outputs = vec![("found".to_owned(), of)];
            let network = DirectNetwork::load(&graph.write(&[shape.to_vec()]).unwrap()).unwrap();
            network.run(&[1, 3, SIDE, SIDE], picture, None).unwrap().remove(0).data
        }
    }

    fn picture() -> Vec<f32> {
        (0..3 * SIDE * SIDE).map(|i| ((i * 37) % 23) as f32 / 11.0 - 1.0).collect()
    }

    fn most(planes: &[f32], channels: usize) -> Vec<f32> {
        let each = planes.len() / channels;
        planes.chunks(each).map(|plane| plane.iter().fold(0.0f32, |a, v| a.max(v.abs()))).collect()
    }

    proptest! {
        #[test]
        fn answers_stay(seed: u64, magnitudes in prop::collection::vec(0.0f32..9.0, 3 * WIDE)) {
            let (mut net, [start, wide, _, _, sum, last, embedding]) = Net::new(seed);
            let before = net.run(embedding, &[1, 7], &picture());
            let seen = HashMap::from([
                (start, magnitudes[..NARROW].to_vec()),
                (sum, magnitudes[NARROW..2 * NARROW].to_vec()),
                (wide, magnitudes[2 * NARROW..2 * NARROW + WIDE].to_vec()),
                (last, magnitudes[..NARROW].to_vec()),
            ]);
            prop_assert_eq!(equalize(&mut net.graph, &seen), 3);
            let after = net.run(embedding, &[1, 7], &picture());
            for (a, b) in before.iter().zip(&after) {
                prop_assert!((a - b).abs() < 1e-4 * (1.0 + a.abs().max(b.abs())), "{before:?} {after:?}");
            }
        }
    }

    #[test]
    fn channels_share_the_grid() {
        let (mut net, [start, wide, rectified, narrowed, sum, last, _]) = Net::new(5);
        let shape = |channels| vec![1, channels, SIDE, SIDE];
        let at = |net: &Net, value, channels| most(&net.run(value, &shape(channels), &picture()), channels);
        let seen: Magnitudes = [(start, NARROW), (sum, NARROW), (wide, WIDE)]
            .into_iter()
            .map(|(value, channels)| (value, at(&net, value, channels)))
            .collect();
        let untouched = net.run(last, &[1, NARROW, SIDE - 2, SIDE - 2], &picture());
        assert_eq!(equalize(&mut net.graph, &seen), 2, "nothing was seen behind the depthwise convolution");
        let spread = |m: &[f32]| {
            let (low, high) = m.iter().fold((f32::INFINITY, 0.0f32), |(a, b), v| (a.min(*v), b.max(*v)));
            high / low
        };
        assert!(spread(&at(&net, wide, WIDE)) < spread(&seen[&wide]), "{seen:?}");
        // Both sides of a rectifier, and what a sum joins, have the same factors.
        let factors = |value, channels| {
            let (fresh, _) = Net::new(5);
            let (before, after) = (at(&fresh, value, channels), at(&net, value, channels));
            after.into_iter().zip(before).map(|(a, b)| a / b).collect::<Vec<_>>()
        };
        for (a, b, channels) in [(wide, rectified, WIDE), (start, narrowed, NARROW), (start, sum, NARROW)] {
            for (a, b) in factors(a, channels).into_iter().zip(factors(b, channels)) {
                assert!((a - b).abs() < 1e-4 * a, "{a} {b}");
            }
        }
        for (a, b) in net.run(last, &[1, NARROW, SIDE - 2, SIDE - 2], &picture()).iter().zip(untouched) {
            assert!((a - b).abs() < 1e-4 * (1.0 + a.abs()));
        }
    }

    #[test]
    fn depthwise_convolutions_let_channels_be_as_large_as_each_other() {
        let (mut net, _) = Net::new(9);
        net.graph.nodes.clear();
        let start = net.conv(0, 3, NARROW);
        let last = net.depthwise(start, NARROW);
        net.graph.outputs = vec![("last".to_owned(), last)];
        let shape = [1, NARROW, SIDE, SIDE];
        let seen = HashMap::from([(start, most(&net.run(start, &shape, &picture()), NARROW))]);
        assert_eq!(equalize(&mut net.graph, &seen), 1);
        let even = most(&net.run(start, &shape, &picture()), NARROW);
        assert!(even.iter().all(|m| (m - even[0]).abs() < 1e-4 * m), "{even:?}");
    }

    #[test]
    fn what_minds_its_scale_is_left_alone() {
        let (net, [_, wide, rectified, ..]) = Net::new(3);
        let seen = HashMap::from([(wide, vec![3.0; WIDE])]);
        let mut bent = net.graph.clone();
        let bend = bent.nodes.iter_mut().find(|n| n.outputs == [rectified]).unwrap();
        (bend.op, bend.inputs) = ("Sigmoid".to_owned(), vec![Some(wide)]);
        assert_eq!(equalize(&mut bent, &seen), 0);
        let mut read = net.graph.clone();
        read.outputs.push(("map".to_owned(), rectified));
        assert_eq!(equalize(&mut read, &seen), 0);
        assert_eq!(equalize(&mut net.graph.clone(), &HashMap::new()), 0);
    }
}
