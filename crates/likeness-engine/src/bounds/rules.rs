//! What each operator gives: its inputs' shapes enter, its outputs' shapes and what they cost leave.
//!
//! Shapes follow <https://onnx.ai/onnx/operators/>. An operator that is not here is refused.

use rten_onnx::onnx::{AttributeProto, DataType, NodeProto, TensorProto};

use super::value::{Kind, MAX_KNOWN, Value, side, sides, unknown, volume};
use super::{ELEMENT_WORK, Refusal, numbers};
use crate::EngineError;

/// Operators with graphs of their own.
const CONTROL_FLOW: [&str; 4] = ["If", "Loop", "Scan", "SequenceMap"];

/// Operators whose output has the shape of the first input.
const SAME_SHAPE: [&str; 79] = [
    "Abs",
    "Acos",
    "Acosh",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "BatchNormalization",
    "BitwiseNot",
    "Cast",
    "CastLike",
    "Ceil",
    "Celu",
    "Clip",
    "Cos",
    "Cosh",
    "CumSum",
    "DequantizeLinear",
    "Dropout",
    "DynamicQuantizeLinear",
    "Elu",
    "Erf",
    "Exp",
    "EyeLike",
    "FastGelu",
    "Floor",
    "Gelu",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Hardmax",
    "Identity",
    "InstanceNormalization",
    "IsInf",
    "IsNaN",
    "LayerNormalization",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "MeanVarianceNormalization",
    "Mish",
    "Neg",
    "Not",
    "PRelu",
    "QLinearLeakyRelu",
    "QLinearSigmoid",
    "QuantizeLinear",
    "QuickGelu",
    "RMSNormalization",
    "Reciprocal",
    "Relu",
    "ReverseSequence",
    "Round",
    "Scatter",
    "ScatterElements",
    "ScatterND",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "SimplifiedLayerNormalization",
    "Sin",
    "Sinh",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "Trilu",
    "RandomNormalLike",
    "RandomUniformLike",
    "Bernoulli",
    "LRN",
    "ImageScaler",
    "Affine",
];

/// Operators on two or more inputs, element by element.
const BROADCAST: [&str; 24] = [
    "Add",
    "And",
    "BitShift",
    "BitwiseAnd",
    "BitwiseOr",
    "BitwiseXor",
    "Div",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Max",
    "Mean",
    "Min",
    "Mod",
    "Mul",
    "Or",
    "Pow",
    "Sub",
    "Sum",
    "Where",
    "Xor",
    "BiasGelu",
];

/// Broadcasting operators that give truth values.
const COMPARISONS: [&str; 8] =
    ["And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Or", "Xor"];

/// Operators with rules of their own.
const OTHERS: [&str; 64] = [
    "ArgMax",
    "ArgMin",
    "AveragePool",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Conv",
    "ConvInteger",
    "ConvTranspose",
    "DepthToSpace",
    "Einsum",
    "Expand",
    "Flatten",
    "FusedConv",
    "Gather",
    "GatherElements",
    "GatherND",
    "Gemm",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "GridSample",
    "LpPool",
    "MatMul",
    "FusedMatMul",
    "MatMulInteger",
    "MaxPool",
    "NonMaxSuppression",
    "NonZero",
    "OneHot",
    "Pad",
    "QGemm",
    "QLinearAdd",
    "QLinearAveragePool",
    "QLinearConcat",
    "QLinearConv",
    "QLinearGlobalAveragePool",
    "QLinearMatMul",
    "QLinearMul",
    "Range",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "Reshape",
    "Resize",
    "Shape",
    "Size",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Tile",
    "TopK",
    "Transpose",
    "Unsqueeze",
    "Upsample",
    "Compress",
];

/// What an operator gives and costs.
pub(super) struct Done {
    pub(super) values: Vec<Value>,
    /// Multiply-adds.
    pub(super) work: u128,
    /// Memory beside the outputs while it runs.
    pub(super) scratch: u128,
}

impl From<Value> for Done {
    fn from(value: Value) -> Self {
        Self { work: value.count().saturating_mul(ELEMENT_WORK), scratch: 0, values: vec![value] }
    }
}

