//! Classical descriptors: colour, edges and texture of a face as one histogram each, without any training.
//!
//! A face enters as an RGB picture of 128×128 pixels; `color` counts its hues over a coarse grid, `edge` the
//! directions of its gradients, `texture` the binary patterns around its pixels, and `classic` joins the three.
//! Every value is finite and non-negative, so that all distances apply; each descriptor is meant for Jaccard's.

mod classic;
mod color;
mod edge;
mod embedder;
mod grey;
mod grid;
#[cfg(test)]
mod tests;
mod texture;

use std::fmt;
use std::str::FromStr;

use crate::{EmbedError, Embedder};

/// A way to turn a face into numbers that needs no training and no model file.
///
/// # Examples
/// ```
/// use likeness_embed::descriptor::Descriptor;
///
/// let texture = "texture".parse::<Descriptor>()?.embedder();
/// assert_eq!(texture.spec().dimension, 5 * 5 * 59);
/// # Ok::<(), likeness_embed::EmbedError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Descriptor {
    /// Histograms of hue, saturation and value over a 4×4 grid.
    Color,
    /// Histograms of oriented gradients.
    Edge,
    /// Histograms of uniform local binary patterns over a 5×5 grid.
    Texture,
    /// The three above in one vector, equally weighted.
    Classic,
}

impl Descriptor {
    /// All descriptors, in the order they are documented.
    pub const ALL: [Self; 4] = [Self::Color, Self::Edge, Self::Texture, Self::Classic];

    /// The name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Color => "color",
            Self::Edge => "edge",
            Self::Texture => "texture",
            Self::Classic => "classic",
        }
    }

    /// An embedder that computes this descriptor with its recommended parameters.
    ///
    /// Its fingerprint is the SHA-256 over the descriptor's name, the version of its algorithm and all parameters.
    pub fn embedder(self) -> Box<dyn Embedder> {
        match self {
            Self::Color => embedder::boxed(color::ColorConfig::default()),
            Self::Edge => embedder::boxed(edge::EdgeConfig::default()),
            Self::Texture => embedder::boxed(texture::TextureConfig::default()),
            Self::Classic => embedder::boxed(classic::ClassicConfig::default()),
        }
    }
}

impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Descriptor {
    type Err = EmbedError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|d| d.name() == name).ok_or_else(|| EmbedError::BadArgument {
            reason: format!("{name}: no such descriptor"),
            hint: Some("known are color, edge, texture and classic".into()),
        })
    }
}
