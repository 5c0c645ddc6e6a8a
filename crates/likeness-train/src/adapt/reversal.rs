//! Gradient reversal: the identity in the forward pass, multiplication of the gradient by −λ in the backward pass.
//!
//! Ganin et al. (2016), "Domain-Adversarial Training of Neural Networks", arXiv 1505.07818, section 3.2.

use burn::tensor::Tensor;

/// `x` unchanged, with its gradient multiplied by −`reversal_strength`.
///
/// Layers after it are trained at their full rate.
pub fn reverse_gradient<const D: usize>(x: Tensor<D>, reversal_strength: f32) -> Tensor<D> {
    // A term whose value is exactly 0 and whose gradient is that of −λ·x is added to the detached value.
    let carrier = x.clone().mul_scalar(-reversal_strength);
    x.detach() + (carrier.clone() - carrier.detach())
}

/// λ at `progress` of a run, from 0 to 1.
///
/// ```text
/// λ(p) = most · (2 / (1 + exp(−γ·p)) − 1)
/// ```
///
/// # Examples
/// ```
/// use likeness_train::adapt::reversal::strength_at;
///
/// assert_eq!(strength_at(0.0, 1.0, 10.0), 0.0);
/// assert!((strength_at(0.5, 1.0, 10.0) - 0.9866).abs() < 1e-4);
/// ```
/// # References    Ganin et al., section 5.2.2
pub fn strength_at(progress: f32, most: f32, steepness: f32) -> f32 {
    most * (2.0 / (1.0 + (-steepness * progress).exp()) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn the_value_stays_and_the_gradient_is_turned_and_scaled() {
        let device = Device::flex().autodiff();
        for strength in [0.0f32, 0.3, 2.0] {
            let x = Tensor::<1>::from_floats([0.5, -3.0, 1e6], &device).require_grad();
            let y = reverse_gradient(x.clone(), strength);
            assert_eq!(y.clone().into_data().try_to_vec::<f32>().unwrap(), [0.5, -3.0, 1e6]);
            let factors = Tensor::<1>::from_floats([1.0, 2.0, -4.0], &device);
            let gradients = (y * factors).sum().backward();
            let found = x.grad(&gradients).unwrap().into_data().try_to_vec::<f32>().unwrap();
            assert_eq!(found, [-strength, -2.0 * strength, 4.0 * strength]);
        }
    }
}
