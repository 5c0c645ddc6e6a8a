//! Holm's step-down adjustment of several p-values.
//!
//! Holm, A simple sequentially rejective multiple test procedure (1979), Scandinavian Journal of Statistics 6. The probability
//! that any true null hypothesis is rejected stays below the level, whatever the dependence between the tests. With m
//! p-values sorted ascending:
//!
//! ```text
//! adjusted p₍ᵢ₎ = max over j ≤ i of min(1, (m − j + 1) · p₍ⱼ₎)
//! ```

/// The adjusted p-values, in the order given.
///
/// # Conventions   a p-value that is not a number counts as 1
/// # Examples
/// ```
/// use likeness_search::compare::holm;
/// assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]);
/// assert_eq!(holm(&[]), [0.0; 0]);
/// ```
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let p: Vec<f64> = p_values.iter().map(|&p| if p.is_nan() { 1.0 } else { p }).collect();
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let (mut adjusted, mut largest) = (vec![0.0; p.len()], 0.0f64);
    for (place, &index) in order.iter().enumerate() {
        largest = largest.max(((p.len() - place) as f64 * p[index]).min(1.0));
        adjusted[index] = largest;
    }
    adjusted
}
