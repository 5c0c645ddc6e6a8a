//! EXIF orientation: how stored pixels are turned and mirrored for display (EXIF 3.0, tag 0x0112; TIFF 6.0, page 36).
//!
//! Regions in XMP refer to the stored pixels: "Region metadata is applied to the stored image" (Metadata Working Group,
//! Guidelines for Handling Image Metadata 2.0, section 5.9). digiKam, Lightroom and Immich follow it. Boxes of a detector
//! refer to the displayed, upright photo.

use super::Rect;

/// The orientation of a photo: 1 to 8, as EXIF stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Orientation {
    /// 1: displayed as stored.
    #[default]
    Upright,
    /// 2: mirrored left to right.
    Mirrored,
    /// 3: turned by 180°.
    UpsideDown,
    /// 4: mirrored top to bottom.
    Flipped,
    /// 5: mirrored at the diagonal from top left to bottom right.
    Transposed,
    /// 6: turned clockwise by 90° for display.
    Clockwise,
    /// 7: mirrored at the diagonal from top right to bottom left.
    Transversed,
    /// 8: turned counter-clockwise by 90° for display.
    CounterClockwise,
}

impl Orientation {
    /// All orientations in the order of their EXIF values, from 1.
    pub const ALL: [Self; 8] = [
        Self::Upright,
        Self::Mirrored,
        Self::UpsideDown,
        Self::Flipped,
        Self::Transposed,
        Self::Clockwise,
        Self::Transversed,
        Self::CounterClockwise,
    ];

    /// The orientation with the EXIF value `value`; `None` if it is not one of 1 to 8.
    pub fn of_exif(value: u16) -> Option<Self> {
        Self::ALL.get(usize::from(value).checked_sub(1)?).copied()
    }

    /// The EXIF value, from 1 to 8.
    pub fn to_exif(self) -> u16 {
        self as u16 + 1
    }

    /// Whether width and height are exchanged for display.
    pub fn is_turned(self) -> bool {
        self.to_exif() >= 5
    }

    /// The orientation that maps the displayed image back onto the stored one.
    pub fn inverse(self) -> Self {
        match self {
            Self::Clockwise => Self::CounterClockwise,
            Self::CounterClockwise => Self::Clockwise,
            other => other,
        }
    }

    /// Maps a rectangle of the stored image onto the displayed one.
    ///
    /// # Examples
    ///
    /// ```
    /// use likeness_gallery::exchange::{Orientation, Rect};
    ///
    /// // A phone held upright: the top left corner of the sensor is displayed at the top right.
    /// let stored = Rect { left: 0.0, top: 0.0, width: 0.25, height: 0.5 };
    /// let displayed = Orientation::Clockwise.to_displayed(stored);
    /// assert_eq!(displayed, Rect { left: 0.5, top: 0.0, width: 0.5, height: 0.25 });
    /// assert_eq!(Orientation::Clockwise.to_stored(displayed), stored);
    /// ```
    pub fn to_displayed(self, rect: Rect) -> Rect {
        let Rect { left, top, width, height } = rect;
        let (right, bottom) = (1.0 - left - width, 1.0 - top - height);
        let (left, top) = match self {
            Self::Upright => (left, top),
            Self::Mirrored => (right, top),
            Self::UpsideDown => (right, bottom),
            Self::Flipped => (left, bottom),
            Self::Transposed => (top, left),
            Self::Clockwise => (bottom, left),
            Self::Transversed => (bottom, right),
            Self::CounterClockwise => (top, right),
        };
        let (width, height) = if self.is_turned() { (height, width) } else { (width, height) };
        Rect { left, top, width, height }
    }

    /// Maps a rectangle of the displayed image onto the stored one.
    pub fn to_stored(self, rect: Rect) -> Rect {
        self.inverse().to_displayed(rect)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// EXIF 3.0, tag 0x0112: the visual side of the stored image's row 0 and of its column 0.
    const SIDES: [[&str; 2]; 8] = [
        ["top", "left"],
        ["top", "right"],
        ["bottom", "right"],
        ["bottom", "left"],
        ["left", "top"],
        ["right", "top"],
        ["right", "bottom"],
        ["left", "bottom"],
    ];

    /// The sides of the image that a rectangle touches.
    fn touched(rect: Rect) -> Vec<&'static str> {
        let sides = [
            ("left", rect.left == 0.0),
            ("top", rect.top == 0.0),
            ("right", rect.left + rect.width == 1.0),
            ("bottom", rect.top + rect.height == 1.0),
        ];
        sides.into_iter().filter(|side| side.1).map(|side| side.0).collect()
    }

    #[test]
    fn row_and_column_zero_are_displayed_where_exif_says() {
        let row = Rect { left: 0.25, top: 0.0, width: 0.5, height: 0.25 };
        let column = Rect { left: 0.0, top: 0.25, width: 0.25, height: 0.5 };
        for (orientation, [of_row, of_column]) in Orientation::ALL.into_iter().zip(SIDES) {
            assert_eq!(touched(orientation.to_displayed(row)), [of_row], "{orientation:?}");
            assert_eq!(touched(orientation.to_displayed(column)), [of_column], "{orientation:?}");
            assert_eq!(Orientation::of_exif(orientation.to_exif()), Some(orientation));
        }
        assert_eq!([0, 9, 65535].map(Orientation::of_exif), [None; 3]);
    }

    proptest! {
        #[test]
        fn to_stored_is_the_inverse(sides in prop::array::uniform4(0.0_f64..0.5), index in 0_usize..8) {
            let [left, top, width, height] = sides;
            let (rect, orientation) = (Rect { left, top, width, height }, Orientation::ALL[index]);
            for back in [
                orientation.to_stored(orientation.to_displayed(rect)),
                orientation.to_displayed(orientation.to_stored(rect)),
            ] {
                prop_assert!((back.left - left).abs() < 1e-12 && (back.top - top).abs() < 1e-12);
                prop_assert_eq!((back.width, back.height), (width, height));
            }
        }
    }
}
