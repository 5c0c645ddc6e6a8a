//! Operators that look at windows of feature maps: convolutions, pooling, scaling; and fully connected layers.

use std::sync::Arc;

use super::{Held, Lowering};
use crate::direct::kernel::conv::Steps;
use crate::direct::kernel::image::{Image, Margin};
use crate::direct::kernel::pack::Kind;
use crate::direct::kernel::pool::{PoolKind, Windows};
use crate::direct::plan::{MakeImage, MakePlain, PlainSize, Step};
use crate::graph::Node;

/// How windows lie on a picture.
struct Frame {
    stride: [usize; 2],
    dilation: [usize; 2],
    /// Above and to the left.
    pad: [usize; 2],
    /// Below and to the right.
    pad_end: [usize; 2],
    /// Windows: rows, columns.
    size: [usize; 2],
}

/// A setting of two positive numbers.
fn pair(node: &Node, name: &str) -> Result<[usize; 2], String> {
    match node.wholes(name) {
        None => Ok([1, 1]),
        Some(&[a, b]) if (1..=1 << 16).contains(&a) && (1..=1 << 16).contains(&b) => {
            Ok([a as usize, b as usize])
        }
        Some(other) => Err(format!("{name} {other:?}")),
    }
}

impl Frame {
    /// Reads the settings of `node` for windows of `kernel` on pictures of `size`.
    fn new(node: &Node, kernel: [usize; 2], size: [usize; 2]) -> Result<Self, String> {
        let (stride, dilation) = (pair(node, "strides")?, pair(node, "dilations")?);
        let (mut pad, mut pad_end) = ([0; 2], [0; 2]);
        match (node.text("auto_pad"), node.wholes("pads")) {
            ("" | "NOTSET", Some(pads)) => {
                let small = |p: &i64| usize::try_from(*p).ok().filter(|&p| p <= 1 << 12);
                let pads: Option<Vec<usize>> = pads.iter().map(small).collect();
                let Some(&[top, left, bottom, right]) = pads.as_deref() else {
                    return Err("its pads".into());
                };
                (pad, pad_end) = ([top, left], [bottom, right]);
            }
            ("" | "NOTSET" | "VALID", _) => {}
            (same @ ("SAME_UPPER" | "SAME_LOWER"), _) => {
                for axis in 0..2 {
                    let span = (size[axis].div_ceil(stride[axis]) - 1) * stride[axis];
                    let whole = (span + (kernel[axis] - 1) * dilation[axis] + 1).saturating_sub(size[axis]);
                    pad[axis] = if same == "SAME_UPPER" { whole / 2 } else { whole.div_ceil(2) };
                    pad_end[axis] = whole - pad[axis];
                }
            }
            (other, _) => return Err(format!("auto_pad {other}")),
        }
        let ceil = node.whole("ceil_mode", 0) != 0;
        let mut windows = [0; 2];
        for axis in 0..2 {
            let reach = (kernel[axis] - 1) * dilation[axis] + 1;
            let length = size[axis] + pad[axis] + pad_end[axis];
            let room = length.checked_sub(reach).ok_or("its windows are larger than its input")?;
            windows[axis] = if ceil { room.div_ceil(stride[axis]) } else { room / stride[axis] } + 1;
            // A window that would begin in the padding behind the picture is left out.
            if ceil && (windows[axis] - 1) * stride[axis] >= size[axis] + pad[axis] {
                windows[axis] -= 1;
            }
        }
        Ok(Self { stride, dilation, pad, pad_end, size: windows })
    }

    /// The zeros that windows of `kernel` read around a picture of `size`.
    fn margin(&self, kernel: [usize; 2], size: [usize; 2]) -> Margin {
        let beyond = |axis: usize| {
            let end =
                (self.size[axis] - 1) * self.stride[axis] + (kernel[axis] - 1) * self.dilation[axis] + 1;
            end.saturating_sub(self.pad[axis] + size[axis])
        };
        Margin { top: self.pad[0], left: self.pad[1], bottom: beyond(0), right: beyond(1) }
    }
}

