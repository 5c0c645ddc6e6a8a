//! A value as far as it is known before a run: its shape, and its elements where sizes may depend on them.

use std::sync::Arc;

use rten_onnx::onnx::{DataLocation, DataType, TensorProto};

use super::Refusal;

/// Most elements of a value that are kept.
pub(super) const MAX_KNOWN: usize = 512;
/// Most dimensions of a value.
const MAX_RANK: usize = 16;
/// Longest side of a value.
const MAX_SIDE: u64 = 1 << 40;
/// Whole numbers from here on are not exact in 64-bit floats, and engines wrap around where these round.
const EXACT_WHOLE: f64 = (1u64 << 53) as f64;

/// The type of a value's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// 32-bit floats.
    Float,
    /// 64-bit floats.
    Double,
    /// 32-bit whole numbers.
    Int,
    /// 64-bit whole numbers.
    Long,
    /// Truth values.
    Bool,
    /// Any other; its elements are never computed with.
    Other,
}

impl Kind {
    pub(super) fn of(kind: DataType) -> Self {
        match kind {
            DataType::FLOAT => Self::Float,
            DataType::DOUBLE => Self::Double,
            DataType::INT32 => Self::Int,
            DataType::INT64 => Self::Long,
            DataType::BOOL => Self::Bool,
            _ => Self::Other,
        }
    }

    pub(super) fn is_whole(self) -> bool {
        matches!(self, Self::Int | Self::Long)
    }

    /// `value` as an element of this type; `None` where an engine would round or wrap around in another way.
    pub(super) fn element(self, value: f64) -> Option<f64> {
        match self {
            Self::Float => Some(f64::from(value as f32)),
            Self::Double => Some(value),
            Self::Int => (value.fract() == 0.0 && value.abs() < f64::from(i32::MAX)).then_some(value),
            Self::Long => (value.fract() == 0.0 && value.abs() < EXACT_WHOLE).then_some(value),
            Self::Bool => Some(f64::from(value != 0.0)),
            Self::Other => None,
        }
    }

    /// Bytes of an element, at most.
    fn bytes(self) -> u128 {
        match self {
            Self::Float | Self::Int | Self::Bool => 4,
            Self::Double | Self::Long | Self::Other => 8,
        }
    }
}

/// A value as far as it is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value {
    pub(super) shape: Vec<u64>,
    /// The elements of a small value, row-major.
    pub(super) elements: Option<Vec<f64>>,
    pub(super) kind: Kind,
    /// Whether the shape is the shape, and not an upper bound.
    pub(super) is_exact: bool,
    /// Whether it depends on no input.
    pub(super) is_constant: bool,
    /// Whether its memory has been counted as free.
    pub(super) is_released: bool,
}

impl Value {
    /// A value of `shape` whose elements are not known.
    pub(super) fn new(kind: Kind, shape: Vec<u64>) -> Self {
        Self { shape, elements: None, kind, is_exact: true, is_constant: false, is_released: false }
    }

    /// The same with `elements`, if these are known and few.
    pub(super) fn with(self, elements: Option<Vec<f64>>) -> Self {
        let fits = |found: &Vec<f64>| found.len() <= MAX_KNOWN && found.len() as u128 == self.count();
        Self { elements: elements.filter(fits), ..self }
    }

    /// The same with a shape that is an upper bound.
    pub(super) fn at_most(self) -> Self {
        Self { is_exact: false, ..self }
    }

    /// How many elements it has.
    pub(super) fn count(&self) -> u128 {
        volume(&self.shape)
    }

    /// The memory that it takes.
    pub(super) fn bytes(&self) -> u128 {
        self.count().saturating_mul(self.kind.bytes())
    }

    /// The elements as whole numbers.
    ///
    /// # Errors        they are not known before the run
    pub(super) fn wholes(&self, what: &str) -> Result<Vec<i64>, Refusal> {
        let elements =
            self.elements.as_ref().ok_or_else(|| unknown(format!("{what} depends on the picture")))?;
        // Casts saturate; NaN, which no shape holds, is refused.
        match elements.iter().any(|v| v.is_nan()) {
            true => Err(unknown(format!("{what} is not a number"))),
            false => Ok(elements.iter().map(|&v| v as i64).collect()),
        }
    }
}

pub(super) fn unknown(reason: impl Into<String>) -> Refusal {
    Refusal::Unknown(reason.into())
}

/// How many elements a shape has.
pub(super) fn volume(shape: &[u64]) -> u128 {
    shape.iter().fold(1, |n: u128, &d| n.saturating_mul(u128::from(d)))
}

