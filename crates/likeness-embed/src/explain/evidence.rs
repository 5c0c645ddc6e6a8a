//! A map of evidence: how much each pixel of a picture contributes to a match.

/// How much each pixel of a picture holds it near another picture.
///
/// # Conventions   positive: hiding the pixel moves the pictures apart; negative: hiding it brings them closer
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Width of the picture in pixels.
    pub width: u32,
    /// Height of the picture in pixels.
    pub height: u32,
    /// One value for each pixel, row after row. The greatest absolute value is 1, or all values are 0 if nothing that was hidden
    /// changed the distance.
    pub values: Vec<f32>,
    /// The growth of the distance that the value 1 stands for.
    pub unit: f32,
}

impl Evidence {
    /// A map of raw growths of the distance, which are scaled to the greatest absolute value.
    pub(crate) fn scaled(width: u32, height: u32, mut values: Vec<f32>) -> Self {
        let unit = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        if unit > 0.0 {
            values.iter_mut().for_each(|value| *value /= unit);
        }
        Self { width, height, values, unit }
    }

    /// The share of the positive evidence at the pixels (x, y) that `is_inside` selects; 0 if nothing is positive.
    ///
    /// # Examples
    /// ```
    /// use likeness_embed::explain::Evidence;
    ///
    /// let map = Evidence { width: 2, height: 2, values: vec![1.0, 0.5, -1.0, 0.5], unit: 0.1 };
    /// assert_eq!(map.share(|x, _| x == 0), 0.5);
    /// ```
    pub fn share(&self, is_inside: impl Fn(u32, u32) -> bool) -> f64 {
        let (mut inside, mut all) = (0.0_f64, 0.0_f64);
        for (at, value) in self.values.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            let (x, y) = (at as u32 % self.width, at as u32 / self.width);
            all += f64::from(*value);
            if is_inside(x, y) {
                inside += f64::from(*value);
            }
        }
        if all > 0.0 { inside / all } else { 0.0 }
    }

    /// The pixel (x, y) with the greatest value; `None` if nothing is positive.
    pub fn greatest(&self) -> Option<(u32, u32)> {
        let (at, value) = self.values.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        (*value > 0.0).then_some((at as u32 % self.width, at as u32 / self.width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_scaled_to_one() {
        let map = Evidence::scaled(2, 1, vec![0.2, -0.4]);
        assert_eq!((map.values.as_slice(), map.unit), (&[0.5, -1.0][..], 0.4));
        assert_eq!(map.greatest(), Some((0, 0)));
        let none = Evidence::scaled(2, 1, vec![0.0, 0.0]);
        assert_eq!((none.values.as_slice(), none.unit, none.greatest()), (&[0.0, 0.0][..], 0.0, None));
        assert_eq!(none.share(|_, _| true), 0.0);
    }
}
