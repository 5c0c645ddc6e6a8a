"""Makes a small quantised network of pairs and what ONNX Runtime gives for it; see README.md."""

import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

random = np.random.RandomState(5)
nodes, tensors = [], []


def constant(name, values, kind):
    tensors.append(numpy_helper.from_array(np.asarray(values, kind), name))
    return name


def pair(value, scale, zero, kind=np.uint8):
    """Rounds a value to a grid."""
    s, z = constant(f"{value}_s", np.float32(scale), np.float32), constant(f"{value}_z", kind(zero), kind)
    nodes.append(helper.make_node("QuantizeLinear", [value, s, z], [f"{value}_q"]))
    nodes.append(helper.make_node("DequantizeLinear", [f"{value}_q", s, z], [f"{value}_d"]))
    return f"{value}_d", scale


def weights(name, shape, input_scale):
    """Signed bytes with a scale for each output channel, a bias of 32 bits."""
    bytes_ = constant(f"{name}_w", random.randint(-127, 128, shape), np.int8)
    scales = (0.002 + 0.004 * random.rand(shape[0])).astype(np.float32)
    s, z = constant(f"{name}_ws", scales, np.float32), constant(f"{name}_wz", np.zeros(shape[0]), np.int8)
    nodes.append(helper.make_node("DequantizeLinear", [bytes_, s, z], [f"{name}_wd"], axis=0))
    bias = constant(f"{name}_b", random.randint(-2000, 2000, shape[0]), np.int32)
    bs = constant(f"{name}_bs", scales * np.float32(input_scale), np.float32)
    nodes.append(helper.make_node("DequantizeLinear", [bias, bs], [f"{name}_bd"], axis=0))
    return f"{name}_wd", f"{name}_bd"


# 3 → 20 channels in real numbers, then a residual block in bytes, a strided convolution with slopes, a linear layer.
stem = constant("stem", random.randn(20, 3, 3, 3) * 0.3, np.float32)
nodes.append(helper.make_node("Conv", ["input", stem], ["stem_out"], pads=[1] * 4))
x, s = pair("stem_out", 0.02, 121)
w, b = weights("first", (20, 20, 3, 3), s)
nodes.append(helper.make_node("Conv", [x, w, b], ["first_out"], pads=[1] * 4))
y, _ = pair("first_out", 0.09, 130)
nodes.append(helper.make_node("Add", [x, y], ["sum"]))
nodes.append(helper.make_node("Relu", ["sum"], ["block"]))
x, s = pair("block", 0.05, 0)
w, b = weights("second", (36, 20, 3, 3), s)
nodes.append(helper.make_node("Conv", [x, w, b], ["second_out"], pads=[1] * 4, strides=[2, 2]))
slopes = constant("slopes", random.rand(36, 1, 1) * 0.5, np.float32)
y, _ = pair("second_out", 0.11, 117)
nodes.append(helper.make_node("PRelu", [y, slopes], ["sloped"]))
x, s = pair("sloped", 0.1, -88, np.int8)
w, b = weights("third", (8, 36, 1, 1), s)
nodes.append(helper.make_node("Conv", [x, w, b], ["third_out"]))
nodes.append(helper.make_node("GlobalAveragePool", ["third_out"], ["pooled"]))
nodes.append(helper.make_node("Flatten", ["pooled"], ["flat"]))
x, s = pair("flat", 0.02, 128)
w, b = weights("last", (5, 8), s)
nodes.append(helper.make_node("Gemm", [x, w, b], ["embedding"], transB=1))

graph = helper.make_graph(
    nodes,
    "quantized",
    [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 11, 9])],
    [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 5])],
    tensors,
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, "graph.onnx")
values = random.rand(2, 3, 11, 9).astype(np.float32) * 4 - 2
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
session = onnxruntime.InferenceSession("graph.onnx", options, providers=["CPUExecutionProvider"])
(answer,) = session.run(None, {"input": values})
expected = {"onnxruntime": onnxruntime.__version__, "input": values.ravel().tolist(), "embedding": answer.ravel().tolist()}
with open("expected.json", "w") as file:
    json.dump(expected, file)

# The like in real numbers, to be quantised by the tests.
nodes, tensors = [], []


def conv(value, name, shape, **how):
    w = constant(f"{name}_w", random.randn(*shape) * (2 / np.prod(shape[1:])) ** 0.5, np.float32)
    b = constant(f"{name}_b", random.randn(shape[0]) * 0.1, np.float32)
    nodes.append(helper.make_node("Conv", [value, w, b], [name], **how))
    return name


x = conv("input", "stem", (20, 3, 3, 3), pads=[1] * 4)
y = conv(x, "first", (20, 20, 3, 3), pads=[1] * 4)
nodes.append(helper.make_node("Add", [x, y], ["sum"]))
nodes.append(helper.make_node("Relu", ["sum"], ["block"]))
y = conv("block", "second", (36, 20, 3, 3), pads=[1] * 4, strides=[2, 2])
slopes = constant("slopes", random.rand(36, 1, 1) * 0.5, np.float32)
nodes.append(helper.make_node("PRelu", [y, slopes], ["sloped"]))
y = conv("sloped", "depthwise", (36, 1, 3, 3), pads=[1] * 4, group=36)
y = conv(y, "third", (8, 36, 1, 1))
nodes.append(helper.make_node("GlobalAveragePool", [y], ["pooled"]))
nodes.append(helper.make_node("Flatten", ["pooled"], ["flat"]))
w, b = constant("last_w", random.randn(5, 8), np.float32), constant("last_b", random.randn(5) * 0.1, np.float32)
nodes.append(helper.make_node("Gemm", ["flat", w, b], ["embedding"], transB=1))
graph = helper.make_graph(
    nodes,
    "floats",
    [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 16, 16])],
    [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 5])],
    tensors,
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
onnx.checker.check_model(model)
onnx.save(model, "floats.onnx")
