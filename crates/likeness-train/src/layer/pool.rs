//! Pooling layers, which have no parameters.

use burn::tensor::Tensor;
use burn::tensor::module;
use burn::tensor::ops::MaxPoolOptions;

/// Max pooling over square windows.
///
/// # Shapes        input: [batch, channels, h, w] · output: [batch, channels, h', w']
pub(crate) fn max_pool(input: Tensor<4>, kernel: usize, stride: usize, padding: usize) -> Tensor<4> {
    let options = MaxPoolOptions::new([kernel; 2]).with_stride([stride; 2]).with_padding([padding; 2]);
    module::max_pool2d(input, options)
}

/// Average pooling over square windows without overlap; rows and columns that fill no window are left out.
///
/// # Shapes        input: [batch, channels, h, w] · output: [batch, channels, h / kernel, w / kernel]
pub(crate) fn average_pool(input: Tensor<4>, kernel: usize) -> Tensor<4> {
    let [batch, channels, height, width] = input.dims();
    let (rows, columns) = (height / kernel, width / kernel);
    let covered = input.narrow(2, 0, rows * kernel).narrow(3, 0, columns * kernel);
    let windows = covered.reshape([batch * channels, rows, kernel, columns, kernel]);
    windows.mean_dim(4).mean_dim(2).reshape([batch, channels, rows, columns])
}

/// Global average pooling.
///
/// # Shapes        input: [batch, channels, h, w] · output: [batch, channels]
pub(crate) fn global_average(input: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = input.dims();
    input.reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels])
}
