//! Maps embeddings to a plane by t-SNE: images that are close in the embedding space are close on the map.
//!
//! The method is that of van der Maaten and Hinton (2008), "Visualizing Data using t-SNE", JMLR 9. It starts at the two
//! principal components, as Kobak and Berens (2019), "The art of using t-SNE for single-cell transcriptomics", recommend,
//! which preserves the global structure. The only random choice is the sample of images of a large table.

use std::collections::BTreeMap;

use bhtsne::tSNE;
use rand::seq::SliceRandom;

use crate::chart::{Chart, Marks, Series};
use likeness_search::{Distance, EmbeddingTable};

use crate::{ReportError, Result};

/// The most images on a map; of a larger table, a random sample of this size is drawn.
const MOST: usize = 2000;
/// The fewest images on a map.
const FEWEST: usize = 8;
/// The most images whose forces are all computed; those of more are approximated.
const FEW: usize = 300;
/// Ratio of width to distance up to which a cell of images acts as one (van der Maaten 2014, Accelerating t-SNE using Tree-Based
/// Algorithms).
const THETA: f32 = 0.5;
/// Iterations of t-SNE.
const STEPS: usize = 600;
/// The perplexity of a map; less for few images.
pub const PERPLEXITY: f32 = 30.0;
/// Iterations of the power method for a principal component.
const POWER_STEPS: usize = 60;
/// The most groups with a colour of their own, and the name of the remaining images.
const NAMED: usize = 8;
const OTHERS: &str = "others";
/// The range of the largest absolute value in which embeddings are not rescaled.
const RANGE: std::ops::Range<f32> = 1e-10..1e10;
/// Standard deviation of the starting positions: small, so that the first iterations can still reorder them.
const FIRST_SPREAD: f32 = 1e-4;

/// Images of a table with their positions on a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingMap {
    /// The row of each image in the table.
    pub rows: Vec<usize>,
    /// The position (x, y) of each image.
    pub places: Vec<[f32; 2]>,
    /// The distance that the map shows.
    distance: Distance,
}

impl EmbeddingMap {
    /// Computes the map of `table`. Of a table with more than 2,000 images, it shows 2,000 that are sampled with `seed`.
    ///
    /// For the cosine distance, embeddings are first normalised to unit length.
    ///
    /// # Errors        fewer than eight images → [`ReportError::TooFewImages`]
    pub fn new(table: &EmbeddingTable, distance: Distance, seed: u64) -> Result<Self> {
        if table.len() < FEWEST {
            return Err(ReportError::TooFewImages { needed: FEWEST, found: table.len() });
        }
        let mut rows: Vec<usize> = (0..table.len()).collect();
        rows.shuffle(&mut likeness_data::seed::generator(seed));
        rows.truncate(MOST);
        rows.sort_unstable();
        let points = points(table, &rows, distance);
        let slices: Vec<&[f32]> = points.iter().map(Vec::as_slice).collect();
        let squared = |a: &&[f32], b: &&[f32]| a.iter().zip(*b).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
        let mut tsne = tSNE::<f32, &[f32]>::new(&slices);
        tsne.perplexity(PERPLEXITY.min((rows.len() - 1) as f32 / 3.0 - 0.1))
            .epochs(STEPS)
            .initial_embedding(first_places(&points));
        let places = match rows.len() <= FEW {
            true => tsne.exact(squared).embedding(),
            false => tsne.barnes_hut(THETA, |a, b| squared(a, b).sqrt()).embedding(),
        };
        let (places, _) = places.as_chunks::<2>();
        Ok(Self { rows, places: places.to_vec(), distance })
    }

    /// Draws the map as two charts: coloured by `values`, one value per row of the table, and coloured by identity.
    ///
    /// The largest groups have a colour each; all other images are grey.
    pub fn charts(&self, table: &EmbeddingTable, column: &str, values: &[Option<String>]) -> [Chart; 2] {
        let of_value = |row: usize| Some(values[row].as_deref().unwrap_or("none"));
        let of_identity = |row: usize| table.rows()[row].identity.as_deref();
        [(column, self.series(of_value)), ("identity", self.series(of_identity))].map(|(column, series)| {
            Chart {
                title: self.title(table, column),
                x_label: String::new(),
                y_label: String::new(),
                y_range: None,
                marks: Marks::Points,
                series,
            }
        })
    }

    fn title(&self, table: &EmbeddingTable, column: &str) -> String {
        let images = match self.rows.len() {
            drawn if drawn < table.len() => format!("{drawn} of {} images", table.len()),
            drawn => format!("{drawn} images"),
        };
        format!("{}, {} distance\nt-SNE of {images}, by {column}", table.model().name, self.distance)
    }

