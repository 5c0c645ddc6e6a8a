//! The pictures that the golden values were computed on, from the formulas in `tests/golden/descriptors/generate.py`.

use image::{Rgb, RgbImage};

/// Size of the faces, and of the small pictures whose patterns are kept one by one.
pub(super) const FULL: (u32, u32) = (128, 128);
pub(super) const SMALL: (u32, u32) = (40, 33);

pub(super) const NAMES: [&str; 6] = ["gradient", "noise", "checkers", "constant", "colors", "rings"];

const PALETTE: [[u8; 3]; 15] = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [255, 255, 0],
    [0, 255, 255],
    [255, 0, 255],
    [0, 0, 0],
    [255, 255, 255],
    [1, 0, 0],
    [255, 254, 255],
    [255, 0, 1],
    [255, 0, 4],
    [128, 128, 127],
    [3, 200, 199],
    [90, 0, 180],
];

pub(super) fn picture(name: &str, (width, height): (u32, u32)) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb(pixel(name, x, y, width, height)))
}

fn pixel(name: &str, x: u32, y: u32, width: u32, height: u32) -> [u8; 3] {
    match name {
        "gradient" => [x * 255 / (width - 1), y * 255 / (height - 1), (x + y) * 255 / (width + height - 2)]
            .map(|v| v as u8),
        "noise" => std::array::from_fn(|c| noise(x, y, c as u32)),
        "checkers" if (x / 12 + y / 12) % 2 == 1 => [240, 230, 20],
        "checkers" => [30, 60, 200],
        "constant" => [90, 120, 60],
        "colors" => PALETTE[((x / 9 + y / 7 * 4) % 15) as usize],
        "rings" => {
            let ring = (x.abs_diff(20).pow(2) + y.abs_diff(15).pow(2)) / 97 % 7 * 36;
            [ring, ring + 9, ring + 18].map(|v| v as u8)
        }
        _ => panic!("{name}: no such picture"),
    }
}

fn noise(x: u32, y: u32, c: u32) -> u8 {
    let h = x
        .wrapping_mul(374_761_393)
        .wrapping_add(y.wrapping_mul(668_265_263))
        .wrapping_add(c.wrapping_mul(2_246_822_519));
    let h = (h ^ (h >> 13)).wrapping_mul(1_274_126_177);
    ((h ^ (h >> 16)) & 255) as u8
}
