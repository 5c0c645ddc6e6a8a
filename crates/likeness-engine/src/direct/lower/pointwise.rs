//! Operators that treat every number alone: on feature maps they join the step that makes the maps.

use std::sync::Arc;

use super::{Held, Lowering, count};
use crate::direct::kernel::finish::Activation;
use crate::direct::kernel::image::Image;
use crate::direct::kernel::pack::in_lanes;
use crate::direct::kernel::plain::{Binary, broadcast_strides, walk};
use crate::direct::plan::{ImageId, MakeImage, MakePlain, Operand, Post, Step};
use crate::graph::simplify::scale_and_shift;
use crate::graph::{Data, Graph, Node, Tensor};

/// The function of one number that a node is, if it is one.
pub(super) fn activation(node: &Node, graph: &Graph) -> Result<Option<Activation>, String> {
    let bound = |i: usize, name: &str, default: f32| match node.input(i) {
        None => Ok(node.float(name, default)),
        Some(value) => match graph.constants.get(&value).and_then(Tensor::floats) {
            Some(&[v]) => Ok(v),
            _ => Err(format!("its {name} is no constant number")),
        },
    };
    Ok(Some(match node.op.as_str() {
        "Relu" => Activation::Relu,
        "LeakyRelu" => Activation::Leaky(node.float("alpha", 0.01)),
        "Clip" => Activation::Clip { low: bound(1, "min", f32::MIN)?, high: bound(2, "max", f32::MAX)? },
        "Sigmoid" => Activation::Sigmoid,
        "Silu" => Activation::Silu,
        "HardSigmoid" => {
            Activation::HardSigmoid { alpha: node.float("alpha", 0.2), beta: node.float("beta", 0.5) }
        }
        "HardSwish" => Activation::HardSwish,
        "Exp" => Activation::Exp,
        "Tanh" => Activation::Tanh,
        _ => return Ok(None),
    }))
}

/// The shape that two are repeated to.
fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let side = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |i| s[i]);
    (0..rank)
        .map(|i| match (side(a, i), side(b, i)) {
            (m, n) if m == n || n == 1 => Ok(m),
            (1, n) => Ok(n),
            _ => Err(format!("shapes {a:?} and {b:?} do not fit")),
        })
        .collect()
}

