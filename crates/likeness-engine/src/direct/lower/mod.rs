//! From a graph to a plan for inputs of one shape: shapes become known, arithmetic on them is done, nodes become steps.
//!
//! A value is held in the form its maker left it in and brought into another when a reader needs it so. Slices, splits,
//! shuffles and concatenations of channels move nothing: they are lists of channels until something needs them whole.

mod movement;
mod pointwise;
mod quantize;
mod windowed;

pub(in crate::direct) use pointwise::axis_of;

use std::collections::HashMap;
use std::sync::Arc;

use super::layers::Layers;
use super::plan::{Form, ImageId, MakeImage, MakePlain, Operand, PlainId, PlainSize, Plan, Post, Step};
use crate::EngineError;
use crate::direct::kernel::image::Image;
use crate::graph::{Data, Graph, Node, Tensor, ValueId};

/// A value while the plan is made.
#[derive(Debug, Clone)]
pub(super) enum Held {
    /// Its numbers do not depend on the input's.
    Known(Arc<Tensor>),
    Plain(PlainId, Vec<usize>),
    Image(ImageId),
    /// Channels of feature maps, with the shape that the graph gives them.
    View(Vec<usize>, Vec<(ImageId, usize)>),
}

/// A plan in the making.
pub(super) struct Lowering<'g> {
    graph: &'g Graph,
    layers: &'g Layers,
    held: HashMap<ValueId, Held>,
    uses: HashMap<ValueId, usize>,
    steps: Vec<Step>,
    images: Vec<Image>,
    forms: Vec<Form>,
    /// The step that makes each image.
    makers: Vec<usize>,
    /// Images in bytes that were asked for as real numbers.
    dequantized_images: HashMap<ImageId, ImageId>,
    plains: Vec<PlainSize>,
    /// Plain forms of images that were asked for.
    planes: HashMap<ImageId, PlainId>,
}

/// The plan of `graph` for an input of `shape`.
///
/// # Errors        an operator or a form of one that is not supported, or whose sizes do not fit →
/// [`EngineError::UnsupportedOperator`]; too much memory → [`EngineError::OutOfMemory`]
pub(super) fn plan(graph: &Graph, layers: &Layers, shape: &[usize]) -> crate::Result<Plan> {
    let mut lowering = Lowering {
        graph,
        layers,
        held: HashMap::new(),
        uses: graph.uses(),
        steps: Vec::new(),
        images: Vec::new(),
        forms: Vec::new(),
        makers: Vec::new(),
        dequantized_images: HashMap::new(),
        plains: Vec::new(),
        planes: HashMap::new(),
    };
    for (value, tensor) in &graph.constants {
        lowering.held.insert(*value, Held::Known(Arc::new(tensor.clone())));
    }
    let input = lowering.new_plain(shape).map_err(EngineError::graph)?;
    lowering.held.insert(graph.input, Held::Plain(input, shape.to_vec()));
    for (i, node) in graph.nodes.iter().enumerate() {
        lowering.node(i, node).map_err(|reason| EngineError::operator(&node.op, reason))?;
    }
    let outputs = graph.outputs.iter().map(|(_, value)| lowering.plain(*value));
    let outputs = outputs.collect::<Result<_, _>>().map_err(EngineError::graph)?;
    let images = lowering.images.into_iter().zip(lowering.forms).collect();
    Plan::new(lowering.steps, images, lowering.plains, input, outputs)
}

/// How many numbers a shape holds.
pub(super) fn count(shape: &[usize]) -> Result<usize, String> {
    shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).ok_or(format!("{shape:?} is too large"))
}

impl<'g> Lowering<'g> {
    fn node(&mut self, index: usize, node: &'g Node) -> Result<(), String> {
        match node.op.as_str() {
            "Conv" => self.conv(index, node),
            "MaxPool" | "AveragePool" => self.pool(node),
            "GlobalAveragePool" | "GlobalMaxPool" => self.global_pool(node),
            "ReduceMean" => self.mean(node),
            "Resize" | "Upsample" => self.resize(node),
            "Gemm" | "MatMul" => self.linear(index, node),
            "BatchNormalization" => self.normalization(node),
            "PRelu" => self.slope(node),
            "Grid" => self.grid(node),
            "Add" | "Sub" | "Mul" | "Div" => self.binary(node),
            "Softmax" => self.softmax(node),
            "Sqrt" => self.sqrt(node),
            "Shape" => self.shape_of(node),
            "Cast" => self.cast(node),
            "Gather" => self.gather(node),
            "Concat" => self.concat(node),
            "Slice" => self.slice(node),
            "Split" => self.split(node),
            "Transpose" => self.transpose(node),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => self.reshape(node),
            _ => match pointwise::activation(node, self.graph)? {
                Some(function) => self.activation(node, function),
                None => Err("not supported".into()),
            },
        }
    }

