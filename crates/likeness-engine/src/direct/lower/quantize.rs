//! Quantised feature maps: written as uint8 by the step that makes them, if it can.

use super::{Held, Lowering};
use crate::direct::kernel::finish::Activation;
use crate::direct::kernel::image::Image;
use crate::direct::plan::{Form, ImageId, MakeImage, Post, Step};
use crate::graph::Grid;
use crate::graph::Node;

impl Lowering<'_> {
    pub(super) fn grid(&mut self, node: &Node) -> Result<(), String> {
        let grid = node.outputs.first().and_then(|v| self.graph.grids.get(v)).copied();
        let grid = grid.ok_or("its grid is not known")?;
        let held = self.input(node, 0)?;
        if !self.is_image(&held) {
            return self.activation(node, Activation::Grid(grid));
        }
        if let Some((step, id)) = self.open_step(node, 0)
            && self.forms[id] == Form::Floats
            && self.writes_bytes(step)
        {
            self.forms[id] = Form::Quantized(grid);
            return self.set(node, Held::Image(id));
        }
        let from = self.image(held)?;
        let made = self.quantized(from, grid)?;
        self.set(node, Held::Image(made))
    }

    /// Feature maps in steps of `grid`.
    pub(super) fn quantized(&mut self, from: ImageId, grid: Grid) -> Result<ImageId, String> {
        if self.forms[from] == Form::Quantized(grid) {
            return Ok(from);
        }
        let from = self.floats(from)?;
        let Image { n, c, h, w, .. } = self.images[from];
        let made = self.make_image(Image::new(n, c, h, w), MakeImage::Quantize(from), Vec::new())?;
        self.forms[made] = Form::Quantized(grid);
        Ok(made)
    }

    /// Whether a step can round what it makes: everything before has to fit registers.
    fn writes_bytes(&self, step: usize) -> bool {
        use MakeImage::{Conv, Int8Conv, PlanarConv};
        let Step::Image { make, posts, .. } = &self.steps[step] else { return false };
        let fits = |post: &Post| {
            matches!(
                post,
                Post::Activation(Activation::Relu | Activation::Grid(_)) | Post::Slope(_) | Post::Add(_)
            )
        };
        match make {
            Int8Conv { .. } => posts.iter().all(fits),
            Conv { .. } | PlanarConv { .. } => {
                matches!(posts.as_slice(), [] | [Post::Activation(Activation::Relu) | Post::Slope(_)])
            }
            _ => false,
        }
    }

    /// Makes an image that is rounded at the end of its step one that goes on with the rounded numbers.
    pub(super) fn reopen(&mut self, step: usize, id: ImageId) {
        if let (Form::Quantized(grid), Step::Image { posts, .. }) = (self.forms[id], &mut self.steps[step]) {
            posts.push(Post::Activation(Activation::Grid(grid)));
            self.forms[id] = Form::Floats;
        }
    }
}
