//! Renders an SVG document as a PNG of twice its size.

use std::sync::Arc;

use resvg::usvg::fontdb::Database;

use crate::{ReportError, Result};

/// Pixels of the PNG for each of the SVG.
const SCALE: f32 = 2.0;
/// Whether a character is surely in the font that the program brings.
fn is_built_in(c: char) -> bool {
    c <= '\u{24F}' || "−…–—".contains(c)
}

/// `text`, an SVG document, as an encoded PNG.
///
/// # Errors        the document cannot be rendered → `Chart`
pub(super) fn render(text: &str) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| ReportError::Chart { reason: error.to_string() };
    let mut options = resvg::usvg::Options::default();
    load_fonts(Arc::make_mut(&mut options.fontdb), text);
    let tree = resvg::usvg::Tree::from_str(text, &options).map_err(|error| failed(&error))?;
    let size = tree.size();
    let (width, height) = ((size.width() * SCALE) as u32, (size.height() * SCALE) as u32);
    let mut picture =
        resvg::tiny_skia::Pixmap::new(width, height).ok_or_else(|| failed(&"an empty picture"))?;
    let scale = resvg::tiny_skia::Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, scale, &mut picture.as_mut());
    picture.encode_png().map_err(|error| failed(&error))
}

/// The fonts that the program brings and, where `text` needs more than they have, those of the system.
fn load_fonts(fonts: &mut Database, text: &str) {
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    let family = fonts.faces().next().and_then(|face| Some(face.families.first()?.0.clone()));
    if !text.chars().all(is_built_in) {
        fonts.load_system_fonts();
    }
    // After the system's, which set families of their own.
    if let Some(family) = family {
        fonts.set_sans_serif_family(family);
    }
}
