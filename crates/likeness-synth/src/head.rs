//! Draws the head without its features: shoulders, neck, ears, skin with light and shadow, beard and marks.

use tiny_skia::Path;

use super::Drawing;
use super::brush::{circle, lens, open, smooth};
use super::identity::{Beard, Skull};
use super::tint::{Tint, hex};
use likeness_data::geometry::Point;
use likeness_data::seed::{Purpose, RandomStream};

/// The face's outline in head units, clockwise from the left temple, with the depth of each point.
pub(super) fn outline(skull: &Skull) -> Vec<(f32, f32, f32)> {
    let w = skull.half_width;
    let mut points: Vec<(f32, f32, f32)> = (0..9).map(|step| crown(w, 0.95, step)).collect();
    let side = [
        (w * (0.45 + 0.55 * skull.cheek), 0.20, 0.0),
        (w * (0.35 * skull.cheek + 0.65 * skull.jaw), 0.47, 0.03),
        (w * skull.jaw * 0.93, 0.68, 0.06),
        (skull.chin_half_width, skull.chin - 0.055, 0.18),
    ];
    points.extend(side);
    points.push((0.0, skull.chin, 0.22));
    points.extend(side.iter().rev().map(|(u, v, d)| (-u, *v, *d)));
    points
}

/// One of nine points over the top of the skull, from the left temple (0) to the right (8).
pub(super) fn crown(half_width: f32, height: f32, step: usize) -> (f32, f32, f32) {
    let (sin, cos) = ((step as f32 / 8.0 - 0.5) * std::f32::consts::PI).sin_cos();
    let full = |share: f32| share * (1.0 + 0.16 * (1.0 - share * share)); // fuller than an ellipse, as skulls are
    (half_width * full(sin), -0.05 - height * full(cos), 0.0)
}

/// The face's outline as a closed path.
pub(super) fn face_path(d: &Drawing) -> Option<Path> {
    smooth(&outline(&d.id.skull).iter().map(|(u, v, depth)| d.view.at(*u, *v, *depth)).collect::<Vec<_>>())
}

fn neck_half_width(skull: &Skull) -> f32 {
    skull.half_width * (0.42 + 0.3 * skull.jaw)
}

/// Draws shoulders and clothes, which stay nearly upright in every pose.
pub(super) fn shoulders(d: &mut Drawing) {
    let (view, neck) = (d.body_view, neck_half_width(&d.id.skull));
    let shoulders = [
        (-neck * 0.9, 1.16),
        (-0.95, 1.36),
        (-1.32, 1.62),
        (-1.5, 2.6),
        (1.5, 2.6),
        (1.32, 1.62),
        (0.95, 1.36),
        (neck * 0.9, 1.16),
    ];
    if let Some(path) = smooth(&view.plane(&shoulders, -0.2)) {
        d.brush.body(&path, d.shot.cloth);
    }
}

/// Draws the neck in the shadow of the chin, and the collar around it.
pub(super) fn neck(d: &mut Drawing) {
    let (view, neck) = (d.body_view, neck_half_width(&d.id.skull));
    let throat = [
        (-neck, 0.5),
        (-neck, 1.0),
        (-neck * 1.12, 1.22),
        (0.0, 1.42),
        (neck * 1.12, 1.22),
        (neck, 1.0),
        (neck, 0.5),
    ];
    if let Some(path) = smooth(&view.plane(&throat, -0.1)) {
        let skin = d.skin();
        d.brush.body(&path, skin.shade(if d.brush.is_sketch() { 0.0 } else { -0.10 }));
        let (top, low) = (view.at(0.0, 0.75, 0.0), view.at(0.0, 1.35, 0.0));
        d.brush.sweep(&path, (top, hex(0x24120c), 0.55), (low, hex(0x24120c), 0.0));
    }
    let collar = view.plane(
        &[(-neck * 1.15, 1.2), (-neck * 0.6, 1.38), (0.0, 1.47), (neck * 0.6, 1.38), (neck * 1.15, 1.2)],
        -0.1,
    );
    if let Some(path) = open(&collar) {
        let tint = d.shot.cloth.mix(d.shot.accent, 0.6);
        d.brush.line(&path, tint, d.view.px(0.07) / d.brush.side(), 0.9);
    }
}

/// Draws both ears; the one on the far side is hidden behind the cheek.
pub(super) fn ears(d: &mut Drawing) {
    let skull = d.id.skull;
    for side in [-1.0, 1.0] {
        let (u, v, h) = (side * (skull.half_width - 0.02), 0.10, skull.ear_height);
        let out = side * (skull.ear_out + 0.05);
        let rim = [
            (u, v - h),
            (u + out * 0.9, v - h * 0.95),
            (u + out, v - h * 0.1),
            (u + out * 0.5, v + h * 0.8),
            (u, v + h),
        ];
        if let Some(path) = smooth(&d.view.plane(&rim, -0.04)) {
            let skin = d.skin();
            d.brush.body(&path, skin.shade(if d.brush.is_sketch() { 0.0 } else { -0.05 }));
        }
        let fold =
            [(u + out * 0.3, v - h * 0.6), (u + out * 0.72, v - h * 0.3), (u + out * 0.4, v + h * 0.35)];
        if let Some(path) = open(&d.view.plane(&fold, -0.04)) {
            d.brush.line(&path, d.id.skin.shade(-0.45), 0.005, 0.5);
        }
    }
}