    /// What input `i` of a node is held as.
    fn input(&self, node: &Node, i: usize) -> Result<Held, String> {
        let value = node.input(i).ok_or_else(|| format!("input {i} is missing"))?;
        self.held.get(&value).cloned().ok_or_else(|| format!("input {i} is not computed"))
    }

    /// Input `i`, where it is there and known.
    fn known(&self, node: &Node, i: usize) -> Result<Option<Arc<Tensor>>, String> {
        match node.input(i).and_then(|v| self.held.get(&v)) {
            None => Ok(None),
            Some(Held::Known(tensor)) => Ok(Some(Arc::clone(tensor))),
            Some(_) => Err(format!("input {i} depends on the picture")),
        }
    }

    /// Input `i` as whole numbers, where it is there and known.
    fn known_wholes(&self, node: &Node, i: usize) -> Result<Option<Vec<i64>>, String> {
        let Some(tensor) = self.known(node, i)? else { return Ok(None) };
        let wholes = tensor.wholes().ok_or_else(|| format!("input {i} is no list of whole numbers"))?;
        Ok(Some(wholes.to_vec()))
    }

    fn shape(&self, held: &Held) -> Vec<usize> {
        match held {
            Held::Known(tensor) => tensor.shape.clone(),
            Held::Plain(_, shape) | Held::View(shape, _) => shape.clone(),
            Held::Image(id) => {
                let Image { n, c, h, w, .. } = self.images[*id];
                vec![n, c, h, w]
            }
        }
    }

    fn set(&mut self, node: &Node, held: Held) -> Result<(), String> {
        let &[output] = node.outputs.as_slice() else {
            return Err(format!("{} outputs, expected 1", node.outputs.len()));
        };
        self.held.insert(output, held);
        Ok(())
    }

    fn new_plain(&mut self, shape: &[usize]) -> Result<PlainId, String> {
        self.plains.push(PlainSize::Length(count(shape)?));
        Ok(self.plains.len() - 1)
    }

    /// A new image, made as said.
    fn make_image(&mut self, image: Image, make: MakeImage, posts: Vec<Post>) -> Result<ImageId, String> {
        if [image.n, image.c, image.h, image.w].contains(&0) || image.checked_len().is_none() {
            let Image { n, c, h, w, .. } = image;
            return Err(format!("gives feature maps of {n}×{c}×{h}×{w}"));
        }
        self.images.push(image);
        self.forms.push(Form::Floats);
        self.makers.push(self.steps.len());
        let to = self.images.len() - 1;
        self.steps.push(Step::Image { to, make, posts });
        Ok(to)
    }

    /// A new plain tensor, made as said.
    fn make_plain(&mut self, shape: &[usize], make: MakePlain) -> Result<Held, String> {
        let to = self.new_plain(shape)?;
        self.steps.push(Step::Plain { to, make });
        Ok(Held::Plain(to, shape.to_vec()))
    }

    /// A value as feature maps of real numbers.
    fn image(&mut self, held: Held) -> Result<ImageId, String> {
        let id = self.maps(held)?;
        self.floats(id)
    }

    /// Feature maps as real numbers.
    fn floats(&mut self, id: ImageId) -> Result<ImageId, String> {
        let Form::Quantized(grid) = self.forms[id] else { return Ok(id) };
        if let Some(dequantized_images) = self.dequantized_images.get(&id) {
            return Ok(*dequantized_images);
        }
        let Image { n, c, h, w, .. } = self.images[id];
        let dequantized_images =
            self.make_image(Image::new(n, c, h, w), MakeImage::Dequantize(id, grid), Vec::new())?;
        self.dequantized_images.insert(id, dequantized_images);
        Ok(dequantized_images)
    }

