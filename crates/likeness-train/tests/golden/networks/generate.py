"""Golden values of the networks: features, a loss and gradients, by torchvision in double precision.

Weights, images and the loss's coefficients come from a formula of the tensor's key (`values`), which the test repeats, so
that nothing large is stored. Run: python generate.py [reference weights] ; writes one JSON file a network beside itself.
"""

import json
import os
import struct
import sys

import numpy as np
import torch
import torchvision
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))


def values(key, count):
    """`count` numbers in [-1, 1) of 24 bits: splitmix64 of (FNV-1a of the key) + index."""
    seed = 0xCBF29CE484222325
    for byte in key.encode():
        seed = ((seed ^ byte) * 0x100000001B3) % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float32) / np.float32(2**23) - np.float32(1)


def filled(key, shape, shift):
    """A tensor's value, in single precision, by the kind that its key and shape tell; biases lie about `shift`."""
    v = values(key, int(np.prod(shape)))
    one, tenth = np.float32(1), np.float32(0.1)
    if key.endswith("running_var"):
        v = one + np.float32(0.5) * v
    elif key.endswith("weight") and len(shape) > 1:
        v = v * np.float32(np.sqrt(3.0 / np.prod(shape[1:])))
    elif key.endswith("weight"):
        v = one + tenth * v
    elif key.endswith("bias"):
        v = np.float32(shift) + tenth * v
    else:
        v = tenth * v
    return torch.from_numpy(v.reshape(shape)).double()


def fill(model, shift):
    state = model.state_dict()
    for key, tensor in state.items():
        if not key.endswith("num_batches_tracked"):
            tensor.copy_(filled(key, tuple(tensor.shape), shift))
    return model


def conv_block(i, o, k, s, g=1, prelu=True, pad=None):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            parts = [nn.Conv2d(i, o, k, s, k // 2 if pad is None else pad, groups=g, bias=False), nn.BatchNorm2d(o)]
            self.layers = nn.Sequential(*parts, *([nn.PReLU(o)] if prelu else []))

        def forward(self, x):
            return self.layers(x)

    return Block()


class Bottleneck(nn.Module):
    def __init__(self, i, w, o, s):
        super().__init__()
        self.shortcut = s == 1
        self.layers = nn.Sequential(conv_block(i, w, 1, 1), conv_block(w, w, 3, s, w), conv_block(w, o, 1, 1, prelu=False))

    def forward(self, x):
        return x + self.layers(x) if self.shortcut else self.layers(x)


class Chain(nn.Module):
    def __init__(self, *parts):
        super().__init__()
        self.layers = nn.Sequential(*parts)

    def forward(self, x):
        return self.layers(x)


class MobileFaceNet(nn.Module):
    """InsightFace's arcface_torch `mbf`, up to its global depthwise convolution."""

    def __init__(self, scale=2):
        super().__init__()
        early, late = 64 * scale, 128 * scale
        repeat = lambda n, c, w: Chain(*[Bottleneck(c, w, c, 1) for _ in range(n)])
        self.layers = nn.ModuleList(
            [
                conv_block(3, early, 3, 2),
                conv_block(early, early, 3, 1, 64),
                Bottleneck(early, 128, early, 2),
                repeat(4, early, 128),
                Bottleneck(early, 256, late, 2),
                repeat(6, late, 256),
                Bottleneck(late, 512, late, 2),
                repeat(2, late, 256),
            ]
        )
        self.conv_sep = conv_block(late, 512, 1, 1)
        self.features = Chain(conv_block(512, 512, 7, 1, 512, prelu=False, pad=0), nn.Flatten())

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.features(self.conv_sep(x))


class ImprovedBlock(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        conv = lambda i, o, k, s: nn.Conv2d(i, o, k, s, k // 2, bias=False)
        self.bn1, self.conv1 = nn.BatchNorm2d(i), conv(i, o, 3, 1)
        self.bn2, self.prelu = nn.BatchNorm2d(o), nn.PReLU(o)
        self.conv2, self.bn3 = conv(o, o, 3, s), nn.BatchNorm2d(o)
        self.downsample = nn.Sequential(conv(i, o, 1, s), nn.BatchNorm2d(o)) if s > 1 or i != o else None

    def forward(self, x):
        y = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x))))))
        return y + (x if self.downsample is None else self.downsample(x))


