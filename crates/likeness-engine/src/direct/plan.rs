//! The plan for inputs of one shape: its steps, and the buffers of their values.
//!
//! A buffer is reused, for values of the same size, after its last reader. Margins are written once, when a buffer is made,
//! and keep the representation of zero, because every step writes inside them.

use std::collections::HashMap;
use std::sync::Arc;

use super::kernel::conv::Steps;
use super::kernel::finish::Activation;
use super::kernel::image::Image;
use super::kernel::lanes::{Bytes, LANES, Lane};
use super::kernel::pack::Packed;
use super::kernel::pack8::PackedInt8;
use super::kernel::plain::Binary;
use super::kernel::pool::Windows;
use crate::graph::Grid;
use crate::{EngineError, Result, pages};

/// Most memory that the buffers of one call may take; a graph that asks for more is an accident or an attack.
const MAX_BYTES: usize = 4 << 30;

/// How the values of feature maps are stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Form {
    Floats,
    Quantized(Grid),
}

/// Number of a buffer of feature maps.
pub(crate) type ImageId = usize;
/// Number of a buffer of a plain tensor.
pub(crate) type PlainId = usize;

/// A plain tensor: computed, or constant.
#[derive(Debug, Clone)]
pub(crate) enum Operand {
    Computed(PlainId, Vec<usize>),
    Constant(Arc<Vec<f32>>, Vec<usize>),
}

impl Operand {
    /// Its sizes.
    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Self::Computed(_, shape) | Self::Constant(_, shape) => shape,
        }
    }
}

/// How feature maps are made.
#[derive(Debug)]
pub(crate) enum MakeImage {
    ToBlocks(Operand),
    Conv {
        from: ImageId,
        packed: Arc<Packed>,
        steps: Steps,
    },
    PlanarConv {
        from: PlainId,
        planes: Image,
        packed: Arc<Packed>,
        steps: Steps,
    },
    /// A convolution of uint8 feature maps and int8 weights.
    Int8Conv {
        from: ImageId,
        packed: Arc<PackedInt8>,
        steps: Steps,
    },
    /// Quantises f32 feature maps.
    Quantize(ImageId),
    /// Dequantises feature maps to f32.
    Dequantize(ImageId, Grid),
    Pool {
        from: ImageId,
        windows: Windows,
    },
    Resize {
        from: ImageId,
        rows: Vec<usize>,
        columns: Vec<usize>,
    },
    Gather(Vec<(ImageId, usize)>),
}

/// An operation on the values of feature maps as they are made.
#[derive(Debug)]
pub(crate) enum Post {
    Activation(Activation),
    Slope(Vec<Lane>),
    Scale(Vec<Lane>, Vec<Lane>),
    Add(ImageId),
    Mul(ImageId),
    MulChannel(ImageId),
}

/// How a plain tensor is made.
#[derive(Debug)]
pub(crate) enum MakePlain {
    ToPlanes(ImageId),
    ToPixels(ImageId),
    Pad {
        from: Operand,
        planes: Image,
    },
    Linear {
        from: Operand,
        packed: Arc<Packed>,
    },
    Each {
        from: Operand,
        function: Activation,
    },
    Sqrt(Operand),
    Binary {
        function: Binary,
        a: Operand,
        b: Operand,
        shape: Vec<usize>,
    },
    Copy {
        from: Operand,
        shape: Vec<usize>,
        strides: Vec<isize>,
        start: usize,
    },
    /// Each operand's numbers in runs, one run of each after another.
    Concat(Vec<(Operand, usize)>),
    Softmax {
        from: Operand,
        length: usize,
        inner: usize,
    },
}

/// One step.
#[derive(Debug)]
pub(crate) enum Step {
    Image { to: ImageId, make: MakeImage, posts: Vec<Post> },
    Plain { to: PlainId, make: MakePlain },
}

/// A buffer, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Buffer {
    Image(ImageId),
    Plain(PlainId),
}

impl Step {
    /// What it writes.
    pub(crate) fn writes(&self) -> Buffer {
        match self {
            Self::Image { to, .. } => Buffer::Image(*to),
            Self::Plain { to, .. } => Buffer::Plain(*to),
        }
    }

