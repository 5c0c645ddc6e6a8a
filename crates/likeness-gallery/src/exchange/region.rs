//! Regions of photos, as other programs store them.

use super::{Orientation, Rect};

/// A region of a photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// The name of the person; `None` if the region is unnamed.
    pub name: Option<String>,
    /// What the region shows.
    pub kind: RegionKind,
    /// The place: in the stored image, or in the displayed photo, as the function says that returns or takes the region.
    pub area: Rect,
    /// The schema that the region was read from.
    pub source: RegionSource,
    /// Whether this program wrote the region.
    pub ours: bool,
}

impl Region {
    /// A face of the person `name`.
    pub fn face(name: impl Into<String>, area: Rect) -> Self {
        let (kind, source) = (RegionKind::Face, RegionSource::Mwg);
        Self { name: Some(name.into()), kind, area, source, ours: true }
    }
}

/// What a region shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegionKind {
    /// A person's face.
    Face,
    /// Something else: `Pet`, `Focus`, `BarCode`, or a value of a program's own.
    Other(String),
}

/// The schema of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegionSource {
    /// `mwg-rs:Regions` of the Metadata Working Group.
    Mwg,
    /// `MP:RegionInfo` of Microsoft.
    Microsoft,
}

/// A size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Size {
    /// The size after exchanging width and height, if `orientation` does that.
    pub fn displayed(self, orientation: Orientation) -> Self {
        if orientation.is_turned() { Self { width: self.height, height: self.width } } else { self }
    }

    /// Whether both sizes have the same shape, apart from rounding.
    fn has_shape_of(self, other: Self) -> bool {
        let product = |a: u32, b: u32| f64::from(a) * f64::from(b);
        let (a, b) = (product(self.width, other.height), product(self.height, other.width));
        (a - b).abs() < 0.02 * a.max(b)
    }
}

/// The stored image of a photo and how it is displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhotoFrame {
    /// The size of the stored image, before the orientation is applied.
    pub stored: Size,
    /// The EXIF orientation.
    pub orientation: Orientation,
}

impl PhotoFrame {
    /// The size of the displayed, upright photo.
    pub fn displayed(self) -> Size {
        self.stored.displayed(self.orientation)
    }
}

/// What the XMP of one photo says about the people in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Regions {
    /// The regions. A face that is stored in both schemas is listed once, as in `mwg-rs:Regions`.
    pub regions: Vec<Region>,
    /// The size of the image that the regions were drawn on, `mwg-rs:AppliedToDimensions`.
    pub applied_to: Option<Size>,
    /// The people in keywords such as `People/Anna`, sorted: `digiKam:TagsList`, `lr:hierarchicalSubject`.
    pub tagged: Vec<String>,
    /// The file name extension that the sidecar is for, `photoshop:SidecarForExtension`. Lightroom writes it.
    pub for_extension: Option<String>,
    /// The number of regions that cannot be used: without width and height, outside the image, or not numbers.
    pub ignored: usize,
}

/// The frame that regions refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// The stored image, as the guidelines demand.
    Stored,
    /// The displayed image: the program that wrote the regions ignored the guidelines.
    Displayed,
    /// An image of another shape. The photo was cropped since, so the regions do not fit any more.
    Other,
}

impl Regions {
    /// Determines the frame of the regions from the size that they were drawn on.
    ///
    /// # Conventions   without that size, and for orientations that keep width and height, the frame is the stored image
    pub fn frame(&self, photo: PhotoFrame) -> Frame {
        match self.applied_to {
            None => Frame::Stored,
            Some(applied) if applied.has_shape_of(photo.stored) => Frame::Stored,
            Some(applied) if applied.has_shape_of(photo.displayed()) => Frame::Displayed,
            Some(_) => Frame::Other,
        }
    }

    /// The faces with their places in the displayed photo; empty if the photo was cropped since.
    pub fn displayed_faces(&self, photo: PhotoFrame) -> Vec<Region> {
        let mapped = |region: &Region, frame: Frame| match frame {
            Frame::Stored => Region { area: photo.orientation.to_displayed(region.area), ..region.clone() },
            _ => region.clone(),
        };
        match self.frame(photo) {
            Frame::Other => Vec::new(),
            frame => {
                let faces = self.regions.iter().filter(|region| region.kind == RegionKind::Face);
                faces.map(|region| mapped(region, frame)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_that_regions_were_drawn_on_tells_their_frame() {
        let stored = Size { width: 4000, height: 3000 };
        let frame = |width, height, orientation| {
            let regions = Regions { applied_to: Some(Size { width, height }), ..Regions::default() };
            regions.frame(PhotoFrame { stored, orientation })
        };
        assert_eq!(frame(4000, 3000, Orientation::Clockwise), Frame::Stored);
        assert_eq!(frame(1000, 750, Orientation::Clockwise), Frame::Stored);
        assert_eq!(frame(3000, 4000, Orientation::Clockwise), Frame::Displayed);
        assert_eq!(frame(3000, 4000, Orientation::UpsideDown), Frame::Other);
        assert_eq!(frame(3000, 3000, Orientation::Clockwise), Frame::Other);
        assert_eq!(frame(0, 0, Orientation::Upright), Frame::Other);
        let photo = PhotoFrame { stored, orientation: Orientation::Clockwise };
        assert_eq!(Regions::default().frame(photo), Frame::Stored);
    }

    #[test]
    fn faces_are_mapped_to_the_displayed_photo_once() {
        let area = Rect { left: 0.0, top: 0.0, width: 0.25, height: 0.5 };
        let stored = Size { width: 4000, height: 3000 };
        let faces = |applied_to| {
            let regions = vec![Region::face("Anna", area)];
            let photo = PhotoFrame { stored, orientation: Orientation::Clockwise };
            Regions { regions, applied_to, ..Regions::default() }.displayed_faces(photo)
        };
        let turned = Rect { left: 0.5, top: 0.0, width: 0.5, height: 0.25 };
        assert_eq!(faces(None)[0].area, turned);
        assert_eq!(faces(Some(stored))[0].area, turned);
        assert_eq!(faces(Some(stored.displayed(Orientation::Clockwise)))[0].area, area);
        assert!(faces(Some(Size { width: 100, height: 100 })).is_empty());
    }
}
