//! The processor's kernels as operations of Burn, with hand-written backward passes.
//!
//! The extension covers the backend Flex alone; [`runs_on_processor`] says whether a tensor lives there. Tensors of
//! other devices take the generic path.

mod convolution;
mod normalisation;
mod rectifier;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, DispatchDevice, ExtensionType, Flex};
use burn::tensor::{DType, Device, Tensor, TensorData};

pub(super) use convolution::conv2d;
pub(super) use normalisation::{batch_norm_frozen, batch_norm_training};
pub(super) use rectifier::prelu;

type FlexTensor = FloatTensor<Flex>;

/// A tensor that an operation can do without.
#[derive(ExtensionType)]
pub(crate) enum Perhaps<B: Backend> {
    Given(FloatTensor<B>),
    Absent,
}

impl<B: Backend> Perhaps<B> {
    fn new(tensor: Option<FloatTensor<B>>) -> Self {
        tensor.map_or(Self::Absent, Self::Given)
    }

    fn as_ref(&self) -> Option<&FloatTensor<B>> {
        match self {
            Self::Given(tensor) => Some(tensor),
            Self::Absent => None,
        }
    }
}

/// Whether our own kernels take this tensor: 32-bit numbers in the memory of the processor.
pub(crate) fn runs_on_processor<const D: usize>(tensor: &Tensor<D>) -> bool {
    let device: Device = tensor.device();
    let on_flex = match device.as_dispatch() {
        DispatchDevice::Autodiff(device) => matches!(device.clone().inner(), DispatchDevice::Flex(_)),
        DispatchDevice::Flex(_) => true,
        #[allow(unreachable_patterns, reason = "other backends are features")]
        _ => false,
    };
    on_flex && tensor.dtype() == DType::F32
}

/// The tensor with its numbers in one run.
fn dense(tensor: &FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor.clone() } else { tensor.to_contiguous() }
}

/// The numbers of a tensor that is dense.
fn numbers(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("a dense tensor of 32-bit numbers")
}

/// Wraps numbers as a tensor.
fn tensor<const D: usize>(numbers: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(numbers, shape))
}

/// The numbers of a tensor, taken over where nobody else holds them.
fn owned(tensor: FlexTensor) -> Vec<f32> {
    let tensor = if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() };
    tensor.into_data().try_into_vec().expect("a tensor of 32-bit numbers")
}
