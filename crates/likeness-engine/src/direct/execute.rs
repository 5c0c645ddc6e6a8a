//! Carries a plan out: a workspace with the input in it enters, one with the outputs leaves.

use super::kernel::conv::{Conv, Source};
use super::kernel::conv8::Int8Conv;
use super::kernel::finish::{Activation, Finish, FinishRows, First};
use super::kernel::image::Image;
use super::kernel::lanes::{self, Bytes, Lane};
use super::kernel::plain::{self, Each, Linear};
use super::kernel::pool::Pool;
use super::kernel::reshape::{self, ChannelFrom, Round, Widen};
use super::kernel::target::Target;
use super::plan::{Form, ImageId, MakeImage, MakePlain, Operand, Plan, Post, Step, Workspace};

impl Plan {
    /// Does every step.
    pub(crate) fn execute(&self, memory: &mut Workspace) {
        for step in &self.steps {
            match step {
                Step::Image { to, make, posts } => {
                    let (image, slot) = self.images[*to];
                    match self.forms[*to] {
                        Form::Floats => {
                            let mut out = std::mem::take(&mut memory.images[slot]);
                            self.make_image(memory, make, posts, (Target::Floats(&mut out), image));
                            memory.images[slot] = out;
                        }
                        Form::Quantized(grid) => {
                            let mut out = std::mem::take(&mut memory.bytes[slot]);
                            self.make_image(memory, make, posts, (Target::Bytes(&mut out, grid), image));
                            memory.bytes[slot] = out;
                        }
                    }
                }
                Step::Plain { to, make } => {
                    let slot = self.plains[*to].1;
                    let mut out = std::mem::take(&mut memory.plains[slot]);
                    self.make_plain(memory, make, &mut out);
                    memory.plains[slot] = out;
                }
            }
        }
    }

    /// The numbers of an operand.
    pub(crate) fn numbers<'m>(&self, memory: &'m Workspace, operand: &'m Operand) -> &'m [f32] {
        match operand {
            Operand::Computed(id, shape) => {
                &memory.plains[self.plains[*id].1][..shape.iter().product::<usize>()]
            }
            Operand::Constant(values, _) => values,
        }
    }

