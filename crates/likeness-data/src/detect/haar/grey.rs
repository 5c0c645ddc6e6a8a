//! Converts colour to grey as OpenCV's `RGB2GRAY` on 8-bit values: Rec. 601 weights in 15-bit fixed point.

use image::RgbImage;

/// 0.299, 0.587 and 0.114, times 2^15; their sum is exactly 2^15.
const WEIGHTS: [u32; 3] = [9798, 19235, 3735];

/// A grey picture in row-major order without padding.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grey {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<u8>,
}

impl Grey {
    /// Sets the size and the grey values from `image`, reusing the buffer.
    pub(crate) fn fill(&mut self, image: &RgbImage) {
        self.width = image.width() as usize;
        self.height = image.height() as usize;
        self.pixels.clear();
        self.pixels.extend(image.as_raw().as_chunks::<3>().0.iter().map(luma));
    }

    /// The pixels of row `y`.
    pub(crate) fn row(&self, y: usize) -> &[u8] {
        &self.pixels[y * self.width..][..self.width]
    }
}

#[inline(always)]
fn luma(&[r, g, b]: &[u8; 3]) -> u8 {
    let sum = WEIGHTS[0] * u32::from(r) + WEIGHTS[1] * u32::from(g) + WEIGHTS[2] * u32::from(b);
    ((sum + (1 << 14)) >> 15) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_stays_grey() {
        for v in 0..=255 {
            assert_eq!(luma(&[v, v, v]), v);
        }
    }

    /// Values of `cv2.cvtColor` 4.14; the last two would differ with 14-bit weights.
    #[test]
    fn colours_as_opencv() {
        assert_eq!(
            [[255, 0, 0], [0, 255, 0], [0, 0, 255], [12, 200, 99], [0, 0, 250], [0, 1, 201]]
                .map(|p| luma(&p)),
            [76, 150, 29, 132, 28, 23]
        );
    }
}
