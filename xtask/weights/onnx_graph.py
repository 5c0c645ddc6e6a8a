"""Writes small ONNX graphs: layers are appended one by one, and the same layers give the same bytes."""

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
# The version of the file format that belongs to this operator set.
IR_VERSION = 8


class Graph:
    """A graph in the making. Every method appends a node and returns the name of its output."""

    def __init__(self, name, shape):
        self.name = name
        self.nodes = []
        self.constants = {}
        self.input = helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)
        self.outputs = []

    def constant(self, name, values):
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(numpy.ascontiguousarray(values), name)
        return name

    def add(self, op, output, inputs, **attributes):
        attributes = {name: value for name, value in sorted(attributes.items()) if value is not None}
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def conv(self, name, x, weight, bias=None, stride=1, pads=None, group=1):
        """A convolution. `pads` are top, left, bottom, right; by default half the kernel on each side."""
        kernel = weight.shape[2:]
        pads = [kernel[0] // 2, kernel[1] // 2] * 2 if pads is None else pads
        inputs = [x, self.constant(f"{name}.weight", weight.astype(numpy.float32))]
        if bias is not None:
            inputs.append(self.constant(f"{name}.bias", bias.astype(numpy.float32)))
        return self.add(
            "Conv", name, inputs, kernel_shape=list(kernel), strides=[stride] * 2, pads=pads, group=group
        )

    def relu(self, x):
        return self.add("Relu", f"{x}.relu", [x])

    def max_pool(self, name, x, size, stride):
        return self.add("MaxPool", name, [x], kernel_shape=[size] * 2, strides=[stride] * 2)

    def output(self, name, shape):
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def serialized(self):
        """The bytes of the ONNX file."""
        constants = [self.constants[name] for name in sorted(self.constants)]
        graph = helper.make_graph(self.nodes, self.name, [self.input], self.outputs, constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="likeness"
        )
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)