    /// One series per large group, ordered by name, after a grey series of all other images.
    fn series<'t>(&self, group: impl Fn(usize) -> Option<&'t str>) -> Vec<Series> {
        let mut groups: BTreeMap<Option<&str>, Vec<(f64, f64)>> = BTreeMap::new();
        for (&row, place) in self.rows.iter().zip(&self.places) {
            groups.entry(group(row)).or_default().push((place[0].into(), place[1].into()));
        }
        let without = groups.remove(&None).unwrap_or_default();
        let mut named: Vec<(&str, Vec<(f64, f64)>)> =
            groups.into_iter().filter_map(|(name, points)| Some((name?, points))).collect();
        named.sort_by_key(|(_, points)| std::cmp::Reverse(points.len()));
        let rest = named.split_off(NAMED.min(named.len()));
        named.sort_by_key(|(name, _)| *name);
        let grey =
            without.into_iter().chain(rest.into_iter().flat_map(|(_, points)| points)).collect::<Vec<_>>();
        let others = Series { name: OTHERS.to_owned(), points: grey, muted: true };
        let named =
            named.into_iter().map(|(name, points)| Series { name: name.to_owned(), points, muted: false });
        (!others.points.is_empty()).then_some(others).into_iter().chain(named).collect()
    }
}

/// The embeddings of `rows`, scaled so that their squares do not overflow, and normalised for the cosine distance.
fn points(table: &EmbeddingTable, rows: &[usize], distance: Distance) -> Vec<Vec<f32>> {
    let values = || rows.iter().flat_map(|&row| table.embedding(row));
    let largest = values().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let scale = if largest == 0.0 || RANGE.contains(&largest) { 1.0 } else { largest };
    let point = |&row: &usize| {
        let scaled: Vec<f32> = table.embedding(row).iter().map(|v| v / scale).collect();
        let length = match distance {
            Distance::Cosine => dot(&scaled, &scaled).sqrt().max(f32::MIN_POSITIVE),
            _ => 1.0,
        };
        scaled.into_iter().map(|v| v / length).collect()
    };
    rows.iter().map(point).collect()
}

/// The coordinates of each point along the two principal components, row-major, scaled to [`FIRST_SPREAD`].
fn first_places(points: &[Vec<f32>]) -> Vec<f32> {
    let count = points.len() as f32;
    let mut mean = vec![0.0f32; points[0].len()];
    points.iter().for_each(|p| mean.iter_mut().zip(p).for_each(|(m, v)| *m += v / count));
    let centred: Vec<Vec<f32>> =
        points.iter().map(|p| p.iter().zip(&mean).map(|(v, m)| v - m).collect()).collect();
    let first = component(&centred, None);
    let second = component(&centred, Some(&first));
    let shares = |axis: &[f32]| -> Vec<f32> { centred.iter().map(|p| dot(p, axis)).collect() };
    let (x, y) = (shares(&first), shares(&second));
    let spread = (x.iter().map(|v| v * v).sum::<f32>() / count).sqrt().max(f32::MIN_POSITIVE);
    x.into_iter().zip(y).flat_map(|(x, y)| [x, y].map(|v| FIRST_SPREAD * v / spread)).collect()
}

