//! The properties of one picture: derives pose, light, expression, worn objects and camera defects from seeds.

use super::Style;
use super::identity::Identity;
use super::tint::Tint;
use likeness_data::seed::{Purpose, RandomStream};

/// Position and orientation of the head; angles in radians.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pose {
    /// Rotation about the line of sight.
    pub(super) roll: f32,
    /// Rotation to the picture's right.
    pub(super) yaw: f32,
    /// Downward rotation.
    pub(super) pitch: f32,
    /// Length of one head unit, as a share of the picture's side.
    pub(super) unit: f32,
    /// The middle of the face, as shares of the picture's side.
    pub(super) centre: [f32; 2],
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Light {
    /// Horizontal direction: −1 is the picture's left, 1 its right.
    pub(super) side: f32,
    /// Contrast between light and shadow: 0 flat, 1 harsh.
    pub(super) strength: f32,
    /// Colour temperature: −1 blue, 1 orange.
    pub(super) warmth: f32,
    /// Tint: −1 green, 1 magenta.
    pub(super) tinge: f32,
    /// Factor of every channel.
    pub(super) exposure: f32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Expression {
    /// −1 sad, 1 a broad smile.
    pub(super) smile: f32,
    /// Opening of the mouth: 0 closed, 1 wide open.
    pub(super) mouth: f32,
    /// Opening of the eyes: 0 closed, 1 as the identity has them, slightly more when surprised.
    pub(super) eyes: f32,
    /// Raised (positive) or knitted (negative) brows, in head units.
    pub(super) brows: f32,
    /// Direction of the gaze, in iris radii.
    pub(super) gaze: [f32; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Headgear {
    None,
    Beanie,
    Cap,
    Band,
}

impl Headgear {
    /// Whether the headgear hides the top of the head.
    pub(super) fn is_hat(self) -> bool {
        matches!(self, Self::Beanie | Self::Cap)
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Glasses {
    /// Shape of the lenses: 0 round, 1 square.
    pub(super) squareness: f32,
    pub(super) size: f32,
    pub(super) thickness: f32,
    pub(super) tint: Tint,
    /// Darkness of the lenses: 0 clear, towards 1 tinted.
    pub(super) lens: f32,
}

/// Defects of the camera or the paper.
#[derive(Debug, Clone, Copy)]
pub(super) struct Camera {
    /// Radius of the blur, as a share of the picture's side.
    pub(super) blur: f32,
    /// Standard deviation of the noise, on the scale 0 to 1.
    pub(super) noise: f32,
    pub(super) contrast: f32,
    pub(super) saturation: f32,
    /// Side of the blocks that share one hue, in pixels; 1 keeps the colours.
    pub(super) chroma_block_px: u32,
}

/// All properties that differ between two pictures of one identity.
#[derive(Debug, Clone)]
pub(super) struct Shot {
    pub(super) seeds: [u64; 3],
    pub(super) pose: Pose,
    pub(super) light: Light,
    pub(super) expression: Expression,
    pub(super) headgear: Headgear,
    pub(super) glasses: Option<Glasses>,
    pub(super) cloth: Tint,
    pub(super) accent: Tint,
    /// Factor of the hair's volume.
    pub(super) hair_volume: f32,
    /// Side of the parting: 1 as usual, −1 for the other side.
    pub(super) parting: f32,
    /// Strength of lipstick and blush, from 0 to 1.
    pub(super) make_up: f32,
    pub(super) occluded: bool,
    pub(super) camera: Camera,
}

impl Shot {
    /// Derives the properties of one picture.
    pub(super) fn new(identity: &Identity, picture_seed: u64, style: Style) -> Self {
        let seeds = [identity.seed, picture_seed, style as u64];
        let mut dice = RandomStream::new(Purpose::Shot, &seeds);
        let dice = &mut dice;
        Self {
            seeds,
            pose: pose(dice),
            light: light(dice),
            expression: expression(dice),
            headgear: dice.weighted(&[
                (8.0, Headgear::None),
                (0.7, Headgear::Beanie),
                (0.7, Headgear::Cap),
                (0.4, Headgear::Band),
            ]),
            glasses: dice.chance(identity.glasses_habit).then(|| glasses(dice)),
            cloth: cloth(dice, identity),
            accent: Tint::cloth(dice, 1.0),
            hair_volume: dice.range(0.75, 1.3),
            parting: if dice.chance(0.12) { -1.0 } else { 1.0 },
            make_up: if dice.chance(0.2) { dice.unit() } else { 0.0 },
            occluded: dice.chance(0.16),
            camera: camera(dice),
        }
    }
}

/// A colour for clothes, mostly one of the person's two favourite colours.
fn cloth(dice: &mut RandomStream, identity: &Identity) -> Tint {
    let favourite = dice.pick(&identity.wardrobe);
    let other = Tint::cloth(dice, 0.9);
    if dice.chance(0.65) { favourite.shade(dice.bell(0.1)) } else { other }
}

fn pose(dice: &mut RandomStream) -> Pose {
    Pose {
        roll: dice.bell(0.30),
        yaw: dice.bell(0.55),
        pitch: dice.bell(0.28),
        unit: dice.range(0.33, 0.43),
        centre: [0.5 + dice.bell(0.09), 0.53 + dice.bell(0.06)],
    }
}

fn light(dice: &mut RandomStream) -> Light {
    Light {
        side: dice.range(-1.0, 1.0),
        strength: dice.range(0.1, 0.85),
        warmth: dice.bell(0.22),
        tinge: dice.bell(0.22),
        exposure: dice.about(0.88, 1.10),
    }
}

fn expression(dice: &mut RandomStream) -> Expression {
    let mouth = if dice.chance(0.35) { dice.range(0.2, 1.0) } else { 0.0 };
    let eyes = if dice.chance(0.12) { dice.range(0.0, 0.5) } else { dice.range(0.75, 1.15) };
    Expression {
        smile: dice.range(-0.3, 1.0),
        mouth,
        eyes,
        brows: dice.bell(0.06),
        gaze: [dice.bell(0.9), dice.bell(0.4)],
    }
}

fn glasses(dice: &mut RandomStream) -> Glasses {
    Glasses {
        squareness: dice.unit(),
        size: dice.range(0.9, 1.2),
        thickness: dice.range(0.014, 0.036),
        tint: Tint::cloth(dice, 0.7).shade(-0.45),
        lens: if dice.chance(0.15) { dice.range(0.35, 0.75) } else { 0.08 },
    }
}

fn camera(dice: &mut RandomStream) -> Camera {
    Camera {
        blur: if dice.chance(0.3) { dice.range(0.003, 0.008) } else { 0.0 },
        noise: if dice.chance(0.6) { dice.range(0.006, 0.035) } else { 0.004 },
        contrast: dice.about(0.88, 1.12),
        saturation: if dice.chance(0.03) { 0.0 } else { dice.about(0.8, 1.2) },
        chroma_block_px: dice.weighted(&[(0.55, 1), (0.25, 4), (0.2, 8)]),
    }
}
