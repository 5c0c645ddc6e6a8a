//! Draws eyes, brows, nose and mouth.

use super::Drawing;
use super::brush::{circle, lens, open, smooth};
use super::tint::{BLACK, Tint, WHITE, hex};
use super::view::symmetric;
use likeness_data::geometry::{Landmarks, Point};

/// The positions of the five landmarks in this picture, in pixels.
pub(super) fn landmarks(d: &Drawing) -> Landmarks {
    let (eye, nose) = (d.id.eye, d.id.nose);
    let (corner_u, corner_v) = mouth_corner(d);
    [
        d.view.skin(-eye.u, eye.v, 0.0),
        d.view.skin(eye.u, eye.v, 0.0),
        d.view.skin(0.0, nose.tip, nose.depth),
        d.view.skin(-corner_u, corner_v, 0.0),
        d.view.skin(corner_u, corner_v, 0.0),
    ]
}

/// Draws both eyes with their brows.
pub(super) fn eyes(d: &mut Drawing) {
    for side in [-1.0, 1.0] {
        eye(d, side);
        brow(d, side);
    }
}

/// The curves of the two lids from the inner to the outer corner, in head units.
fn lids(d: &Drawing, side: f32) -> [[(f32, f32); 5]; 2] {
    let eye = d.id.eye;
    let open = d.shot.expression.eyes;
    let at = |along: f32, height: f32| {
        let rise = eye.tilt * (along - 0.5) * 2.0;
        (side * (eye.u + (along * 2.0 - 1.0) * eye.half_width), eye.v - rise - height)
    };
    let (upper, lower) = (eye.half_height * open * 1.15, eye.half_height * (0.35 + 0.45 * open.min(1.0)));
    let sag = 0.25 * eye.half_height * (1.0 - open).max(0.0); // a closed upper lid touches the lower one
    let peak = eye.peak;
    [
        [
            at(0.0, -0.01),
            at(peak * 0.45, upper * 0.72 - sag),
            at(peak, upper - sag),
            at(peak + (1.0 - peak) * 0.6, upper * 0.72 - sag),
            at(1.0, 0.0),
        ],
        [at(0.0, -0.01), at(0.25, -lower * 0.72), at(0.55, -lower), at(0.8, -lower * 0.75), at(1.0, 0.0)],
    ]
}

fn eye(d: &mut Drawing, side: f32) {
    let eye = d.id.eye;
    let [upper, lower] = lids(d, side).map(|lid| d.view.skins(&lid));
    let width = d.view.px(1.0) / d.brush.side();
    if d.shot.expression.eyes > 0.22 {
        let Some(path) = lens(&upper, &lower) else { return };
        d.brush.clip_to(&path);
        d.brush.patch(&path, hex(0xf4efea).mix(d.id.skin, 0.10), 1.0);
        iris(d, side);
        let shade: Vec<Point> = upper.iter().map(|p| Point { x: p.x, y: p.y + d.view.px(0.014) }).collect();
        if let Some(path) = open(&shade) {
            d.brush.strand(&path, hex(0x3a2a28), 0.03 * width, 0.35);
        }
        d.clip_to_face();
    }
    let dark = hex(0x1d1310);
    if let Some(path) = open(&upper) {
        d.brush.line(&path, dark, (0.016 + 0.026 * eye.lashes) * width, 0.9);
    }
    if let Some(path) = open(&lower) {
        d.brush.line(&path, d.id.skin.shade(-0.6), 0.010 * width, 0.5);
    }
    lash(d, side);
    let crease = lids(d, side)[0].map(|(u, v)| (u, v - 0.028 - 0.03 * eye.crease));
    if let Some(path) = open(&d.view.skins(&crease)) {
        d.brush.line(&path, d.id.skin.shade(-0.5), 0.012 * width, 0.15 + 0.4 * eye.crease);
    }
}

/// Draws the outer tip of the lashes.
fn lash(d: &mut Drawing, side: f32) {
    let (eye, [upper, _]) = (d.id.eye, lids(d, side));
    let (u, v) = upper[4];
    let tip = [(upper[3].0, upper[3].1), (u, v), (u + side * 0.045 * eye.lashes, v - 0.04 * eye.lashes)];
    if eye.lashes > 0.45
        && let Some(path) = open(&d.view.skins(&tip))
    {
        d.brush.line(&path, hex(0x1d1310), 0.02 * d.view.px(1.0) / d.brush.side(), 0.85);
    }
}