/// Whether the operator is one that may be run.
///
/// # Errors        it has a graph of its own, or is not known
pub(super) fn allowed(node: &NodeProto) -> crate::Result<()> {
    let op = node.op_type.as_deref().unwrap_or_default();
    if CONTROL_FLOW.contains(&op) || node.attribute.iter().any(|a| a.g.is_some()) {
        return Err(EngineError::operator(op, "control flow, with graphs of its own, is not run"));
    }
    let domain = node.domain.as_deref().unwrap_or_default();
    let is_known = SAME_SHAPE.contains(&op) || BROADCAST.contains(&op) || OTHERS.contains(&op);
    match is_known && ["", "ai.onnx", "com.microsoft"].contains(&domain) {
        true => Ok(()),
        false => Err(EngineError::operator(op, "not known, so that its size cannot be limited")),
    }
}

/// An operator with what is known of its inputs.
pub(super) struct Rule<'a> {
    pub(super) node: &'a NodeProto,
    pub(super) inputs: Vec<Option<&'a Value>>,
    pub(super) opset: i64,
}

impl<'a> Rule<'a> {
    /// What the operator gives.
    ///
    /// # Errors        sizes that do not fit or are not known, or beyond every limit
    pub(super) fn apply(&self) -> Result<Done, Refusal> {
        let mut done = self.computed()?;
        let given = || self.inputs.iter().flatten();
        let is_constant = given().all(|v| v.is_constant);
        let is_exact = given().all(|v| v.is_exact);
        for value in &mut done.values {
            value.shape = sides(std::mem::take(&mut value.shape))?;
            value.is_constant = is_constant;
            value.is_exact &= is_exact;
        }
        Ok(done)
    }

    fn computed(&self) -> Result<Done, Refusal> {
        let op = self.op();
        match op {
            _ if SAME_SHAPE.contains(&op) => self.same_shape(),
            _ if BROADCAST.contains(&op) => self.elementwise(&self.given()),
            "QLinearAdd" | "QLinearMul" => self.elementwise(&[self.input(0)?, self.input(3)?]),
            "Conv" | "ConvInteger" | "FusedConv" | "QLinearConv" => self.conv(),
            "ConvTranspose" => self.conv_transpose(),
            "MaxPool" | "AveragePool" | "LpPool" | "QLinearAveragePool" => self.pool(),
            "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" | "QLinearGlobalAveragePool" => {
                self.global_pool()
            }
            "MatMul" | "MatMulInteger" | "FusedMatMul" => self.matmul(self.input(0)?, self.input(1)?),
            "QLinearMatMul" => self.matmul(self.input(0)?, self.input(3)?),
            "Gemm" => self.gemm(self.input(0)?, self.input(1)?),
            "QGemm" => self.gemm(self.input(0)?, self.input(3)?),
            "Einsum" => self.einsum(),
            "Resize" | "Upsample" => self.resize(),
            "GridSample" => self.grid_sample(),
            "Constant" => self.constant().map(Done::from),
            "ConstantOfShape" => self.constant_of_shape().map(Done::from),
            "Range" => self.range().map(Done::from),
            "Shape" | "Size" => self.shape_of().map(Done::from),
            "ArgMax" | "ArgMin" => self.reduce().map(Done::from),
            _ if op.starts_with("Reduce") => self.reduce().map(Done::from),
            _ => self.movement(),
        }
    }

