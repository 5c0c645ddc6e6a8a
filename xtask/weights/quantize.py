"""Writes a network with int8 weights: an f32 ONNX file and the grids of its activations enter, an ONNX file leaves.

The result has the form that `likeness models quantize` writes: pairs of QuantizeLinear and DequantizeLinear around f32 operators,
weights of int8 with a scale for each output channel, activations of uint8 with one scale and zero point. The grids are read from a
file instead of measured, because measured values differ in their last bits between processors; so the same files give the same
bytes on every machine.
"""

import json

import numpy
import onnx
from onnx import helper, numpy_helper

# As in likeness-engine's `quantize::place`: layers of a picture's channels stay in f32.
PICTURE_CHANNELS = 4
SMALLEST_SCALE = numpy.float32(1e-12)


def read_grids(path):
    """Scale and zero point of each activation."""
    with open(path, encoding="utf-8") as file:
        grids = json.load(file)["activations"]
    return {name: (numpy.float32(grid["scale"]), numpy.uint8(grid["zero_point"])) for name, grid in grids.items()}


def rounded(values):
    """The nearest integers; halves go away from zero."""
    return numpy.copysign(numpy.floor(numpy.abs(values) + values.dtype.type(0.5)), values)


class Quantizer:
    """Rewrites the graph of a model."""

    def __init__(self, model, grids):
        self.graph = model.graph
        self.grids = grids
        self.constants = {c.name: numpy_helper.to_array(c) for c in model.graph.initializer}
        self.nodes = []
        self.dequantized = {}

    def constant(self, name, values):
        self.constants[name] = values
        return name

    def is_layer(self, node):
        if node.op_type == "Gemm":
            return True
        weight = self.constants[node.input[1]] if node.op_type == "Conv" else None
        group = next((a.i for a in node.attribute if a.name == "group"), 1)
        return weight is not None and group == 1 and weight.shape[1] > PICTURE_CHANNELS

    def layer(self, node):
        """Quantises the weights and the bias of a layer whose weights are [output, ...]."""
        name, bias_name = node.input[1], node.input[2] if len(node.input) > 2 else None
        weight = self.constants.pop(name)
        bias = self.constants.pop(bias_name) if bias_name else None
        step = self.grids[node.input[0]][0]
        largest = numpy.abs(weight).reshape(len(weight), -1).max(1)
        scales = largest / numpy.float32(127)
        if bias is not None:
            # The bias has to fit 32 bits in steps of weight times input.
            scales = numpy.maximum(scales, numpy.abs(bias) / step / numpy.float32(1 << 30))
        scales = numpy.maximum(scales, SMALLEST_SCALE)
        by_channel = scales.reshape(-1, *[1] * (weight.ndim - 1))
        self.dequantize(name, rounded(weight / by_channel).astype(numpy.int8), scales)
        if bias is not None:
            steps = scales * step
            values = rounded(bias.astype(numpy.float64) / steps.astype(numpy.float64))
            self.dequantize(bias_name, values.astype(numpy.int32), steps)

    def dequantize(self, name, values, scales):
        inputs = [self.constant(f"{name}.quantized", values), self.constant(f"{name}.scale", scales)]
        if values.dtype == numpy.int8:
            # Zeros by definition, but ONNX Runtime's linear layers ask for one for each scale.
            inputs.append(self.constant(f"{name}.zero_point", numpy.zeros(len(scales), numpy.int8)))
        self.nodes.append(helper.make_node("DequantizeLinear", inputs, [name], name=name, axis=0))

    def activation(self, name):
        """Inserts a pair behind an activation; later nodes read its output."""
        scale, zero = self.grids[name]
        grid = [
            self.constant(f"{name}.scale", numpy.array(scale)),
            self.constant(f"{name}.zero_point", numpy.array(zero)),
        ]
        values, output = f"{name}.quantized", f"{name}.dequantized"
        self.nodes.append(helper.make_node("QuantizeLinear", [name, *grid], [values], name=values))
        self.nodes.append(helper.make_node("DequantizeLinear", [values, *grid], [output], name=output))
        self.dequantized[name] = output

    def run(self):
        for node in self.graph.node:
            if self.is_layer(node):
                self.layer(node)
            inputs = [self.dequantized.get(name, name) for name in node.input]
            del node.input[:]
            node.input.extend(inputs)
            self.nodes.append(node)
            for name in node.output:
                if name in self.grids:
                    self.activation(name)
        missing = sorted(set(self.grids) - set(self.dequantized))
        if missing:
            raise ValueError(f"no such activations in the graph: {missing}")
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(self.nodes)
        constants = sorted(self.constants.items())
        self.graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in constants)


def quantized(data, grids):
    """The ONNX file of the network in `data` with int8 weights."""
    model = onnx.load_model_from_string(data)
    Quantizer(model, grids).run()
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)
