//! Draws hair behind and in front of the face, in fourteen cuts.

use tiny_skia::Path;

use super::Drawing;
use super::brush::{circle, lens, open, smooth};
use super::head::crown;
use super::identity::Cut;
use super::tint::Tint;
use super::view::symmetric;
use likeness_data::geometry::Point;
use likeness_data::seed::{Purpose, RandomStream};

/// Draws the hair behind the neck and the face.
pub(super) fn back(d: &mut Drawing) {
    let hair = d.id.hair;
    let (w, volume) = (d.id.skull.half_width, volume(d));
    let tint = hair.tint.shade(-0.22);
    let path = match hair.cut {
        Cut::Bald | Cut::Buzz | Cut::Receding | Cut::Short | Cut::SidePart | Cut::Quiff => None,
        Cut::Fringe => falling(d, w + volume * 0.9, 0.45, 0.0),
        Cut::Bob | Cut::CentrePart => falling(d, w + volume * 1.3, 0.62 + 0.35 * (hair.length - 0.75), 0.12),
        Cut::LongStraight => falling(d, w + volume, hair.length.max(1.15), 0.02),
        Cut::LongWavy => falling(d, w + volume * 1.4, hair.length.max(1.05), 0.16),
        Cut::Curly => cloud(d, w + volume * 1.1, 0.25 + volume, 13),
        Cut::Afro => cloud(d, w + 0.16 + volume * 1.5, 0.35 + volume, 15),
        Cut::Bun => bun(d, tint),
    };
    if let Some(path) = path {
        d.brush.body(&path, tint);
    }
}

/// Distance of the hair from the skull in this picture; a hat reduces it.
fn volume(d: &Drawing) -> f32 {
    let pressed = if d.shot.headgear.is_hat() { 0.35 } else { 1.0 };
    d.id.hair.volume * d.shot.hair_volume * pressed
}

/// The outline of hair that falls on both sides down to `length`, widened by `flare` at the tips.
fn falling(d: &Drawing, half_width: f32, length: f32, flare: f32) -> Option<Path> {
    let mut points: Vec<Point> = (0..9)
        .map(|step| {
            let (u, v, _) = crown(half_width, 0.95 + volume(d), step);
            d.view.at(u, v, -0.12)
        })
        .collect();
    let half = half_width + flare;
    let sides = [
        (half_width + flare * 0.4, length * 0.45),
        (half, length * 0.85),
        (half * 0.86, length),
        (half * 0.5, length * 0.97),
    ];
    points.extend(sides.iter().map(|(u, v)| d.view.at(*u, *v, -0.18)));
    points.extend(sides.iter().rev().map(|(u, v)| d.view.at(-u, *v, -0.18)));
    smooth(&points)
}

/// The outline of a lumpy ball of hair around the head, open at the neck.
fn cloud(d: &Drawing, half_width: f32, low: f32, lumps: usize) -> Option<Path> {
    let mut dice = RandomStream::new(Purpose::FaceTexture, &[d.id.seed, 3]);
    let height = if d.shot.headgear.is_hat() { 0.85 } else { half_width * 0.62 + 0.5 };
    let points: Vec<Point> = (0..lumps * 2)
        .map(|i| {
            let angle = i as f32 / (lumps * 2) as f32 * std::f32::consts::TAU;
            let reach = if i % 2 == 0 { 1.0 } else { 0.90 + 0.05 * dice.unit() };
            let (sin, cos) = angle.sin_cos();
            d.view.at(half_width * reach * sin, (low - height * 0.72) - height * reach * cos, -0.12)
        })
        .collect();
    smooth(&points)
}

/// The outline of a knot on top of the head; the other hair is combed back.
fn bun(d: &mut Drawing, tint: Tint) -> Option<Path> {
    if d.shot.headgear.is_hat() {
        return None;
    }
    let radius = 0.20 + volume(d) * 0.9;
    let knot = circle(d.view.at(d.id.hair.parting * 0.3, -1.08 - volume(d) * 0.6, -0.1), d.view.px(radius))?;
    d.brush.body(&knot, tint.shade(0.1));
    let w = d.id.skull.half_width + volume(d) * 0.35;
    let points: Vec<Point> =
        (0..9).map(|step| crown(w, 0.98, step)).map(|(u, v, _)| d.view.at(u, v, -0.1)).collect();
    smooth(&points)
}

