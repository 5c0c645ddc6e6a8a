//! A classifier that predicts whether a face is of the target domain.
//!
//! Ganin et al. (2016), arXiv 1505.07818, section 5.2.1: two hidden layers with rectifiers, and logistic regression.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData, activation};

use crate::layer::{Initializer, Linear};

/// Predicts the domain of each row.
#[derive(Module, Debug)]
pub struct DomainClassifier {
    first: Linear,
    second: Linear,
    last: Linear,
}

/// The output for a batch of both domains.
#[derive(Debug, Clone)]
pub struct DomainOutput {
    /// Binary cross-entropy, the mean of both domains' means, `[1]`.
    pub loss: Tensor<1>,
    /// Share of rows whose domain is predicted correctly, with equal weight for both domains.
    pub accuracy: f64,
}

impl DomainClassifier {
    /// A classifier of rows of `dim` dimensions, with `hidden` dimensions in each hidden layer.
    pub fn new(dim: usize, hidden: usize, init: &mut Initializer) -> Self {
        Self {
            first: Linear::new([dim, hidden], true, init),
            second: Linear::new([hidden, hidden], true, init),
            last: Linear::new([hidden, 1], true, init),
        }
    }

    /// The logits, which are positive for the target domain.
    ///
    /// # Shapes        rows: \[batch, dim\] · output: \[batch\]
    pub fn logits(&self, rows: Tensor<2>) -> Tensor<1> {
        let x = activation::relu(self.first.forward(rows));
        let x = activation::relu(self.second.forward(x));
        self.last.forward(x).squeeze_dim(1)
    }

    /// The loss of rows of which the first `sources` are of the source domain and all others of the target domain.
    ///
    /// A domain without rows does not contribute.
    ///
    /// # Shapes        rows: [batch, dim]
    pub fn forward(&self, rows: Tensor<2>, sources: usize) -> DomainOutput {
        let logits = self.logits(rows);
        let [batch] = logits.dims();
        let targets = batch - sources;
        let domains = usize::from(sources > 0) + usize::from(targets > 0);
        // Positive for a row of the target domain; both domains have the same weight.
        let sign = |i: usize| if i < sources { -1.0f32 } else { 1.0 };
        let share = |i: usize| 1.0 / (domains * if i < sources { sources } else { targets }) as f32;
        let device = logits.device();
        let column = |values: Vec<f32>| Tensor::<1>::from_data(TensorData::new(values, [batch]), &device);
        let signs = column((0..batch).map(sign).collect());
        let shares: Vec<f32> = (0..batch).map(share).collect();
        let right = logits.clone().detach().into_data().convert::<f32>();
        let right = right.as_slice::<f32>().expect("converted to f32");
        let told = |(i, logit): (usize, &f32)| if logit * sign(i) > 0.0 { f64::from(shares[i]) } else { 0.0 };
        let accuracy = right.iter().enumerate().map(told).sum();
        // −log σ(sign · logit), computed without overflow.
        let loss = activation::log_sigmoid(logits * signs).neg() * column(shares);
        DomainOutput { loss: loss.sum(), accuracy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn rows(device: &Device, values: &[f32]) -> Tensor<2> {
        Tensor::<1>::from_floats(values, device).reshape([values.len() / 2, 2])
    }

    fn number(tensor: Tensor<1>) -> f64 {
        f64::from(tensor.into_data().try_to_vec::<f32>().unwrap()[0])
    }

    #[test]
    fn the_loss_is_the_mean_of_both_domains_cross_entropies() {
        let device = Device::flex();
        let classifier = DomainClassifier::new(2, 8, &mut Initializer::new(&device, 3));
        let values = [0.3, -1.0, 2.0, 0.7, -0.4, 0.9, 1.5, -2.0];
        let logits = classifier.logits(rows(&device, &values)).into_data().try_to_vec::<f32>().unwrap();
        let entropy = |logit: f32, target: bool| {
            let logit = f64::from(if target { logit } else { -logit });
            (1.0 + (-logit).exp()).ln()
        };
        let expected = 0.5 * entropy(logits[0], false)
            + 0.5 * (1..4).map(|i| entropy(logits[i], true)).sum::<f64>() / 3.0;
        let found = classifier.forward(rows(&device, &values), 1);
        assert!((number(found.loss) - expected).abs() < 1e-6);
        let told = [logits[0] < 0.0, logits[1] > 0.0, logits[2] > 0.0, logits[3] > 0.0];
        let right = 0.5 * f64::from(u8::from(told[0]))
            + told[1..].iter().map(|t| f64::from(u8::from(*t)) / 6.0).sum::<f64>();
        assert!((found.accuracy - right).abs() < 1e-6);
        let alone = classifier.forward(rows(&device, &values), 4);
        let expected = logits.iter().map(|l| entropy(*l, false)).sum::<f64>() / 4.0;
        assert!((number(alone.loss) - expected).abs() < 1e-6);
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let device = Device::flex().autodiff();
        let classifier = DomainClassifier::new(2, 8, &mut Initializer::new(&device, 3));
        let values = [0.3f32, -1.0, 2.0, 0.7, -0.4, 0.9];
        let x = rows(&device, &values).require_grad();
        let gradients = classifier.forward(x.clone(), 1).loss.backward();
        let found = x.grad(&gradients).unwrap().into_data().try_to_vec::<f32>().unwrap();
        for (i, found) in found.iter().enumerate() {
            let at = |step: f32| {
                let mut moved = values;
                moved[i] += step;
                number(classifier.forward(rows(&device, &moved), 1).loss.inner())
            };
            let expected = (at(1e-3) - at(-1e-3)) / 2e-3;
            assert!((f64::from(*found) - expected).abs() < 2e-4, "{i}: {found} {expected}");
        }
    }
}