    /// What it reads.
    pub(crate) fn reads(&self) -> Vec<Buffer> {
        let of = |o: &Operand| match o {
            Operand::Computed(id, _) => vec![Buffer::Plain(*id)],
            Operand::Constant(..) => vec![],
        };
        match self {
            Self::Image { make, posts, .. } => {
                let mut reads = match make {
                    MakeImage::ToBlocks(from) => of(from),
                    MakeImage::PlanarConv { from, .. } => vec![Buffer::Plain(*from)],
                    MakeImage::Conv { from, .. }
                    | MakeImage::Int8Conv { from, .. }
                    | MakeImage::Quantize(from)
                    | MakeImage::Dequantize(from, _)
                    | MakeImage::Pool { from, .. }
                    | MakeImage::Resize { from, .. } => vec![Buffer::Image(*from)],
                    MakeImage::Gather(from) => from.iter().map(|(id, _)| Buffer::Image(*id)).collect(),
                };
                reads.extend(posts.iter().filter_map(|post| match post {
                    Post::Add(id) | Post::Mul(id) | Post::MulChannel(id) => Some(Buffer::Image(*id)),
                    _ => None,
                }));
                reads
            }
            Self::Plain { make, .. } => match make {
                MakePlain::ToPlanes(id) | MakePlain::ToPixels(id) => vec![Buffer::Image(*id)],
                MakePlain::Pad { from, .. }
                | MakePlain::Linear { from, .. }
                | MakePlain::Each { from, .. }
                | MakePlain::Sqrt(from)
                | MakePlain::Copy { from, .. }
                | MakePlain::Softmax { from, .. } => of(from),
                MakePlain::Binary { a, b, .. } => [of(a), of(b)].concat(),
                MakePlain::Concat(from) => from.iter().flat_map(|(o, _)| of(o)).collect(),
            },
        }
    }
}

/// The sizes of a buffer of plain numbers: a plain length, or planes with margins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PlainSize {
    Length(usize),
    Planes(Image),
}

impl PlainSize {
    /// Numbers it holds.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Length(n) => *n,
            Self::Planes(image) => image.len(),
        }
    }
}

/// The sizes that decide whether two buffers may be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Size {
    Image(Image),
    /// With the byte that its margins hold.
    Bytes(Image, u8),
    Plain(PlainSize),
}

/// The memory of one call.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) images: Vec<Vec<Lane>>,
    pub(crate) bytes: Vec<Vec<Bytes>>,
    pub(crate) plains: Vec<Vec<f32>>,
}

/// Everything to be done for inputs of one shape.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// Sizes of each buffer of feature maps, and its place in the workspace among those of its form.
    pub(crate) images: Vec<(Image, usize)>,
    pub(crate) forms: Vec<Form>,
    pub(crate) plains: Vec<(PlainSize, usize)>,
    pub(crate) input: PlainId,
    pub(crate) outputs: Vec<Operand>,
    image_slots: Vec<Image>,
    byte_slots: Vec<(Image, u8)>,
    plain_slots: Vec<PlainSize>,
}

impl Plan {
    /// Places the buffers of `steps`.
    ///
    /// # Errors        more memory than is allowed → [`EngineError::OutOfMemory`]
    pub(crate) fn new(
        steps: Vec<Step>,
        images: Vec<(Image, Form)>,
        plains: Vec<PlainSize>,
        input: PlainId,
        outputs: Vec<Operand>,
    ) -> Result<Self> {
        let mut plan = Self {
            steps,
            forms: images.iter().map(|(_, form)| *form).collect(),
            images: images.into_iter().map(|(i, _)| (i, 0)).collect(),
            plains: plains.into_iter().map(|p| (p, 0)).collect(),
            input,
            outputs,
            image_slots: Vec::new(),
            byte_slots: Vec::new(),
            plain_slots: Vec::new(),
        };
        plan.place()?;
        Ok(plan)
    }

    fn size(&self, buffer: Buffer) -> Size {
        match buffer {
            Buffer::Image(id) => match self.forms[id] {
                Form::Floats => Size::Image(self.images[id].0),
                Form::Quantized(grid) => Size::Bytes(self.images[id].0, grid.zero),
            },
            Buffer::Plain(id) => Size::Plain(self.plains[id].0),
        }
    }

