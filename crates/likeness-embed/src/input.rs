//! From a picture's pixels to a network's input values.

use image::RgbImage;
use likeness_model::preprocess::{ChannelOrder, Preprocess};

/// Writes the input values of `face`, channel after channel.
///
/// # Shapes        face: height × width × 3   ·   tensor: 3 × height × width
pub(crate) fn write_planes(preprocess: &Preprocess, face: &RgbImage, tensor: &mut [f32]) {
    let pixels = face.as_raw();
    for (channel, plane) in tensor.chunks_exact_mut((pixels.len() / 3).max(1)).enumerate() {
        let source = source(preprocess.channels, channel);
        let (mean, scale) = (preprocess.mean[channel], 1.0 / preprocess.std[channel]);
        for (to, pixel) in plane.iter_mut().zip(pixels.chunks_exact(3)) {
            *to = (f32::from(pixel[source]) - mean) * scale;
        }
    }
}

/// Writes the input values of `face`, pixel after pixel.
///
/// # Shapes        face: height × width × 3   ·   tensor: height × width × 3
pub(crate) fn write_pixels(preprocess: &Preprocess, face: &RgbImage, tensor: &mut [f32]) {
    for (to, pixel) in tensor.chunks_exact_mut(3).zip(face.as_raw().chunks_exact(3)) {
        for (channel, to) in to.iter_mut().enumerate() {
            *to = (f32::from(pixel[source(preprocess.channels, channel)]) - preprocess.mean[channel])
                / preprocess.std[channel];
        }
    }
}

/// The picture's channel that becomes the network's `channel`.
fn source(channels: ChannelOrder, channel: usize) -> usize {
    match channels {
        ChannelOrder::Rgb => channel,
        ChannelOrder::Bgr => 2 - channel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_follow_the_channel_order_and_its_statistics() {
        let mut face = RgbImage::new(2, 1);
        face.put_pixel(0, 0, image::Rgb([10, 20, 30]));
        face.put_pixel(1, 0, image::Rgb([11, 22, 33]));
        let settings = Preprocess {
            channels: ChannelOrder::Bgr,
            mean: [30.0, 20.0, 10.0],
            std: [1.0, 2.0, 0.5],
            ..Preprocess::default()
        };
        let (mut planes, mut pixels) = ([0.0; 6], [0.0; 6]);
        write_planes(&settings, &face, &mut planes);
        write_pixels(&settings, &face, &mut pixels);
        assert_eq!(planes, [0.0, 3.0, 0.0, 1.0, 0.0, 2.0]);
        assert_eq!(pixels, [0.0, 0.0, 0.0, 3.0, 1.0, 2.0]);
    }
}
