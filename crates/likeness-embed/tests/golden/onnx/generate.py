"""Writes tiny ONNX graphs, embedders and what is none, and what onnxruntime answers for a picture by formula."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

here = Path(__file__).parent
SIDE = 16


def save(name, nodes, inputs, outputs, weights=(), domain=None, **how):
    graph = helper.make_graph(nodes, name, inputs, outputs, [numpy_helper.from_array(w, n) for n, w in weights])
    operators = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    model = helper.make_model(graph, opset_imports=operators, ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, here / f"{name}.onnx", **how)


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def picture(seed, side):
    """The formula of the test: channel c of pixel (x, y) is (x·(5+c) + y·(7+2c) + 37·seed + 50·c) mod 256."""
    y, x, c = np.meshgrid(np.arange(side), np.arange(side), np.arange(3), indexing="ij")
    return ((x * (5 + c) + y * (7 + 2 * c) + 37 * seed + 50 * c) % 256).astype(np.float32)


kernel = np.sin(np.arange(8 * 3 * 3 * 3, dtype=np.float32)).reshape(8, 3, 3, 3) / 255
bias = np.cos(np.arange(8, dtype=np.float32))
weights = [("kernel", kernel), ("bias", bias)]
core = [
    helper.make_node("Conv", ["planes", "kernel", "bias"], ["maps"], dilations=[1, 1], pads=[1, 1, 1, 1], strides=[2, 2]),
    helper.make_node("Relu", ["maps"], ["active"]),
    helper.make_node("GlobalAveragePool", ["active"], ["pooled"]),
    helper.make_node("Flatten", ["pooled"], ["embedding"]),
]
as_is = [helper.make_node("Identity", ["data"], ["planes"])]
to_planes = [helper.make_node("Transpose", ["data"], ["planes"], perm=[0, 3, 1, 2])]
save("good", as_is + core, [value("data", ["n", 3, SIDE, SIDE])], [value("embedding", ["n", 8])], weights)
save("fixed-batch", as_is + core, [value("data", [1, 3, SIDE, SIDE])], [value("embedding", [1, 8])], weights)
save("nhwc", to_planes + core, [value("data", ["n", SIDE, SIDE, 3])], [value("embedding", ["n", 8])], weights)
(here / "external.onnx.data").unlink(missing_ok=True)
save(
    "external",
    as_is + core,
    [value("data", ["n", 3, SIDE, SIDE])],
    [value("embedding", ["n", 8])],
    weights,
    save_as_external_data=True,
    location="external.onnx.data",
    size_threshold=0,
)

# Operators that some engines lack: Erf our own, ThresholdedRelu all but ONNX Runtime, Mystery every one.
for name, node in [
    ("erf", helper.make_node("Erf", ["embedding"], ["answer"])),
    ("thresholded-relu", helper.make_node("ThresholdedRelu", ["embedding"], ["answer"], alpha=0.125)),
    ("mystery", helper.make_node("Mystery", ["embedding"], ["answer"], domain="example")),
]:
    save(
        name,
        as_is + core + [node],
        [value("data", ["n", 3, SIDE, SIDE])],
        [value("answer", ["n", 8])],
        weights,
        domain=node.domain or None,
    )

# The root of the mean less 20: not a number for dark pictures.
save(
    "nan",
    [
        helper.make_node("GlobalAveragePool", ["data"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["mean"]),
        helper.make_node("Sub", ["mean", "floor"], ["above"]),
        helper.make_node("Sqrt", ["above"], ["embedding"]),
    ],
    [value("data", ["n", 3, SIDE, SIDE])],
    [value("embedding", ["n", 3])],
    [("floor", np.float32([20.0]))],
)
save(
    "two-inputs",
    [helper.make_node("Add", ["a", "b"], ["sum"])],
    [value("a", ["n", 3, SIDE, SIDE]), value("b", ["n", 3, SIDE, SIDE])],
    [value("sum", ["n", 3, SIDE, SIDE])],
)
save("flat-input", [helper.make_node("Relu", ["a"], ["b"])], [value("a", ["n", 3])], [value("b", ["n", 3])])
save(
    "integers",
    [helper.make_node("Cast", ["a"], ["b"], to=TensorProto.FLOAT)],
    [value("a", ["n", 3, SIDE, SIDE], TensorProto.INT64)],
    [value("b", ["n", 3, SIDE, SIDE])],
)
save("maps", [helper.make_node("Relu", ["a"], ["b"])], [value("a", ["n", 3, SIDE, SIDE])], [value("b", ["n", 3, SIDE, SIDE])])
huge = 10_000_000
save("huge", [helper.make_node("Relu", ["a"], ["b"])], [value("a", ["n", 3, huge, huge])], [value("b", ["n", 3, huge, huge])])

batch = np.stack([picture(seed, SIDE).transpose(2, 0, 1) for seed in range(3)])
for name in ["good", "erf", "thresholded-relu"]:
    session = onnxruntime.InferenceSession(here / f"{name}.onnx", providers=["CPUExecutionProvider"])
    answer = session.run(None, {"data": batch})[0].astype(np.float64)
    answer /= np.linalg.norm(answer, axis=1, keepdims=True)
    (here / f"{name}.json").write_text(json.dumps(answer.tolist()) + "\n")
print(onnx.__version__, onnxruntime.__version__)