/// Draws the skin of the face, and leaves the brush clipped to it.
pub(super) fn skin(d: &mut Drawing) {
    let Some(path) = face_path(d) else { return };
    let skin = d.skin();
    d.brush.body(&path, skin);
    d.brush.clip_to(&path);
    shadow(d, &path);
    glows(d);
    freckles(d);
    age_lines(d);
}

/// Draws the shadow on the side that faces away from the light: soft in a portrait, hatched in a sketch.
fn shadow(d: &mut Drawing, path: &Path) {
    let (light, w) = (d.shot.light, d.id.skull.half_width);
    let side = if light.side < 0.0 { -1.0 } else { 1.0 };
    let tall = 0.55 * (1.0 - light.side.abs());
    let lit = d.view.at(side * w * (0.4 + 0.6 * light.side.abs()), -tall - 0.2, 0.0);
    let dark = d.view.at(-side * w * (0.4 + 0.6 * light.side.abs()), tall + 0.35, 0.0);
    let deep = d.id.skin.shade(-0.75).mix(hex(0x1a1030), 0.4);
    d.brush.sweep(path, (lit, hex(0xfff4dd), 0.34 * light.strength), (dark, deep, 0.62 * light.strength));
    let (near, far) = (d.view.at(-side * w * 0.35, -0.75, 0.0), d.view.at(-side * w * 1.05, 1.05, 0.0));
    d.brush.hatch(near, far, 0.7, 0.024 + 0.018 * (1.0 - light.strength));
}

/// Draws highlights and shades on cheeks, forehead, chin and eye sockets.
fn glows(d: &mut Drawing) {
    let (skin, skull, eye) = (d.id.skin, d.id.skull, d.id.eye);
    let rosy = skin.mix(hex(0xd0483e), 0.55);
    let (deep, bright) = (skin.shade(-0.5), skin.shade(0.5));
    let blush = 0.22 + 0.35 * d.shot.make_up;
    for side in [-1.0, 1.0] {
        d.glow((side * skull.half_width * 0.56, 0.36), 0.27, rosy, blush);
        d.glow((side * eye.u, eye.v - 0.03), 0.25, deep, 0.36);
        d.glow((side * skull.half_width * 0.62, 0.60), 0.24, deep, 0.20);
    }
    d.glow((d.shot.light.side * 0.2, -0.48), 0.36, bright, 0.34);
    d.glow((0.0, skull.chin - 0.15), 0.14, bright, 0.25);
    d.glow((0.0, d.id.mouth.v + 0.13), 0.13, deep, 0.34);
}

fn freckles(d: &mut Drawing) {
    let mut dice = RandomStream::new(Purpose::FaceTexture, &[d.id.seed, 1]);
    for _ in 0..d.id.freckles {
        let (u, v) = (dice.bell(0.5), 0.26 + dice.bell(0.18));
        let radius = d.view.px(dice.range(0.006, 0.012));
        if let Some(dot) = circle(d.view.skin(u, v, 0.0), radius) {
            d.brush.patch(&dot, d.id.skin.mix(hex(0x8a4a20), 0.6), 0.6);
        }
    }
}

/// Draws moles, which are on top of everything else on the skin, including beards and make-up.
pub(super) fn moles(d: &mut Drawing) {
    for i in 0..d.id.moles.len() {
        let mole = d.id.moles[i];
        if let Some(dot) = circle(d.view.skin(mole.u, mole.v, 0.0), d.view.px(mole.radius)) {
            d.brush.patch(&dot, hex(0x2c170e).mix(d.id.skin, 0.15), 0.9);
        }
    }
}

/// Draws folds beside the mouth, under the eyes and on the forehead; their depth depends on age and smile.
fn age_lines(d: &mut Drawing) {
    let (mouth, nose, eye) = (d.id.mouth, d.id.nose, d.id.eye);
    let smile = d.shot.expression.smile.max(0.0);
    let tint = d.id.skin.shade(-0.55);
    let fold = (0.10 + 0.45 * d.id.age + 0.25 * smile).min(0.7);
    for side in [-1.0, 1.0] {
        let cheek = [
            (side * (nose.half_width + 0.03), nose.tip - 0.01),
            (side * (mouth.half_width * 0.75 + 0.10), (nose.tip + mouth.v) / 2.0),
            (side * (mouth.half_width + 0.075), mouth.v + 0.03),
        ];
        stroke(d, &cheek, tint, fold);
        let (u, v) = (eye.u, eye.v + eye.half_height + 0.06);
        let bag = [(side * (u - 0.11), v - 0.01), (side * u, v + 0.025), (side * (u + 0.11), v - 0.01)];
        stroke(d, &bag, tint, 0.10 + 0.45 * d.id.age);
    }
    if d.id.age > 0.4 {
        for v in [-0.40, -0.47] {
            let frown = [(-0.26, v + 0.01), (-0.1, v - 0.012), (0.1, v - 0.012), (0.26, v + 0.01)];
            stroke(d, &frown, tint, 0.45 * d.id.age);
        }
    }
}

