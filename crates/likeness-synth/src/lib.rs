//! Draws synthetic faces with ground truth, from a seed for the identity and a seed for the picture.
//!
//! They replace photos in a first run, in a test, or on a machine without a network. The steps for one face:
//!
//! 1. `identity` derives the measures and colours that all pictures of the face share from the first seed.
//! 2. `shot` derives pose, light, expression, worn objects and camera defects from the second seed.
//! 3. `view` places the head in the picture and rotates it by parallax.
//! 4. `scene`, `hair`, `head`, `features` and `worn` define the shapes, and `brush` draws them in one of two [`Style`]s.
//! 5. `finish` adds the defects of cameras and paper.
//!
//! Both styles draw the same identities, so a set of sketches shows the same people in another domain. The result does not
//! depend on the clock, the order of threads or global state: equal calls give equal bytes on the same kind of machine.
//! On other kinds of machine single pixels may differ by rounding, because sines and SIMD fills are not specified
//! exactly.
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

/// Minimum side of a picture, at which a face is still visible.
pub const MIN_SIZE_PX: u32 = 16;
/// Maximum side of a picture.
pub const MAX_SIZE_PX: u32 = 4096;
/// v of the top of the face box, which extends from the hairline to the chin and excludes hair above it.
const BOX_TOP_V: f32 = -0.62;

/// The drawing style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Shaded and coloured, with backgrounds and camera defects: the source domain.
    #[default]
    Portrait = 0,
    /// Ink lines, few flat crayon colours, hatching and paper: the same faces in another domain.
    Sketch = 1,
}

impl Style {
    /// The style's name in tables and settings.
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
    /// The square picture.
    pub image: RgbImage,
    /// The box from hairline to chin and cheek to cheek, clipped to the picture, in pixels.
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
/// All pairs of seeds are valid. The two styles of one pair show the same face in different poses, so that they
/// cannot be matched pixel by pixel.
///
/// # Errors
/// A size out of range → [`DataError::BadArgument`].
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

/// Checks that the side of a picture is in range.
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
        Brush::new(size, style, medium).ok_or_else(|| DataError::argument("invalid picture size"))?;
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

/// A head that is being drawn on a canvas.
struct Drawing<'a> {
    brush: Brush,
    view: View,
    /// The view of neck and shoulders, which follow the head's pose only slightly.
    body_view: View,
    id: &'a Identity,
    shot: &'a Shot,
}

impl Drawing<'_> {
    /// Draws everything from the shoulders to objects in front of the face, from back to front.
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

    /// The skin's colour; a sketch uses a lighter one for dark skin so that ink stays visible.
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

    /// Draws a soft spot on the skin at (u, v) in head units.
    fn glow(&mut self, (u, v): (f32, f32), radius: f32, tint: Tint, alpha: f32) {
        let (centre, radius_px) = (self.view.skin(u, v, 0.0), self.view.px(radius));
        self.brush.glow(centre, radius_px, tint, alpha);
    }

    /// The box around the visible skin and the landmarks, clipped to the picture.
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