fn iris(d: &mut Drawing, side: f32) {
    let (eye, gaze) = (d.id.eye, d.shot.expression.gaze);
    let radius = eye.iris_radius;
    let (u, v) = (side * eye.u + gaze[0] * radius * 0.7, eye.v + (gaze[1] - 0.15) * radius * 0.6);
    let centre = d.view.skin(u, v, 0.0);
    let px = d.view.px(radius);
    let mut disc = |radius_px: f32, tint: Tint, alpha: f32, at: Point| {
        if let Some(path) = circle(at, radius_px) {
            d.brush.patch(&path, tint, alpha);
        }
    };
    disc(px, eye.iris.shade(-0.5), 1.0, centre);
    disc(px * 0.84, eye.iris, 1.0, centre);
    disc(px * 0.45, BLACK, 1.0, centre);
    let spark = Point { x: centre.x + d.shot.light.side * px * 0.35, y: centre.y - px * 0.38 };
    disc(px * 0.26, WHITE, 0.9, spark);
}

fn brow(d: &mut Drawing, side: f32) {
    let (eye, brow) = (d.id.eye, d.id.brow);
    let lift = d.shot.expression.brows;
    let base = eye.v - brow.above - lift;
    let at = |along: f32, half: f32| {
        let u = eye.u + 0.015 + (along * 2.0 - 1.0) * brow.half_length;
        // Knitted brows are lower at the nose.
        let knit = if lift < 0.0 { -lift * 0.5 * (1.0 - along) } else { 0.0 };
        let arch = brow.arch * (1.0 - ((along - 0.62) / 0.62).powi(2));
        (side * u, base - arch - brow.slope * (along - 0.5) * 2.0 + knit + half)
    };
    let t = brow.thickness / 2.0;
    let upper = [at(0.0, -t * 0.75), at(0.3, -t * 1.1), at(0.65, -t * 0.9), at(1.0, 0.0)];
    let lower = [at(0.0, t * 0.75), at(0.3, t), at(0.65, t * 0.7), at(1.0, 0.0)];
    let (upper, lower) = (d.view.skins(&upper), d.view.skins(&lower));
    if let Some(path) = lens(&upper, &lower) {
        d.brush.patch(&path, brow.tint, 0.92);
    }
}

/// Draws the nose: a shadow along its far side, the base with wings and nostrils, a highlight on the tip.
pub(super) fn nose(d: &mut Drawing) {
    nose_side(d);
    nose_base(d);
    wings_and_nostrils(d);
    let (light, nose) = (d.shot.light, d.id.nose);
    let glint = d.view.skin(light.side * 0.02, nose.tip - 0.04, nose.depth);
    d.brush.glow(glint, d.view.px(0.085), WHITE, 0.20 + 0.2 * light.strength);
}

/// Draws the side of the nose that faces away from the light.
fn nose_side(d: &mut Drawing) {
    let nose = d.id.nose;
    let far = if d.shot.light.side < 0.0 { 1.0 } else { -1.0 };
    let at = |u: f32, v: f32, share: f32| d.view.skin(far * u, v, nose.depth * share);
    let (w, v, top) = (nose.half_width, nose.tip, d.id.eye.v - 0.06);
    let side = [
        at(nose.bridge * 1.3, top, 0.1),
        at(nose.bridge, (top + v) / 2.0, 0.4),
        at(w * 0.8, v - 0.05, 0.4),
        at(w, v + 0.01, 0.2),
    ];
    let ridge =
        [side[0], at(nose.bridge * 0.35, (top + v) / 2.0, 0.75), at(w * 0.25, v - 0.02, 1.0), side[3]];
    if let Some(path) = lens(&side, &ridge) {
        d.brush.patch_soft(&path, d.id.skin.shade(-0.5), 0.16 + 0.22 * d.shot.light.strength);
    }
}

/// Draws the underside of the nose from wing to wing.
fn nose_base(d: &mut Drawing) {
    let (nose, skin) = (d.id.nose, d.id.skin);
    let (w, v, droop) = (nose.half_width, nose.tip, nose.droop);
    let at = |(u, dv, share): (f32, f32, f32)| d.view.skin(u * w, v + dv, nose.depth * share);
    let base = [
        (-1.0, -0.015, 0.25),
        (-0.75, 0.04, 0.3),
        (-0.35, 0.035 + droop * 0.5, 0.7),
        (0.0, 0.05 + droop, 0.9),
        (0.35, 0.035 + droop * 0.5, 0.7),
        (0.75, 0.04, 0.3),
        (1.0, -0.015, 0.25),
    ]
    .map(at);
    let [left, middle, right] = [(-0.5, -0.03, 0.8), (0.0, -0.01, 1.0), (0.5, -0.03, 0.8)].map(at);
    if let Some(path) = lens(&base, &[base[0], left, middle, right, base[6]]) {
        d.brush.patch_soft(&path, skin.shade(-0.45).mix(hex(0x8a3a30), 0.2), 0.40);
    }
    if let Some(path) = open(&base) {
        d.brush.line(&path, skin.shade(-0.6), 0.0065, 0.55);
    }
}

