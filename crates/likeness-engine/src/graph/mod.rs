//! An ONNX graph in memory: the bytes of a file enter, nodes over numbered values leave.
//!
//! The bytes must have passed `wire`, so that reading them ends. Other faults are found here or when the graph is planned.

mod grid;
mod head;
pub(crate) mod lift;
pub mod simplify;
mod write;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use rten_onnx::onnx::{AttributeProto, AttributeType, DataLocation, DataType, ModelProto, TensorProto};
use rten_onnx::onnx::{GraphProto, NodeProto};

use crate::{EngineError, Result, pages};
pub use grid::Grid;
pub use head::LinearLayer;

/// Tensors of at least this many bytes are not copied when the file is parsed.
const LARGE_BYTES: usize = 4096;

/// Number of a value within its graph.
pub type ValueId = usize;

/// The values of a constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// 32-bit floats.
    Float(Vec<f32>),
    /// The bits of 16-bit floats.
    Half(Vec<u16>),
    /// 64-bit integers.
    Whole(Vec<i64>),
    /// 32-bit integers.
    Int32(Vec<i32>),
    /// 8-bit signed integers.
    Signed(Vec<i8>),
    /// 8-bit unsigned integers.
    Unsigned(Vec<u8>),
    /// int8 weights, and the scale of each output channel.
    Scaled(Vec<i8>, Vec<f32>),
}

impl Data {
    /// The values, if they are integers of 8 or 32 bits.
    pub fn small(&self) -> Option<Vec<i64>> {
        Some(match self {
            Self::Int32(v) => v.iter().map(|v| i64::from(*v)).collect(),
            Self::Signed(v) => v.iter().map(|v| i64::from(*v)).collect(),
            Self::Unsigned(v) => v.iter().map(|v| i64::from(*v)).collect(),
            _ => return None,
        })
    }

    fn len(&self) -> usize {
        match self {
            Self::Float(v) => v.len(),
            Self::Half(v) => v.len(),
            Self::Whole(v) => v.len(),
            Self::Int32(v) => v.len(),
            Self::Signed(v) | Self::Scaled(v, _) => v.len(),
            Self::Unsigned(v) => v.len(),
        }
    }
}

/// A constant tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The dimensions.
    pub shape: Vec<usize>,
    /// The values, row-major.
    pub data: Data,
}

impl Tensor {
    /// The values, if they are 32-bit floats.
    pub fn floats(&self) -> Option<&[f32]> {
        match &self.data {
            Data::Float(v) => Some(v),
            _ => None,
        }
    }

    /// The values, if they are 64-bit integers.
    pub fn wholes(&self) -> Option<&[i64]> {
        match &self.data {
            Data::Whole(v) => Some(v),
            _ => None,
        }
    }
}

/// An attribute of a node.
#[derive(Debug, Clone)]
pub enum Attribute {
    /// A 32-bit float.
    Float(f32),
    /// A 64-bit integer.
    Whole(i64),
    /// A string.
    Text(String),
    /// 64-bit integers.
    Wholes(Vec<i64>),
    /// 32-bit floats.
    Floats(Vec<f32>),
    /// A tensor.
    Tensor(Tensor),
}

/// A node: an operator with its inputs and outputs.
#[derive(Debug, Clone)]
pub struct Node {
    /// The operator's name.
    pub op: String,
    /// The attributes, by name.
    pub attributes: HashMap<String, Attribute>,
    /// The inputs; `None` for an optional input that is left out.
    pub inputs: Vec<Option<ValueId>>,
    /// The outputs.
    pub outputs: Vec<ValueId>,
}

impl Node {
    /// Input `i`, if the node has it.
    pub fn input(&self, i: usize) -> Option<ValueId> {
        self.inputs.get(i).copied().flatten()
    }

    /// An integer attribute.
    pub fn whole(&self, name: &str, default: i64) -> i64 {
        match self.attributes.get(name) {
            Some(Attribute::Whole(v)) => *v,
            _ => default,
        }
    }

    /// A float attribute.
    pub fn float(&self, name: &str, default: f32) -> f32 {
        match self.attributes.get(name) {
            Some(Attribute::Float(v)) => *v,
            _ => default,
        }
    }

