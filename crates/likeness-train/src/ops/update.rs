//! Optimiser steps over plain slices, in place and in one pass.
//!
//! Momentum: Sutskever et al. (2013), as PyTorch writes it (v ← μ·v + g, p ← p − η·v). AdamW: Loshchilov and Hutter
//! (2019), arXiv 1711.05101, algorithm 2. Each number's update depends on no other, so the result does not depend on
//! the number of threads.

use burn::tensor::Tensor;
use rayon::prelude::*;

/// Number of values in one piece of parallel work.
const PIECE: usize = 1 << 15;

/// How weight decay is applied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WeightDecay {
    /// λ·p is added to the gradient, and so passes through the momentum.
    Coupled(f32),
    /// η·λ·p is subtracted from the weight itself (Loshchilov and Hutter (2019), algorithm 1).
    Decoupled(f32),
}

/// Settings of one step of [`sgd_step`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdStep {
    /// Learning rate η.
    pub learning_rate: f32,
    /// Momentum μ: the share of the velocity that is kept.
    pub momentum: f32,
    /// Weight decay λ.
    pub weight_decay: WeightDecay,
}

impl SgdStep {
    /// How much of the parameter is added to the gradient, and how much is taken off itself.
    fn decay(&self) -> [f32; 2] {
        match self.weight_decay {
            WeightDecay::Coupled(decay) => [decay, 0.0],
            WeightDecay::Decoupled(decay) => [0.0, self.learning_rate * decay],
        }
    }
}

/// Settings of one step of [`adamw_step`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamwStep {
    /// Learning rate η.
    pub learning_rate: f32,
    /// Shares β₁ and β₂ of the moments that are kept.
    pub betas: [f32; 2],
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Weight decay λ, not scaled by the moments.
    pub weight_decay: f32,
    /// Number of this step, from 1.
    pub step: u32,
}

impl AdamwStep {
    /// The rate, and the factor on the root of the second moment, with their corrections for the first steps.
    fn corrected(&self) -> [f32; 2] {
        let correction = |beta: f32| (1.0 - f64::from(beta).powf(f64::from(self.step))) as f32;
        let [first, second] = self.betas.map(correction);
        [self.learning_rate / first, 1.0 / second.sqrt()]
    }
}

/// Updates `parameter` by one step of stochastic gradient descent, and its velocity.
///
/// ```text
/// v ← μ·v + g (+ λ·p, coupled)      p ← p − η·v (− η·λ·p, decoupled)
/// ```
///
/// # Panics      when the lengths differ
pub fn sgd_step(parameter: &mut [f32], gradient: &[f32], momentum: &mut [f32], step: &SgdStep) {
    assert_eq!(
        [parameter.len(); 2],
        [gradient.len(), momentum.len()],
        "a gradient or velocity of another length"
    );
    let [added, taken] = step.decay();
    let SgdStep { learning_rate, momentum: kept, .. } = *step;
    let pieces = parameter.par_chunks_mut(PIECE).zip(gradient.par_chunks(PIECE));
    pieces.zip(momentum.par_chunks_mut(PIECE)).for_each(|((parameter, gradient), velocity)| {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for ((p, g), v) in parameter.iter_mut().zip(gradient).zip(velocity) {
                    *v = kept * *v + (g + added * *p);
                    *p = *p - taken * *p - learning_rate * *v;
                }
            },
        );
    });
}

/// [`sgd_step`] of tensors, on any device; gives the parameter and its velocity.
///
/// # Shapes        parameter, gradient, momentum and both results: \[numbers\]
pub fn sgd_step_on_device(
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    momentum: Tensor<1>,
    step: &SgdStep,
) -> [Tensor<1>; 2] {
    let [added, taken] = step.decay();
    let mut velocity = momentum.mul_scalar(step.momentum) + gradient;
    if added != 0.0 {
        velocity = velocity + parameter.clone().mul_scalar(added);
    }
    let kept = if taken == 0.0 { parameter } else { parameter.mul_scalar(1.0 - taken) };
    [kept - velocity.clone().mul_scalar(step.learning_rate), velocity]
}

/// Updates `parameter` by one step of AdamW, and its moments.
///
/// ```text
/// m ← β₁·m + (1 − β₁)·g      v ← β₂·v + (1 − β₂)·g²
/// p ← p − η·λ·p − η · m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε)
/// ```
///
/// # Panics      when the lengths differ
pub fn adamw_step(
    parameter: &mut [f32],
    gradient: &[f32],
    [first, second]: [&mut [f32]; 2],
    step: &AdamwStep,
) {
    let length = parameter.len();
    assert_eq!(
        [length; 3],
        [gradient.len(), first.len(), second.len()],
        "a gradient or moment of another length"
    );
    let [kept, kept_squares] = step.betas;
    let [rate, root] = step.corrected();
    let taken = step.learning_rate * step.weight_decay;
    let epsilon = step.epsilon;
    let pieces = parameter.par_chunks_mut(PIECE).zip(gradient.par_chunks(PIECE));
    let moments = first.par_chunks_mut(PIECE).zip(second.par_chunks_mut(PIECE));
    pieces.zip(moments).for_each(|((parameter, gradient), (first, second))| {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for (((p, g), m), v) in parameter.iter_mut().zip(gradient).zip(first).zip(second) {
                    *m = kept * *m + (1.0 - kept) * g;
                    *v = kept_squares * *v + (1.0 - kept_squares) * g * g;
                    *p = *p - taken * *p - rate * *m / (v.sqrt() * root + epsilon);
                }
            },
        );
    });
}

