//! Times augmentation: `cargo run --release -p likeness-data --example augment_speed`.

use std::time::Instant;

use image::{Rgb, RgbImage};
use likeness_data::augment::{AugmentConfig, augment, numbers};

const FACES: u64 = 2000;

fn main() -> likeness_data::Result<()> {
    let mut without_jpeg = AugmentConfig::default();
    without_jpeg.jpeg.probability = 0.0;
    for (name, config) in [
        ("none", AugmentConfig::none()),
        ("default without JPEG", without_jpeg),
        ("default", AugmentConfig::default()),
        ("strong", AugmentConfig::strong()),
    ] {
        for (from, size) in [(112, 112), (224, 112), (224, 224)] {
            let face =
                RgbImage::from_fn(from, from, |x, y| Rgb([(x * 5) as u8, (y * 3) as u8, (x ^ y) as u8]));
            let start = Instant::now();
            let mut sum = 0u64;
            for place in 0..FACES {
                let varied = augment(&face, size, &config, &mut numbers(0, 0, place))?;
                sum += u64::from(varied.get_pixel(size / 2, size / 2).0[0]);
            }
            let each_ms = start.elapsed().as_secs_f64() * 1000.0 / FACES as f64;
            #[allow(clippy::print_stdout)]
            {
                println!("{name}, {from} to {size} pixels: {each_ms:.3} ms a face (check {sum})");
            }
        }
    }
    Ok(())
}