    /// An attribute that is a list of integers.
    pub fn wholes(&self, name: &str) -> Option<&[i64]> {
        match self.attributes.get(name) {
            Some(Attribute::Wholes(v)) => Some(v),
            _ => None,
        }
    }

    /// A string attribute; empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        match self.attributes.get(name) {
            Some(Attribute::Text(v)) => v,
            _ => "",
        }
    }
}

/// The input that a graph declares.
#[derive(Debug, Clone)]
pub struct Declared {
    /// Whether the declared type is 32-bit floats, or no type is declared.
    pub is_float: bool,
    /// The dimensions; `None` for a free dimension, or if no shape is declared.
    pub shape: Option<Vec<Option<usize>>>,
}

/// A graph with one input.
#[derive(Debug, Clone)]
pub struct Graph {
    /// Version of the operator set.
    pub opset: i64,
    /// The nodes, in an order in which they can be computed.
    pub nodes: Vec<Node>,
    /// The constants.
    pub constants: HashMap<ValueId, Tensor>,
    /// Scale and zero point of the quantised values.
    pub grids: HashMap<ValueId, Grid>,
    /// The input's name.
    pub input_name: String,
    /// The value that is the input.
    pub input: ValueId,
    /// The input as the file declares it.
    pub declared: Declared,
    /// Name and value of each output.
    pub outputs: Vec<(String, ValueId)>,
}

impl Graph {
    /// Reads the graph of an ONNX file; `external` are the files of external data, by name.
    ///
    /// # Errors        a malformed graph, or one with several inputs → [`EngineError::BadGraph`]; an operator of another
    /// domain than ONNX's → [`EngineError::UnsupportedOperator`]
    pub fn read(bytes: &[u8], external: &[(String, Arc<[u8]>)]) -> Result<Self> {
        Self::read_with(bytes, external, |_| HashSet::new()).map(|(graph, _)| graph)
    }

    /// As [`Graph::read`], but weights that no operator is folded into are not copied: they make up most of the file, and
    /// packing reads them from it.
    ///
    /// # Errors        as [`Graph::read`]'s
    pub(crate) fn read_to_pack<'a>(
        bytes: &'a [u8],
        external: &'a [(String, Arc<[u8]>)],
    ) -> Result<(Self, Left<'a>)> {
        Self::read_with(bytes, external, weights_to_pack)
    }

    fn read_with<'a>(
        bytes: &'a [u8],
        external: &'a [(String, Arc<[u8]>)],
        leave: impl FnOnce(&GraphProto) -> HashSet<String>,
    ) -> Result<(Self, Left<'a>)> {
        let (few, places) = lift::lift(bytes, LARGE_BYTES).map_err(EngineError::graph)?;
        let model = ModelProto::parse_buf(&few).map_err(|e| EngineError::graph(e.to_string()))?;
        let opset = |m: &ModelProto| {
            let standard = |d: &Option<String>| d.as_deref().is_none_or(|d| d.is_empty() || d == "ai.onnx");
            m.opset_import.iter().find(|o| standard(&o.domain)).and_then(|o| o.version)
        };
        let opset =
            opset(&model).ok_or_else(|| EngineError::graph("it names no version of the operators"))?;
        let weights = Weights { file: bytes, places, external };
        let graph = model.graph.ok_or_else(|| EngineError::graph("it holds no graph"))?;
        let leave = leave(&graph);
        Reader::default().graph(graph, opset, &weights, &leave)
    }

    /// The first of the numbers that no value has.
    pub fn free_value(&self) -> ValueId {
        let named = self.nodes.iter().flat_map(|n| n.outputs.iter().chain(n.inputs.iter().flatten()));
        let named = named.chain(self.constants.keys()).chain(self.outputs.iter().map(|(_, v)| v));
        named.max().map_or(0, |v| v + 1).max(self.input + 1)
    }

    /// How often each value is read, by nodes or as an output.
    pub fn uses(&self) -> HashMap<ValueId, usize> {
        let mut uses = HashMap::new();
        let read = self.nodes.iter().flat_map(|n| n.inputs.iter().flatten());
        for value in read.chain(self.outputs.iter().map(|(_, v)| v)) {
            *uses.entry(*value).or_insert(0) += 1;
        }
        uses
    }
}

