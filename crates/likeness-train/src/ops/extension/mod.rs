//! The CPU kernels as operations of Burn, with hand-written backward passes.
//!
//! The extension covers the Flex backend alone; [`runs_on_processor`] checks for it. Tensors of other devices take the generic
//! path.

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

/// An optional tensor of an operation.
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

/// Whether our own kernels accept this tensor: 32-bit floats in main memory.
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

/// The tensor with contiguous values.
fn dense(tensor: &FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor.clone() } else { tensor.to_contiguous() }
}

/// The values of a contiguous tensor.
fn numbers(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("a dense tensor of 32-bit numbers")
}

/// A tensor of these values.
fn tensor<const D: usize>(numbers: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(numbers, shape))
}

/// The values of a tensor, without a copy where they are not shared.
fn owned(tensor: FlexTensor) -> Vec<f32> {
    let tensor = if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() };
    tensor.into_data().try_into_vec().expect("a tensor of 32-bit numbers")
}
