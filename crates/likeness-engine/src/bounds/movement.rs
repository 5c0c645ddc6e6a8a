//! Operators that move, repeat or leave out elements.

use super::rules::{Done, Rule, broadcast};
use super::value::{Kind, Value, side, unknown, volume};
use super::{ELEMENT_WORK, Refusal, numbers};

impl Rule<'_> {
    pub(super) fn movement(&self) -> Result<Done, Refusal> {
        match self.op() {
            "Concat" | "QLinearConcat" => self.concat().map(Done::from),
            "Split" => self.split(),
            "Slice" => self.slice().map(Done::from),
            "Squeeze" => self.squeeze().map(Done::from),
            "Unsqueeze" => self.unsqueeze().map(Done::from),
            "Reshape" => self.reshape().map(Done::from),
            "Flatten" => self.flatten().map(Done::from),
            "Transpose" => self.transpose().map(Done::from),
            "Expand" => self.expand().map(Done::from),
            "Tile" => self.tile().map(Done::from),
            "Pad" => self.pad().map(Done::from),
            "Gather" => self.gather().map(Done::from),
            "GatherElements" => Ok(Value::new(self.input(0)?.kind, self.input(1)?.shape.clone()).into()),
            "GatherND" => self.gather_nd().map(Done::from),
            "DepthToSpace" | "SpaceToDepth" => self.blocks().map(Done::from),
            "NonZero" => {
                let input = self.input(0)?;
                let most = u64::try_from(input.count()).unwrap_or(u64::MAX);
                Ok(Value::new(Kind::Long, vec![input.shape.len() as u64, most]).at_most().into())
            }
            "Compress" => self.compress().map(Done::from),
            "NonMaxSuppression" => self.suppression().map(Done::from),
            "TopK" => self.top(),
            "OneHot" => self.one_hot().map(Done::from),
            op => Err(Refusal::Limit(format!("{op} has no rule"))),
        }
    }

    fn concat(&self) -> Result<Value, Refusal> {
        let parts: Vec<&Value> = match self.op() {
            // Scale and zero point of the output, then each input with its own.
            "QLinearConcat" => self.inputs.iter().skip(2).step_by(3).copied().flatten().collect(),
            _ => self.inputs.iter().copied().flatten().collect(),
        };
        let first = parts.first().ok_or_else(|| unknown("no input"))?;
        let axis = Self::axis(self.whole("axis", 1), first.shape.len(), false)?;
        let mut shape = first.shape.clone();
        for part in &parts[1..] {
            let fits = part.shape.len() == shape.len()
                && (0..shape.len()).all(|at| at == axis || part.shape[at] == shape[at]);
            if !fits {
                return Err(unknown(format!("shapes {shape:?} and {:?} do not fit each other", part.shape)));
            }
            shape[axis] = shape[axis].saturating_add(part.shape[axis]);
        }
        let elements = (shape.len() == 1)
            .then(|| parts.iter().map(|p| p.elements.clone()).collect::<Option<Vec<_>>>())
            .flatten();
        Ok(Value::new(first.kind, shape).with(elements.map(|e| e.concat())))
    }

    fn split(&self) -> Result<Done, Refusal> {
        let (input, count) = (self.input(0)?, self.node.output.len().max(1));
        let axis = Self::axis(self.whole("axis", 0), input.shape.len(), false)?;
        let even = input.shape[axis].div_ceil(count as u64);
        let lengths: Vec<u64> = match self.list("split", 1)? {
            Some(lengths) => lengths.into_iter().map(side).collect::<Result<_, _>>()?,
            None => (0..count as u64)
                .map(|at| even.min(input.shape[axis].saturating_sub(at.saturating_mul(even))))
                .collect(),
        };
        let total = lengths.iter().fold(0, |n: u64, &d| n.saturating_add(d));
        if total != input.shape[axis] || lengths.len() != count {
            return Err(unknown(format!("parts {lengths:?} of {}", input.shape[axis])));
        }
        let part = |length: u64| {
            let mut shape = input.shape.clone();
            shape[axis] = length;
            Value::new(input.kind, shape)
        };
        let values = lengths.into_iter().map(part).collect();
        Ok(Done { values, work: input.count().saturating_mul(ELEMENT_WORK), scratch: 0 })
    }

    fn slice(&self) -> Result<Value, Refusal> {
        let input = self.input(0)?;
        let known = |name, at| self.list(name, at);
        let lists = (known("starts", 1), known("ends", 2), known("axes", 3), known("steps", 4));
        let (Ok(starts), Ok(ends), Ok(axes), Ok(steps), true) =
            (lists.0, lists.1, lists.2, lists.3, input.is_exact)
        else {
            // A part is never larger than the whole.
            return Ok(Value::new(input.kind, input.shape.clone()).at_most());
        };
        let (starts, ends) = (starts.unwrap_or_default(), ends.unwrap_or_default());
        let axes = axes.unwrap_or((0..starts.len() as i64).collect());
        let steps = steps.unwrap_or(vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
            return Err(unknown("starts, ends, axes and steps are not of the same length"));
        }
        let (mut shape, mut elements) = (input.shape.clone(), input.elements.clone());
        for at in 0..starts.len() {
            let axis = Self::axis(axes[at], shape.len(), false)?;
            let length = i64::try_from(input.shape[axis]).unwrap_or(i64::MAX);
            let taken = taken(length, starts[at], ends[at], steps[at])?;
            shape[axis] = taken.count;
            elements = elements.filter(|_| shape.len() == 1).map(|all| taken.of(&all));
        }
        Ok(Value::new(input.kind, shape).with(elements))
    }

    fn squeeze(&self) -> Result<Value, Refusal> {
        let input = self.input(0)?;
        let rank = input.shape.len();
        let axes = match self.list("axes", 1)? {
            Some(axes) => axes.into_iter().map(|a| Self::axis(a, rank, false)).collect::<Result<_, _>>()?,
            None => (0..rank).filter(|&at| input.shape[at] == 1).collect::<Vec<_>>(),
        };
        if axes.iter().any(|&at| input.shape[at] != 1) {
            return Err(unknown(format!("sides of {:?} that are not 1", input.shape)));
        }
        let shape = (0..rank).filter(|at| !axes.contains(at)).map(|at| input.shape[at]).collect();
        Ok(Value::new(input.kind, shape).with(input.elements.clone()))
    }

    fn unsqueeze(&self) -> Result<Value, Refusal> {
        let input = self.input(0)?;
        let axes = self.list("axes", 1)?.ok_or_else(|| unknown("no axes"))?;
        let rank = input.shape.len() + axes.len();
        let axes: Vec<usize> =
            axes.into_iter().map(|a| Self::axis(a, rank, false)).collect::<Result<_, _>>()?;
        let mut rest = input.shape.iter();
        let shape = (0..rank)
            .map(|at| if axes.contains(&at) { Some(1) } else { rest.next().copied() })
            .collect::<Option<Vec<u64>>>()
            .ok_or_else(|| unknown("an axis twice"))?;
        Ok(Value::new(input.kind, shape).with(input.elements.clone()))
    }

    fn reshape(&self) -> Result<Value, Refusal> {
        let input = self.input(0)?;
        let target = self.list("shape", 1)?.ok_or_else(|| unknown("no shape"))?;
        let copies = self.whole("allowzero", 0) == 0;
        let mut shape = Vec::new();
        for (at, &length) in target.iter().enumerate() {
            shape.push(match length {
                0 if copies => *input.shape.get(at).ok_or_else(|| unknown("a side of no input"))?,
                -1 => 1,
                length => side(length)?,
            });
        }
        let free: Vec<usize> = (0..target.len()).filter(|&at| target[at] == -1).collect();
        let (known, count) = (volume(&shape), input.count());
        if let &[at] = free.as_slice() {
            let fits = known > 0 && count.is_multiple_of(known);
            shape[at] = match fits {
                true => u64::try_from(count / known).unwrap_or(u64::MAX),
                false => return Err(unknown(format!("{target:?} of {:?}", input.shape))),
            };
        }
        if volume(&shape) != count || free.len() > 1 {
            return Err(unknown(format!("{:?} cannot become {target:?}", input.shape)));
        }
        Ok(Value::new(input.kind, shape).with(input.elements.clone()))
    }

    fn flatten(&self) -> Result<Value, Refusal> {
        let input = self.input(0)?;
        let axis = Self::axis(self.whole("axis", 1), input.shape.len(), true)?;
        let count = |part: &[u64]| u64::try_from(volume(part)).unwrap_or(u64::MAX);
        let shape = vec![count(&input.shape[..axis]), count(&input.shape[axis..])];
        Ok(Value::new(input.kind, shape))
    }

    fn transpose(&self) -> Result<Value, Refusal> {
        let input = self.input(0)?;
        let rank = input.shape.len();
        let order: Vec<i64> = self.wholes("perm").map_or((0..rank as i64).rev().collect(), <[i64]>::to_vec);
        let axes = order.into_iter().map(|a| Self::axis(a, rank, false)).collect::<Result<Vec<_>, _>>()?;
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        match sorted == (0..rank).collect::<Vec<_>>() {
            true => Ok(Value::new(input.kind, axes.iter().map(|&at| input.shape[at]).collect())),
            false => Err(unknown("an order that names other axes")),
        }
    }

    fn expand(&self) -> Result<Value, Refusal> {
        let (input, target) = (self.input(0)?, self.input(1)?.wholes("the shape")?);
        let target = target.into_iter().map(side).collect::<Result<Vec<_>, _>>()?;
        let shape = broadcast(&input.shape, &target)?;
        let same = (shape == input.shape).then(|| input.elements.clone()).flatten();
        Ok(Value::new(input.kind, shape).with(same))
    }

    fn tile(&self) -> Result<Value, Refusal> {
        let (input, repeats) = (self.input(0)?, self.input(1)?.wholes("the number of repeats")?);
        if repeats.len() != input.shape.len() {
            return Err(unknown(format!("{} repeats of {:?}", repeats.len(), input.shape)));
        }
        let length = |(&length, &times): (&u64, &i64)| Ok(length.saturating_mul(side(times)?));
        let shape = input.shape.iter().zip(&repeats).map(length).collect::<Result<_, Refusal>>()?;
        Ok(Value::new(input.kind, shape))
    }

    fn pad(&self) -> Result<Value, Refusal> {
        let input = self.input(0)?;
        let rank = input.shape.len();
        let pads = match self.wholes("paddings") {
            Some(pads) => Some(pads.to_vec()),
            None => self.list("pads", 1)?,
        };
        let pads = pads.ok_or_else(|| unknown("no pads"))?;
        let axes = self.optional(3).map(|v| v.wholes("the axes")).transpose()?;
        let axes = axes.unwrap_or((0..rank as i64).collect());
        if pads.len() != 2 * axes.len() {
            return Err(unknown(format!("{} pads of {} axes", pads.len(), axes.len())));
        }
        let mut shape = input.shape.clone();
        for (at, &axis) in axes.iter().enumerate() {
            let axis = Self::axis(axis, rank, false)?;
            let length = i64::try_from(shape[axis]).unwrap_or(i64::MAX);
            shape[axis] = side(length.saturating_add(pads[at]).saturating_add(pads[axes.len() + at]))?;
        }
        Ok(Value::new(input.kind, shape))
    }

    fn gather(&self) -> Result<Value, Refusal> {
        let (input, indices) = (self.input(0)?, self.input(1)?);
        let axis = Self::axis(self.whole("axis", 0), input.shape.len(), false)?;
        let shape = [&input.shape[..axis], &indices.shape, &input.shape[axis + 1..]].concat();
        Ok(Value::new(input.kind, shape).with(numbers::gather(input, indices)))
    }

    fn gather_nd(&self) -> Result<Value, Refusal> {
        let (input, indices) = (self.input(0)?, self.input(1)?);
        let batch = usize::try_from(self.whole("batch_dims", 0)).unwrap_or(usize::MAX);
        let (&last, outer) = indices.shape.split_last().ok_or_else(|| unknown("no indices"))?;
        let used = usize::try_from(last).ok().and_then(|n| n.checked_add(batch));
        let rest =
            used.and_then(|used| input.shape.get(used..)).ok_or_else(|| unknown("too many indices"))?;
        Ok(Value::new(input.kind, [outer, rest].concat()))
    }

    fn blocks(&self) -> Result<Value, Refusal> {
        let input = self.input(0)?;
        let (&[n, c, h, w], block) = (input.shape.as_slice(), side(self.whole("blocksize", 0))?) else {
            return Err(unknown("takes feature maps"));
        };
        let square = block.saturating_mul(block);
        let is_deep = self.op() == "DepthToSpace";
        let fits = square > 0 && if is_deep { c % square == 0 } else { h % block == 0 && w % block == 0 };
        let shape = match (fits, is_deep) {
            (false, _) => return Err(unknown(format!("blocks of {block} in {:?}", input.shape))),
            (true, true) => vec![n, c / square, h.saturating_mul(block), w.saturating_mul(block)],
            (true, false) => vec![n, c.saturating_mul(square), h / block, w / block],
        };
        Ok(Value::new(input.kind, shape))
    }

    fn compress(&self) -> Result<Value, Refusal> {
        let input = self.input(0)?;
        let shape = match self.wholes("axis").is_some() || self.whole("axis", i64::MIN) != i64::MIN {
            true => input.shape.clone(),
            false => vec![u64::try_from(input.count()).unwrap_or(u64::MAX)],
        };
        Ok(Value::new(input.kind, shape).at_most())
    }

    fn suppression(&self) -> Result<Value, Refusal> {
        let scores = self.input(1)?;
        let most = u64::try_from(scores.count()).unwrap_or(u64::MAX);
        Ok(Value::new(Kind::Long, vec![most, 3]).at_most())
    }

    fn top(&self) -> Result<Done, Refusal> {
        let input = self.input(0)?;
        let axis = Self::axis(self.whole("axis", -1), input.shape.len(), false)?;
        let (mut shape, k) = (input.shape.clone(), self.optional(1).map(|v| v.wholes("k")));
        let k = match (self.whole("k", -1), k) {
            (k, None) => Some(k),
            (_, Some(Ok(k))) => k.first().copied(),
            (_, Some(Err(_))) => None,
        };
        // Never more than there are.
        let is_exact = k.is_some();
        shape[axis] = k.and_then(|k| u64::try_from(k).ok()).map_or(shape[axis], |k| k.min(shape[axis]));
        let values = [input.kind, Kind::Long].map(|kind| Value::new(kind, shape.clone()));
        let values = if is_exact { values } else { values.map(Value::at_most) };
        Ok(Done { values: values.to_vec(), work: input.count().saturating_mul(ELEMENT_WORK), scratch: 0 })
    }

    fn one_hot(&self) -> Result<Value, Refusal> {
        let (indices, depth) = (self.input(0)?, self.input(1)?.wholes("the depth")?);
        let depth = side(*depth.first().ok_or_else(|| unknown("no depth"))?)?;
        let axis = Self::axis(self.whole("axis", -1), indices.shape.len() + 1, false)?;
        let mut shape = indices.shape.clone();
        shape.insert(axis, depth);
        Ok(Value::new(self.input(2)?.kind, shape))
    }

    pub(super) fn grid_sample(&self) -> Result<Done, Refusal> {
        let (input, grid) = (self.input(0)?, self.input(1)?);
        let ([batch, channels, ..], [_, steps @ .., _]) = (input.shape.as_slice(), grid.shape.as_slice())
        else {
            return Err(unknown("takes feature maps and a grid"));
        };
        Ok(Value::new(input.kind, [&[*batch, *channels][..], steps].concat()).into())
    }

    pub(super) fn resize(&self) -> Result<Done, Refusal> {
        let input = self.input(0)?;
        let rank = input.shape.len();
        let is_old = self.op() == "Upsample" || self.opset < 11;
        let given = |at: usize| self.optional(at).filter(|v| v.shape != [0]);
        let sizes = given(3).filter(|_| !is_old).map(|v| v.wholes("the size")).transpose()?;
        if sizes.is_some() && self.text("keep_aspect_ratio_policy").is_some_and(|p| p != "stretch") {
            return Err(unknown("keeps the aspect ratio, which is not read here"));
        }
        let axes: Vec<usize> = match self.wholes("axes") {
            Some(axes) => axes.iter().map(|&a| Self::axis(a, rank, false)).collect::<Result<_, _>>()?,
            None => (0..rank).collect(),
        };
        let (mut shape, mut is_exact) = (input.shape.clone(), true);
        if let Some(sizes) = sizes {
            check_count(sizes.len(), axes.len())?;
            for (&axis, size) in axes.iter().zip(sizes) {
                shape[axis] = side(size)?;
            }
        } else {
            let scales: Vec<f64> = match (self.floats("scales"), given(if is_old { 1 } else { 2 })) {
                (Some(scales), _) => scales.iter().map(|&s| f64::from(s)).collect(),
                (None, Some(scales)) => {
                    scales.elements.clone().ok_or_else(|| unknown("the scale depends on the picture"))?
                }
                (None, None) => return Err(unknown("neither sizes nor scales")),
            };
            check_count(scales.len(), axes.len())?;
            for (&axis, scale) in axes.iter().zip(scales) {
                let length = shape[axis] as f64 * scale;
                if length.is_nan() || length < 0.0 {
                    return Err(unknown(format!("a scale of {scale}")));
                }
                is_exact &= length.fract() == 0.0;
                shape[axis] = length.ceil() as u64; // saturates, and such a side is refused
            }
        }
        let value = Value::new(input.kind, shape);
        let value = if is_exact { value } else { value.at_most() };
        // Filters that even out read all of the input; the others have 16 taps at most.
        let taps = value.count().saturating_mul(16).saturating_add(input.count());
        Ok(Done { work: taps.saturating_mul(ELEMENT_WORK), scratch: 0, values: vec![value] })
    }
}