fn stroke(d: &mut Drawing, points: &[(f32, f32)], tint: Tint, alpha: f32) {
    if let Some(path) = open(&d.view.skins(points)) {
        d.brush.line(&path, tint, 0.0055, alpha);
    }
}

/// Draws the hair of the lower face; must be drawn before the mouth.
pub(super) fn beard(d: &mut Drawing) {
    let tint = d.id.hair.tint.shade(-0.25);
    match d.id.beard {
        Beard::None => {}
        Beard::Stubble => full_beard(d, tint.mix(d.id.skin, 0.3), 0.27),
        Beard::Moustache => moustache(d, tint),
        Beard::Goatee => {
            moustache(d, tint);
            goatee(d, tint);
        }
        Beard::Full => {
            full_beard(d, tint, 0.93);
            moustache(d, tint);
        }
    }
}

fn full_beard(d: &mut Drawing, tint: Tint, alpha: f32) {
    let (w, mouth) = (d.id.skull.half_width, d.id.mouth);
    let upper: Vec<Point> = [-1.1, -0.97, -0.90, -0.72, -0.40, 0.0, 0.40, 0.72, 0.90, 0.97, 1.1]
        .iter()
        .zip([0.05, 0.26, 0.48, 0.63, mouth.v - 0.07, mouth.v - 0.10, mouth.v - 0.07, 0.63, 0.48, 0.26, 0.05])
        .map(|(u, v)| d.view.skin(u * w, v, 0.0))
        .collect();
    let lower: Vec<Point> = [(-1.1, 0.05), (-1.2, 0.8), (-0.5, 1.25), (0.5, 1.25), (1.2, 0.8), (1.1, 0.05)]
        .iter()
        .map(|(u, v)| d.view.at(u * w, *v, 0.0))
        .collect();
    if let Some(path) = lens(&upper, &lower) {
        d.brush.patch(&path, tint, alpha);
    }
    bristles(d, tint, alpha);
}

/// Draws short strokes over the beard, so that it looks like hair.
fn bristles(d: &mut Drawing, tint: Tint, alpha: f32) {
    let mut dice = RandomStream::new(Purpose::FaceTexture, &[d.id.seed, 2]);
    let (w, low) = (d.id.skull.half_width, d.id.mouth.v + 0.12);
    for _ in 0..26 {
        let u = dice.bell(0.9) * w;
        let v = low + dice.unit() * 0.2 - (u / w).abs() * 0.3;
        let path = open(&d.view.skins(&[(u, v), (u * 1.02, v + 0.05), (u * 0.98, v + 0.10)]));
        if let Some(path) = path {
            d.brush.strand(&path, tint.shade(dice.range(-0.3, 0.35)), 0.005, alpha * 0.6);
        }
    }
}

fn moustache(d: &mut Drawing, tint: Tint) {
    let (mouth, nose) = (d.id.mouth, d.id.nose);
    let (reach, middle) = (mouth.half_width * 1.12, (mouth.v + nose.tip) / 2.0 + 0.02);
    let low = mouth.v - mouth.upper * 0.5;
    let top = [
        (-reach, mouth.v + 0.02),
        (-reach * 0.5, middle),
        (0.0, middle + 0.02),
        (reach * 0.5, middle),
        (reach, mouth.v + 0.02),
    ];
    let bottom = [
        (-reach, mouth.v + 0.02),
        (-reach * 0.5, low),
        (0.0, low - 0.015),
        (reach * 0.5, low),
        (reach, mouth.v + 0.02),
    ];
    if let Some(path) = lens(&d.view.skins(&top), &d.view.skins(&bottom)) {
        d.brush.patch(&path, tint, 0.93);
    }
}

fn goatee(d: &mut Drawing, tint: Tint) {
    let (mouth, chin) = (d.id.mouth, d.id.skull.chin);
    let (reach, top) = (mouth.half_width * 0.72, mouth.v + mouth.lower + 0.05);
    let shape = [
        (0.0, top),
        (reach, top + 0.03),
        (reach * 0.85, chin),
        (0.0, chin + 0.08),
        (-reach * 0.85, chin),
        (-reach, top + 0.03),
    ];
    if let Some(path) = smooth(&d.view.skins(&shape)) {
        d.brush.patch(&path, tint, 0.93);
    }
}