/// [`adamw_step`] of tensors, on any device; gives the parameter and its moments.
///
/// # Shapes        parameter, gradient, moments and all results: \[numbers\]
pub fn adamw_step_on_device(
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    [first, second]: [Tensor<1>; 2],
    step: &AdamwStep,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let [kept, kept_squares] = step.betas;
    let [rate, root] = step.corrected();
    let first = first.mul_scalar(kept) + gradient.clone().mul_scalar(1.0 - kept);
    let second = second.mul_scalar(kept_squares) + gradient.square().mul_scalar(1.0 - kept_squares);
    let moved =
        first.clone().mul_scalar(rate) / second.clone().sqrt().mul_scalar(root).add_scalar(step.epsilon);
    (parameter.mul_scalar(1.0 - step.learning_rate * step.weight_decay) - moved, [first, second])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use proptest::prelude::*;

    fn on_device(numbers: &[f32]) -> Tensor<1> {
        Tensor::from_floats(numbers, &Device::flex())
    }

    fn all_close(found: Tensor<1>, expected: &[f32]) -> bool {
        let found: Vec<f32> = found.into_data().try_into_vec().unwrap();
        found.len() == expected.len() && found.iter().zip(expected).all(|(&f, &e)| close(f, e.into()))
    }

    fn close(left: f32, right: f64) -> bool {
        (f64::from(left) - right).abs() <= 1e-5 * right.abs().max(1.0)
    }

    proptest! {
        #[test]
        fn sgd_follows_the_formula(
            numbers in prop::collection::vec((-3.0f32..3.0, -3.0f32..3.0, -3.0f32..3.0), 1..100),
            learning_rate in 0.001f32..0.5,
            kept in 0.0f32..0.99,
            decay in 0.0f32..0.1,
            decoupled: bool,
        ) {
            let weight_decay = if decoupled { WeightDecay::Decoupled(decay) } else { WeightDecay::Coupled(decay) };
            let step = SgdStep { learning_rate, momentum: kept, weight_decay };
            let mut parameter: Vec<f32> = numbers.iter().map(|n| n.0).collect();
            let gradient: Vec<f32> = numbers.iter().map(|n| n.1).collect();
            let mut velocity: Vec<f32> = numbers.iter().map(|n| n.2).collect();
            let [moved, speed] =
                sgd_step_on_device(on_device(&parameter), on_device(&gradient), on_device(&velocity), &step);
            sgd_step(&mut parameter, &gradient, &mut velocity, &step);
            prop_assert!(all_close(moved, &parameter) && all_close(speed, &velocity));
            for (i, (p, g, v)) in numbers.iter().map(|n| (f64::from(n.0), f64::from(n.1), f64::from(n.2))).enumerate() {
                let (rate, decay) = (f64::from(learning_rate), f64::from(decay));
                let v = f64::from(kept) * v + g + if decoupled { 0.0 } else { decay * p };
                let p = p - rate * v - if decoupled { rate * decay * p } else { 0.0 };
                prop_assert!(close(velocity[i], v) && close(parameter[i], p));
            }
        }

        #[test]
        fn adamw_follows_the_formula(
            numbers in prop::collection::vec((-3.0f32..3.0, -3.0f32..3.0, -3.0f32..3.0, 0.0f32..3.0), 1..100),
            learning_rate in 0.001f32..0.1,
            decay in 0.0f32..0.1,
            t in 1u32..1000,
        ) {
            let step = AdamwStep { learning_rate, betas: [0.9, 0.999], epsilon: 1e-8, weight_decay: decay, step: t };
            let mut parameter: Vec<f32> = numbers.iter().map(|n| n.0).collect();
            let gradient: Vec<f32> = numbers.iter().map(|n| n.1).collect();
            let mut first: Vec<f32> = numbers.iter().map(|n| n.2).collect();
            let mut second: Vec<f32> = numbers.iter().map(|n| n.3).collect();
            let before = [&first, &second].map(|moment| on_device(moment));
            let (moved, after) = adamw_step_on_device(on_device(&parameter), on_device(&gradient), before, &step);
            adamw_step(&mut parameter, &gradient, [&mut first, &mut second], &step);
            let [m, v] = after;
            prop_assert!(all_close(moved, &parameter) && all_close(m, &first) && all_close(v, &second));
            let [b1, b2, rate] = [0.9f32, 0.999, learning_rate].map(f64::from);
            for (i, n) in numbers.iter().enumerate() {
                let [p, g, m, v] = [n.0, n.1, n.2, n.3].map(f64::from);
                let m = b1 * m + (1.0 - b1) * g;
                let v = b2 * v + (1.0 - b2) * g * g;
                let [mh, vh] = [m / (1.0 - b1.powf(t.into())), v / (1.0 - b2.powf(t.into()))];
                let moved = rate * mh / (vh.sqrt() + 1e-8);
                let expected = p - rate * f64::from(decay) * p - moved;
                prop_assert!(close(first[i], m) && close(second[i], v));
                prop_assert!((f64::from(parameter[i]) - expected).abs() <= 1e-5 * p.abs().max(moved.abs()).max(1.0));
            }
        }
    }
}