impl Lowering<'_> {
    pub(super) fn conv(&mut self, index: usize, node: &Node) -> Result<(), String> {
        let packed = self.layers.convs.get(&index).cloned();
        let of_bytes = self.layers.int8_convs.get(&index).cloned();
        let shape = packed.as_ref().map(|p| p.shape).or(of_bytes.as_ref().map(|p| p.shape));
        let shape = shape.ok_or("its weights are missing")?;
        let held = self.input(node, 0)?;
        let &[n, c, h, w] = self.shape(&held).as_slice() else {
            return Err("takes feature maps of 4 dimensions".into());
        };
        if c != shape.inputs || n == 0 || h == 0 || w == 0 {
            return Err(format!("weights for {} channels, input of {n}×{c}×{h}×{w}", shape.inputs));
        }
        let frame = Frame::new(node, shape.kernel, [h, w])?;
        let margin = frame.margin(shape.kernel, [h, w]);
        let image = Image::new(n, shape.outputs, frame.size[0], frame.size[1]);
        let steps = Steps { stride: frame.stride, dilation: frame.dilation, pad: frame.pad };
        let make = match (packed, of_bytes) {
            (Some(packed), _) if packed.kind == Kind::Planar => {
                let from = self.operand(held)?;
                let planes = Image { n: n * c, c: 1, h, w, margin };
                planes.checked_len().ok_or("its input is too large")?;
                self.plains.push(PlainSize::Planes(planes));
                let to = self.plains.len() - 1;
                self.steps.push(Step::Plain { to, make: MakePlain::Pad { from, planes } });
                MakeImage::PlanarConv { from: to, planes, packed, steps }
            }
            (Some(packed), _) => {
                let from = self.image(held)?;
                self.images[from].margin = self.images[from].margin.union(margin);
                MakeImage::Conv { from, packed, steps }
            }
            (None, Some(packed)) => {
                let from = self.maps(held)?;
                let from = self.quantized(from, packed.grid)?;
                self.images[from].margin = self.images[from].margin.union(margin);
                MakeImage::Int8Conv { from, packed, steps }
            }
            (None, None) => return Err("its weights are missing".into()),
        };
        let made = self.make_image(image, make, Vec::new())?;
        self.set(node, Held::Image(made))
    }

    pub(super) fn pool(&mut self, node: &Node) -> Result<(), String> {
        let held = self.input(node, 0)?;
        let from = self.image(held)?;
        let Image { n, c, h, w, .. } = self.images[from];
        let kernel = pair(node, "kernel_shape")?;
        let frame = Frame::new(node, kernel, [h, w])?;
        if frame.dilation != [1, 1] {
            return Err("dilations are not supported".into());
        }
        if (0..2).any(|i| frame.pad[i] >= kernel[i]) {
            return Err("its padding is larger than its windows".into());
        }
        let kind = match node.op.as_str() {
            "MaxPool" => PoolKind::Max,
            _ => PoolKind::Mean { counts_padding: node.whole("count_include_pad", 0) != 0 },
        };
        let windows = Windows { kind, kernel, stride: frame.stride, pad: frame.pad, pad_end: frame.pad_end };
        let image = Image::new(n, c, frame.size[0], frame.size[1]);
        let made = self.make_image(image, MakeImage::Pool { from, windows }, Vec::new())?;
        self.set(node, Held::Image(made))
    }

    pub(super) fn global_pool(&mut self, node: &Node) -> Result<(), String> {
        let held = self.input(node, 0)?;
        let from = self.image(held)?;
        let Image { n, c, h, w, .. } = self.images[from];
        let kind = match node.op.as_str() {
            "GlobalMaxPool" => PoolKind::Max,
            _ => PoolKind::Mean { counts_padding: false },
        };
        let windows = Windows { kind, kernel: [h, w], stride: [1, 1], pad: [0; 2], pad_end: [0; 2] };
        let make = MakeImage::Pool { from, windows };
        let made = self.make_image(Image::new(n, c, 1, 1), make, Vec::new())?;
        self.set(node, Held::Image(made))
    }

    /// A mean over height and width.
    pub(super) fn mean(&mut self, node: &Node) -> Result<(), String> {
        let axes = match node.wholes("axes") {
            Some(axes) => axes.to_vec(),
            None => self.known_wholes(node, 1)?.unwrap_or_default(),
        };
        let held = self.input(node, 0)?;
        let rank = self.shape(&held).len();
        let mut axes: Vec<i64> = axes.iter().map(|a| if *a < 0 { a + rank as i64 } else { *a }).collect();
        axes.sort_unstable();
        if rank != 4 || axes != [2, 3] {
            return Err(format!("axes {axes:?} of {rank} dimensions, supported are height and width"));
        }
        self.global_pool(node)?;
        if node.whole("keepdims", 1) == 0 {
            let held = self.held.get(&node.outputs[0]).cloned().ok_or("has no output")?;
            let shape = self.shape(&held)[..2].to_vec();
            return self.set_reshaped(node, held, shape);
        }
        Ok(())
    }

    pub(super) fn linear(&mut self, index: usize, node: &Node) -> Result<(), String> {
        let packed = Arc::clone(self.layers.linears.get(&index).ok_or("its weights are missing")?);
        let held = self.input(node, 0)?;
        let from = self.operand(held)?;
        let mut shape = from.shape().to_vec();
        if shape.last() != Some(&packed.shape.inputs)
            || shape.len() < 2
            || (node.op == "Gemm" && shape.len() != 2)
        {
            return Err(format!("weights for {} inputs, input of {shape:?}", packed.shape.inputs));
        }
        *shape.last_mut().ok_or("takes no number")? = packed.shape.outputs;
        let made = self.make_plain(&shape, MakePlain::Linear { from, packed })?;
        self.set(node, made)
    }

    pub(super) fn resize(&mut self, node: &Node) -> Result<(), String> {
        let held = self.input(node, 0)?;
        let from = self.image(held)?;
        let Image { n, c, h, w, .. } = self.images[from];
        if !matches!(node.text("mode"), "nearest" | "") {
            return Err(format!("mode {} is not supported", node.text("mode")));
        }
        let [(to_h, scale_h), (to_w, scale_w)] = self.sizes(node, [n, c, h, w])?;
        if to_h.max(to_w) > 1 << 16 {
            return Err(format!("to {to_w}×{to_h} pixels"));
        }
        let rule = Nearest::of(node, self.graph.opset)?;
        let map =
            |to: usize, from: usize, scale: f32| (0..to).map(|i| rule.source(i, to, from, scale)).collect();
        let make = MakeImage::Resize { from, rows: map(to_h, h, scale_h), columns: map(to_w, w, scale_w) };
        let made = self.make_image(Image::new(n, c, to_h, to_w), make, Vec::new())?;
        self.set(node, Held::Image(made))
    }

    /// Height and width of the result of a resize, each with its scale.
    fn sizes(&self, node: &Node, shape: [usize; 4]) -> Result<[(usize, f32); 2], String> {
        let (scales_at, sizes_at) = match (node.op.as_str(), self.graph.opset) {
            ("Resize", 11..) => (2, 3),
            _ => (1, usize::MAX),
        };
        if node.attributes.contains_key("axes") || node.attributes.contains_key("keep_aspect_ratio_policy") {
            return Err("axes and keep_aspect_ratio_policy are not supported".into());
        }
        if let Some(sizes) = self.known_wholes(node, sizes_at)?.filter(|s| !s.is_empty()) {
            let sizes: Vec<usize> = sizes.iter().filter_map(|&s| usize::try_from(s).ok()).collect();
            return match sizes.as_slice() {
                &[n, c, h, w] if [n, c] == shape[..2] => {
                    Ok([(h, h as f32 / shape[2] as f32), (w, w as f32 / shape[3] as f32)])
                }
                _ => Err(format!("sizes {sizes:?}")),
            };
        }
        let scales = self.known(node, scales_at)?;
        match scales.as_ref().and_then(|t| t.floats()) {
            Some(&[n, c, h, w]) if n == 1.0 && c == 1.0 => {
                let size = |length: usize, s: f32| ((length as f32 * s).floor() as usize, s);
                Ok([size(shape[2], h), size(shape[3], w)])
            }
            other => Err(format!("scales {other:?}")),
        }
    }
}