/// The direction of greatest variance among those orthogonal to `other`, by the power method.
fn component(centred: &[Vec<f32>], other: Option<&[f32]>) -> Vec<f32> {
    // Any starting vector that is not orthogonal to the component.
    let mut axis: Vec<f32> = (0..centred[0].len()).map(|i| 1.0 + 0.1 * ((i * 7 % 11) as f32)).collect();
    for _ in 0..POWER_STEPS {
        let mut next = vec![0.0f32; axis.len()];
        for row in centred {
            let share = dot(row, &axis);
            next.iter_mut().zip(row).for_each(|(n, v)| *n += share * v);
        }
        if let Some(other) = other {
            let share = dot(&next, other);
            next.iter_mut().zip(other).for_each(|(n, o)| *n -= share * o);
        }
        let length = dot(&next, &next).sqrt();
        // Equal embeddings have no variance.
        if length < 1e-20 {
            break;
        }
        axis = next.into_iter().map(|v| v / length).collect();
    }
    axis
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use likeness_search::{ModelTag, Row};

    /// Three identities far apart, ten images each.
    fn table() -> EmbeddingTable {
        let row = |i: usize| Row { identity: Some((i / 10).to_string()), ..Row::new(i.to_string()) };
        let values = (0..30).flat_map(|i| {
            let spread = move |k: usize| 0.05 * ((i * 13 + k * 5) % 10) as f32;
            (0..4).map(move |k| if k == i / 10 { 8.0 } else { 0.0 } + spread(k))
        });
        let model = ModelTag::new("toy", "", 4, Distance::Euclidean);
        EmbeddingTable::new(model, (0..30).map(row).collect(), values.collect()).unwrap()
    }

    #[test]
    fn images_of_an_identity_lie_together() {
        let map = EmbeddingMap::new(&table(), Distance::Euclidean, 0).unwrap();
        assert_eq!(map.rows, (0..30).collect::<Vec<_>>());
        let apart = |i: usize, j: usize| {
            let [a, b] = [map.places[i], map.places[j]];
            (a[0] - b[0]).hypot(a[1] - b[1])
        };
        for i in 0..30 {
            let nearest = (0..30).filter(|&j| j != i).min_by(|&a, &b| apart(i, a).total_cmp(&apart(i, b)));
            assert_eq!(nearest.unwrap() / 10, i / 10, "{i}");
        }
        let values: Vec<Option<String>> = (0..30).map(|i| (i % 2 == 0).then(|| "even".to_owned())).collect();
        let [by_value, by_identity] = map.charts(&table(), "parity", &values);
        let names = |chart: &Chart| chart.series.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&by_value), ["even", "none"]);
        assert_eq!(names(&by_identity), ["0", "1", "2"]);
        assert_eq!(by_value.title, "toy, euclidean distance\nt-SNE of 30 images, by parity");
    }

    #[test]
    fn the_largest_groups_have_a_name_and_a_real_name_is_never_that_of_the_rest() {
        let rows = (0..60).map(|i| {
            // Ten identities, the first with most images, and one who is called as the rest is.
            let identity = ["others", "b", "c", "d", "e", "f", "g", "h", "i", "j"][i * i / 360];
            Row { identity: (i != 5).then(|| identity.to_owned()), ..Row::new(i.to_string()) }
        });
        let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
        let values = (0..60).map(|i| i as f32).collect();
        let table = EmbeddingTable::new(model, rows.collect(), values).unwrap();
        let map = EmbeddingMap::new(&table, Distance::Euclidean, 0).unwrap();
        let [by_value, by_identity] = map.charts(&table, "domain", &vec![None; 60]);
        assert_eq!(
            by_value.series.iter().map(|s| (s.name.as_str(), s.muted)).collect::<Vec<_>>(),
            [("none", false)]
        );
        let is_muted: Vec<bool> = by_identity.series.iter().map(|s| s.muted).collect();
        assert_eq!(is_muted, [&[true][..], &[false; NAMED]].concat());
        assert!(by_identity.series[1..].iter().any(|s| s.name == "others" && s.points.len() == 18));
        assert_eq!(by_identity.series.iter().map(|s| s.points.len()).sum::<usize>(), 60);
    }

    #[test]
    fn the_largest_values_do_no_harm() {
        let rows = (0..10).map(|i| Row::new(i.to_string())).collect();
        let values = (0..20).map(|i| if i % 3 == 0 { f32::MAX } else { -f32::MAX }).collect();
        let huge =
            EmbeddingTable::new(ModelTag::new("toy", "", 2, Distance::Euclidean), rows, values).unwrap();
        for distance in [Distance::Euclidean, Distance::Cosine] {
            let map = EmbeddingMap::new(&huge, distance, 0).unwrap();
            assert!(map.places.iter().flatten().all(|v| v.is_finite()), "{:?}", map.places);
        }
    }

    #[test]
    fn the_first_places_are_the_principal_components() {
        // Along the first axis twice as far as along the second.
        let points: Vec<Vec<f32>> =
            (0..20).map(|i| vec![4.0 * (i % 5) as f32, 2.0 * (i / 5) as f32, 1.0]).collect();
        let places = first_places(&points);
        let (x, y): (Vec<f32>, Vec<f32>) = places.chunks(2).map(|p| (p[0], p[1])).unzip();
        let correlation = |a: &[f32], b: &dyn Fn(usize) -> f32| {
            let b: Vec<f32> = (0..20).map(b).collect();
            let mean = b.iter().sum::<f32>() / 20.0;
            let b: Vec<f32> = b.iter().map(|v| v - mean).collect();
            (dot(a, &b) / (dot(a, a) * dot(&b, &b)).sqrt()).abs()
        };
        assert!(correlation(&x, &|i| (i % 5) as f32) > 0.999);
        assert!(correlation(&y, &|i| (i / 5) as f32) > 0.999);
    }

    #[test]
    fn few_images_have_no_map_and_equal_ones_do_no_harm() {
        let few = table().select(|row| row.identity.as_deref() == Some("0") && row.name.as_str() < "7");
        assert!(EmbeddingMap::new(&few, Distance::Cosine, 0).unwrap_err().to_string().contains("8 images"));
        let model = ModelTag::new("toy", "", 2, Distance::Euclidean);
        let rows = (0..20).map(|i| Row::new(i.to_string())).collect();
        let equal = EmbeddingTable::new(model, rows, vec![1.0; 40]).unwrap();
        let map = EmbeddingMap::new(&equal, Distance::Euclidean, 0).unwrap();
        assert!(map.places.iter().flatten().all(|v| v.is_finite()), "{:?}", map.places);
    }
}
