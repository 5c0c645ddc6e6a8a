//! A graph's weights as the kernels take them, packed once for inputs of every shape.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::kernel::conv::blocks_together;
use super::kernel::dots;
use super::kernel::lanes::{LANES, Lane};
use super::kernel::pack::{ConvShape, Packed, Packer};
use super::kernel::pack8::{Int8Weights, PackedInt8};
use crate::EngineError;
use crate::graph::{Data, Graph, Left, Node, Stored, Tensor, ValueId};

/// Most memory that packed weights may take.
const MAX_BYTES: usize = 4 << 30;

/// The packed weights of a graph's nodes, by the node's index.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    pub(crate) convs: HashMap<usize, Arc<Packed>>,
    /// Those that multiply bytes.
    pub(crate) int8_convs: HashMap<usize, Arc<PackedInt8>>,
    pub(crate) linears: HashMap<usize, Arc<Packed>>,
    bytes: usize,
}

impl Layers {
    /// Packs the weights of `graph`, in its constants or `left` in their file, and takes them out of its constants where
    /// nothing else reads them.
    ///
    /// # Errors        weights that are not known or do not fit their operator → [`EngineError::UnsupportedOperator`]
    pub(crate) fn pack(graph: &mut Graph, left: &Left<'_>) -> crate::Result<Self> {
        let mut layers = Self::default();
        let mut to_pack = Vec::new();
        for (i, node) in graph.nodes.iter().enumerate() {
            let weights = match node.op.as_str() {
                "Conv" => layers.conv(i, node, graph, left),
                "Gemm" | "MatMul" => layers.linear(node, &graph.constants, left).map(Some),
                _ => Ok(None),
            };
            let weights = weights.map_err(|reason| EngineError::operator(&node.op, reason))?;
            to_pack.extend(weights.map(|weights| (i, weights)));
        }
        for (i, packed) in pack_all(&to_pack)? {
            match graph.nodes[i].op.as_str() {
                "Conv" => drop(layers.convs.insert(i, Arc::new(packed))),
                _ => drop(layers.linears.insert(i, Arc::new(packed))),
            }
        }
        for (i, node) in graph.nodes.iter_mut().enumerate() {
            if layers.convs.contains_key(&i)
                || layers.int8_convs.contains_key(&i)
                || layers.linears.contains_key(&i)
            {
                node.inputs.truncate(1);
            }
        }
        let uses = graph.uses();
        graph.constants.retain(|value, _| uses.contains_key(value));
        Ok(layers)
    }

    fn charge(&mut self, lanes: Option<usize>) -> Result<(), String> {
        let bytes =
            lanes.and_then(|n| n.checked_mul(size_of::<Lane>())).and_then(|n| n.checked_add(self.bytes));
        self.bytes = bytes.filter(|&b| b <= MAX_BYTES).ok_or("its weights take too much memory")?;
        Ok(())
    }

    /// A convolution's weights, to be packed with the others; none where they are bytes and packed already.
    fn conv<'c>(
        &mut self,
        i: usize,
        node: &Node,
        graph: &'c Graph,
        left: &'c Left<'c>,
    ) -> Result<Option<LayerWeights<'c>>, String> {
        let constants = &graph.constants;
        let weights = Weights::of(node, constants, left)?;
        let extents = weights.shape();
        let groups = usize::try_from(node.whole("group", 1)).map_err(|e| e.to_string())?;
        let &[outputs, inputs_each, height, width] = extents else {
            return Err(format!("weights of {extents:?}, expected 4 dimensions"));
        };
        let bias = match constant(node, 2, constants)? {
            Some(bias) => bias.floats().ok_or("its bias is of whole numbers")?.to_vec(),
            None => vec![0.0; outputs],
        };
        if groups == 0 || extents.contains(&0) || outputs % groups != 0 || bias.len() != outputs {
            return Err(format!("weights of {extents:?} in {groups} groups"));
        }
        let inputs = inputs_each.checked_mul(groups).ok_or("too many channels")?;
        let shape = ConvShape { inputs, outputs, groups, kernel: [height, width] };
        let grid = node.input(0).and_then(|v| graph.grids.get(&v));
        if let (Some(Data::Scaled(values, scales)), Some(grid), true) =
            (weights.data(), grid, dots::are_fast() && PackedInt8::takes(&shape))
        {
            let lanes = inputs.div_ceil(LANES).checked_mul(LANES / 4 * height * width);
            self.charge(lanes.and_then(|n| n.checked_mul(outputs.div_ceil(LANES))))?;
            let weights = Int8Weights { values, scales };
            let packed = PackedInt8::new(shape, weights, &bias, *grid, blocks_together());
            self.int8_convs.insert(i, Arc::new(packed));
            return Ok(None);
        }
        let values = match &weights {
            Weights::Stored(stored) => Numbers::Stored(stored),
            Weights::Held(Tensor { data: Data::Float(values), .. }) => Numbers::Held(Cow::Borrowed(values)),
            Weights::Held(Tensor { data: Data::Scaled(values, scales), .. }) => {
                let each = values.len() / outputs;
                let real = |(at, v): (usize, &i8)| f32::from(*v) * scales[at / each];
                Numbers::Held(Cow::Owned(values.iter().enumerate().map(real).collect()))
            }
            _ => return Err("its weights are whole numbers".into()),
        };
        // Each output block reads at most its own groups, with up to fifteen channels too many on both sides.
        let spread = inputs_each.checked_mul(LANES.min(groups)).and_then(|n| n.checked_add(2 * LANES));
        let lanes = spread.and_then(|n| n.min(inputs + LANES).checked_mul(height * width));
        self.charge(lanes.and_then(|n| n.checked_mul(outputs.div_ceil(LANES) + 1)))?;
        Ok(Some(LayerWeights { shape, values, bias, together: blocks_together() }))
    }

    /// A linear layer's weights, to be packed as those of a convolution of one pixel.
    fn linear<'c>(
        &mut self,
        node: &Node,
        constants: &'c HashMap<ValueId, Tensor>,
        left: &'c Left<'c>,
    ) -> Result<LayerWeights<'c>, String> {
        let weights = Weights::of(node, constants, left)?;
        let extents = weights.shape();
        let expected = || format!("weights of {extents:?}, expected real numbers in 2 dimensions");
        let &[rows, columns] = extents else { return Err(expected()) };
        if extents.contains(&0) {
            return Err(expected());
        }
        if node.whole("transA", 0) != 0 {
            return Err("a transposed input is not supported".into());
        }
        let transposed = node.whole("transB", 0) != 0;
        let (inputs, outputs) = if transposed { (columns, rows) } else { (rows, columns) };
        let (alpha, beta) = (node.float("alpha", 1.0), node.float("beta", 1.0));
        let bias = match constant(node, 2, constants)?.map(Tensor::floats) {
            None => vec![0.0; outputs],
            Some(Some([b])) => vec![b * beta; outputs],
            Some(Some(b)) if b.len() == outputs => b.iter().map(|b| b * beta).collect(),
            Some(_) => return Err("its bias does not fit".into()),
        };
        self.charge(outputs.div_ceil(LANES).checked_mul(inputs))?;
        let values = match &weights {
            Weights::Stored(stored) => Numbers::Stored(stored),
            Weights::Held(Tensor { data: Data::Float(values), .. }) if transposed && alpha == 1.0 => {
                Numbers::Held(Cow::Borrowed(values))
            }
            Weights::Held(Tensor { data: Data::Float(values), .. }) => {
                let weight = |o: usize, i: usize| match transposed {
                    true => values[o * inputs + i],
                    false => values[i * outputs + o],
                };
                let in_rows = (0..outputs).flat_map(|o| (0..inputs).map(move |i| alpha * weight(o, i)));
                Numbers::Held(Cow::Owned(in_rows.collect()))
            }
            _ => return Err(expected()),
        };
        let shape = ConvShape { inputs, outputs, groups: 1, kernel: [1, 1] };
        Ok(LayerWeights { shape, values, bias, together: 1 })
    }
}