    fn image<'m>(&self, memory: &'m Workspace, id: ImageId) -> (&'m [Lane], Image) {
        let (image, slot) = self.images[id];
        (&memory.images[slot], image)
    }

    fn bytes<'m>(&self, memory: &'m Workspace, id: ImageId) -> (&'m [Bytes], Image) {
        let (image, slot) = self.images[id];
        (&memory.bytes[slot], image)
    }

    fn finish<'m>(&self, memory: &'m Workspace, post: &'m Post) -> Finish<'m> {
        let other = |id: &ImageId| self.image(memory, *id);
        match post {
            Post::Activation(f) => Finish::Activation(*f),
            Post::Slope(slopes) => Finish::Slope(slopes),
            Post::Scale(scales, shifts) => Finish::Scale(scales, shifts),
            Post::Add(id) => match self.forms[*id] {
                Form::Floats => Finish::Add(other(id).0, other(id).1),
                Form::Quantized(grid) => {
                    let (data, image) = self.bytes(memory, *id);
                    Finish::AddBytes(data, image, grid)
                }
            },
            Post::Mul(id) => Finish::Mul(other(id).0, other(id).1),
            Post::MulChannel(id) => Finish::MulChannel(other(id).0, other(id).1),
        }
    }

    fn make_image(
        &self,
        memory: &Workspace,
        make: &MakeImage,
        posts: &[Post],
        (out, image): (Target, Image),
    ) {
        let finishes: Vec<_> = posts.iter().map(|p| self.finish(memory, p)).collect();
        match make {
            MakeImage::Conv { from, packed, steps } => {
                let (data, from) = self.image(memory, *from);
                let (first, finishes) = first_of(&finishes);
                let source = Source::Blocked(data, from);
                return Conv { source, out, image, packed, steps: *steps, first, finishes }.compute();
            }
            MakeImage::PlanarConv { from, planes, packed, steps } => {
                let source = Source::Planar(&memory.plains[self.plains[*from].1], *planes);
                let (first, finishes) = first_of(&finishes);
                return Conv { source, out, image, packed, steps: *steps, first, finishes }.compute();
            }
            MakeImage::Int8Conv { from, packed, steps } => {
                let (source, from) = self.bytes(memory, *from);
                let in_registers = finishes.iter().all(Finish::fits_registers);
                let (finishes, steps) = (&finishes, *steps);
                return Int8Conv { source, from, out, image, packed, steps, finishes, in_registers }
                    .compute();
            }
            _ => {}
        }
        let out = match out {
            Target::Floats(out) => out,
            Target::Bytes(out, grid) => {
                let MakeImage::Quantize(from) = make else {
                    unreachable!("the planner rounds in convolutions and in steps of their own");
                };
                let (input, from) = self.image(memory, *from);
                return lanes::run(Round { input, from, out, image, grid });
            }
        };
        match make {
            MakeImage::Conv { .. }
            | MakeImage::PlanarConv { .. }
            | MakeImage::Int8Conv { .. }
            | MakeImage::Quantize(_) => {}
            MakeImage::Dequantize(from, grid) => {
                let (input, from) = self.bytes(memory, *from);
                lanes::run(Widen { input, from, out, image, grid: *grid });
            }
            MakeImage::ToBlocks(from) => reshape::to_blocks(self.numbers(memory, from), out, &image),
            MakeImage::Pool { from, windows } => {
                let (input, from) = self.image(memory, *from);
                lanes::run(Pool { input, from, out, image, windows: *windows });
            }
            MakeImage::Resize { from, rows, columns } => {
                let (data, from) = self.image(memory, *from);
                reshape::resize((data, &from), (out, &image), rows, columns);
            }
            MakeImage::Gather(from) => {
                let source = |&(id, channel): &(ImageId, usize)| {
                    let (blocks, image) = self.image(memory, id);
                    ChannelFrom { blocks, image, channel }
                };
                reshape::gather_channels(&from.iter().map(source).collect::<Vec<_>>(), out, &image);
            }
        }
        for (n, block) in (0..image.n).flat_map(|n| (0..image.blocks()).map(move |b| (n, b))) {
            FinishRows { finishes: &finishes, out, image, n, block, rows: 0..image.h }.apply();
        }
    }

    fn make_plain(&self, memory: &Workspace, make: &MakePlain, out: &mut [f32]) {
        let of = |operand| self.numbers(memory, operand);
        match make {
            MakePlain::ToPlanes(id) => {
                let (data, image) = self.image(memory, *id);
                reshape::to_planes(data, &image, out);
            }
            MakePlain::ToPixels(id) => {
                let (data, image) = self.image(memory, *id);
                reshape::to_pixels(data, &image, out);
            }
            MakePlain::Pad { from, planes } => reshape::to_padded_planes(of(from), out, planes),
            MakePlain::Linear { from, packed } => lanes::run(Linear { packed, input: of(from), out }),
            MakePlain::Each { from, function } => {
                lanes::run(Each { function: *function, input: of(from), out });
            }
            MakePlain::Sqrt(from) => out.iter_mut().zip(of(from)).for_each(|(to, v)| *to = v.sqrt()),
            MakePlain::Binary { function, a, b, shape } => {
                plain::binary(*function, (of(a), a.shape()), (of(b), b.shape()), out, shape);
            }
            MakePlain::Copy { from, shape, strides, start } => {
                plain::copy(of(from), out, shape, strides, *start);
            }
            MakePlain::Concat(from) => {
                let whole: usize = from.iter().map(|(_, run)| run).sum();
                let mut offset = 0;
                for (operand, run) in from {
                    for (to, from) in
                        out.chunks_exact_mut(whole.max(1)).zip(of(operand).chunks_exact((*run).max(1)))
                    {
                        to[offset..][..*run].copy_from_slice(&from[..*run]);
                    }
                    offset += run;
                }
            }
            MakePlain::Softmax { from, length, inner } => plain::softmax(of(from), out, *length, *inner),
        }
    }
}

/// The function that a convolution applies in registers, and those that are left.
fn first_of<'f, 'a>(finishes: &'f [Finish<'a>]) -> (First<'a>, &'f [Finish<'a>]) {
    match finishes {
        [Finish::Activation(Activation::Relu), rest @ ..] => (First::Relu, rest),
        [Finish::Slope(slopes), rest @ ..] => (First::Slope(slopes), rest),
        _ => (First::Nothing, finishes),
    }
}
