//! Operators that move numbers without changing them, and those that tell about shapes.

use super::pointwise::axis_of;
use super::{Held, Lowering, count};
use crate::direct::kernel::plain::{copy, strides};
use crate::direct::plan::{MakePlain, Operand};
use crate::graph::{Data, Node, Tensor};

/// Elements of a tensor in another order: a shape, the distance of neighbours along each axis, the first one's place.
struct Reading {
    shape: Vec<usize>,
    strides: Vec<isize>,
    start: usize,
}

impl Lowering<'_> {
    pub(super) fn shape_of(&mut self, node: &Node) -> Result<(), String> {
        if node.attributes.contains_key("start") || node.attributes.contains_key("end") {
            return Err("a part of a shape is not supported".into());
        }
        let shape: Vec<i64> = self.shape(&self.input(node, 0)?).iter().map(|&d| d as i64).collect();
        self.know(node, vec![shape.len()], Data::Whole(shape))
    }

    pub(super) fn cast(&mut self, node: &Node) -> Result<(), String> {
        let held = self.input(node, 0)?;
        let (float, whole) = (node.whole("to", 0) == 1, matches!(node.whole("to", 0), 6 | 7));
        match (&held, float, whole) {
            (Held::Known(t), false, true) if t.wholes().is_some() => self.set(node, held.clone()),
            (Held::Known(t), true, false) => match &t.data {
                Data::Float(_) => self.set(node, held.clone()),
                Data::Whole(v) => {
                    let values = v.iter().map(|&v| v as f32).collect();
                    self.know(node, t.shape.clone(), Data::Float(values))
                }
                _ => Err("of 8- or 16-bit numbers is not supported".into()),
            },
            (Held::Known(t), false, true) => {
                let values = t.floats().unwrap_or_default().iter().map(|&v| v as i64).collect();
                self.know(node, t.shape.clone(), Data::Whole(values))
            }
            (_, true, false) => self.set(node, held),
            _ => Err(format!("to type {} is not supported", node.whole("to", 0))),
        }
    }

    pub(super) fn gather(&mut self, node: &Node) -> Result<(), String> {
        let (held, indices) = (self.input(node, 0)?, self.known(node, 1)?.ok_or("its indices are missing")?);
        let shape = self.shape(&held);
        let axis = axis_of(node.whole("axis", 0), shape.len())?;
        let own = strides(&shape);
        let places = indices.wholes().ok_or("its indices are no whole numbers")?;
        match (held, places, indices.shape.len()) {
            (held, &[index], rank @ (0 | 1)) => {
                let index = axis_of(index, shape[axis])?;
                let mut reading = Reading {
                    shape: shape.clone(),
                    strides: own.iter().map(|&s| s as isize).collect(),
                    start: index * own[axis],
                };
                reading.shape[axis] = 1;
                if rank == 0 {
                    reading.shape.remove(axis);
                    reading.strides.remove(axis);
                }
                self.read(node, held, reading)
            }
            (Held::Known(t), places, 1) if shape.len() == 1 => {
                let values = t.wholes().ok_or("several indices are supported for shapes alone")?;
                let picked: Result<Vec<i64>, String> =
                    places.iter().map(|&i| axis_of(i, values.len()).map(|i| values[i])).collect();
                self.know(node, vec![places.len()], Data::Whole(picked?))
            }
            _ => Err("several indices are supported for shapes alone".into()),
        }
    }

    /// The elements of `held` that a reading names.
    fn read(&mut self, node: &Node, held: Held, reading: Reading) -> Result<(), String> {
        let made = self.reading(held, reading)?;
        self.set(node, made)
    }

    fn reading(&mut self, held: Held, reading: Reading) -> Result<Held, String> {
        let Reading { shape, strides, start } = reading;
        if let Held::Known(tensor) = &held {
            let n = count(&shape)?;
            let data = match &tensor.data {
                Data::Float(v) => {
                    let mut out = vec![0.0; n];
                    copy(v, &mut out, &shape, &strides, start);
                    Data::Float(out)
                }
                Data::Whole(v) => {
                    let mut out = vec![0; n];
                    copy(v, &mut out, &shape, &strides, start);
                    Data::Whole(out)
                }
                _ => return Err("8- or 16-bit numbers are not supported".into()),
            };
            return Ok(Held::Known(std::sync::Arc::new(Tensor { shape, data })));
        }
        let from = self.operand(held)?;
        let make = MakePlain::Copy { from, shape: shape.clone(), strides, start };
        self.make_plain(&shape, make)
    }

    /// Whether a value is feature maps whose channels may be listed.
    fn is_maps(&self, held: &Held) -> bool {
        matches!(held, Held::Image(_) | Held::View(..)) && self.shape(held).len() == 4
    }

    pub(super) fn concat(&mut self, node: &Node) -> Result<(), String> {
        let parts: Vec<Held> =
            (0..node.inputs.len()).map(|i| self.input(node, i)).collect::<Result<_, _>>()?;
        let first = self.shape(parts.first().ok_or("takes nothing")?);
        let axis = axis_of(node.whole("axis", 0), first.len())?;
        let mut shape = first.clone();
        shape[axis] = 0;
        for part in &parts {
            let of = self.shape(part);
            if of.len() != shape.len() || (0..of.len()).any(|i| i != axis && of[i] != first[i]) {
                return Err(format!("shapes {first:?} and {of:?} do not fit"));
            }
            shape[axis] = shape[axis].checked_add(of[axis]).ok_or("too large")?;
        }
        let wholes: Option<Vec<i64>> = parts
            .iter()
            .map(|p| match p {
                Held::Known(t) => t.wholes().map(<[i64]>::to_vec),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()
            .map(|p| p.concat());
        if let (Some(values), 1) = (wholes, shape.len()) {
            return self.know(node, shape, Data::Whole(values));
        }
        if axis == 1 && parts.iter().all(|p| self.is_maps(p)) {
            let channels: Result<Vec<_>, String> = parts.into_iter().map(|p| self.channels(p)).collect();
            return self.set(node, Held::View(shape, channels?.concat()));
        }
        let inner = count(&first[axis + 1..])?;
        let run = |part: Held, this: &mut Self| {
            let run = this.shape(&part)[axis] * inner;
            Ok::<_, String>((this.operand(part)?, run))
        };
        let runs = parts.into_iter().map(|p| run(p, self)).collect::<Result<Vec<(Operand, usize)>, _>>()?;
        let made = self.make_plain(&shape, MakePlain::Concat(runs))?;
        self.set(node, made)
    }

    pub(super) fn slice(&mut self, node: &Node) -> Result<(), String> {
        let held = self.input(node, 0)?;
        let shape = self.shape(&held);
        let part = |name: &str, i: usize| match node.wholes(name) {
            Some(values) => Ok(Some(values.to_vec())),
            None => self.known_wholes(node, i),
        };
        let starts = part("starts", 1)?.ok_or("its starts are missing")?;
        let ends = part("ends", 2)?.ok_or("its ends are missing")?;
        let axes = part("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = part("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || steps.iter().any(|&s| s != 1) {
            return Err("steps other than 1 are not supported".into());
        }
        let mut ranges: Vec<_> = shape.iter().map(|&d| 0..d).collect();
        for ((start, end), axis) in starts.iter().zip(&ends).zip(&axes) {
            let axis = axis_of(*axis, shape.len())?;
            let length = shape[axis] as i64;
            let place =
                |at: i64| (if at < 0 { at.saturating_add(length) } else { at }).clamp(0, length) as usize;
            ranges[axis] = place(*start)..place(*end).max(place(*start));
        }
        let made = self.part(held, &ranges)?;
        self.set(node, made)
    }

    /// A box of a tensor.
    fn part(&mut self, held: Held, ranges: &[std::ops::Range<usize>]) -> Result<Held, String> {
        let shape = self.shape(&held);
        let to: Vec<usize> = ranges.iter().map(std::ops::Range::len).collect();
        let only_channels = (0..shape.len()).all(|i| i == 1 || to[i] == shape[i]);
        if self.is_maps(&held) && only_channels && to[1] > 0 {
            let channels = self.channels(held)?[ranges[1].clone()].to_vec();
            return Ok(Held::View(to, channels));
        }
        let own = strides(&shape);
        let start = ranges.iter().zip(&own).map(|(r, s)| r.start * s).sum();
        self.reading(held, Reading { shape: to, strides: own.iter().map(|&s| s as isize).collect(), start })
    }

    pub(super) fn split(&mut self, node: &Node) -> Result<(), String> {
        let held = self.input(node, 0)?;
        let shape = self.shape(&held);
        let axis = axis_of(node.whole("axis", 0), shape.len())?;
        let sizes = match node.wholes("split") {
            Some(sizes) => Some(sizes.to_vec()),
            None => self.known_wholes(node, 1)?,
        };
        let parts = node.outputs.len().max(1);
        let even = || vec![shape[axis].div_ceil(parts) as i64; parts];
        let mut at = 0;
        for (size, output) in sizes.unwrap_or_else(even).iter().zip(&node.outputs) {
            let mut ranges: Vec<_> = shape.iter().map(|&d| 0..d).collect();
            let end = usize::try_from(*size).ok().and_then(|s| s.checked_add(at)).ok_or("its sizes")?;
            ranges[axis] = at..end.min(shape[axis]).max(at);
            at = ranges[axis].end;
            let made = self.part(held.clone(), &ranges)?;
            self.held.insert(*output, made);
        }
        Ok(())
    }

    pub(super) fn transpose(&mut self, node: &Node) -> Result<(), String> {
        let held = self.input(node, 0)?;
        let shape = self.shape(&held);
        let order: Vec<usize> = match node.wholes("perm") {
            None => (0..shape.len()).rev().collect(),
            Some(perm) => perm.iter().map(|&a| axis_of(a, shape.len())).collect::<Result<_, _>>()?,
        };
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if sorted != (0..shape.len()).collect::<Vec<_>>() {
            return Err(format!("perm {order:?} of {} dimensions", shape.len()));
        }
        let to: Vec<usize> = order.iter().map(|&a| shape[a]).collect();
        match (held, order.as_slice()) {
            (Held::View(_, channels), [0, 2, 1, 3, 4]) => {
                let (groups, each) = (shape[1], shape[2]);
                let shuffled = (0..groups * each).map(|i| channels[i % groups * each + i / groups]).collect();
                self.set(node, Held::View(to, shuffled))
            }
            (held, [0, 2, 3, 1]) if self.is_maps(&held) => {
                let id = self.image(held)?;
                let made = self.make_plain(&to, MakePlain::ToPixels(id))?;
                self.set(node, made)
            }
            (held, _) => {
                let own = strides(&shape);
                let strides = order.iter().map(|&a| own[a] as isize).collect();
                self.read(node, held, Reading { shape: to, strides, start: 0 })
            }
        }
    }

    pub(super) fn reshape(&mut self, node: &Node) -> Result<(), String> {
        let held = self.input(node, 0)?;
        let shape = self.shape(&held);
        let to = match node.op.as_str() {
            "Flatten" => {
                let axis = match node.whole("axis", 1) {
                    a if a == shape.len() as i64 => shape.len(),
                    a => axis_of(a, shape.len())?,
                };
                vec![count(&shape[..axis])?, count(&shape[axis..])?]
            }
            "Reshape" => {
                let wanted = self.known_wholes(node, 1)?.ok_or("its shape is missing")?;
                reshaped(&shape, &wanted, node.whole("allowzero", 0) != 0)?
            }
            squeeze => {
                let axes = match node.wholes("axes") {
                    Some(axes) => Some(axes.to_vec()),
                    None => self.known_wholes(node, 1)?,
                };
                squeezed(&shape, axes.as_deref(), squeeze == "Squeeze")?
            }
        };
        if count(&to)? != count(&shape)? {
            return Err(format!("{shape:?} to {to:?}"));
        }
        self.set_reshaped(node, held, to)
    }

    /// The same numbers in another shape.
    pub(super) fn set_reshaped(&mut self, node: &Node, held: Held, to: Vec<usize>) -> Result<(), String> {
        let shape = self.shape(&held);
        let same_planes = |maps: &[usize], grouped: &[usize]| {
            grouped[0] == maps[0] && grouped[3..] == maps[2..] && grouped[1] * grouped[2] == maps[1]
        };
        let shuffles = match (shape.len(), to.len()) {
            (4, 5) => same_planes(&shape, &to),
            (5, 4) => same_planes(&to, &shape),
            _ => shape == to,
        };
        match held {
            Held::Known(t) => self.know(node, to, t.data.clone()),
            Held::Image(_) | Held::View(..) if shuffles => {
                let channels = self.channels(held)?;
                self.set(node, Held::View(to, channels))
            }
            held => match self.operand(held)? {
                Operand::Computed(id, _) => self.set(node, Held::Plain(id, to)),
                Operand::Constant(..) => Err("no constant reaches here".into()),
            },
        }
    }
}

/// The shape that a wish with −1 and 0 comes to.
fn reshaped(shape: &[usize], wanted: &[i64], zero_is_zero: bool) -> Result<Vec<usize>, String> {
    let bad = || format!("{shape:?} to {wanted:?}");
    let mut to = Vec::with_capacity(wanted.len());
    for (i, &d) in wanted.iter().enumerate() {
        to.push(match d {
            -1 => 1,
            0 if !zero_is_zero => *shape.get(i).ok_or_else(bad)?,
            d => usize::try_from(d).map_err(|_| bad())?,
        });
    }
    if let Some(free) = wanted.iter().position(|&d| d == -1) {
        to[free] = count(shape)?.checked_div(count(&to)?).ok_or_else(bad)?;
    }
    Ok(to)
}

/// The shape without, or with, axes of length one.
fn squeezed(shape: &[usize], axes: Option<&[i64]>, removes: bool) -> Result<Vec<usize>, String> {
    let rank = shape.len() + if removes { 0 } else { axes.map_or(0, <[i64]>::len) };
    let places: Vec<usize> = match axes {
        Some(axes) => axes.iter().map(|&a| axis_of(a, rank)).collect::<Result<_, _>>()?,
        None => (0..shape.len()).filter(|&i| shape[i] == 1).collect(),
    };
    if removes {
        return Ok((0..shape.len()).filter(|i| !places.contains(i)).map(|i| shape[i]).collect());
    }
    let mut rest = shape.iter();
    let side = |i: usize| if places.contains(&i) { Some(1) } else { rest.next().copied() };
    (0..rank).map(side).collect::<Option<_>>().ok_or_else(|| format!("axes {axes:?} name one twice"))
}
