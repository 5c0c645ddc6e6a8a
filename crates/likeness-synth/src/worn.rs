//! Draws objects that differ between pictures of one person: glasses, hats and things in front of the face.

use super::Drawing;
use super::brush::{circle, lens, open, polygon, smooth};
use super::head::crown;
use super::shot::{Glasses, Headgear};
use super::tint::{Tint, WHITE, hex};
use likeness_data::geometry::Point;
use likeness_data::seed::{Purpose, RandomStream};

/// Draws glasses, if this picture has them.
pub(super) fn glasses(d: &mut Drawing) {
    let Some(glasses) = d.shot.glasses else { return };
    let (eye, side_px) = (d.id.eye, d.brush.side());
    let width = d.view.px(glasses.thickness) / side_px;
    for side in [-1.0, 1.0] {
        let rim = rim(d, &glasses, side);
        if let Some(path) = smooth(&rim) {
            d.brush.patch(&path, glasses.tint.mix(WHITE, 0.1), glasses.lens);
            d.brush.line(&path, glasses.tint, width, 0.95);
        }
        let (from, to) = (side * (eye.u + 0.22 * glasses.size), side * d.id.skull.half_width * 1.02);
        let temple = [d.view.skin(from, eye.v - 0.05, 0.05), d.view.at(to, eye.v - 0.03, 0.0)];
        if let Some(path) = open(&temple) {
            d.brush.line(&path, glasses.tint, width, 0.95);
        }
    }
    let inner = eye.u - 0.20 * glasses.size;
    let bridge = [(-inner, eye.v), (0.0, eye.v - 0.05), (inner, eye.v)].map(|(u, v)| d.view.skin(u, v, 0.08));
    if let Some(path) = open(&bridge) {
        d.brush.line(&path, glasses.tint, width, 0.95);
    }
}

fn rim(d: &Drawing, glasses: &Glasses, side: f32) -> Vec<Point> {
    let (eye, size) = (d.id.eye, glasses.size);
    (0..12)
        .map(|i| {
            let (sin, cos) = (i as f32 / 12.0 * std::f32::consts::TAU).sin_cos();
            // A shape between a circle and a rounded square.
            let stretch = 1.0 + glasses.squareness * 0.22 * (2.0 * sin * cos).abs();
            let (u, v) =
                (cos * 0.21 * size * stretch, sin * (0.19 - 0.05 * glasses.squareness) * size * stretch);
            d.view.skin(side * eye.u + u, eye.v + 0.01 + v, 0.06)
        })
        .collect()
}

/// Draws a hat or a band, if this picture has one.
pub(super) fn headgear(d: &mut Drawing) {
    match d.shot.headgear {
        Headgear::None => {}
        Headgear::Beanie => {
            dome(d, -0.42, 0.10, d.shot.accent);
            band(d, -0.58, -0.36, d.shot.accent.shade(-0.25));
        }
        Headgear::Cap => {
            dome(d, -0.46, 0.06, d.shot.accent);
            brim(d, d.shot.accent.shade(-0.3));
        }
        Headgear::Band => band(d, -0.66, -0.54, d.shot.accent),
    }
}

fn dome(d: &mut Drawing, low: f32, rise: f32, tint: Tint) {
    let w = d.id.skull.half_width;
    let reach = d.id.hair.volume * 0.4 + rise;
    let mut outer = vec![d.view.at(-w - reach * 0.6, low, 0.0)];
    outer.extend((1..8).map(|step| {
        let (u, v, _) = crown(w + reach, 0.97 + reach, step);
        d.view.at(u, v.min(low), 0.0)
    }));
    outer.push(d.view.at(w + reach * 0.6, low, 0.0));
    let mut inner: Vec<Point> =
        [-0.9, -0.45, 0.0, 0.45, 0.9].iter().map(|u| d.view.skin(u * w, low, 0.02)).collect();
    inner.insert(0, outer[0]);
    inner.push(outer[outer.len() - 1]);
    if let Some(path) = lens(&outer, &inner) {
        d.brush.body(&path, tint);
        let shine = d.view.at(d.shot.light.side * 0.4, -0.9, 0.0);
        d.brush.clip_to(&path);
        d.brush.glow(shine, d.view.px(0.5), WHITE, 0.3);
        d.brush.unclip();
    }
}

fn band(d: &mut Drawing, top: f32, low: f32, tint: Tint) {
    let w = d.id.skull.half_width + d.id.hair.volume * 0.25;
    let edge = |v: f32| -> Vec<Point> {
        [-0.95, -0.6, -0.2, 0.2, 0.6, 0.95].iter().map(|u| d.view.skin(u * w, v, 0.04)).collect()
    };
    let (upper, lower) = (edge(top), edge(low));
    let path = lens(&upper, &lower);
    if let Some(path) = path {
        d.brush.body(&path, tint);
    }
}

