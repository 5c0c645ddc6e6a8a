//! Draws the background: walls, skies, lights and shapes in a portrait, blank or scribbled paper in a sketch.

use super::brush::{Brush, circle, open, polygon};
use super::tint::Tint;
use likeness_data::geometry::Point;
use likeness_data::seed::RandomStream;

/// Draws the background over the whole canvas.
pub(super) fn background(brush: &mut Brush, dice: &mut RandomStream) {
    let (one, other) = (Tint::cloth(dice, 0.25), Tint::cloth(dice, 0.25));
    if brush.is_sketch() {
        scribbles(brush, dice, one);
        return;
    }
    rectangle(brush, [0.0, 0.0, 1.0, 1.0], one);
    match (dice.unit() * 6.0) as u32 {
        0 => {}
        1 => gradient(brush, dice, one, other),
        2 => lights(brush, dice, one),
        3 => blocks(brush, dice),
        4 => stripes(brush, dice, other),
        _ => landscape(brush, dice, other),
    }
}

/// Draws a rectangle with the edges [left, top, right, bottom], as shares of the picture's side.
fn rectangle(brush: &mut Brush, edges: [f32; 4], tint: Tint) {
    let [left, top, right, bottom] = edges.map(|e| e * brush.side());
    let corners = [(left, top), (right, top), (right, bottom), (left, bottom)].map(|(x, y)| Point { x, y });
    if let Some(path) = polygon(&corners) {
        brush.patch(&path, tint, 1.0);
    }
}

fn gradient(brush: &mut Brush, dice: &mut RandomStream, one: Tint, other: Tint) {
    let side = brush.side();
    let whole = [(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)].map(|(x, y)| Point { x, y });
    let (a, b) = (dice.unit() * side, dice.unit() * side);
    if let Some(path) = polygon(&whole) {
        brush.sweep(&path, (Point { x: a, y: 0.0 }, one, 1.0), (Point { x: b, y: side }, other, 1.0));
    }
}

fn lights(brush: &mut Brush, dice: &mut RandomStream, base: Tint) {
    for _ in 0..12 {
        let at = Point { x: dice.unit() * brush.side(), y: dice.unit() * brush.side() };
        let tint = Tint::cloth(dice, 0.5).mix(base, 0.3).shade(0.3);
        if let Some(path) = circle(at, brush.side() * dice.range(0.03, 0.12)) {
            brush.patch(&path, tint, dice.range(0.25, 0.7));
        }
    }
}

fn blocks(brush: &mut Brush, dice: &mut RandomStream) {
    for _ in 0..9 {
        let (left, top) = (dice.range(-0.2, 0.9), dice.range(-0.2, 0.8));
        let tint = Tint::cloth(dice, 0.3);
        rectangle(brush, [left, top, left + dice.range(0.1, 0.5), top + dice.range(0.1, 0.6)], tint);
    }
}

fn stripes(brush: &mut Brush, dice: &mut RandomStream, tint: Tint) {
    let (count, upright) = (dice.range(3.0, 11.0) as u32, dice.chance(0.6));
    for i in 0..count {
        let (from, to) = (i as f32 / count as f32, (i as f32 + 0.5) / count as f32);
        let edges = if upright { [from, 0.0, to, 1.0] } else { [0.0, from, 1.0, to] };
        rectangle(brush, edges, tint);
    }
}

fn landscape(brush: &mut Brush, dice: &mut RandomStream, ground: Tint) {
    let horizon = dice.range(0.35, 0.75);
    rectangle(brush, [0.0, horizon, 1.0, 1.0], ground);
    for _ in 0..5 {
        let at = Point { x: dice.unit() * brush.side(), y: horizon * brush.side() };
        let tint = Tint::cloth(dice, 0.4).mix(ground, 0.4);
        if let Some(path) = circle(at, brush.side() * dice.range(0.06, 0.2)) {
            brush.patch(&path, tint, 0.9);
        }
    }
}

/// Draws some strokes of one crayon, or none on almost half of the pictures.
fn scribbles(brush: &mut Brush, dice: &mut RandomStream, tint: Tint) {
    if dice.chance(0.45) {
        return;
    }
    let side = brush.side();
    let (mut x, slant) = (-0.2, dice.range(0.1, 0.5));
    while x < 1.1 {
        let low = dice.range(0.5, 1.1);
        let ends = [(x + slant, 0.0), (x + slant * 0.5, low * 0.5), (x, low)]
            .map(|(x, y)| Point { x: x * side, y: y * side });
        if let Some(path) = open(&ends) {
            brush.strand(&path, tint, 0.012, 0.55);
        }
        x += dice.range(0.03, 0.07);
    }
}
