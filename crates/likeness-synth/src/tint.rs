//! Colours of synthetic faces (skin, hair, eyes, cloth and crayons), with functions to mix and shade them.

use likeness_data::seed::RandomStream;

/// An sRGB colour, each channel in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tint(pub(super) [f32; 3]);

/// A colour from 0xRRGGBB.
pub(super) const fn hex(rgb: u32) -> Tint {
    let [_, r, g, b] = rgb.to_be_bytes();
    Tint([r as f32 / 255.0, g as f32 / 255.0, b as f32 / 255.0])
}

pub(super) const WHITE: Tint = hex(0xffffff);
pub(super) const BLACK: Tint = hex(0x000000);

/// Skin colours from light to dark; one is chosen uniformly and mixed with its neighbour.
const SKIN: [Tint; 7] =
    [hex(0xf8dcc8), hex(0xf0c5a4), hex(0xe3ab82), hex(0xcc8f63), hex(0xa86d45), hex(0x7f4d2f), hex(0x573423)];
const HAIR: [(f32, Tint); 11] = [
    (4.0, hex(0x17130f)),
    (3.0, hex(0x2b1d14)),
    (3.0, hex(0x48301d)),
    (2.0, hex(0x6b4526)),
    (1.6, hex(0x93683a)),
    (1.6, hex(0xc79f5e)),
    (1.0, hex(0xe3c98c)),
    (1.2, hex(0x9a4a20)),
    (0.8, hex(0x8c8a88)),
    (0.5, hex(0xd9d6d0)),
    (0.5, hex(0x6a2b3d)),
];
const IRIS: [(f32, Tint); 7] = [
    (4.0, hex(0x3b2416)),
    (2.5, hex(0x5f3d1e)),
    (1.2, hex(0x7d6a2f)),
    (1.2, hex(0x4f7443)),
    (1.5, hex(0x4a7ea3)),
    (1.0, hex(0x6b8794)),
    (0.5, hex(0x8a5a1f)),
];
/// The colours of the sketch style.
const CRAYONS: [Tint; 18] = [
    hex(0x2a2a33),
    hex(0x5a5560),
    hex(0x938f93),
    hex(0xd8d3cb),
    hex(0xf6dfc4),
    hex(0xeebb95),
    hex(0xd99058),
    hex(0xa9643a),
    hex(0x744128),
    hex(0x47291d),
    hex(0xf5c400),
    hex(0xcb4b32),
    hex(0xd67f86),
    hex(0x7b3a58),
    hex(0x4a7d4f),
    hex(0x86ad75),
    hex(0x3c6ea0),
    hex(0x86b4cf),
];

impl Tint {
    /// Interpolates from this colour (`share` 0) to `other` (1).
    pub(super) fn mix(self, other: Self, share: f32) -> Self {
        let mut mixed = self.0;
        for (c, o) in mixed.iter_mut().zip(other.0) {
            *c = (*c + (o - *c) * share).clamp(0.0, 1.0);
        }
        Self(mixed)
    }

    /// Darkens by negative amounts down to −1, lightens by positive amounts up to 1.
    pub(super) fn shade(self, amount: f32) -> Self {
        if amount < 0.0 { self.mix(BLACK, -amount) } else { self.mix(WHITE, amount) }
    }

    /// Perceived lightness, in [0, 1] (Rec. 601 luma).
    pub(super) fn luma(self) -> f32 {
        0.299 * self.0[0] + 0.587 * self.0[1] + 0.114 * self.0[2]
    }

    /// Multiplies the distance from grey and keeps the lightness.
    pub(super) fn saturate(self, factor: f32) -> Self {
        let grey = self.luma();
        Self(self.0.map(|c| (grey + (c - grey) * factor).clamp(0.0, 1.0)))
    }

    /// The nearest crayon.
    pub(super) fn crayon(self) -> Self {
        let vivid = self.saturate(1.25);
        let apart = |other: &Tint| -> f32 {
            let chroma: f32 = vivid.0.iter().zip(other.0).map(|(a, b)| (a - b) * (a - b)).sum();
            chroma + 2.0 * (vivid.luma() - other.luma()).powi(2)
        };
        CRAYONS.iter().copied().min_by(|a, b| apart(a).total_cmp(&apart(b))).unwrap_or(self)
    }

    /// A random skin colour.
    pub(super) fn skin(dice: &mut RandomStream) -> Self {
        let tone = dice.range(0.0, SKIN.len() as f32 - 1.001);
        let (step, share) = (tone as usize, tone.fract());
        let skin = SKIN[step].mix(SKIN[step + 1], share);
        let (warm, fresh) = (dice.bell(0.03), dice.bell(0.02));
        Self([skin.0[0] + fresh, skin.0[1], skin.0[2] - warm].map(|c| c.clamp(0.0, 1.0)))
    }

    /// A random hair colour.
    pub(super) fn hair(dice: &mut RandomStream) -> Self {
        let base = dice.weighted(&HAIR);
        base.shade(dice.bell(0.12))
    }

    /// A random eye colour.
    pub(super) fn iris(dice: &mut RandomStream) -> Self {
        let base = dice.weighted(&IRIS);
        base.shade(dice.bell(0.1))
    }

    /// A random colour of cloth or of a wall; `vividness` is from 0 (grey) to 1.
    pub(super) fn cloth(dice: &mut RandomStream, vividness: f32) -> Self {
        let hue = dice.range(0.0, 6.0);
        let channel = |offset: f32| {
            let h = (hue + offset) % 6.0;
            (1.5 - (h - 3.0).abs()).clamp(-0.5, 0.5) + 0.5
        };
        let pure = Self([channel(3.0), channel(1.0), channel(5.0)]);
        let grey = dice.range(0.08, 0.95);
        Self([grey; 3]).mix(pure, vividness * dice.range(0.15, 0.7)).shade(dice.bell(0.3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixing_ends_at_both_colours() {
        let (a, b) = (hex(0x102030), hex(0xf0e0d0));
        assert_eq!(a.mix(b, 0.0), a);
        assert_eq!(a.mix(b, 1.0).0.map(|c| (c * 255.0).round()), [240.0, 224.0, 208.0]);
        assert_eq!(a.shade(-1.0), BLACK);
    }

    #[test]
    fn crayons_are_few_and_their_own_nearest() {
        let crayon = hex(0x2a2a33);
        assert_eq!(crayon.crayon(), crayon);
        assert_eq!(hex(0x3b2416).crayon().0.map(|c| c.is_finite()), [true; 3]);
    }
}