fn brim(d: &mut Drawing, tint: Tint) {
    let w = d.id.skull.half_width;
    let back: Vec<Point> =
        [-0.86, -0.4, 0.0, 0.4, 0.86].iter().map(|u| d.view.skin(u * w, -0.46, 0.03)).collect();
    let mut front: Vec<Point> =
        [(-0.86, 0.0, 0.0), (-0.6, 0.10, 0.28), (0.0, 0.13, 0.42), (0.6, 0.10, 0.28), (0.86, 0.0, 0.0)]
            .iter()
            .map(|(u, dv, out)| d.view.skin(u * w, -0.46 + dv, *out))
            .collect();
    front[0] = back[0];
    front[4] = back[4];
    if let Some(path) = lens(&back, &front) {
        d.brush.body(&path, tint);
    }
}

/// Draws an object between the face and the camera, if this picture has one. It covers at most about a third of the
/// face.
pub(super) fn occluder(d: &mut Drawing) {
    if !d.shot.occluded {
        return;
    }
    let mut dice = RandomStream::new(Purpose::Scene, &[d.shot.seeds[0], d.shot.seeds[1], d.shot.seeds[2], 1]);
    let tint = Tint::cloth(&mut dice, 1.0);
    match (dice.unit() * 4.0) as u32 {
        0 => scarf(d, tint),
        1 => hand(d, dice.sign()),
        2 => card(d, &mut dice, tint),
        _ => bar(d, &mut dice, tint),
    }
}

fn scarf(d: &mut Drawing, tint: Tint) {
    let w = d.id.skull.half_width;
    let top = d.id.mouth.v - 0.02;
    let shape: Vec<Point> =
        [(-1.15, top - 0.06), (0.0, top + 0.08), (1.15, top - 0.06), (1.3, 1.3), (0.0, 1.5), (-1.3, 1.3)]
            .iter()
            .map(|(u, v)| d.view.at(u * w, *v, 0.2))
            .collect();
    if let Some(path) = smooth(&shape) {
        d.brush.body(&path, tint);
    }
    for v in [0.15, 0.32] {
        let fold: Vec<Point> = [(-1.0, top + v - 0.05), (0.0, top + v + 0.1), (1.0, top + v - 0.05)]
            .iter()
            .map(|(u, v)| d.view.at(u * w, *v, 0.2))
            .collect();
        if let Some(path) = open(&fold) {
            d.brush.line(&path, tint.shade(-0.4), 0.01, 0.7);
        }
    }
}

fn hand(d: &mut Drawing, side: f32) {
    let skin = d.id.skin.shade(-0.06);
    for finger in 0..4 {
        let v = 0.62 + finger as f32 * 0.13;
        let reach = [0.28, 0.20, 0.22, 0.34][finger];
        let shape: Vec<Point> =
            [(reach, v - 0.05), (reach - 0.05, v), (reach, v + 0.06), (1.5, v + 0.36), (1.5, v + 0.18)]
                .iter()
                .map(|(u, v)| d.view.at(side * u, *v, 0.3))
                .collect();
        if let Some(path) = smooth(&shape) {
            d.brush.body(&path, skin);
        }
    }
}

/// Draws an upright rectangle, such as a telephone, a book or a cup, in front of one cheek.
fn card(d: &mut Drawing, dice: &mut RandomStream, tint: Tint) {
    let side = dice.sign();
    let (u, v, half, tall) =
        (side * dice.range(0.5, 0.75), dice.range(0.35, 0.8), dice.range(0.2, 0.34), dice.range(0.35, 0.5));
    let lean = dice.bell(0.12);
    let corners = [
        (u - half + lean, v - tall),
        (u + half + lean, v - tall),
        (u + half - lean, v + tall),
        (u - half - lean, v + tall),
    ];
    if let Some(path) = polygon(&d.view.plane(&corners, 0.4)) {
        d.brush.body(&path, tint);
    }
    if let Some(dot) = circle(d.view.at(u, v - tall * 0.6, 0.4), d.view.px(0.05)) {
        d.brush.patch(&dot, hex(0x20242a), 0.8);
    }
}

/// Draws a pole or a strap across the whole picture, away from the middle between the eyes.
fn bar(d: &mut Drawing, dice: &mut RandomStream, tint: Tint) {
    let side = d.brush.side();
    let (at, half) =
        (d.view.at(dice.sign() * dice.range(0.3, 0.7), 0.2, 0.0).x, side * dice.range(0.02, 0.05));
    let lean = side * dice.bell(0.25);
    let corner = |x: f32, y: f32| Point { x, y };
    let corners = [
        corner(at - half + lean, -2.0),
        corner(at + half + lean, -2.0),
        corner(at + half - lean, side + 2.0),
        corner(at - half - lean, side + 2.0),
    ];
    if let Some(path) = polygon(&corners) {
        d.brush.body(&path, tint);
    }
}
