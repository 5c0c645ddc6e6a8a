//! Proxy A-distance: how well a linear classifier separates two sets of embeddings, as a distance between domains.
//!
//! Ben-David, Blitzer, Crammer and Pereira (2006), "Analysis of Representations for Domain Adaptation"; as a diagnostic of
//! adaptation: Ganin et al. (2016), arXiv 1505.07818, section 5.1.5. They use a support vector machine; we use logistic
//! regression, which is linear too and needs no choice of kernel.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use crate::EmbeddingTable;

/// The minimum number of images in each set.
const FEWEST: usize = 4;
/// Number of optimisation steps of the regression.
const STEPS: usize = 200;
/// Weight decay of the regression.
const DECAY: f64 = 1e-3;

/// The proxy A-distance of two tables, from 0 (not linearly separable at all) to 2 (separated without error).
///
/// ```text
/// d = 2 (1 − 2 ε),   ε = mean over both tables of the error on the held-out half
/// ```
///
/// # Conventions   halves are drawn by identity, so that the classifier cannot recognise the people of a table; images without
///   an identity count as one identity each; ε above a half counts as a half; both orders of the halves are averaged
/// # Errors        `None` for tables with fewer than four images or with one identity, and for different dimensions
pub fn proxy_a_distance(one: &EmbeddingTable, other: &EmbeddingTable, seed: u64) -> Option<f64> {
    if one.dimension() != other.dimension() || one.len().min(other.len()) < FEWEST {
        return None;
    }
    let [one_halves, other_halves] = [halves(one, seed)?, halves(other, seed)?];
    let rows = |half: usize| {
        let of = |table: &'_ EmbeddingTable, rows: &[usize]| -> Vec<Vec<f64>> {
            rows.iter().map(|&i| table.embedding(i).iter().map(|&v| f64::from(v)).collect()).collect()
        };
        [of(one, &one_halves[half]), of(other, &other_halves[half])]
    };
    let (first, second) = (rows(0), rows(1));
    let error = |learned: &[Vec<Vec<f64>>; 2], tested: &[Vec<Vec<f64>>; 2]| Probe::fit(learned).error(tested);
    let error = 0.5 * (error(&first, &second) + error(&second, &first));
    Some(2.0 * (1.0 - 2.0 * error.min(0.5)))
}

/// Splits the rows of a table into two halves that share no identity; `None` if one half would be empty.
fn halves(table: &EmbeddingTable, seed: u64) -> Option<[Vec<usize>; 2]> {
    let mut groups: BTreeMap<(Option<&str>, usize), Vec<usize>> = BTreeMap::new();
    for (i, row) in table.rows().iter().enumerate() {
        let alone = if row.identity.is_some() { 0 } else { i };
        groups.entry((row.identity.as_deref(), alone)).or_default().push(i);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
    let mut halves = [Vec::new(), Vec::new()];
    for group in groups {
        let smaller = usize::from(halves[1].len() < halves[0].len());
        halves[smaller].extend(group);
    }
    halves.iter().all(|half| !half.is_empty()).then_some(halves)
}

/// Logistic regression on standardised values.
struct Probe {
    mean: Vec<f64>,
    rate: Vec<f64>,
    weight: Vec<f64>,
    bias: f64,
}

impl Probe {
    /// Trains the classifier to separate the second set from the first; both sets have the same weight.
    fn fit(sets: &[Vec<Vec<f64>>; 2]) -> Self {
        let dim = sets[0][0].len();
        let count = (sets[0].len() + sets[1].len()) as f64;
        let all = || sets.iter().flatten();
        let mut mean = vec![0.0; dim];
        all().for_each(|row| mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / count));
        let mut variance = vec![0.0; dim];
        let squares = |(s, (v, m)): (&mut f64, (&f64, &f64))| *s += (v - m).powi(2) / count;
        all().for_each(|row| variance.iter_mut().zip(row.iter().zip(&mean)).for_each(squares));
        let rate = variance.iter().map(|v| if *v > 1e-12 { 1.0 / v.sqrt() } else { 0.0 }).collect();
        let mut probe = Self { mean, rate, weight: vec![0.0; dim], bias: 0.0 };
        let rows: [Vec<Vec<f64>>; 2] =
            std::array::from_fn(|s| sets[s].iter().map(|row| probe.standardised(row)).collect());
        // Step size of Nesterov's method; the curvature of the loss is at most a quarter of a standardised row's squared length.
        let step = 4.0 / (dim as f64 + 1.0);
        let mut last = (probe.weight.clone(), probe.bias);
        for k in 0..STEPS {
            let momentum = k as f64 / (k as f64 + 3.0);
            let ahead: Vec<f64> =
                probe.weight.iter().zip(&last.0).map(|(w, l)| w + momentum * (w - l)).collect();
            let ahead_bias = probe.bias + momentum * (probe.bias - last.1);
            let (gradient, bias_gradient) = gradient(&rows, &ahead, ahead_bias);
            last = (probe.weight.clone(), probe.bias);
            let moved = |((w, a), g): ((&mut f64, &f64), &f64)| *w = a - step * (g + DECAY * a);
            probe.weight.iter_mut().zip(&ahead).zip(&gradient).for_each(moved);
            probe.bias = ahead_bias - step * bias_gradient;
        }
        probe
    }

    fn standardised(&self, row: &[f64]) -> Vec<f64> {
        row.iter().zip(&self.mean).zip(&self.rate).map(|((v, m), r)| (v - m) * r).collect()
    }

    /// The mean over both sets of the share of misclassified rows.
    fn error(&self, sets: &[Vec<Vec<f64>>; 2]) -> f64 {
        let wrong = |set: usize| {
            let is_wrong = |row: &&Vec<f64>| {
                (dot(&self.weight, &self.standardised(row)) + self.bias > 0.0) != (set == 1)
            };
            sets[set].iter().filter(is_wrong).count() as f64 / sets[set].len() as f64
        };
        0.5 * (wrong(0) + wrong(1))
    }
}

