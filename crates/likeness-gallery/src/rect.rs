//! Rectangles, in units of the image or in pixels. Overlaps do not depend on the unit.

/// A rectangle. The origin is the top left corner of the image; width and height of the image are 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Rect {
    /// The rectangle of a box in pixels of an image of `width` × `height` pixels.
    ///
    /// # Units         box: left, top, width, height in pixels
    /// # Conventions   the box is cut off at the edges of the image; an empty box or image → `None`
    /// # Examples
    ///
    /// ```
    /// use likeness_gallery::exchange::Rect;
    ///
    /// let rect = Rect::of_pixels([10, 20, 30, 40], 100, 200).unwrap();
    /// assert_eq!(rect, Rect { left: 0.1, top: 0.1, width: 0.3, height: 0.2 });
    /// ```
    pub fn of_pixels(pixels: [i32; 4], width: u32, height: u32) -> Option<Self> {
        let [left, top, wide, high] = pixels.map(f64::from);
        let (width, height) = (f64::from(width), f64::from(height));
        let rect = Self { left: left / width, top: top / height, width: wide / width, height: high / height };
        rect.clipped()
    }

    /// The rectangle in pixels of an image of `width` × `height` pixels, rounded: left, top, width, height.
    pub fn to_pixels(self, width: u32, height: u32) -> [i32; 4] {
        let (width, height) = (f64::from(width), f64::from(height));
        [self.left * width, self.top * height, self.width * width, self.height * height]
            .map(|value| value.round() as i32)
    }

    /// The rectangle with the given centre.
    pub fn around(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self { left: x - width / 2.0, top: y - height / 2.0, width, height }
    }

    /// The centre: x and y.
    pub fn centre(self) -> (f64, f64) {
        (self.left + self.width / 2.0, self.top + self.height / 2.0)
    }

    /// The part inside the image; `None` if there is none, or if a value is not finite.
    pub fn clipped(self) -> Option<Self> {
        let [left, right] = [self.left, self.left + self.width].map(|x| x.clamp(0.0, 1.0));
        let [top, bottom] = [self.top, self.top + self.height].map(|y| y.clamp(0.0, 1.0));
        let inside =
            [self.left, self.top, self.width, self.height] == [left, top, right - left, bottom - top];
        let rect = if inside { self } else { Self { left, top, width: right - left, height: bottom - top } };
        // NaN fails the comparison; infinite sizes are refused before they are cut off.
        let finite = [self.left, self.top, self.width, self.height].iter().all(|value| value.is_finite());
        (finite && rect.width > 0.0 && rect.height > 0.0).then(|| rect.tidied(self))
    }

    /// The values of `original` where cutting off changed only rounding errors.
    fn tidied(self, original: Self) -> Self {
        let near = |a: f64, b: f64| if (a - b).abs() < 1e-12 { b } else { a };
        Self {
            left: near(self.left, original.left),
            top: near(self.top, original.top),
            width: near(self.width, original.width),
            height: near(self.height, original.height),
        }
    }

    /// Intersection over union with `other`, from 0 to 1.
    ///
    /// # References    P. Jaccard (1901), coefficient of community
    pub fn overlap(self, other: Self) -> f64 {
        let along = |a: f64, a_size: f64, b: f64, b_size: f64| (a + a_size).min(b + b_size) - a.max(b);
        let width = along(self.left, self.width, other.left, other.width);
        let height = along(self.top, self.height, other.top, other.height);
        if width <= 0.0 || height <= 0.0 {
            return 0.0;
        }
        let both = width * height;
        both / (self.width * self.height + other.width * other.height - both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_intersection_over_union() {
        let square = |left: f64| Rect { left, top: 0.0, width: 0.25, height: 0.25 };
        assert_eq!(square(0.0).overlap(square(0.0)), 1.0);
        assert_eq!(square(0.0).overlap(square(0.125)), 1.0 / 3.0);
        assert_eq!(square(0.0).overlap(square(0.25)), 0.0);
    }

    #[test]
    fn boxes_are_cut_off_at_the_edges_and_empty_ones_refused() {
        let rect = Rect::of_pixels([-10, 90, 30, 30], 100, 100).unwrap();
        assert_eq!(rect.to_pixels(100, 100), [0, 90, 20, 10]);
        for pixels in [[0, 0, 0, 5], [0, 0, 5, -1], [100, 0, 5, 5], [-5, 0, 5, 5]] {
            assert_eq!(Rect::of_pixels(pixels, 100, 100), None, "{pixels:?}");
        }
        assert_eq!(Rect::of_pixels([0, 0, 5, 5], 0, 0), None);
        assert_eq!(Rect { left: f64::NAN, top: 0.0, width: 1.0, height: 1.0 }.clipped(), None);
        assert_eq!(Rect { left: 0.0, top: 0.0, width: f64::INFINITY, height: 1.0 }.clipped(), None);
    }
}
