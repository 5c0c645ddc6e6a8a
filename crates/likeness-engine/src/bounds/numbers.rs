//! Arithmetic on small values that are known: what graphs compute sizes with.

use super::value::{Kind, MAX_KNOWN, Value};

/// What an operator with one input gives as elements of the type `to`, where it is arithmetic.
pub(super) fn unary(op: &str, input: &Value, to: Kind) -> Option<Vec<f64>> {
    let elements = input.elements.as_ref()?;
    let function: fn(f64) -> f64 = match op {
        "Identity" => return Some(elements.clone()),
        "Cast" | "CastLike" if to.is_whole() => f64::trunc,
        "Cast" | "CastLike" => |v| v,
        "Floor" => f64::floor,
        "Ceil" => f64::ceil,
        "Round" => f64::round_ties_even,
        "Neg" => |v| -v,
        "Abs" => f64::abs,
        "Sqrt" => f64::sqrt,
        "Not" => |v| f64::from(v == 0.0),
        _ => return None,
    };
    elements.iter().map(|v| to.element(function(*v))).collect()
}

/// What an operator with two inputs gives as elements of the type `to`, where it is arithmetic on values of the same length
/// or with a single element.
pub(super) fn binary(op: &str, a: &Value, b: &Value, to: Kind) -> Option<Vec<f64>> {
    let is_whole = a.kind.is_whole();
    let function = move |a: f64, b: f64| {
        Some(match op {
            "Add" => a + b,
            "Sub" => a - b,
            "Mul" => a * b,
            "Div" if is_whole => (a as i64).checked_div(b as i64)? as f64,
            "Div" => a / b,
            "Mod" if is_whole && a >= 0.0 && b > 0.0 => (a as i64).checked_rem(b as i64)? as f64,
            "Max" if !a.is_nan() && !b.is_nan() => a.max(b),
            "Min" if !a.is_nan() && !b.is_nan() => a.min(b),
            "Equal" => f64::from(a == b),
            "Greater" => f64::from(a > b),
            "GreaterOrEqual" => f64::from(a >= b),
            "Less" => f64::from(a < b),
            "LessOrEqual" => f64::from(a <= b),
            "And" => f64::from(a != 0.0 && b != 0.0),
            "Or" => f64::from(a != 0.0 || b != 0.0),
            _ => return None,
        })
    };
    if a.kind != b.kind {
        return None;
    }
    let is_exact = |v: &&Vec<f64>| v.iter().all(|&v| a.kind.element(v) == Some(v));
    let (a, b) = (a.elements.as_ref().filter(is_exact)?, b.elements.as_ref().filter(is_exact)?);
    pairs(a, b)?.map(|(a, b)| to.element(function(a, b)?)).collect()
}

/// Elements side by side; one alone stands for all.
fn pairs<'a>(a: &'a [f64], b: &'a [f64]) -> Option<impl Iterator<Item = (f64, f64)> + 'a> {
    let length = match (a.len(), b.len()) {
        (n, m) if n == m => n,
        (1, n) | (n, 1) => n,
        _ => return None,
    };
    let of = |v: &'a [f64]| move |i: usize| if v.len() == 1 { v[0] } else { v[i] };
    let (a, b) = (of(a), of(b));
    Some((0..length).map(move |i| (a(i), b(i))))
}

/// What `Where` gives.
pub(super) fn choose(condition: &Value, a: &Value, b: &Value) -> Option<Vec<f64>> {
    let (condition, a, b) = (condition.elements.as_ref()?, a.elements.as_ref()?, b.elements.as_ref()?);
    let length = condition.len().max(a.len()).max(b.len());
    let fits = |v: &[f64]| v.len() == length || v.len() == 1;
    if ![condition, a, b].iter().all(|v| fits(v)) {
        return None;
    }
    let at = |v: &[f64], i: usize| if v.len() == 1 { v[0] } else { v[i] };
    Some((0..length).map(|i| if at(condition, i) != 0.0 { at(a, i) } else { at(b, i) }).collect())
}

/// What a reduction of all whole numbers to one gives.
pub(super) fn reduce(op: &str, input: &Value) -> Option<f64> {
    let (elements, kind) = (input.elements.as_ref()?, input.kind);
    let function: fn(f64, f64) -> f64 = match op {
        "ReduceSum" => |a, b| a + b,
        "ReduceProd" => |a, b| a * b,
        "ReduceMax" => f64::max,
        "ReduceMin" => f64::min,
        _ => return None,
    };
    let (first, rest) = elements.split_first().filter(|_| kind.is_whole())?;
    rest.iter().try_fold(kind.element(*first)?, |so_far, v| kind.element(function(so_far, *v)))
}

/// The elements of `input` at `indices` of its first axis, where it is a list.
pub(super) fn gather(input: &Value, indices: &Value) -> Option<Vec<f64>> {
    let (elements, indices) = (input.elements.as_ref()?, indices.elements.as_ref()?);
    if input.shape.len() != 1 {
        return None;
    }
    let length = elements.len() as f64;
    let at = |i: &f64| elements.get((if *i < 0.0 { i + length } else { *i }) as usize).copied();
    indices.iter().map(at).collect()
}

/// `start`, `start + step`, …: `count` whole numbers, where these are few.
pub(super) fn range(start: f64, step: f64, count: u64, kind: Kind) -> Option<Vec<f64>> {
    let is_short = count <= MAX_KNOWN as u64 && kind.is_whole();
    is_short.then(|| (0..count).map(|i| kind.element(start + i as f64 * step)).collect())?
}