/// The gradient of the mean logistic loss; both sets have the same weight.
fn gradient(sets: &[Vec<Vec<f64>>; 2], weight: &[f64], bias: f64) -> (Vec<f64>, f64) {
    let (mut gradient, mut bias_gradient) = (vec![0.0; weight.len()], 0.0);
    for (set, rows) in sets.iter().enumerate() {
        let share = 0.5 / rows.len() as f64;
        for row in rows {
            let probability = 1.0 / (1.0 + (-(dot(weight, row) + bias)).exp());
            let slope = share * (probability - set as f64);
            gradient.iter_mut().zip(row).for_each(|(g, v)| *g += slope * v);
            bias_gradient += slope;
        }
    }
    (gradient, bias_gradient)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Distance, ModelTag, Row};
    use rand::RngExt;

    /// `count` images of 16 values each, two images per identity, with the first value shifted by `shift`.
    fn table(count: usize, shift: f32, seed: u64) -> EmbeddingTable {
        let mut numbers = Pcg64Mcg::seed_from_u64(seed);
        let values = (0..count * 16)
            .map(|i| numbers.random::<f32>() - 0.5 + if i % 16 == 0 { shift } else { 0.0 })
            .collect();
        let row = |i: usize| Row { identity: Some((i / 2).to_string()), ..Row::new(i.to_string()) };
        let model = ModelTag::new("toy", "", 16, Distance::Euclidean);
        EmbeddingTable::new(model, (0..count).map(row).collect(), values).unwrap()
    }

    #[test]
    fn it_grows_from_near_0_to_2_with_what_a_line_tells() {
        let from = table(400, 0.0, 1);
        let distance = |shift| proxy_a_distance(&from, &table(300, shift, 2), 0).unwrap();
        let (same, near, far) = (distance(0.0), distance(0.5), distance(3.0));
        assert!(same < 0.35, "{same}");
        // Uniform on an interval of length 1, shifted by a half: the best threshold misclassifies a quarter of each.
        assert!((near - 1.0).abs() < 0.25, "{near}");
        assert_eq!(far, 2.0);
    }

    #[test]
    fn too_few_images_have_no_distance() {
        let (few, many) = (table(3, 0.0, 1), table(40, 0.0, 2));
        assert_eq!(proxy_a_distance(&few, &many, 0), None);
        let alone = many.select(|row| row.identity.as_deref() == Some("0"));
        assert_eq!(proxy_a_distance(&alone, &many, 0), None);
        for count in 0..3 {
            let tiny = many.take(&(0..count).collect::<Vec<_>>());
            assert_eq!(proxy_a_distance(&tiny, &many, 0), None, "{count}");
            assert_eq!(proxy_a_distance(&many, &tiny, 0), None, "{count}");
        }
    }
}