/// A layer's weights as the graph has them.
enum Weights<'c> {
    Held(&'c Tensor),
    Stored(&'c Stored<'c>),
}

impl<'c> Weights<'c> {
    /// Input 1 of a node.
    ///
    /// # Errors        it is missing or no constant, in words
    fn of(node: &Node, constants: &'c HashMap<ValueId, Tensor>, left: &'c Left<'c>) -> Result<Self, String> {
        match node.input(1).and_then(|value| left.get(&value)) {
            Some(stored) => Ok(Self::Stored(stored)),
            None => Ok(Self::Held(constant(node, 1, constants)?.ok_or("its weights are missing")?)),
        }
    }

    fn shape(&self) -> &'c [usize] {
        match self {
            Self::Held(tensor) => &tensor.shape,
            Self::Stored(stored) => &stored.shape,
        }
    }

    /// Its numbers, unless they lie in the file.
    fn data(&self) -> Option<&'c Data> {
        match self {
            Self::Held(tensor) => Some(&tensor.data),
            Self::Stored(_) => None,
        }
    }
}

/// A layer's weights that have been checked and are to be packed.
struct LayerWeights<'c> {
    shape: ConvShape,
    values: Numbers<'c>,
    bias: Vec<f32>,
    /// Output blocks that are summed at once.
    together: usize,
}

/// A layer's weights, row-major.
enum Numbers<'c> {
    Held(Cow<'c, [f32]>),
    Stored(&'c Stored<'c>),
}

/// Packs them on all cores: a hundred megabytes take longer than everything else that comes before a first answer.
///
/// # Errors        a panic of a worker → [`EngineError::Internal`]
fn pack_all(layers: &[(usize, LayerWeights<'_>)]) -> crate::Result<Vec<(usize, Packed)>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut packer = Packer::default();
        while let Some((i, layer)) = layers.get(next.fetch_add(1, Ordering::Relaxed)) {
            let LayerWeights { shape, values, bias, together } = layer;
            match values {
                Numbers::Held(values) => packer.pack(*i, *shape, (values, bias), *together),
                Numbers::Stored(stored) => packer.pack(*i, *shape, (stored.numbers(), bias), *together),
            }
        }
        packer.finish()
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores.min(layers.len())).map(|_| scope.spawn(worker)).collect();
        let parts: Result<Vec<_>, _> = workers.into_iter().map(|w| w.join()).collect();
        let failed = |_| EngineError::Internal { reason: "its weights could not be packed".into() };
        Ok(parts.map_err(failed)?.into_iter().flatten().collect())
    })
}

/// Input `i` of a node, if it has one.
///
/// # Errors        it is no constant
fn constant<'c>(
    node: &Node,
    i: usize,
    constants: &'c HashMap<ValueId, Tensor>,
) -> Result<Option<&'c Tensor>, String> {
    match node.input(i) {
        None => Ok(None),
        Some(value) => match constants.get(&value) {
            Some(tensor) => Ok(Some(tensor)),
            None => Err(format!("input {i} is no constant")),
        },
    }
}
