//! The identity of a synthetic face: derives from a seed the measures and colours that all pictures of the face share.
//!
//! Lengths are in head units: u to the picture's right, v down. (0, 0) is the middle of the face, the crown of the skull
//! is at v = −1 and the chin near v = 1.

use super::tint::{Tint, hex};
use likeness_data::seed::{Purpose, RandomStream};

/// The haircut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Bald,
    Buzz,
    Receding,
    Short,
    SidePart,
    Quiff,
    Curly,
    Afro,
    Fringe,
    Bob,
    LongStraight,
    LongWavy,
    CentrePart,
    Bun,
}

/// Hair on the lower face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beard {
    None,
    Stubble,
    Moustache,
    Goatee,
    Full,
}

/// The outline of the head below the temples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Skull {
    pub(super) half_width: f32,
    /// Width at the cheeks, as a share of `half_width`.
    pub(super) cheek: f32,
    /// Width at the corner of the jaw, as a share of `half_width`.
    pub(super) jaw: f32,
    pub(super) chin_half_width: f32,
    /// v of the chin.
    pub(super) chin: f32,
    pub(super) ear_height: f32,
    pub(super) ear_out: f32,
}

/// One eye; the other is its mirror image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eye {
    pub(super) u: f32,
    pub(super) v: f32,
    pub(super) half_width: f32,
    pub(super) half_height: f32,
    /// Height of the outer corner above the inner one.
    pub(super) tilt: f32,
    /// Position of the lid's highest point: 0 at the inner corner, 1 at the outer.
    pub(super) peak: f32,
    pub(super) iris: Tint,
    pub(super) iris_radius: f32,
    pub(super) lashes: f32,
    pub(super) crease: f32,
}

/// One eyebrow; the other is its mirror image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Brow {
    /// Height above the eye.
    pub(super) above: f32,
    pub(super) thickness: f32,
    pub(super) arch: f32,
    pub(super) slope: f32,
    pub(super) half_length: f32,
    pub(super) tint: Tint,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Nose {
    /// v of the tip.
    pub(super) tip: f32,
    pub(super) half_width: f32,
    pub(super) bridge: f32,
    /// Distance of the tip from the face.
    pub(super) depth: f32,
    /// Distance of the tip below the wings; negative for a turned-up nose.
    pub(super) droop: f32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Mouth {
    pub(super) v: f32,
    pub(super) half_width: f32,
    pub(super) upper: f32,
    pub(super) lower: f32,
    /// Depth of the notch in the upper lip.
    pub(super) bow: f32,
    pub(super) tint: Tint,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Hair {
    pub(super) cut: Cut,
    pub(super) tint: Tint,
    pub(super) volume: f32,
    /// v of the hairline in the middle of the forehead.
    pub(super) line: f32,
    /// v of the lower end of long hair.
    pub(super) length: f32,
    /// u of the parting.
    pub(super) parting: f32,
}

/// A small round mark on the skin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mole {
    pub(super) u: f32,
    pub(super) v: f32,
    pub(super) radius: f32,
}

/// All properties that pictures of one person share.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) seed: u64,
    pub(super) skin: Tint,
    pub(super) skull: Skull,
    pub(super) eye: Eye,
    pub(super) brow: Brow,
    pub(super) nose: Nose,
    pub(super) mouth: Mouth,
    pub(super) hair: Hair,
    pub(super) beard: Beard,
    pub(super) moles: Vec<Mole>,
    /// Number of freckles.
    pub(super) freckles: u32,
    /// Depth of the lines beside the mouth and under the eyes, in [0, 1].
    pub(super) age: f32,
    /// Share of the pictures in which this person wears glasses.
    pub(super) glasses_habit: f32,
    /// Colours this person likes to wear.
    pub(super) wardrobe: [Tint; 2],
}

impl Identity {
    /// Derives an identity from its seed.
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = RandomStream::new(Purpose::Identity, &[seed]);
        let dice = &mut dice;
        // Hair length, beard, jaw and brows are correlated in people, and therefore here: from 0 to 1.
        let soft = dice.unit();
        let age = if dice.chance(0.35) { dice.range(0.3, 1.0) } else { dice.range(0.0, 0.25) };
        let skin = Tint::skin(dice);
        let hair = hair(dice, soft);
        let beard = if soft > 0.5 { Beard::None } else { beard(dice) };
        let freckled = skin.luma() > 0.6 && dice.chance(0.25);
        Self {
            seed,
            skin,
            skull: skull(dice, soft),
            eye: eye(dice, soft),
            brow: brow(dice, soft, hair.tint),
            nose: nose(dice),
            mouth: mouth(dice, soft, skin),
            hair,
            beard,
            moles: moles(dice),
            freckles: if freckled { dice.range(14.0, 40.0) as u32 } else { 0 },
            age,
            glasses_habit: if dice.chance(0.25) { 0.75 } else { 0.08 },
            wardrobe: [Tint::cloth(dice, 0.9), Tint::cloth(dice, 0.9)],
        }
    }
}

