//! PReLU, forward and backward.

use rayon::prelude::*;

/// Sizes and slopes of a PReLU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sloped<'a> {
    /// One slope for each channel.
    pub(crate) slopes: &'a [f32],
    /// Number of values in one channel of one image.
    pub(crate) plane: usize,
}

impl Sloped<'_> {
    fn slope(&self, plane: usize) -> f32 {
        self.slopes[plane % self.slopes.len()]
    }

    /// max(x, 0) + slope · min(x, 0).
    ///
    /// # Shapes        input, output: [batch, channels, plane]
    pub(crate) fn forward(&self, input: &[f32], output: &mut [f32]) {
        let planes = input.par_chunks(self.plane).zip(output.par_chunks_mut(self.plane));
        planes.enumerate().for_each(|(i, (input, output))| {
            let slope = self.slope(i);
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || {
                    for (x, y) in input.iter().zip(output) {
                        *y = if *x > 0.0 { *x } else { slope * *x };
                    }
                },
            );
        });
    }

    /// Converts the gradient of the output to that of the input, in place, and returns the gradient of the slopes.
    ///
    /// # Shapes        input, gradient: [batch, channels, plane] · slopes' gradient: [channels]
    pub(crate) fn backward(&self, input: &[f32], gradient: &mut [f32]) -> Vec<f32> {
        let planes = input.par_chunks(self.plane).zip(gradient.par_chunks_mut(self.plane));
        let parts: Vec<f32> = planes
            .enumerate()
            .map(|(i, (input, gradient))| {
                let slope = self.slope(i);
                pulp::Arch::new().dispatch(
                    #[inline(always)]
                    || {
                        let mut sums = [0.0f32; 16];
                        let mut lanes = gradient.chunks_mut(16).zip(input.chunks(16));
                        for (gradient, input) in &mut lanes {
                            for ((g, x), sum) in gradient.iter_mut().zip(input).zip(&mut sums) {
                                let below = if *x > 0.0 { 0.0 } else { *x };
                                *sum += *g * below;
                                *g *= if *x > 0.0 { 1.0 } else { slope };
                            }
                        }
                        sums.iter().sum()
                    },
                )
            })
            .collect();
        let mut sums = vec![0.0f32; self.slopes.len()];
        for (i, part) in parts.into_iter().enumerate() {
            sums[i % self.slopes.len()] += part;
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_case_by_hand() {
        let sloped = Sloped { slopes: &[0.5, 0.1], plane: 2 };
        let input = [1.0, -2.0, -3.0, 4.0, -1.0, 0.0, 5.0, -10.0];
        let mut output = [f32::NAN; 8];
        sloped.forward(&input, &mut output);
        assert_eq!(output, [1.0, -1.0, -0.3, 4.0, -0.5, 0.0, 5.0, -1.0]);
        let mut gradient = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let slopes = sloped.backward(&input, &mut gradient);
        assert_eq!(gradient, [1.0, 1.0, 0.3, 4.0, 2.5, 3.0, 7.0, 0.8]);
        // 2·(−2) + 5·(−1), and 3·(−3) + 8·(−10).
        assert_eq!(slopes, [-9.0, -89.0]);
    }
}
