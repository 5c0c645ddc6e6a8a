//! Where a kernel's numbers go: as they are, or in steps of a grid, a byte each.

use super::finish::Pixels;
use super::image::Image;
use super::lanes::{Bytes, Lane, Wide};
use crate::graph::Grid;

impl Grid {
    /// The numbers in steps, not yet rounded.
    #[inline(always)]
    pub(crate) fn steps<W: Wide>(self, w: W, v: W::V) -> W::V {
        w.fma(v, w.splat(self.inverse), w.splat(f32::from(self.zero)))
    }

    /// What bytes, given as numbers, stand for.
    #[inline(always)]
    pub(crate) fn meaning<W: Wide>(self, w: W, bytes: W::V) -> W::V {
        w.mul(w.add(bytes, w.splat(-f32::from(self.zero))), w.splat(self.scale))
    }

    /// The nearest numbers of the grid.
    #[inline(always)]
    pub(crate) fn of<W: Wide>(self, w: W, v: W::V) -> W::V {
        // Numbers from 2²³ to 2²⁴ are whole.
        const WHOLE: f32 = 8_388_608.0;
        let held = w.min(w.max(self.steps(w, v), w.splat(0.0)), w.splat(255.0));
        self.meaning(w, w.add(w.add(held, w.splat(WHOLE)), w.splat(-WHOLE)))
    }
}

/// The memory of feature maps in the making.
#[derive(Debug)]
pub(crate) enum Target<'a> {
    /// As they are.
    Floats(&'a mut [Lane]),
    /// In steps.
    Bytes(&'a mut [Bytes], Grid),
}

impl Target<'_> {
    /// Takes the numbers of P pixels of `image` to memory.
    #[inline(always)]
    pub(crate) fn put<W: Wide, const P: usize>(
        &mut self,
        w: W,
        image: &Image,
        pixels: Pixels,
        values: [W::V; P],
    ) {
        let (start, places) = (image.start(pixels.n, pixels.block), image.places::<P>(pixels.y, pixels.x));
        // The loops are so short that the compiler unrolls them: numbers whose index is known stay in registers.
        match self {
            Self::Floats(out) => {
                let plane = &mut out[start..start + image.plane()];
                for p in 0..P {
                    w.store(&mut plane[places[p]], values[p]);
                }
            }
            Self::Bytes(out, grid) => {
                let plane = &mut out[start..start + image.plane()];
                for p in 0..P {
                    w.store_bytes(&mut plane[places[p]], grid.steps(w, values[p]));
                }
            }
        }
    }
}
