//! Colour: a joint histogram of hue, saturation and value in every region of a coarse grid.
//!
//! RGB face in, square roots of the histograms' shares out. Colour histograms for recognition are from Swain, Ballard:
//! "Color Indexing" (1991), IJCV 7(1); the square root, which keeps large flat backgrounds from ruling the distance,
//! from Arandjelović, Zisserman: "Three things everyone should know to improve object retrieval" (2012), section 3.
//! Conversion and bins equal OpenCV's 8-bit `COLOR_RGB2HSV` and `calcHist`.

use std::sync::LazyLock;

use image::RgbImage;

use super::embedder::{Describe, INPUT_SIZE};
use super::grid::bounds;

/// How finely colours are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColorConfig {
    /// Regions along a side of the face.
    pub(super) grid: u32,
    /// Bins of the hue, over 0..180.
    pub(super) hue_bins: usize,
    /// Bins of the saturation, over 0..256.
    pub(super) saturation_bins: usize,
    /// Bins of the value, over 0..256.
    pub(super) value_bins: usize,
}

impl Default for ColorConfig {
    fn default() -> Self {
        Self { grid: 4, hue_bins: 8, saturation_bins: 4, value_bins: 4 }
    }
}

impl Describe for ColorConfig {
    const NAME: &'static str = "color";
    const VERSION: u32 = 1;

    fn parameters(&self) -> String {
        let Self { grid, hue_bins, saturation_bins, value_bins } = self;
        format!("grid={grid} hue={hue_bins} saturation={saturation_bins} value={value_bins}")
    }

    fn dimension(&self) -> usize {
        (self.grid * self.grid) as usize * self.region_bins()
    }

    fn describe(&self, face: &RgbImage) -> Vec<f32> {
        debug_assert_eq!(face.dimensions(), INPUT_SIZE);
        let counts = self.counts(face);
        let mut descriptor = Vec::with_capacity(counts.len());
        for region in counts.chunks_exact(self.region_bins()) {
            let pixels: u32 = region.iter().sum();
            let share = 1.0 / (pixels * self.grid * self.grid) as f32;
            descriptor.extend(region.iter().map(|&count| (count as f32 * share).sqrt()));
        }
        descriptor
    }
}

impl ColorConfig {
    fn region_bins(&self) -> usize {
        self.hue_bins * self.saturation_bins * self.value_bins
    }

    /// Counts the pixels of every region and bin.
    ///
    /// # Shapes        output: [grid row, grid column, hue, saturation, value], flattened
    pub(super) fn counts(&self, image: &RgbImage) -> Vec<u32> {
        let hue_bin = bin_table(self.hue_bins, 180, self.saturation_bins * self.value_bins);
        let saturation_bin = bin_table(self.saturation_bins, 256, self.value_bins);
        let value_bin = bin_table(self.value_bins, 256, 1);
        let tables = Division::get();
        let (width, height) = image.dimensions();
        let (columns, rows) = (bounds(width, self.grid), bounds(height, self.grid));
        let mut counts = vec![0; self.dimension()];
        let mut regions = counts.chunks_exact_mut(self.region_bins());
        for row in rows.windows(2) {
            for column in columns.windows(2) {
                let region = regions.next().expect("as many histograms as regions");
                for y in row[0]..row[1] {
                    let line = 3 * width as usize * y;
                    let pixels = &image.as_raw()[line + 3 * column[0]..line + 3 * column[1]];
                    for p in pixels.chunks_exact(3) {
                        let [h, s, v] = tables.hsv([p[0], p[1], p[2]]).map(usize::from);
                        region[hue_bin[h] + saturation_bin[s] + value_bin[v]] += 1;
                    }
                }
            }
        }
        counts
    }
}

/// For every 8-bit value its bin among `bins` equal ones over `0..end`, times `stride`; the last bin past the end.
pub(super) fn bin_table(bins: usize, end: u32, stride: usize) -> [usize; 256] {
    let scale = bins as f64 / f64::from(end);
    std::array::from_fn(|value| ((value as f64 * scale).floor() as usize).min(bins - 1) * stride)
}

/// Divisions by the value and by the chroma as 12-bit fixed point factors.
pub(super) struct Division {
    saturation: [i32; 256],
    hue: [i32; 256],
}

impl Division {
    const SHIFT: u32 = 12;

    /// The factors, computed once.
    pub(super) fn get() -> &'static Self {
        static TABLES: LazyLock<Division> = LazyLock::new(|| Division {
            saturation: factors(f64::from(255 << Division::SHIFT)),
            hue: factors(f64::from(180 << Division::SHIFT) / 6.0),
        });
        &TABLES
    }

    /// Converts a pixel to hue, saturation and value.
    ///
    /// ```text
    /// V = max(R, G, B),  C = V − min(R, G, B),  S = 255 C / V
    /// H = 30 (G − B) / C  where V = R;  60 + 30 (B − R) / C  where V = G;  120 + 30 (R − G) / C  otherwise
    /// ```
    ///
    /// # Units         hue in half degrees, 0..180; saturation and value in 0..=255
    /// # Conventions   a grey pixel has hue 0, black has saturation 0 too
    #[inline]
    pub(super) fn hsv(&self, [r, g, b]: [u8; 3]) -> [u8; 3] {
        const HALF: i32 = 1 << (Division::SHIFT - 1);
        let max = r.max(g).max(b);
        let chroma = max - r.min(g).min(b);
        let saturation = (i32::from(chroma) * self.saturation[usize::from(max)] + HALF) >> Self::SHIFT;
        let (red, green, blue, c) = (i32::from(r), i32::from(g), i32::from(b), i32::from(chroma));
        let on_green = if max == g { blue - red + 2 * c } else { red - green + 4 * c };
        let sector = if max == r { green - blue } else { on_green };
        let hue = (sector * self.hue[usize::from(chroma)] + HALF) >> Self::SHIFT;
        let hue = if hue < 0 { hue + 180 } else { hue };
        [hue as u8, saturation as u8, max] // hue < 180 and saturation <= 255 by construction
    }
}

/// `numerator / i` for every i, rounded; 0 for i = 0.
fn factors(numerator: f64) -> [i32; 256] {
    std::array::from_fn(|i| if i == 0 { 0 } else { (numerator / i as f64).round_ties_even() as i32 })
}