/// `shape`, if no side is too long and there are not too many.
///
/// # Errors        it is not, in words
pub(super) fn sides(shape: Vec<u64>) -> Result<Vec<u64>, Refusal> {
    match shape.len() <= MAX_RANK && shape.iter().all(|&d| d <= MAX_SIDE) {
        true => Ok(shape),
        false if shape.len() > MAX_RANK => {
            Err(Refusal::Limit(format!("gives {} dimensions, expected at most {MAX_RANK}", shape.len())))
        }
        false => {
            Err(Refusal::Limit(format!("gives the shape {shape:?}, expected sides of at most {MAX_SIDE}")))
        }
    }
}

/// A side from a number that a graph computes or states.
///
/// # Errors        it is negative
pub(super) fn side(number: i64) -> Result<u64, Refusal> {
    u64::try_from(number).map_err(|_| unknown(format!("a side of {number}")))
}

/// The constant that `tensor` holds, with the files of weights `beside` the graph.
///
/// # Errors        sides that are none; in words
pub(super) fn constant(tensor: &TensorProto, external: &[(String, Arc<[u8]>)]) -> Result<Value, String> {
    let shape: Result<Vec<u64>, _> = tensor.dims.iter().map(|&d| u64::try_from(d)).collect();
    let name = tensor.name.as_deref().unwrap_or_default();
    let shape = shape.map_err(|_| format!("weights {name}: a negative side"))?;
    let count = volume(&shape);
    let elements = if count <= MAX_KNOWN as u128 { elements(tensor, external) } else { None };
    let kind = tensor.data_type.unwrap_or(DataType::FLOAT);
    Ok(Value { is_constant: true, ..Value::new(Kind::of(kind), shape).with(elements) })
}

/// Takes the elements out of a tensor with many: only its shape is read.
pub(super) fn leave_out_large(tensor: &mut TensorProto) {
    let bytes = tensor.raw_data.as_ref().map_or(0, |raw| raw.borrow().len());
    if bytes > MAX_KNOWN * 8 {
        tensor.raw_data = None;
    }
    if tensor.float_data.len() > MAX_KNOWN {
        tensor.float_data = Vec::new();
    }
}

/// The elements of a small tensor, where its type can be read.
fn elements(tensor: &TensorProto, external: &[(String, Arc<[u8]>)]) -> Option<Vec<f64>> {
    let within = tensor.raw_data.as_ref().map(|raw| raw.borrow().clone()).filter(|raw| !raw.is_empty());
    let raw = if tensor.data_location == Some(DataLocation::EXTERNAL) {
        Some(outside(tensor, external)?.to_vec())
    } else {
        within
    };
    let whole = |v: &i32| f64::from(*v);
    Some(match (tensor.data_type?, raw) {
        (DataType::FLOAT, Some(raw)) => each(&raw, |b| f64::from(f32::from_le_bytes(b)))?,
        (DataType::FLOAT, None) => tensor.float_data.iter().map(|v| f64::from(*v)).collect(),
        (DataType::DOUBLE, Some(raw)) => each(&raw, f64::from_le_bytes)?,
        (DataType::DOUBLE, None) => tensor.double_data.clone(),
        (DataType::INT64, Some(raw)) => each(&raw, |b| i64::from_le_bytes(b) as f64)?,
        (DataType::INT64, None) => tensor.int64_data.iter().map(|v| *v as f64).collect(),
        (DataType::INT32, Some(raw)) => each(&raw, |b| f64::from(i32::from_le_bytes(b)))?,
        (DataType::BOOL | DataType::UINT8, Some(raw)) => raw.iter().map(|b| f64::from(*b)).collect(),
        (DataType::INT8, Some(raw)) => raw.iter().map(|b| f64::from(*b as i8)).collect(),
        (DataType::INT32 | DataType::BOOL | DataType::UINT8 | DataType::INT8, None) => {
            tensor.int32_data.iter().map(whole).collect()
        }
        _ => return None,
    })
}

fn each<const N: usize>(raw: &[u8], read: impl Fn([u8; N]) -> f64) -> Option<Vec<f64>> {
    match raw.as_chunks::<N>() {
        (chunks, []) => Some(chunks.iter().map(|c| read(*c)).collect()),
        _ => None,
    }
}

/// The bytes of a tensor in a file of weights.
fn outside<'a>(tensor: &TensorProto, external: &'a [(String, Arc<[u8]>)]) -> Option<&'a [u8]> {
    let value = |key: &str| {
        let entry = tensor.external_data.iter().find(|e| e.key.as_deref() == Some(key));
        entry.and_then(|e| e.value.as_deref())
    };
    let (_, content) = external.iter().find(|(name, _)| Some(name.as_str()) == value("location"))?;
    let start: usize = value("offset").map_or(Some(0), |v| v.parse().ok())?;
    let end = match value("length") {
        Some(length) => start.checked_add(length.parse().ok()?)?,
        None => content.len(),
    };
    content.get(start..end)
}
