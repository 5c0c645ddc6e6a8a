//! Synthetic faces: a seed that says who and a seed that says which picture enter, a drawn face with its ground truth
//! leaves.
//!
//! Where there are no photos — a first run, a test, a machine without a network — these stand in for them. One
//! face's way:
//!
//! 1. `identity` turns the first seed into measures and colours that all pictures of the face share;
//! 2. `shot` turns the second into pose, light, expression, worn things and the camera's faults;
//! 3. `view` places the head in the picture, turned by parallax;
//! 4. `scene`, `hair`, `head`, `features` and `worn` say what is where, `brush` draws it in one of two [`Style`]s;
//! 5. `finish` spoils the picture as cameras and paper do.
//!
//! Both styles draw the same identity, so that a set of sketches is the same people in another domain. The seeds and
//! the drawing use no clock, no thread order and no global state: the same call gives the same bytes on the same
//! kind of machine. Across kinds of machine single pixels may differ by rounding, since sines and SIMD fills are not
//! specified to the bit.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod brush;
mod dataset;
mod features;
mod finish;
mod hair;
mod head;
mod identity;
mod scene;
mod shot;
#[cfg(test)]
mod tests;
mod tint;
mod view;
mod worn;

use image::RgbImage;
use serde::{Deserialize, Serialize};

use brush::{Brush, Medium};
use identity::Identity;
use likeness_data::geometry::{Landmarks, Rect};
use likeness_data::seed::{Purpose, RandomStream};
use likeness_data::{DataError, Result};
use shot::Shot;
use tint::Tint;
use view::View;

pub use dataset::{Layout, PictureFormat, SynthConfig, SynthDataset, write_dataset};

/// The smallest picture that still shows a face.
pub const MIN_SIZE_PX: u32 = 16;
/// The largest picture drawn.
pub const MAX_SIZE_PX: u32 = 4096;
/// Hair above this v is not part of the face box: the box goes from the hairline to the chin.
const BOX_TOP_V: f32 = -0.62;

/// What a face is drawn as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Shaded and coloured, with backgrounds and a camera's faults: the source domain.
    #[default]
    Portrait = 0,
    /// Ink lines, few flat crayon colours, hatching and paper: the same faces in a shifted domain.
    Sketch = 1,
}

impl Style {
    /// The name used in tables and settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portrait => "portrait",
            Self::Sketch => "sketch",
        }
    }
}

/// A drawn face with its ground truth.
#[derive(Debug, Clone, PartialEq)]
pub struct SynthFace {
    /// The picture, square.
    pub image: RgbImage,
    /// Hairline to chin, cheek to cheek, cut at the picture's edges, in pixels.
    pub face_box: Rect,
    /// Eyes, nose tip and mouth corners, in pixels; always inside `face_box`.
    pub landmarks: Landmarks,
}

/// Draws one picture of one identity.
///
/// # Units
/// `size` is the side of the square picture in pixels, from [`MIN_SIZE_PX`] to [`MAX_SIZE_PX`].
///
/// # Conventions
/// All pairs of seeds are valid. The two styles of one pair show the same face but in different poses, so that they
/// cannot be matched pixel by pixel.
///
/// # Errors
/// A size out of bounds → [`DataError::BadArgument`].
///
/// # Examples
/// ```
/// use likeness_synth::{Style, draw};
///
/// let face = draw(7, 0, 64, Style::Portrait)?;
/// assert_eq!(face.image.dimensions(), (64, 64));
/// assert_eq!(face, draw(7, 0, 64, Style::Portrait)?);
/// # Ok::<(), likeness_data::DataError>(())
/// ```
pub fn draw(identity_seed: u64, picture_seed: u64, size: u32, style: Style) -> Result<SynthFace> {
    let identity = Identity::new(identity_seed);
    let shot = Shot::new(&identity, picture_seed, style);
    draw_shot(&identity, &shot, size, style)
}

