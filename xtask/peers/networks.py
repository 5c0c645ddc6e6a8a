"""Exports architectures with random weights as ONNX graphs; nothing is downloaded.

    networks.py FOLDER

Writes resnet50.onnx (torchvision's, 1000 outputs) and mobilefacenet.onnx (arXiv 1804.07573, 128 outputs), for any batch
size and any input size that the architecture supports, with batch normalisation folded. `network(name)` returns the same
module with the same weights.
"""

import os
import sys

import torch
from torch import nn


def layer(inputs, outputs, kernel, stride=1, groups=1, linear=False):
    parts = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 if kernel < 7 else 0, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*parts, *([] if linear else [nn.PReLU(outputs)]))


class Bottleneck(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        wide = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            layer(inputs, wide, 1), layer(wide, wide, 3, stride, wide), layer(wide, outputs, 1, linear=True)
        )

    def forward(self, x):
        return x + self.body(x) if self.residual else self.body(x)


def mobilefacenet():
    parts, inputs = [layer(3, 64, 3, 2), layer(64, 64, 3, groups=64)], 64
    for expansion, outputs, repeats, stride in [(2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1)]:
        for i in range(repeats):
            parts.append(Bottleneck(inputs, outputs, stride if i == 0 else 1, expansion))
            inputs = outputs
    head = [layer(128, 512, 1), layer(512, 512, 7, groups=512, linear=True), layer(512, 128, 1, linear=True), nn.Flatten()]
    return nn.Sequential(*parts, *head)


def network(name):
    torch.manual_seed(0)
    if name == "mobilefacenet":
        return mobilefacenet().eval()
    import torchvision

    return getattr(torchvision.models, name)(weights=None).eval()


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for name in ["resnet50", "mobilefacenet"]:
        free = {0: "batch"} if name == "mobilefacenet" else {0: "batch", 2: "height", 3: "width"}
        torch.onnx.export(
            network(name),
            torch.zeros(2, 3, 112, 112),
            os.path.join(folder, f"{name}.onnx"),
            input_names=["input"],
            output_names=["embedding"],
            dynamic_axes={"input": free, "embedding": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )


if __name__ == "__main__":
    main()
