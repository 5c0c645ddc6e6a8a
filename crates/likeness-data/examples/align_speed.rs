//! Times alignment to 112×112 from faces of several sizes: `cargo run --release -p likeness-data --example align_speed`.

use std::hint::black_box;
use std::time::Instant;

use likeness_data::align::{ARCFACE_112, AlignConfig, Sampling, Similarity, align};

#[allow(clippy::print_stdout)]
fn main() -> likeness_data::Result<()> {
    for scale in [0.5, 1.0, 1.5, 3.0, 6.0, 12.0] {
        let side = (150.0 * scale) as u32;
        let photo =
            image::RgbImage::from_fn(side, side, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8]));
        let place = Similarity::new(scale, 12.0, (20.0 * scale, 5.0))?;
        let landmarks = ARCFACE_112.map(|p| place.apply(p));
        for sampling in [Sampling::Bilinear, Sampling::Area] {
            let config = AlignConfig { sampling, ..AlignConfig::default() };
            let mut best = f64::INFINITY;
            for _ in 0..200 {
                let start = Instant::now();
                black_box(align(black_box(&photo), &landmarks, &config)?);
                best = best.min(start.elapsed().as_secs_f64());
            }
            let microseconds = 1e6 * best;
            println!("{side:>5} px photo, {scale:>4} × the template, {sampling:?}: {microseconds:.0} µs");
        }
    }
    Ok(())
}