impl Lowering<'_> {
    /// Adds `post` to the making of input `i`, or to the making of a copy where others read it as it is.
    fn add_post(&mut self, node: &Node, i: usize, post: Post) -> Result<(), String> {
        if let Some((step, id)) = self.open_step(node, i) {
            self.reopen(step, id);
            if let Step::Image { posts, .. } = &mut self.steps[step] {
                posts.push(post);
                return self.set(node, Held::Image(id));
            }
        }
        let held = self.input(node, i)?;
        let from = self.image(held)?;
        let Image { n, c, h, w, .. } = self.images[from];
        let channels = (0..c).map(|c| (from, c)).collect();
        let made = self.make_image(Image::new(n, c, h, w), MakeImage::Gather(channels), vec![post])?;
        self.set(node, Held::Image(made))
    }

    /// Whether input `i` is held as feature maps.
    pub(super) fn is_image(&self, held: &Held) -> bool {
        matches!(held, Held::Image(_)) || matches!(held, Held::View(shape, _) if shape.len() == 4)
    }

    pub(super) fn activation(&mut self, node: &Node, function: Activation) -> Result<(), String> {
        let held = self.input(node, 0)?;
        if self.is_image(&held) {
            return self.add_post(node, 0, Post::Activation(function));
        }
        let from = self.operand(held)?;
        let shape = from.shape().to_vec();
        let made = self.make_plain(&shape, MakePlain::Each { from, function })?;
        self.set(node, made)
    }

    pub(super) fn sqrt(&mut self, node: &Node) -> Result<(), String> {
        let held = self.input(node, 0)?;
        let from = self.operand(held)?;
        let shape = from.shape().to_vec();
        let made = self.make_plain(&shape, MakePlain::Sqrt(from))?;
        self.set(node, made)
    }

    pub(super) fn softmax(&mut self, node: &Node) -> Result<(), String> {
        let held = self.input(node, 0)?;
        let from = self.operand(held)?;
        let shape = from.shape().to_vec();
        let newer = self.graph.opset >= 13;
        let axis = axis_of(node.whole("axis", if newer { -1 } else { 1 }), shape.len())?;
        let inner = count(&shape[axis + 1..])?;
        // Before version 13 everything from the axis on is one long axis.
        let (length, inner) = if newer { (shape[axis], inner) } else { (shape[axis] * inner, 1) };
        let made = self.make_plain(&shape, MakePlain::Softmax { from, length, inner })?;
        self.set(node, made)
    }

    /// The numbers of a constant that stands for one number, or for one of each of `channels`.
    fn per_channel(&self, held: &Held, channels: usize) -> Option<Vec<f32>> {
        let Held::Known(tensor) = held else { return None };
        let values = tensor.floats()?;
        let shape = &tensor.shape;
        if let (&[v], true) = (values, shape.len() <= 4) {
            return Some(vec![v; channels]);
        }
        let fits = matches!(shape.as_slice(), [c, 1, 1] | [1, c, 1, 1] if *c == channels);
        fits.then(|| values.to_vec())
    }

    pub(super) fn slope(&mut self, node: &Node) -> Result<(), String> {
        let (x, slope) = (self.input(node, 0)?, self.input(node, 1)?);
        if self.is_image(&x) {
            let channels = self.shape(&x)[1];
            let slopes = self.per_channel(&slope, channels).ok_or("its slopes are none of each channel")?;
            return self.add_post(node, 0, Post::Slope(in_lanes(&slopes, 0.0)));
        }
        self.plain_binary(node, Binary::Slope)
    }

    pub(super) fn normalization(&mut self, node: &Node) -> Result<(), String> {
        let (scale, shift) =
            scale_and_shift(node, &self.graph.constants).ok_or("its statistics are no constants")?;
        let x = self.input(node, 0)?;
        let shape = self.shape(&x);
        if shape.get(1) != Some(&scale.len()) {
            return Err(format!("{} channels, input of {shape:?}", scale.len()));
        }
        if self.is_image(&x) {
            return self.add_post(node, 0, Post::Scale(in_lanes(&scale, 0.0), in_lanes(&shift, 0.0)));
        }
        let mut held = x;
        let channels: Vec<usize> = std::iter::once(scale.len()).chain(shape[2..].iter().map(|_| 1)).collect();
        for (function, values) in [(Binary::Mul, scale), (Binary::Add, shift)] {
            let a = self.operand(held)?;
            let b = Operand::Constant(Arc::new(values), channels.clone());
            held = self.make_plain(&shape, MakePlain::Binary { function, a, b, shape: shape.clone() })?;
        }
        self.set(node, held)
    }

    pub(super) fn binary(&mut self, node: &Node) -> Result<(), String> {
        let (a, b) = (self.input(node, 0)?, self.input(node, 1)?);
        let function = match node.op.as_str() {
            "Add" => Binary::Add,
            "Sub" => Binary::Sub,
            "Mul" => Binary::Mul,
            _ => Binary::Div,
        };
        if let (Held::Known(a), Held::Known(b)) = (&a, &b)
            && let (Some(a_values), Some(b_values)) = (a.wholes(), b.wholes())
        {
            return self.known_binary(node, function, (a_values, &a.shape), (b_values, &b.shape));
        }
        for (x, i, other) in [(&a, 0, &b), (&b, 1, &a)] {
            if self.is_image(x) {
                let channels = self.shape(x)[1];
                if let Some(c) = self.per_channel(other, channels) {
                    return self.scale_by(node, i, function, &c);
                }
            }
        }
        if self.is_image(&a) && self.is_image(&b) && matches!(function, Binary::Add | Binary::Mul) {
            if self.shape(&a) == self.shape(&b) {
                return self.image_binary(node, function, a, b);
            }
            if let Some(done) = self.scale_by_plane(node, function, &a, &b) {
                return done;
            }
        }
        self.plain_binary(node, function)
    }

    /// Input `i` with a number for each channel.
    fn scale_by(&mut self, node: &Node, i: usize, function: Binary, c: &[f32]) -> Result<(), String> {
        let ones = vec![1.0; c.len()];
        let negative = |v: &[f32]| v.iter().map(|v| -v).collect::<Vec<_>>();
        let (scale, shift) = match (function, i) {
            (Binary::Add, _) => (ones, c.to_vec()),
            (Binary::Sub, 0) => (ones, negative(c)),
            (Binary::Sub, _) => (negative(&ones), c.to_vec()),
            (Binary::Mul, _) => (c.to_vec(), vec![0.0; c.len()]),
            (Binary::Div, 0) => (c.iter().map(|v| 1.0 / v).collect(), vec![0.0; c.len()]),
            _ => return self.plain_binary(node, function),
        };
        self.add_post(node, i, Post::Scale(in_lanes(&scale, 0.0), in_lanes(&shift, 0.0)))
    }

    /// Two feature maps of one size: the later joins the earlier to its own making, if it may.
    fn image_binary(&mut self, node: &Node, function: Binary, a: Held, b: Held) -> Result<(), String> {
        let post = |id: ImageId| if function == Binary::Add { Post::Add(id) } else { Post::Mul(id) };
        let (a, b) = match function {
            Binary::Add => (self.maps(a)?, self.maps(b)?),
            _ => (self.image(a)?, self.image(b)?),
        };
        let made_after = |this: &Self, x: ImageId, y: ImageId| this.makers[x] > this.makers[y];
        let joins_b = self.open_step(node, 1).is_some_and(|(_, id)| id == b) && made_after(self, b, a);
        let joins_a = self.open_step(node, 0).is_some_and(|(_, id)| id == a) && made_after(self, a, b);
        match (joins_a, joins_b) {
            (true, _) => self.add_post(node, 0, post(b)),
            (false, true) => self.add_post(node, 1, post(a)),
            (false, false) => {
                let a = self.floats(a)?;
                let Image { n, c, h, w, .. } = self.images[a];
                let channels = (0..c).map(|c| (a, c)).collect();
                let made =
                    self.make_image(Image::new(n, c, h, w), MakeImage::Gather(channels), vec![post(b)])?;
                self.set(node, Held::Image(made))
            }
        }
    }

    /// Feature maps times a plane of one pixel, as squeeze-and-excitation does.
    fn scale_by_plane(
        &mut self,
        node: &Node,
        function: Binary,
        a: &Held,
        b: &Held,
    ) -> Option<Result<(), String>> {
        let (whole, i, plane) = match (self.shape(a), self.shape(b)) {
            (x, y) if y[..2] == x[..2] && y[2..] == [1, 1] => (a, 0, b),
            (x, y) if y[..2] == x[..2] && x[2..] == [1, 1] => (b, 1, a),
            _ => return None,
        };
        if function != Binary::Mul {
            return None;
        }
        let mut join = || {
            let plane = self.image(plane.clone())?;
            let whole = self.image(whole.clone())?;
            if self.makers[whole] > self.makers[plane] {
                return self.add_post(node, i, Post::MulChannel(plane));
            }
            let Image { n, c, h, w, .. } = self.images[whole];
            let channels = (0..c).map(|c| (whole, c)).collect();
            let posts = vec![Post::MulChannel(plane)];
            let made = self.make_image(Image::new(n, c, h, w), MakeImage::Gather(channels), posts)?;
            self.set(node, Held::Image(made))
        };
        Some(join())
    }

    fn plain_binary(&mut self, node: &Node, function: Binary) -> Result<(), String> {
        let (a, b) = (self.input(node, 0)?, self.input(node, 1)?);
        let (a, b) = (self.operand(a)?, self.operand(b)?);
        let shape = broadcast(a.shape(), b.shape())?;
        let made = self.make_plain(&shape, MakePlain::Binary { function, a, b, shape: shape.clone() })?;
        self.set(node, made)
    }

    /// Arithmetic on shapes.
    fn known_binary(
        &mut self,
        node: &Node,
        function: Binary,
        (a, a_shape): (&[i64], &[usize]),
        (b, b_shape): (&[i64], &[usize]),
    ) -> Result<(), String> {
        let shape = broadcast(a_shape, b_shape)?;
        if count(&shape)? > 1 << 16 {
            return Err(format!("arithmetic on {shape:?} whole numbers"));
        }
        let places = |of: &[usize]| {
            let mut places = Vec::new();
            walk(&shape, &broadcast_strides(of, &shape), 0, |at| places.push(at));
            places
        };
        let pairs = places(a_shape).into_iter().zip(places(b_shape));
        let values: Option<Vec<i64>> = pairs.map(|(i, j)| function.of_whole(a[i], b[j])).collect();
        self.know(node, shape, Data::Whole(values.ok_or("its whole numbers leave their range")?))
    }
}

/// An axis counted from the front.
pub(in crate::direct) fn axis_of(axis: i64, rank: usize) -> Result<usize, String> {
    let from_front = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(from_front).ok().filter(|&a| a < rank).ok_or(format!("axis {axis} of {rank}"))
}