/// Tensors that were not copied.
pub(crate) type Left<'a> = HashMap<ValueId, Stored<'a>>;

/// A tensor of 32-bit floats in the bytes of its file.
#[derive(Debug, Clone)]
pub(crate) struct Stored<'a> {
    pub shape: Vec<usize>,
    /// As many numbers as the shape promises, the least significant byte first.
    pub bytes: &'a [u8],
}

impl Stored<'_> {
    /// Its numbers.
    pub(crate) fn numbers(&self) -> &[[u8; 4]] {
        self.bytes.as_chunks().0
    }
}

/// The tensor, if it is of 32-bit floats and as long as its shape says.
fn stored<'a>(proto: &TensorProto, bytes: &'a [u8]) -> Option<Stored<'a>> {
    let shape: Option<Vec<usize>> = proto.dims.iter().map(|&d| usize::try_from(d).ok()).collect();
    let shape = shape?;
    let length = shape.iter().try_fold(4usize, |n, &d| n.checked_mul(d))?;
    (proto.data_type == Some(DataType::FLOAT) && length == bytes.len()).then_some(Stored { shape, bytes })
}

/// Names of the weights that only convolutions and linear layers read; none if operators may be folded into them.
fn weights_to_pack(graph: &GraphProto) -> HashSet<String> {
    let op = |node: &NodeProto| node.op_type.clone().unwrap_or_default();
    let folds = |node: &NodeProto| op(node) == "BatchNormalization" || op(node).ends_with("QuantizeLinear");
    if graph.node.iter().any(folds) {
        return HashSet::new();
    }
    // Row-major, and multiplied by nothing else.
    let setting = |node: &NodeProto, name: &str| {
        let found = node.attribute.iter().find(|a| a.name.as_deref() == Some(name))?;
        found.f.or(found.i.map(|i| i as f32))
    };
    let is_layer = |node: &NodeProto| match op(node).as_str() {
        "Conv" => true,
        "Gemm" => setting(node, "transB") == Some(1.0) && setting(node, "alpha").is_none_or(|a| a == 1.0),
        _ => false,
    };
    let layers = graph.node.iter().filter(|node| is_layer(node));
    let mut weights: HashSet<String> = layers.filter_map(|node| node.input.get(1).cloned()).collect();
    for node in &graph.node {
        let others = node.input.iter().enumerate().filter(|(at, _)| *at != 1 || !is_layer(node));
        others.for_each(|(_, name)| drop(weights.take(name)));
    }
    graph.output.iter().filter_map(|output| output.name.as_ref()).for_each(|name| drop(weights.take(name)));
    weights
}

/// Numbers the values of a graph.
#[derive(Default)]
struct Reader {
    values: HashMap<String, ValueId>,
}

impl Reader {
    fn value(&mut self, name: &str) -> ValueId {
        let next = self.values.len();
        *self.values.entry(name.to_owned()).or_insert(next)
    }

