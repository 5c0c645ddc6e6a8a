//! Draws every haircut, hat and beard at the extremes of poses and faces.

use super::identity::{Beard, Cut, Identity, Mole};
use super::shot::{Glasses, Headgear, Shot};
use super::{Style, draw_shot};

const CUTS: [Cut; 14] = [
    Cut::Bald,
    Cut::Buzz,
    Cut::Receding,
    Cut::Short,
    Cut::SidePart,
    Cut::Quiff,
    Cut::Curly,
    Cut::Afro,
    Cut::Fringe,
    Cut::Bob,
    Cut::LongStraight,
    Cut::LongWavy,
    Cut::CentrePart,
    Cut::Bun,
];
const HEADGEAR: [Headgear; 4] = [Headgear::None, Headgear::Beanie, Headgear::Cap, Headgear::Band];
const BEARDS: [Beard; 5] = [Beard::None, Beard::Stubble, Beard::Moustache, Beard::Goatee, Beard::Full];

/// An identity with the largest (`end` = 1) or smallest (−1) value of every measure.
fn extreme_identity(end: f32, cut: Cut, beard: Beard) -> Identity {
    let mut id = Identity::new(3);
    let pick = |low: f32, high: f32| if end > 0.0 { high } else { low };
    (id.hair.cut, id.beard) = (cut, beard);
    (id.hair.volume, id.hair.line, id.hair.length) = (pick(0.0, 0.3), pick(-0.8, -0.4), pick(0.3, 2.5));
    id.hair.parting = 0.6 * end;
    (id.skull.half_width, id.skull.jaw, id.skull.chin) = (pick(0.5, 0.95), pick(0.4, 1.0), pick(0.85, 1.2));
    (id.eye.u, id.eye.half_width, id.eye.half_height) = (pick(0.2, 0.42), pick(0.06, 0.2), pick(0.0, 0.15));
    (id.nose.depth, id.nose.half_width, id.nose.droop) = (pick(0.0, 0.4), pick(0.03, 0.25), pick(-0.05, 0.1));
    (id.mouth.half_width, id.mouth.upper, id.mouth.lower) =
        (pick(0.08, 0.35), pick(0.0, 0.12), pick(0.0, 0.15));
    (id.age, id.freckles) = (pick(0.0, 1.0), pick(0.0, 60.0) as u32);
    id.moles = vec![Mole { u: 0.5 * end, v: 0.9, radius: pick(0.0, 0.1) }];
    id
}

fn extreme_shot(id: &Identity, end: f32, headgear: Headgear, style: Style) -> Shot {
    let mut shot = Shot::new(id, 9, style);
    let pick = |low: f32, high: f32| if end > 0.0 { high } else { low };
    (shot.pose.roll, shot.pose.yaw, shot.pose.pitch) = (0.35 * end, 0.6 * end, 0.3 * end);
    shot.pose.centre = [0.5 + 0.1 * end, 0.53 + 0.07 * end];
    (shot.light.side, shot.light.strength, shot.light.warmth) = (end, 1.0, end);
    let look = &mut shot.expression;
    (look.smile, look.mouth, look.eyes) = (end, pick(0.0, 1.0), pick(0.0, 1.3));
    look.brows = 0.1 * end;
    (shot.headgear, shot.occluded) = (headgear, true);
    (shot.camera.blur, shot.camera.chroma_block_px) = (pick(0.0, 0.2), pick(1.0, 8.0) as u32);
    let (tint, thickness) = (shot.accent, pick(0.0, 0.1));
    shot.glasses =
        Some(Glasses { squareness: pick(0.0, 1.0), size: pick(0.5, 1.4), thickness, tint, lens: 1.0 });
    shot
}

#[test]
fn extremes_draw_and_keep_their_ground_truth() {
    for end in [-1.0, 1.0] {
        for (i, cut) in CUTS.into_iter().enumerate() {
            for headgear in HEADGEAR {
                for style in [Style::Portrait, Style::Sketch] {
                    let id = extreme_identity(end, cut, BEARDS[i % BEARDS.len()]);
                    let shot = extreme_shot(&id, end, headgear, style);
                    let size = if i % 2 == 0 { 16 } else { 61 };
                    let face = draw_shot(&id, &shot, size, style).unwrap();
                    assert!(face.face_box.is_valid(), "{cut:?} {headgear:?} {:?}", face.face_box);
                    for p in face.landmarks {
                        let inside = (0.0..=size as f32).contains(&p.x) && (0.0..=size as f32).contains(&p.y);
                        assert!(inside, "{cut:?} {headgear:?} {p:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_trait_shows() {
    let base = |cut, beard| {
        let id = extreme_identity(1.0, cut, beard);
        let mut shot = Shot::new(&id, 1, Style::Portrait);
        (shot.headgear, shot.occluded) = (Headgear::None, false);
        draw_shot(&id, &shot, 64, Style::Portrait).unwrap().image.into_raw()
    };
    let cuts: Vec<Vec<u8>> = CUTS.into_iter().map(|cut| base(cut, Beard::None)).collect();
    let beards: Vec<Vec<u8>> = BEARDS.into_iter().map(|beard| base(Cut::Bald, beard)).collect();
    for images in [&cuts, &beards] {
        for (i, a) in images.iter().enumerate() {
            assert!(images[i + 1..].iter().all(|b| a != b), "image {i} is like a later one");
        }
    }
}