fn wings_and_nostrils(d: &mut Drawing) {
    let (nose, skin) = (d.id.nose, d.id.skin);
    let (w, v) = (nose.half_width, nose.tip);
    for side in [-1.0, 1.0] {
        let wing: Vec<Point> = [(0.82, -0.06, 0.4), (1.08, -0.02, 0.2), (0.95, 0.035, 0.2)]
            .iter()
            .map(|(u, dv, share)| d.view.skin(side * u * w, v + dv, nose.depth * share))
            .collect();
        if let Some(path) = open(&wing) {
            d.brush.line(&path, skin.shade(-0.6), 0.007, 0.6);
        }
        let hole: Vec<Point> = [(0.28, 0.032), (0.45, 0.012), (0.68, 0.022), (0.5, 0.042)]
            .iter()
            .map(|(u, dv)| d.view.skin(side * u * w, v + dv + nose.droop * 0.3, nose.depth * 0.6))
            .collect();
        if let Some(path) = smooth(&hole) {
            d.brush.patch(&path, hex(0x2a120e), 0.75);
        }
    }
}

/// (u, v) of the right corner of the mouth, in head units.
fn mouth_corner(d: &Drawing) -> (f32, f32) {
    let (mouth, expression) = (d.id.mouth, d.shot.expression);
    let u = mouth.half_width * (1.0 + 0.18 * expression.smile - 0.10 * expression.mouth);
    (u, mouth.v - 0.07 * expression.smile)
}

/// Draws the lips, and the teeth between them if the mouth is open.
pub(super) fn mouth(d: &mut Drawing) {
    let (mouth, expression) = (d.id.mouth, d.shot.expression);
    let (u, v) = mouth_corner(d);
    let gap = 0.13 * expression.mouth;
    let middle = mouth.v + 0.022 * expression.smile;
    let seam = |lift: f32| {
        let curve = symmetric(middle + lift, &[(u * 0.5, middle + (v - middle) * 0.25 + lift * 0.8), (u, v)]);
        d.view.skins(&curve)
    };
    let (seam_up, seam_low) = (seam(-gap * 0.25), seam(gap * 0.75));
    if expression.mouth > 0.05 {
        inside(d, &seam_up, &seam_low);
    }
    upper_lip(d, middle - gap * 0.25 - mouth.upper, &seam_up);
    lower_lip(d, middle + gap * 0.75 + mouth.lower, &seam_low);
    for seam in [&seam_up, &seam_low] {
        if let Some(path) = open(seam) {
            d.brush.line(&path, lip_tint(d).shade(-0.65), 0.0065, 0.8);
        }
    }
}

fn lip_tint(d: &Drawing) -> Tint {
    d.id.mouth.tint.mix(hex(0xb01f35), 0.7 * d.shot.make_up)
}

fn upper_lip(d: &mut Drawing, top: f32, seam: &[Point]) {
    let (mouth, (u, v)) = (d.id.mouth, mouth_corner(d));
    let notch = top + mouth.bow * mouth.upper * 0.6;
    let edge = symmetric(notch, &[(u * 0.2, top), (u * 0.55, (v + top) / 2.0 - mouth.upper * 0.1), (u, v)]);
    if let Some(path) = lens(&d.view.skins(&edge), seam) {
        d.brush.patch(&path, lip_tint(d).shade(-0.16), 0.95);
    }
}

fn lower_lip(d: &mut Drawing, low: f32, seam: &[Point]) {
    let (mouth, (u, v)) = (d.id.mouth, mouth_corner(d));
    let edge = symmetric(low, &[(u * 0.55, (v + low) / 2.0 + mouth.lower * 0.2), (u, v)]);
    if let Some(path) = lens(&d.view.skins(&edge), seam) {
        d.brush.patch(&path, lip_tint(d), 0.95);
        let at = d.view.skin(d.shot.light.side * u * 0.25, low - mouth.lower * 0.5, 0.0);
        d.brush.glow(at, d.view.px(mouth.lower * 0.9), WHITE, 0.35);
    }
}

fn inside(d: &mut Drawing, seam_up: &[Point], seam_low: &[Point]) {
    if let Some(path) = lens(seam_up, seam_low) {
        d.brush.patch(&path, hex(0x3a1214), 1.0);
    }
    let teeth: Vec<Point> = seam_up
        .iter()
        .zip(seam_low)
        .map(|(a, b)| Point { x: a.x + (b.x - a.x) * 0.45, y: a.y + (b.y - a.y) * 0.45 })
        .collect();
    if let Some(path) = lens(seam_up, &teeth) {
        d.brush.patch(&path, hex(0xf1ece2), 1.0);
    }
}