    pub(super) fn op(&self) -> &'a str {
        self.node.op_type.as_deref().unwrap_or_default()
    }

    fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        self.node.attribute.iter().find(|a| a.name.as_deref() == Some(name))
    }

    pub(super) fn whole(&self, name: &str, otherwise: i64) -> i64 {
        self.attribute(name).and_then(|a| a.i).unwrap_or(otherwise)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.attribute(name).and_then(|a| a.s.as_deref())
    }

    pub(super) fn wholes(&self, name: &str) -> Option<&'a [i64]> {
        self.attribute(name).map(|a| a.ints.as_slice())
    }

    pub(super) fn floats(&self, name: &str) -> Option<&'a [f32]> {
        self.attribute(name).map(|a| a.floats.as_slice())
    }

    fn tensor(&self, name: &str) -> Option<&'a TensorProto> {
        self.attribute(name).and_then(|a| a.t.as_ref())
    }

    /// Input `at`.
    pub(super) fn input(&self, at: usize) -> Result<&'a Value, Refusal> {
        self.optional(at).ok_or_else(|| unknown(format!("input {at} is missing")))
    }

    pub(super) fn optional(&self, at: usize) -> Option<&'a Value> {
        self.inputs.get(at).copied().flatten()
    }

    fn given(&self) -> Vec<&'a Value> {
        self.inputs.iter().copied().flatten().collect()
    }

    /// The list that is the attribute `name`, or input `at`.
    pub(super) fn list(&self, name: &str, at: usize) -> Result<Option<Vec<i64>>, Refusal> {
        match (self.wholes(name), self.optional(at)) {
            (Some(list), _) => Ok(Some(list.to_vec())),
            (None, Some(value)) => value.wholes(name).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The axis that `axis` names in a shape of `rank`, up to and with the last one where `is_end`.
    pub(super) fn axis(axis: i64, rank: usize, is_end: bool) -> Result<usize, Refusal> {
        let counted = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
        let most = rank + usize::from(is_end);
        usize::try_from(counted)
            .ok()
            .filter(|&axis| axis < most)
            .ok_or_else(|| unknown(format!("axis {axis} of {rank}")))
    }

    fn same_shape(&self) -> Result<Done, Refusal> {
        let (op, input) = (self.op(), self.input(0)?);
        let kind = match op {
            "Cast" => Kind::of(DataType(self.whole("to", 0) as i32)),
            "CastLike" => self.input(1)?.kind,
            "Not" | "IsInf" | "IsNaN" => Kind::Bool,
            "QuantizeLinear" | "DynamicQuantizeLinear" => Kind::Other,
            "DequantizeLinear" => Kind::Float,
            _ => input.kind,
        };
        let first = Value::new(kind, input.shape.clone());
        let mut values = vec![first.clone().at_most(); self.node.output.len().max(1)];
        values[0] = first.with(numbers::unary(op, input, kind));
        // A window over the channels.
        let window = if op == "LRN" { self.whole("size", 1).max(1) as u128 } else { 1 };
        Ok(Done {
            work: input.count().saturating_mul(ELEMENT_WORK).saturating_mul(window),
            scratch: 0,
            values,
        })
    }

    fn elementwise(&self, inputs: &[&Value]) -> Result<Done, Refusal> {
        let op = self.op();
        let shape = inputs.iter().try_fold(Vec::new(), |shape, v| broadcast(&shape, &v.shape))?;
        let kind = match inputs {
            _ if COMPARISONS.contains(&op) => Kind::Bool,
            [_, a, _] if op == "Where" => a.kind,
            [a, ..] => a.kind,
            [] => return Err(unknown("no input")),
        };
        let elements = match inputs {
            [condition, a, b] if op == "Where" => numbers::choose(condition, a, b),
            [a, b] => numbers::binary(op, a, b, kind),
            _ => None,
        };
        let value = Value::new(kind, shape).with(elements);
        let work = value.count().saturating_mul(ELEMENT_WORK).saturating_mul(inputs.len() as u128);
        Ok(Done { work, scratch: 0, values: vec![value] })
    }

    fn constant(&self) -> Result<Value, Refusal> {
        if let Some(tensor) = self.tensor("value") {
            return super::value::constant(tensor, &[]).map_err(Refusal::Limit);
        }
        if let Some(list) = self.wholes("value_ints") {
            let elements = list.iter().map(|&v| v as f64).collect();
            return Ok(Value::new(Kind::Long, vec![list.len() as u64]).with(Some(elements)));
        }
        if let Some(list) = self.floats("value_floats") {
            let elements = list.iter().map(|&v| f64::from(v)).collect();
            return Ok(Value::new(Kind::Float, vec![list.len() as u64]).with(Some(elements)));
        }
        let single = self.attribute("value_int").and_then(|a| a.i).map(|v| (Kind::Long, v as f64));
        let single =
            single.or(self.attribute("value_float").and_then(|a| a.f).map(|v| (Kind::Float, f64::from(v))));
        let (kind, element) =
            single.ok_or_else(|| Refusal::Limit("holds a value of no known kind".into()))?;
        Ok(Value::new(kind, Vec::new()).with(Some(vec![element])))
    }

    fn constant_of_shape(&self) -> Result<Value, Refusal> {
        let shape =
            self.input(0)?.wholes("the shape")?.into_iter().map(side).collect::<Result<Vec<_>, _>>()?;
        let filling = match self.tensor("value") {
            Some(tensor) => super::value::constant(tensor, &[]).map_err(Refusal::Limit)?,
            None => Value::new(Kind::Float, vec![1]).with(Some(vec![0.0])),
        };
        let count = volume(&shape);
        let element = filling.elements.as_ref().and_then(|e| e.first().copied());
        let elements = element.filter(|_| count <= MAX_KNOWN as u128).map(|v| vec![v; count as usize]);
        Ok(Value::new(filling.kind, shape).with(elements))
    }

    fn range(&self) -> Result<Value, Refusal> {
        let number = |at: usize| {
            let value = self.input(at)?;
            let found = value.elements.as_ref().and_then(|e| e.first().copied());
            found.ok_or_else(|| unknown("the range depends on the picture"))
        };
        let (start, limit, step) = (number(0)?, number(1)?, number(2)?);
        let count = ((limit - start) / step).ceil();
        if count.is_nan() {
            return Err(unknown("the range has no length"));
        }
        // A cast saturates, and a saturated side is refused.
        let (count, kind) = (count.max(0.0) as u64, self.input(0)?.kind);
        let value = Value::new(kind, vec![count]).with(numbers::range(start, step, count, kind));
        Ok(if kind.is_whole() { value } else { value.at_most() })
    }

    fn shape_of(&self) -> Result<Value, Refusal> {
        let input = self.input(0)?;
        if self.op() == "Size" {
            let count = Some(vec![input.count() as f64]).filter(|_| input.is_exact);
            return Ok(Value::new(Kind::Long, Vec::new()).with(count));
        }
        let rank = input.shape.len() as i64;
        let end = |v: i64| (if v < 0 { v.saturating_add(rank) } else { v }).clamp(0, rank) as usize;
        let (start, stop) = (end(self.whole("start", 0)), end(self.whole("end", rank)));
        let part = input.shape.get(start..stop).unwrap_or_default();
        let elements = input.is_exact.then(|| part.iter().map(|&d| d as f64).collect());
        Ok(Value::new(Kind::Long, vec![part.len() as u64]).with(elements))
    }

    fn reduce(&self) -> Result<Value, Refusal> {
        let (op, input) = (self.op(), self.input(0)?);
        let rank = input.shape.len();
        let is_position = op.starts_with("Arg");
        let axes = match is_position {
            true => Some(vec![self.whole("axis", 0)]),
            false => self.list("axes", 1)?,
        };
        let axes = axes.unwrap_or_default();
        if axes.is_empty() && self.whole("noop_with_empty_axes", 0) != 0 {
            return Ok(Value::new(input.kind, input.shape.clone()));
        }
        let axes: Vec<usize> = match axes.is_empty() {
            true => (0..rank).collect(),
            false => axes.into_iter().map(|a| Self::axis(a, rank, false)).collect::<Result<_, _>>()?,
        };
        let keeps = self.whole("keepdims", 1) != 0;
        let sides = input.shape.iter().enumerate();
        let shape: Vec<u64> = match keeps {
            true => sides.map(|(at, &d)| if axes.contains(&at) { 1 } else { d }).collect(),
            false => sides.filter(|(at, _)| !axes.contains(at)).map(|(_, &d)| d).collect(),
        };
        let kind = if is_position { Kind::Long } else { input.kind };
        let single = (volume(&shape) == 1).then(|| numbers::reduce(op, input)).flatten();
        Ok(Value::new(kind, shape).with(single.map(|v| vec![v])))
    }
}

/// The shape that two shapes have together.
///
/// # Errors        sides that are neither the same nor 1
pub(super) fn broadcast(a: &[u64], b: &[u64]) -> Result<Vec<u64>, Refusal> {
    let rank = a.len().max(b.len());
    let side = |shape: &[u64], at: usize| (at + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
    (0..rank)
        .map(|at| match (side(a, at), side(b, at)) {
            (m, n) if m == n => Ok(m),
            (1, n) => Ok(n),
            (m, 1) => Ok(m),
            _ => Err(unknown(format!("shapes {a:?} and {b:?} do not fit each other"))),
        })
        .collect()
}
