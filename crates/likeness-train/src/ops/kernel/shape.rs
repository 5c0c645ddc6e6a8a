//! The sizes of a convolution, checked once.

use crate::ops::ConvOptions;

/// Sizes of one convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConvShape {
    pub(crate) batch: usize,
    /// Channels of input and output.
    pub(crate) input_channels: usize,
    pub(crate) output_channels: usize,
    /// Height and width of the input.
    pub(crate) input: [usize; 2],
    /// Height and width of the filter.
    pub(crate) kernel: [usize; 2],
    pub(crate) options: ConvOptions,
}

impl ConvShape {
    /// Sizes of a convolution of `input` `[batch, in, h, w]` with `weight` `[out, in / groups, kh, kw]`.
    ///
    /// # Panics      when the channels do not fit the weight and the groups, or the filter exceeds the padded image
    pub(crate) fn new(input: [usize; 4], weight: [usize; 4], options: ConvOptions) -> Self {
        let [batch, input_channels, height, width] = input;
        let [output_channels, group_channels, kernel_height, kernel_width] = weight;
        let groups = options.groups;
        assert!(
            groups > 0 && input_channels == group_channels * groups && output_channels % groups == 0,
            "a weight of shape {weight:?} in {groups} groups does not fit an input of shape {input:?}"
        );
        let ([top, left], [bottom, right]) = (options.padding, options.end_padding);
        assert!(
            height + 2 * top + bottom >= kernel_height
                && width + 2 * left + right >= kernel_width
                && kernel_height * kernel_width > 0,
            "a filter of {kernel_height}×{kernel_width} does not fit into an input of shape {input:?}"
        );
        assert!(options.stride[0] > 0 && options.stride[1] > 0, "a stride of zero");
        Self {
            batch,
            input_channels,
            output_channels,
            input: [height, width],
            kernel: [kernel_height, kernel_width],
            options,
        }
    }

    /// Height and width of the output.
    pub(crate) fn output(&self) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let padding = 2 * self.options.padding[axis] + self.options.end_padding[axis];
            (self.input[axis] + padding - self.kernel[axis]) / self.options.stride[axis] + 1
        })
    }

    /// Number of values in one channel of the input.
    pub(crate) fn input_plane(&self) -> usize {
        self.input[0] * self.input[1]
    }

    /// Number of values in one channel of the output.
    pub(crate) fn output_plane(&self) -> usize {
        self.output().iter().product()
    }

    /// Number of values in one channel of one filter.
    pub(crate) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Number of input channels of one group.
    pub(crate) fn group_inputs(&self) -> usize {
        self.input_channels / self.options.groups
    }

    /// Number of output channels of one group.
    pub(crate) fn group_outputs(&self) -> usize {
        self.output_channels / self.options.groups
    }

    /// Whether the convolution is depthwise with one filter for each channel.
    pub(crate) fn is_depthwise(&self) -> bool {
        self.group_inputs() == 1 && self.group_outputs() == 1
    }

    /// Number of values in the input.
    pub(crate) fn input_len(&self) -> usize {
        self.batch * self.input_channels * self.input_plane()
    }

    /// Number of values in the output.
    pub(crate) fn output_len(&self) -> usize {
        self.batch * self.output_channels * self.output_plane()
    }

    /// Number of weights.
    pub(crate) fn weight_len(&self) -> usize {
        self.output_channels * self.group_inputs() * self.taps()
    }
}
