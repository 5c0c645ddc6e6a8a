//! Means over the queries of each resample, computed from one sum per identity.

use super::Resamples;

/// The means of several columns over all queries of the identities drawn, for each resample.
///
/// The values of an identity are summed once, so that a resample costs one addition per identity and column, however many
/// queries the identities have.
///
/// # Shapes        identities: \[queries\], below `resamples.identities`   ·   columns: each \[queries\]
///   ·   output: \[columns\]\[resamples\]
/// # Conventions   NaN for a resample without a query
pub(crate) fn resampled_means(
    identities: &[usize],
    columns: &[&[f64]],
    resamples: &Resamples,
) -> Vec<Vec<f64>> {
    let width = columns.len() + 1;
    let mut sums = vec![0.0; resamples.identities * width];
    for (query, &identity) in identities.iter().enumerate() {
        let of_identity = &mut sums[identity * width..][..width];
        of_identity[0] += 1.0;
        of_identity[1..].iter_mut().zip(columns).for_each(|(sum, column)| *sum += column[query]);
    }
    let mut means = vec![Vec::with_capacity(resamples.count as usize); columns.len()];
    let mut total = vec![0.0; width];
    for drawn in resamples.iter() {
        total.fill(0.0);
        for (of_identity, times) in sums.chunks_exact(width).zip(drawn).filter(|(_, times)| *times > 0) {
            total.iter_mut().zip(of_identity).for_each(|(sum, more)| *sum += f64::from(times) * more);
        }
        means.iter_mut().zip(&total[1..]).for_each(|(means, sum)| means.push(sum / total[0]));
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_identities_give_the_means_over_all_drawn_queries() {
        let (identities, values) = ([0, 2, 2, 1, 0], [1.0, 0.5, 0.25, 0.0, 0.75]);
        let squares = values.map(|value: f64| value * value);
        let resamples = Resamples { identities: 3, count: 40, seed: 7 };
        let found = resampled_means(&identities, &[&values, &squares], &resamples);
        for (resample, drawn) in resamples.iter().enumerate() {
            let queries: Vec<usize> =
                (0..5).flat_map(|query| vec![query; drawn[identities[query]] as usize]).collect();
            for (means, values) in found.iter().zip([values, squares]) {
                let plain = queries.iter().map(|&query| values[query]).sum::<f64>() / queries.len() as f64;
                assert!((means[resample] - plain).abs() < 1e-12);
            }
        }
    }
}