class ImprovedResNet(nn.Module):
    """InsightFace's arcface_torch `iresnet`, up to its linear layer."""

    def __init__(self, blocks):
        super().__init__()
        self.conv1, self.bn1, self.prelu = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        before = 64
        for index, count in enumerate(blocks):
            width = 64 << index
            parts = [ImprovedBlock(before if i == 0 else width, width, 2 if i == 0 else 1) for i in range(count)]
            setattr(self, f"layer{index + 1}", nn.Sequential(*parts))
            before = width
        self.bn2 = nn.BatchNorm2d(512)

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.bn2(x).flatten(1)


class DlibBlock(nn.Module):
    def __init__(self, i, o, down):
        super().__init__()
        self.down, self.missing = down, o - i
        self.conv1 = nn.Conv2d(i, o, 3, 2 if down else 1, 0 if down else 1, bias=False)
        self.bn1 = nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        if self.down:
            x = nn.functional.avg_pool2d(x, 2)
            x = nn.functional.pad(x, (0, 0, 0, 0, 0, self.missing))
            more = x.shape[2] - y.shape[2]
            y = nn.functional.pad(y, (0, more, 0, more))
        return (x + y).relu()


class DlibResNet(nn.Module):
    """dlib's dnn_face_recognition_ex.cpp with bn_con, up to its linear layer."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 32, 7, 2, bias=False), nn.BatchNorm2d(32)
        before = 32
        for index, (width, count) in enumerate([(32, 3), (64, 4), (128, 3), (256, 3), (256, 1)]):
            blocks = [DlibBlock(before if i == 0 else width, width, index > 0 and i == 0) for i in range(count)]
            setattr(self, f"layer{index + 1}", nn.Sequential(*blocks))
            before = width

    def forward(self, x):
        x = nn.functional.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, 2)
        return self.layer5(self.layer4(self.layer3(self.layer2(self.layer1(x))))).mean((2, 3))


class SameConv2d(nn.Conv2d):
    """TensorFlow's padding "SAME"."""

    def forward(self, x):
        side, kernel, stride = x.shape[2], self.kernel_size[0], self.stride[0]
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        first, last = total // 2, total - total // 2
        return super().forward(nn.functional.pad(x, (first, last, first, last)))


def lite(model):
    """torchvision's EfficientNet-B0 as Lite0: no squeeze and excitation, ReLU6, SAME padding, epsilon 1e-3."""
    for stage in model.features:
        for part in stage if hasattr(stage[0], "block") else []:
            part.block = nn.Sequential(*[layer for layer in part.block if hasattr(layer, "out_channels")])
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.SiLU):
                setattr(module, name, nn.ReLU6())
            elif isinstance(child, nn.Conv2d):
                same = SameConv2d(
                    child.in_channels, child.out_channels, child.kernel_size, child.stride, groups=child.groups, bias=False
                )
                setattr(module, name, same)
    return epsilon(model, 1e-3)


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.ModuleDict(
            {"norm": nn.BatchNorm1d(512), "linear": nn.Linear(512, 8, bias=False), "neck": nn.BatchNorm1d(8)}
        )

    def forward(self, x):
        return nn.functional.normalize(self.head.neck(self.head.linear(self.head.norm(x))))


def stride_in_first(model):
    for layer in (model.layer2, model.layer3, model.layer4):
        layer[0].conv1.stride, layer[0].conv2.stride = layer[0].conv2.stride, layer[0].conv1.stride
    return model


def classifier(model):
    """Features of a torchvision classifier: the average of its last map."""
    if hasattr(model, "fc"):
        model.fc = nn.Identity()
    else:
        model.classifier = nn.Identity()
        model.avgpool = nn.AdaptiveAvgPool2d(1)
    return model