    /// A value as feature maps in whatever form.
    fn maps(&mut self, held: Held) -> Result<ImageId, String> {
        let shape = self.shape(&held);
        let &[n, c, h, w] = shape.as_slice() else {
            return Err(format!("takes feature maps of 4 dimensions, found {shape:?}"));
        };
        match held {
            Held::Image(id) => Ok(id),
            Held::View(_, channels) => self.whole(n, h, w, channels),
            Held::Plain(id, shape) => {
                let make = MakeImage::ToBlocks(Operand::Computed(id, shape));
                self.make_image(Image::new(n, c, h, w), make, Vec::new())
            }
            Held::Known(tensor) => {
                let values = Arc::new(tensor.floats().ok_or("takes real numbers")?.to_vec());
                let make = MakeImage::ToBlocks(Operand::Constant(values, shape));
                self.make_image(Image::new(n, c, h, w), make, Vec::new())
            }
        }
    }

    /// Channels put together, unless they are all of one image in order.
    fn whole(
        &mut self,
        n: usize,
        h: usize,
        w: usize,
        channels: Vec<(ImageId, usize)>,
    ) -> Result<ImageId, String> {
        if let Some(&(id, _)) = channels.first() {
            let in_order = channels.iter().enumerate().all(|(i, &from)| from == (id, i));
            if in_order && self.images[id].c == channels.len() {
                return Ok(id);
            }
        }
        let image = Image::new(n, channels.len(), h, w);
        self.make_image(image, MakeImage::Gather(channels), Vec::new())
    }

    /// The channels that feature maps consist of.
    fn channels(&mut self, held: Held) -> Result<Vec<(ImageId, usize)>, String> {
        if let Held::View(_, channels) = held {
            return Ok(channels);
        }
        let id = self.image(held)?;
        Ok((0..self.images[id].c).map(|c| (id, c)).collect())
    }

    /// Something held, as plain numbers.
    fn operand(&mut self, held: Held) -> Result<Operand, String> {
        let shape = self.shape(&held);
        let id = match held {
            Held::Known(tensor) => {
                let values = tensor.floats().ok_or("takes real numbers")?;
                return Ok(Operand::Constant(Arc::new(values.to_vec()), shape));
            }
            Held::Plain(id, _) => return Ok(Operand::Computed(id, shape)),
            Held::Image(id) => self.floats(id)?,
            Held::View(_, channels) => {
                let Image { n, h, w, .. } = self.images[channels[0].0];
                self.whole(n, h, w, channels)?
            }
        };
        if let Some(plain) = self.planes.get(&id) {
            return Ok(Operand::Computed(*plain, shape));
        }
        let plain = self.new_plain(&shape)?;
        self.steps.push(Step::Plain { to: plain, make: MakePlain::ToPlanes(id) });
        self.planes.insert(id, plain);
        Ok(Operand::Computed(plain, shape))
    }

    /// A value as plain numbers.
    fn plain(&mut self, value: ValueId) -> Result<Operand, String> {
        let held = self.held.get(&value).cloned().ok_or("a value is not computed")?;
        self.operand(held)
    }

    /// A tensor that is known.
    fn know(&mut self, node: &Node, shape: Vec<usize>, data: Data) -> Result<(), String> {
        self.set(node, Held::Known(Arc::new(Tensor { shape, data })))
    }

    /// Whether nobody but the node at hand reads its input `i`.
    fn is_last_reader(&self, node: &Node, i: usize) -> bool {
        node.input(i).is_some_and(|v| self.uses.get(&v) == Some(&1))
    }

    /// The step that makes an image, if a function may be added to it: the node at hand is the image's only reader.
    fn open_step(&mut self, node: &Node, i: usize) -> Option<(usize, ImageId)> {
        let (Held::Image(id), true) = (self.held.get(&node.input(i)?)?, self.is_last_reader(node, i)) else {
            return None;
        };
        let step = self.makers[*id];
        let rounds = matches!(&self.steps[step], Step::Image { make: MakeImage::Quantize(_), .. });
        let is_open = !rounds && !self.planes.contains_key(id) && !self.dequantized_images.contains_key(id);
        is_open.then_some((step, *id))
    }
}