    /// The graph, and those tensors by the names `leave` that can be left where they lie.
    fn graph<'a>(
        mut self,
        graph: GraphProto,
        opset: i64,
        weights: &Weights<'a>,
        leave: &HashSet<String>,
    ) -> Result<(Graph, Left<'a>)> {
        let bad = |reason: String| EngineError::graph(reason);
        let (mut constants, mut left) = (HashMap::new(), Left::new());
        for (i, mut proto) in graph.initializer.into_iter().enumerate() {
            let name = proto.name.take().unwrap_or_default();
            let value = self.value(&name);
            let raw = weights.outside(i, &proto).map_err(|e| bad(format!("weights {name}: {e}")))?;
            match raw.filter(|_| leave.contains(&name)).and_then(|raw| stored(&proto, raw)) {
                Some(stored) => drop(left.insert(value, stored)),
                None => {
                    let read = tensor(proto, raw).map_err(|e| bad(format!("weights {name}: {e}")))?;
                    constants.insert(value, read);
                }
            }
        }
        let inputs: Vec<_> = graph
            .input
            .into_iter()
            .map(|info| (self.value(info.name.as_deref().unwrap_or_default()), info))
            .filter(|(value, _)| !constants.contains_key(value) && !left.contains_key(value))
            .collect();
        let [(input, info)] =
            <[_; 1]>::try_from(inputs).map_err(|i| bad(format!("takes {} inputs", i.len())))?;
        let mut known: HashSet<_> = constants.keys().chain(left.keys()).copied().chain([input]).collect();
        let mut nodes = Vec::new();
        for proto in graph.node {
            let mut node = self.node(proto)?;
            if let Some(value) = node.inputs.iter().flatten().find(|v| !known.contains(v)) {
                return Err(bad(format!("operator {} reads value {value} before it is computed", node.op)));
            }
            if let Some(value) = node.outputs.iter().find(|v| !known.insert(**v)) {
                return Err(bad(format!("operator {} computes value {value} a second time", node.op)));
            }
            match (node.op.as_str(), node.attributes.remove("value")) {
                ("Constant", Some(Attribute::Tensor(t))) if node.outputs.len() == 1 => {
                    constants.insert(node.outputs[0], t);
                }
                _ => nodes.push(node),
            }
        }
        let outputs: Vec<_> = graph.output.into_iter().map(|o| o.name.unwrap_or_default()).collect();
        let outputs: Vec<_> = outputs.into_iter().map(|name| (name.clone(), self.value(&name))).collect();
        if let Some((name, _)) = outputs.iter().find(|(_, v)| !known.contains(v)) {
            return Err(bad(format!("output {name} is never computed")));
        }
        let tensor_type = info.r#type.and_then(|t| t.tensor_type);
        let dimension = |d: rten_onnx::onnx::Dimension| d.dim_value.and_then(|n| usize::try_from(n).ok());
        let declared = Declared {
            is_float: tensor_type.as_ref().and_then(|t| t.elem_type).is_none_or(|t| t == DataType::FLOAT),
            shape: tensor_type
                .and_then(|t| t.shape)
                .map(|s| s.dim.into_iter().map(|d| dimension(d).filter(|&n| n > 0)).collect()),
        };
        let input_name = info.name.unwrap_or_default();
        let grids = HashMap::new();
        Ok((Graph { opset, nodes, constants, grids, input_name, input, declared, outputs }, left))
    }

    fn node(&mut self, proto: NodeProto) -> Result<Node> {
        let op = proto.op_type.unwrap_or_default();
        if proto.domain.as_deref().is_some_and(|d| !d.is_empty() && d != "ai.onnx") {
            return Err(EngineError::operator(op, "is not one of ONNX's own"));
        }
        let mut attributes = HashMap::new();
        for mut a in proto.attribute {
            let name = a.name.take().unwrap_or_default();
            let value = attribute(a).map_err(|e| EngineError::operator(&op, format!("{name} {e}")))?;
            attributes.insert(name, value);
        }
        let inputs = proto.input.iter().map(|n| (!n.is_empty()).then(|| self.value(n))).collect();
        let outputs = proto.output.iter().filter(|n| !n.is_empty()).map(|n| self.value(n)).collect();
        Ok(Node { op, attributes, inputs, outputs })
    }
}

fn attribute(a: AttributeProto) -> Result<Attribute, String> {
    if a.g.is_some() {
        return Err("holds a graph of its own".into());
    }
    if let Some(t) = a.t {
        return Ok(Attribute::Tensor(tensor(t, None)?));
    }
    Ok(match (a.r#type, a.i, a.f, a.s) {
        (Some(AttributeType::INT), i, _, _) => Attribute::Whole(i.unwrap_or(0)),
        (Some(AttributeType::FLOAT), _, f, _) => Attribute::Float(f.unwrap_or(0.0)),
        (Some(AttributeType::STRING), _, _, s) => Attribute::Text(s.unwrap_or_default()),
        (Some(AttributeType::INTS), ..) => Attribute::Wholes(a.ints),
        (Some(AttributeType::FLOATS), ..) => Attribute::Floats(a.floats),
        _ => return Err("is of a kind that is not known".into()),
    })
}

/// Where the numbers of tensors lie that are not within the messages that were read.
struct Weights<'a> {
    file: &'a [u8],
    /// In the file, by the tensor's place.
    places: HashMap<usize, Range<usize>>,
    /// Files of their own, by name.
    external: &'a [(String, Arc<[u8]>)],
}