def epsilon(model, value):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = value
    return model


def summary(tensor, entries=3):
    """Norm, and a few entries spread over the tensor."""
    flat = tensor.detach().reshape(-1)
    picked = [(k * 7919 + 13) % flat.numel() for k in range(entries)]
    return [float(flat.norm())] + [float(flat[i]) for i in picked]


def run(model, images, train):
    model.train(train)
    model.zero_grad()
    output = model(images)
    coefficients = torch.from_numpy(values("coefficients", output.numel())).double().reshape(output.shape)
    loss = (output * coefficients).sum()
    loss.backward()
    result = {
        "output": summary(output, 40),
        "loss": float(loss.detach()),
        "gradients": {k: summary(p.grad) for k, p in model.named_parameters()},
    }
    if train:
        result["statistics"] = {k: summary(b) for k, b in model.named_buffers() if "running" in k}
    return result


def rounded(value):
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return value if isinstance(value, int) else float(f"{value:.9g}")


def write(name, content):
    with open(os.path.join(HERE, name + ".json"), "w") as file:
        json.dump(rounded(content), file, separators=(",", ":"))
        file.write("\n")


def network(name, model, shape, shift=0):
    model = fill(model.double(), shift)
    images = torch.from_numpy(values("images", int(np.prod(shape)))).double().reshape(shape)
    cases = {"shape": list(shape), "shift": shift}
    for mode in ("evaluation", "training"):
        cases[mode] = run(model, images, mode == "training")
        fill(model, shift)
    write(name, cases)
    print(name, cases["training"]["loss"])


def reference(path):
    """ResNet50's third stage, averaged, with the reference weights at 112 pixels."""
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__")
    state = {}
    for key, entry in header.items():
        start, end = entry["data_offsets"]
        array = np.frombuffer(data, np.float32, (end - start) // 4, 8 + size + start)
        state[key] = torch.from_numpy(array.reshape(entry["shape"]).copy())
    model = epsilon(stride_in_first(torchvision.models.resnet50()), 1.001e-5)
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all(k.startswith(("layer4.", "fc.")) or "num_batches" in k for k in missing)
    model = model.double().eval()
    x = torch.from_numpy(values("images", 2 * 3 * 112 * 112)).double().reshape(2, 3, 112, 112)
    with torch.no_grad():
        x = model.maxpool(model.relu(model.bn1(model.conv1(x))))
        x = model.layer3(model.layer2(model.layer1(x))).mean((2, 3))
    write("reference", {"shape": [2, 3, 112, 112], "output": summary(x, 40)})


def main():
    torch.manual_seed(0)
    models = torchvision.models
    shape = (4, 3, 64, 64)
    for name in ("resnet18", "resnet34", "vgg16", "vgg16_bn"):
        network(name.replace("_", "-"), classifier(getattr(models, name)()), shape)
    network("resnet50", classifier(models.resnet50()), shape, 3)
    network("resnet50-first", epsilon(stride_in_first(classifier(models.resnet50())), 1.001e-5), shape, 3)
    network("efficientnet-b0", classifier(models.efficientnet_b0(stochastic_depth_prob=0.0)), shape)
    network("efficientnet-lite0", lite(classifier(models.efficientnet_b0(stochastic_depth_prob=0.0))), shape)
    network("dlib-resnet", DlibResNet(), (4, 3, 150, 150), 1)
    network("mobilefacenet", MobileFaceNet(), (4, 3, 112, 112))
    network("mobilefacenet-x1", MobileFaceNet(1), (4, 3, 112, 112), 0.5)
    network("iresnet18", ImprovedResNet([2, 2, 2, 2]), shape)
    network("head", Head(), (6, 512))
    if len(sys.argv) > 1:
        reference(sys.argv[1])
    print(torch.__version__, torchvision.__version__, np.__version__)


if __name__ == "__main__":
    main()