fn skull(dice: &mut RandomStream, soft: f32) -> Skull {
    let firm = 1.0 - soft;
    Skull {
        half_width: dice.range(0.63, 0.81),
        cheek: dice.range(0.88, 1.0),
        jaw: dice.range(0.62, 0.80) + 0.10 * firm,
        chin_half_width: dice.range(0.14, 0.30) + 0.08 * firm,
        chin: dice.range(0.92, 1.08),
        ear_height: dice.range(0.13, 0.22),
        ear_out: dice.range(0.02, 0.13),
    }
}

fn eye(dice: &mut RandomStream, soft: f32) -> Eye {
    Eye {
        u: dice.range(0.27, 0.37),
        v: dice.range(-0.04, 0.09),
        half_width: dice.range(0.115, 0.17) + 0.01 * soft,
        half_height: dice.range(0.042, 0.088) + 0.012 * soft,
        tilt: dice.range(-0.045, 0.055),
        peak: dice.range(0.35, 0.65),
        iris: Tint::iris(dice),
        iris_radius: dice.range(0.058, 0.078),
        lashes: (0.25 + 0.75 * soft) * dice.range(0.5, 1.0),
        crease: dice.unit(),
    }
}

fn brow(dice: &mut RandomStream, soft: f32, hair: Tint) -> Brow {
    Brow {
        above: dice.range(0.135, 0.235),
        thickness: dice.range(0.020, 0.052) + 0.022 * (1.0 - soft),
        arch: dice.range(0.0, 0.07),
        slope: dice.range(-0.045, 0.045),
        half_length: dice.range(0.15, 0.215),
        tint: hair.mix(hex(0x2a1c14), dice.range(0.25, 0.7)),
    }
}

fn nose(dice: &mut RandomStream) -> Nose {
    Nose {
        tip: dice.range(0.33, 0.49),
        half_width: dice.range(0.08, 0.165),
        bridge: dice.range(0.028, 0.06),
        depth: dice.range(0.12, 0.26),
        droop: dice.range(-0.02, 0.05),
    }
}

fn mouth(dice: &mut RandomStream, soft: f32, skin: Tint) -> Mouth {
    let rose = hex(0xb8454a).mix(hex(0x8a2f3a), dice.unit());
    Mouth {
        v: dice.range(0.64, 0.73),
        half_width: dice.range(0.17, 0.285),
        upper: dice.range(0.020, 0.062),
        lower: dice.range(0.032, 0.082),
        bow: dice.range(0.1, 0.6),
        tint: skin.shade(-0.12).mix(rose, 0.36 + 0.3 * soft * dice.unit()),
    }
}

fn hair(dice: &mut RandomStream, soft: f32) -> Hair {
    let short = [
        (0.7, Cut::Bald),
        (1.0, Cut::Buzz),
        (0.9, Cut::Receding),
        (1.6, Cut::Short),
        (1.6, Cut::SidePart),
        (1.2, Cut::Quiff),
        (1.0, Cut::Curly),
        (0.5, Cut::Afro),
        (0.6, Cut::Fringe),
        (0.4, Cut::CentrePart),
    ];
    let long = [
        (1.4, Cut::LongStraight),
        (1.6, Cut::LongWavy),
        (1.3, Cut::Bob),
        (1.2, Cut::CentrePart),
        (1.2, Cut::Bun),
        (0.8, Cut::Curly),
        (0.7, Cut::Afro),
        (0.7, Cut::Fringe),
        (0.4, Cut::SidePart),
    ];
    let cut = if soft > 0.5 { dice.weighted(&long) } else { dice.weighted(&short) };
    Hair {
        cut,
        tint: Tint::hair(dice),
        volume: dice.range(0.07, 0.19),
        line: dice.range(-0.70, -0.50),
        length: dice.range(0.75, 1.75),
        parting: dice.sign() * dice.range(0.15, 0.45),
    }
}

fn beard(dice: &mut RandomStream) -> Beard {
    dice.weighted(&[
        (4.0, Beard::None),
        (1.5, Beard::Stubble),
        (1.0, Beard::Moustache),
        (1.0, Beard::Goatee),
        (1.6, Beard::Full),
    ])
}

fn moles(dice: &mut RandomStream) -> Vec<Mole> {
    let count = dice.weighted(&[(5.0, 0), (3.0, 1), (1.5, 2), (0.7, 3)]);
    (0..count)
        .map(|_| Mole {
            u: dice.sign() * dice.range(0.12, 0.46),
            v: dice.range(0.2, 0.8),
            radius: dice.range(0.012, 0.026),
        })
        .collect()
}
