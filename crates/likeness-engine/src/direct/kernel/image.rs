//! The memory layout of feature maps: blocks of sixteen channels, with margins around each plane for the padding.

use super::lanes::LANES;

/// Pixels that follow the last one, so that a run that steps over two at a time may look past the end.
const SLACK: usize = 1;

/// Sizes of a batch of feature maps and of the zeros around them.
///
/// Memory is \[picture\]\[block of 16 channels\]\[row\]\[column\]\[16\]; rows and columns include the margins. The
/// channels that fill up the last block hold finite values that are not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Image {
    pub(crate) n: usize,
    pub(crate) c: usize,
    pub(crate) h: usize,
    pub(crate) w: usize,
    pub(crate) margin: Margin,
}

/// Pixels around a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Margin {
    pub(crate) top: usize,
    pub(crate) left: usize,
    pub(crate) bottom: usize,
    pub(crate) right: usize,
}

impl Margin {
    /// The larger of both on every side.
    pub(crate) fn union(self, other: Self) -> Self {
        Self {
            top: self.top.max(other.top),
            left: self.left.max(other.left),
            bottom: self.bottom.max(other.bottom),
            right: self.right.max(other.right),
        }
    }
}

impl Image {
    /// Without margins.
    pub(crate) fn new(n: usize, c: usize, h: usize, w: usize) -> Self {
        Self { n, c, h, w, margin: Margin::default() }
    }

    /// Blocks of sixteen channels.
    pub(crate) fn blocks(&self) -> usize {
        self.c.div_ceil(LANES)
    }

    /// Pixels from one row to the next.
    pub(crate) fn row(&self) -> usize {
        self.margin.left + self.w + self.margin.right
    }

    /// Pixels from one plane to the next.
    pub(crate) fn plane(&self) -> usize {
        (self.margin.top + self.h + self.margin.bottom) * self.row()
    }

    /// Where the plane of a block begins, margins included.
    pub(crate) fn start(&self, n: usize, block: usize) -> usize {
        (n * self.blocks() + block) * self.plane()
    }

    /// Where a pixel lies.
    pub(crate) fn at(&self, n: usize, block: usize, y: usize, x: usize) -> usize {
        self.start(n, block) + (y + self.margin.top) * self.row() + x + self.margin.left
    }

    /// Where P pixels from (y, x) on lie in a plane; they go on in the next row.
    #[inline(always)]
    pub(crate) fn places<const P: usize>(&self, y: usize, x: usize) -> [usize; P] {
        let (mut y, mut x) = (y + x / self.w, x % self.w);
        let mut places = [0; P];
        for place in &mut places {
            *place = self.at(0, 0, y, x);
            x += 1;
            if x == self.w {
                (y, x) = (y + 1, 0);
            }
        }
        places
    }

    /// Length in units of sixteen numbers; `None` beyond what can be addressed.
    pub(crate) fn checked_len(&self) -> Option<usize> {
        let row = self.w.checked_add(self.margin.left)?.checked_add(self.margin.right)?;
        let rows = self.h.checked_add(self.margin.top)?.checked_add(self.margin.bottom)?;
        let planes = self.n.checked_mul(self.blocks())?;
        row.checked_mul(rows)?.checked_mul(planes)?.checked_add(SLACK)
    }

    /// The same.
    pub(crate) fn len(&self) -> usize {
        self.n * self.blocks() * self.plane() + SLACK
    }

    /// Whether the pixels of a plane follow each other without margins.
    pub(crate) fn is_dense(&self) -> bool {
        self.margin == Margin::default()
    }
}
