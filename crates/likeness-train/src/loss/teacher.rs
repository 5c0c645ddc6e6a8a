//! Distillation: embeddings move towards those of a teacher network for the same faces, by cosine similarity.
//!
//! Hinton, Vinyals and Dean (2015), "Distilling the Knowledge in a Neural Network", arXiv 1503.02531, with embeddings in place
//! of logits.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};

use super::normalize;
use crate::layer::{Initializer, Linear};

/// The teacher loss, with the projection to the teacher's dimension.
#[derive(Module, Debug)]
pub struct TeacherLoss {
    /// Maps embeddings to the teacher's dimension; `None` where both dimensions are equal.
    pub projection: Option<Linear>,
}

impl TeacherLoss {
    /// The loss for embeddings of `dim` dimensions and a teacher of `teacher_dim` dimensions, with weights drawn from `init`.
    pub fn new(dim: usize, teacher_dim: usize, init: &mut Initializer) -> Self {
        Self { projection: (dim != teacher_dim).then(|| Linear::new([dim, teacher_dim], false, init)) }
    }

    /// The mean of 1 − cosine similarity.
    ///
    /// # Shapes        embeddings: \[batch, dim\] · teacher: batch · teacher_dim values, row-major · output: \[1\]
    pub fn forward(&self, embeddings: Tensor<2>, teacher: &[f32]) -> Tensor<1> {
        let rows = match &self.projection {
            Some(projection) => projection.forward(embeddings),
            None => embeddings,
        };
        let shape = rows.dims();
        let teacher = Tensor::<2>::from_data(TensorData::new(teacher.to_vec(), shape), &rows.device());
        let cosines = (normalize(rows) * normalize(teacher)).sum_dim(1); // [batch, 1]
        cosines.mean().mul_scalar(-1.0).add_scalar(1.0)
    }
}