/// Draws the hair over the forehead and the temples, with strands; under a hat only the sides are visible.
pub(super) fn front(d: &mut Drawing) {
    let Some((outer, inner)) = fringe(d) else { return };
    let Some(path) = lens(&outer, &inner) else { return };
    let hair = d.id.hair;
    if hair.cut == Cut::Buzz {
        d.brush.patch(&path, hair.tint.mix(d.id.skin, 0.15), 0.82);
        return;
    }
    d.brush.body(&path, hair.tint);
    d.brush.clip_to(&path);
    strands(d, &outer, &inner);
    let shine = d.view.at(d.shot.light.side * 0.35, -0.86, 0.1);
    d.brush.glow(shine, d.view.px(0.42), hair.tint.shade(0.55), 0.42);
    let dark = d.view.at(-d.shot.light.side * 0.65, -0.5, 0.0);
    d.brush.glow(dark, d.view.px(0.5), hair.tint.shade(-0.8), 0.45 * d.shot.light.strength);
    d.brush.unclip();
}

/// The outer and the inner edge of the hair in front of the face, both from the left to the right temple; `None` for a
/// bald head.
fn fringe(d: &Drawing) -> Option<(Vec<Point>, Vec<Point>)> {
    let edge = hairline(d)?;
    let (w, low) = (d.id.skull.half_width, edge[0].1);
    let inner: Vec<Point> = edge.iter().map(|(u, v)| d.view.skin(u * w, *v, 0.02)).collect();
    let (rise, spread) = rise_and_spread(d);
    let quiff = if d.id.hair.cut == Cut::Quiff { 0.35 * parting(d) * rise } else { 0.0 };
    let mut outer = vec![inner[0], d.view.at(-w - spread * 0.6, low - 0.06, -0.02)];
    outer.extend((0..9).map(|step| {
        let (u, v, _) = crown(w + spread, 0.95 + rise, step);
        let lean = quiff * (1.0 - (step as f32 / 4.0 - 1.0).powi(2));
        d.view.at(u + lean, v.min(low - 0.10), 0.0)
    }));
    outer.push(d.view.at(w + spread * 0.6, low - 0.06, -0.02));
    outer.push(inner[inner.len() - 1]);
    Some((outer, inner))
}

/// u of the parting in this picture.
fn parting(d: &Drawing) -> f32 {
    d.id.hair.parting * d.shot.parting
}

/// Distances of the hair from the crown and from the temples, for this cut.
fn rise_and_spread(d: &Drawing) -> (f32, f32) {
    let volume = volume(d);
    match d.id.hair.cut {
        Cut::Buzz => (0.015, 0.011),
        Cut::Receding | Cut::Bun => (volume * 0.35, volume * 0.26),
        Cut::Quiff => (volume * 1.5, volume * 0.25),
        Cut::Afro => (volume * 1.8, volume * 1.35),
        _ => (volume, volume * 0.75),
    }
}

/// The edge between hair and skin, from left to right: u as a share of the half width, and v; `None` for a bald
/// head.
fn hairline(d: &Drawing) -> Option<Vec<(f32, f32)>> {
    let (line, part) = (d.id.hair.line, parting(d));
    Some(match d.id.hair.cut {
        Cut::Bald => return None,
        Cut::Buzz => symmetric(line, &[(0.72, line + 0.12), (0.90, -0.25)]),
        Cut::Receding => symmetric(line + 0.02, &[(0.3, line - 0.05), (0.66, line - 0.16), (0.93, -0.25)]),
        Cut::Short | Cut::Bun => symmetric(line, &[(0.76, line + 0.10), (0.91, -0.15)]),
        Cut::Quiff => symmetric(line - 0.05, &[(0.3, line - 0.05), (0.8, line + 0.06), (0.92, -0.2)]),
        Cut::SidePart => side_part(part, line),
        Cut::Fringe | Cut::Bob => bangs(d, line),
        Cut::Curly | Cut::Afro => curls(d, line),
        Cut::LongStraight | Cut::CentrePart => {
            parted(part * 0.4, line, &[(0.55, line + 0.16), (0.84, -0.05), (0.97, 0.35)])
        }
        Cut::LongWavy => parted(part, line, &[(0.57, line + 0.18), (0.86, -0.17), (0.80, 0.12), (1.0, 0.50)]),
    })
}

