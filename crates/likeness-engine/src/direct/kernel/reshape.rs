//! Moving numbers: between plain tensors and blocks of channels, from channel to channel, from size to size.

use super::image::Image;
use super::lanes::{Bytes, Kernel, LANES, Lane, Wide};
use crate::graph::Grid;

/// Writes a plain tensor \[n, c, h, w\] as blocks.
pub(crate) fn to_blocks(plain: &[f32], out: &mut [Lane], image: &Image) {
    for n in 0..image.n {
        for block in 0..image.blocks() {
            let channels = LANES.min(image.c - block * LANES);
            for y in 0..image.h {
                let row = &mut out[image.at(n, block, y, 0)..][..image.w];
                for c in 0..channels {
                    let from = ((n * image.c + block * LANES + c) * image.h + y) * image.w;
                    for (lane, v) in row.iter_mut().zip(&plain[from..][..image.w]) {
                        lane.0[c] = *v;
                    }
                }
            }
        }
    }
}

/// Writes blocks as a plain tensor \[n, c, h, w\].
pub(crate) fn to_planes(blocks: &[Lane], image: &Image, out: &mut [f32]) {
    for n in 0..image.n {
        for c in 0..image.c {
            for y in 0..image.h {
                let row = &blocks[image.at(n, c / LANES, y, 0)..][..image.w];
                let to = ((n * image.c + c) * image.h + y) * image.w;
                for (v, lane) in out[to..][..image.w].iter_mut().zip(row) {
                    *v = lane.0[c % LANES];
                }
            }
        }
    }
}

/// Writes blocks as a plain tensor \[n, h, w, c\].
pub(crate) fn to_pixels(blocks: &[Lane], image: &Image, out: &mut [f32]) {
    let mut pixels = out.chunks_exact_mut(image.c);
    for n in 0..image.n {
        for y in 0..image.h {
            for x in 0..image.w {
                let Some(pixel) = pixels.next() else { return };
                for (block, part) in pixel.chunks_mut(LANES).enumerate() {
                    part.copy_from_slice(&blocks[image.at(n, block, y, x)].0[..part.len()]);
                }
            }
        }
    }
}

/// Writes a plain tensor \[n, c, h, w\] as planes with margins; `image` counts every plane as a picture.
pub(crate) fn to_padded_planes(plain: &[f32], out: &mut [f32], image: &Image) {
    for (n, plane) in plain.chunks_exact(image.h * image.w).enumerate() {
        for (y, row) in plane.chunks_exact(image.w).enumerate() {
            out[image.at(n, 0, y, 0)..][..image.w].copy_from_slice(row);
        }
    }
}

/// Writes feature maps in steps of a grid.
pub(crate) struct Round<'a> {
    pub(crate) input: &'a [Lane],
    pub(crate) from: Image,
    pub(crate) out: &'a mut [Bytes],
    pub(crate) image: Image,
    pub(crate) grid: Grid,
}

impl Kernel for Round<'_> {
    #[inline(always)]
    fn run<W: Wide>(self, w: W) {
        let Self { input, from, out, image, grid } = self;
        for (to, at) in rows(&image).zip(rows(&from)) {
            for (to, lane) in out[to..][..image.w].iter_mut().zip(&input[at..]) {
                w.store_bytes(to, grid.steps(w, w.load(lane)));
            }
        }
    }
}

/// Writes what feature maps in steps of a grid stand for.
pub(crate) struct Widen<'a> {
    pub(crate) input: &'a [Bytes],
    pub(crate) from: Image,
    pub(crate) out: &'a mut [Lane],
    pub(crate) image: Image,
    pub(crate) grid: Grid,
}

impl Kernel for Widen<'_> {
    #[inline(always)]
    fn run<W: Wide>(self, w: W) {
        let Self { input, from, out, image, grid } = self;
        for (to, at) in rows(&image).zip(rows(&from)) {
            for (to, bytes) in out[to..][..image.w].iter_mut().zip(&input[at..]) {
                w.store(to, grid.meaning(w, w.load_bytes(bytes)));
            }
        }
    }
}

/// Where the rows of all blocks of all pictures begin.
#[inline(always)]
fn rows(image: &Image) -> impl Iterator<Item = usize> {
    let image = *image;
    let planes = (0..image.n).flat_map(move |n| (0..image.blocks()).map(move |b| (n, b)));
    planes.flat_map(move |(n, b)| (0..image.h).map(move |y| image.at(n, b, y, 0)))
}

/// Where an output channel comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChannelFrom<'a> {
    pub(crate) blocks: &'a [Lane],
    pub(crate) image: Image,
    pub(crate) channel: usize,
}

/// Puts together feature maps from channels of others of the same size.
pub(crate) fn gather_channels(from: &[ChannelFrom], out: &mut [Lane], image: &Image) {
    for n in 0..image.n {
        for (block, sources) in from.chunks(LANES).enumerate() {
            for y in 0..image.h {
                let row = &mut out[image.at(n, block, y, 0)..][..image.w];
                gather_row(sources, row, n, y);
            }
        }
    }
}

fn gather_row(sources: &[ChannelFrom], row: &mut [Lane], n: usize, y: usize) {
    let mut done = 0;
    while done < sources.len() {
        let first = &sources[done];
        let (block, lane) = (first.channel / LANES, first.channel % LANES);
        let follows = |i: &usize| {
            let s = &sources[done + i];
            std::ptr::eq(s.blocks, first.blocks) && s.channel == first.channel + i && lane + i < LANES
        };
        let length = (0..sources.len() - done).take_while(follows).count();
        let from = &first.blocks[first.image.at(n, block, y, 0)..][..row.len()];
        if length == LANES {
            row.copy_from_slice(from);
        } else if length == 1 {
            row.iter_mut().zip(from).for_each(|(to, from)| to.0[done] = from.0[lane]);
        } else {
            for (to, from) in row.iter_mut().zip(from) {
                to.0[done..done + length].copy_from_slice(&from.0[lane..lane + length]);
            }
        }
        done += length;
    }
}

/// Repeats rows and columns of `from` as the maps say.
pub(crate) fn resize(
    (blocks, from): (&[Lane], &Image),
    (out, image): (&mut [Lane], &Image),
    rows: &[usize],
    columns: &[usize],
) {
    for n in 0..image.n {
        for block in 0..image.blocks() {
            for (y, &from_y) in rows.iter().enumerate() {
                let source = &blocks[from.at(n, block, from_y, 0)..][..from.w];
                let row = &mut out[image.at(n, block, y, 0)..][..image.w];
                for (to, &x) in row.iter_mut().zip(columns) {
                    *to = source[x];
                }
            }
        }
    }
}