impl<'a> Weights<'a> {
    /// The numbers of initialiser `i`, if they lie elsewhere.
    ///
    /// # Errors        a file that is not there or ends before them, in words
    fn outside(&self, i: usize, proto: &TensorProto) -> Result<Option<&'a [u8]>, String> {
        if let Some(place) = self.places.get(&i) {
            return Ok(Some(&self.file[place.clone()]));
        }
        if proto.data_location != Some(DataLocation::EXTERNAL) {
            return Ok(None);
        }
        let value = |key: &str| {
            let entry = proto.external_data.iter().find(|e| e.key.as_deref() == Some(key));
            entry.and_then(|e| e.value.as_deref())
        };
        let number =
            |key| value(key).map(|v| v.parse::<usize>().map_err(|e| format!("{key} {v:?}: {e}"))).transpose();
        let name = value("location").unwrap_or_default();
        let known = self.external.iter().find(|(n, _)| n == name);
        let (_, content) = known.ok_or_else(|| format!("there is no file {name:?}"))?;
        let start = number("offset")?.unwrap_or(0);
        let end = number("length")?.map_or(Some(content.len()), |length| start.checked_add(length));
        let part = end.and_then(|end| content.get(start..end));
        part.map(Some).ok_or_else(|| format!("{name:?} ends before them"))
    }
}

/// A tensor whose numbers are `outside`, or within its message.
fn tensor(proto: TensorProto, outside: Option<&[u8]>) -> Result<Tensor, String> {
    if outside.is_none() && proto.data_location == Some(DataLocation::EXTERNAL) {
        return Err("lie in a file of their own".into());
    }
    let shape: Vec<usize> = proto
        .dims
        .iter()
        .map(|&d| usize::try_from(d))
        .collect::<Result<_, _>>()
        .map_err(|e| e.to_string())?;
    let length = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).ok_or("are too many")?;
    let within = proto.raw_data.map(std::cell::RefCell::into_inner).filter(|raw| !raw.is_empty());
    let raw = outside.or(within.as_deref());
    let data = match (proto.data_type, raw) {
        (Some(DataType::FLOAT), Some(raw)) => Data::Float(numbers(raw, f32::from_le_bytes)?),
        (Some(DataType::FLOAT), None) => Data::Float(proto.float_data),
        (Some(DataType::INT64), Some(raw)) => Data::Whole(numbers(raw, i64::from_le_bytes)?),
        (Some(DataType::INT64), None) => Data::Whole(proto.int64_data),
        (Some(DataType::INT32), Some(raw)) => Data::Int32(numbers(raw, i32::from_le_bytes)?),
        (Some(DataType::INT32), None) => Data::Int32(proto.int32_data),
        (Some(DataType::INT8), Some(raw)) => Data::Signed(numbers(raw, i8::from_le_bytes)?),
        (Some(DataType::INT8), None) => Data::Signed(proto.int32_data.iter().map(|v| *v as i8).collect()),
        (Some(DataType::UINT8), Some(raw)) => Data::Unsigned(raw.to_vec()),
        (Some(DataType::UINT8), None) => Data::Unsigned(proto.int32_data.iter().map(|v| *v as u8).collect()),
        (Some(DataType::FLOAT16), Some(raw)) => Data::Half(numbers(raw, u16::from_le_bytes)?),
        (Some(DataType::FLOAT16), None) => Data::Half(proto.int32_data.iter().map(|v| *v as u16).collect()),
        _ => return Err("are neither 16- or 32-bit floats nor whole numbers".into()),
    };
    let found = data.len();
    if found != length {
        return Err(format!("{shape:?} promises {length} numbers, {found} found"));
    }
    Ok(Tensor { shape, data })
}

fn numbers<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Result<Vec<T>, String> {
    match raw.as_chunks::<N>() {
        (chunks, []) => {
            let mut numbers = pages::with_capacity(chunks.len());
            numbers.extend(chunks.iter().map(|c| read(*c)));
            Ok(numbers)
        }
        _ => Err("end in the middle of a number".into()),
    }
}
