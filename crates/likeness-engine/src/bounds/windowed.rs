//! Operators with windows and matrix products: what they give, and how many multiply-adds they take.

use super::rules::{Done, Rule, broadcast};
use super::value::{Kind, Value, side, unknown, volume};
use super::{ELEMENT_WORK, Refusal};

/// A window that moves over one axis.
struct Window {
    length: i64,
    stride: i64,
    dilation: i64,
    before: i64,
    after: i64,
}

impl Window {
    /// The input that it covers.
    fn reach(&self) -> i64 {
        self.length.saturating_sub(1).saturating_mul(self.dilation).saturating_add(1)
    }
}

/// How the output's sides come about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Padding {
    Stated,
    /// As many steps as strides fit into the input.
    Same,
    None,
}

impl Rule<'_> {
    /// The windows over `axes` axes, of the lengths given where the node states none.
    fn windows(&self, lengths: Option<&[u64]>, axes: usize) -> Result<(Vec<Window>, Padding), Refusal> {
        let padding = match self.text("auto_pad") {
            None | Some("" | "NOTSET") => Padding::Stated,
            Some("VALID") => Padding::None,
            Some(_) => Padding::Same,
        };
        let stated = |name: &str, count: usize, otherwise: i64| {
            let list = self.wholes(name).filter(|l| !l.is_empty());
            let list = list.map_or(vec![otherwise; count], <[i64]>::to_vec);
            match list.len() == count {
                true => Ok(list),
                false => Err(unknown(format!("{name} has {} values, expected {count}", list.len()))),
            }
        };
        let lengths = match lengths {
            Some(lengths) => lengths.iter().map(|&n| i64::try_from(n).unwrap_or(i64::MAX)).collect(),
            None => stated("kernel_shape", axes, 0)?,
        };
        let (strides, dilations) = (stated("strides", axes, 1)?, stated("dilations", axes, 1)?);
        let pads = stated("pads", 2 * axes, 0)?;
        let window = |at: usize| Window {
            length: lengths.get(at).copied().unwrap_or(0),
            stride: strides[at],
            dilation: dilations[at],
            before: pads[at],
            after: pads[axes + at],
        };
        let windows: Vec<_> = (0..axes).map(window).collect();
        match windows.iter().all(|w| w.length >= 1 && w.stride >= 1 && w.dilation >= 1) {
            true => Ok((windows, padding)),
            false => Err(Refusal::Limit("kernel, strides and dilations must be at least 1".into())),
        }
    }

    /// The steps that the windows take over `sides`, and whether the number is certain.
    fn steps(
        &self,
        sides: &[u64],
        windows: &[Window],
        padding: Padding,
    ) -> Result<(Vec<u64>, bool), Refusal> {
        let mut is_exact = true;
        let is_ceil = self.whole("ceil_mode", 0) != 0;
        let mut step = |(&length, window): (&u64, &Window)| {
            let length = i64::try_from(length).unwrap_or(i64::MAX);
            if padding == Padding::Same {
                return side(length.saturating_add(window.stride - 1) / window.stride);
            }
            let (before, after) =
                if padding == Padding::None { (0, 0) } else { (window.before, window.after) };
            let padded = length.saturating_add(before).saturating_add(after);
            let room = padded.saturating_sub(window.reach());
            if room < 0 {
                return Err(unknown(format!("a window of {} over {padded}", window.reach())));
            }
            let rest = room % window.stride;
            is_exact &= !is_ceil || rest == 0;
            side((room / window.stride).saturating_add(1).saturating_add(i64::from(is_ceil && rest > 0)))
        };
        let steps = sides.iter().zip(windows).map(&mut step).collect::<Result<_, _>>()?;
        Ok((steps, is_exact))
    }

    pub(super) fn conv(&self) -> Result<Done, Refusal> {
        let input = self.input(0)?;
        let weights = self.input(if self.op() == "QLinearConv" { 3 } else { 1 })?;
        let ([batch, channels, sides @ ..], [filters, depth, kernel @ ..]) =
            (input.shape.as_slice(), weights.shape.as_slice())
        else {
            return Err(unknown("takes feature maps"));
        };
        let groups = u64::try_from(self.whole("group", 1)).unwrap_or(0);
        if sides.len() != kernel.len() || groups.saturating_mul(*depth) != *channels {
            let (a, b) = (&input.shape, &weights.shape);
            return Err(unknown(format!("feature maps {a:?} and weights {b:?} do not fit each other")));
        }
        let (windows, padding) = self.windows(Some(kernel), sides.len())?;
        let (steps, is_exact) = self.steps(sides, &windows, padding)?;
        let shape = [&[*batch, *filters][..], &steps].concat();
        let each = u128::from(*depth).saturating_mul(volume(kernel));
        self.product(shape, Kind::Float, each, is_exact)
    }

    pub(super) fn conv_transpose(&self) -> Result<Done, Refusal> {
        let (input, weights) = (self.input(0)?, self.input(1)?);
        let ([batch, _, sides @ ..], [_, depth, kernel @ ..]) =
            (input.shape.as_slice(), weights.shape.as_slice())
        else {
            return Err(unknown("takes feature maps"));
        };
        if sides.len() != kernel.len() {
            return Err(unknown("weights and feature maps have other numbers of sides"));
        }
        let groups = u64::try_from(self.whole("group", 1)).unwrap_or(0);
        let (windows, padding) = self.windows(Some(kernel), sides.len())?;
        let more = self.wholes("output_padding").unwrap_or_default();
        let steps: Vec<u64> = match self.wholes("output_shape").filter(|s| !s.is_empty()) {
            Some(shape) => {
                let last = shape.get(shape.len().saturating_sub(sides.len())..).unwrap_or_default();
                last.iter().map(|&n| side(n)).collect::<Result<_, _>>()?
            }
            None => {
                let step = |(at, (&length, w)): (usize, (&u64, &Window))| {
                    let length = i64::try_from(length).unwrap_or(i64::MAX);
                    let pads = if padding == Padding::Stated { w.before.saturating_add(w.after) } else { 0 };
                    let whole = length.saturating_sub(1).saturating_mul(w.stride).saturating_add(w.reach());
                    let more = more.get(at).copied().unwrap_or(0);
                    side(whole.saturating_add(more).saturating_sub(pads).max(0))
                };
                sides.iter().zip(&windows).enumerate().map(step).collect::<Result<_, _>>()?
            }
        };
        let filters = depth.saturating_mul(groups);
        let value = Value::new(Kind::Float, [&[*batch, filters][..], &steps].concat());
        // Each input element is spread over its window, which engines write down first.
        let spread = u128::from(filters).saturating_mul(volume(kernel));
        let scratch = spread.saturating_mul(volume(sides)).saturating_mul(4);
        let work = input.count().saturating_mul(u128::from(*depth)).saturating_mul(volume(kernel));
        let is_exact = padding == Padding::Stated;
        let value = if is_exact { value } else { value.at_most() };
        Ok(Done { work: work.saturating_add(value.count()), scratch, values: vec![value] })
    }

    pub(super) fn pool(&self) -> Result<Done, Refusal> {
        let input = self.input(0)?;
        let [batch, channels, sides @ ..] = input.shape.as_slice() else {
            return Err(unknown("takes feature maps"));
        };
        let (windows, padding) = self.windows(None, sides.len())?;
        let (steps, is_exact) = self.steps(sides, &windows, padding)?;
        let each = windows.iter().fold(1, |n: u128, w| n.saturating_mul(w.length as u128));
        let shape = [&[*batch, *channels][..], &steps].concat();
        let mut done = self.product(shape, input.kind, each, is_exact)?;
        // The second output of MaxPool: positions.
        if self.node.output.len() > 1 {
            done.values.push(Value::new(Kind::Long, done.values[0].shape.clone()));
        }
        Ok(done)
    }

    pub(super) fn global_pool(&self) -> Result<Done, Refusal> {
        let input = self.input(0)?;
        let shape = input.shape.iter().enumerate().map(|(at, &d)| if at < 2 { d } else { 1 }).collect();
        let value = Value::new(input.kind, shape);
        Ok(Done { work: input.count().saturating_mul(ELEMENT_WORK), scratch: 0, values: vec![value] })
    }

    pub(super) fn matmul(&self, a: &Value, b: &Value) -> Result<Done, Refusal> {
        let (Some(&depth), Some(&columns)) = (a.shape.last(), b.shape.last()) else {
            return Err(unknown("takes matrices"));
        };
        let (is_row, is_column) = (a.shape.len() == 1, b.shape.len() == 1);
        let rows = if is_row { 1 } else { a.shape[a.shape.len() - 2] };
        let (found, columns) = if is_column { (columns, 1) } else { (b.shape[b.shape.len() - 2], columns) };
        if depth != found || self.whole("transA", 0) + self.whole("transB", 0) != 0 {
            return Err(unknown(format!("matrices {:?} and {:?} do not fit each other", a.shape, b.shape)));
        }
        let outer = |shape: &[u64]| shape[..shape.len().saturating_sub(2)].to_vec();
        let mut shape = broadcast(&outer(&a.shape), &outer(&b.shape))?;
        shape.extend((!is_row).then_some(rows));
        shape.extend((!is_column).then_some(columns));
        self.product(shape, Kind::Float, u128::from(depth), true)
    }

    pub(super) fn gemm(&self, a: &Value, b: &Value) -> Result<Done, Refusal> {
        let (&[m, k], &[p, q]) = (a.shape.as_slice(), b.shape.as_slice()) else {
            return Err(unknown("takes matrices"));
        };
        let (m, k) = if self.whole("transA", 0) != 0 { (k, m) } else { (m, k) };
        let (p, q) = if self.whole("transB", 0) != 0 { (q, p) } else { (p, q) };
        match k == p {
            true => self.product(vec![m, q], Kind::Float, u128::from(k), true),
            false => Err(unknown(format!("matrices {:?} and {:?} do not fit each other", a.shape, b.shape))),
        }
    }

    pub(super) fn einsum(&self) -> Result<Done, Refusal> {
        let equation: String =
            self.text("equation").unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
        let (terms, output) = equation.split_once("->").ok_or_else(|| unknown("an equation without ->"))?;
        let terms: Vec<&str> = terms.split(',').collect();
        if equation.contains('.') || terms.len() != self.inputs.len() {
            return Err(unknown(format!("the equation {equation} is not read here")));
        }
        let mut sides = std::collections::HashMap::new();
        for (at, term) in terms.iter().enumerate() {
            let shape = &self.input(at)?.shape;
            if term.chars().count() != shape.len() {
                return Err(unknown(format!("{term} names other than {} sides", shape.len())));
            }
            for (letter, &length) in term.chars().zip(shape) {
                let known = sides.entry(letter).or_insert(length);
                *known = (*known).max(length);
            }
        }
        let side = |letter: char| sides.get(&letter).copied().ok_or_else(|| unknown("a side of no input"));
        let shape: Vec<u64> = output.chars().map(side).collect::<Result<_, _>>()?;
        let all = sides.values().fold(1, |n: u128, &d| n.saturating_mul(u128::from(d)));
        let value = Value::new(Kind::Float, shape);
        // Engines may broadcast the factors to all sides before they add up.
        Ok(Done {
            work: all.saturating_mul(ELEMENT_WORK),
            scratch: all.saturating_mul(4),
            values: vec![value],
        })
    }

    /// Sums of `each` products for every element of `shape`.
    fn product(&self, shape: Vec<u64>, kind: Kind, each: u128, is_exact: bool) -> Result<Done, Refusal> {
        let value = Value::new(kind, shape);
        let value = if is_exact { value } else { value.at_most() };
        let work = value.count().saturating_mul(each.saturating_add(ELEMENT_WORK));
        Ok(Done { work, scratch: 0, values: vec![value] })
    }
}
