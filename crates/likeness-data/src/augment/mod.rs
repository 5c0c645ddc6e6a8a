//! Augmentation: random variations of a face, as other photos of it might show.
//!
//! The steps that a face passes:
//!
//! 1. `place` rotates, scales, shifts and mirrors the face while it is scaled to its size, so that pixels are sampled once.
//! 2. `colour` changes brightness, contrast, saturation and hue, or removes colour, in one step per pixel.
//! 3. `style` converts it to the style of a poster, a pencil drawing or a comic.
//! 4. `quality` reduces the resolution, blurs, and compresses as JPEG.
//! 5. `erase` hides a part of it.
//!
//! Every step has its own random numbers: turning one off does not change the others. The result depends only on the
//! picture, the settings and the random numbers, not on threads or time. Nothing is written to disk.

mod blur;
mod colour;
mod config;
mod erase;
mod place;
mod quality;
pub mod style;
#[cfg(test)]
mod tests;

use image::RgbImage;
use rand::Rng;

use crate::Result;
use crate::seed::{Generator, Purpose, RandomStream, generator};

pub use config::{
    AugmentConfig, BlurConfig, ColourConfig, ErasingConfig, JpegConfig, LowResolutionConfig, PlaceConfig,
    StyleConfig, StyleKind,
};

/// The augmentation steps, in order.
#[derive(Debug, Clone, Copy)]
enum Step {
    Flip = 1,
    Place = 2,
    Colour = 3,
    Grey = 4,
    LowResolution = 5,
    Blur = 6,
    Jpeg = 7,
    Erasing = 8,
    Style = 9,
}

/// The random numbers for the picture at position `place` of an epoch, in the run with this `seed`.
pub fn numbers(seed: u64, epoch: u64, place: u64) -> Generator {
    generator(RandomStream::new(Purpose::Augmentation, &[seed, epoch, place]).bits())
}

/// Scales `image` to `size` × `size` pixels with random variations.
///
/// # Conventions   of a picture that is not square, the largest centred square is used; with [`AugmentConfig::none`] the
/// result is [`resize_part`](crate::align::resize_part) of that square; one value is drawn from `numbers`
/// # Errors        an empty picture, a size outside 1 to 8192, settings that [`AugmentConfig::validate`] rejects →
/// [`DataError::BadArgument`](crate::DataError)
/// # Examples
/// ```
/// use likeness_data::augment::{AugmentConfig, augment, numbers};
///
/// let face = image::RgbImage::from_pixel(224, 224, image::Rgb([200, 150, 120]));
/// let varied = augment(&face, 112, &AugmentConfig::default(), &mut numbers(0, 3, 17))?;
/// assert_eq!(varied.dimensions(), (112, 112));
/// # Ok::<(), likeness_data::DataError>(())
/// ```
pub fn augment(
    image: &RgbImage,
    size: u32,
    config: &AugmentConfig,
    numbers: &mut impl Rng,
) -> Result<RgbImage> {
    config.validate()?;
    let seed = numbers.next_u64();
    let dice = |step: Step| RandomStream::new(Purpose::Augmentation, &[seed, step as u64]);
    let mut face = place::place(image, size, &config.place, &mut dice(Step::Place))?;
    if dice(Step::Flip).chance(config.flip) {
        place::flip(&mut face);
    }
    colour::colour(&mut face, &config.colour, config.grey, &mut dice(Step::Colour), &mut dice(Step::Grey));
    style::maybe_style(&mut face, &config.style, &mut dice(Step::Style));
    quality::low_resolution(&mut face, &config.low_resolution, &mut dice(Step::LowResolution))?;
    blur::maybe_blur(&mut face, &config.blur, &mut dice(Step::Blur));
    quality::jpeg(&mut face, &config.jpeg, &mut dice(Step::Jpeg))?;
    erase::erase(&mut face, &config.erasing, &mut dice(Step::Erasing));
    Ok(face)
}