/// Checks the side of a picture.
fn check_size(size: u32) -> Result<()> {
    if (MIN_SIZE_PX..=MAX_SIZE_PX).contains(&size) {
        return Ok(());
    }
    Err(DataError::BadArgument {
        reason: format!("synthetic faces of {size} pixels"),
        hint: Some(format!("choose a size between {MIN_SIZE_PX} and {MAX_SIZE_PX} pixels")),
    })
}

fn draw_shot(identity: &Identity, shot: &Shot, size: u32, style: Style) -> Result<SynthFace> {
    check_size(size)?;
    let mut dice = RandomStream::new(Purpose::Scene, &shot.seeds);
    let medium = Medium::new(&mut dice);
    let mut brush =
        Brush::new(size, style, medium).ok_or_else(|| DataError::argument("no such picture size"))?;
    scene::background(&mut brush, &mut dice);
    let view = View::new(&shot.pose, &identity.skull, size);
    let upright =
        shot::Pose { roll: shot.pose.roll * 0.25, yaw: shot.pose.yaw * 0.3, pitch: 0.0, ..shot.pose };
    let body_view = View::new(&upright, &identity.skull, size);
    let mut drawing = Drawing { brush, view, body_view, id: identity, shot };
    drawing.head();
    let landmarks = features::landmarks(&drawing);
    let face_box = drawing.face_box(&landmarks);
    let image = finish::finish(&drawing.brush.pixmap, shot, style, &medium);
    Ok(SynthFace { image, face_box, landmarks })
}

/// One head on one canvas.
struct Drawing<'a> {
    brush: Brush,
    view: View,
    /// The view of neck and shoulders, which follow the head only a little.
    body_view: View,
    id: &'a Identity,
    shot: &'a Shot,
}

impl Drawing<'_> {
    /// Everything from the shoulders to what is held before the face, from back to front.
    fn head(&mut self) {
        head::shoulders(self);
        hair::back(self);
        head::neck(self);
        head::ears(self);
        head::skin(self);
        head::beard(self);
        features::nose(self);
        features::mouth(self);
        features::eyes(self);
        head::moles(self);
        self.brush.unclip();
        hair::front(self);
        worn::glasses(self);
        worn::headgear(self);
        worn::occluder(self);
    }

    /// The skin's colour; a sketch draws dark skin lighter, or its ink would not show.
    fn skin(&self) -> Tint {
        let skin = self.id.skin;
        let lift = if self.brush.is_sketch() { (0.55 - skin.luma()).max(0.0) } else { 0.0 };
        skin.shade(lift)
    }

    fn clip_to_face(&mut self) {
        if let Some(path) = head::face_path(self) {
            self.brush.clip_to(&path);
        }
    }

    /// A soft spot on the skin at (u, v) in head units.
    fn glow(&mut self, (u, v): (f32, f32), radius: f32, tint: Tint, alpha: f32) {
        let (centre, radius_px) = (self.view.skin(u, v, 0.0), self.view.px(radius));
        self.brush.glow(centre, radius_px, tint, alpha);
    }

    /// The box around the visible skin and the landmarks, cut at the picture's edges.
    fn face_box(&self, landmarks: &Landmarks) -> Rect {
        let outline = head::outline(&self.id.skull);
        let skin = outline.iter().filter(|(_, v, _)| *v >= BOX_TOP_V);
        let brow =
            [-0.6, 0.0, 0.6].map(|share| self.view.skin(share * self.id.skull.half_width, BOX_TOP_V, 0.0));
        let points = skin.map(|(u, v, depth)| self.view.at(*u, *v, *depth)).chain(brow).chain(*landmarks);
        let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
        for p in points {
            low = [low[0].min(p.x), low[1].min(p.y)];
            high = [high[0].max(p.x), high[1].max(p.y)];
        }
        let side = self.brush.side();
        let (left, top) = (low[0].clamp(0.0, side), low[1].clamp(0.0, side));
        Rect::new(left, top, high[0].clamp(0.0, side) - left, high[1].clamp(0.0, side) - top)
    }
}
