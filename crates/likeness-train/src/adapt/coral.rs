//! CORAL: the distance between the covariances of two domains.
//!
//! Sun and Saenko (2016), "Deep CORAL: Correlation Alignment for Deep Domain Adaptation", arXiv 1607.01719, equations 1
//! to 3.

use burn::tensor::Tensor;

/// The loss of rows of which the first `sources` are of the source domain and all others of the target domain.
///
/// ```text
/// L = ‖C_S − C_T‖²_F / (4 d²),   C = (Xᵀ X − (1ᵀ X)ᵀ (1ᵀ X) / n) / (n − 1)
/// ```
///
/// # Shapes        rows: \[batch, d\] · output: \[1\]
/// # Conventions   a domain of fewer than two rows has no covariance: the loss is 0
pub fn coral(rows: Tensor<2>, sources: usize) -> Tensor<1> {
    let [batch, dim] = rows.dims();
    if sources < 2 || batch - sources < 2 {
        return rows.sum().mul_scalar(0.0);
    }
    let source = covariance(rows.clone().narrow(0, 0, sources));
    let target = covariance(rows.narrow(0, sources, batch - sources));
    (source - target).square().sum().div_scalar(4.0 * (dim * dim) as f32)
}

/// # Shapes        rows: [n, d] · output: [d, d]
fn covariance(rows: Tensor<2>) -> Tensor<2> {
    let [count, _] = rows.dims();
    let centred = rows.clone() - rows.mean_dim(0);
    centred.clone().transpose().matmul(centred).div_scalar((count - 1) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    const ROWS: [[f32; 2]; 5] = [[1.0, 2.0], [3.0, -1.0], [0.5, 0.0], [2.0, 2.0], [-1.0, 4.0]];

    /// By loops, in double precision.
    fn slow(rows: &[[f32; 2]], sources: usize) -> f64 {
        let covariance = |rows: &[[f32; 2]]| {
            let n = rows.len() as f64;
            let mean = [0, 1].map(|i| rows.iter().map(|r| f64::from(r[i])).sum::<f64>() / n);
            let entry = |i: usize, j: usize| {
                let product = |r: &[f32; 2]| (f64::from(r[i]) - mean[i]) * (f64::from(r[j]) - mean[j]);
                rows.iter().map(product).sum::<f64>() / (n - 1.0)
            };
            [entry(0, 0), entry(0, 1), entry(1, 0), entry(1, 1)]
        };
        let (source, target) = (covariance(&rows[..sources]), covariance(&rows[sources..]));
        source.iter().zip(target).map(|(s, t)| (s - t).powi(2)).sum::<f64>() / 16.0
    }

    fn loss(rows: &[[f32; 2]], device: &Device) -> (Tensor<2>, Tensor<1>) {
        let flat: Vec<f32> = rows.iter().flatten().copied().collect();
        let x = Tensor::<1>::from_floats(flat.as_slice(), device).reshape([rows.len(), 2]).require_grad();
        (x.clone(), coral(x, 2))
    }

    #[test]
    fn loss_and_gradient_are_those_of_the_loops() {
        let device = Device::flex().autodiff();
        let (x, value) = loss(&ROWS, &device);
        let found = f64::from(value.clone().inner().into_data().try_to_vec::<f32>().unwrap()[0]);
        assert!((found - slow(&ROWS, 2)).abs() < 1e-5 * found, "{found}");
        let gradient = x.grad(&value.backward()).unwrap().into_data().try_to_vec::<f32>().unwrap();
        for (i, found) in gradient.iter().enumerate() {
            let at = |step: f32| {
                let mut moved = ROWS;
                moved[i / 2][i % 2] += step;
                slow(&moved, 2)
            };
            let expected = (at(1e-3) - at(-1e-3)) / 2e-3;
            assert!((f64::from(*found) - expected).abs() < 1e-3, "{i}: {found} {expected}");
        }
    }

    #[test]
    fn a_domain_of_one_row_costs_nothing_and_gives_finite_gradients() {
        let device = Device::flex().autodiff();
        let (x, value) = loss(&ROWS[..3], &device);
        assert_eq!(value.clone().inner().into_data().try_to_vec::<f32>().unwrap(), [0.0]);
        let gradient = x.grad(&value.backward()).unwrap().into_data().try_to_vec::<f32>().unwrap();
        assert!(gradient.iter().all(|g| *g == 0.0));
    }
}
