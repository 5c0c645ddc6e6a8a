//! What hidden pixels become: a neutral picture that is itself no evidence.

use image::{Rgb, RgbImage, imageops};

/// What the hidden part of a picture is filled with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fill {
    /// The mean colour of the picture.
    Mean,
    /// The picture itself, blurred by a Gaussian whose standard deviation is this share of the shorter side. Its colours and
    /// light remain, so a patch makes no edge.
    Blur(f32),
}

impl Fill {
    /// The neutral picture for `picture`, of the same size.
    pub(super) fn of(self, picture: &RgbImage) -> RgbImage {
        match self {
            Self::Mean => RgbImage::from_pixel(picture.width(), picture.height(), mean(picture)),
            Self::Blur(share) => {
                let sigma = share * picture.width().min(picture.height()) as f32;
                if sigma < 0.5 { picture.clone() } else { imageops::fast_blur(picture, sigma) }
            }
        }
    }
}

fn mean(picture: &RgbImage) -> Rgb<u8> {
    let mut sums = [0_u64; 3];
    for pixel in picture.pixels() {
        sums.iter_mut().zip(pixel.0).for_each(|(sum, value)| *sum += u64::from(value));
    }
    let count = u64::from(picture.width()) * u64::from(picture.height());
    Rgb(sums.map(|sum| ((sum + count / 2) / count.max(1)) as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_keep_the_size_and_the_mean() {
        let picture = RgbImage::from_fn(40, 30, |x, _| Rgb([if x < 20 { 0 } else { 200 }, 50, 9]));
        assert_eq!(*Fill::Mean.of(&picture).get_pixel(39, 29), Rgb([100, 50, 9]));
        let blurred = Fill::Blur(0.3).of(&picture);
        assert_eq!(blurred.dimensions(), (40, 30));
        assert!(blurred.get_pixel(20, 15).0[0].abs_diff(100) < 25, "{:?}", blurred.get_pixel(20, 15));
        let dot = RgbImage::from_pixel(1, 1, Rgb([7, 8, 9]));
        for fill in [Fill::Mean, Fill::Blur(0.2)] {
            assert_eq!(fill.of(&dot), dot);
        }
    }
}