    /// Step after which nobody reads a buffer any more.
    fn last_reads(&self) -> HashMap<Buffer, usize> {
        let mut last = HashMap::new();
        for (i, step) in self.steps.iter().enumerate() {
            last.insert(step.writes(), i);
            last.extend(step.reads().into_iter().map(|b| (b, i)));
        }
        for output in &self.outputs {
            if let Operand::Computed(id, _) = output {
                last.insert(Buffer::Plain(*id), usize::MAX);
            }
        }
        last
    }

    fn place(&mut self) -> Result<()> {
        let last = self.last_reads();
        let mut free: HashMap<Size, Vec<usize>> = HashMap::new();
        let mut bytes = 0usize;
        self.place_one(Buffer::Plain(self.input), &mut free, &mut bytes)?;
        for i in 0..self.steps.len() {
            self.place_one(self.steps[i].writes(), &mut free, &mut bytes)?;
            let mut done = self.steps[i].reads();
            done.push(self.steps[i].writes());
            done.sort_by_key(|b| match b {
                Buffer::Image(id) => (0, *id),
                Buffer::Plain(id) => (1, *id),
            });
            done.dedup();
            for buffer in done.into_iter().filter(|b| last.get(b) == Some(&i)) {
                let slot = match buffer {
                    Buffer::Image(id) => self.images[id].1,
                    Buffer::Plain(id) => self.plains[id].1,
                };
                free.entry(self.size(buffer)).or_default().push(slot);
            }
        }
        Ok(())
    }

    fn place_one(
        &mut self,
        buffer: Buffer,
        free: &mut HashMap<Size, Vec<usize>>,
        bytes: &mut usize,
    ) -> Result<()> {
        let size = self.size(buffer);
        let slot = match (free.get_mut(&size).and_then(Vec::pop), size) {
            (Some(slot), _) => slot,
            (None, Size::Image(image)) => {
                charge(bytes, image.checked_len().and_then(|n| n.checked_mul(size_of::<Lane>())))?;
                self.image_slots.push(image);
                self.image_slots.len() - 1
            }
            (None, Size::Bytes(image, zero)) => {
                charge(bytes, image.checked_len().and_then(|n| n.checked_mul(size_of::<Bytes>())))?;
                self.byte_slots.push((image, zero));
                self.byte_slots.len() - 1
            }
            (None, Size::Plain(plain)) => {
                charge(bytes, plain.len().checked_mul(size_of::<f32>()))?;
                self.plain_slots.push(plain);
                self.plain_slots.len() - 1
            }
        };
        match buffer {
            Buffer::Image(id) => self.images[id].1 = slot,
            Buffer::Plain(id) => self.plains[id].1 = slot,
        }
        Ok(())
    }

    /// The bytes that [`Plan::workspace`] takes.
    pub(crate) fn workspace_bytes(&self) -> usize {
        self.image_slots.iter().map(|i| i.len() * size_of::<Lane>()).sum::<usize>()
            + self.byte_slots.iter().map(|(i, _)| i.len() * size_of::<Bytes>()).sum::<usize>()
            + self.plain_slots.iter().map(|p| p.len() * size_of::<f32>()).sum::<usize>()
    }

    /// Memory for one call.
    pub(crate) fn workspace(&self) -> Workspace {
        Workspace {
            images: self.image_slots.iter().map(|i| zeros(i.len())).collect(),
            bytes: self.byte_slots.iter().map(|(i, zero)| vec![Bytes([*zero; LANES]); i.len()]).collect(),
            plains: self.plain_slots.iter().map(|p| vec![0.0; p.len()]).collect(),
        }
    }
}

fn zeros(length: usize) -> Vec<Lane> {
    let mut lanes = pages::with_capacity(length);
    lanes.resize(length, Lane::ZERO);
    lanes
}

fn charge(bytes: &mut usize, more: Option<usize>) -> Result<()> {
    *bytes = more.and_then(|m| bytes.checked_add(m)).filter(|&b| b <= MAX_BYTES).ok_or_else(|| {
        EngineError::OutOfMemory {
            reason: format!("its feature maps take more than {} MiB for this input", MAX_BYTES >> 20),
        }
    })?;
    Ok(())
}
