//! Colour, edges and texture in one vector.
//!
//! RGB face in, the three descriptors one after another out, each divided by three times its own sum: every part then
//! has the same say in Jaccard's distance, which compares sums, whatever its length and scale.

use image::RgbImage;

use super::color::ColorConfig;
use super::edge::EdgeConfig;
use super::embedder::Describe;
use super::grey::grey;
use super::texture::TextureConfig;

/// The parameters of the three parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ClassicConfig {
    pub(super) color: ColorConfig,
    pub(super) edge: EdgeConfig,
    pub(super) texture: TextureConfig,
}

impl Describe for ClassicConfig {
    const NAME: &'static str = "classic";
    const VERSION: u32 = 1;

    fn parameters(&self) -> String {
        let Self { color, edge, texture } = self;
        let (c, e, t) = (ColorConfig::VERSION, EdgeConfig::VERSION, TextureConfig::VERSION);
        format!(
            "color({c} {}) edge({e} {}) texture({t} {})",
            color.parameters(),
            edge.parameters(),
            texture.parameters()
        )
    }

    fn dimension(&self) -> usize {
        self.color.dimension() + self.edge.dimension() + self.texture.dimension()
    }

    fn describe(&self, face: &RgbImage) -> Vec<f32> {
        let grey = grey(face);
        let parts =
            [self.color.describe(face), self.edge.describe_grey(&grey), self.texture.describe_grey(&grey)];
        let mut descriptor = Vec::with_capacity(self.dimension());
        for part in parts {
            let sum: f32 = part.iter().sum();
            // A face without any gradient has no edges; that part stays zero.
            let scale = if sum > 0.0 { 1.0 / (3.0 * sum) } else { 0.0 };
            descriptor.extend(part.iter().map(|v| v * scale));
        }
        descriptor
    }
}
