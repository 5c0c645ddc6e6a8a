//! Embeddings on a plane, to be looked at: what lies together in all dimensions lies together here.
//!
//! van der Maaten and Hinton (2008), "Visualizing Data using t-SNE", JMLR 9, begun at the two principal components, as
//! Kobak and Berens (2019), "The art of using t-SNE for single-cell transcriptomics", advise: global order is kept, and
//! nothing is drawn by chance but the images, where there are too many.

use std::collections::BTreeMap;

use bhtsne::tSNE;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use crate::chart::{Chart, Marks, Series};
use crate::{Distance, EmbeddingTable, Result, SearchError};

/// Images on a map; of more, so many are drawn by the seed.
const MOST: usize = 2000;
const FEWEST: usize = 8;
/// Steps of t-SNE.
const STEPS: usize = 600;
const PERPLEXITY: f32 = 30.0;
/// Steps of the power iteration for a principal component.
const POWER_STEPS: usize = 60;
/// Identities with a colour of their own, and the name of the rest.
const NAMED: usize = 6;
const OTHERS: &str = "others";
/// Spread of the first places: small, so that the first steps can still order them.
const FIRST_SPREAD: f32 = 1e-4;

/// Some of a table's images on a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingMap {
    /// Rows of the table.
    pub rows: Vec<usize>,
    /// Where each lies.
    pub places: Vec<[f32; 2]>,
}

impl EmbeddingMap {
    /// The map of `table`, of at most 2,000 images that `seed` draws.
    ///
    /// Under the cosine distance embeddings are brought to unit length before.
    ///
    /// # Errors        fewer than eight images → `BadArgument`
    pub fn new(table: &EmbeddingTable, distance: Distance, seed: u64) -> Result<Self> {
        if table.len() < FEWEST {
            let reason = format!("a map takes {FEWEST} images or more, found {}", table.len());
            return Err(SearchError::BadArgument { reason });
        }
        let mut rows: Vec<usize> = (0..table.len()).collect();
        rows.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
        rows.truncate(MOST);
        rows.sort_unstable();
        let points: Vec<Vec<f32>> = rows.iter().map(|&i| point(table.embedding(i), distance)).collect();
        let slices: Vec<&[f32]> = points.iter().map(Vec::as_slice).collect();
        let squared = |a: &&[f32], b: &&[f32]| a.iter().zip(*b).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
        let places = tSNE::<f32, &[f32]>::new(&slices)
            .perplexity(PERPLEXITY.min((rows.len() - 1) as f32 / 3.0 - 0.1))
            .epochs(STEPS)
            .initial_embedding(first_places(&points))
            .exact(squared)
            .embedding();
        let (places, _) = places.as_chunks::<2>();
        Ok(Self { rows, places: places.to_vec() })
    }

    /// The map as two charts: coloured by `values`, one for each row of the table, and by identity.
    pub fn charts(&self, table: &EmbeddingTable, column: &str, values: &[Option<String>]) -> [Chart; 2] {
        let name = |value: Option<&str>| value.unwrap_or("none").to_owned();
        let by_value = self.series(|row| name(values[row].as_deref()));
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for &row in &self.rows {
            if let Some(identity) = table.rows()[row].identity.as_deref() {
                *counts.entry(identity).or_default() += 1;
            }
        }
        let mut named: Vec<(&str, usize)> = counts.into_iter().collect();
        named.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        named.truncate(NAMED);
        let identity = |row: usize| {
            let identity = table.rows()[row].identity.as_deref();
            let is_named = identity.is_some_and(|i| named.iter().any(|(name, _)| *name == i));
            if is_named { name(identity) } else { OTHERS.to_owned() }
        };
        let mut by_identity = self.series(identity);
        by_identity.iter_mut().for_each(|series| series.muted = series.name == OTHERS);
        // Behind those with a colour.
        by_identity.sort_by_key(|series| !series.muted);
        [(format!("by {column}"), by_value), ("by identity".to_owned(), by_identity)].map(
            |(title, series)| Chart {
                title,
                x_label: "t-SNE 1".into(),
                y_label: "t-SNE 2".into(),
                y_range: None,
                marks: Marks::Points,
                series,
            },
        )
    }

    fn series(&self, name: impl Fn(usize) -> String) -> Vec<Series> {
        let mut groups: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (&row, place) in self.rows.iter().zip(&self.places) {
            groups.entry(name(row)).or_default().push((place[0].into(), place[1].into()));
        }
        groups.into_iter().map(|(name, points)| Series { name, points, muted: false }).collect()
    }
}

fn point(embedding: &[f32], distance: Distance) -> Vec<f32> {
    let length = match distance {
        Distance::Cosine => embedding.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE),
        _ => 1.0,
    };
    embedding.iter().map(|v| v / length).collect()
}

/// Each point's share of the two principal components, row-major, scaled down.
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

/// The direction of greatest variance, at right angles to `other`.
fn component(centred: &[Vec<f32>], other: Option<&[f32]>) -> Vec<f32> {
    // Any start but one at right angles to the component will do.
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
        // Images that are all alike have no direction.
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
    use crate::{ModelTag, Row};

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