fn check_count(found: usize, expected: usize) -> Result<(), Refusal> {
    match found == expected {
        true => Ok(()),
        false => Err(unknown(format!("{found} sizes or scales of {expected} axes"))),
    }
}

/// What a slice takes of an axis.
struct Taken {
    start: i64,
    step: i64,
    count: u64,
}

impl Taken {
    fn of(&self, all: &[f64]) -> Vec<f64> {
        let at = |i: u64| usize::try_from(self.start + i as i64 * self.step).ok();
        (0..self.count).filter_map(|i| all.get(at(i)?).copied()).collect()
    }
}

fn taken(length: i64, start: i64, end: i64, step: i64) -> Result<Taken, Refusal> {
    let counted = |v: i64| if v < 0 { v.saturating_add(length) } else { v };
    let (start, end) = (counted(start), counted(end));
    let (start, span) = match step {
        0 => return Err(unknown("a step of 0")),
        1.. => {
            let start = start.clamp(0, length);
            (start, end.clamp(0, length).saturating_sub(start))
        }
        _ => {
            let start = start.clamp(-1, length - 1);
            (start, start.saturating_sub(end.clamp(-1, length - 1)))
        }
    };
    let count = span.max(0).unsigned_abs().div_ceil(step.unsigned_abs());
    Ok(Taken { start, step, count })
}