/// How an output pixel finds its input pixel.
struct Nearest {
    transformation: Transformation,
    rounding: Rounding,
}

enum Transformation {
    Asymmetric,
    HalfPixel,
    AlignCorners,
}

enum Rounding {
    Floor,
    Ceil,
    PreferFloor,
    PreferCeil,
}

impl Nearest {
    fn of(node: &Node, opset: i64) -> Result<Self, String> {
        if node.op == "Upsample" || opset < 11 {
            return Ok(Self { transformation: Transformation::Asymmetric, rounding: Rounding::Floor });
        }
        let transformation = match node.text("coordinate_transformation_mode") {
            "asymmetric" => Transformation::Asymmetric,
            "" | "half_pixel" => Transformation::HalfPixel,
            "align_corners" => Transformation::AlignCorners,
            other => return Err(format!("coordinate_transformation_mode {other} is not supported")),
        };
        let rounding = match node.text("nearest_mode") {
            "floor" => Rounding::Floor,
            "ceil" => Rounding::Ceil,
            "" | "round_prefer_floor" => Rounding::PreferFloor,
            "round_prefer_ceil" => Rounding::PreferCeil,
            other => return Err(format!("nearest_mode {other} is not supported")),
        };
        Ok(Self { transformation, rounding })
    }

    /// The input pixel of output pixel `i`.
    fn source(&self, i: usize, to: usize, from: usize, scale: f32) -> usize {
        let i = i as f32;
        let x = match self.transformation {
            Transformation::Asymmetric => i / scale,
            Transformation::HalfPixel => (i + 0.5) / scale - 0.5,
            Transformation::AlignCorners if to <= 1 => 0.0,
            Transformation::AlignCorners => i * (from - 1) as f32 / (to - 1) as f32,
        };
        let x = match self.rounding {
            Rounding::Floor => x.floor(),
            Rounding::Ceil => x.ceil(),
            Rounding::PreferFloor => (x - 0.5).ceil(),
            Rounding::PreferCeil => (x + 0.5).floor(),
        };
        (x.max(0.0) as usize).min(from - 1)
    }
}