/// The hairline of two halves that part at `part`.
fn parted(part: f32, line: f32, right_half: &[(f32, f32)]) -> Vec<(f32, f32)> {
    let mut edge = symmetric(line - 0.12, right_half);
    edge[right_half.len()].0 = part;
    edge
}

/// The hairline of hair combed over from a parting: highest at the parting, low at the other temple.
fn side_part(part: f32, line: f32) -> Vec<(f32, f32)> {
    let side = part.signum();
    let mut edge = vec![
        (0.92, -0.12),
        (0.80, line + 0.18),
        (part.abs(), line - 0.08),
        (-0.1, line + 0.06),
        (-0.6, line + 0.26),
        (-0.86, line + 0.36),
        (-0.93, -0.1),
    ];
    edge.iter_mut().for_each(|(u, _)| *u *= side);
    if side > 0.0 {
        edge.reverse();
    }
    edge
}

/// The hairline of straight hair cut above the brows.
fn bangs(d: &Drawing, line: f32) -> Vec<(f32, f32)> {
    let mut dice = RandomStream::new(Purpose::FaceTexture, &[d.id.seed, 4]);
    let (low, reach) = (line * 0.35 - 0.06, if d.id.hair.cut == Cut::Bob { 0.55 } else { 0.1 });
    let mut edge = vec![(-0.96, reach), (-0.84, 0.0)];
    edge.extend((-3..=3).map(|i| (i as f32 * 0.24, low + dice.bell(0.05) - 0.02 * (i % 2) as f32)));
    edge.extend([(0.84, 0.0), (0.96, reach)]);
    edge
}

fn curls(d: &Drawing, line: f32) -> Vec<(f32, f32)> {
    let mut dice = RandomStream::new(Purpose::FaceTexture, &[d.id.seed, 5]);
    let mut edge = vec![(-0.95, -0.05)];
    edge.extend((-4..=4).map(|i| {
        let u = i as f32 * 0.2;
        (u, line + 0.25 * u * u + if i % 2 == 0 { 0.07 } else { -0.02 } + dice.bell(0.03))
    }));
    edge.push((0.95, -0.05));
    edge
}

/// Draws strands from the outer to the inner edge.
fn strands(d: &mut Drawing, outer: &[Point], inner: &[Point]) {
    let mut dice = RandomStream::new(Purpose::FaceTexture, &[d.id.seed, 6]);
    let tint = d.id.hair.tint;
    let between = |points: &[Point], share: f32| {
        let place = share * (points.len() - 1) as f32;
        let i = (place as usize).min(points.len() - 2);
        let (a, b, t) = (points[i], points[i + 1], place - i as f32);
        Point { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t }
    };
    for i in 0..24 {
        let share = (i as f32 + dice.unit()) / 24.0;
        let (root, tip) = (between(outer, share), between(inner, (share + dice.bell(0.08)).clamp(0.0, 1.0)));
        let bend = d.view.px(dice.bell(0.06));
        let middle = Point { x: (root.x + tip.x) / 2.0 + bend, y: (root.y + tip.y) / 2.0 };
        let shade = dice.range(-0.5, 0.3);
        if let Some(path) = open(&[root, middle, tip]) {
            d.brush.strand(&path, tint.shade(shade), 0.009, 0.32);
        }
    }
}
